"""Where the story is played: sandbox partners, a hub built as `up` builds it, a directory, a key for each unit, and a door.

Everything lies in one folder, but for the queues at a broker that somebody lends; those are taken away at the end. Once it stands, the play
talks to the hub over HTTP alone.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from siphub.broker import Broker, connect
from siphub.cli.client import HubClient
from siphub.cli.demo.partners import ADAPTERS, AGENCIES, MUNICIPAL, REGIONAL, Partners
from siphub.cli.demo.queues import taken_away
from siphub.cli.demo.script import CARE_CENTRE, CONTACT, HOME_NURSING, RECIPIENTS, SOCIAL_SERVICES, UNITS, Who
from siphub.contract import Cut, Recipient
from siphub.contract.neutral import to_partner
from siphub.errors import BrokerLost
from siphub.flow import directory as directories
from siphub.hub import Hub, add_key, build
from siphub.model import Directory, Message, Unit, sample_directory
from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.sandbox import MailRoom, Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.settings import Settings
from siphub.web import Server, serve

XML_SPEAKERS: Final = frozenset({SOCIAL_SERVICES, HOME_NURSING})
"""The units that also hand in as XML: Söderby's system speaks nothing else."""
EMBEDDED: Final = "memory://"
_ANSWERS_WITHIN = 30.0
"""Seconds a broker that was given may take until it answers and every consumer stands at its queue."""


@dataclass(frozen=True)
class Stage:
    """What stands: the partners, the hub's address, and a client with a key for each unit; the mail room has one for each person it posts to."""

    folder: Path
    partners: Partners
    hub: Hub
    server: Server
    clients: Mapping[Who, HubClient]

    @property
    def broker(self) -> str:
        """The name of the broker that rings."""
        return self.hub.ground.broker.info.name

    def handed_in(self, message: Message) -> tuple[bytes, str]:
        """Return a message as its sender's own system writes it, and the media type: FHIR, municipal XML, or the hub's own JSON."""
        unit = message.sender.unit
        if unit == CARE_CENTRE:
            return self._as_fhir(message), "application/fhir+json"
        if unit in XML_SPEAKERS:
            return to_partner(self.hub.mappings.load("municipal-sip"), message.to_document()), "application/xml"
        return message.to_json(), "application/json"

    def _as_fhir(self, message: Message) -> bytes:
        """Return the region's Bundle, with everything in it: nobody cuts one's own words."""
        whole = Cut(document=message.to_document(), basis="", omitted=())
        to = Recipient(CONTACT, CONTACT.organisation, UNITS[CONTACT][1], "fhir", "https://hub.example/fhir/$process-message")
        return self.hub.registry.adapter("fhir").translate(whole, to).body


@contextmanager
def raised(folder: Path, broker_url: str = EMBEDDED) -> Iterator[Stage]:
    """Raise the stage in a folder, and take it down.

    Args:
        folder: Empty; everything is in it.
        broker_url: Another broker than the embedded one.

    Raises:
        BrokerLost: The broker does not answer.
    """
    with ExitStack() as opened:
        sandbox = opened.enter_context(Sandbox([*MUNICIPAL.values(), *REGIONAL.values()], folder=folder / "sandbox"))
        sdk = opened.enter_context(SdkSandbox(folder=folder / "sdk", certificates=sandbox.certificates))
        partners = Partners(folder / "norrby-bistand", sandbox, sdk, MailRoom(folder / "norrby-letters"))
        partners.folder.mkdir()
        partners.mail_room.outbox.mkdir()
        broker = None if broker_url == EMBEDDED else opened.enter_context(_lent(broker_url))
        hub = opened.enter_context(build(_settings(folder / "hub", partners, broker_url), broker=broker))
        directories.switch(hub.ground, _directory(partners), by="demo")
        keys = {who: _key(hub, who) for who in RECIPIENTS}
        hub.start()
        _require_answer(hub)
        server = serve(hub, hub.settings.host, hub.settings.port)
        opened.callback(server.stop)
        clients = {who: HubClient(server.url, key) for who, key in keys.items()}
        for client in clients.values():
            opened.callback(client.close)
        yield Stage(folder, partners, hub, server, clients)


@contextmanager
def _lent(url: str) -> Iterator[Broker]:
    """Give a broker under a name of this performance's own; its queues are gone afterwards."""
    name = f"hub-demo-{secrets.token_hex(6)}"
    try:
        yield connect(url, name=name)
    finally:
        taken_away(url, name, set(ADAPTERS.values()))


def _require_answer(hub: Hub) -> None:
    until = time.monotonic() + _ANSWERS_WITHIN
    while not hub.ground.broker.healthy():
        if time.monotonic() > until:
            raise BrokerLost("the broker of SIPHUB_BROKER_URL does not answer; start it, or unset that for the embedded one")
        time.sleep(0.05)


def _settings(data: Path, partners: Partners, broker_url: str) -> Settings:
    """Return the settings of a hub with an adapter of each kind; SDK is asked for answers at every sweep, and that is often: people wait."""
    service, by_sdk = partners.sdk.service, [ADAPTERS[unit] for unit in AGENCIES]
    sdk: dict[str, str] = {
        "service": partners.sdk.url,
        "token_url": partners.sdk.token_url,
        "client_id": service.client[0],
        "senders": f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example {UNITS[CONTACT][1]}",
        "agencies": "; ".join(f"{service.agencies[name].participant} {unit.organisation}" for unit, name in AGENCIES.items()),
        "poll_seconds": "0",
    }
    given: dict[str, Any] = {
        "data": data,
        "port": 0,
        "broker_url": broker_url,
        "ca_file": partners.sandbox.ca_file,
        "plugins": sorted(set(ADAPTERS.values())),
        "plugin": {
            **dict.fromkeys(by_sdk, sdk),
            "folder": {"root": str(partners.folder)},
            "letter": {"root": str(partners.mail_room.outbox)},
        },
        "plugin_secrets": {name: {"client_secret": service.client[1]} for name in by_sdk},
        "sweep_every": "200ms",
        "ring_timeout": "5s",
    }
    return Settings(**given)


def _key(hub: Hub, who: Who) -> str:
    """Make a key that speaks for one recipient and nothing else.

    The agencies' are for looking only: their answers come by SDK. So are those by which the owner's mail room looks after its letters.
    """
    person = isinstance(who, PersonRef)
    organisation = CONTACT.organisation if isinstance(who, PersonRef) else who.organisation
    roles = ("inbox",) if person or who in AGENCIES else ("send", "inbox")
    return add_key(hub.store, hub.ground.clock, organisation=organisation, name=f"demo-{who}", roles=roles, units=(who,))


def _directory(partners: Partners) -> Directory:
    known = sample_directory()
    units = []
    for unit, (name, label) in UNITS.items():
        agency: Any = AGENCIES.get(unit)
        units.append(
            Unit(id=unit, organisation=unit.organisation, name=name, public_label=label, agency=agency, address=partners.address(unit))
        )
    owner = CONTACT.organisation
    organisations = tuple(
        found.model_copy(update={"letters": partners.letters}) if found.number == owner else found for found in known.organisations
    )
    return Directory(organisations=organisations, units=tuple(units))
