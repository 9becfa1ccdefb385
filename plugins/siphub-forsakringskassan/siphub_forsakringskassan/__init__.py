"""SIP invitations and what belongs to them, to Försäkringskassan over SDK: the SDK adapter, with purpose and legal basis on every message.

    name        forsakringskassan
    kinds       coordinator.changed, meeting.invited, meeting.reminder, meeting.rescheduled, sip.request.answered, stop.notice
    media type  application/json
    receipts    later: ACCEPTED or REJECTED, fetched by polling
    idempotent  no: a second message under one messageId is refused; GET says whether the first arrived
    ordered     yes
    recall      by a further message
    max bytes   31457280
    mapping     none
    settings    service, token_url, client_id, accounts, scopes, hand_over, access_point, submit_to, pmode, senders, agencies, agreements, left_to_others, timeout_seconds, poll_seconds, address_book, delete_after_days, delete_scope

It takes Försäkringskassan's receipts and answers alone. It must never hold an address of Försäkringskassan's: none is published.
"""

from collections.abc import Sequence
from datetime import datetime

from siphub.contract import Cut, PluginContext, Recipient, hookimpl
from siphub_sdk import FORSAKRINGSKASSAN, Agency, AgencyReader, SdkAddressBook, address_books, objection, purpose_and_ground, sdk_info

__all__ = ["FORSAKRINGSKASSAN", "Forsakringskassan"]


class Forsakringskassan(Agency):
    """Delivers to Försäkringskassan; the datasheet stands at the top."""

    info = sdk_info("forsakringskassan")
    of = FORSAKRINGSKASSAN

    def further(self, cut: Cut) -> Sequence[tuple[str, str]]:
        """Return the lines that Försäkringskassan gets beneath our reference."""
        return purpose_and_ground(cut)


@hookimpl
def siphub_adapters(context: PluginContext) -> list[Forsakringskassan]:
    """Give the hub the one adapter."""
    return [Forsakringskassan(context)]


@hookimpl
def siphub_readers(context: PluginContext) -> list[AgencyReader]:  # noqa: ARG001 - a reader needs no tools: it looks at bytes only
    """Give the hub the reader of what the adapter fetches."""
    return [AgencyReader(FORSAKRINGSKASSAN)]


@hookimpl
def siphub_address_books(context: PluginContext) -> list[SdkAddressBook]:
    """Give the hub the address book that the settings name."""
    return address_books(context)


@hookimpl
def siphub_disclosure_objections(cut: Cut, recipient: Recipient, basis: str, now: datetime) -> str | None:  # noqa: ARG001 - what the hook gives
    """Object to what policy should never have let through to Försäkringskassan."""
    return objection(FORSAKRINGSKASSAN, cut, recipient, basis)
