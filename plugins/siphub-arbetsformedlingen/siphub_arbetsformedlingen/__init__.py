"""SIP invitations and what belongs to them, to Arbetsförmedlingen over SDK: the SDK adapter, with what Arbetsförmedlingen must have before it speaks.

    name        arbetsformedlingen
    kinds       coordinator.changed, meeting.invited, meeting.reminder, meeting.rescheduled, sip.request.answered, stop.notice
    media type  application/json
    receipts    later: ACCEPTED or REJECTED, fetched by polling
    idempotent  no: a second message under one messageId is refused; GET says whether the first arrived
    ordered     yes
    recall      by a further message
    max bytes   31457280
    mapping     none
    settings    service, token_url, client_id, accounts, scopes, hand_over, access_point, submit_to, pmode, senders, agencies, agreements, left_to_others, timeout_seconds, poll_seconds, address_book, delete_after_days, delete_scope

It takes Arbetsförmedlingen's receipts and answers alone. Somebody protected is told of by telephone and in no other way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from siphub.contract import Cut, PluginContext, Recipient, hookimpl
from siphub_sdk import ARBETSFORMEDLINGEN, Agency, AgencyReader, SdkAddressBook, address_books, objection, sdk_info

__all__ = ["ARBETSFORMEDLINGEN", "Arbetsformedlingen"]

_REGISTERED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "yes": "enligt det vi har fått veta är samtycket registrerat hos er; kontrollera det",
        "no": "samtycket är enligt det vi har fått veta inte registrerat hos er; det hindrar inte inbjudan",
        "unknown": "kontrollera att samtycket är registrerat hos er; om det är det vet vi inte, och det hindrar inte inbjudan",
    }
)
"""What is said by what the consent says of it; where it says nothing, as for unknown."""


class Arbetsformedlingen(Agency):
    """Delivers to Arbetsförmedlingen; the datasheet stands at the top."""

    info = sdk_info("arbetsformedlingen")
    of = ARBETSFORMEDLINGEN

    def further(self, cut: Cut) -> Sequence[tuple[str, str]]:
        """Return the lines that Arbetsförmedlingen gets beneath our reference."""
        if cut.basis != "consent":
            return ()
        stated = cut.document.get("consent_statement")
        registered = stated.get("registered_at_af", "unknown") if isinstance(stated, Mapping) else "unknown"
        return (("Innan ni lämnar uppgifter", _REGISTERED[registered]),)


@hookimpl
def siphub_adapters(context: PluginContext) -> list[Arbetsformedlingen]:
    """Give the hub the one adapter."""
    return [Arbetsformedlingen(context)]


@hookimpl
def siphub_readers(context: PluginContext) -> list[AgencyReader]:  # noqa: ARG001 - a reader needs no tools: it looks at bytes only
    """Give the hub the reader of what the adapter fetches."""
    return [AgencyReader(ARBETSFORMEDLINGEN)]


@hookimpl
def siphub_address_books(context: PluginContext) -> list[SdkAddressBook]:
    """Give the hub the address book that the settings name."""
    return address_books(context)


@hookimpl
def siphub_disclosure_objections(cut: Cut, recipient: Recipient, basis: str, now: datetime) -> str | None:  # noqa: ARG001 - what the hook gives
    """Object to what policy should never have let through to Arbetsförmedlingen."""
    return objection(ARBETSFORMEDLINGEN, cut, recipient, basis)
