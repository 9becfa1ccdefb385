"""Which section is law on which day, and who is bound by it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest

from siphub.model import Agreement, Directory
from siphub.model import people as p
from siphub.model.messages import meeting as m
from siphub.policy.duties import duty
from siphub.policy.law import LAW, code, in_force
from siphub.testing.desk import OUTSIDE, PRIVATE, Desk, wide_directory

DAY = p.DAY
HALF = Agreement(
    id="skola-1",
    area="Skola",
    valid_from=date(2026, 7, 1),
    valid_until=date(2026, 12, 31),
    parties=(p.REGION, p.MUNICIPALITY),
    binds=(OUTSIDE, p.FORSAKRINGSKASSAN),
)


def agreed(*more: Agreement) -> Directory:
    """Return a directory with an agreement for half a year."""
    return wide_directory().model_copy(update={"agreements": (HALF, *more)})


@pytest.mark.req(9)
@pytest.mark.parametrize(
    ("name", "day", "law"),
    [
        ("SoL2:7", date(2009, 12, 31), False),
        ("SoL2:7", date(2010, 1, 1), True),
        ("SoL2:7", date(2025, 6, 30), True),
        ("SoL2:7", date(2025, 7, 1), False),
        ("SoL10:8", date(2025, 6, 30), False),
        ("SoL10:8", date(2025, 7, 1), True),
        ("HSL16:4", date(2017, 3, 31), False),
        ("HSL16:4", date(2017, 4, 1), True),
        ("LUS4:1", date(2017, 12, 31), False),
        ("LUS4:1", date(2018, 1, 1), True),
        ("BrB3:1", date(2026, 1, 1), False),
    ],
)
def test_a_section_is_law_from_its_first_to_its_last_day(name: str, day: date, *, law: bool) -> None:
    """Given a section and a day, then it is law on its first and last day and between, and not outside; an unknown one never is."""
    assert in_force(name, day) is law


def test_there_is_always_one_social_services_act() -> None:
    """Given any day since 2010, then exactly one of the two acts' sections on the plan is law."""
    days = (date(2010, 1, 1) + timedelta(days=count) for count in range(7000))
    assert all(in_force("SoL2:7", day) != in_force("SoL10:8", day) for day in days)


def test_every_code_is_whole() -> None:
    """Given the table, then each code begins before it ends and says in both languages what it is; what we have not read says so."""
    assert all(found.valid_until is None or found.valid_from < found.valid_until for found in LAW.values())
    assert all(found.sv.strip() and found.en.strip() and found.section for found in LAW.values())
    assert {name for name in ("HSL16:4", "OSL25:12", "OSL25:13", "OSL26:9") if code(name).verified} == set()


def test_every_statute_a_kallelse_may_name_is_in_the_table() -> None:
    """Given the pattern of the duty's basis, then each of its statutes is a code of the table."""
    pattern = get_args(m.DutyBasis)[1].metadata[0].pattern
    named = [name for name in pattern.strip("^$()").split("|") if not name.startswith("agreement")]
    assert named
    assert [name for name in named if name not in LAW] == []


@pytest.mark.parametrize("basis", ["SoL10:8", "HSL16:4", "LUS4:1", "agreement:skola-1"])
def test_the_huvudmans_units_are_bound_by_any_basis(basis: str) -> None:
    """Given a region's, a municipality's and a private provider's unit, then each is bound; agencies and others not by a statute."""
    assert [duty(unit, basis, agreed(), DAY) for unit in (p.CARE_CENTRE, p.HOME_CARE, PRIVATE)] == [True, True, True]
    assert [duty(unit, basis, agreed(), DAY) for unit in (p.FK, OUTSIDE)] == [basis.startswith("agreement")] * 2
    assert duty(p.AF, basis, agreed(), DAY) is False


@pytest.mark.parametrize(
    ("basis", "day", "why"),
    [
        ("SoL2:7", DAY, "duty.basis_not_in_force"),
        ("SoL10:8", date(2025, 6, 30), "duty.basis_not_in_force"),
        ("agreement:skola-2", DAY, "duty.agreement_unknown"),
        ("agreement:skola-1", date(2026, 6, 30), "duty.agreement_not_in_force"),
        ("agreement:skola-1", date(2027, 1, 1), "duty.agreement_not_in_force"),
    ],
)
def test_an_ill_founded_basis_binds_nobody_and_says_why(basis: str, day: date, why: str) -> None:
    """Given a basis that is not in force on the day, then nobody is bound, and the reason has its code."""
    assert {duty(unit, basis, agreed(), day) for unit in (p.CARE_CENTRE, p.FK, OUTSIDE)} == {why}


@pytest.mark.parametrize(
    ("basis", "refused"),
    [("SoL2:7", "duty.basis_not_in_force"), ("agreement:none", "duty.agreement_unknown"), ("agreement:skola-1", None), ("HSL16:4", None)],
)
def test_a_kallelse_rests_on_what_is_in_force_on_its_day(basis: str, refused: str | None) -> None:
    """Given a kallelse, then what its duty rests on must be in force on the day of the meeting, and whom it binds is in the case."""
    desk = Desk(directory=agreed())
    units = (p.HOME_CARE, p.CARE_CENTRE)
    desk.story.ready(units)
    desk.story.say(desk.story.kallelse().model_copy(update={"duty_basis": basis}), units)
    assert desk.last.code == refused
    if refused is None:
        assert {found.duty for found in desk.open.meetings[0].participants} == {True}


def test_the_meetings_day_counts_and_not_todays() -> None:
    """Given an agreement that ends before the meeting, then it is not in force for it, though it is today."""
    desk = Desk(directory=agreed(HALF.model_copy(update={"id": "kort", "valid_until": DAY + timedelta(days=13)})))
    desk.story.ready((p.HOME_CARE, p.CARE_CENTRE))
    desk.story.say(desk.story.kallelse().model_copy(update={"duty_basis": "agreement:kort"}), (p.HOME_CARE,))
    assert desk.last.code == "duty.agreement_not_in_force"


def test_a_section_is_no_agreement_whatever_an_agreement_is_called() -> None:
    """Given an agreement that is named like a section of law, then a call by the section binds nobody whom only the agreement binds."""
    named = HALF.model_copy(update={"id": "SoL10:8"})
    day = date(2026, 9, 1)
    assert duty(OUTSIDE, "agreement:SoL10:8", agreed(named), day) is True
    assert duty(OUTSIDE, "SoL10:8", agreed(named), day) is False
