"""The plugin's settings, read once at start. What is absent is told by `check` and stops what needs it; what is malformed stops the start.

Secrets are not here: `client_secret` is a file in the folder of secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from siphub.contract import OwnSettings, SettingsError
from siphub.model.identifiers import OrganisationNumber
from siphub_sdk.listed_accounts import ADDRESS, IDENTIFIER, ListedAccount, read_accounts

NAMES: Final = (
    "service",
    "token_url",
    "client_id",
    "accounts",
    "scopes",
    "hand_over",
    "access_point",
    "submit_to",
    "pmode",
    "senders",
    "agencies",
    "agreements",
    "left_to_others",
    "timeout_seconds",
    "poll_seconds",
    "address_book",
    "delete_after_days",
    "delete_scope",
)
SCOPES: Final = "urn:sdk.api:sendMessages urn:sdk.api:getMessage urn:sdk.api:getMessageByFilter"
"""The scopes as the security scheme of the OpenAPI names them; its operation for sending says `sendMessage`, so they can be set."""
DELETE_SCOPE: Final = "urn:sdk.api:deleteMessage"
"""The scope for deleting; a token with it is asked for apart, so that a service that does not grant it takes messages all the same."""
NEVER: Final = "never"
PARTICIPANT: Final = re.compile(r"0203:[A-Za-z0-9.-]{1,200}")
_RAREST: Final = timedelta(hours=1)
_ONE_ACCOUNT: Final = ("service", "token_url", "client_id", "hand_over", "access_point", "submit_to", "pmode")
"""What says where one account for all owners is."""


def canonical(name: str) -> str:
    """Return a participant or a functional address as it is compared: a domain is the same in capitals and in small letters."""
    return name.lower()


@dataclass(frozen=True, slots=True)
class SdkSender:
    """How one owner appears in SDK: its organisation, its functional address, and what that is called."""

    participant: str
    address: str
    label: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """That an owner and an organisation exchange data: since when, in Sweden. The participant is canonical."""

    since: date
    owner: str
    participant: str

    def binds(self, owner: object, participant: str) -> bool:
        """Say whether it is between these two."""
        return (self.owner, self.participant) == (owner, canonical(participant))


@dataclass(frozen=True, slots=True)
class SdkSettings:
    """What an administrator may set.

    Args:
        service: The base address of the message service's SDK API, up to and including `/v1`.
        token_url: Where access tokens are fetched.
        client_id: Who we are there.
        accounts: By name, the accounts of owners that have their own, in the place of `service` and `hand_over` and what belongs to them.
        account: Which of them these settings are of; empty where they are of none.
        scopes: What we ask for, separated by spaces.
        hand_over: The folder shared with an access point, in the place of a message service.
        access_point: Our access point's id in the network; for the folder.
        submit_to: The base address of the access point's REST back-end, to which what is sent goes; what comes lies in the folder all the same.
        pmode: The id of the access point's processing mode, for the REST back-end.
        senders: By owner.
        agencies: Organisation number by canonical participant: whose answers are believed to be whose. Ask `number_of`.
        agreements: By name, the bilateral agreements on structured attachments.
        left_to_others: Canonical participants whose receipts and answers this adapter leaves, besides those that an agency's own adapter takes. Ask
            `leaves`.
        timeout: For one whole request.
        poll_every: How long a poll is not repeated.
        address_book: The base address of the SDK address book's API.
        delete_after: How old a message of ours with a recorded receipt must be to be deleted at the service; None is with its case only.
        keeps_all: Nothing is deleted at the service, not with its case either: it clears by itself.
        delete_scope: The scope that deleting needs.
    """

    service: str = ""
    token_url: str = ""
    client_id: str = ""
    accounts: Mapping[str, ListedAccount] = field(default_factory=dict)
    account: str = ""
    scopes: str = SCOPES
    hand_over: str = ""
    access_point: str = ""
    submit_to: str = ""
    pmode: str = ""
    senders: Mapping[str, SdkSender] = field(default_factory=dict)
    agencies: Mapping[str, str] = field(default_factory=dict)
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    left_to_others: frozenset[str] = frozenset()
    timeout: timedelta = timedelta(seconds=10)
    poll_every: timedelta = timedelta(seconds=30)
    address_book: str = ""
    delete_after: timedelta | None = None
    keeps_all: bool = False
    delete_scope: str = DELETE_SCOPE

    @property
    def absent(self) -> tuple[str, ...]:
        """The settings without which nothing can be sent."""
        service = {"service": self.service, "token_url": self.token_url, "client_id": self.client_id}
        point = {"pmode": self.pmode} if self.submit_to else {"access_point": self.access_point}
        whole = {} if self.accounts and not self.account else point if self.hand_over else service
        return tuple(name for name, value in {**whole, "senders": self.senders}.items() if not value)

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose account these settings are of: of one that is listed its owners, else everybody's who sends."""
        return self.accounts[self.account].owners if self.account else tuple(self.senders)

    def at(self, name: str) -> SdkSettings:
        """Return the settings of one listed account: its own place, and its own owners alone; an empty name gives them as they are."""
        if not name:
            return self
        own = self.accounts[name]
        return replace(
            self,
            account=name,
            service=own.service,
            token_url=own.token_url,
            client_id=own.client_id,
            scopes=own.scopes or self.scopes,
            hand_over=own.hand_over,
            access_point=own.access_point,
            submit_to=own.submit_to,
            pmode=own.pmode,
            senders={owner: self.senders[owner] for owner in own.owners if owner in self.senders},
        )

    def number_of(self, participant: str) -> str | None:
        """Return the number of the organisation that a participant is, or None."""
        return self.agencies.get(canonical(participant))

    def owner_at(self, address: str) -> str | None:
        """Return the owner whose functional address this is, or None."""
        return next((owner for owner, sender in self.senders.items() if canonical(sender.address) == canonical(address)), None)

    def owner_of(self, participant: str, address: str) -> str | None:
        """Return the owner that appears as this organisation at this functional address, or None."""
        named = (canonical(participant), canonical(address))
        return next((owner for owner, one in self.senders.items() if (canonical(one.participant), canonical(one.address)) == named), None)

    def is_ours(self, participant: str) -> bool:
        """Say whether a participant is one of our owners'."""
        return canonical(participant) in {canonical(sender.participant) for sender in self.senders.values()}

    def leaves(self, participant: str) -> bool:
        """Say whether what an organisation sends is left to others."""
        return canonical(participant) in self.left_to_others


