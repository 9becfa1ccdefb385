"""A hub in a process of its own, for tests that kill it or stop it: `siphub up` on a data folder, with its partners in the test's process.

A `Town` hands messages in over HTTP as a careful sender does: where no answer came, it hands the same bytes in again. It must never look
into the process it kills, nor signal any process but the one it started.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from siphub.hub import Hub, add_key, build
from siphub.model import Message
from siphub.model.identifiers import UnitId
from siphub.settings import FILE
from siphub.testing.story import Story
from siphub.testing.world import Told, World

PATIENCE = 30.0
"""How long to wait for a process to come up, to answer or to die, in seconds."""
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class Child:
    """One process of `siphub up`. Returns once it says where it answers.

    Args:
        data: Its data folder; the settings stand in the `siphub.toml` there.
        log: Where it writes what it says.
    """

    def __init__(self, data: Path, log: Path) -> None:
        self._log = log
        words = [str(Path(sys.executable).with_name("siphub")), "up", "--data", str(data), "--port", "0"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - ourselves
        self.port = self._heard_port()

    def _heard_port(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while (found := _ADDRESS.search(self._log.read_bytes())) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the hub did not come up:\n{self.said()}")
            time.sleep(0.01)
        return int(found[1])

    def said(self) -> str:
        """Return the last of what the process said."""
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def post(self, path: str, body: bytes, key: str) -> tuple[int, bytes, bool]:
        """POST JSON; return status, body, and whether it was marked as a repeat.

        Raises:
            OSError: Nobody answered.
            http.client.HTTPException: The answer broke off.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", path, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("X-Siphub-Repeated") == "yes"
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def ended(self, within: float) -> int | None:
        """Wait for its end; return the signal that ended it as a negative number, or None where it still runs."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            return None

    def stopped(self, within: float) -> bool:
        """Wait until the process stands still under SIGSTOP; return whether it does."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None:
                return True
            time.sleep(0.005)
        return False

    def wake(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that was accepted, with the API key it was handed in under, its answer, and whether an earlier answer had got lost."""

    message: Message
    key: str = field(repr=False)
    answer: bytes
    repeated: bool


@dataclass
class Town:
    """Partners in this process, and a hub in another that dies and comes back on the same data folder.

    Args:
        world: The partners, the folders and the directory; its own hub is opened only to set things up and to look at the end.
        logs: A folder for what the processes say.
        given: Further settings of the hub, by name.
    """

    world: World
    logs: Path
    given: Mapping[str, str | int] = field(default_factory=dict)
    handed: list[Handed] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """How each process ended: -9 is SIGKILL."""
    later: Counter[str] = field(default_factory=Counter)
    """How often a sender was asked to come later, by code."""
    child: Child | None = None
    _keys: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _starts: int = 0

    def __enter__(self) -> Self:
        self.world.given = {**self.world.given, **self.given}
        self.world.open(start=False)
        for number in {unit.organisation for unit in self.world.directory().units}:
            self._keys[number] = add_key(
                self.world.hub.store, self.world.hub.ground.clock, organisation=number, name="chaos", roles=("send", "inbox")
            )
        self.world.hub.stop()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.child is not None:
            self.child.kill()

    def up(self, fault: str | None = None, **given: str | int) -> Child:
        """Start the hub's process, with a fault or without; further settings for this process alone."""
        with self._lock:
            self._starts += 1
            self.world.write(**given, **({} if fault is None else {"fault": fault}))
            self.child = Child(self.world.data, self.logs / f"hub-{self._starts}.log")
            return self.child

    def revive(self, dead: Child, within: float = PATIENCE) -> None:
        """Wait until a process has ended, note how, and start the next one, without a fault. Once for each, whoever asks first."""
        with self._lock:
            if self.child is not dead:
                return
            end = dead.ended(within)
            assert end is not None, f"the hub does not answer and has not ended:\n{dead.said()}"
            self.ends.append(end)
            self.up()

    def kill(self) -> None:
        """Kill -9 the process that runs now, and start the next."""
        with self._lock:
            assert self.child is not None
            self.child.kill()
            self.revive(self.child)

    def send(self, message: Message) -> Told:
        """Hand a message in until it is answered, with the same bytes each time."""
        body, key = message.to_json(), self._keys[message.sender.organisation]
        while True:
            child = self.child
            assert child is not None
            try:
                status, answer, repeated = child.post("/v1/messages", body, key)
            except (OSError, http.client.HTTPException):
                self.revive(child)
                continue
            if status != 503:
                break
            self.later[json.loads(answer)["code"]] += 1
            time.sleep(0.05)
        assert status == 202, answer
        self.handed.append(Handed(message, key, answer, repeated))
        return Told({found["recipient"]: (found["state"], found["reason"]) for found in json.loads(answer)["recipients"]})

    def answered_otherwise(self, cases: Collection[UUID] | None = None) -> list[str]:
        """Hand accepted messages in once more, those of some cases or all; return which are not answered as at first, byte for byte."""
        child = self.child
        assert child is not None
        asked = [found for found in self.handed if cases is None or found.message.case_id in cases]
        again = [child.post("/v1/messages", found.message.to_json(), found.key) for found in asked]
        return [
            f"a {found.message.type} that was handed in again was answered otherwise"
            for found, answer in zip(asked, again, strict=True)
            if answer != (202, found.answer, True)
        ]

    def begun(self, units: Sequence[UnitId]) -> Story:
        """Return a case that has come as far as a kallelse, with nothing on its way; a hub in this process has done it."""
        with self.look() as hub:
            hub.start()
            story = Story(self.world.send)
            story.ready(units)
            assert self.world.settled(story)
        return replace(story, send=self.send)

    def look(self) -> Hub:
        """Open the data folder from this process, without starting anything there. Stop what is returned."""
        (self.world.data / FILE).unlink(missing_ok=True)
        self.world.hub = build(self.world.settings())
        return self.world.hub
