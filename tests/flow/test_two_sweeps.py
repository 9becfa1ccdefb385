"""Two sweeps and two archivists at once, on each store: they do what one does, and nothing of it twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.contract import Accepted, AdapterInfo, Inbound, Outcome, Payload, Receipt, Recipient, Rejected
from siphub.errors import StoreBusy
from siphub.flow import attempt as attempts
from siphub.flow import deliver, receipts
from siphub.flow.poll import poll_once
from siphub.flow.sweep import ARCHIVING, looks
from siphub.hub import Hub, build
from siphub.model import Address
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.testing.clock import Hand
from siphub.testing.recorded import Recorded
from siphub.testing.small_plugins import Box, adapting
from siphub.testing.story import ALL, Story
from siphub.testing.world import PARTNERS

if TYPE_CHECKING:
    from siphub.testing.postgresql import Postgres

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
CASES = 2
STEP, STEPS = timedelta(days=1), 10
KEPT = {p.MUNICIPALITY: {"keep": "1 d", "decision": "KS 2026/117"}}


class Way(Box):
    """An adapter whose partner answers always the same, and has words of its own to be fetched, each until it is settled."""

    def __init__(self, name: str, answer: Outcome, hand: Hand) -> None:
        super().__init__(name)
        self.info = AdapterInfo(name=name, media_type="application/json", idempotent=True)
        self.answer = answer
        self.hand = hand
        self.waiting = {f"{name}-{number}": f"nobody-{number}" for number in range(40)}
        self.settled: list[str] = []
        self.lock = threading.Lock()

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take it, and answer."""
        super().deliver(payload, recipient, key)
        return self.answer

    def poll(self, _cursor: str | None) -> Iterable[Inbound]:
        """Give up to two of the words that wait."""
        with self.lock:
            some = sorted(self.waiting.items())[:2]
        return [Inbound(number, Receipt(key, "received", self.hand.at)) for number, key in some]

    def settle(self, partner_id: str) -> None:
        """Forget one."""
        with self.lock:
            self.settled.append(partner_id)
            self.waiting.pop(partner_id, None)


