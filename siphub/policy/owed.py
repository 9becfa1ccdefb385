"""Work that a case, as it stands, asks a person for: opened when a message makes it so, and settled by whatever makes it otherwise.

Pure. It must never open what was asked for before already: somebody has that on the desk, or has closed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from siphub.model.case import SipCase
from siphub.policy import grounds
from siphub.policy.consent import has
from siphub.policy.days import day_of
from siphub.policy.lifecycle import TERMINAL
from siphub.policy.step import Effect, OpenWork, Settled


def changed(before: SipCase, after: SipCase, now: datetime) -> tuple[Effect, ...]:
    """Return what is to be opened and what is settled by a case having become another, for whoever coordinates it now."""
    had, has = ({work.type: work for work in _owed(case, now)} for case in (before, after))
    return (*(work for kind, work in has.items() if kind not in had), *(Settled(kind) for kind in had if kind not in has))


def _owed(case: SipCase, now: datetime) -> Iterator[OpenWork]:
    if case.state in TERMINAL:
        return
    if grounds.unasked(case, now, day_of(now)):
        yield OpenWork("consent.guardian_unasked", case.coordinating_unit)
    if case.state != "SUSPENDED_NO_CONSENT" and _absence_withdrawn(case, now):
        yield OpenWork("meeting.absence_withdrawn", case.coordinating_unit)


def _absence_withdrawn(case: SipCase, now: datetime) -> bool:
    """Say whether a meeting is planned without the individual, who does not consent to that any more (G5)."""
    return any(found.in_absence and found.state == "planned" for found in case.meetings) and not has(case.grants, "meeting_in_absence", now)
