"""What a yes, a no, a change of mind and a withdrawal do to the grants (LIFECYCLE sections 1 to 4, REQ-38 to REQ-47)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.model import people as p
from siphub.model.case import Grant
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.model.messages import consent as c
from siphub.model.messages.request import ParticipantsApproved
from siphub.policy import consent
from siphub.policy.case import Narrowed
from siphub.testing.desk import OUTSIDE, PRIVATE, PROVIDER, Desk

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
YEAR = timedelta(days=365)


def grant(scope: str = "meeting", party: str = p.HOME_CARE, direction: str = "both", until: datetime | None = None) -> Grant:
    """Return a grant."""
    return Grant.model_validate({"scope": scope, "party": party, "direction": direction, "since": p.NOON, "until": until})


def yes(desk: Desk, *parties: c.Party, scopes: tuple[c.Scope, ...] = ("meeting", "information_exchange"), **more: object) -> None:
    """Record a consent to parties as they are given."""
    fields = {
        "scopes": scopes,
        "parties": parties,
        "mode": "oral",
        "given_by": desk.story.own_word,
        "capacity": c.Capacity(state="able"),
        "obtained_by": desk.story.eva,
        "obtained_on": p.DAY,
        "documented_in_record": True,
    }
    desk.story.say(c.ConsentGiven.model_validate({**fields, **more}))


def amend(desk: Desk, **delta: object) -> None:
    """Record an amendment."""
    desk.story.say(c.ConsentAmended.model_validate({"obtained_by": desk.story.eva, "obtained_on": p.DAY, **delta}))


def take_back(desk: Desk, **extent: object) -> None:
    """Record a withdrawal."""
    desk.story.say(c.ConsentWithdrawn.model_validate({"received_by": desk.story.eva, "at": p.NOON, **extent}))


@pytest.fixture
def asked(desk: Desk) -> Desk:
    """Give a case that has been asked for and nothing more."""
    desk.story.requested()
    return desk


# ── given ──


def test_a_consent_grants_each_scope_to_each_party_and_to_nobody_else(asked: Desk) -> None:
    """Given a yes for two scopes to two units, then those four things are granted, and nothing to a third."""
    asked.story.consented(UNITS[:2], ("meeting", "information_exchange"))
    assert [asked.scopes_of(unit) for unit in UNITS] == [{"meeting": "both", "information_exchange": "both"}] * 2 + [{}]
    assert asked.open.consent_version == 2
    assert [record.decision for record in asked.open.consents] == ["permit"]


def test_a_consent_that_is_not_in_the_record_is_somebodys_work_and_counts(asked: Desk) -> None:
    """Given a yes that nobody has written into the journal, then it grants what it says, and the coordinator has work; written down, none (REQ-43)."""
    yes(asked, c.Party(party=p.HOME_CARE), documented_in_record=False)
    assert list(asked.last.work) == ["consent.undocumented"]
    assert set(asked.scopes_of(p.HOME_CARE)) == {"meeting", "information_exchange"}
    yes(asked, c.Party(party=p.HOME_CARE), document_ref="journal 2026-17")
    assert list(asked.last.work) == []
    kept = [(record.documented_in_record, record.document_ref) for record in asked.open.consents]
    assert kept == [(False, None), (True, "journal 2026-17")]


def test_meeting_and_information_exchange_are_both_needed(asked: Desk) -> None:
    """Given a yes to the meeting alone, then nobody can be called; given the other one later, on another day, then they can (REQ-38)."""
    asked.story.consented(UNITS, ("meeting",))
    assert asked.state == "REQUESTED"
    asked.story.consented(UNITS, ("information_exchange",))
    assert asked.state == "PREPARING"


def test_a_consent_that_has_run_out_does_not_make_up_the_pair(asked: Desk) -> None:
    """Given a yes to the meeting until tomorrow, when the yes to the exchange comes the day after, then it is not enough."""
    asked.story.consented(UNITS, ("meeting",), valid_until=asked.now + timedelta(days=1))
    asked.later(timedelta(days=2))
    asked.story.consented(UNITS, ("information_exchange",))
    assert asked.state == "REQUESTED"


@pytest.mark.parametrize("organisation", [p.MUNICIPALITY, p.REGION, PROVIDER, OrganisationNumber("5560360793")])
def test_only_a_state_agency_can_be_named_whole(asked: Desk, organisation: OrganisationNumber) -> None:
    """Given a consent or an amendment that names a municipality, a region, a provider or an unknown organisation, then it is refused."""
    yes(asked, c.Party(party=p.HOME_CARE), c.Party(party=organisation))
    assert asked.last.refusal is not None
    assert (asked.last.refusal.code, asked.last.refusal.pointer) == ("consent.organisation", "/content/parties/1/party")
    asked.story.consented(UNITS)
    amend(asked, add_parties=(c.Party(party=organisation),))
    assert asked.last.code == "consent.organisation"
    assert asked.scopes_of(organisation) == {}


def test_a_state_agency_named_whole_covers_its_units(asked: Desk) -> None:
    """Given a consent to Försäkringskassan as such, when its unit is invited, then it is covered, and Arbetsförmedlingen is not."""
    asked.story.consented([p.FORSAKRINGSKASSAN])
    asked.story.approved([p.FK, p.AF])
    asked.story.invited([p.FK, p.AF])
    assert asked.last.states == {p.FK: ("queued", None), p.AF: ("withheld", "basis.consent_missing")}


def test_whoever_cannot_take_a_position_has_not_said_yes(asked: Desk) -> None:
    """Given a person assessed as unable, when a consent is said to be the person's own, then it is refused; a mandate is taken (A17)."""
    unable = c.Capacity(state="unable", assessed_by=asked.story.eva, assessed_at=p.NOON)
    yes(asked, c.Party(party=p.HOME_CARE), capacity=unable)
    assert asked.last.code == "consent.unable"
    assert asked.open.grants == ()
    yes(asked, c.Party(party=p.HOME_CARE), capacity=unable, given_by=c.GivenBy(kind="god_man", ground="mandate"))
    assert asked.last.code is None


