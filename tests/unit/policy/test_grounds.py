"""Who may consent, on which ground, at which age; and who can take it back (LIFECYCLE section 6; A12, A17)."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any, get_args

import pytest

from siphub.model import Message, Person
from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber, PersonNumber, PersonRef, ReserveNumber, UnitId
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson, PersonNumberIdentity, ReserveNumberIdentity
from siphub.policy import consent, grounds
from siphub.policy.refusal import Refusal
from siphub.policy.step import Narrowed, OpenWork
from siphub.testing.desk import Desk

ADULT = PersonNumber("199001019802")
"""A test number of Skatteverket's range for tests: born 1990-01-01."""
ONE, TWO, THREE = PersonRef("guardian/1"), PersonRef("guardian/2"), PersonRef("guardian/3")
MANDATED = PersonRef("representative/1")
SISTER = PersonRef("relative/1")
MUNICIPAL = (p.HOME_CARE, p.SOCIAL_SERVICES)
EVERYWHERE = (*MUNICIPAL, p.CARE_CENTRE)
DECISION = c.BoardDecision(ref="SN 2026-88", decided_on=p.DAY, measure="samtalsstöd")
NEEDED: dict[str, dict[str, Any]] = {
    "guardians": {"guardians": (ONE,)},
    "cannot_wait": {"cannot_wait": "Utskrivning i morgon."},
    "board_decision": {"board_decision": DECISION},
    "matter": {"matter": "Skolgång och öppenvård."},
    "measure": {"measure": "counselling"},
    "suitability_by": {"suitability_by": {"name": "Eva Kontakt", "unit": p.CONTACT}},
}


def born(years: int, *, days: int = 0) -> Person:
    """Return somebody who turned so many years on the day of the samples, or some days later; the number need not be anybody's."""
    day = date(p.DAY.year - years, p.DAY.month, p.DAY.day + days)
    for serial in range(980, 1000):
        for check in range(10):
            try:
                return Person(identity=PersonNumberIdentity(value=PersonNumber(f"{day:%Y%m%d}{serial}{check}")))
            except ValueError:
                continue
    raise AssertionError


def nobody_knows() -> Person:
    """Return somebody whose number tells no date of birth."""
    return Person(identity=ReserveNumberIdentity(value=ReserveNumber(_undated())))


def _undated() -> str:
    for check in range(10):
        try:
            return ReserveNumber(f"00002040AA1{check}")
        except ValueError:
            continue
    raise AssertionError


def given(kind: str, ground: str | None, *, parties: tuple[UnitId | OrganisationNumber, ...] = EVERYWHERE, **more: Any) -> c.ConsentGiven:
    """Return a yes on a ground, with all that the ground asks for."""
    said: dict[str, Any] = {}
    for name in grounds.FIELDS[ground] if ground else ():
        said |= NEEDED[name]
    if ground == "both_guardians":
        said["guardians"] = (ONE, TWO)
    fields = {
        "scopes": ("meeting", "information_exchange"),
        "parties": tuple(c.Party(party=party) for party in parties),
        "mode": "oral",
        "given_by": c.GivenBy.model_validate({"kind": kind, "ground": ground, **said, **more}),
        "capacity": c.Capacity(state="able"),
        "obtained_by": {"name": "Eva Kontakt", "unit": p.CONTACT},
        "obtained_on": p.DAY,
        "documented_in_record": True,
    }
    return c.ConsentGiven.model_validate(fields)


FIELD = {"relative": "kind", "guardian_unknown": "guardians", "guardian_missing": "guardians", "placement": "measure"}
"""Refusal → the field of who gave it that is wrong; else it is the ground, or who says to have it."""


