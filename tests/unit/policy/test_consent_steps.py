"""What each consent event leaves on record and grants, whole: who, when, how, towards whom, until when, and what it rests on."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from siphub.model import people as p
from siphub.model.case import ConsentChange, ConsentRecord, Grant, PlanConsent
from siphub.model.identifiers import PersonRef
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson
from siphub.policy import consent
from siphub.policy.refusal import Refusal
from siphub.policy.step import Narrowed, OpenWork
from siphub.testing import chapters
from siphub.testing.desk import Desk

SCOPES: tuple[c.Scope, ...] = ("meeting", "information_exchange")
SOON, LATE = p.NOON + timedelta(days=10), p.NOON + timedelta(days=90)


@pytest.fixture
def asked(desk: Desk) -> Desk:
    """Give a case that has been asked for and nothing more."""
    desk.story.requested()
    return desk


def yes(desk: Desk, *parties: c.Party, scopes: tuple[c.Scope, ...] = SCOPES, **more: object) -> UUID:
    """Record a consent, and return its message's id."""
    fields = {
        "scopes": scopes,
        "parties": parties,
        "mode": "written",
        "given_by": desk.story.own_word,
        "capacity": c.Capacity(state="able"),
        "obtained_by": desk.story.eva,
        "obtained_on": p.DAY,
        "documented_in_record": True,
    }
    desk.story.say(c.ConsentGiven.model_validate({**fields, **more}))
    return desk.story.sent[-1].message_id


YES_AHEAD = Refusal("date.ahead", "invalid", "/content/obtained_on")


def test_a_yes_of_a_day_that_has_not_come_is_none(asked: Desk) -> None:
    """Given a yes of tomorrow, or of the day a child comes of age, then it is refused; of today in Sweden, though not yet in UTC, it is taken."""
    for later in (p.DAY + timedelta(days=1), p.DAY + timedelta(days=5000)):
        assert asked.refused(partial(yes, asked, c.Party(party=p.HOME_CARE), obtained_on=later)) == YES_AHEAD
    asked.now = p.NOON.replace(hour=23, minute=30)
    yes(asked, c.Party(party=p.HOME_CARE), obtained_on=p.DAY + timedelta(days=1))
    assert asked.last.refusal is None


@pytest.mark.parametrize("delta", [{"add_parties": (c.Party(party=p.CARE_CENTRE),)}, {"add_scopes": ("plan",)}])
def test_an_addition_of_a_day_that_has_not_come_is_none(prepared: Desk, delta: dict[str, Any]) -> None:
    """Given something added to a consent tomorrow, then it is refused; something taken away is taken away whatever the day says."""
    tomorrow = {"obtained_on": p.DAY + timedelta(days=1)}
    assert prepared.refused(lambda: amend(prepared, **delta, **tomorrow)) == YES_AHEAD
    amend(prepared, remove_parties=(p.HOME_CARE,), **tomorrow)
    assert prepared.last.refusal is None
    assert prepared.scopes_of(p.HOME_CARE) == {}


def amend(desk: Desk, **delta: object) -> UUID:
    """Record an amendment, and return its message's id."""
    desk.story.say(c.ConsentAmended.model_validate({"obtained_by": desk.story.eva, "obtained_on": p.DAY, **delta}))
    return desk.story.sent[-1].message_id


def take_back(desk: Desk, **extent: object) -> UUID:
    """Record a withdrawal, and return its message's id."""
    desk.story.say(c.ConsentWithdrawn.model_validate({"received_by": desk.story.eva, "at": desk.now, **extent}))
    return desk.story.sent[-1].message_id


def granted(scope: str, party: str, *rests_on: UUID, direction: Any = "both", **more: object) -> Grant:
    """Return a grant from noon on."""
    return Grant.model_validate({"scope": scope, "party": party, "direction": direction, "since": p.NOON, "rests_on": rests_on, **more})


def told(scope: str, party: str, event: str, until: datetime | None = None) -> ConsentChange:
    """Return what was done to one scope towards one party."""
    return ConsentChange(scope=scope, party=party, event=event, until=until)  # type: ignore[arg-type]  # the party is a unit's or an agency's number