def test_a_party_named_twice_is_granted_once(asked: Desk) -> None:
    """Given a consent that names a unit twice, then each thing is granted once; in two directions, each direction once."""
    yes(asked, c.Party(party=p.HOME_CARE), c.Party(party=p.HOME_CARE), scopes=("meeting",))
    assert len(asked.open.grants) == 1
    yes(asked, c.Party(party=p.HOME_CARE, direction="to"), c.Party(party=p.HOME_CARE, direction="from"), scopes=("meeting",))
    assert sorted(found.direction for found in asked.open.grants) == ["from", "to"]


def test_a_newer_consent_takes_the_older_ones_place(asked: Desk) -> None:
    """Given a yes in both directions, when a yes in one comes for the same, then that is what is granted, and it counts as narrower."""
    yes(asked, c.Party(party=p.HOME_CARE))
    yes(asked, c.Party(party=p.HOME_CARE, direction="to"))
    assert asked.scopes_of(p.HOME_CARE) == {"meeting": "to", "information_exchange": "to"}
    assert Narrowed() in asked.last.effects


# ── refused ──


@pytest.mark.parametrize("scopes", [(), ("plan",), ("meeting", "information_exchange"), ("plan", "information_exchange")])
def test_a_no_is_a_value(asked: Desk, scopes: tuple[c.Scope, ...]) -> None:
    """Given nothing consented to, when the answer is no, to all or to what a SIP needs, then that is the case's state and on record (A2)."""
    asked.story.refused(scopes)
    assert asked.state == "CONSENT_REFUSED"
    assert [record.decision for record in asked.open.consents] == ["deny"]


@pytest.mark.parametrize("scope", ["evaluation_survey", "invite", "copy_to_relative", "meeting_in_absence"])
def test_a_no_to_something_else_is_no_refusal_of_the_sip(asked: Desk, scope: c.Scope) -> None:
    """Given nothing yet, when the person says no to a survey, to inviting, to copies or to absence, then the SIP is still open."""
    asked.story.refused((scope,))
    assert asked.state == "REQUESTED"


