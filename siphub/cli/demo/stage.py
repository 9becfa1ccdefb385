"""Where the story is played: sandbox partners, a hub built as `up` builds it, a directory, a key for each unit, and a door.

Everything lies in one folder. Once it stands, the play talks to the hub over HTTP alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from siphub.cli.client import HubClient
from siphub.cli.demo.script import CONTACT, HOME_CARE, HOME_NURSING, HOUSING, SOCIAL_SERVICES, UNITS
from siphub.contract.neutral import to_partner
from siphub.flow import directory as directories
from siphub.hub import Hub, add_key, build
from siphub.mappings import Mappings
from siphub.model import Address, Directory, Message, Organisation, Unit, sample_directory
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.sandbox import Sandbox
from siphub.settings import Settings
from siphub.web import Server, serve

PARTNERS: Final = {
    HOME_CARE: "norrby-hemtjanst",
    HOUSING: "norrby-boendestod",
    SOCIAL_SERVICES: "soderby-socialtjanst",
    HOME_NURSING: "soderby-hemsjukvard",
}
"""The units reached as XML over HTTPS, and their partners in the sandbox; the contact is reached in a folder."""
XML_SPEAKERS: Final = frozenset({SOCIAL_SERVICES, HOME_NURSING})
"""The units that also hand in as XML: Söderby's system speaks nothing else."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as a partner's own book has it."""

    message_id: str
    message_type: str
    case_id: str
    sha256: str


@dataclass(frozen=True)
class Stage:
    """What stands: the folder, the partners, the hub's address, and a client with a key for each unit."""

    folder: Path
    sandbox: Sandbox
    hub: Hub
    server: Server
    clients: dict[UnitId, HubClient]
    as_xml: Callable[[Message], bytes]

    def adapter_of(self, unit: UnitId) -> str:
        """Return how a unit is reached."""
        return "folder" if unit == CONTACT else "municipal-xml"

    def ledger(self, unit: UnitId) -> tuple[Entry, ...]:
        """Return what a unit's partner has taken, from its own book; for the contact, from its folder."""
        if unit == CONTACT:
            return tuple(_filed(file) for file in sorted(_contact_folder(self.folder).glob("*.json")))
        return tuple(
            Entry(found.message_id or "", found.message_type or "", found.case_id or "", found.sha256)
            for found in self.sandbox.ledger(PARTNERS[unit]).effects()
        )

    def bodies(self, unit: UnitId) -> tuple[bytes, ...]:
        """Return every body that came to a unit, refused ones too."""
        if unit == CONTACT:
            return tuple(file.read_bytes() for file in sorted(_contact_folder(self.folder).glob("*.json")))
        return self.sandbox.ledger(PARTNERS[unit]).bodies()


def _filed(file: Path) -> Entry:
    body = file.read_bytes()
    document = json.loads(body)
    return Entry(document["message_id"], document["type"], document["case_id"], sha256(body).hexdigest())


def _contact_folder(folder: Path) -> Path:
    return folder / "norrby-bistand"


@contextmanager
def raised(folder: Path) -> Iterator[Stage]:
    """Raise the stage in a folder, and take it down."""
    with ExitStack() as open_things:
        sandbox = open_things.enter_context(Sandbox(PARTNERS.values(), folder=folder / "sandbox"))
        hub = open_things.enter_context(build(Settings(data=folder / "hub", port=0, ca_file=sandbox.ca_file)))
        _contact_folder(folder).mkdir()
        directories.switch(hub.ground, _directory(sandbox, _contact_folder(folder)), by="demo")
        keys = {unit: _key(hub, unit) for unit in UNITS}
        hub.start()
        server = serve(hub, hub.settings.host, hub.settings.port)
        open_things.callback(server.stop)
        clients = {unit: HubClient(server.url, key) for unit, key in keys.items()}
        for client in clients.values():
            open_things.callback(client.close)
        yield Stage(folder, sandbox, hub, server, clients, _translator(hub.mappings))


def _translator(mappings: Mappings) -> Callable[[Message], bytes]:
    """Return what makes a municipality's XML of a message, as its own system would."""
    pack = mappings.load("municipal-sip")
    return lambda message: to_partner(pack, message.to_document())


def _key(hub: Hub, unit: UnitId) -> str:
    """Make a key that speaks for one unit and nothing else."""
    return add_key(hub.store, hub.ground.clock, organisation=unit.organisation, name=f"demo-{unit}", roles=("send", "inbox"), units=(unit,))


def _directory(sandbox: Sandbox, contact_folder: Path) -> Directory:
    known = sample_directory()
    organisations = tuple(found for found in known.organisations if found.number in {p.MUNICIPALITY, p.NEIGHBOUR})
    units = []
    for unit, (name, label) in UNITS.items():
        endpoint = str(contact_folder) if unit == CONTACT else sandbox.endpoint(PARTNERS[unit])
        address = Address(adapter="folder" if unit == CONTACT else "municipal-xml", endpoint=endpoint)
        units.append(Unit(id=unit, organisation=unit.organisation, name=name, public_label=label, address=address))
    return Directory(organisations=_named(organisations), units=tuple(units))


def _named(organisations: tuple[Organisation, ...]) -> tuple[Organisation, ...]:
    return tuple(sorted(organisations, key=lambda found: found.number))
