"""Packs that did not come with siphub, run where a sheet can be stopped: in processes of their own, with bounds of time, memory and size.

A worker asks and waits, as it would for a partner. A process that goes over a limit is ended and reaped, the document it was at is refused
(`mapping.too_costly`), and the next question gets a new process: no sheet takes a worker, or another pack, with it. What is no pack's doing,
such as a machine without memory that starts no process or ends one, is `Busy`: the same question is answered later.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
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
_MOST_PACKS: Final = 64
ROOM: Final = 128 * 1024 * 1024
"""How much address space a process has at most when it is given one more pack, in bytes: a quarter of all, so that a question has the rest.

It is enough for about seventeen packs as large as siphub's own. One that has twice as much has not given back what a question took.
"""
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
    """One process, and the packs it has been given, with when each was last asked for."""

    def __init__(self) -> None:
        self.packs: dict[str, float] = {}
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

    def full(self) -> bool:
        """Say whether it has as many packs as it may: what they take is not there for a question."""
        return len(self.packs) >= _MOST_PACKS or self._size() > ROOM

    def worn(self) -> bool:
        """Say whether it has not given back what its questions took."""
        return self._size() > 2 * ROOM

    def _size(self) -> int:
        """Return how much address space it has, in bytes; none where the machine does not say."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * resource.getpagesize()

    def oldest(self) -> tuple[float, str]:
        """Return when the pack was asked for that has not been for longest, and its digest; the moment is now where there is none."""
        return min(((at, digest) for digest, at in self.packs.items()), default=(time.monotonic(), ""))

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
    """As many processes as there are questions at once, or as the packs have no room in, up to a few; each is kept for the next question."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_MOST_PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._busy = 0

    def ask(self, pack: Confined, header: Header, body: bytes) -> tuple[Header, bytes]:
        """Ask any process.

        Raises:
            MappingError: `mapping.too_costly`.
            Busy: `mapping.no_process`; none could be started, or it was ended from outside, or had no turn at the processor.
        """
        with self._free, self._counted():
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
                self._put_back(process, pack)
                return answer
        if over is None:
            raise _no_process()
        raise MappingError(
            f"{pack.name} needs more {over} for this than a mapping pack may: {_at_work(header)} too much",
            code="mapping.too_costly",
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _put_back(self, process: _Process, pack: Confined) -> None:
        process.packs[pack.digest] = time.monotonic()
        with self._lock:
            self._idle.append(process)

    def _taken(self, pack: Confined) -> _Process:
        """Return a process that has the pack: one that waits, or a new one."""
        while (process := self._waiting(pack.digest)) is not None:
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

    def _waiting(self, digest: str) -> _Process | None:
        """Take the process out that is best for a pack: one that has it, one with room, or the one whose own was not asked for for longest.

        None where a new one is better: none waits, or none of them has room and there may be one more.
        """
        with self._lock:
            found = next((one for one in reversed(self._idle) if digest in one.packs), None)
            found = found or next((one for one in reversed(self._idle) if not one.full()), None)
            if found is None and len(self._idle) + self._busy > _MOST_PROCESSES:
                found = min(self._idle, key=lambda one: one.oldest()[0])
            if found is not None:
                self._idle.remove(found)
            return found

    def _has(self, process: _Process, pack: Confined) -> bool:
        """Give it the pack, unless it has it, in the place of another where it is full; say no, and end it, where it cannot take it."""
        if process.lives() and pack.digest in process.packs:
            return True
        if process.lives() and not process.worn():
            files = {name: len(body) for name, body in pack.files.items()}
            gone = process.oldest()[1] if process.full() else ""
            taking = {
                "do": "take",
                "seconds": SECONDS,
                "pack": pack.digest,
                "for": gone,
                "manifest": pack.manifest.model_dump(mode="json"),
                "files": files,
            }
            process.packs.pop(gone, None)
            try:
                process.exchange(taking, b"".join(pack.files.values()))
            except OSError:
                pass  # it has ended while it waited: another one is taken
            else:
                process.packs[pack.digest] = time.monotonic()
                return True
        process.end()
        return False


def _at_work(header: Header) -> str:
    """Say what of a pack it was that did not come to an end."""
    match header["do"]:
        case "transform":
            return f"{header['name']}.xsl repeats"
        case "write":
            return "out.xsl or its schema repeats"
        case "problems":
            return "its schema repeats"
    return "its sheets or its schema repeat"


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
