"""A hub in parts for tests that kill them: `serve`, `relay`, `work` and `sweep`, each a process of its own, over one store and one broker.

The partners and the test's own view of the store are in the test's process and survive every kill. It must never signal a process that it
has not started.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from siphub.hub import Part, add_key
from siphub.model import Message
from siphub.testing.child import Handed
from siphub.testing.world import Told, World

PATIENCE = 180.0
"""Seconds that a process on a busy machine may take to come up, to answer, or to reach the point at which it dies."""
_SIPHUB = str(Path(sys.executable).with_name("siphub"))
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")
_GREETED = b"Ctrl-C"


class Process:
    """One part of a hub, started and not waited for."""

    def __init__(self, part: Part, data: Path, log: Path, words: Sequence[str]) -> None:
        self.part = part
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [_SIPHUB, part, "--data", str(data), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """Return the last of what it said."""
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def greeted(self) -> Self:
        """Wait until it says that it does its work."""
        deadline = time.monotonic() + PATIENCE
        while _GREETED not in self._log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.part} did not come up:\n{self.said()}")
            time.sleep(0.01)
        return self

    @property
    def port(self) -> int:
        """Where it answers."""
        found = _ADDRESS.search(self._log.read_bytes())
        assert found is not None, self.said()
        return int(found[1])

    def ended(self, within: float = PATIENCE) -> int:
        """Wait for its end; return its exit status, the signal that ended it as a negative number."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.part} has not ended:\n{self.said()}") from None

    def tell(self, number: int = signal.SIGTERM) -> None:
        """Signal it."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE)


@dataclass
class County:
    """Partners and a store in this process, and the parts of a hub in others. Use it as a context manager.

    Args:
        world: The partners, the folders and the directory; its hub is open and never started, and looks at the store.
        logs: A folder for what the processes say.
    """

    world: World
    logs: Path
    running: list[Process] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    serving: Process | None = None
    _keys: dict[str, str] = field(default_factory=dict, repr=False)
    _starts: int = 0

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.world.open(start=False)
        hub = self.world.hub
        for number in {unit.organisation for unit in self.world.directory().units}:
            self._keys[number] = add_key(hub.store, hub.ground.clock, organisation=number, name="county", roles=("send", "inbox"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.running:
            process.kill()
        self.world.hub.stop()

    def start(self, part: Part, *words: str, fault: str | None = None) -> Process:
        """Start one part, with a fault or without. One with a fault must have ended, or greeted, before the next is started."""
        self._starts += 1
        self.world.write(**({"fault": fault} if fault else {}))
        port = ("--port", "0") if part == "serve" else ()
        process = Process(part, self.world.data, self.logs / f"{self._starts}-{part}.log", (*port, *words))
        self.running.append(process)
        return process

    def serve(self, fault: str | None = None) -> Process:
        """Start the part that takes messages, and hand in there from now on."""
        self.serving = self.start("serve", fault=fault).greeted()
        return self.serving

    def stop(self, *processes: Process) -> list[int]:
        """Tell these, or all that run, to stop; return how they ended."""
        told = processes or tuple(self.running)
        for process in told:
            process.tell()
        ends = [process.ended() for process in told]
        self.running = [process for process in self.running if process not in told]
        return ends

    def gone(self, process: Process, within: float = PATIENCE) -> int:
        """Wait until a process has ended by itself; return how."""
        end = process.ended(within)
        self.running.remove(process)
        return end

    def in_flight(self) -> int:
        """Return how many deliveries are queued or being sent."""
        counts = self.world.hub.counts()
        return counts.get("queued", 0) + counts.get("sending", 0)

    # ── handing in ──

    def post(self, message: Message) -> tuple[int, bytes, bool]:
        """Hand a message in once, where messages are taken now.

        Raises:
            OSError: Nobody answered.
            http.client.HTTPException: The answer broke off.
        """
        assert self.serving is not None
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self._keys[message.sender.organisation]}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/messages", message.to_json(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("X-Siphub-Repeated") == "yes"
        finally:
            connection.close()

    def send(self, message: Message) -> Told:
        """Hand a message in with the same bytes until it is answered; whoever restarts what takes messages does so in another thread."""
        deadline = time.monotonic() + PATIENCE
        status, answer, repeated = 0, b"", False
        while status in {0, 503}:
            assert time.monotonic() < deadline, "nobody takes messages"
            try:
                status, answer, repeated = self.post(message)
            except (OSError, http.client.HTTPException):
                status = 0
            if status in {0, 503}:
                time.sleep(0.02)
        assert status == 202, answer
        self.handed.append(Handed(message, self._keys[message.sender.organisation], answer, repeated))
        return Told({found["recipient"]: (found["state"], found["reason"]) for found in json.loads(answer)["recipients"]})

    def answered_otherwise(self) -> list[str]:
        """Hand in once more what was accepted over HTTP; return what is not answered as at first, byte for byte."""
        return [
            f"a {found.message.type} that was handed in again was answered otherwise"
            for found in self.handed
            if self.post(found.message) != (202, found.answer, True)
        ]
