"""Everything is lost, the broker too, and last night's backup is all there is: what happened since is handed in again.

The partners are in the test's process and lose nothing, and their ledgers are what counts. FK collects its files, so that nobody can see
any more what it has got.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from siphub.cli.command_line import main
from siphub.errors import Conflict
from siphub.flow import operate
from siphub.model import Message
from siphub.model import people as p
from siphub.sandbox import Entry, Fault, Sandbox
from siphub.store import DeliveryRow, master
from siphub.testing.aftermath import Collector
from siphub.testing.postgresql import Postgres
from siphub.testing.rabbitmq import USERS, VHOST, Rabbit
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, Told, World

pytestmark = [pytest.mark.chaos, pytest.mark.node, pytest.mark.timeout(300)]

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
DOWN = PARTNERS[p.CARE_CENTRE]
URLS = ("database_url", "keys_url")
LONG = 60.0


@dataclass
class Night:
    """A hub, what its senders have sent and were answered, and the cases."""

    world: World
    tmp: Path
    run: Callable[..., Any]
    rabbit: Rabbit
    server: Postgres | None
    sent: list[tuple[Message, Told]] = field(default_factory=list)
    cases: dict[str, Story] = field(default_factory=dict)
    yesterday: int = 0

    def send(self, message: Message) -> Told:
        """Hand in, and keep what a careful sender keeps."""
        told = self.world.send(message)
        self.sent.append((message, told))
        return told

    def story(self, name: str) -> Story:
        self.cases[name] = self.world.story(self.send)
        return self.cases[name]

    def entries(self) -> list[tuple[str, Entry]]:
        """Return every request that came to a partner, with its name."""
        return [(name, entry) for name in PARTNERS.values() for entry in self.world.sandbox.ledger(name).entries()]

    def effects(self) -> Counter[tuple[str, str]]:
        """Return every effect at a partner, by partner and message."""
        return Counter((name, entry.message_id or "") for name, entry in self.entries() if entry.effect)

    def collected(self) -> Counter[str]:
        """Return how often FK has taken each file."""
        return Counter(file.name.partition("-")[2] for file in (self.tmp / "shelf").glob("*.json"))

    def rows(self, name: str) -> tuple[DeliveryRow, ...]:
        return self.world.deliveries(self.cases[name])

    def busy(self) -> list[DeliveryRow]:
        return [row for name in self.cases for row in self.rows(name) if row.state in {"queued", "sending"}]

    # ── the hours ──

    def evening(self) -> None:
        """Some is done, some waits for a partner that is down; then the backup is made."""
        self.settings()
        calm, waits, withdrawn = self.story("calm"), self.story("waits"), self.story("withdrawn")
        for story in (calm, withdrawn):
            story.ready([*UNITS, p.FK])
            story.summoned(UNITS)
            assert self.world.settled(story)
        self.world.sandbox.fault(DOWN, Fault("status"))
        waits.ready([*UNITS, p.FK])
        waits.summoned(UNITS)
        assert until(lambda: self.world.states(waits, "meeting.summoned") == dict.fromkeys(UNITS[:2], "delivered") | {UNITS[2]: "queued"})
        self.run("backup", "--content", self.tmp / "backups", "--keys", self.tmp / "safe", "--data", self.world.data)
        self.yesterday = len(self.sent)

    def day(self) -> None:
        """All of this happens, and will be lost: what waited goes out, new cases, new times, a consent taken back, a partner that is down again."""
        self.world.sandbox.clear()
        self.cases["calm"].rescheduled(UNITS)
        new, asked, withdrawn = self.story("new"), self.story("asked"), self.cases["withdrawn"]
        asked.ready([p.FK])
        asked.invited([p.FK])
        new.ready(UNITS)
        new.summoned(UNITS)
        withdrawn.rescheduled(UNITS)
        assert until(lambda: not self.busy())
        withdrawn.withdrawn()
        new.responded(p.HOME_CARE)
        assert until(lambda: not self.busy())
        self.world.sandbox.fault(DOWN, Fault("status"))
        new.rescheduled(UNITS)
        assert until(lambda: self.world.states(new, "meeting.rescheduled") == dict.fromkeys(UNITS[:2], "delivered") | {UNITS[2]: "queued"})

    def loss(self) -> None:
        """Nothing is left but the backups and the master key; the broker is empty, and so is the database server."""
        self.world.hub.stop()
        self.world.sandbox.clear()
        self.rabbit.control("delete_vhost", VHOST)
        self.rabbit.control("add_vhost", VHOST)
        for name, (_, *rights) in USERS.items():
            self.rabbit.control("set_permissions", "-p", VHOST, name, *rights)
        assert self.rabbit.queues() == []
        lost, self.world.data = self.world.data, self.tmp / "new-hub"
        (self.world.data / "keys").mkdir(parents=True, mode=0o700)
        shutil.copy(lost / "keys" / "master.key", self.world.data / "keys")
        shutil.rmtree(lost)
        for name in URLS if self.server else ():
            assert self.server is not None
            self.server.drop(str(self.world.given[name]))
            self.world.given[name] = self.server.database()
        self.settings()

    def settings(self) -> None:
        """Write down for the command line what the hub in this process is given."""
        lines = [f'{name} = "{self.world.given[name]}"\n' for name in URLS if name in self.world.given]
        (self.world.data / "siphub.toml").write_text("".join(lines))

    def hand_in_again(self, messages: Sequence[tuple[Message, Told]]) -> list[Told]:
        """Hand everything in again, in its order; each delivery has the id it had."""
        answers = [self.world.send(message) for message, _ in messages]
        assert [_ids(told) for told in answers] == [_ids(told) for _, told in messages]
        return answers


def _ids(told: Told) -> list[tuple[str, str | None]]:
    return [(one.recipient, one.delivery) for one in told.answer.recipients] if told.answer else []


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Return the command line, run in this process; what it printed as JSON."""

    def command(*words: object) -> Any:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in (*words, "--json")])
        out, err = capfd.readouterr()
        assert not ended.value.code, err
        return json.loads(out)

    return command


