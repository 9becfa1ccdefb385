"""A hub in parts, each a real process over one SQLite file and a broker in a folder: what each says, does, and leaves when it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from siphub.cli.doctor_processes import processes
from siphub.cli.lock import one_at_a_time, only_one, shared
from siphub.cli.lock import running as in_use
from siphub.contract import SystemClock
from siphub.errors import SettingsError
from siphub.hub import PARTS, build
from siphub.model import sample
from siphub.settings import Settings
from siphub.store import NO_OWNER, ProcessRow
from siphub.testing.story import until

if TYPE_CHECKING:
    from tests.conftest import Done

Running = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], Any]]]
OWN = {
    "serve": {"ready", "store", "keys", "sending"},
    "relay": {"ready", "store", "broker", "relay", "sending"},
    "work": {"ready", "store", "broker", "worker", "sending"},
    "sweep": {"ready", "store", "sweeper", "archivist", "poller", "sending"},
}
"""What each part's readiness is made of."""


def asked(url: str, path: str) -> tuple[int, bytes]:
    """Return status and body of what a process answers."""
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        reply = pool.request("GET", url + path)
        return reply.status, reply.data


def is_ready(url: str) -> bool:
    """Say whether a process is ready."""
    return asked(url, "/health/ready")[0] == 200


@pytest.fixture
def settled(data_folder: Path) -> Path:
    """Return a data folder whose settings name a broker that several processes can reach."""
    bells = data_folder.parent / "bells"
    (data_folder / "siphub.toml").write_text(
        f'min_free_disk = 1\nbroker_url = "filesystem://{bells}"\nsweep_every = "200ms"\nring_timeout = "1s"\n'
    )
    return data_folder


@pytest.fixture
def parts(running: Running, settled: Path) -> Iterator[dict[str, tuple[subprocess.Popen[str], Any]]]:
    """Return one process of each part, with its greeting."""
    with ExitStack() as opened:
        yield {
            part: opened.enter_context(running(part, "--data", settled, "--port" if part == "serve" else "--health-port", 0))
            for part in PARTS
        }


