"""Everything a plugin may use, besides `siphub.model`: hooks, adapters, readers, record keepers, address books, outcomes, permits and hardened tools.

Additions only within a major version; a plugin states the version it was written for in `AdapterInfo.api`.
It must never give a plugin the hub, the store, or a field its recipient may not see.
"""

from siphub.contract.adapter import (
    API,
    Adapter,
    AdapterInfo,
    AsksAtOnce,
    Check,
    ChecksAddresses,
    Confirms,
    Cut,
    DeletesRecorded,
    Erases,
    Payload,
    Polls,
    PollsAddresses,
    ProbesAddresses,
    Recipient,
    RefusesAddresses,
    TakesBack,
    UsesPacks,
)
from siphub.contract.address_book import AddressBook, Edition, ListedAddress, ListedCode, ListedOrganisation
from siphub.contract.certificates import ClientCertificate
from siphub.contract.client_keys import ClientKey, ClientSecret, Proof
from siphub.contract.context import Clock, Log, MappingPack, Mappings, PluginContext, Render, State, SystemClock
from siphub.contract.door import DoorInfo, StandardDoor, StandardId
from siphub.contract.hooks import DeliveryEvent, hookimpl, hookspec
from siphub.contract.http import Http, HttpAnswer, HttpFailure
from siphub.contract.oauth import AccessTokens
from siphub.contract.origins import Origins
from siphub.contract.outcome import Accepted, Delivered, Outcome, Rejected, Retry, Uncertain
from siphub.contract.outcomes_http import outcome_of
from siphub.contract.own_settings import OwnSettings, split_entries
from siphub.contract.permit import Permit, completing, permitted, require_permit
from siphub.contract.reader import UNKNOWN_PARTY, Draft, Inbound, Reader, ReaderInfo, Receipt, Submission, Unreadable
from siphub.contract.records import Confirmation, RecordKeeper, RecordPackage, sane_reference
from siphub.contract.xml import parse_xml, serialise_xml
from siphub.errors import (
    BadBody,
    BookError,
    Busy,
    Conflict,
    Invalid,
    MappingError,
    NoToken,
    PermitExpired,
    PluginError,
    Problem,
    Refused,
    SettingsError,
    TooLarge,
    UnsupportedMedia,
)

__all__ = [
    "API",
    "UNKNOWN_PARTY",
    "Accepted",
    "AccessTokens",
    "Adapter",
    "AdapterInfo",
    "AddressBook",
    "AsksAtOnce",
    "BadBody",
    "BookError",
    "Busy",
    "Check",
    "ChecksAddresses",
    "ClientCertificate",
    "ClientKey",
    "ClientSecret",
    "Clock",
    "Confirmation",
    "Confirms",
    "Conflict",
    "Cut",
    "DeletesRecorded",
    "Delivered",
    "DeliveryEvent",
    "DoorInfo",
    "Draft",
    "Edition",
    "Erases",
    "Http",
    "HttpAnswer",
    "HttpFailure",
    "Inbound",
    "Invalid",
    "ListedAddress",
    "ListedCode",
    "ListedOrganisation",
    "Log",
    "MappingError",
    "MappingPack",
    "Mappings",
    "NoToken",
    "Origins",
    "Outcome",
    "OwnSettings",
    "Payload",
    "Permit",
    "PermitExpired",
    "PluginContext",
    "PluginError",
    "Polls",
    "PollsAddresses",
    "ProbesAddresses",
    "Problem",
    "Proof",
    "Reader",
    "ReaderInfo",
    "Receipt",
    "Recipient",
    "RecordKeeper",
    "RecordPackage",
    "Refused",
    "RefusesAddresses",
    "Rejected",
    "Render",
    "Retry",
    "SettingsError",
    "StandardDoor",
    "StandardId",
    "State",
    "Submission",
    "SystemClock",
    "TakesBack",
    "TooLarge",
    "Uncertain",
    "Unreadable",
    "UnsupportedMedia",
    "UsesPacks",
    "completing",
    "hookimpl",
    "hookspec",
    "outcome_of",
    "parse_xml",
    "permitted",
    "require_permit",
    "sane_reference",
    "serialise_xml",
    "split_entries",
]
