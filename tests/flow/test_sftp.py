"""A municipality and a registry that collect from a server over SFTP, which breaks in every way and comes back: nothing lost, nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from siphub.contract import SystemClock
from siphub.contract.neutral import to_partner
from siphub.contract.xml import parse_xml
from siphub.mappings import Mappings, shipped
from siphub.model import Address, Directory
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.store import DeliveryRow
from siphub.testing.recorded import Recorded, Registry
from siphub.testing.sftp_server import Call, SftpServer, Trouble, fails, hangs
from siphub.testing.story import Story, until
from siphub.testing.world import QUICK, Told, World

LONG = 60.0
"""Seconds that one of these things may take on a busy machine."""


@dataclass
class Served(Recorded):
    """A world in which home care collects its messages from a server, and the municipality's registry its record copies from another folder there."""

    server: SftpServer | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    registries: tuple[str, ...] = (p.MUNICIPALITY,)

    @property
    def there(self) -> SftpServer:
        """The server."""
        assert self.server is not None
        return self.server

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached."""
        if unit == p.HOME_CARE:
            return Address(adapter="municipal-xml", endpoint=f"{self.there.url}/in", options={"login": "norrby", **self.options})
        return super().address(unit)

    def directory(self) -> Directory:
        """Return the world's directory, with the registry at the server."""
        base = super().directory()
        there = Address(adapter="sftp", endpoint=f"{self.there.url}/registry")
        found = [one.model_copy(update={"records": there}) if one.number in self.registries else one for one in base.organisations]
        return base.model_copy(update={"organisations": tuple(found)})

    def registry(self, number: str) -> Registry:
        """Return the registry, at work in the server's folder."""
        return Registry(self.there.root / "registry")

    def of(self, story: Story, message_type: str) -> DeliveryRow:
        """Return the newest delivery of one type to home care."""
        return [one for one in self.deliveries(story) if one.message_type == message_type and one.recipient == p.HOME_CARE][-1]


