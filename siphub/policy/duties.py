"""Who is bound to come when called, and on which basis: a statute, an agreement in its period, or nothing.

The duty is the huvudman's and its units carry it, private ones too. Everybody else has one only where an agreement says so (REQ-52,
LIFECYCLE section 5.1). Pure.
"""

from __future__ import annotations

from datetime import date

from siphub.model import Agreement, Directory
from siphub.policy import law
from siphub.policy.disclosure import DUTY_BOUND

AGREEMENT = "agreement:"


def ill_founded(duty_basis: str, directory: Directory, day: date) -> str | None:
    """Return why nobody can be called on a basis for a day, as a code of `reasons`, or None where somebody can."""
    if not duty_basis.startswith(AGREEMENT):
        return None if law.in_force(duty_basis, day) else "duty.basis_not_in_force"
    agreement = directory.agreement(duty_basis.removeprefix(AGREEMENT))
    if agreement is None:
        return "duty.agreement_unknown"
    return None if agreement.holds(day) else "duty.agreement_not_in_force"


def duty(unit: str, duty_basis: str, directory: Directory, day: date) -> bool | str:
    """Say whether a unit is bound to come to a meeting on a day, or why the basis binds nobody then, as a code of `reasons`.

    Args:
        unit: Who is called.
        duty_basis: A legal code, or `agreement:<id>`.
        directory: A snapshot.
        day: The day of the meeting, in Sweden.
    """
    wrong = ill_founded(duty_basis, directory, day)
    if wrong is not None:
        return wrong
    if directory.kind_of(unit) in DUTY_BOUND:
        return True
    agreement = directory.agreement(duty_basis.removeprefix(AGREEMENT)) if duty_basis.startswith(AGREEMENT) else None
    return agreement is not None and _binds(agreement, unit, directory)


def bound_by_agreement(unit: str, directory: Directory, day: date) -> bool:
    """Say whether any agreement that is in force on a day, in Sweden, obliges a unit to come."""
    return any(found.holds(day) and _binds(found, unit, directory) for found in directory.agreements)


def _binds(agreement: Agreement, unit: str, directory: Directory) -> bool:
    found = directory.unit(unit)
    return unit in agreement.binds or (found is not None and found.organisation in agreement.binds)
