"""What an earlier version stored is read by this one, and goes on. `stored_earlier.json` was written by that version itself."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from siphub.errors import Invalid
from siphub.model import parse_message
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonRef
from siphub.model.messages import consent as c
from siphub.model.upcast import case
from siphub.testing.desk import Desk
from siphub.testing.story import Story

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("stored_earlier.json").read_text("utf-8"))
UNITS = (p.HOME_CARE, p.CARE_CENTRE)


def lifted(document: object) -> SipCase:
    """Return a stored case as it is read now."""
    return SipCase.model_validate_json(case(json.dumps(document).encode()))


def going_on(found: SipCase) -> Desk:
    """Return a desk on which an earlier case goes on."""
    desk = Desk(now=found.consents[0].at + timedelta(days=1), case=found)
    meeting, plan = found.meetings[0].id, found.plan.id if found.plan else UUID(int=1)
    desk.story = Story(desk.send, now=desk.now, case_id=found.case_id, meeting_id=meeting, plan_id=plan)
    return desk


def test_a_case_that_consented_to_a_plan_goes_on_with_it() -> None:
    """Given a case from before the consent to a plan was kept apart, when it is read, then the plan goes on to be established."""
    found = lifted(EARLIER["case"])
    assert found.plan_consent is not None
    assert (found.plan_consent.message_id, found.plan_consent.until) == (found.consents[0].message_id, None)
    desk = going_on(found)
    desk.story.proposed(UNITS, 2)
    for index, unit in enumerate(UNITS, start=1):
        desk.story.confirmed(unit, f"a{index}", 2)
    desk.story.established(UNITS, 2)
    assert (desk.last.code, desk.state) == (None, "ACTIVE")


def test_a_no_to_a_plan_stays_one() -> None:
    """Given a case whose individual had said no to a plan, when it is read, then there is still none; adding the plan is what makes one."""
    desk = going_on(lifted(EARLIER["without_a_plan"]))
    desk.story.proposed(UNITS)
    assert desk.last.code == "plan.no_consent"
    desk.story.say(c.ConsentAmended(add_scopes=("plan",), obtained_by=desk.story.eva, obtained_on=desk.now.date()))
    desk.story.proposed(UNITS)
    assert desk.last.code is None


@pytest.mark.parametrize(
    ("opened_by", "contact", "known"),
    [
        ("sip.requested", 0, 1),
        ("sip.requested", 1, 2),
        ("sip.proposed", 1, 2),
        ("sip.initiated", 0, 2),
        ("sip.initiated", 1, 2),
        ("inpatient.admitted", 0, 0),
        (None, 0, 0),
    ],
)
def test_who_sent_and_received_an_earlier_request_is_who_was_in_the_case_first(opened_by: str | None, contact: int, known: int) -> None:
    """Given an earlier case, when it is read, then those who were in it first sent and received its request, and nobody who was only called."""
    units = EARLIER["case"]["units"]
    found = lifted({**EARLIER["case"], "opened_by": opened_by, "contact": units[contact]})
    assert found.requesters == found.units[:known]


def test_of_an_earlier_meeting_nobody_knows_that_it_rested_on_consent_alone() -> None:
    """Given an earlier case with a meeting, when it is read, then somebody may have been called to it without a consent, so no withdrawal ends it."""
    desk = Desk()
    desk.story.ready(UNITS)
    desk.story.summoned(UNITS)
    stored = json.loads(desk.open.model_dump_json())
    del stored["requesters"], stored["meetings"][0]["assessed"]
    assert [found.assessed for found in lifted(stored).meetings] == [True]
    assert [found.assessed for found in lifted(json.loads(desk.open.model_dump_json())).meetings] == [False]


@pytest.mark.parametrize("by", [None, PersonRef("guardian/1"), PersonRef("representative/1")])
def test_who_gave_an_earlier_consent_is_not_known_so_anybody_takes_it_back(by: PersonRef | None) -> None:
    """Given an earlier consent, of which nobody kept who gave it, when somebody takes it back, then it is (fail safe)."""
    desk = going_on(lifted(EARLIER["case"]))
    desk.story.withdrawn(person=by)
    assert (desk.state, desk.open.plan_consent, desk.scopes_of(p.HOME_CARE)) == ("SUSPENDED_NO_CONSENT", None, {})


@pytest.mark.parametrize(("ends", "until"), [((10, 20), 20), ((10, None), None)])
def test_an_earlier_consent_to_a_plan_lasts_as_long_as_it_did(ends: tuple[int | None, ...], until: int | None) -> None:
    """Given grants of a plan that end at different times, then the consent lasts as long as the last of them, as it did."""
    document = json.loads(json.dumps(EARLIER["case"]))
    at = datetime.fromisoformat(document["consents"][0]["at"])
    for grant, days in zip((grant for grant in document["grants"] if grant["scope"] == "plan"), ends, strict=True):
        grant["until"] = (at + timedelta(days=days)).isoformat() if days else None
    found = lifted(document).plan_consent
    assert found is not None
    assert found.until == (at + timedelta(days=until) if until else None)


def test_what_this_version_stores_is_read_as_it_is() -> None:
    """Given a case of today, without a consent to a plan, then nothing is made up."""
    stored = lifted(EARLIER["case"]).model_copy(update={"plan_consent": None}).model_dump_json().encode()
    assert case(stored) is stored


def test_a_message_is_read_back_by_the_rules_it_came_under() -> None:
    """Given a stored request that says no number to call, then it is read; one that comes in today is not taken."""
    body = json.dumps(EARLIER["request"]).encode()
    assert parse_message(body, stored=True).type == "sip.requested"
    with pytest.raises(Invalid):
        parse_message(body)
