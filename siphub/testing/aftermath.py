"""What must hold when a hub has died and come back: nothing lost, nothing doubled, nothing sent that was no longer allowed.

It compares what the partners hold, in their own ledgers and folders, with what the hub believes, and says in a sentence what does not agree.
It must never believe the hub alone: a delivery counts as delivered only where the partner has it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from siphub.policy.lifecycle import FINAL
from siphub.sandbox import Entry
from siphub.store import AttemptRow, DeliveryRow
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, World

NOTICE = "stop.notice"
ON_ITS_WAY = frozenset({"queued", "sending", "awaiting_receipt"})
_MAY_HAVE = frozenset({"recalled", "held", "handled_manually"})
"""States in which the partner may have the message or not."""


class Collector:
    """A partner that takes its files out of its folder as soon as it sees them. Use it as a context manager.

    Args:
        folder: The partner's folder.
        shelf: Where it puts what it took; a file that comes twice is there twice.
    """

    def __init__(self, folder: Path, shelf: Path) -> None:
        self._folder, self._shelf = folder, shelf
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._collect_all, name="collector", daemon=True)
        self._taken = 0

    def __enter__(self) -> Self:
        self._shelf.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()

    def _collect_all(self) -> None:
        while not self._ending.is_set():
            for file in sorted(self._folder.glob("*.json")):
                self._taken += 1
                file.replace(self._shelf / f"{self._taken}-{file.name}")
            time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A consent taken back, and answered: what of a case, for which units."""

    story: Story
    units: frozenset[str]


