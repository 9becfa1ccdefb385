"""The SDK address book: fetched page by page over its read-only JSON:API, whole or not at all.

Nothing is sent that lets us in: the book is public, and its description says that reading needs no authorisation.
It must never follow a link to another server, go on without an end, or give back a part of the book as if it were the whole.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

from siphub.contract import (
    BookError,
    Edition,
    Http,
    HttpAnswer,
    HttpFailure,
    ListedAddress,
    Origins,
    PluginContext,
    Recipient,
    SettingsError,
)
from siphub_sdk.listed import joined, read
from siphub_sdk.settings import read_settings

NAME: Final = "sdk"
RESOURCES: Final = ("organizations", "codesystems", "addresses")
MOST_PAGES: Final = 2000
"""So many pages has a resource at most."""
PAGE_BYTES: Final = 16 * 1024 * 1024
BOOK_BYTES: Final = 128 * 1024 * 1024
"""So many bytes has the book at most: what is more is no address book."""
LONGEST: Final = timedelta(minutes=10)
_TRIES: Final = 3
_MOST_WAIT: Final = 5.0
_MOST_LINK: Final = 2000
_LATER: Final = frozenset({429, 502, 503, 504})
_WHY: Final[Mapping[int, tuple[str, str]]] = {
    401: ("book.refused", "the address book wants to know who asks, which its description does not ask for"),
    403: ("book.refused", "the address book refuses us"),
    404: ("book.not_found", "there is no address book at the address in the setting address_book"),
    410: ("book.not_found", "there is no address book at the address in the setting address_book any more"),
}
_READING: Final = 3
"""Which reading of entries a kept page is of: one of another is fetched anew."""
_ACCEPT: Final = "application/vnd.api+json, application/json;q=0.9"


class SdkAddressBook:
    """The address book of one environment of SDK's: the setting `address_book` says which."""

    name = NAME
    most_pages = MOST_PAGES
    """How many pages a resource may have."""

    def __init__(self, context: PluginContext, source: str) -> None:
        self.source = source.rstrip("/")
        try:
            origins = Origins.read([re.sub(r"(?<=[^:/])/.*", "", self.source)])
        except SettingsError:
            raise SettingsError("sdk: address_book must be an https address; plain http is for this machine only") from None
        self._timeout = read_settings(context.settings).timeout
        self._http = context.http.within(origins).keeping(PAGE_BYTES)
        self._clock = context.clock

    def fetch(self, kept: Mapping[str, Any], told: Callable[[str], None]) -> Edition:
        """Fetch every page; one that has not changed since it was kept is not sent again.

        Raises:
            BookError: `book.unreachable`, `book.unavailable`, `book.refused`, `book.not_found`, `book.redirected`, `book.unreadable`,
                `book.too_large`, `book.too_many_pages`, `book.too_slow`, `book.loop`, `book.other_server`.
        """
        fetching = _Fetching(self._http, self._timeout, kept, told, self.most_pages)
        found = {resource: fetching.resource(f"{self.source}/{resource}", resource) for resource in RESOURCES}
        addresses, organisations, left_out = joined(found["organizations"], found["addresses"], found["codesystems"], self._clock.now())
        counted = {code: number for code, number in (*fetching.left_out.items(), *left_out.items()) if number}
        return Edition(tuple(addresses), tuple(organisations), counted, fetching.pages, unchanged=not fetching.changed)

    def keys(self, entries: Sequence[Recipient]) -> Sequence[tuple[str, str]]:
        """Return each entry's participant and functional address."""
        return [(entry.options.get("participant", ""), entry.endpoint) for entry in entries]

    def entry(self, listed: ListedAddress) -> tuple[str, Mapping[str, str]]:
        """Return an entry's endpoint and options."""
        return listed.address, {"participant": listed.participant}

    def close(self) -> None:
        """The connections are the hub's own."""


def address_books(context: PluginContext) -> list[SdkAddressBook]:
    """Return the address book that a plugin's settings name, if any."""
    source = read_settings(context.settings).address_book
    return [SdkAddressBook(context, source)] if source else []


