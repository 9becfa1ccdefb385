"""The adapter: one POST to the municipality, or one file in its drop, and the question whether a key arrived.

What an answer means is decided in one place, the contract's table, with one difference: 409 from these partners means that the key
was used for other bytes, so it is a refusal and no proof of delivery. It must never loop, sleep, or follow a redirect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from siphub.contract import (
    Accepted,
    AdapterInfo,
    Busy,
    Check,
    Cut,
    Delivered,
    Inbound,
    MappingError,
    Outcome,
    Payload,
    PluginContext,
    Problem,
    Recipient,
    Retry,
    SettingsError,
    Uncertain,
)
from siphub.contract.http import HttpAnswer, HttpFailure
from siphub.contract.origins import target_of
from siphub.contract.outcomes_http import outcome_of
from siphub_folder import named
from siphub_municipal_xml.access import OF_THE_HUB, OPTIONS, Access
from siphub_municipal_xml.answers import Answers
from siphub_municipal_xml.drops import SFTP_OPTIONS, Drops
from siphub_municipal_xml.entry import OPTIONS as WAY_BACK
from siphub_municipal_xml.entry import Entry, below, entry_of, is_web
from siphub_municipal_xml.settings import read_settings
from siphub_municipal_xml.shelves import DropShelf, Shelf, WebShelf
from siphub_municipal_xml.translate import MAX_BYTES, MEDIA_TYPE, pack_for, translated

_ENDING: Final = "xml"
_ACKNOWLEDGED: Final = {
    "file": "<key>.receipt says so",
    "business": "a receipt message says so",
}
"""What `siphub doctor` says of an entry's option `receipt`."""
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class MunicipalXml:
    """Delivers to municipal systems; the datasheet stands at the top of the package."""

    info: Final = AdapterInfo(
        name="municipal-xml",
        media_type=MEDIA_TYPE,
        receipts="by address",
        idempotent=True,
        recall="message",
        max_bytes=MAX_BYTES,
        mapping="municipal-sip",
    )

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings = read_settings(context.settings)
        self._access = Access(context, self._settings.clients)
        self._drops = Drops(context, self._settings)
        self._answers = Answers(self._shelf, context.clock, context.log)

    def pack_of(self, recipient: Recipient) -> str | None:
        """Return the pack by which a recipient's XML is made today, or None where none can be used."""
        try:
            pack = pack_for(recipient, self._context.mappings, self._settings)
        except MappingError:
            return None
        return f"{pack.id}@{pack.version}"

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Make the municipality's XML from a cut.

        Raises:
            MappingError: The pack is missing, does not know a code or a field, or XML cannot carry a text.
        """
        return translated(cut, pack_for(recipient, self._context.mappings, self._settings), self._context.render)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """POST once, or put one file into the drop; a file that is there is never half there, and a repeat has the same name.

        Raises:
            PermitExpired: Nothing was sent.
        """
        try:
            entry = entry_of(recipient)
        except SettingsError as error:
            return Retry(error.code)  # nothing is sent that could not be acknowledged as the directory means
        drop = self._drops.at(recipient)
        if drop is not None:
            return _owed(entry, drop.put({named(key, _ENDING): payload.body}))
        headers = {"Content-Type": payload.media_type, "Idempotency-Key": key, **payload.headers}
        return _owed(entry, self._asked("POST", recipient.endpoint, payload.body, headers, recipient))

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Ask the partner whether a key arrived: yes, surely not (Retry), or it cannot say (None).

        A file that is gone may be collected (None); where nobody can look it is Uncertain.
        """
        drop, name = self._drops.at(recipient), named(key, _ENDING)
        url = below(recipient.endpoint, key)
        try:
            entry = entry_of(recipient)
            if drop is not None:
                found = drop.read(name, 0)
                there = _owed(entry, Delivered(name)) if found is not None else None
                return Uncertain(found.code) if isinstance(found, Retry) else there
            answer = self._exchange("GET", url, None, {}, recipient)
        except SettingsError:
            return None
        if not isinstance(answer, HttpAnswer) or answer.media_type in _PAGES:
            return None
        if answer.status == HTTPStatus.NOT_FOUND:
            return Retry("partner.not_there")
        arrived = answer.status == HTTPStatus.OK and isinstance(outcome_of(answer, now=self._context.clock.now()), Delivered)
        return _owed(entry, Delivered()) if arrived else None

    def sources(self, recipient: Recipient) -> tuple[str, ...]:
        """Return where the entry's answers and receipts lie; none where an option cannot be used."""
        try:
            return entry_of(recipient).sources
        except SettingsError:
            return ()

    def fetch(self, source: str, recipient: Recipient) -> Iterable[Inbound] | Retry:
        """Return what lies at one of them, or why it cannot be asked."""
        return self._answers.fetch(source, recipient)

    def taken(self, source: str, recipient: Recipient, partner_id: str, refused: str | None) -> None:
        """Clear away what is stored; leave what was refused, with its code."""
        self._answers.taken(source, recipient, partner_id, refused)

    def check(self) -> Iterable[Check]:
        """Say whether the pack can be used and the secrets are there."""
        name = self._settings.pack
        try:
            pack = self._context.mappings.load(name, self._settings.version)
            yield Check(ok=True, what=f"mapping pack {pack.id}@{pack.version} is in order")
        except (Busy, MappingError) as error:
            yield Check(ok=False, what=f"mapping pack {name} cannot be used: {error.detail}")
        for secret in sorted(name for name, value in self._context.secrets.items() if not value):
            yield Check(ok=False, what=f"the secret {secret} is empty")
        yield from self._access.unnamed()
        yield from self._drops.check()

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say which pack an address gets, how it lets us in, and what of it cannot be used. Asks nobody, and never raises."""
        try:
            pack = pack_for(recipient, self._context.mappings, self._settings)
            yield Check(ok=True, what=f"gets {pack.id}@{pack.version}")
        except (Busy, MappingError) as error:
            yield Check(ok=False, what=f"{error.detail} ({error.code})")
        drop = self._drops.at(recipient)
        unknown = sorted(set(recipient.options) - {*OPTIONS, *WAY_BACK, *(SFTP_OPTIONS if drop is not None else ()), *OF_THE_HUB})
        if unknown:
            yield Check(ok=False, what=f"its address has an option that municipal-xml does not know: {unknown[0]}")
        if drop is not None:
            yield from self._drops.check_address(recipient)
        else:
            yield from self._access.check(recipient.options)
        refusal = self.refusal(recipient)
        if refusal is not None:
            yield Check(ok=False, what=f"{refusal.detail} ({refusal.code})")
        else:
            yield from self._check_way_back(recipient, entry_of(recipient))

    def _check_way_back(self, recipient: Recipient, entry: Entry) -> Iterable[Check]:
        """Say how an entry's deliveries are acknowledged, and whether its answers can be fetched."""
        answered = "its answer says so" if is_web(recipient.endpoint) else "its file is there"
        yield Check(ok=True, what=f"counts as delivered when {_ACKNOWLEDGED.get(entry.owes, answered)}")
        if entry.owes == "business" and not self._carries_receipts(recipient):
            yield Check(ok=False, what="its pack has no form for a receipt, so none can come in it: choose another pack, or receipt = file")
        if entry.answers:
            yield Check(ok=True, what=f"its answers are fetched from {entry.answers}")
            there = _there(recipient, entry.answers)
            yield from self._drops.check_address(there) if self._drops.at(there) is not None else ()

    def _carries_receipts(self, recipient: Recipient) -> bool:
        try:
            return pack_for(recipient, self._context.mappings, self._settings).carries("ack.received")
        except (Busy, MappingError):
            return False

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why an entry's options or addresses cannot be used, or what lets us in may not be shown there; None where all is well."""
        try:
            places = (recipient.endpoint, *filter(None, [entry_of(recipient).answers]))
        except SettingsError as error:
            return Problem(error.code, error.detail)
        return next(filter(None, (self._refused(_there(recipient, place)) for place in places)), None)

    def _refused(self, there: Recipient) -> Problem | None:
        if self._drops.at(there) is not None:
            return self._drops.refusal(there)
        return self._access.refusal(there) or _no_place(there.endpoint)

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask a server for files whether one can be put there, and where answers lie, for `siphub doctor`; nobody else is asked."""
        try:
            places = dict.fromkeys((recipient.endpoint.rstrip("/"), *entry_of(recipient).sources))
        except SettingsError:
            return
        for place in places:
            yield from self._drops.probe(_there(recipient, place))

    def _shelf(self, source: str, recipient: Recipient) -> Shelf:
        there = _there(recipient, source)
        drop = self._drops.at(there)
        return DropShelf(drop) if drop is not None else WebShelf(source, lambda method, url: self._exchange(method, url, None, {}, there))

    def close(self) -> None:
        """Close the lines to servers for files, and the connections on which our certificates were shown; the hub owns the others."""
        self._access.close()
        self._drops.close()

    def _asked(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], recipient: Recipient) -> Outcome:
        try:
            answer = self._exchange(method, url, body, headers, recipient)
        except SettingsError as error:
            return Retry(error.code)  # nothing was sent, and the message is in order: an administrator must mend the address
        return outcome_of(answer, now=self._context.clock.now(), idempotent=False)

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], recipient: Recipient
    ) -> HttpAnswer | HttpFailure:
        headers = {**headers, **self._access.headers(recipient.options)}
        return self._access.client(recipient.options).request(method, url, body, headers, self._settings.timeout)


def _owed(entry: Entry, outcome: Outcome) -> Outcome:
    """Return what arrived as accepted only, where the entry owes a receipt of another kind; anything else as it is."""
    return Accepted(outcome.partner_id) if entry.owes != "status" and isinstance(outcome, Delivered) else outcome


def _no_place(endpoint: str) -> Problem | None:
    """Return why an address that is no drop can be asked by nobody, such as a folder's name without the folders above it; None for one that can."""
    if "#" in endpoint:
        return Problem("http.bad_url", "an address has no part behind a #: no server is ever told it")
    try:
        target_of(endpoint)
    except SettingsError as error:
        plain = error.code == "http.plain_refused"
        return Problem(
            error.code, error.detail if plain else "the address is no https address, no whole path of a folder, and no sftp address"
        )
    return None


def _there(recipient: Recipient, place: str) -> Recipient:
    """Return an entry at another place of its municipality's."""
    return replace(recipient, endpoint=place)
