"""A municipality that collects, acknowledges and answers on a server over SFTP, which goes away and comes back: each word counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import SystemClock
from siphub.contract.neutral import to_partner
from siphub.mappings import Mappings, shipped
from siphub.model import Address
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.testing.sftp_server import SftpServer
from siphub.testing.story import Story, until
from siphub.testing.world import Told, World

LONG = 60.0
"""Seconds that one of these things may take on a busy machine."""


@dataclass
class Served(World):
    """A world in which home care has a folder on a server, with one for its answers below it, and owes receipt files."""

    server: SftpServer | None = None

    @property
    def there(self) -> SftpServer:
        """The server."""
        assert self.server is not None
        return self.server

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached."""
        if unit == p.HOME_CARE:
            options = {"login": "norrby", "receipt": "file", "answers": "svar"}
            return Address(adapter="municipal-xml", endpoint=f"{self.there.url}/in", options=options)
        return super().address(unit)

    def state(self, story: Story) -> str:
        """Return how the kallelse to home care stands."""
        return self.states(story, "meeting.summoned")[p.HOME_CARE]

    def silent(self) -> set[str]:
        """Return why places cannot be asked."""
        with self.hub.store.read() as work:
            return {row.code for row in work.poll_leases.failing()}

    def responses(self, story: Story) -> int:
        """Return how many answers are in the case."""
        with self.hub.store.read() as work:
            return len([row for row in work.messages.of_case(story.owner, str(story.case_id)) if row.type == "meeting.response"])


@pytest.fixture
def world(make_world: Callable[..., World], tmp_path: Path) -> Iterator[Served]:
    """Run the hub and the server."""
    made, root = make_world(), tmp_path / "server"
    (root / "in" / "svar").mkdir(parents=True)
    with SftpServer(root) as server:
        keys = made.data / "keys"
        keys.mkdir(mode=0o700, parents=True)
        (keys / "plugin.municipal-xml.norrby_sftp_key").write_text(server.secrets()["norrby_sftp_key"])
        given: dict[str, Any] = {**made.given, "plugin": {"municipal-xml": {"logins": server.login(), "timeout_seconds": "2"}}}
        with Served(made.sandbox, made.folders, made.data, given=given, server=server) as running:
            yield running


def test_what_a_municipality_says_on_its_server_counts_once_whatever_the_line_does(world: Served) -> None:
    """Given a server that goes away and comes back, and loses what it answers, then a receipt and an answer there are taken, once, and are gone."""
    folder = world.there.root / "in"
    story = world.story()
    story.ready([p.HOME_CARE])
    story.summoned([p.HOME_CARE])
    assert until(lambda: world.state(story) == "awaiting_receipt", LONG)
    world.there.down()
    assert until(world.silent, LONG)
    written = replace(story, send=lambda _: Told({}), sent=[])
    written.responded(p.HOME_CARE)
    xml = to_partner(Mappings([shipped()], SystemClock()).load("municipal-sip"), written.sent[0].to_document())
    (folder / "svar" / ".1.part").write_bytes(xml)
    (folder / "svar" / ".1.part").rename(folder / "svar" / "1.xml")
    [file] = folder.glob("*.xml")
    file.with_suffix(".receipt").write_bytes(b"accepted\n-\nNRB 1\n")
    world.there.after["remove"] = world.there.cuts
    world.there.up()
    assert until(lambda: world.state(story) == "delivered", LONG)
    assert until(lambda: world.responses(story) == 1, LONG)
    assert until(lambda: sorted(found.name for found in folder.rglob("*") if found.is_file()) == [file.name], LONG)
    world.there.after.clear()
    assert until(lambda: not world.silent(), LONG)
    assert world.responses(story) == 1
