"""The partners as the demo sees them: which unit is reached how, and what lies in whose own book.

Every book is read at its owner's: a municipality's and the region's at the sandbox, the agencies' behind the message service, the contact's
in its folder; a person's letters in the outbox that the municipality's mail room empties. It must never ask the hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from siphub.cli.demo.script import AF, CARE_CENTRE, CONTACT, FK, HOME_CARE, HOME_NURSING, HOUSING, PEOPLE, SOCIAL_SERVICES, Who
from siphub.model import Address
from siphub.model.identifiers import PersonRef, UnitId
from siphub.sandbox import Letter, MailRoom, Sandbox
from siphub.sandbox.sdk_server import SdkSandbox

MUNICIPAL: Final = {
    HOME_CARE: "norrby-hemtjanst",
    HOUSING: "norrby-boendestod",
    SOCIAL_SERVICES: "soderby-socialtjanst",
    HOME_NURSING: "soderby-hemsjukvard",
}
"""The units reached as XML over HTTPS, and their partners in the sandbox."""
REGIONAL: Final = {CARE_CENTRE: "region-vardcentral"}
"""The unit reached as FHIR."""
AGENCIES: Final = {FK: "fk", AF: "af"}
"""The agencies, behind the SDK message service."""
ADAPTERS: Final[Mapping[Who, str]] = {
    CONTACT: "folder",
    **dict.fromkeys(MUNICIPAL, "municipal-xml"),
    **dict.fromkeys(REGIONAL, "fhir"),
    FK: "forsakringskassan",
    AF: "arbetsformedlingen",
    **dict.fromkeys(PEOPLE, "letter"),
}
"""Unit or person → how they are reached."""
_TYPES: Final = {
    "Inbjudan till SIP-möte": "meeting.invited",
    "Ny tid för SIP-möte": "meeting.rescheduled",
    "Inga fler meddelanden i ärendet": "stop.notice",
}
"""What the agencies' headings stand for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as a partner's own book has it.

    Args:
        sha256: Of the bytes that came; at an agency, of the SDK message without its messageId, which each delivery is given on its way.
    """

    message_id: str
    message_type: str
    case_id: str
    sha256: str


@dataclass(frozen=True)
class Partners:
    """Everybody the hub delivers to, and their books."""

    folder: Path
    sandbox: Sandbox
    sdk: SdkSandbox
    mail_room: MailRoom

    @property
    def letters(self) -> Address:
        """Where the owner's letters go, as the directory says it."""
        return Address(adapter="letter", endpoint=str(self.mail_room.outbox))

    def address(self, unit: UnitId) -> Address:
        """Return what the directory says of a unit."""
        if unit in AGENCIES:
            agency = self.sdk.service.agencies[AGENCIES[unit]]
            return Address(adapter=ADAPTERS[unit], endpoint=agency.address, options={"participant": agency.participant})
        if unit in REGIONAL:
            return Address(adapter="fhir", endpoint=self.sandbox.fhir_endpoint(REGIONAL[unit]))
        if unit in MUNICIPAL:
            return Address(adapter="municipal-xml", endpoint=self.sandbox.endpoint(MUNICIPAL[unit]))
        return Address(adapter="folder", endpoint=str(self.folder))

    def ledger(self, unit: Who) -> tuple[Entry, ...]:
        """Return what a unit has taken, from its own book; for the contact, from its folder; for a person, what is to be posted to them."""
        if isinstance(unit, PersonRef):
            return tuple(Entry(one.message_id, one.message_type, one.case_id, one.sha256) for one in self.posted(unit))
        if unit in AGENCIES:
            book = self.sdk.service.agencies[AGENCIES[unit]].ledger
            return tuple(_by_sdk(book.body(found.key)) for found in book.effects())
        if unit == CONTACT:
            return tuple(_filed(body) for body in self.bodies(unit))
        return tuple(
            Entry(found.message_id or "", found.message_type or "", found.case_id or "", found.sha256)
            for found in self.sandbox.ledger(_name(unit)).effects()
        )

    def posted(self, person: PersonRef) -> tuple[Letter, ...]:
        """Return a person's letters."""
        return tuple(letter for letter in self.mail_room.letters() if letter.recipient == person)

    def bodies(self, unit: Who) -> tuple[bytes, ...]:
        """Return every body that came to a unit, refused ones too; a person's letters."""
        if isinstance(unit, PersonRef):
            return tuple(letter.body for letter in self.posted(unit))
        if unit in AGENCIES:
            participant = self.sdk.service.agencies[AGENCIES[unit]].participant.encode()
            return tuple(body for body in self.sdk.service.traffic.bodies() if participant in body)
        if unit == CONTACT:
            return tuple(file.read_bytes() for file in sorted(self.folder.glob("*.json")))
        return self.sandbox.ledger(_name(unit)).bodies()

    def answer(self, unit: UnitId, text: str) -> str:
        """Let an official of an agency answer the newest that lies in its own book; return the answer's id."""
        agency = AGENCIES[unit]
        return self.sdk.service.reply(agency, self.sdk.service.agencies[agency].taken()[-1].key, text)


def _name(unit: UnitId) -> str:
    return {**MUNICIPAL, **REGIONAL}[unit]


def _filed(body: bytes) -> Entry:
    document = json.loads(body)
    return Entry(document["message_id"], document["type"], document["case_id"], sha256(body).hexdigest())


def _by_sdk(body: bytes) -> Entry:
    """Return an SDK message as an entry: our own id of it stands in its document's id, and its kind in its heading."""
    document: dict[str, Any] = json.loads(body)
    attributes = document["data"]["attributes"]
    del attributes["messageId"]
    rest = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    message_id = str(attributes["digitalDocument"][0]["documentId"]).removeprefix("siphub-")
    label = str(attributes["label"])
    return Entry(message_id, _TYPES.get(label, label), str(attributes["conversationId"]), sha256(rest).hexdigest())