class TestAHubInParts:
    def test_a_message_travels_from_one_process_to_another(
        self, parts: dict[str, tuple[subprocess.Popen[str], Any]], settled: Path, siphub: Callable[..., Done]
    ) -> None:
        """Given one process of each part, when a message is handed in at the one, then another delivers it; each is ready on its own parts.

        All are listed, nothing is wrong with them, and each ends with 0 when it is told to, and says that nothing was left.
        """
        greetings = {part: greeting for part, (_, greeting) in parts.items()}
        assert {part: greeting["process"] for part, greeting in greetings.items()} == {part: part for part in PARTS}
        assert len({greeting["name"] for greeting in greetings.values()}) == 1
        assert greetings["work"]["adapters"] == ["folder", "municipal-xml"]
        for part, greeting in greetings.items():
            assert until(partial(is_ready, greeting["url"])), part
            assert set(json.loads(asked(greeting["url"], "/health/ready")[1])) == OWN[part]
            assert asked(greeting["url"], "/health/live")[0] == 200
            assert b"siphub_deliveries" in asked(greeting["url"], "/metrics")[1]
            assert (asked(greeting["url"], "/openapi.json")[0], asked(greeting["url"], "/v1/cases/1")[0]) == (
                200,
                401 if part == "serve" else 404,
            )

        key = settled / "keys" / "sender.key"
        file = settled.parent / "request.json"
        file.write_bytes(sample("sip.requested").to_json())
        assert siphub("submit", file, "--url", greetings["serve"]["url"], "--key-file", key).status == 0
        hub = build(Settings(data=settled, min_free_disk=1))
        assert until(lambda: hub.counts().get("delivered") == 1, 30)
        hub.stop()

        listed = siphub("processes", "--data", settled, "--json").facts
        assert sorted(" ".join(one["parts"]) for one in listed) == sorted(PARTS)
        assert {one["pid"] for one in listed} == {process.pid for process, _ in parts.values()}
        found = siphub("doctor", "--data", settled, "--json").facts
        assert [one["what"] for one in found if one["level"] == "wrong"] == []
        assert [one for one in found if one["level"] == "look" and "4 processes share an SQLite database" in one["what"]]

        for process, _ in parts.values():
            process.terminate()
        for part, (process, _) in parts.items():
            out, err = process.communicate(timeout=60)
            assert (process.returncode, json.loads(out)) == (0, {"stopped": part, "returned": 0, "sending": 0}), err
        assert siphub("processes", "--data", settled).out == "No process of this hub is running.\n"
        assert not in_use(settled)

    def test_a_part_that_is_missing_is_wrong(self, running: Running, settled: Path, siphub: Callable[..., Done]) -> None:
        """Given a hub of which only a worker for one adapter runs, then doctor says which parts and which adapter nobody looks after."""
        with running("work", "--adapter", "folder", "--data", settled) as (_, greeting):
            assert (greeting["adapters"], greeting["url"]) == (["folder"], None)
            assert until(lambda: siphub("processes", "--data", settled, "--json").facts != [])
            wrong = [one["what"] for one in siphub("doctor", "--data", settled, "--json").facts if one["level"] == "wrong"]
            assert [sum(f"siphub {part} starts one" in one for one in wrong) for part in PARTS] == [1, 1, 0, 1]
            assert [one for one in wrong if "no worker delivers for the adapter municipal-xml" in one]

    def test_a_second_signal_ends_it_at_once(self, running: Running, settled: Path) -> None:
        """Given a sweep that was told to stop, when it is told once more, then it has ended with the signal's number, whatever it was doing."""
        with running("sweep", "--data", settled) as (process, _):
            for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
                process.send_signal(number)  # both wait for it when it goes on
            assert process.wait(timeout=30) in {128 + signal.SIGTERM, 128 + signal.SIGINT}


class TestWhatIsRefused:
    @pytest.mark.parametrize("part", PARTS)
    def test_a_broker_inside_one_process(self, siphub: Callable[..., Done], data_folder: Path, part: str) -> None:
        """Given memory://, then a part alone is wrong use, with what to do instead, and nothing is made in the folder."""
        done = siphub(part, "--data", data_folder)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("siphub: settings.broker_embedded: ")
        assert list(data_folder.iterdir()) == []

    def test_an_adapter_that_is_not_there(self, siphub: Callable[..., Done], settled: Path) -> None:
        """Given a worker for an adapter nobody has, then exit 1 and its name."""
        done = siphub("work", "--adapter", "fax", "--data", settled)
        assert done.status == 1
        assert "plugin.no_adapter" in done.err
        assert "fax" in done.err

    def test_up_and_a_part_on_one_folder(self, running: Running, settled: Path, siphub: Callable[..., Done]) -> None:
        """Given a part that runs on a folder, then `up` is refused there; given an `up`, then a part is."""
        with running("sweep", "--data", settled):
            done = siphub("up", "--data", settled, "--port", 0)
            assert (done.status, "hub.running" in done.err, "in several processes" in done.err) == (1, True, True)
        with running("up", "--data", settled, "--port", 0) as (process, _):
            done = siphub("sweep", "--data", settled)
            assert (done.status, f"process {process.pid}" in done.err) == (1, True)


