"""How much one look takes: what cannot be cleared away and what is slow keep nothing waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from siphub.contract import Recipient, Retry, SystemClock
from siphub.mappings import shipped
from siphub.testing.municipal_places import Quiet
from siphub_folder import Dropped
from siphub_municipal_xml.answers import ROUND, Answers

YES = (shipped() / "municipal-sip" / "1.0" / "golden" / "meeting.response.minimal.xml").read_bytes()
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MakeRecipient = Callable[..., Recipient]


class Locked:
    """A shelf that can be read and not written."""

    def names(self) -> tuple[str, ...]:
        """Return more than one round takes."""
        return tuple(f"{number:03}.xml" for number in range(ROUND + 5))

    def read(self, name: str, limit: int) -> Dropped:
        """Return the same for each."""
        return Dropped(YES, NOW)

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say no."""
        return False

    def remove(self, name: str) -> Retry:
        """Fail."""
        return Retry("folder.unwritable")

    def refuse(self, name: str, code: str, same: Callable[[], bool]) -> Retry:
        """Fail."""
        return Retry("folder.unwritable")


def test_what_cannot_be_cleared_away_keeps_nothing_waiting(recipient: MakeRecipient) -> None:
    """Given a place that cannot be written, then what was stored is given again, what lies behind it too, and the log says why."""
    log = Quiet()
    answers = Answers(lambda *_: Locked(), SystemClock(), log)  # type: ignore[arg-type]  # of a log it uses warnings only
    rounds = []
    for _ in range(2):
        found = answers.fetch("/srv/svar", recipient("/srv/norrby", answers="/srv/svar"))
        assert not isinstance(found, Retry)
        rounds.append(list(found))
        for number, inbound in enumerate(rounds[-1]):
            answers.taken("/srv/svar", recipient("/srv/norrby"), inbound.partner_id, "x.y" if number % 2 else None)
    assert [len(one) for one in rounds] == [ROUND, ROUND + 5]
    assert {event for event, _ in log.said} == {"inbound.not_cleared"}
    assert {facts["code"] for _, facts in log.said} == {"folder.unwritable"}


class Slow(Locked):
    """A shelf over a slow line, on which some things were refused before; the others can be taken away."""

    def __init__(self) -> None:
        self.lying = [f"{number}.xml" for number in range(6)]
        self.looked: list[str] = []

    def names(self) -> tuple[str, ...]:
        """Return what lies there."""
        return tuple(self.lying)

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say so of the first half, and take some time over it."""
        time.sleep(0.03)
        self.looked.append(name)
        return name < "3"

    def remove(self, name: str) -> None:  # type: ignore[override]
        """Take it away."""
        self.lying.remove(name)


def test_a_slow_place_has_its_time_and_no_more(recipient: MakeRecipient) -> None:
    """Given a line so slow that one look is all there is time for, then each round ends after it and the next goes on behind: all is taken in the end."""
    shelf, there = Slow(), recipient("/srv/norrby", answers="/srv/svar")
    answers = Answers(lambda *_: shelf, SystemClock(), Quiet(), timedelta(milliseconds=10))  # type: ignore[arg-type]
    for number in range(6):
        found = answers.fetch("/srv/svar", there)
        assert not isinstance(found, Retry)
        for inbound in found:
            answers.taken("/srv/svar", there, inbound.partner_id, None)
        assert shelf.looked == [f"{one}.xml" for one in range(number + 1)]
    assert shelf.lying == ["0.xml", "1.xml", "2.xml"]