def judged(content: c.ConsentGiven, who: Person, *people: CasePerson) -> str | None:
    """Return the code a consent is refused with, or None; a refusal points at the field that is wrong."""
    desk = Desk()
    desk.story.requested()
    case = desk.open.model_copy(update={"people": people})
    found = grounds.refuse(content, case, who, desk.directory)
    if found is None:
        return None
    name = found.code.removeprefix("consent.")
    by_kind = {"not_a_child": "guardian", "not_an_adult": "framtidsfullmakt"}.get(name) == content.given_by.kind
    if name not in {"ground_incomplete", "ground_wrong", "ground_parties"}:
        wrong = FIELD.get(name, "kind" if by_kind else "ground")
        assert (found.kind, found.pointer) == ("invalid", f"/content/given_by/{wrong}")
    return found.code


def guardian(ref: PersonRef) -> CasePerson:
    """Return a guardian as the case knows one."""
    return CasePerson(ref=ref, name="Vera Vårdnadshavare")


# ── which ground at which age ──

LAWFUL: dict[tuple[str, str | None], range] = {
    ("individual", "child_12_14"): range(12, 15),
    ("individual", "child_15"): range(15, 18),
    ("individual", "child_mature"): range(12, 18),
    ("individual", "adult"): range(18, 100),
    ("individual", None): range(18, 100),
    **{("guardian", ground): range(18) for ground in grounds.GUARDIANS},
    ("god_man", "mandate"): range(100),
    ("forvaltare", "mandate"): range(100),
    ("framtidsfullmakt", "mandate"): range(18, 100),
}
"""Who, on which ground → at which ages; anything else is refused at every age."""


@pytest.mark.parametrize("years", [0, 5, 11, 12, 14, 15, 17, 18, 40, 90])
@pytest.mark.parametrize(("kind", "ground"), list(product(get_args(c.Giver), (*get_args(c.Ground), None))))
def test_a_ground_holds_exactly_where_the_law_has_it(kind: str, ground: str | None, years: int) -> None:
    """Given everybody who may be said to consent, each ground and each age, then it is taken exactly where this test's own table has it."""
    parties = MUNICIPAL if ground in grounds.MUNICIPAL else EVERYWHERE
    code = judged(given(kind, ground, parties=parties), born(years))
    assert (code is None) == (years in LAWFUL.get((kind, ground), ()))


@pytest.mark.parametrize(
    ("kind", "ground", "years", "code"),
    [
        ("relative", None, 80, "consent.relative"),
        ("guardian", "both_guardians", 18, "consent.not_a_child"),
        ("individual", None, 16, "consent.ground_missing"),
        ("individual", None, 4, "consent.ground_missing"),
        ("individual", "child_mature", 4, "consent.too_young"),
        ("individual", "child_12_14", 16, "consent.ground_age"),
        ("individual", "child_15", 14, "consent.too_young"),
        ("individual", "adult", 16, "consent.not_an_adult"),
        ("individual", "child_mature", 30, "consent.not_a_child"),
        ("individual", "mandate", 30, "consent.ground_wrong"),
        ("guardian", "mandate", 4, "consent.ground_wrong"),
        ("guardian", None, 4, "consent.ground_missing"),
        ("god_man", None, 80, "consent.ground_missing"),
        ("god_man", "both_guardians", 80, "consent.ground_wrong"),
        ("framtidsfullmakt", "mandate", 17, "consent.not_an_adult"),
    ],
)
def test_each_wrong_combination_has_its_own_word(kind: str, ground: str | None, years: int, code: str) -> None:
    """Given a wrong combination, then the code says which, so that the sentence can name the remedy."""
    parties = MUNICIPAL if ground in grounds.MUNICIPAL else EVERYWHERE
    assert judged(given(kind, ground, parties=parties), born(years)) == code


def test_a_birthday_counts_on_its_day() -> None:
    """Given a child who turns 18 on the day the consent was obtained, or the day after, then she is of age, or not yet."""
    assert judged(given("individual", None), born(18)) is None
    assert judged(given("individual", None), born(18, days=1)) == "consent.ground_missing"