def test_a_yes_is_kept_whole(asked: Desk) -> None:
    """Given a consent with all that can be said of it, then the record has it, the grants rest on it, and the plan's own consent stands apart (REQ-45)."""
    more = {"document_ref": "akt 7", "excluded_information": "Ingenting om hälsan.", "registered_at_af": "yes", "valid_until": LATE}
    parties = (c.Party(party=p.HOME_CARE), c.Party(party=p.FK, direction="to"))
    changed, _ = asked.did(lambda: yes(asked, *parties, scopes=("meeting", "plan"), **more))
    said = asked.story.sent[-1].message_id
    pairs = [(scope, party) for scope in ("meeting", "plan") for party in parties]
    assert changed["grants"] == tuple(granted(scope, party.party, said, direction=party.direction, until=LATE) for scope, party in pairs)
    record = ConsentRecord(
        message_id=said,
        decision="permit",
        at=asked.now,
        obtained_by=p.CONTACT,
        obtained_by_name="Eva Kontakt",
        obtained_on=p.DAY,
        mode="written",
        scopes=("meeting", "plan"),
        given_by=asked.story.own_word,
        until=LATE,
        documented_in_record=True,
        document_ref="akt 7",
        excluded_information="Ingenting om hälsan.",
        registered_at_af="yes",
        changes=tuple(told(scope, party.party, "consent.given", LATE) for scope, party in pairs),
    )
    assert changed["consents"] == (record,)
    plan = PlanConsent(
        message_id=said, given_by=asked.story.own_word, mode="written", obtained_by=p.CONTACT, obtained_on=p.DAY, at=asked.now, until=LATE
    )
    assert changed["plan_consent"] == plan


def test_a_newer_yes_takes_the_place_of_the_same_alone(asked: Desk) -> None:
    """Given a yes to two units, when one of them gets another for one scope, then that stands, the rest is as it was, and only it is told."""
    first = yes(asked, c.Party(party=p.HOME_CARE), c.Party(party=p.CARE_CENTRE))
    second = yes(asked, c.Party(party=p.HOME_CARE), scopes=("meeting",), valid_until=SOON)
    assert asked.open.grants == (
        granted("meeting", p.CARE_CENTRE, first),
        granted("information_exchange", p.HOME_CARE, first),
        granted("information_exchange", p.CARE_CENTRE, first),
        granted("meeting", p.HOME_CARE, second, until=SOON),
    )
    assert asked.open.consents[-1].changes == (told("meeting", p.HOME_CARE, "consent.given", SOON),)
    assert asked.open.plan_consent is None


@pytest.mark.parametrize(
    ("scopes", "left", "plan"),
    [((), set(), False), (("plan",), {"meeting", "information_exchange"}, False), (("meeting",), {"plan", "information_exchange"}, True)],
)
def test_a_no_is_kept_and_takes_what_it_names(asked: Desk, scopes: tuple[c.Scope, ...], left: set[str], plan: bool) -> None:
    """Given a yes to plan and meeting, when the answer becomes no to all or to a part, then the record has it, and just that is gone (C2)."""
    yes(asked, c.Party(party=p.HOME_CARE), scopes=("plan", *SCOPES))
    before = asked.open.plan_consent
    asked.story.refused(scopes)
    no = asked.story.sent[-1].message_id
    assert asked.open.consents[-1] == ConsentRecord(
        message_id=no,
        decision="deny",
        at=asked.now,
        obtained_by=p.CONTACT,
        obtained_by_name="Eva Kontakt",
        obtained_on=p.DAY,
        scopes=scopes,
    )
    assert {grant.scope for grant in asked.open.grants} == left
    assert asked.open.plan_consent == (before if plan else None)