class TestTheName:
    def test_two_hubs_in_folders_of_one_path_have_two_names(self, data_folder: Path) -> None:
        """Given two hubs that each begin in a folder of the same path, as on two machines, then neither hears the other's queues."""
        names = set()
        for number in range(2):
            with build(Settings(data=data_folder, min_free_disk=1)) as hub:
                names.add(hub.ground.name)
            data_folder.rename(data_folder.parent / f"machine-{number}")
        assert len(names) == len(list(data_folder.parent.glob("machine-*")))

    def test_a_hub_keeps_its_name_when_its_folder_moves(self, data_folder: Path) -> None:
        """Given a hub that has begun, when its folder moves, then its queues keep their name."""
        before = build(Settings(data=data_folder, min_free_disk=1))
        before.stop()
        moved = data_folder.rename(data_folder.parent / "elsewhere")
        after = build(Settings(data=moved, min_free_disk=1))
        after.stop()
        assert before.ground.name.startswith("data-")
        assert after.ground.name == before.ground.name

    def test_a_setting_counts_more_and_doctor_says_where_it_differs(self, siphub: Callable[..., Done], data_folder: Path) -> None:
        """Given a name in the settings, then it is the hub's; where the store has kept another, or a process uses another, doctor says so."""
        build(Settings(data=data_folder, min_free_disk=1, name="norrby")).stop()
        same = build(Settings(data=data_folder, min_free_disk=1))
        assert same.ground.name == "norrby"
        (data_folder / "siphub.toml").write_text('min_free_disk = 1\nname = "soderby"\n')
        same.start()
        assert until(lambda: siphub("processes", "--data", data_folder, "--json").facts != [])
        found = siphub("doctor", "--data", data_folder, "--json").facts
        same.stop()
        assert [one["level"] for one in found if "norrby, the name of the first start" in one["what"]] == ["look"]
        assert [one["level"] for one in found if "ring the queues of norrby, and here the setting name says soderby" in one["what"]] == [
            "wrong"
        ]

    @pytest.mark.parametrize("name", ["Norrby", "a b", "-a", "å", "a" * 61])
    def test_a_name_that_no_queue_can_have(self, siphub: Callable[..., Done], data_folder: Path, name: str) -> None:
        """Given a name of other letters, or too long, then the setting is named, exit 2."""
        (data_folder / "siphub.toml").write_text(f'name = "{name}"\n')
        done = siphub("sweep", "--data", data_folder)
        assert (done.status, "name" in done.err) == (2, True)


def test_a_folder_that_this_user_cannot_write(tmp_path: Path) -> None:
    """Given a data folder that cannot be made or written, then its lock names it, and what to do."""
    (tmp_path / "file").touch()
    for hold in (only_one, shared, one_at_a_time):
        with pytest.raises(SettingsError, match="chown") as raised, hold(tmp_path / "file" / "hub"):
            pytest.fail("there is no such folder")
        assert raised.value.code == "settings.data_folder"


@dataclass(frozen=True)
class Apart:
    """A clock that runs as the machine's, and shows another time."""

    by: timedelta

    def now(self) -> datetime:
        """Return the time it shows."""
        return SystemClock().now() + self.by


def test_the_doctor_sees_a_process_whose_clock_is_ahead(data_folder: Path) -> None:
    """Given a process on a machine whose clock is ahead, then it is wrong, with the machine's name; a second is no matter."""
    now = SystemClock().now()
    with build(Settings(data=data_folder, min_free_disk=1)) as hub:
        for host, ahead in {"norr": 60, "soder": 1}.items():
            row = ProcessRow(
                NO_OWNER, host, "work", "folder", hub.ground.name, host, 1, "0", now, now + timedelta(seconds=ahead), rings=False
            )
            with hub.store.write() as work:
                work.processes.note(row)
        found = [one.what for one in processes(hub) if one.level == "wrong" and "clock" in one.what]
    assert [what.partition(" is ")[0] for what in found] == ["the clock of norr"]


@pytest.mark.node
@pytest.mark.parametrize("apart", [timedelta(seconds=-30), timedelta(0), timedelta(seconds=30)])
def test_the_doctor_compares_its_clock_with_the_servers(data_folder: Path, postgresql_url: str, apart: timedelta) -> None:
    """Given a machine whose clock is ahead of the database server's, or behind, then it is wrong."""
    with build(Settings(data=data_folder, min_free_disk=1, database_url=postgresql_url), clock=Apart(apart)) as hub:
        found = [one.what for one in processes(hub) if one.level == "wrong" and "database's server" in one.what]
    assert len(found) == bool(apart)
