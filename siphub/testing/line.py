"""A TCP line between two programs of a test that can be broken in the ways lines break: away, silent, slow, cut in the middle of a frame.

It listens on loopback and passes bytes on to its target. It must never read what it passes, nor outlive its test.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

from siphub.testing.ports import free_port

State = Literal["up", "down", "silent", "slow"]
CHUNK = 65_536
SLOW_CHUNK, SLOW_PAUSE = 256, 0.02
"""A slow line passes so many bytes, and then so many seconds nothing: 12 KiB a second, each direction of each connection."""
_CONNECT = 5.0


class _Pair:
    """One connection through the line: two sockets, and a thread for each direction."""

    def __init__(self, line: Line, near: socket.socket, far: socket.socket) -> None:
        self._line, self._near, self._far = line, near, far
        self._ended = threading.Event()
        self._half = threading.Semaphore(1)
        self.threads = [
            threading.Thread(target=self._pass, args=(near, far, True), name="line there", daemon=True),
            threading.Thread(target=self._pass, args=(far, near, False), name="line back", daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, there: bool) -> None:  # noqa: FBT001 - the direction
        with suppress(OSError):
            while not self._ended.is_set():
                data = source.recv(SLOW_CHUNK if self._line.state == "slow" else CHUNK)
                self._line.wait_passing(self._ended)
                if self._ended.is_set():
                    break  # it was reset meanwhile, and nobody hears a farewell
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    if self._half.acquire(blocking=False):
                        return  # the other direction goes on, and closes both when it ends
                    break
                if there and (left := self._line.left_before_cut(len(data))) is not None:
                    sink.sendall(data[:left])
                    break
                sink.sendall(data)
                if self._line.state == "slow":
                    time.sleep(SLOW_PAUSE)
        self.reset()

    def reset(self) -> None:
        """End both ends hard: neither hears a farewell."""
        self._ended.set()
        for end in (self._near, self._far):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # A close alone waits for a recv in another thread.
                end.shutdown(socket.SHUT_RD)
            end.close()


class Line:
    """A line to `host:port`. Use it as a context manager; it is up inside unless told otherwise.

    Args:
        port: Where it leads, on `host`.
        host: See there.
        state: How it is at first.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", *, state: State = "up") -> None:
        self._target = (host, port)
        self._first = state
        self.state: State = "down"
        self._passing = threading.Event()
        self._lock = threading.Lock()
        self._pairs = list[_Pair]()
        self._cut_after: int | None = None
        self._silent_after: int | None = None
        self.passed = 0
        """How many bytes have gone there."""
        self._door: socket.socket | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        if self._first != "down":
            self._open(self._first)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()
        self._passing.set()

    # ── how it breaks ──

    def down(self) -> None:
        """Refuse whoever comes, and reset whoever is connected."""
        self.state = "down"
        door, self._door = self._door, None
        if door is not None:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        self.cut()

    def silent(self) -> None:
        """Take connections and bytes, and pass nothing on; what was taken is passed when it is back."""
        self._open("silent")

    def slow(self) -> None:
        """Pass very little at a time."""
        self._open("slow")

    def cut(self) -> None:
        """Reset every connection; new ones are taken as before."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.reset()

    def cut_after(self, count: int) -> None:
        """Let so many bytes more go there, over whichever connection, and then reset it: in the middle of what was being said."""
        with self._lock:
            self._cut_after = count

    def silent_after(self, count: int) -> None:
        """Fall silent when so many bytes have gone there in all."""
        with self._lock:
            self._silent_after = count

    @property
    def cut_done(self) -> bool:
        """True once `cut_after` has cut."""
        return self._cut_after is None

    def back(self) -> None:
        """Be whole again."""
        self._open("up")

    # ── how it passes ──

    def wait_passing(self, ended: threading.Event) -> None:
        """Wait while the line is silent."""
        while not self._passing.wait(0.1) and not ended.is_set():
            pass

    def left_before_cut(self, count: int) -> int | None:
        """Count bytes that go there; return how many of them still go where the line is now to be cut."""
        with self._lock:
            self.passed += count
            if self._silent_after is not None and self.passed >= self._silent_after:
                self._silent_after = None
                self._passing.clear()
            if self._cut_after is None:
                return None
            if count < self._cut_after:
                self._cut_after -= count
                return None
            left, self._cut_after = self._cut_after, None
            return left

    def _open(self, state: State) -> None:
        self.state = state
        if state == "silent":
            self._passing.clear()
        else:
            self._passing.set()
        if self._door is None:
            self._door = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._listen, args=(self._door,), name="line", daemon=True).start()

    def _listen(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                threading.Thread(target=self._connect, args=(near,), name="line connects", daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, _CONNECT)
            far.settimeout(None)
        except OSError:
            near.close()
            return
        with self._lock:
            if self.state == "down":
                near.close()
                far.close()
                return
            self._pairs = [pair for pair in self._pairs if any(thread.is_alive() for thread in pair.threads)]
            self._pairs.append(_Pair(self, near, far))