def test_a_no_after_a_yes_takes_it_back(prepared: Desk) -> None:
    """Given a consent, when the answer to the plan becomes no, then the plan's grants are gone and the meeting's stay; a whole no takes all."""
    prepared.story.refused(("plan",))
    assert (prepared.state, "plan" in prepared.scopes_of(p.HOME_CARE)) == ("PREPARING", False)
    assert Narrowed() in prepared.last.effects
    prepared.story.refused()
    assert (prepared.state, prepared.open.grants) == ("CONSENT_REFUSED", ())


# ── withdrawn ──


def test_withdrawing_all_leaves_nothing(summoned: Desk) -> None:
    """Given a case that is under way, when all is withdrawn, then no grant is left, no choice of participants, and the coordinator is told."""
    take_back(summoned)
    assert (summoned.open.grants, summoned.state) == ((), "SUSPENDED_NO_CONSENT")
    assert Narrowed() in summoned.last.effects
    assert summoned.last.work == ("consent.withdrawn",)


def test_withdrawing_from_one_party_touches_nobody_else(summoned: Desk) -> None:
    """Given three units, when one is taken out, then the grants of the two others are exactly what they were (A4)."""
    before = [found for found in summoned.open.grants if found.party != p.HOME_CARE]
    take_back(summoned, extent="parties", parties=(p.HOME_CARE,))
    assert list(summoned.open.grants) == before
    assert summoned.state == "SUMMONED"


def test_withdrawing_a_scope_takes_it_from_everybody(summoned: Desk) -> None:
    """Given three units, when the exchange of information is withdrawn, then nobody has it, and the rest stands."""
    take_back(summoned, extent="scopes", scopes=("information_exchange",))
    assert [sorted(summoned.scopes_of(unit)) for unit in UNITS] == [["invite", "meeting", "participant", "plan"]] * 3


@pytest.mark.parametrize(("parties", "scopes"), [(UNITS, ()), ((), ("plan", "meeting", "information_exchange", "invite"))])
def test_withdrawing_all_piece_by_piece_is_withdrawing_all(
    summoned: Desk, parties: tuple[UnitId, ...], scopes: tuple[c.Scope, ...]
) -> None:
    """Given a withdrawal that names every party, or every scope, then the case is suspended as by a withdrawal of all."""
    take_back(summoned, extent="parties" if parties else "scopes", parties=parties, scopes=scopes)
    assert (summoned.state, summoned.last.work) == ("SUSPENDED_NO_CONSENT", ("consent.withdrawn",))


def test_taking_the_last_party_out_by_an_amendment_is_withdrawing_all(summoned: Desk) -> None:
    """Given an amendment that removes every party, then the case is suspended."""
    amend(summoned, remove_parties=UNITS)
    assert summoned.state == "SUSPENDED_NO_CONSENT"


def test_a_withdrawal_is_fail_safe_between_a_unit_and_its_organisation(asked: Desk) -> None:
    """Given a grant to the whole of Försäkringskassan, when it is taken from one of its units, then it is gone; and the other way round."""
    asked.story.consented([p.FORSAKRINGSKASSAN, p.HOME_CARE])
    take_back(asked, extent="parties", parties=(p.FK,))
    assert asked.scopes_of(p.FORSAKRINGSKASSAN) == {}
    asked.story.consented([p.FK])
    take_back(asked, extent="parties", parties=(p.FORSAKRINGSKASSAN,))
    assert asked.scopes_of(p.FK) == {}
    assert asked.scopes_of(p.HOME_CARE) != {}
    take_back(asked, extent="parties", parties=(p.MUNICIPALITY,))
    assert asked.scopes_of(p.HOME_CARE) == {}


