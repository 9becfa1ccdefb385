"""The adapter: one POST of a message Bundle to the partner's `$process-message`.

A repeat carries the same Bundle.id, the same MessageHeader.id and the same `Idempotency-Key`, so a partner that keeps to the rules of reliable
messaging does nothing twice. What an answer means stands in `answers`. It must never loop, sleep, or follow a redirect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from siphub.contract import (
    AdapterInfo,
    Check,
    Cut,
    Http,
    HttpAnswer,
    HttpFailure,
    NoToken,
    Outcome,
    Payload,
    PluginContext,
    Recipient,
    Retry,
    SettingsError,
)
from siphub_fhir.access import Doors
from siphub_fhir.answers import MEDIA_TYPES, outcome_from
from siphub_fhir.message import FORMS
from siphub_fhir.settings import read_settings
from siphub_fhir.translate import MAX_BYTES, MEDIA_TYPE, translated


class Fhir:
    """Delivers to FHIR servers; the datasheet stands at the top of the package."""

    info: Final = AdapterInfo(
        name="fhir", media_type=MEDIA_TYPE, kinds=frozenset(FORMS), idempotent=True, recall="message", max_bytes=MAX_BYTES
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
        """POST once; a second time only where the partner does not take our token (401) and there is a new one to be had.

        Raises:
            PermitExpired: Nothing was sent.
        """
        headers = {
            "Content-Type": f"{payload.media_type}; fhirVersion=4.0",
            "Accept": MEDIA_TYPES[0],
            "Idempotency-Key": key,
            **payload.headers,
        }

        def post(http: Http, token: Mapping[str, str]) -> HttpAnswer | HttpFailure:
            return http.request("POST", recipient.endpoint, payload.body, {**headers, **token}, self._settings.timeout)

        try:
            answer = self._doors.through(recipient, post)
        except (SettingsError, NoToken) as error:
            return Retry(error.code)  # nothing was sent, and the message is in order: an administrator must mend the address or the access
        return outcome_from(answer, self._context.clock.now())

    def check(self) -> Iterable[Check]:
        """Say what is sent, and whether the secrets are there."""
        yield Check(ok=True, what=f"FHIR R4 (4.0.1) message Bundles, {len(FORMS)} message types, from {self._settings.source}")
        for secret in sorted(name for name, value in self._context.secrets.items() if not value):
            yield Check(ok=False, what=f"the secret {secret} is empty")
        yield from self._doors.check(self._context.clock.now())

    def close(self) -> None:
        """Close the connections on which our certificates were shown; the hub owns the others."""
        self._doors.close()