class TestAmended:
    def test_what_is_added_rests_on_what_there_is(self, asked: Desk) -> None:
        """Given two consents with different ends, when a unit and a scope are added, then each lasts and rests as what it is added to (REQ-39)."""
        first = yes(asked, c.Party(party=p.HOME_CARE), scopes=("meeting",), valid_until=LATE)
        second = yes(asked, c.Party(party=p.HOME_CARE), scopes=("information_exchange",), valid_until=SOON)
        asked.later(timedelta(hours=1))
        new = amend(asked, add_parties=(c.Party(party=p.CARE_CENTRE, direction="from"),), add_scopes=("plan",))
        since = {"since": asked.now}
        assert asked.open.grants == (
            granted("meeting", p.HOME_CARE, first, until=LATE),
            granted("information_exchange", p.HOME_CARE, second, until=SOON),
            granted("meeting", p.CARE_CENTRE, first, until=LATE, direction="from", **since),
            granted("information_exchange", p.CARE_CENTRE, second, until=SOON, direction="from", **since),
            granted("plan", p.CARE_CENTRE, first, second, until=SOON, direction="from", **since),
            granted("plan", p.HOME_CARE, first, second, until=SOON, **since),
        )
        assert asked.open.consents[-1] == ConsentRecord(
            message_id=new,
            decision="amend",
            at=asked.now,
            obtained_by=p.CONTACT,
            obtained_by_name="Eva Kontakt",
            obtained_on=p.DAY,
            scopes=("plan",),
            changes=(
                told("meeting", p.CARE_CENTRE, "consent.amended:added", LATE),
                told("information_exchange", p.CARE_CENTRE, "consent.amended:added", SOON),
                told("plan", p.CARE_CENTRE, "consent.amended:added", SOON),
                told("plan", p.HOME_CARE, "consent.amended:added", SOON),
            ),
        )
        plan = asked.open.plan_consent
        assert plan is not None
        assert (plan.message_id, plan.until, plan.at) == (second, SOON, p.NOON)

    def test_what_is_taken_away_is_told(self, asked: Desk) -> None:
        """Given three units, when one is taken out and a scope is taken from all, then just that is gone, and each loss is told."""
        said = yes(asked, *(c.Party(party=unit) for unit in (p.HOME_CARE, p.CARE_CENTRE)), scopes=("plan", *SCOPES))
        changed, effects = asked.did(lambda: amend(asked, remove_parties=(p.CARE_CENTRE,), remove_scopes=("plan",)))
        assert changed["grants"] == (granted("meeting", p.HOME_CARE, said), granted("information_exchange", p.HOME_CARE, said))
        assert effects == (Narrowed(),)
        assert changed["plan_consent"] is None
        gone = [("plan", p.HOME_CARE), ("plan", p.CARE_CENTRE), ("meeting", p.CARE_CENTRE), ("information_exchange", p.CARE_CENTRE)]
        assert asked.open.consents[-1].changes == tuple(told(scope, party, "consent.amended:removed") for scope, party in gone)

    def test_a_plan_that_is_consented_to_is_not_consented_to_again(self, asked: Desk) -> None:
        """Given a consent to a plan, when the plan is added once more, then the consent to it is the first; one that ran out is taken up anew."""
        first = yes(asked, c.Party(party=p.HOME_CARE), scopes=("plan", *SCOPES), valid_until=SOON)
        yes(asked, c.Party(party=p.CARE_CENTRE))
        amend(asked, add_scopes=("plan",))
        assert asked.open.plan_consent is not None
        assert asked.open.plan_consent.message_id == first
        asked.later(timedelta(days=10))
        amend(asked, add_scopes=("plan",))
        assert asked.open.plan_consent.message_id != first
        assert asked.open.plan_consent.until is None

    def test_an_amendment_of_something_else_leaves_the_plan_alone(self, asked: Desk) -> None:
        """Given a consent to a plan, when another scope is added, then the consent to the plan is as it was."""
        yes(asked, c.Party(party=p.HOME_CARE), scopes=("plan", *SCOPES))
        before = asked.open.plan_consent
        amend(asked, add_scopes=("invite",))
        assert asked.open.plan_consent == before

    def test_nothing_is_added_to_nothing(self, asked: Desk) -> None:
        """Given no consent in force, when a party or a scope is added, then that is refused, and so is an organisation that cannot be named."""
        nothing = Refusal("consent.nothing_to_amend", "conflict", "/type")
        assert asked.refused(lambda: amend(asked, add_parties=(c.Party(party=p.HOME_CARE),))) == nothing
        assert asked.refused(lambda: amend(asked, add_scopes=("plan",))) == nothing
        yes(asked, c.Party(party=p.HOME_CARE))
        whole = Refusal("consent.organisation", "invalid", "/content/add_parties/0/party")
        assert asked.refused(lambda: amend(asked, add_parties=(c.Party(party=p.REGION),))) == whole

    def test_nobody_is_added_beyond_the_ground(self, asked: Desk) -> None:
        """Given a child's own consent to the municipality's measure, when a unit of the region is added, then that is refused (SoL 21:1)."""
        yes(asked, c.Party(party=p.HOME_CARE))
        record = asked.open.consents[-1]
        given = asked.story.own_word.model_copy(update={"ground": "child_15"})
        asked.case = asked.open.model_copy(update={"consents": (record.model_copy(update={"given_by": given}),)})
        refusal = Refusal("consent.ground_parties", "invalid", "/content/add_parties/1/party")
        added = (c.Party(party=p.CONTACT), c.Party(party=p.CARE_CENTRE))
        assert asked.refused(lambda: amend(asked, add_parties=added)) == refusal