@contextmanager
def night_over(tmp: Path, rabbit: Rabbit, server: Postgres | None, run: Callable[..., Any]) -> Iterator[Night]:
    """Give a running hub, its partners, and FK that collects its files."""
    given = {"broker_url": rabbit.url, **({name: server.database() for name in URLS} if server else {})}
    (tmp / "hub" / "keys").mkdir(parents=True, mode=0o700)
    master.make(tmp / "hub" / "keys" / master.FILE)
    with (
        Sandbox(PARTNERS.values(), folder=tmp / "sandbox") as sandbox,
        World(sandbox, tmp / "folders", tmp / "hub", given) as world,
        Collector(Path(world.address(p.FK).endpoint), tmp / "shelf"),
    ):
        yield Night(world, tmp, run, rabbit, server)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_last_nights_backup_onto_an_empty_broker(
    tmp_path: Path,
    rabbitmq: Rabbit,
    request: pytest.FixtureRequest,
    run: Callable[..., Any],
    write_result: Callable[..., None],
    database: str,
) -> None:
    """Given last night's backup and nothing else, when all is handed in again, then all arrives, once, and nothing on a consent taken back."""
    server: Postgres | None = request.getfixturevalue("postgresql") if database == "postgresql" else None
    began = time.monotonic()
    with night_over(tmp_path, rabbitmq, server, run) as night:
        night.evening()
        night.day()
        night.loss()
        effects, heard, lost_at = night.effects(), len(night.entries()), datetime.now(UTC)
        done = run("restore", "--content", tmp_path / "backups", "--keys", tmp_path / "safe", "--into", night.world.data)
        # What waited for the partner that was down may just have been tried when the backup was made.
        assert (done["doubted"] + done["sending"], done["without_key"]) == (1, 0)

        night.world.open()
        answers = night.hand_in_again(night.sent)
        repeated = [told.answer.repeated for told in answers if told.answer]
        assert repeated == [number < night.yesterday for number in range(len(night.sent))]
        with pytest.raises(Conflict, match="withdrawals of consent"):
            operate.switch(night.world.hub.ground, "running", by="test")
        assert len(night.entries()) == heard  # nothing has left so far

        run("start", "--after-restore", "--data", night.world.data)
        assert until(lambda: not night.busy(), LONG)
        what_was_missing = [
            row for row in night.rows("new") if row.message_type == "meeting.rescheduled" and row.recipient == p.CARE_CENTRE
        ]
        assert night.effects() == effects + Counter((DOWN, row.message_id) for row in what_was_missing)
        assert len(what_was_missing) == 1
        withdrawn = str(night.cases["withdrawn"].case_id)
        again = {entry.message_type for _, entry in night.entries() if entry.case_id == withdrawn and entry.received_at > lost_at}
        assert again == {"stop.notice"}
        assert set(night.collected().values()) == {1}
        held = [(row.recipient, row.reason) for name in night.cases for row in night.rows(name) if row.state == "held"]
        assert held == [(p.FK, "send.uncertain")]
        states = Counter(row.state for name in night.cases for row in night.rows(name))
        assert set(states) == {"delivered", "recalled", "superseded", "held"}
        with night.world.hub.store.read() as work:
            assert [work.audit.verify(owner) for owner in work.audit.owners()] == [None] * len(work.audit.owners())
    figures = {
        "database": database,
        "messages": len(night.sent),
        "handed in again": len(night.sent) - night.yesterday,
        "effects before": effects.total(),
        "effects after": night.effects().total(),
        "second effects": sum(times - 1 for times in (*night.effects().values(), *night.collected().values())),
        "held": states["held"],
        "seconds": round(time.monotonic() - began),
    }
    write_result("restore", figures)
