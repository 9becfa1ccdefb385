"""The adapter: one request to the partner's FHIR server, in the form that the directory entry asks for.

A message Bundle goes to `$process-message`; a repeat carries the same Bundle.id, the same MessageHeader.id and the same `Idempotency-Key`. A
transaction goes to the base address, and a resource below it; a repeat finds what the first one made by its identifier. Where a plan is called
back at such a server, a second request of the same attempt ends it there (`ended`). What an answer means stands in `answers`.
It must never loop, sleep, follow a redirect, or ask a partner for anything about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from siphub.contract import (
    AdapterInfo,
    Check,
    Cut,
    Delivered,
    Http,
    HttpAnswer,
    HttpFailure,
    NoToken,
    Outcome,
    Payload,
    PluginContext,
    Problem,
    Recipient,
    Retry,
    SettingsError,
    completing,
)
from siphub_fhir import ended
from siphub_fhir.access import Ask, Doors
from siphub_fhir.answers import Asked, outcome_from
from siphub_fhir.entry import NAMES, Entry, Form, read_entry, strange_in
from siphub_fhir.message import FORMS
from siphub_fhir.settings import read_settings
from siphub_fhir.translate import ASKED, MAX_BYTES, MEDIA_TYPE, REQUEST, translated

OPERATION: Final = "$process-message"
_SAID: Final[Mapping[Form, str]] = {
    "message": "message Bundles to $process-message",
    "transaction": "transaction Bundles",
    "resource": "single resources, created or put by their identifiers,",
}
_ELSEWHERE: Final = {
    True: "messages are sent to this address, which does not end in $process-message: name the operation, or another form",
    False: "the endpoint of this form is the server's base address, and not an operation",
}


class Fhir:
    """Delivers to FHIR servers; the datasheet stands at the top of the package."""

    info: Final = AdapterInfo(
        name="fhir",
        media_type=MEDIA_TYPE,
        kinds=frozenset(FORMS),
        idempotent=True,
        recall="message",
        recalls_each=True,
        max_bytes=MAX_BYTES,
        names_receiver=True,
    )

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings = read_settings(context.settings)
        self._doors = Doors(context, self._settings)

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Make the Bundle from a cut.

        Raises:
            MappingError: The type has no form in FHIR, FHIR cannot carry a text, or the Bundle does not hold to R4.
        """
        return translated(cut, recipient, self._settings)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Make one request; a second where a plan is ended too, or the partner does not take our token (401) and there is a new one to be had.

        Raises:
            PermitExpired: Nothing was sent.
        """
        try:
            entry = read_entry(recipient)
            answer = self._doors.through(recipient, self._asking(payload, recipient, entry, key))
            outcome = outcome_from(answer, self._context.clock.now(), messaging=entry.form == "message", asked=_asked(payload))
            return self._and_ended(outcome, payload, recipient, key) if isinstance(outcome, Delivered) else outcome
        except (SettingsError, NoToken) as error:
            return Retry(error.code)  # it is in order, and may be sent again: an administrator must mend the address or the access

    def _and_ended(self, notice: Outcome, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """End the plan that a notice, which has arrived, calls back; where it calls back none, the notice is all."""
        below = payload.headers.get(ended.ENDED)
        if below is None:
            return notice
        headers = {
            "Content-Type": ended.MEDIA_TYPE,
            "Accept": payload.media_type,
            "Idempotency-Key": f"{key}-ended",
            "Prefer": "return=minimal",
        }

        def ask(http: Http, token: Mapping[str, str]) -> HttpAnswer | HttpFailure:
            url = f"{recipient.endpoint.rstrip('/')}/{below}"
            return http.request("PATCH", url, ended.PATCH, {**headers, **token}, self._settings.timeout)

        with completing():
            answer = self._doors.through(recipient, ask)
        return ended.outcome_of(notice, answer, self._context.clock.now())

    def _asking(self, payload: Payload, recipient: Recipient, entry: Entry, key: str) -> Ask:
        """Return what makes the request."""
        method, url, own = _request(payload, recipient)
        headers = {
            "Content-Type": f"{payload.media_type}; fhirVersion=4.0",
            "Accept": payload.media_type,
            "Idempotency-Key": key,
            **({} if entry.form == "message" else {"Prefer": "return=minimal"}),  # what the partner has made of it is not ours to see
            **own,
        }

        def ask(http: Http, token: Mapping[str, str]) -> HttpAnswer | HttpFailure:
            return http.request(method, url, payload.body, {**headers, **token}, self._settings.timeout)

        return ask

    def check(self) -> Iterable[Check]:
        """Say what is sent, and whether the secrets are there."""
        yield Check(ok=True, what=f"FHIR R4 (4.0.1), {len(FORMS)} message types, from {self._settings.source}")
        for secret in sorted(name for name, value in self._context.secrets.items() if not value):
            yield Check(ok=False, what=f"the secret {secret} is empty")
        yield from self._doors.check(self._context.clock.now())

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say what a directory entry makes this adapter do, and what of it cannot be used."""
        try:
            entry = read_entry(recipient)
            self._doors.of(recipient)
        except SettingsError as error:
            yield Check(ok=False, what=f"{error.detail} ({error.code})")
            return
        refusal = self.refusal(recipient)
        if refusal is not None:
            yield Check(ok=False, what=f"{refusal.detail} ({refusal.code})")
        for name in strange_in(recipient):
            yield Check(ok=False, what=f"fhir has no option {name}; it has {', '.join(NAMES)}")
        if (entry.form == "message") != recipient.endpoint.endswith(OPERATION):
            yield Check(ok=False, what=_ELSEWHERE[entry.form == "message"])
        access = recipient.options.get("access") or ("a fixed token" if recipient.options.get("secret") else "nothing")
        yield Check(ok=True, what=f"{_SAID[entry.form]} as {entry.format.upper()}, let in by {access}")

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why what lets us in may not be shown at an entry's endpoint, or None."""
        return self._doors.refusal(recipient)

    def close(self) -> None:
        """Close the connections on which our certificates were shown; the hub owns the others."""
        self._doors.close()


def _request(payload: Payload, recipient: Recipient) -> tuple[str, str, dict[str, str]]:
    """Return method, address and further headers: a single resource says its own."""
    own = {name: value for name, value in payload.headers.items() if name not in {ended.ENDED, ASKED}}
    method, _, below = own.pop(REQUEST, "POST ").partition(" ")
    return method, f"{recipient.endpoint.rstrip('/')}/{below}" if below else recipient.endpoint, own


def _asked(payload: Payload) -> Asked:
    """Return what an answer must be to."""
    said = payload.headers.get(ASKED, "")
    return Asked(entries=int(said)) if said.isdigit() else Asked(frozenset(said.split()))