def read_settings(given: Mapping[str, str]) -> SdkSettings:
    """Read the settings.

    Raises:
        SettingsError: One is unknown or cannot be used; its name is said, its value is not.
    """
    own, standard = OwnSettings("sdk", given, NAMES), SdkSettings()
    if given.get("hand_over") and given.get("service"):
        raise SettingsError("sdk: set service, or hand_over for an access point, and not both")
    accounts = read_accounts(own.entries("accounts"))
    for name in _ONE_ACCOUNT if accounts else ():
        if given.get(name):
            raise SettingsError(
                f"sdk: set accounts, or {name} for one account, and not both: nobody's message may go by an account that is not named as its owner's"
            )
    if given.get("submit_to") and not given.get("hand_over"):
        raise SettingsError("sdk: submit_to needs hand_over beside it: what comes back lies in that folder")
    return SdkSettings(
        service=_address(given, "service").rstrip("/"),
        token_url=_address(given, "token_url"),
        client_id=given.get("client_id", ""),
        accounts=accounts,
        scopes=given.get("scopes", "") or SCOPES,
        hand_over=_folder(given),
        access_point=_identifier(given, "access_point", "AP0007-OPEN-TEST"),
        submit_to=_address(given, "submit_to").rstrip("/"),
        pmode=_identifier(given, "pmode", "sdk-message"),
        senders=dict(_sender(entry) for entry in own.entries("senders")),
        agencies=dict(_agency(entry) for entry in own.entries("agencies")),
        agreements=dict(_agreement(entry) for entry in own.entries("agreements")),
        left_to_others=_participants(own.entries("left_to_others")),
        timeout=own.seconds("timeout_seconds", standard.timeout),
        poll_every=own.seconds("poll_seconds", standard.poll_every, most=_RAREST, zero=True),
        address_book=_address(given, "address_book"),
        delete_after=_days(given),
        keeps_all=given.get("delete_after_days") == NEVER,
        delete_scope=given.get("delete_scope", "") or DELETE_SCOPE,
    )


