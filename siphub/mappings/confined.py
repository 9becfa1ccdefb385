"""Packs that did not come with siphub, run where a sheet can be stopped: in processes of their own, with bounds of time, memory and size.

A worker asks and waits, as it would for a partner. A process that goes over a limit is ended and reaped, the document it was at is refused
(`mapping.too_costly`), and the next question gets a new process: no sheet takes a worker, or another pack, with it. What is no pack's doing,
such as a machine without memory that starts no process or ends one, is `Busy`: the same question is answered later.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lxml import etree

from siphub.errors import BadBody, Busy, MappingError, Problem, TooLarge
from siphub.mappings.frames import Header, receive, send
from siphub.mappings.pack import Pack

SECONDS: Final = 2.0
"""How much processor time one question may take: a message takes a few thousandths of it."""
WRITING: Final = 0.5
"""How much of it a document may take that is to be sent: a permit holds for one second, and what takes longer would never be sent in time."""
_MOST_PROCESSES: Final = 4
_MOST_PACKS: Final = 16
_START: Final = 60.0
_ANSWER: Final = 60.0
"""For how long an answer is waited for; what counts is processor time, which the process itself is held to."""
_ENDING: Final = 20.0
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from siphub.mappings.child import main; main()"
_KINDS: Final = {"BadBody": BadBody, "TooLarge": TooLarge}
_FROM_OUTSIDE: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT})
"""How a process ends that somebody else has ended: a machine out of memory, or whoever stops the hub."""


@dataclass(frozen=True, eq=False)
class Confined(Pack):
    """A pack whose sheets and schemas run in a process of their own; it answers as `Pack` does, and `mapping.too_costly` besides."""

    heard: threading.local = field(default_factory=threading.local)

    def transform(self, name: str, document: bytes) -> bytes:
        """Run the sheet `<name>.xsl` over a document: `Pack.transform`."""
        return self._asked("transform", document, name=name)[1]

    def write(self, neutral: etree._Element) -> tuple[bytes, tuple[str, ...]]:
        """Make the partner's document of neutral XML, with what the schema says: `Pack.write`."""
        answer, made = self._asked("write", etree.tostring(neutral, encoding="UTF-8", xml_declaration=False), name="out")
        return made, tuple(answer["problems"])

    def problems(self, document: bytes) -> tuple[str, ...]:
        """Return what the schema says against a document: `Pack.problems`."""
        return tuple(self._asked("problems", document)[0]["problems"])

    def said(self, name: str) -> tuple[str, ...]:
        """Return what the sheet said when it last stopped in this thread: `Pack.said`."""
        return tuple(getattr(self.heard, name, ()))

    def check(self) -> None:
        """Compile every sheet and schema and read the codes: `Pack.check`."""
        self._asked("check")

    def _asked(self, do: str, body: bytes = b"", **words: str) -> tuple[Header, bytes]:
        answer, made = _OURS.processes.ask(self, {"do": do, "pack": self.digest, "seconds": SECONDS, "writing": WRITING, **words}, body)
        if "error" in answer:
            setattr(self.heard, words.get("name", ""), answer["said"])
            raise _error(answer)
        return answer, made

    @cached_property
    def digest(self) -> str:
        """What the pack is: equal for equal files and manifests."""
        found = hashlib.sha256(self.manifest.model_dump_json().encode())
        for name, body in sorted(self.files.items()):
            found.update(f"{name}\n{len(body)}\n".encode() + body)
        return found.hexdigest()


def _error(answer: Mapping[str, Any]) -> Exception:
    kind = _KINDS.get(answer["error"])
    if kind is None:
        return MappingError(answer["detail"], code=answer["code"])
    problems = tuple(Problem(one["code"], one["detail"], position=one["position"]) for one in answer["problems"])
    return kind(answer["detail"], code=answer["code"], problems=problems)


