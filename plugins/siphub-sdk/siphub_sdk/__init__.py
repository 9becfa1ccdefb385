"""SIP invitations and what belongs to them, to state agencies over SDK, Digg's säker digital kommunikation, through a message service's SDK API.

    name        sdk
    kinds       coordinator.changed, meeting.invited, meeting.reminder, meeting.rescheduled, sip.request.answered, stop.notice
    media type  application/json
    receipts    later: ACCEPTED or REJECTED, fetched by polling
    idempotent  no: a second message under one messageId is refused; GET says whether the first arrived
    ordered     yes
    recall      by a further message
    max bytes   31457280
    mapping     none
    settings    service, token_url, client_id, accounts, scopes, hand_over, access_point, submit_to, pmode, senders, agencies, agreements, left_to_others, timeout_seconds, poll_seconds, address_book, delete_after_days, delete_scope

Every delivery has a messageId of its own, which is its key: a resend comes under the same one, and only after the service has said that
it does not have it. The plugin's reader takes messagePayload XML, unencrypted XHE envelopes and what is fetched from the service.
It must never put a person's data into a label, a URL or an error, and never believe an answer about its sender beyond what the settings say.
"""

from siphub.contract import PluginContext, hookimpl
from siphub_sdk.agency import Agency, AgencyReader, objection, purpose_and_ground
from siphub_sdk.book import SdkAddressBook, address_books
from siphub_sdk.deliver import Sdk, sdk_info
from siphub_sdk.organisations import ARBETSFORMEDLINGEN, FORSAKRINGSKASSAN, Organisation
from siphub_sdk.payload import message_payload
from siphub_sdk.reader import SdkReader
from siphub_sdk.receipt import MessageReceipt, Reason, receipt_xml

__all__ = [
    "ARBETSFORMEDLINGEN",
    "FORSAKRINGSKASSAN",
    "Agency",
    "AgencyReader",
    "MessageReceipt",
    "Organisation",
    "Reason",
    "Sdk",
    "SdkAddressBook",
    "SdkReader",
    "address_books",
    "message_payload",
    "objection",
    "purpose_and_ground",
    "receipt_xml",
    "sdk_info",
]


@hookimpl
def siphub_adapters(context: PluginContext) -> list[Sdk]:
    """Give the hub the one adapter."""
    return [Sdk(context)]


@hookimpl
def siphub_readers(context: PluginContext) -> list[SdkReader]:  # noqa: ARG001 - a reader needs no tools: it looks at bytes only
    """Give the hub the one reader."""
    return [SdkReader()]


@hookimpl
def siphub_address_books(context: PluginContext) -> list[SdkAddressBook]:
    """Give the hub the address book that the settings name."""
    return address_books(context)
