"""PostgreSQL restarted, killed, frozen, and failed over to its standby, under load: what was accepted is there, once, and the hub goes on by itself.

The hub is a process of `siphub up`, whose partners live in the test's process; a sender that hears 503 hands the same bytes in again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from siphub.model import people as p
from siphub.store import master
from siphub.testing.aftermath import Aftermath, Withdrawal
from siphub.testing.postgresql import Postgres
from siphub.testing.story import Story, until

if TYPE_CHECKING:
    from siphub.testing.child import Town

pytestmark = [pytest.mark.chaos, pytest.mark.node, pytest.mark.timeout(1800)]

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
LONG = 90.0
QUICK = {"database_timeout": "1s", "lease": "1500ms", "mode": "test"}

MakeTown = Callable[..., "Town"]


@pytest.fixture
def make_town_on(make_town: MakeTown, tmp_path: Path) -> MakeTown:
    """Return what makes a town whose hub has its content and its keys on PostgreSQL."""

    def make(content: str, keys: str) -> Town:
        (tmp_path / "hub" / "keys").mkdir(parents=True, mode=0o700)
        master.make(tmp_path / "hub" / "keys" / master.FILE)
        return make_town(database_url=content, keys_url=keys, **QUICK)

    return make


class Load:
    """Two senders, each with one case after the other, until they are told to end."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._end = threading.Event()
        self.stories: list[Story] = []
        self.withdrawals: list[Withdrawal] = []

    @contextmanager
    def on(self) -> Iterator[None]:
        """Send meanwhile, and some cases more."""
        with ThreadPoolExecutor(2) as senders:
            sending = [senders.submit(self._send, number) for number in range(2)]
            try:
                yield
            finally:
                self._end.set()
            for each in sending:
                each.result()

    def _send(self, sender: int) -> None:
        for number in range(1_000):
            story = Story(self._town.send)
            self.stories.append(story)
            story.ready(UNITS)
            story.summoned(UNITS)
            if number % 2 == sender:
                story.withdrawn()
                self.withdrawals.append(Withdrawal(story, frozenset(UNITS)))
            else:
                story.responded(p.HOME_CARE)
                story.rescheduled(UNITS)
            if self._end.is_set():
                return

    def more(self, cases: int = 2) -> None:
        """Wait until so many cases more have been begun: nobody is stuck."""
        before = len(self.stories)
        assert until(lambda: len(self.stories) >= before + cases, LONG), self._town.child and self._town.child.said()


def judged(town: Town, load: Load) -> dict[str, object]:
    """Compare the partners with the hub, whose process is the one that was started first; return figures."""
    child = town.child
    assert child is not None
    assert (town.ends, child.ended(0.01)) == ([], None)
    with town.look() as hub:
        after = Aftermath(town.world, load.stories, load.withdrawals)
        assert after.settled(LONG)
        broken = after.findings() + town.answered_otherwise()
        assert broken == []
        with hub.store.read() as work:
            kept = [work.submissions.find(found.message.sender.organisation, str(found.message.message_id)) for found in town.handed]
        assert None not in kept
        assert set(town.later) <= {"store.lost", "store.busy"}
        return {
            "messages": len(town.handed),
            "deliveries": after.states().total(),
            "asked to come later": town.later.total(),
            "answers lost, then given": sum(found.repeated for found in town.handed),
            "repeats at partners": after.repeats(),
            "lost": kept.count(None),
            "promises broken": len(broken),
        }


def restarted(server: Postgres) -> None:
    """As an administrator does."""
    server.stop()
    server.start()


def killed(server: Postgres) -> None:
    """As when the machine dies, and comes back."""
    server.kill()
    server.start()


def frozen(server: Postgres) -> None:
    """As behind a line that swallows everything."""
    with server.frozen():
        time.sleep(4)


HURTS: Sequence[Callable[[Postgres], None]] = (restarted, killed, frozen)