class _Process:
    """One process, and the packs it has been given."""

    def __init__(self) -> None:
        self.packs: set[str] = set()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-P", "-c", _PROGRAM, *filter(os.path.isabs, sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},  # there may be secrets in ours
                    cwd="/",
                )
            except OSError:
                ours.close()
                raise
        self._link = ours
        self.end = weakref.finalize(self, _ended, self._process, ours, os.getpid())

    def ready(self) -> None:
        """Wait until it has set its limits.

        Raises:
            OSError: It has ended instead.
        """
        if receive(self._link, time.monotonic() + _START) is None:
            raise ConnectionError("the process ended before it was ready")

    def lives(self) -> bool:
        """Say whether it has not ended: the machine may have ended it while it waited."""
        return self._process.poll() is None

    def exchange(self, header: Header, body: bytes) -> tuple[Header, bytes]:
        """Ask and wait for the answer.

        Raises:
            OSError: It ended, or did not answer in time.
        """
        self._link.settimeout(_ANSWER)
        send(self._link, header, body)
        answer = receive(self._link, time.monotonic() + _ANSWER)
        if answer is None:
            raise ConnectionError("the process ended")
        return answer

    def why(self) -> str | None:
        """Wait until it has ended, and say which limit it went over; None where somebody else has ended it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)  # it is just giving its memory back
        self.end()
        if self._process.returncode in _FROM_OUTSIDE:
            return None
        return "processor time" if self._process.returncode == -signal.SIGPROF else "memory"


def _ended(process: subprocess.Popen[bytes], link: socket.socket, owner: int) -> None:
    link.close()
    if os.getpid() == owner:  # and not a fork of it
        process.kill()
        process.wait()


class _Processes:
    """As many processes as there are questions at once, up to a few; each is kept for the next question."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_MOST_PROCESSES)
        self._idle: list[_Process] = []

    def ask(self, pack: Confined, header: Header, body: bytes) -> tuple[Header, bytes]:
        """Ask any process.

        Raises:
            MappingError: `mapping.too_costly`.
            Busy: `mapping.no_process`; none could be started, or it was ended from outside, or had no turn at the processor.
        """
        with self._free:
            process = self._taken(pack)
            try:
                answer = process.exchange(header, body)
            except TimeoutError:
                process.end()
                over = None
            except OSError:
                over = process.why()
            except BaseException:  # whatever ends it: half an exchange must not be the next one's
                process.end()
                raise
            else:
                self._idle.append(process)
                return answer
        if over is None:
            raise _no_process()
        raise MappingError(
            f"{pack.name} needs more {over} for this than a mapping pack may: its sheets or its schema repeat too much",
            code="mapping.too_costly",
        )

    def _taken(self, pack: Confined) -> _Process:
        """Return a process that has the pack: one that waits, or a new one."""
        while self._idle:
            process = self._idle.pop()
            if self._has(process, pack):
                return process
        try:
            process = _Process()
        except OSError as error:
            raise _no_process() from error
        try:
            process.ready()
        except OSError:
            process.end()
        if self._has(process, pack):
            return process
        raise _no_process()

    def _has(self, process: _Process, pack: Confined) -> bool:
        """Give it the pack, unless it has it; say no, and end it, where it cannot take it or has taken many."""
        if process.lives() and pack.digest in process.packs:
            return True
        if process.lives() and len(process.packs) < _MOST_PACKS:
            files = {name: len(body) for name, body in pack.files.items()}
            taking = {
                "do": "take",
                "seconds": SECONDS,
                "pack": pack.digest,
                "manifest": pack.manifest.model_dump(mode="json"),
                "files": files,
            }
            try:
                process.exchange(taking, b"".join(pack.files.values()))
            except OSError:
                pass  # it has ended while it waited: another one is taken
            else:
                process.packs.add(pack.digest)
                return True
        process.end()
        return False


def _no_process() -> Busy:
    detail = "the process that runs mapping packs could not be started, or was ended: is there memory left?"
    return Busy(detail, code="mapping.no_process")


class _Ours:
    """The processes of this process; a fork gets its own, for its parent goes on asking the others."""

    def __init__(self) -> None:
        self.processes = _Processes()
        os.register_at_fork(after_in_child=self._anew)

    def _anew(self) -> None:
        self.processes = _Processes()


_OURS: Final = _Ours()
