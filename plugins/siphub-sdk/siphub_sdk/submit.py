"""Hand-over to an access point by REST: one POST of the envelope, with what the access point needs to know in headers.

The form is that of Holodeck B2B's REST back-end, the one such interface of an AS4 access point that we have found published: what is sent goes
to `<submit_to>/submit`, the metadata stands in `X-HolodeckB2B-…`, and 202 says that it was taken. It cannot be asked what it has, so an attempt
whose end nobody knows is a person's to look into. No header may hold anything of a message but its ids and the two organisations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from siphub.contract import Accepted, Check, Origins, Outcome, PluginContext, Rejected, Retry, SettingsError, Uncertain
from siphub.contract.origins import target_of
from siphub_sdk import outcomes
from siphub_sdk.envelope import Posting, action, service
from siphub_sdk.rules.envelope import ACTOR
from siphub_sdk.settings import SdkSettings

SECRET: Final = "submit_key"  # noqa: S105 - its name, not what it is
"""The secret that is shown to the access point as a bearer token, where there is one."""
_PREFIX: Final = "X-HolodeckB2B-"
_MEDIA_TYPE: Final = "text/xml"


class Submit:
    """The way to the access point."""

    def __init__(self, context: PluginContext, settings: SdkSettings) -> None:
        self._context, self._settings = context, settings
        self._key = context.secrets.get(SECRET, "")
        self._http = context.http.within(Origins(frozenset({target_of(settings.submit_to).origin})))

    def send(self, posting: Posting, envelope: bytes) -> Outcome:
        """POST an envelope once.

        Raises:
            PermitExpired: Nothing was sent.
        """
        shown = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            result = self._http.post(
                f"{self._settings.submit_to}/submit", envelope, {**self._headers(posting), **shown}, self._settings.timeout
            )
        except SettingsError as error:
            return Retry(error.code)
        found = outcomes.of_sending(result, posting.id, self._context.clock.now())
        if isinstance(found, Rejected) and found.code == "partner.http_400":
            return Rejected("sdk.submission_refused", "the access point answered 400")
        return found

    def check(self) -> Check:
        """Say where envelopes go, and by what it lets us in."""
        shown = f"shows it the secret {SECRET}" if self._key else f"shows it no key: the secret {SECRET} is not there"
        return Check(ok=True, what=f"the hand-over posts to {target_of(self._settings.submit_to).origin}, and {shown}")

    def _headers(self, posting: Posting) -> Mapping[str, str]:
        properties = (("originalSender", posting.sender), ("finalRecipient", posting.recipient))
        said = {
            "PModeId": self._settings.pmode,
            "MessageId": posting.id,
            "ConversationId": posting.conversation,
            "Service": "[{1}]{0}".format(*service()),
            "Action": action(posting.kind),
            "MessageProperties": ",".join(f"{name}=[{ACTOR}]{party}" for name, party in properties),
            "PayloadProperties": f"MimeType={_MEDIA_TYPE}",
            "Containment": "ATTACHMENT",
        }
        return {"Content-Type": _MEDIA_TYPE, **{_PREFIX + name: value for name, value in said.items() if value}}


def taken(outcome: Outcome) -> bool:
    """Say whether a receipt need not be given again: the access point has it, from now or before, or takes it in no way.

    Holodeck B2B answers 400 to an id that it has had, so that after an attempt whose end nobody knows a 400 is the likely sign of having it.
    """
    return isinstance(outcome, Accepted) or (
        isinstance(outcome, Rejected | Uncertain) and outcome.code in {"sdk.submission_refused", "sdk.duplicate"}
    )