@pytest.mark.parametrize("ground", sorted(grounds.OWN))
def test_where_the_number_tells_no_age_the_sender_is_believed(ground: str) -> None:
    """Given a number without a date of birth, then a ground must be stated, and what is stated is taken."""
    parties = MUNICIPAL if ground in grounds.MUNICIPAL else EVERYWHERE
    assert judged(given("individual", None), nobody_knows()) == "consent.ground_missing"
    assert judged(given("individual", ground, parties=parties), nobody_knows()) is None
    assert judged(given("guardian", "both_guardians"), nobody_knows()) is None


@pytest.mark.parametrize(("ground", "field"), [(ground, field) for ground, fields in grounds.FIELDS.items() for field in fields])
def test_what_a_ground_asks_for_must_be_said(ground: str, field: str) -> None:
    """Given a ground, when one thing that it asks for is not said, then the refusal points at that."""
    kind = "individual" if ground in grounds.OWN else "guardian"
    whole = given(kind, ground, parties=MUNICIPAL)
    lacking = whole.given_by.model_copy(update={field: () if field == "guardians" else None})
    desk = Desk()
    desk.story.requested()
    years = 13 if ground == "child_12_14" else 16
    found = grounds.refuse(whole.model_copy(update={"given_by": lacking}), desk.open, born(years), desk.directory)
    assert found is not None
    assert (found.code, found.pointer) == ("consent.ground_incomplete", f"/content/given_by/{field}")


def test_what_belongs_to_another_ground_may_not_be_said() -> None:
    """Given both guardians' yes with a board's decision beside it, then it is refused: nobody could say which it was."""
    assert judged(given("guardian", "both_guardians", board_decision=DECISION), born(5)) == "consent.ground_wrong"


# ── whose yes is needed ──


@pytest.mark.parametrize(
    ("said", "known", "code"),
    [
        ((ONE, TWO), (), None),
        ((ONE,), (), "consent.guardian_missing"),
        ((ONE, TWO), (ONE, TWO), None),
        ((ONE,), (ONE, TWO), "consent.guardian_missing"),
        ((ONE,), (ONE,), None),
        ((ONE, TWO), (ONE,), "consent.guardian_unknown"),
        ((ONE, SISTER), (), "consent.guardian_unknown"),
    ],
)
def test_both_guardians_means_each_that_there_is(said: tuple[PersonRef, ...], known: tuple[PersonRef, ...], code: str | None) -> None:
    """Given a child, when guardians say yes, then each one the case knows must have; where it knows of none, two must."""
    content = given("guardian", "both_guardians", guardians=said)
    assert judged(content, born(5), *map(guardian, known)) == code


@pytest.mark.parametrize("ground", sorted(grounds.GUARDIANS - {"both_guardians"}))
def test_on_another_ground_one_guardian_is_enough(ground: str) -> None:
    """Given two guardians, when one says yes on a ground that does not need the other, then it is taken."""
    assert judged(given("guardian", ground), born(5), guardian(ONE), guardian(TWO)) is None


@pytest.mark.parametrize(("ground", "years"), [("child_12_14", 13), ("child_15", 16)])
@pytest.mark.parametrize("party", [p.CARE_CENTRE, p.FK, p.AF])
def test_a_childs_own_measure_is_the_municipalitys(ground: str, years: int, party: UnitId) -> None:
    """Given a child's own yes to a measure, when it names a unit outside the municipalities, then it is refused, and points at that unit."""
    assert judged(given("individual", ground, parties=(p.HOME_CARE,)), born(years)) is None
    desk = Desk()
    desk.story.requested()
    found = grounds.refuse(given("individual", ground, parties=(p.HOME_CARE, party)), desk.open, born(years), desk.directory)
    assert found is not None
    assert (found.code, found.pointer) == ("consent.ground_parties", "/content/parties/1/party")


def test_it_is_never_for_a_placement() -> None:
    """Given a child's own yes, when the measure is a placement, then it is refused."""
    for ground, years in (("child_12_14", 13), ("child_15", 16)):
        assert judged(given("individual", ground, parties=MUNICIPAL, measure="placement"), born(years)) == "consent.placement"


# ── A17: she cannot say ──


@pytest.fixture
def aged() -> Desk:
    """Give a case about an adult."""
    desk = Desk()
    desk.story.person = ADULT
    desk.story.requested()
    return desk