@dataclass
class Ways(Recorded):
    """A world in which home care takes and never confirms, the social services refuse, and the care centre is the sandbox's."""

    ways: dict[str, Way] = field(default_factory=dict)

    def address(self, unit: Any) -> Address:
        """Return the address of a unit."""
        name = {p.HOME_CARE: "later", p.SOCIAL_SERVICES: "never"}.get(unit)
        return Address(adapter=name, endpoint=f"{name}:{unit}") if name else super().address(unit)

    def second(self) -> Hub:
        """Return another process's hub on the same data."""
        return build(self.settings(), plugins=self.plugins, clock=self.clock)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def make_ways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Ways]]:
    """Return what makes a world of its own by name; its clock is turned by hand, and nothing in it runs by itself."""
    with ExitStack() as ends:
        sandbox = ends.enter_context(Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox"))

        def make(name: str) -> Ways:
            given: dict[str, Any] = {"retention": KEPT, "lease": "60s", "permit": "30s", "senders": 1, "name": name}
            if request.param == "postgresql":
                server: Postgres = request.getfixturevalue("postgresql")
                given["database_url"] = server.database()
                ends.callback(server.drop, given["database_url"])
            hand = Hand()
            ways = {"later": Way("later", Accepted(), hand), "never": Way("never", Rejected("partner.refused"), hand)}
            plugins = {way: adapting(found) for way, found in ways.items()}
            world = Ways(sandbox, tmp_path / f"folders-{name}", tmp_path / name, given=given, plugins=plugins, clock=hand, ways=ways)
            for number in world.registries:
                world.registry(number).open()
            world.open(start=False)
            ends.callback(world.hub.stop)
            return world

        yield make


def acted(world: Ways) -> list[Story]:
    """Act out cases in which everything happens by itself that can: calls unanswered, consents that run out, a worker that fell silent, an end."""
    now = world.hub.ground.now().replace(microsecond=0)
    stories = [world.story(now=now) for _ in range(4 * CASES)]
    for number, story in enumerate(stories):
        kind = number % 4
        story.requested()
        story.consented(UNITS, ALL, now + timedelta(days=2) if kind == 1 else None)
        story.approved(UNITS)
        if kind == 3:
            story.closed(())
        else:
            story.summoned(UNITS)
    work(world, leaving=[str(story.case_id) for story in stories[2::4]])
    return stories


def work(world: Ways, leaving: Sequence[str] = ()) -> None:
    """Claim and send what is due; of some cases the worker dies between the two."""
    ground = world.hub.ground
    with ground.store.read() as found:
        due = [row.id for row in found.deliveries.due(ground.now(), 500)]
    for row, permit in deliver.claim(ground, due, ground.directory()):
        if row.case_id not in leaving:
            deliver.record(ground, [attempts.attempt(ground, row, permit, ground.directory())])


def swept(hubs: Sequence[Hub], ways: dict[str, Way]) -> None:
    """Let everything be looked after at once by each of these hubs, as its sweeper and its archivist do."""
    ready = threading.Barrier(2 * len(hubs))

    def sweeper(hub: Hub) -> None:
        ready.wait(30)
        for look in looks():
            with suppress(StoreBusy):  # the sweep looks again
                look(hub.ground)
        for name, way in ways.items():
            with suppress(StoreBusy):
                poll_once(hub.ground, name, way)

    def archivist(hub: Hub) -> None:
        ready.wait(30)
        for look in ARCHIVING:
            with suppress(StoreBusy):
                look(hub.ground)

    with ThreadPoolExecutor(2 * len(hubs)) as threads:
        for done in [threads.submit(part, hub) for hub in hubs for part in (sweeper, archivist)]:
            done.result()


def lived(world: Ways, hubs: Sequence[Hub]) -> Counter[tuple[object, ...]]:
    """Let ten days pass, a day at a time; return what has come of it, without ids and times."""
    stories = acted(world)
    early = [row.key for row in world.deliveries(stories[0]) if row.recipient == p.CARE_CENTRE]
    for key in early:
        receipts.note(world.hub.ground, "municipal-xml", Receipt(key, "read", world.hub.ground.now()))
    for _ in range(STEPS):
        assert isinstance(world.clock, Hand)
        world.clock.on(STEP)
        swept(hubs, world.ways)
        work(world)
        for number in world.registries:
            world.registry(number).confirm()
    return summary(world, stories)


def summary(world: Ways, stories: Sequence[Story]) -> Counter[tuple[object, ...]]:
    """Return what there is, counted: deliveries, work items, record copies, links of the audit, and what the registries and partners hold."""
    found = Counter[tuple[object, ...]]()
    with world.hub.store.read() as work:
        for number, story in enumerate(stories):
            case = (story.owner, str(story.case_id))
            found.update((number, "delivery", row.message_type, row.recipient, row.state) for row in work.deliveries.of_case(*case))
            found.update((number, "work", row.type, row.unit, row.closed_at is None) for row in work.work_items.of_case(*case))
            found.update((number, "copy", row.organisation, row.direction, row.state) for row in work.record_copies.of_case(*case))
            found.update((number, "audit", link.action) for link in work.audit.of_case(*case))
        assert [work.audit.verify(owner) for owner in work.audit.owners()] == [None] * len(work.audit.owners())
    for organisation in world.registries:
        found["registry", organisation] = len(world.registry(organisation).metadata())
    for name, way in world.ways.items():
        found[name, "sent"] = len(way.sent)
    return found


@pytest.mark.timeout(300)
def test_two_do_what_one_does(make_ways: Callable[[str], Ways]) -> None:
    """Given the same ten days of the same cases, then two sweeps and two archivists at once leave just what one of each leaves.

    Among it are expired leases and consents, reminders, words about what failed or was not collected, work items, record copies that were
    handed over and confirmed, cases that were erased, and words of partners that were fetched.
    """
    alone, together = make_ways("alone"), make_ways("together")
    one = lived(alone, [alone.hub])
    second = together.second()
    try:
        two = lived(together, [together.hub, second])
    finally:
        second.stop()
    kinds = Counter(key[1:3] for key in one)
    for happened in (
        ("delivery", "meeting.reminder"),
        ("delivery", "delivery.failed"),
        ("delivery", "stop.notice"),
        ("audit", "deadline.passed"),
        ("audit", "case.erased"),
    ):
        assert kinds[happened], (happened, sorted(kinds, key=str))
    assert {key[4] for key in one if key[1] == "copy"} >= {"confirmed"}
    assert two == one
    for way in together.ways.values():
        assert max(Counter(way.settled).values()) == 1