class TestParties:
    @pytest.mark.parametrize("ref", ["individual", "guardian/1", "representative/1"])
    def test_those_of_ones_own_side_need_none(self, asked: Desk, ref: str) -> None:
        """Given a consent to the individual or whoever stands for them, then it is refused at that party: they need none."""
        refusal = Refusal("consent.own_side", "invalid", "/content/parties/1/party")
        assert asked.refused(lambda: yes(asked, c.Party(party=p.HOME_CARE), c.Party(party=PersonRef(ref), direction="to"))) == refusal

    def test_a_relative_who_is_objected_to_is_given_none(self, asked: Desk) -> None:
        """Given two relatives of whom one is objected to, then a consent to that one is refused, and one to the other is taken."""
        people = (
            CasePerson(ref=chapters.SISTER, name="Siv Provsdotter", objection=True),
            CasePerson(ref=chapters.BROTHER, name="Bror Provsson"),
        )
        chapters.approved(asked.story, (p.HOME_CARE,), people)
        objected = Refusal("consent.relative_objected", "conflict", "/content/parties/0/party")
        assert asked.refused(lambda: yes(asked, c.Party(party=chapters.SISTER, direction="to"), scopes=("copy_to_relative",))) == objected
        yes(asked, c.Party(party=chapters.BROTHER, direction="to"), scopes=("copy_to_relative",))
        assert asked.last.code is None