@dataclass
class Collector:
    """Home care's import: it takes what it sees, whenever it looks, and knows by its name what it has."""

    folder: Path
    taken: dict[str, list[bytes]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Take every file that is there; what begins with a dot is being written."""
        for file in self.folder.glob("[!.]*.xml"):
            try:
                body = file.read_bytes()
                file.unlink()
            except FileNotFoundError:
                continue
            self.taken.setdefault(file.name, []).append(body)

    def run(self) -> None:
        """Look again and again."""
        while not self._stop.wait(0.005):
            self.look()

    def stop(self) -> None:
        """Look no more, but once."""
        self._stop.set()

    def messages(self) -> list[str]:
        """Return the ids of the messages it has, each as often as there is a name for it."""
        return [parse_xml(bodies[0]).findtext(".//{*}meddelandeId") or "" for bodies in self.taken.values()]


@pytest.fixture
def world(request: pytest.FixtureRequest, make_world: Callable[..., World], tmp_path: Path) -> Iterator[Served]:
    """Run the hub and the server; a test may say what home care's entry says besides."""
    made, root = make_world(lease="20s"), tmp_path / "server"
    for folder in ("in/svar", "registry"):
        (root / folder).mkdir(parents=True)
    with SftpServer(root) as server:
        keys = made.data / "keys"
        keys.mkdir(mode=0o700, parents=True)
        for plugin in ("municipal-xml", "sftp"):
            (keys / f"plugin.{plugin}.norrby_sftp_key").write_text(server.secrets()["norrby_sftp_key"])
        settings = {name: {"logins": server.login(), "timeout_seconds": "2"} for name in ("municipal-xml", "sftp")}
        given: dict[str, Any] = {**made.given, "plugins": (*QUICK["plugins"], "sftp"), "plugin": settings}  # type: ignore[misc]  # a table of many kinds
        options = getattr(request, "param", {})
        with Served(made.sandbox, made.folders, made.data, given=given, server=server, options=options) as running:
            yield running


def _cut_beyond(server: SftpServer, size: int) -> Trouble:
    begun = server.taken

    async def cut(call: Call) -> None:
        if call.taken + call.size > begun + size:
            await server.cuts(call)

    return cut


def test_a_server_that_breaks_and_comes_back_has_each_message_once(world: Served) -> None:
    """Given a server whose disk is full, that cuts lines, hangs, loses answers and goes away, then home care has each message, once, and whole."""
    server, home = world.there, Collector(world.there.root / "in")
    collecting = threading.Thread(target=home.run)
    story = world.story()
    story.ready([p.HOME_CARE])
    collecting.start()
    try:
        server.before["write"], server.full = fails(asyncssh.SFTPFailure("no")), asyncssh.SFTPVFSAttrs()
        story.summoned([p.HOME_CARE])
        assert until(lambda: world.of(story, "meeting.summoned").reason == "sftp.disk_full", LONG)
        server.full, server.before = None, {"write": _cut_beyond(server, 500)}
        assert until(lambda: world.of(story, "meeting.summoned").reason == "partner.connection_cut", LONG)
        assert home.taken == {}
        server.before = {}
        assert world.settled(story, LONG)

        server.after["posix_rename"] = server.cuts
        story.rescheduled([p.HOME_CARE])
        assert until(lambda: world.of(story, "meeting.rescheduled").uncertain, LONG)
        server.after = {}
        assert world.settled(story, LONG)

        server.before["open"] = hangs
        story.rescheduled([p.HOME_CARE], 3)
        assert until(lambda: world.of(story, "meeting.rescheduled").reason == "partner.timeout", LONG)
        server.before = {}
        server.down()
        assert until(
            lambda: (world.of(story, "meeting.rescheduled").reason or "").startswith(("partner.refused", "partner.connection")), LONG
        )
        server.up()
        assert world.settled(story, LONG)
        assert {row.state for row in world.deliveries(story)} == {"delivered"}
        story.closed([p.HOME_CARE])
        assert world.settled(story, LONG)
    finally:
        home.stop()
        collecting.join()
    home.look()
    sent = [row for row in world.deliveries(story) if row.recipient == p.HOME_CARE]
    assert {row.state for row in sent} == {"delivered", "recalled"}
    assert [row.message_type for row in sent] == ["meeting.summoned", "meeting.rescheduled", "meeting.rescheduled", "stop.notice"]
    assert sorted(home.taken) == sorted(f"{row.key}.xml" for row in sent)
    assert all(len(set(bodies)) == 1 for bodies in home.taken.values())
    assert len(set(home.messages())) == len(sent)
    assert until(lambda: server.files("in") == {}, LONG)


@pytest.mark.parametrize("world", [{"receipt": "file", "answers": "svar"}], indirect=True)
def test_receipts_and_answers_lie_on_the_server_and_count_once(world: Served) -> None:
    """Given receipts that come half, twice and while lines are cut, and an answer under two names, then each counts once and is taken away."""
    server, story = world.there, world.story()
    folder = server.root / "in"
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    assert until(lambda: world.of(story, "meeting.summoned").state == "awaiting_receipt", LONG)
    receipt = folder / f"{world.of(story, 'meeting.summoned').key}.receipt"
    receipt.write_bytes(b"accepted\n-\n")
    begun = server.asked.count("scandir")
    assert until(lambda: server.asked.count("scandir") > begun + 4, LONG)
    assert world.of(story, "meeting.summoned").state == "awaiting_receipt"
    server.before["open"] = server.cuts
    receipt.write_bytes(b"accepted\n-\n4711\n")
    begun = server.connections
    assert until(lambda: server.connections > begun + 1, LONG)
    server.before = {}
    assert until(lambda: world.of(story, "meeting.summoned").state == "delivered", LONG)
    assert until(lambda: not receipt.exists(), LONG)
    receipt.write_bytes(b"accepted\n-\n4711\n")
    yes = replace(story, send=lambda _: Told({}), sent=[])
    yes.responded(p.HOME_CARE)
    for name in ("1.xml", "2.xml"):
        (folder / "svar" / f".{name}").write_bytes(
            to_partner(Mappings([shipped()], SystemClock()).load("municipal-sip"), yes.sent[0].to_document())
        )
        (folder / "svar" / f".{name}").rename(folder / "svar" / name)
    assert until(lambda: not receipt.exists() and not list((folder / "svar").iterdir()), LONG)
    assert world.of(story, "meeting.summoned").state == "delivered"
    with world.hub.store.read() as work:
        rows = work.messages.of_case(story.owner, str(story.case_id))
    assert [row.sender_unit for row in rows if row.type == "meeting.response"] == [p.HOME_CARE]


def test_what_is_withdrawn_while_its_server_is_away_never_lies_there(world: Served) -> None:
    """Given a kallelse for a server that is away, when all is withdrawn, then nothing of it is there when the server is back."""
    story = world.story()
    story.ready([p.HOME_CARE])
    world.there.down()
    story.summoned([p.HOME_CARE])
    assert until(lambda: world.of(story, "meeting.summoned").reason == "partner.refused", LONG)
    story.withdrawn()
    assert until(lambda: world.of(story, "meeting.summoned").state == "withheld", LONG)
    world.there.up()
    assert world.settled(story, LONG)
    assert (world.there.files("in"), world.of(story, "meeting.summoned").state) == ({}, "withheld")


def test_a_registry_on_a_server_gets_every_copy_and_confirms_it(world: Served) -> None:
    """Given a server that breaks between document and metadata and then goes away, then each copy is there once, whole, and is confirmed."""
    server, story = world.there, world.story()

    def no_metadata(call: Call) -> None:
        if call.path.endswith(".json"):
            raise asyncssh.SFTPFailure("no")

    server.before["posix_rename"] = no_metadata
    story.ready([p.CARE_CENTRE])
    assert until(lambda: [name for name in server.files("registry") if name.endswith(".pdf") and name[0] != "."], LONG)
    assert world.registry("").metadata() == []
    server.down()
    server.before = {}
    story.summoned([p.CARE_CENTRE])
    assert world.settled(story, LONG)
    server.up()
    copies = {copy.id for copy in world.copies(story)}
    assert until(lambda: {one["package"] for one in world.registry("").metadata()} == copies, LONG)
    whole = server.files("registry")
    assert all(whole[f"{package}.pdf"].startswith(b"%PDF") for package in copies)
    assert until(lambda: _confirmed(world, story), LONG)
    assert until(lambda: server.files("registry") == {}, LONG)


def _confirmed(world: Served, story: Story) -> bool:
    world.registry("").confirm()
    return {copy.state for copy in world.copies(story)} == {"confirmed"}