def test_a_withdrawal_follows_the_directory_too(asked: Desk) -> None:
    """Given a unit with a region's number that a private provider runs, when either is taken out, then the unit is out."""
    unit = asked.directory.unit(p.CARE_CENTRE)
    assert unit is not None
    run = unit.model_copy(update={"organisation": PROVIDER})
    others = tuple(found for found in asked.directory.units if found.id != p.CARE_CENTRE)
    asked.directory = asked.directory.model_copy(update={"units": (*others, run)})
    for organisation in (PROVIDER, p.REGION):
        asked.story.consented([p.CARE_CENTRE, p.HOME_CARE])
        take_back(asked, extent="parties", parties=(organisation,))
        assert asked.scopes_of(p.CARE_CENTRE) == {}
        assert asked.scopes_of(p.HOME_CARE) != {}


@pytest.mark.req(44)
@pytest.mark.parametrize("unit", UNITS)
def test_any_care_unit_of_the_case_may_receive_a_withdrawal(summoned: Desk, unit: UnitId) -> None:
    """Given a unit that takes part, when the individual withdraws there, then it holds as at the coordinator's (C4)."""
    summoned.story.withdrawn(by=unit)
    assert summoned.open.grants == ()


# ── amended ──


def test_an_added_unit_gets_what_units_of_its_sort_have(asked: Desk) -> None:
    """Given care units with three scopes and an agency with two, when parties are added, then each gets what its own sort has."""
    asked.story.consented([p.HOME_CARE], ("plan", "meeting", "information_exchange"))
    asked.story.consented([p.FK], ("meeting", "invite"))
    amend(asked, add_parties=(c.Party(party=p.CARE_CENTRE, direction="to"), c.Party(party=p.ARBETSFORMEDLINGEN)))
    assert asked.scopes_of(p.CARE_CENTRE) == {"plan": "to", "meeting": "to", "information_exchange": "to"}
    assert asked.scopes_of(p.ARBETSFORMEDLINGEN) == {"meeting": "both", "invite": "both"}


def test_what_care_may_know_is_not_thereby_an_agencys(asked: Desk) -> None:
    """Given consent to care units alone, when an agency is added without a scope, then nothing is granted to it."""
    asked.story.consented([p.HOME_CARE])
    amend(asked, add_parties=(c.Party(party=p.FK),))
    assert asked.scopes_of(p.FK) == {}


@pytest.mark.parametrize("end", [timedelta(days=30), None])
def test_nothing_added_outlasts_the_consent_it_is_added_to(asked: Desk, end: timedelta | None) -> None:
    """Given a consent with an end or without, when a unit or a scope is added, then it has the same end."""
    until = asked.now + end if end else None
    asked.story.consented([p.HOME_CARE], ("meeting", "information_exchange"), valid_until=until)
    amend(asked, add_parties=(c.Party(party=p.CARE_CENTRE), c.Party(party=p.FK)), add_scopes=("plan",))
    assert {found.until for found in asked.open.grants} == {until}
    assert "plan" in asked.scopes_of(p.HOME_CARE)


def test_an_added_scope_goes_no_way_that_the_party_was_not_granted(asked: Desk) -> None:
    """Given parties granted to, from, and different ways for different scopes, when a scope is added, then it goes their common way, or not."""
    yes(asked, c.Party(party=p.HOME_CARE, direction="to"), c.Party(party=p.CARE_CENTRE, direction="from"))
    yes(asked, c.Party(party=p.SOCIAL_SERVICES, direction="to"), scopes=("meeting",))
    yes(asked, c.Party(party=p.SOCIAL_SERVICES, direction="from"), scopes=("information_exchange",))
    amend(asked, add_scopes=("plan",))
    assert [asked.scopes_of(unit).get("plan") for unit in (p.HOME_CARE, p.CARE_CENTRE, p.SOCIAL_SERVICES)] == ["to", "from", None]