class TestWithdrawn:
    def test_it_is_kept_without_a_reason(self, prepared: Desk) -> None:
        """Given a withdrawal from one unit, then the record has who received it, and each thing that is gone is told (REQ-44)."""
        before = [grant for grant in prepared.open.grants if grant.party == p.HOME_CARE and grant.scope != "participant"]
        kept = tuple(grant for grant in prepared.open.grants if grant.party != p.HOME_CARE)
        plan = prepared.open.plan_consent
        changed, effects = prepared.did(lambda: take_back(prepared, extent="parties", parties=(p.HOME_CARE,)))
        assert (changed["grants"], effects, prepared.open.plan_consent) == (kept, (Narrowed(),), plan)
        assert prepared.open.consents[-1] == ConsentRecord(
            message_id=prepared.story.sent[-1].message_id,
            decision="withdraw",
            at=prepared.now,
            obtained_by=p.CONTACT,
            obtained_by_name="Eva Kontakt",
            changes=tuple(told(grant.scope, grant.party, "consent.withdrawn") for grant in before),
        )

    def test_a_scope_taken_back(self, prepared: Desk) -> None:
        """Given a withdrawal of the plan, then no unit has it and there is no consent to one; everybody takes part still."""
        chosen = [grant for grant in prepared.open.grants if grant.scope == "participant"]
        changed, _ = prepared.did(lambda: take_back(prepared, extent="scopes", scopes=("plan",)))
        assert changed["plan_consent"] is None
        assert {grant.scope for grant in changed["grants"]} == {"meeting", "information_exchange", "invite", "participant"}
        assert [grant for grant in changed["grants"] if grant.scope == "participant"] == chosen
        assert prepared.open.consents[-1].scopes == ("plan",)

    def test_by_somebody_whose_word_it_never_needed(self, prepared: Desk) -> None:
        """Given an adult's own consent, when a relative takes it back, then nothing changes but the record, and the coordinator is told."""
        people = (CasePerson(ref=chapters.SISTER, name="Siv Provsdotter"),)
        chapters.approved(prepared.story, (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE), people)
        grants, plan = prepared.open.grants, prepared.open.plan_consent
        changed, effects = prepared.did(lambda: take_back(prepared, by=chapters.SISTER))
        assert (set(changed), effects) == ({"consents"}, (OpenWork("consent.withdrawal_not_needed", p.CONTACT),))
        assert (prepared.open.grants, prepared.open.plan_consent) == (grants, plan)
        record = prepared.open.consents[-1]
        assert (record.taken_back_by, record.changes) == (chapters.SISTER, ())

    @pytest.mark.parametrize(
        ("named", "by", "gone"),
        [
            ("representative/1", "representative/1", True),
            (None, "representative/1", True),
            ("representative/1", "representative/2", False),
            ("representative/1", "relative/1", False),
        ],
    )
    def test_a_representatives_is_taken_back_by_that_one(self, asked: Desk, named: str | None, by: str, gone: bool) -> None:
        """Given a god man's yes, when somebody takes it back, then it is gone, but not where another is known to have given it (section 6)."""
        word = c.GivenBy(kind="god_man", ground="mandate", representative=PersonRef(named) if named else None)
        yes(asked, c.Party(party=p.HOME_CARE), given_by=word)
        before = asked.open.grants
        take_back(asked, by=PersonRef(by))
        assert asked.open.grants == (() if gone else before)
        assert (asked.last.effects == (OpenWork("consent.withdrawal_not_needed", p.CONTACT),)) is not gone

    @pytest.mark.parametrize("known", [True, False])
    def test_one_that_rests_on_nothing_known_is_taken_back_by_anybody(self, prepared: Desk, known: bool) -> None:
        """Given grants of which nobody knows who gave them, when somebody takes them back, then they are gone: fail safe."""
        if not known:
            prepared.case = prepared.open.model_copy(update={"consents": ()})
        take_back(prepared, by=chapters.SISTER)
        left = {grant.scope for grant in prepared.open.grants}
        assert (left == set()) == (not known)


@pytest.mark.parametrize(("scopes", "left"), [(("meeting",), "part"), (SCOPES, "part"), (("plan", "invite", *SCOPES), "all")])
def test_what_runs_out_is_noticed_once(active: Desk, scopes: tuple[str, ...], left: str) -> None:
    """Given consents of which some or all run out now, then these are noticed, what rested on them stops, and the coordinator has work, once."""
    until = active.now + timedelta(days=1)
    grants = tuple(grant.model_copy(update={"until": until}) if grant.scope in scopes else grant for grant in active.open.grants)
    case = active.open.model_copy(update={"grants": grants})
    assert consent.expired(case, until - timedelta(seconds=1)) is None
    found = consent.expired(case, until)
    assert found is not None
    state = "ACTIVE" if left == "part" else "SUSPENDED_NO_CONSENT"
    noticed = tuple(grant.model_copy(update={"noticed_at": until}) if grant.scope in scopes else grant for grant in grants)
    expected = case.model_copy(
        update={
            "state": state,
            "resumes": "ACTIVE" if left == "all" else None,
            "grants": noticed,
            "version": case.version + 1,
            "consent_version": case.consent_version + 1,
        }
    )
    assert found.case == expected
    assert found.effects == (Narrowed("basis.consent_expired"), OpenWork("consent.expired", p.CONTACT))
    assert consent.expired(found.case, until + timedelta(days=1)) is None


@pytest.mark.parametrize(("state", "back"), [("SUMMONED", "PREPARING"), ("FOLLOW_UP", "ACTIVE"), ("DRAFTING", "DRAFTING")])
def test_a_case_that_is_suspended_knows_where_it_goes_on(active: Desk, state: Any, back: str) -> None:
    """Given a case that was suspended just now, then it goes on before the meeting nobody can come to; one suspended before keeps its place."""
    before = active.open.model_copy(update={"state": state})
    after = before.model_copy(update={"state": "SUSPENDED_NO_CONSENT"})
    assert consent.suspended(before, after).resumes == back
    assert consent.suspended(after, after) is after
    assert consent.suspended(before, before) is before
