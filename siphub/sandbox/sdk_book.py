"""An SDK address book: organisations, their functional addresses and what these are for, page by page over JSON:API, for anybody to read.

    GET /addressbook/api/organizations   who takes part
    GET /addressbook/api/addresses       functional addresses; each is related to its organisation
    GET /addressbook/api/codesystems     what codes mean

Each page has an ETag and a Last-Modified, and is answered with 304 to whoever has it. In a folder the book is the file `address-book.json`:
whoever edits that has edited the book. It is made from what Digg describes of its own and, where that is not public, from our assumptions.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from siphub.model import people as p
from siphub.sandbox.faults import Faults

FILE: Final = "address-book.json"
PATH: Final = ["addressbook", "api"]
RESOURCES: Final = ("organizations", "addresses", "codesystems")
SYSTEM: Final = "urn:sandbox:function"
_TYPE: Final = "application/vnd.api+json"

Document = dict[str, Any]
Twist = Callable[[str, int, Document], Any]
"""What a test makes of a page, by resource and number: another document, or bytes that are none."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: a status, a body, and its headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = _TYPE


def organisation(identity: str, participant: str, number: str, name: str) -> Document:
    """Return an organisation as JSON:API has it."""
    attributes = {"participantIdentifier": participant, "organizationNumber": number, "name": name, "countryCode": "SE", "type": "O"}
    return {"type": "organizations", "id": identity, "attributes": attributes}


def address(owner: str, identifier: str, name: str, code: str = "", **more: Any) -> Document:
    """Return a functional address of the organisation with the id `owner`."""
    codes = [{"codeSystem": SYSTEM, "code": code}] if code else []
    attributes = {"identifier": identifier, "name": name, "status": "active", "codes": codes, **more}
    relation = {"parent": {"data": {"type": "organizations", "id": owner}}}
    return {"type": "addresses", "id": identifier, "attributes": attributes, "relationships": relation}


def standard() -> dict[str, list[Document]]:
    """Return the book of the sandbox: two agencies and a municipality, at example addresses."""
    codes = [{"code": "sip", "name": "Samordnad individuell plan"}, {"code": "registrator", "name": "Registrator"}]
    return {
        "organizations": [
            organisation("1", "0203:forsakringskassan.example", p.FORSAKRINGSKASSAN, "Försäkringskassan"),
            organisation("2", "0203:arbetsformedlingen.example", p.ARBETSFORMEDLINGEN, "Arbetsförmedlingen"),
            organisation("3", "0203:norrby.example", p.MUNICIPALITY, "Norrby kommun"),
        ],
        "addresses": [
            address("1", "sdk:sip:0203:forsakringskassan.example", "Försäkringskassan SIP", "sip"),
            address("1", "sdk:registrator:0203:forsakringskassan.example", "Registrator", "registrator"),
            address("2", "sdk:sip:0203:arbetsformedlingen.example", "Arbetsförmedlingen SIP", "sip"),
            address("2", "sdk:gammal:0203:arbetsformedlingen.example", "Avvecklad mottagning", status="inactive"),
            address("3", "sdk:sip:0203:norrby.example", "Norrby kommun SIP", "sip"),
        ],
        "codesystems": [{"type": "codesystems", "id": "1", "attributes": {"identifier": SYSTEM, "name": "Funktioner", "codes": codes}}],
    }


class AddressBookService:
    """The book's mind, without its lines. Safe to share between threads.

    `faults` strike questions; `twist` changes a page before it is sent; `validators` says whether pages can be asked for conditionally.

    Args:
        folder: Where the book is a file; None is memory only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.faults = Faults()
        self.page_size = 2
        self.validators = True
        self.twist: Twist | None = None
        self.asked: list[int] = []
        """The status of every answer, in order."""
        self.base = ""
        self._lock = threading.Lock()
        self._file = folder / FILE if folder is not None else None
        self._seen: tuple[int, dict[str, list[Document]]] = (0, standard())
        if self._file is not None and not self._file.exists():
            self._file.write_text(json.dumps(standard(), ensure_ascii=False, indent=2), "utf-8")

    @property
    def content(self) -> dict[str, list[Document]]:
        """The book itself, to be changed at will; what its file says where there is one."""
        if self._file is not None and (changed := self._file.stat().st_mtime_ns) != self._seen[0]:
            self._seen = (changed, json.loads(self._file.read_text("utf-8")))
        return self._seen[1]

    def clear(self) -> None:
        """Have the standard book again, in good health, and forget what was asked."""
        self.faults.clear()
        self.page_size, self.validators, self.twist, self.asked = 2, True, None, []
        self._seen = (0, standard())

    def page(self, resource: str, number: int, etag: str = "", since: str = "") -> Page:
        """Return a page, or 304 where whoever asks has it already."""
        with self._lock:
            found = self._page(resource, number, etag, since)
            self.asked.append(found.status)
        return found

    def _page(self, resource: str, number: int, etag: str, since: str) -> Page:
        entries = self.content.get(resource)
        if entries is None or number < 1:
            return Page(404, b'{"errors":[{"status":"404"}]}')
        document = self._document(resource, number, entries)
        made = document if self.twist is None else self.twist(resource, number, document)
        body = made if isinstance(made, bytes) else json.dumps(made, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if not self.validators:
            return Page(200, body)
        headers = {"ETag": f'"{sha256(body).hexdigest()[:16]}"', "Last-Modified": formatdate(self._seen[0] / 1e9, usegmt=True)}
        fresh = etag == headers["ETag"] if etag else since == headers["Last-Modified"]
        return Page(304, headers=headers) if fresh else Page(200, body, headers)

    def _document(self, resource: str, number: int, entries: list[Document]) -> Document:
        last = max(1, -(-len(entries) // self.page_size))
        links = {name: self._link(resource, at) for name, at in (("self", number), ("first", 1), ("last", last))}
        following = {"next": self._link(resource, number + 1)} if number < last else {}
        data = entries[(number - 1) * self.page_size : number * self.page_size]
        return {"jsonapi": {"version": "1.0"}, "data": data, "links": {**links, **following}, "meta": {"total": len(entries)}}

    def _link(self, resource: str, number: int) -> str:
        return f"{self.base}/{resource}?page%5Bnumber%5D={number}"