def test_an_amendment_adds_to_a_consent_and_cannot_stand_for_one(asked: Desk) -> None:
    """Given no consent, one that was withdrawn or refused, or one that has run out, when an amendment adds, then it is refused."""
    add = {"add_parties": (c.Party(party=p.HOME_CARE),), "add_scopes": ("meeting", "information_exchange")}
    amend(asked, **add)
    assert asked.last.code == "consent.nothing_to_amend"
    asked.story.consented([p.HOME_CARE], valid_until=asked.now + timedelta(hours=1))
    asked.later(timedelta(hours=1))
    amend(asked, **add)
    assert asked.last.code == "consent.nothing_to_amend"
    asked.story.consented([p.HOME_CARE])
    take_back(asked)
    amend(asked, **add)
    assert (asked.last.code, asked.open.grants) == ("consent.nothing_to_amend", ())


def test_taking_away_is_always_taken(asked: Desk) -> None:
    """Given no consent in force, when an amendment only takes away, then it is taken."""
    amend(asked, remove_parties=(p.HOME_CARE,))
    assert asked.last.code is None


def test_adding_a_scope_that_is_there_changes_nothing(asked: Desk) -> None:
    """Given a grant until next year beside one until next month, when its scope is added again, then it keeps its own end."""
    yes(asked, c.Party(party=p.HOME_CARE), scopes=("meeting",), valid_until=p.NOON + YEAR)
    yes(asked, c.Party(party=p.HOME_CARE), scopes=("plan",), valid_until=p.NOON + timedelta(days=30))
    before = asked.open.grants
    amend(asked, add_scopes=("meeting",))
    assert set(asked.open.grants) == set(before)
    assert Narrowed() not in asked.last.effects


def test_a_removed_party_that_is_added_again_must_be_chosen_again(prepared: Desk) -> None:
    """Given a unit taken out and added in one amendment, then it has consent again, but the individual has not chosen it anew (G2)."""
    amend(prepared, remove_parties=(p.HOME_CARE,), add_parties=(c.Party(party=p.HOME_CARE),))
    assert "participant" not in prepared.scopes_of(p.HOME_CARE)
    assert "meeting" in prepared.scopes_of(p.HOME_CARE)
    prepared.story.summoned(UNITS)
    assert prepared.last.states[p.HOME_CARE] == ("withheld", "participant.not_approved")


# ── who takes part ──


@pytest.mark.req(51)
def test_a_new_list_of_participants_replaces_the_old(prepared: Desk) -> None:
    """Given three chosen units, when the individual chooses one of them and another, then just these are chosen (G2)."""
    content = ParticipantsApproved(units=(p.HOME_CARE, p.FK, p.HOME_CARE), approved_on=p.DAY, approved_how="oral")
    prepared.story.say(content)
    chosen = [found.party for found in prepared.open.grants if found.scope == "participant"]
    assert sorted(chosen) == sorted([p.HOME_CARE, p.FK])
    assert Narrowed() in prepared.last.effects


def test_only_the_contact_or_the_coordinator_records_who_is_chosen(summoned: Desk) -> None:
    """Given a unit that takes part, when it sends a list with other units, then it is refused (N2)."""
    before = summoned.open.grants
    content = ParticipantsApproved(units=(p.HOME_CARE, PRIVATE), approved_on=p.DAY, approved_how="oral")
    summoned.story.say(content, by=p.HOME_CARE)
    assert (summoned.last.code, summoned.open.grants) == ("sender.role", before)


# ── narrower, exactly ──


LATE, EARLY = p.NOON + YEAR, p.NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("before", "after", "narrower"),
    [
        ([grant()], [grant()], False),
        ([], [grant()], False),
        ([grant()], [], True),
        ([grant()], [grant(scope="plan")], True),
        ([grant()], [grant(party=p.CARE_CENTRE)], True),
        ([grant(direction="both")], [grant(direction="to")], True),
        ([grant(direction="both")], [grant(direction="to"), grant(direction="from")], False),
        ([grant(direction="to")], [grant(direction="both")], False),
        ([grant(direction="to")], [grant(direction="from")], True),
        ([grant(until=LATE)], [grant(until=EARLY)], True),
        ([grant(until=EARLY)], [grant(until=LATE)], False),
        ([grant(until=EARLY)], [grant()], False),
        ([grant()], [grant(until=LATE)], True),
        ([grant(), grant(scope="plan")], [grant(scope="plan"), grant()], False),
    ],
)
def test_narrower_means_that_something_is_lost(before: list[Grant], after: list[Grant], narrower: bool) -> None:
    """Given grants before and after, then it is narrower exactly where a scope, a party, a direction or time is lost."""
    assert consent.narrowing(tuple(before), tuple(after), "effect") == (("effect",) if narrower else ())