def test_a_relatives_yes_is_heard_and_not_taken(aged: Desk) -> None:
    """Given an adult, when a daughter says yes, then it is refused, nothing is granted, and the coordinator is asked to choose a ground (A17)."""
    aged.story.say(given("relative", None))
    assert aged.last.refusal == Refusal("consent.relative", "invalid", "/content/given_by/kind", opens="basis.choose")
    assert aged.open.grants == ()


def test_whoever_cannot_take_a_position_has_not_said_yes(aged: Desk) -> None:
    """Given a person assessed as unable, when the yes is said to be theirs, then a ground must be chosen; a god man's is taken (A17)."""
    unable = c.Capacity(state="unable")
    aged.story.say(given("individual", None).model_copy(update={"capacity": unable}))
    assert aged.last.refusal == Refusal("consent.unable", "invalid", "/content/given_by/kind", opens="basis.choose")
    aged.story.say(given("god_man", "mandate").model_copy(update={"capacity": unable}))
    assert aged.last.code is None
    assert "meeting" in aged.scopes_of(p.HOME_CARE)


@pytest.mark.parametrize(
    ("birth", "grown"),
    [
        (date(2008, 2, 29), date(2026, 3, 1)),
        (date(2008, 2, 28), date(2026, 2, 28)),
        (date(2008, 3, 29), date(2026, 3, 29)),
        (date(2010, 1, 1), date(2028, 1, 1)),
    ],
)
def test_the_day_on_which_a_child_comes_of_age(birth: date, grown: date) -> None:
    """Given a birthday, then its eighteenth is the day, and the 1st of March for whoever was born on the 29th of February."""
    assert grounds.comes_of_age(birth) == grown


# ── taken back, by whom ──


@pytest.fixture
def young(desk: Desk) -> Desk:
    """Give a case about a child of sixteen, whose two guardians the case knows."""
    desk.story.requested()
    desk.case = desk.open.model_copy(update={"people": (guardian(ONE), guardian(TWO))})
    return desk


@pytest.mark.parametrize("by", [ONE, TWO, None, PersonRef("individual")])
def test_either_guardians_withdrawal_stops_it(young: Desk, by: PersonRef | None) -> None:
    """Given both guardians' yes, when either takes it back, or the child, or nobody says who, then nothing is left (section 4)."""
    young.story.say(given("guardian", "both_guardians"))
    young.story.withdrawn(person=by)
    assert (young.open.grants, young.state) == ((), "SUSPENDED_NO_CONSENT")


@pytest.mark.parametrize(
    ("kind", "ground", "by"),
    [
        ("guardian", "other_hindered", TWO),
        ("guardian", "board_decision", TWO),
        ("guardian", "shelter_guardian", TWO),
        ("individual", "child_mature", ONE),
        ("god_man", "mandate", ONE),
        ("guardian", "both_guardians", MANDATED),
        ("guardian", "both_guardians", SISTER),
    ],
)
def test_whom_the_ground_never_needed_changes_nothing(young: Desk, kind: str, ground: str, by: PersonRef) -> None:
    """Given a yes that never needed somebody, when they take it back, then it is on record, nothing changes, and the coordinator hears of it."""
    young.story.say(given(kind, ground))
    before, state = young.open.grants, young.state
    young.story.withdrawn(person=by)
    assert (young.open.grants, young.state) == (before, state)
    assert young.last.effects == (OpenWork("consent.withdrawal_not_needed", p.CONTACT),)
    assert (young.open.consents[-1].decision, young.open.consents[-1].taken_back_by) == ("withdraw", by)


@pytest.mark.parametrize("parties", [(), (p.CARE_CENTRE,), EVERYWHERE])
def test_whom_no_ground_needed_takes_nobody_from_the_table(young: Desk, parties: tuple[UnitId, ...]) -> None:
    """Given a unit that takes part without a consent, when somebody whom none ever needed takes all or its part back, then it takes part still."""
    young.story.say(given("individual", "child_mature", parties=MUNICIPAL))
    young.story.approved(EVERYWHERE)
    before = young.open.grants
    young.story.withdrawn(parties, person=ONE)
    assert young.open.grants == before
    assert young.last.effects == (OpenWork("consent.withdrawal_not_needed", p.CONTACT),)


