"""Work that a case, as it stands, asks a person for: opened when a message makes it so, and settled by whatever makes it otherwise.

Pure. What makes it otherwise may be a message, or only time: a consent that runs out, a child who comes of age. It must never open what was
asked for before already: somebody has that on the desk, or has closed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from siphub.model.case import SipCase
from siphub.policy import grounds
from siphub.policy.consent import has
from siphub.policy.days import day_of
from siphub.policy.lifecycle import TERMINAL
from siphub.policy.step import OpenWork

_GUARDIAN: Final = "consent.guardian_unasked"
_ABSENCE: Final = "meeting.absence_withdrawn"
KINDS: Final = frozenset({_GUARDIAN, _ABSENCE})
"""The kinds of work that a case asks for as it stands."""


def opened(before: SipCase, after: SipCase, now: datetime) -> tuple[OpenWork, ...]:
    """Return what is to be opened by a case having become another, for whoever coordinates it now."""
    had = asked_for(before, now)
    return tuple(OpenWork(kind, after.coordinating_unit) for kind in _owed(after, now) if kind not in had)


def asked_for(case: SipCase, now: datetime) -> frozenset[str]:
    """Return which of `KINDS` a case asks for; what is open of any other is settled."""
    return frozenset(_owed(case, now))


def _owed(case: SipCase, now: datetime) -> Iterator[str]:
    if case.state in TERMINAL:
        return
    if grounds.unasked(case, now, day_of(now)):
        yield _GUARDIAN
    if _absence_withdrawn(case, now):
        yield _ABSENCE


def _absence_withdrawn(case: SipCase, now: datetime) -> bool:
    """Say whether a meeting is to be held without the individual, who does not consent to that any more (G5).

    Where the case is suspended only a meeting by LUS 4:1 is.
    """
    suspended = case.state == "SUSPENDED_NO_CONSENT"
    without = any(found.in_absence and found.stands and (found.discharge or not suspended) for found in case.meetings)
    return without and not has(case.grants, "meeting_in_absence", now)