some_grants = st.lists(
    st.builds(
        grant,
        st.sampled_from(["meeting", "plan"]),
        st.sampled_from([p.HOME_CARE, p.FK, p.FORSAKRINGSKASSAN]),
        st.sampled_from(["to", "from", "both"]),
        st.sampled_from([None, EARLY, LATE]),
    ),
    max_size=4,
)


@settings(deadline=None)
@given(some_grants, some_grants)
def test_narrower_agrees_with_asking_about_every_moment(before: list[Grant], after: list[Grant]) -> None:
    """Given any grants before and after, then it is narrower exactly where some question at some moment got yes and now gets no."""

    def allowed(grants: list[Grant]) -> set[tuple[str, str, str, datetime]]:
        moments = (p.NOON, EARLY, LATE)
        return {
            (found.scope, found.party, way, moment)
            for found in grants
            for way in ("to", "from")
            for moment in moments
            if found.direction in {way, "both"} and found.holds(moment)
        }

    assert bool(consent.narrowing(tuple(before), tuple(after), "effect")) == bool(allowed(before) - allowed(after))


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE, p.FK, OUTSIDE, PRIVATE, p.MUNICIPALITY]), min_size=1, max_size=4
    )
)
def test_whoever_is_named_in_a_withdrawal_has_nothing_left(named: list[UnitId | OrganisationNumber]) -> None:
    """Given consent to everybody, when any parties are taken out, then none of these has a grant left, chosen or consented."""
    desk = Desk()
    desk.story.requested()
    desk.story.consented([*UNITS, p.FK, OUTSIDE, PRIVATE])
    desk.story.approved([*UNITS, p.FK, OUTSIDE, PRIVATE])
    take_back(desk, extent="parties", parties=tuple(named))
    for party in named:
        assert desk.scopes_of(party) == {}
        assert not [found for found in desk.open.grants if isinstance(found.party, UnitId) and found.party.organisation == party]


def amended(desk: Desk, **more: object) -> None:
    """Amend the consent."""
    desk.story.say(c.ConsentAmended.model_validate({"obtained_by": desk.story.eva, "obtained_on": p.DAY, **more}))
    assert desk.last.code is None


@pytest.mark.parametrize("before", ["ACTIVE", "CONSENT_REFUSED", "REQUESTED"])
def test_an_amendment_that_makes_a_consent_whole_takes_the_case_on(desk: Desk, before: str) -> None:
    """Given a case that waits for a consent of which there is a part, when the rest is added, then it goes on as by a consent given whole."""
    story = desk.story
    story.requested()
    if before == "CONSENT_REFUSED":
        story.refused()
    if before == "ACTIVE":
        story.consented(UNITS)
        desk.case = desk.open.model_copy(update={"state": "ACTIVE"})
        story.withdrawn()
    waiting = desk.state
    story.consented((p.HOME_CARE,), ("meeting",))
    amended(desk, add_scopes=("evaluation_survey",))
    assert desk.state == waiting
    amended(desk, remove_scopes=("evaluation_survey",))
    assert desk.state == waiting
    amended(desk, add_scopes=("information_exchange",))
    assert (desk.state, desk.open.resumes) == ("ACTIVE" if before == "ACTIVE" else "PREPARING", None)
    amended(desk, remove_parties=(p.HOME_CARE,))
    assert desk.state == "SUSPENDED_NO_CONSENT"