@pytest.mark.parametrize("consented", [True, False])
def test_whom_a_ground_needs_takes_out_a_unit_without_a_consent(young: Desk, consented: bool) -> None:
    """Given a unit that takes part without a consent, when a guardian whom one needed takes its part back, or there is none, then it is out."""
    if consented:
        young.story.say(given("guardian", "both_guardians", parties=MUNICIPAL))
    young.story.approved(EVERYWHERE)
    young.story.withdrawn((p.CARE_CENTRE,), person=ONE)
    assert {grant.party for grant in young.open.grants if grant.scope == "participant"} == set(MUNICIPAL)
    assert young.last.effects == (Narrowed(),)


def test_a_unit_of_an_agency_whose_consent_stands_takes_part_still(young: Desk) -> None:
    """Given an agency named whole by the child and others by the guardians, when one of these takes all back, then the agency's unit takes part."""
    young.story.say(given("guardian", "both_guardians", parties=MUNICIPAL))
    young.story.say(given("individual", "child_mature", parties=(p.FORSAKRINGSKASSAN,)))
    young.story.approved((*MUNICIPAL, p.FK))
    young.story.withdrawn(person=ONE)
    assert {grant.party for grant in young.open.grants if grant.scope == "participant"} == {p.FK}
    assert {grant.party for grant in young.open.grants if grant.scope != "participant"} == {p.FORSAKRINGSKASSAN}


def test_what_is_wrong_with_a_ground_is_told_at_its_field(aged: Desk) -> None:
    """Given a guardian's yes for an adult, then it is refused as a mistake in the message, at the field that says who gave it."""
    refusal = Refusal("consent.not_a_child", "invalid", "/content/given_by/kind")
    assert aged.refused(lambda: aged.story.say(given("guardian", "both_guardians"))) == refusal


def test_each_consent_is_taken_back_by_whoever_gave_it(young: Desk) -> None:
    """Given two consents on two grounds, when a guardian whom one of them needed takes all back, then that one's grants alone are gone."""
    young.story.say(given("guardian", "both_guardians", parties=(p.HOME_CARE,)))
    young.story.say(given("individual", "child_mature", parties=(p.CARE_CENTRE,)))
    young.story.approved((p.HOME_CARE, p.CARE_CENTRE))
    young.story.withdrawn(person=TWO)
    assert young.scopes_of(p.HOME_CARE) == {}
    assert sorted(young.scopes_of(p.CARE_CENTRE)) == ["information_exchange", "meeting", "participant"]
    assert young.state == "PREPARING"


def test_what_is_added_rests_on_what_it_is_added_to(young: Desk) -> None:
    """Given both guardians' yes and a unit added later, when one of them takes it back, then the added unit has nothing left either."""
    young.story.say(given("guardian", "both_guardians", parties=(p.HOME_CARE,)))
    young.story.say(c.ConsentAmended(add_parties=(c.Party(party=p.CARE_CENTRE),), obtained_by=young.story.eva, obtained_on=p.DAY))
    assert "meeting" in young.scopes_of(p.CARE_CENTRE)
    young.story.withdrawn(person=ONE)
    assert young.open.grants == ()


def test_nothing_is_added_beyond_the_ground(young: Desk) -> None:
    """Given a child's own yes to the municipality's measure, when a unit of the region is added, then it is refused."""
    young.story.say(given("individual", "child_15", parties=MUNICIPAL))
    young.story.say(c.ConsentAmended(add_parties=(c.Party(party=p.CARE_CENTRE),), obtained_by=young.story.eva, obtained_on=p.DAY))
    assert young.last.code == "consent.ground_parties"


# ── relatives, and the consent to a plan ──


