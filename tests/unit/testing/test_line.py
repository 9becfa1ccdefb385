"""The line that tests break: it passes bytes as they are, and each way to break it does what it says, and ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from siphub.testing.line import Line
from siphub.testing.story import until


@pytest.fixture
def echo() -> Iterator[tuple[int, list[bytes]]]:
    """Give the port of a server that says everything back, and what it has heard."""
    heard = list[bytes]()

    def answer(one: socket.socket) -> None:
        with one, suppress(OSError):
            while data := one.recv(65_536):
                heard.append(data)
                one.sendall(data)

    def listen(door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                one, _ = door.accept()
                threading.Thread(target=answer, args=(one,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=listen, args=(door,), daemon=True).start()
        yield door.getsockname()[1], heard
        door.shutdown(socket.SHUT_RDWR)


def connect(line: Line) -> socket.socket:
    """Return a connection through a line."""
    return socket.create_connection(("127.0.0.1", line.port), timeout=10)


def read(client: socket.socket, count: int) -> bytes:
    """Read so many bytes."""
    got = b""
    while len(got) < count and (data := client.recv(count - len(got))):
        got += data
    return got


def test_a_whole_line_passes_everything(echo: tuple[int, list[bytes]]) -> None:
    """Given a line that is up, what is said comes back, in both directions, more than one buffer of it, and a farewell ends it."""
    with Line(echo[0]) as line, connect(line) as client:
        said = bytes(range(256)) * 2000
        threading.Thread(target=client.sendall, args=(said,), daemon=True).start()
        assert read(client, len(said)) == said
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_a_line_that_is_down_refuses_and_resets(echo: tuple[int, list[bytes]]) -> None:
    """Given a line that goes down, whoever is connected is reset, whoever comes is refused; when it is back it has the same port."""
    with Line(echo[0]) as line:
        with connect(line) as client:
            client.sendall(b"x")
            assert read(client, 1) == b"x"
            line.down()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(line)
        line.back()
        with connect(line) as client:
            client.sendall(b"y")
            assert read(client, 1) == b"y"


def test_a_silent_line_keeps_what_it_took(echo: tuple[int, list[bytes]]) -> None:
    """Given a line that falls silent, connections stay and nothing passes, of old ones and of new; when it is back it passes."""
    with Line(echo[0]) as line, connect(line) as old:
        old.sendall(b"a")
        assert read(old, 1) == b"a"
        line.silent()
        with connect(line) as new:
            old.sendall(b"b")
            new.sendall(b"c")
            old.settimeout(0.4)
            with pytest.raises(TimeoutError):
                old.recv(1)
            old.settimeout(10)
            assert echo[1] == [b"a"]
            line.back()
            assert read(old, 1) == b"b"
            assert read(new, 1) == b"c"


def test_a_slow_line_is_slow(echo: tuple[int, list[bytes]]) -> None:
    """Given a slow line, a few kilobytes take a quarter of a second and more."""
    with Line(echo[0]) as line:
        line.slow()
        with connect(line) as client:
            began = time.monotonic()
            client.sendall(b"x" * 4096)
            assert read(client, 4096) == b"x" * 4096
            assert time.monotonic() - began > 0.25


def test_a_line_is_cut_in_the_middle(echo: tuple[int, list[bytes]]) -> None:
    """Given a line to be cut after some bytes, exactly those arrive, the connection is reset, and the next one is whole."""
    with Line(echo[0]) as line:
        with connect(line) as client:
            line.cut_after(7)
            assert not line.cut_done
            client.sendall(b"0123456789")
            assert until(lambda: line.cut_done)
            assert until(lambda: b"".join(echo[1]) == b"0123456")
            with pytest.raises(ConnectionResetError):
                read(client, 16)
        with connect(line) as client:
            client.sendall(b"z")
            assert read(client, 1) == b"z"


def test_nothing_is_left_of_a_line(echo: tuple[int, list[bytes]]) -> None:
    """Given a line that was used and ended while it was silent, none of its threads lives on."""
    with Line(echo[0]) as line, connect(line) as client:
        line.silent()
        client.sendall(b"x")
    assert until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("line")])