def test_a_server_that_goes_and_comes_back(
    make_town_on: MakeTown, postgresql: Postgres, chaos_rounds: int, write_result: Callable[..., None]
) -> None:
    """Given a stream of messages, when PostgreSQL is restarted, killed and frozen, then all that was accepted is there, once, and all threads live."""
    urls = postgresql.database(), postgresql.database()
    town = make_town_on(*urls)
    began = time.monotonic()
    town.up()
    load = Load(town)
    rounds = max(1, chaos_rounds // 10)
    with load.on():
        load.more()
        for _ in range(rounds):
            for hurt in HURTS:
                hurt(postgresql)
                load.more()
    figures = judged(town, load)
    assert town.later["store.lost"] > 0
    town.child.kill() if town.child else None
    for url in urls:
        postgresql.drop(url)
    write_result(
        "postgresql", {"what": "restarted, killed, frozen", "rounds": rounds, **figures, "seconds": round(time.monotonic() - began)}
    )


def over_two(url: str, other: Postgres) -> str:
    """Return a URL that names a second host."""
    begin, _, rest = url.rpartition("/")
    return f"{begin},127.0.0.1:{other.port}/{rest}"


def test_a_standby_that_is_promoted(make_town_on: MakeTown, write_result: Callable[..., None]) -> None:
    """Given a synchronous standby, when the primary dies under load and it is promoted, then every accepted message is in it, and all goes on."""
    began = time.monotonic()
    with Postgres() as primary:
        content, keys = primary.database(), primary.database()
        with Postgres(follows=primary) as standby:
            primary.configure(synchronous_standby_names="*")
            assert until(lambda: primary.run("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
            standby.configure(synchronous_standby_names="")
            town = make_town_on(over_two(content, standby), over_two(keys, standby))
            town.up()
            load = Load(town)
            with load.on():
                load.more(3)
                primary.kill()
                time.sleep(1)
                standby.promote()
                load.more(3)
            figures = judged(town, load)
            assert town.later["store.lost"] > 0
            if town.child:
                town.child.kill()
    write_result("postgresql", {"what": "failed over to its standby", "rounds": 1, **figures, "seconds": round(time.monotonic() - began)})


def test_what_the_standby_has_not_is_promised_to_nobody(make_town_on: MakeTown) -> None:
    """Given a synchronous standby that is away, then nothing is accepted, not even by a repeat, and no thread hangs; when it is back, all is as said.

    A commit that has not ended may have been made: the repeat gets the answer that it led to, once it is safe. Also where the primary
    was restarted in between, after which the row can be read though no standby has it.
    """
    with Postgres() as primary:
        content, keys = primary.database(), primary.database()
        with Postgres(follows=primary) as standby:
            primary.configure(synchronous_standby_names="*")
            assert until(lambda: primary.run("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
            town = make_town_on(content, keys)
            child = town.up()
            story = Story(town.send)
            story.ready(UNITS)
            message = story.message(story.kallelse(), UNITS)
            key, pool = town._keys[message.sender.organisation], urllib3.PoolManager(retries=False, timeout=60)

            def hand_in() -> tuple[int, str | None, str | None]:
                answer = pool.request(
                    "POST",
                    f"http://127.0.0.1:{child.port}/v1/messages",
                    body=message.to_json(),
                    headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                )
                said = json.loads(answer.data)
                return answer.status, said.get("code"), answer.headers.get("Retry-After")

            standby.stop()
            began = time.monotonic()
            assert [hand_in() for _ in range(3)] == [(503, "store.lost", "5")] * 3
            assert time.monotonic() - began < LONG
            primary.kill()
            primary.start()
            assert until(lambda: len(primary.run("SELECT 1 FROM submission", content.rpartition("/")[2])) == 4)  # it can be read
            for _ in range(3):
                assert hand_in()[:2] in {(503, "store.lost"), (503, "store.busy")}
            ready = pool.request("GET", f"http://127.0.0.1:{child.port}/health/ready")
            assert ready.status == 503
            standby.start()
            assert until(lambda: hand_in()[0] == 202, LONG), child.said()
            pool.clear()
            with town.look():
                after = Aftermath(town.world, [story])
                assert after.settled(LONG)
                assert after.findings() == []
                assert after.states() == {"delivered": 4}
            child.kill()