def _address(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "")
    if text and not ADDRESS.fullmatch(text):
        raise SettingsError(f"sdk: {name} must be an https address without a query or a user name")
    return text


def _folder(given: Mapping[str, str]) -> str:
    text = given.get("hand_over", "")
    if text and not Path(text).is_absolute():
        raise SettingsError("sdk: hand_over must be a whole path")
    return text


def _identifier(given: Mapping[str, str], name: str, example: str) -> str:
    text = given.get(name, "")
    if text and not IDENTIFIER.fullmatch(text):
        raise SettingsError(f"sdk: {name} is an id such as {example}")
    return text


def _sender(entry: str) -> tuple[str, SdkSender]:
    parts = entry.split(maxsplit=3)
    if len(parts) != 4 or not PARTICIPANT.fullmatch(parts[1]):  # noqa: PLR2004 - the four words of an entry
        raise SettingsError(
            "sdk: each of senders is an organisation number, 0203:domain, a functional address and a label, and a semicolon stands between two"
        )
    return _number(parts[0], "senders"), SdkSender(*parts[1:])


def _agency(entry: str) -> tuple[str, str]:
    parts = entry.split()
    if len(parts) != 2 or not PARTICIPANT.fullmatch(parts[0]):  # noqa: PLR2004 - the two words of an entry
        raise SettingsError("sdk: each of agencies is 0203:domain and an organisation number, and a semicolon stands between two")
    return canonical(parts[0]), _number(parts[1], "agencies")


def _agreement(entry: str) -> tuple[str, Agreement]:
    parts = entry.split()
    example = "a name, the day it is in force from (2026-01-01), an organisation number and 0203:domain, and a semicolon stands between two"
    if len(parts) != 4 or not re.fullmatch(r"[A-Za-z0-9./:_-]{1,60}", parts[0]) or not PARTICIPANT.fullmatch(parts[3]):  # noqa: PLR2004 - the four words
        raise SettingsError(f"sdk: each of agreements is {example}")
    try:
        since = date.fromisoformat(parts[1])
    except ValueError:
        raise SettingsError(f"sdk: each of agreements is {example}") from None
    return parts[0], Agreement(since, _number(parts[2], "agreements"), canonical(parts[3]))


def _participants(found: Sequence[str]) -> frozenset[str]:
    if not all(PARTICIPANT.fullmatch(one) for one in found):
        raise SettingsError("sdk: left_to_others names organisations as 0203:domain, and a semicolon stands between two")
    return frozenset(map(canonical, found))


def _number(text: str, name: str) -> str:
    try:
        return OrganisationNumber(text)
    except ValueError:
        raise SettingsError(f"sdk: {name} names something that is no organisation number") from None


def _days(given: Mapping[str, str]) -> timedelta | None:
    text = given.get("delete_after_days", "")
    if text in {"", NEVER}:
        return None
    if not re.fullmatch("[1-9][0-9]{0,3}", text, re.ASCII):
        raise SettingsError(f"sdk: delete_after_days is a number of days from 1 to 9999, or {NEVER}")
    return timedelta(days=int(text))