@dataclass
class Aftermath:
    """A world after a crash; its hub is open, and need not run.

    Args:
        world: The partners and the hub.
        stories: Every case that was acted out.
        withdrawals: What was taken back in them.
        shelves: Where collecting partners put their files, by unit.
    """

    world: World
    stories: Sequence[Story]
    withdrawals: Sequence[Withdrawal] = ()
    shelves: dict[str, Path] = field(default_factory=dict)

    def settled(self, within: float = 30.0) -> bool:
        """Wait until nothing is on its way any more and no bell is left."""
        return until(lambda: self.open() == 0, within)

    def open(self) -> int:
        """Return how much is still on its way: deliveries of the stories, and bells of any."""
        with self.world.hub.store.read() as work:
            rows = [row for story in self.stories for row in work.deliveries.of_case(story.owner, str(story.case_id))]
            return sum(row.state in ON_ITS_WAY for row in rows) + work.outbox.size()

    def findings(self) -> list[str]:
        """Return a sentence for everything that does not hold; empty means that all does."""
        found = [f"{self.open()} deliveries or bells are still on their way"] if self.open() else []
        for story in self.stories:
            rows = self.world.deliveries(story)
            found += [f"{_name(row)}: {sentence}" for row in rows for sentence in self._of_delivery(row)]
            found += self._of_ghosts(story, rows)
        for withdrawal in self.withdrawals:
            found += self._of_withdrawal(withdrawal)
        with self.world.hub.store.read() as work:
            broken = [work.audit.verify(owner) for owner in work.audit.owners()]
        found += [f"an audit chain is broken at its link {link}" for link in broken if link is not None]
        return found + [f"the store: {problem}" for problem in self.world.hub.store.check()]

    # ── one delivery ──

    def _of_delivery(self, row: DeliveryRow) -> Iterator[str]:
        effects = self.effects(row)
        if row.state not in FINAL | {"held"}:
            yield f"it is {row.state}, which is no end"
        if effects > 1:
            yield f"its partner has it {effects} times"
        if row.state in {"delivered", "read"} and effects != 1:
            yield "it counts as delivered and its partner does not have it"
        if effects and row.state not in {"delivered", "read"} | _MAY_HAVE and not row.uncertain:
            yield f"its partner has it, and it counts as {row.state}"
        if row.state == "held" and not self._on_a_desk(row):
            yield "it is held, and nobody has been asked to look at it"
        if row.state == "held" and row.recipient in PARTNERS and not self._overtaken(row):
            yield "it is held, although its partner recognises a repeat"
        yield from self._of_bytes(row)

    def _of_bytes(self, row: DeliveryRow) -> Iterator[str]:
        """Repeats carry the same key and the same bytes, and every one of them has an attempt of ours."""
        entries = self.entries(row)
        hashes = {entry.sha256 for entry in entries}
        noted = {attempt.payload_hash for attempt in self.attempts(row) if attempt.payload_hash}
        if len(hashes | noted) > 1:
            yield "its attempts carried different bytes under one key"
        if len(entries) > len(self.attempts(row)):
            yield f"its partner heard of it {len(entries)} times, in {len(self.attempts(row))} attempts"
        if any(not entry.accepted for entry in entries):
            yield "its partner refused it"

    def effects(self, row: DeliveryRow) -> int:
        """Return how often a partner has a delivery: 0 or 1, where all is well."""
        if row.recipient in PARTNERS:
            ledger = self.world.sandbox.ledger(PARTNERS[row.recipient])
            return sum(entry.message_id == row.message_id for entry in ledger.effects())
        return len(list(self.files(row)))

    def files(self, row: DeliveryRow) -> Iterator[Path]:
        """Return the files of a delivery: those in the folder, and those a collecting partner took."""
        yield from Path(row.endpoint).glob(f"{row.key}.json")
        if row.recipient in self.shelves:
            yield from self.shelves[row.recipient].glob(f"*-{row.key}.json")

    def entries(self, row: DeliveryRow) -> tuple[Entry, ...]:
        """Return every request a partner heard under a delivery's key."""
        if row.recipient not in PARTNERS:
            return ()
        return tuple(entry for entry in self.world.sandbox.ledger(PARTNERS[row.recipient]).entries() if entry.key == row.key)

    def attempts(self, row: DeliveryRow) -> tuple[AttemptRow, ...]:
        """Return the hub's own record of a delivery's attempts."""
        with self.world.hub.store.read() as work:
            return work.attempts.of_delivery(row.owner, row.id)

    def repeats(self) -> int:
        """Return how many requests came to a partner a second time."""
        ledgers = map(self.world.sandbox.ledger, PARTNERS.values())
        return sum(entry.why == "repeat" for ledger in ledgers for entry in ledger.entries())

    def states(self) -> Counter[str]:
        """Return how many deliveries of the stories ended in each state."""
        return Counter(row.state for story in self.stories for row in self.world.deliveries(story))

    def _overtaken(self, row: DeliveryRow) -> bool:
        """Say whether a withdrawal came while it was in flight: then it is not tried again, and a doubt is a person's."""
        with self.world.hub.store.read() as work:
            return any(event.event == "recall_pending" for event in work.events.of_delivery(row.owner, row.id))

    def _on_a_desk(self, row: DeliveryRow) -> bool:
        with self.world.hub.store.read() as work:
            return any(item.delivery_id == row.id for item in work.work_items.open_items(row.owner))

    # ── a case ──

    def _of_ghosts(self, story: Story, rows: Collection[DeliveryRow]) -> Iterator[str]:
        """Nothing is with a partner that the hub does not know of."""
        known = {row.key for row in rows}
        for name in PARTNERS.values():
            for entry in self.world.sandbox.ledger(name).entries():
                if entry.case_id == str(story.case_id) and entry.key not in known:
                    yield f"{name} has a {entry.message_type} under a key that is no delivery's"

    def _of_withdrawal(self, withdrawal: Withdrawal) -> Iterator[str]:
        """No claim after the withdrawal rests on the consent, and whoever had been sent something hears the one notice last."""
        story = withdrawal.story
        rows = [
            row for row in self.world.deliveries(story) if row.recipient in withdrawal.units and row.basis in {"consent", "recall", None}
        ]
        with self.world.hub.store.read() as work:
            case = work.cases.get(story.owner, str(story.case_id))
        assert case is not None
        for row in rows:
            old = [attempt for attempt in self.attempts(row) if (attempt.consent_version or 0) < case.consent_version]
            if row.basis == "consent" and len(old) < max(len(self.attempts(row)), len(self.entries(row))):
                yield f"{_name(row)}: it was claimed or sent on a consent that had been withdrawn"
        for unit in sorted(withdrawal.units):
            yield from self._of_unit([row for row in rows if row.recipient == unit], unit)

    def _of_unit(self, rows: Sequence[DeliveryRow], unit: str) -> Iterator[str]:
        had = [row for row in rows if row.basis == "consent" and self.effects(row)]
        notices = [row for row in rows if row.message_type == NOTICE and self.effects(row)]
        # A notice that nobody can know the end of is held like anything else: then a person calls back.
        by_a_person = [row for row in rows if row.message_type == NOTICE and row.state == "held"]
        if had and not notices and not by_a_person:
            yield f"{unit} was sent something that has been withdrawn, and was not called back: {', '.join(map(_name, rows))}"
        if len(notices) > 1:
            yield f"{unit} was called back {len(notices)} times: {', '.join(map(_name, rows))}"
        if had and notices and self._order(rows)[-1] != NOTICE:
            yield f"{unit} heard something after the notice: {', '.join(map(_name, rows))}"

    def _order(self, rows: Sequence[DeliveryRow]) -> list[str]:
        """Return the types one unit has of a case, in the order in which they came."""
        if rows[0].recipient in PARTNERS:
            ledger = self.world.sandbox.ledger(PARTNERS[rows[0].recipient])
            return [entry.message_type or "" for entry in ledger.effects() if entry.case_id == rows[0].case_id]
        files = sorted((file for row in rows for file in self.files(row)), key=lambda file: file.stat().st_mtime_ns)
        return [str(json.loads(file.read_bytes())["type"]) for file in files]


def _name(row: DeliveryRow) -> str:
    return f"{row.message_type} to {row.recipient} ({row.state}, {row.reason}, {row.attempts} attempts)"
