"""One answer for everybody who is not on the individual's side: whoever the person is, and whatever was decided (R3).

What differs between a person who is known, unknown, refusing or protected would tell which of these they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.model import CATALOGUE, Message, sample
from siphub.model import people as p
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages import request as rq
from siphub.model.person import CasePerson
from siphub.policy import disclosure, protection
from siphub.policy.disclosure import Covered
from siphub.policy.routing import Route
from siphub.testing.desk import OUTSIDE, Desk

SISTER, BROTHER, FATHER = PersonRef("relative/1"), PersonRef("relative/2"), PersonRef("guardian/1")
OTHERS: tuple[UnitId | PersonRef, ...] = (SISTER, BROTHER, FATHER, p.FK, p.AF, p.CARE_CENTRE, OUTSIDE)
"""Two relatives, one of them objected to, a guardian who may not know where the individual is, two agencies, a care unit, an association:
nobody of the individual's side, and not the contact, who has it in its own records."""
IDS = ("message_id", "case_id", "sent_at", "recipients")


def plain(_: Desk) -> None:
    """Leave the person as somebody known, of whom nothing special is to be said."""


def protected(desk: Desk) -> None:
    """Let the person be protected."""
    assert desk.open.subject is not None
    subject = desk.open.subject.model_copy(update={"protection": "protected_registration"})
    desk.case = desk.open.model_copy(update={"subject": subject})


def unknown(desk: Desk) -> None:
    """Let nobody know who it is about."""
    desk.case = desk.open.model_copy(update={"subject": None})


def refused(desk: Desk) -> None:
    """Let the individual say no."""
    desk.story.refused()


def consenting(desk: Desk) -> None:
    """Let the individual say yes to everybody."""
    desk.story.consented([p.HOME_CARE, p.FORSAKRINGSKASSAN])


def not_needed(desk: Desk) -> None:
    """Let no plan be needed."""
    content = sample("need.assessed").content
    assert isinstance(content, rq.NeedAssessed)
    desk.story.say(content.model_copy(update={"needed": False}))


PERSONS: Mapping[str, Callable[[Desk], None]] = {
    found.__name__: found for found in (plain, protected, unknown, refused, consenting, not_needed)
}


def answered(person: str, decision: Literal["start", "decline"] = "decline", reason: str = "no-need", **more: Any) -> dict[str, Any]:
    """Return what each of the others would read, and in which state its delivery begins, for a person of some sort."""
    desk = Desk()
    desk.story.requested()
    sister = CasePerson(ref=SISTER, name="Siv Provsdotter", address_lines=("Sjövägen 1", "123 45 Norrby"))
    desk.directory = desk.directory.model_copy(
        update={
            "organisations": tuple(
                found.model_copy(update={"letters": desk.directory.units[0].address}) for found in desk.directory.organisations
            )
        }
    )
    brother = CasePerson(ref=BROTHER, name="Bror Provsson", address_lines=("Brorsgatan 3", "123 45 Norrby"), objection=True)
    father = CasePerson(ref=FATHER, name="Frans Provsson", address_secret=True)
    desk.case = desk.open.model_copy(update={"people": (sister, brother, father)})
    PERSONS[person](desk)
    content = rq.RequestAnswered(
        decision=decision, reason=reason, contact_name="Eva Kontakt", contact_phone="090-123 45 67", answered_on=p.DAY
    )
    message = desk.story.message(content, OTHERS, **more)
    desk.send(message)
    assert desk.last.code is None, desk.last.code
    return {route.recipient: (route.state, route.reason, route.kind, text(desk, message, route)) for route in desk.last.routes}


def text(desk: Desk, message: Message, route: Route) -> str | None:
    """Return the bytes' text a recipient would read, apart from ids and times."""
    rule = disclosure.rule_for(message.type, (route.kind,))
    assert rule is not None
    if protection.held(message, rule, desk.open, route.recipient, desk.directory) is not None:
        return None
    cut = disclosure.cut(message, rule, recipient=route.recipient, covered=Covered("no_person_data", frozenset()), directory=desk.directory)
    document = protection.guarded(cut.document, message, desk.open, route.recipient, desk.directory)
    assert document is not None
    return json.dumps({key: value for key, value in document.items() if key not in IDS}, sort_keys=True)


@pytest.mark.parametrize("person", sorted(PERSONS))
def test_the_receipt_is_the_same_whoever_the_person_is(person: str) -> None:
    """Given a person of each sort, when a request is answered, then everybody else gets what they would get for anybody, as soon (R3)."""
    assert answered(person) == answered("plain")
    assert {state for state, *_ in answered(person).values()} == {"queued"}


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(PERSONS)),
    st.sampled_from(["start", "decline"]),
    st.sampled_from(["agreed", "no-need", "not-ours"]),
    st.sampled_from(["open-logistics", "person-data", "sensitive"]),
    st.booleans(),
    st.sampled_from([None, "SN 2026-117"]),
    st.sampled_from([None, p.NOON + timedelta(days=3)]),
)
def test_nothing_the_sender_writes_shows_in_it(
    person: str, decision: Literal["start", "decline"], reason: str, classification: str, ack: bool, number: str | None, expires: Any
) -> None:
    """Given any person, decision, reason and envelope, then the receipt is that of a plain no to anybody: nothing of these shows."""
    more = {"classification": classification, "ack_requested": ack, "registry_number": number, "expires_at": expires}
    assert answered(person, decision, reason, **more) == answered("plain")


def test_the_receipt_says_received_and_nothing_else() -> None:
    """Given persons of each sort, then the receipt's content is one word, one text for whoever is a person and one for whoever is a unit."""
    read = {(isinstance(who, PersonRef), found) for person in PERSONS for who, (*_, found) in answered(person).items()}
    assert len(read) == len({found for _, found in read}) == 2
    for person, found in read:
        told = json.loads(found)
        assert told.pop("content") == {"receipt": "received"}
        assert set(told) == ({"schema_version", "type"} if person else {"schema_version", "type", "owner", "sender"})


def test_of_the_case_whoever_is_objected_to_gets_the_receipt_alone() -> None:
    """Given a relative the individual objects to, then of every type but the receipt and what calls back there is no rule for them (REQ-47)."""
    found = {name for name in CATALOGUE if disclosure.rule_for(name, ("other_person",))}
    assert found == {"sip.request.answered", "stop.notice", "delivery.failed"}


def test_the_guardian_of_a_child_who_has_come_of_age_is_a_stranger() -> None:
    """Given a guardian who may read, when the child has come of age, then what is left for them is what a stranger gets (R3)."""
    desk = Desk()
    desk.story.requested()
    guardian = PersonRef("guardian/1")
    desk.case = desk.open.model_copy(update={"people": (CasePerson(ref=guardian, name="Maj Provsdotter"),)})
    message = sample("sip.request.answered")
    grown = p.DAY.replace(year=p.DAY.year + 18)
    assert disclosure.kinds_of(guardian, desk.open, desk.directory, message, p.DAY) == ("guardian",)
    assert disclosure.kinds_of(guardian, desk.open, desk.directory, message, grown) == ("other_person",)
