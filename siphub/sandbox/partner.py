"""One partner municipality: what it takes, what it refuses and why, and what it says when asked for a key.

By `/sip` it judges by the mapping pack alone: hostile or unreadable bytes are 400, what the schema refuses is 422, a key that came before with
other bytes is 409. By `/fhir` it takes message Bundles (see `fhir`). At `/answers` lies what it has for the hub (see `tray`). It must never take the same key twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from siphub.contract.neutral import from_partner
from siphub.contract.xml import parse_xml
from siphub.errors import BadBody, MappingError, TooLarge
from siphub.sandbox import fhir
from siphub.sandbox.faults import Faults
from siphub.sandbox.ledger import NOTHING, Contents, Entry, Ledger
from siphub.sandbox.tray import Tray

if TYPE_CHECKING:
    from siphub.contract.context import MappingPack

MEDIA_TYPES = frozenset({"application/xml", "text/xml"})
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_NAME = re.compile(r"[a-z0-9-]{1,60}")


@dataclass(frozen=True, slots=True)
class Request:
    """What matters of a request: the key, the media type, the credentials, the body, and the door it came by (`sip` or `fhir`)."""

    key: str
    media_type: str
    authorization: str
    body: bytes = field(repr=False)
    door: str = "sip"


@dataclass(frozen=True)
class Partner:
    """One partner.

    Args:
        name: Its part of the path: lower case, digits, hyphens.
        pack: What it reads with.
        ledger: Its book.
        api_key: What it wants as `Authorization: Bearer …`; None is nothing.
    """

    name: str
    pack: MappingPack
    ledger: Ledger
    api_key: str | None = field(default=None, repr=False)
    faults: Faults = field(default_factory=Faults)
    tray: Tray = field(default_factory=Tray)
    desk: fhir.FhirDesk = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in a path, with a ValueError."""
        object.__setattr__(self, "desk", fhir.FhirDesk(self.ledger))
        if not _NAME.fullmatch(self.name):
            raise ValueError("a partner's name is 1 to 60 of a-z, 0-9 and -")

    def take(self, request: Request) -> tuple[Entry, dict[str, object]]:
        """Judge a request that came whole, write it down, and return the entry with the answer."""
        if request.door == "fhir":
            return self._take_bundle(request)
        status, why, contents = self._judge(request)
        entry = self.ledger.record(request.key, request.body, contents, status=status, why=why)
        if entry.accepted:
            return entry, {"id": f"{self.name}-{entry.sha256[:16]}", "repeat": entry.why == "repeat"}
        return entry, {"error": entry.why}

    def _take_bundle(self, request: Request) -> tuple[Entry, dict[str, object]]:
        if self.api_key is not None and request.authorization != f"Bearer {self.api_key}":
            status, why = HTTPStatus.UNAUTHORIZED, "unauthorised"
        elif request.media_type != fhir.MEDIA_TYPE:
            status, why = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_type"
        else:
            return self.desk.take(request.key, request.body)
        entry = self.ledger.record(request.key, request.body, NOTHING, status=status, why=why)
        return entry, fhir.refusal(entry)

    def lets_in(self, authorization: str) -> bool:
        """Say whether whoever asks for answers may have them."""
        return self.api_key is None or authorization == f"Bearer {self.api_key}"

    def refuse(self, request: Request, status: int, why: str) -> Entry:
        """Write down a request that a fault kept the partner from taking."""
        return self.ledger.record(request.key, request.body, NOTHING, status=status, why=why)

    def _judge(self, request: Request) -> tuple[int, str | None, Contents]:
        if self.api_key is not None and request.authorization != f"Bearer {self.api_key}":
            return HTTPStatus.UNAUTHORIZED, "unauthorised", NOTHING
        if not _KEY.fullmatch(request.key):
            return HTTPStatus.BAD_REQUEST, "key_missing", NOTHING
        if request.media_type not in MEDIA_TYPES:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_type", NOTHING
        return self._read(request.body)

    def _read(self, body: bytes) -> tuple[int, str | None, Contents]:
        try:
            parse_xml(body)
            if self.pack.problems(body):
                return HTTPStatus.UNPROCESSABLE_ENTITY, "schema", NOTHING
            return HTTPStatus.OK, None, _contents(from_partner(self.pack, body))
        except TooLarge:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", NOTHING
        except BadBody:
            return HTTPStatus.BAD_REQUEST, "unreadable", NOTHING
        except MappingError:
            return HTTPStatus.UNPROCESSABLE_ENTITY, "unmapped", NOTHING


def partner_from(name: str, pack: MappingPack, folder: Path | None, api_key: str | None) -> Partner:
    """Make a partner whose ledger is also written to `<folder>/<name>.jsonl`."""
    return Partner(name, pack, Ledger(folder / f"{name}.jsonl" if folder else None), api_key)


def _contents(document: dict[str, object]) -> Contents:
    return Contents(*(str(document[name]) if name in document else None for name in ("type", "message_id", "case_id")))
