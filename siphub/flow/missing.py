"""The time a store knows nothing of, because it was brought back from a backup: from the backup until the restore.

What was handed in and sent in that time happened, and this store has not seen it. Pure but for reading two switches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from siphub.store import Work

RESTORED: Final = "restored"
DOUBTED: Final = "restore.doubted"
SETTLED: Final = "restore.settled"
"""The switches: the missing time, as `FROM/UNTIL`; the same once what waited is in doubt, and once an operator has let sending go on."""
SKEW: Final = timedelta(minutes=5)
"""How far ahead a sender's clock may be."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing: everything from `since` until `until`.

    `doubted` once what waited is marked as perhaps sent already; `settled` once an operator has let sending go on after that.
    """

    since: datetime
    until: datetime
    doubted: bool = False
    settled: bool = False

    @property
    def text(self) -> str:
        """The two times, as they are kept."""
        return f"{self.since.isoformat()}/{self.until.isoformat()}"

    @classmethod
    def read(cls, work: Work) -> Self | None:
        """Return what is missing, or None where this store has never been brought back."""
        kept = work.switches.get(RESTORED)
        if kept is None:
            return None
        since, until = map(datetime.fromisoformat, kept.split("/"))
        return cls(since, until, doubted=work.switches.get(DOUBTED) == kept, settled=work.switches.get(SETTLED) == kept)

    def covers(self, moment: datetime) -> bool:
        """Say whether something said at that moment may have been taken without this store knowing: nothing said later can have been."""
        return moment <= self.until + SKEW


def may_have_been_sent(state: str, reason: str | None) -> bool:
    """Say whether a delivery in this state may have gone out in the missing time.

    What had no basis was not sent; and what is held because somebody is protected is held again when a person releases it.
    """
    return state in {"queued", "held"} and not (reason or "").startswith("protected.")
