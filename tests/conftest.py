"""What the tests of the doors share: a real hub over real HTTP, and the command line in this process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import urllib3

from siphub.cli.command_line import main
from siphub.hub import Hub, build
from siphub.settings import Settings
from siphub.testing.databases import lay_content
from siphub.web import Server, serve

SIPHUB = str(Path(sys.executable).with_name("siphub"))


@dataclass(frozen=True)
class Reply:
    """What came back: the bytes, and what they say where they are JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, whose form is looked at on the way."""
        assert self.headers["content-type"] == "application/problem+json"
        found = self.document
        assert {"type", "title", "status", "detail", "code", "problems"} == set(found) - {"detail_sv"}
        assert found["status"] == self.status
        assert found["type"] == f"urn:siphub:problem:{found['code']}"
        return str(found["code"])


@dataclass
class Door:
    """A hub that answers over HTTP, and what asks it."""

    hub: Hub
    server: Server
    pool: urllib3.PoolManager

    def key(self, name: str = "sender") -> str:
        """Return one of the keys that the first start has made."""
        return (self.hub.settings.data / "keys" / f"{name}.key").read_text("ascii").strip()

    def ask(self, method: str, path: str, body: bytes | None = None, *, key: str | None = None, **headers: str) -> Reply:
        """Ask with a key (the sender's unless given; "" for none). Header names are written with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        found = self.key() if key is None else key
        if found:
            given["Authorization"] = f"Bearer {found}"
        answer = self.pool.request(method, self.server.url + path, body=body, headers=given, redirect=False)
        return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def send(self, body: bytes, media_type: str = "application/json", **more: Any) -> Reply:
        """Hand in one message."""
        return self.ask("POST", "/v1/messages", body, Content_Type=media_type, **more)

    def raw(self) -> socket.socket:
        """Return a bare connection."""
        return socket.create_connection((self.server.host, self.server.port), timeout=10)


@pytest.fixture
def make_door(data_folder: Path) -> Iterator[Callable[..., Door]]:
    """Return what opens a door over a hub with some settings; `start=False` leaves the hub's threads standing, `further` are plugins given as objects."""
    opened: list[Door] = []

    def make(*, start: bool = True, further: Mapping[str, object] | None = None, **given: Any) -> Door:
        settings = Settings(**{"data": data_folder, "min_free_disk": 1, **given})
        lay_content(settings)
        hub = build(settings, plugins=further)
        if start:
            hub.start()
        opened.append(Door(hub, serve(hub, "127.0.0.1", 0), urllib3.PoolManager(retries=False, timeout=30)))
        return opened[-1]

    yield make
    for door in opened:
        door.pool.clear()
        door.server.stop()
        door.hub.stop()


@pytest.fixture
def door(make_door: Callable[..., Door]) -> Door:
    """Return a door over a hub as it is after its first start."""
    return make_door()


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest.fixture
def siphub(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return the command line, run in this process."""

    def run(*words: object) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else int(code is not None), out, err)

    return run


@contextmanager
def _running(*words: object, log: IO[str] | int = subprocess.PIPE) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Start a command that goes on, and give it with the JSON it has greeted us with; it is killed at the end if it still runs."""
    process = subprocess.Popen([SIPHUB, *map(str, words), "--json"], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process, json.loads(_object(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def _object(process: subprocess.Popen[str]) -> str:
    """Read one JSON object, which ends with a line that is a closing brace."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    return "".join(lines)


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], Any]]]:
    """Return what starts a command that goes on, in a process of its own."""
    return _running
