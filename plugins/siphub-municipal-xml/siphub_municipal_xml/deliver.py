"""The adapter: one POST to the municipality, or one file in its drop, and the question whether a key arrived.

What an answer means is decided in one place, the contract's table, with one difference: 409 from these partners means that the key
was used for other bytes, so it is a refusal and no proof of delivery. It must never loop, sleep, or follow a redirect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from siphub.contract import (
    AdapterInfo,
    Check,
    Cut,
    Delivered,
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
from siphub.contract.outcomes_http import outcome_of
from siphub_folder import named
from siphub_municipal_xml.access import LIMITS, OPTIONS, Access
from siphub_municipal_xml.drops import SFTP_OPTIONS, Drops
from siphub_municipal_xml.settings import read_settings
from siphub_municipal_xml.translate import MAX_BYTES, MEDIA_TYPE, pack_for, translated

_ENDING: Final = "xml"
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class MunicipalXml:
    """Delivers to municipal systems; the datasheet stands at the top of the package."""

    info: Final = AdapterInfo(
        name="municipal-xml", media_type=MEDIA_TYPE, idempotent=True, recall="message", max_bytes=MAX_BYTES, mapping="municipal-sip"
    )

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings = read_settings(context.settings)
        self._access = Access(context, self._settings.clients)
        self._drops = Drops(context, self._settings)

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
        drop = self._drops.at(recipient)
        if drop is not None:
            return drop.put({named(key, _ENDING): payload.body})
        headers = {"Content-Type": payload.media_type, "Idempotency-Key": key, **payload.headers}
        return self._asked("POST", recipient.endpoint, payload.body, headers, recipient)

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Ask the partner whether a key arrived: yes, surely not (Retry), or it cannot say (None).

        A file that is gone may be collected (None); where nobody can look it is Uncertain.
        """
        drop = self._drops.at(recipient)
        if drop is not None:
            name = named(key, _ENDING)
            found = drop.read(name, 0)
            return Uncertain(found.code) if isinstance(found, Retry) else Delivered(name) if found is not None else None
        url = f"{recipient.endpoint.rstrip('/')}/{quote(key, safe='')}"
        try:
            answer = self._exchange("GET", url, None, {}, recipient)
        except SettingsError:
            return None
        if not isinstance(answer, HttpAnswer) or answer.media_type in _PAGES:
            return None
        if answer.status == HTTPStatus.NOT_FOUND:
            return Retry("partner.not_there")
        arrived = answer.status == HTTPStatus.OK and isinstance(outcome_of(answer, now=self._context.clock.now()), Delivered)
        return Delivered() if arrived else None

    def check(self) -> Iterable[Check]:
        """Say whether the pack can be used and the secrets are there."""
        name = self._settings.pack
        try:
            pack = self._context.mappings.load(name, self._settings.version)
            yield Check(ok=True, what=f"mapping pack {pack.id}@{pack.version} is in order")
        except MappingError as error:
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
        except MappingError as error:
            yield Check(ok=False, what=f"{error.detail} ({error.code})")
        drop = self._drops.at(recipient)
        unknown = sorted(set(recipient.options) - {*OPTIONS, *(SFTP_OPTIONS if drop is not None else ()), *LIMITS})
        if unknown:
            yield Check(ok=False, what=f"its address has an option that municipal-xml does not know: {unknown[0]}")
        if drop is not None:
            yield from self._drops.check_address(recipient)
        else:
            yield from self._access.check(recipient.options)
            refusal = self.refusal(recipient)
            if refusal is not None:
                yield Check(ok=False, what=f"{refusal.detail} ({refusal.code})")

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why what lets us in may not be shown at an entry's endpoint, or None; in a folder nothing is shown."""
        return self._access.refusal(recipient) if self._drops.at(recipient) is None else self._drops.refusal(recipient)

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask a server for files whether one can be put there, for `siphub doctor`; nobody else is asked."""
        return self._drops.probe(recipient)

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