def test_to_a_relative_who_is_objected_to_nothing_is_given(young: Desk) -> None:
    """Given a relative whom the individual objects to, when a consent names them, then it is refused; a guardian needs none."""
    brother = CasePerson(ref=SISTER, name="Bror Provsson", objection=True)
    young.case = young.open.model_copy(update={"people": (brother,)})
    for party, code in ((SISTER, "consent.relative_objected"), (ONE, "consent.own_side"), (PersonRef("relative/2"), None)):
        content = given("individual", "child_mature")
        young.story.say(content.model_copy(update={"scopes": ("copy_to_relative",), "parties": (c.Party(party=party),)}))
        assert young.last.code == code


def test_the_consent_to_a_plan_is_on_record(young: Desk) -> None:
    """Given a yes to a plan, then who gave it, how, on which ground and to whom stands by itself; a no to a plan takes it away, and no other."""
    content = given("individual", "child_mature").model_copy(update={"scopes": ("plan", "meeting", "information_exchange")})
    young.story.say(content)
    plan = young.open.plan_consent
    assert plan is not None
    assert plan.given_by is not None
    assert (plan.given_by.ground, plan.mode, plan.obtained_by, plan.obtained_on) == ("child_mature", "oral", p.CONTACT, p.DAY)
    young.story.refused(("evaluation_survey",))
    assert young.open.plan_consent == plan
    young.story.refused(("plan",))
    assert young.open.plan_consent is None


@pytest.mark.parametrize("how", ["all", "scopes", "amended", "parties"])
def test_the_consent_to_a_plan_ends_with_its_scope(young: Desk, how: str) -> None:
    """Given a yes to a plan, when all, that scope, or every party is taken back, then there is none; one party's part leaves it."""
    young.story.say(given("individual", "child_mature").model_copy(update={"scopes": ("plan", "meeting", "information_exchange")}))
    match how:
        case "all":
            young.story.withdrawn()
        case "scopes":
            young.story.say(c.ConsentWithdrawn(extent="scopes", scopes=("plan",), received_by=young.story.eva, at=p.NOON))
        case "amended":
            young.story.say(c.ConsentAmended(remove_scopes=("plan",), obtained_by=young.story.eva, obtained_on=p.DAY))
        case _:
            young.story.withdrawn([p.HOME_CARE])
            assert young.open.plan_consent is not None
            young.story.withdrawn(EVERYWHERE)
    assert young.open.plan_consent is None


def test_a_plan_that_is_added_rests_on_the_consent_it_is_added_to(young: Desk) -> None:
    """Given a yes to the meeting until a day, when a plan is added, then there is a consent to it on the same ground and until that day."""
    content = given("individual", "child_mature")
    until = p.NOON.replace(year=2027)
    young.story.say(content.model_copy(update={"valid_until": until}))
    young.story.say(c.ConsentAmended(add_scopes=("plan",), obtained_by=young.story.eva, obtained_on=p.DAY))
    plan = young.open.plan_consent
    assert plan is not None
    assert (plan.given_by, plan.until) == (content.given_by, until)


def test_the_record_says_who_decided_what_when(young: Desk) -> None:
    """Given a consent with all that can be said of it, then its record keeps mode, scopes, ground, giver, obtainer, end and exclusions."""
    until = p.NOON.replace(year=2027)
    more = {"valid_until": until, "excluded_information": "Inte om sjukdomen.", "registered_at_af": "no", "mode": "written"}
    message: Message = young.story.message(given("guardian", "both_guardians").model_copy(update=more))
    young.send(message)
    record = young.open.consents[-1]
    assert (record.message_id, record.mode, record.until) == (message.message_id, "written", until)
    assert record.given_by is not None
    assert (record.given_by.guardians, record.excluded_information, record.registered_at_af) == ((ONE, TWO), "Inte om sjukdomen.", "no")
    assert (record.obtained_by, record.obtained_by_name, record.obtained_on) == (p.CONTACT, "Eva Kontakt", p.DAY)
    assert consent.has(young.open.grants, "meeting", young.now)