@dataclass(slots=True)
class _Fetching:
    """One fetch: the pages so far, what they were before, and how much is left of what it may take."""

    http: Http
    timeout: timedelta
    kept: Mapping[str, Any]
    told: Callable[[str], None]
    most_pages: int
    pages: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    changed: bool = False
    size: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST.total_seconds())

    def resource(self, first: str, resource: str) -> list[Mapping[str, Any]]:
        """Return what every entry of a resource says, page after page."""
        entries: list[Mapping[str, Any]] = []
        url, number = first, 0
        while url:
            number += 1
            if url in self.pages:
                raise BookError("a page of the address book leads back to one that was fetched already", code="book.loop")
            if number > self.most_pages:
                raise BookError(f"{resource} goes on for more than {self.most_pages} pages", code="book.too_many_pages")
            page = self._page(url, resource)
            self.pages[url] = page
            self.left_out[f"book.{resource}_unreadable"] += page["left_out"]
            entries.extend(page["entries"])
            self.told(f"{resource}: page {number}, {len(entries)} so far")
            url = page["next"] and _joined(url, page["next"])
        return entries

    def _page(self, url: str, resource: str) -> Mapping[str, Any]:
        found = self.kept.get(url)
        before = found if isinstance(found, Mapping) and found.get("reading") == _READING else {}
        answer = self._answer(url, before)
        if answer.status == HTTPStatus.NOT_MODIFIED and before:
            return before
        self.changed = True
        if answer.status == HTTPStatus.NOT_FOUND and resource == "codesystems":
            return {"next": "", "entries": [], "left_out": 0}  # the codes' own API may be elsewhere: addresses do without the codes' names
        if answer.status != HTTPStatus.OK:
            raise _refusal(answer.status)
        self.size += len(answer.body)
        if answer.truncated or self.size > BOOK_BYTES:
            raise BookError("the address book is larger than an address book can be", code="book.too_large")
        again = {"reading": _READING, "etag": answer.headers.get("etag", ""), "modified": answer.headers.get("last-modified", "")}
        return {**_read_page(answer, resource), **again}

    def _answer(self, url: str, before: Mapping[str, Any]) -> HttpAnswer:
        """Ask for a page; what may pass is asked for again, a few times."""
        asked = {"Accept": _ACCEPT, "If-None-Match": before.get("etag"), "If-Modified-Since": before.get("modified")}
        headers = {name: value for name, value in asked.items() if value}
        for _ in range(_TRIES - 1):
            result = self._asked(url, headers)
            if isinstance(result, HttpAnswer) and result.status not in _LATER:
                return result
            time.sleep(_wait(result))
        result = self._asked(url, headers)
        if isinstance(result, HttpFailure):
            raise BookError(f"the address book cannot be reached ({result.code}): try again later", code="book.unreachable")
        return result

    def _asked(self, url: str, headers: Mapping[str, str]) -> HttpAnswer | HttpFailure:
        left = self.until - time.monotonic()
        if left <= 0:
            raise BookError(f"the address book takes longer than {LONGEST.total_seconds() / 60:.0f} minutes", code="book.too_slow")
        try:
            return self.http.get(url, headers, min(self.timeout, timedelta(seconds=left)))
        except SettingsError:  # this client sends to the book's own server only
            raise BookError("the address book's next page is at another server: it is not followed", code="book.other_server") from None


def _wait(result: HttpAnswer | HttpFailure) -> float:
    said = result.headers.get("retry-after", "") if isinstance(result, HttpAnswer) else ""
    return min(float(said), _MOST_WAIT) if re.fullmatch(r"\d{1,6}", said) else 0.2


def _refusal(status: int) -> BookError:
    if status in _WHY:
        code, why = _WHY[status]
        return BookError(why, code=code)
    if 300 <= status <= 399 and status != HTTPStatus.NOT_MODIFIED:  # noqa: PLR2004 - the class of redirects
        return BookError(
            "the address book is elsewhere now: a redirect is not followed, change the setting address_book", code="book.redirected"
        )
    return BookError(f"the address book answered {status}: try again later", code="book.unavailable")


def _read_page(answer: HttpAnswer, resource: str) -> dict[str, Any]:
    """Return what a page says: its entries, how many could not be read, and the link to the next one."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, Mapping) or not isinstance(document.get("data"), list):
        raise BookError("what came is no page of an address book by JSON:API", code="book.unreadable")
    entries = [found for item in document["data"] if (found := read(resource, item)) is not None]
    return {"next": _link(document.get("links")), "entries": entries, "left_out": len(document["data"]) - len(entries)}


def _joined(url: str, link: str) -> str:
    """Return the address that a link on a page leads to."""
    try:
        return urldefrag(urljoin(url, link)).url
    except ValueError:
        raise _no_link() from None


def _no_link() -> BookError:
    return BookError("a page of the address book has a link that is none", code="book.unreadable")


def _link(links: object) -> str:
    """Return the link `next`: a text, or an object with `href` (JSON:API 1.1); empty on the last page."""
    found = links.get("next") if isinstance(links, Mapping) else None
    found = found.get("href") if isinstance(found, Mapping) else found
    if found is not None and (not isinstance(found, str) or len(found) > _MOST_LINK):
        raise _no_link()
    return (found or "").strip()
