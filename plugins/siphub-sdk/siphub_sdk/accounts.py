"""Whose account is asked: one for all owners, or one for each that the settings list, at a message service or by an access point's folders.

An account is the plugin's settings narrowed to what is its own, with its own secret, so that whatever is built on them knows no other owner.
The owner alone chooses it, and there is no account to fall back on: it must never give one owner the account of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from siphub.contract import Check, Inbound, Log, PluginContext, Problem, Recipient
from siphub_sdk.beside import Place
from siphub_sdk.deletion import Deletion
from siphub_sdk.hand_over import HandOver
from siphub_sdk.listed_accounts import MAIN
from siphub_sdk.outcomes import address_in
from siphub_sdk.references import References
from siphub_sdk.service import Service
from siphub_sdk.settings import SdkSettings, canonical
from siphub_sdk.submit import SECRET as SUBMIT_KEY

NO_ACCOUNT: Final = "address.no_account"
"""The code of what is for an owner whom the setting `accounts` does not name."""
_SECRETS: Final = ("client_secret", SUBMIT_KEY)
_AT: Final = "@"


class _OwnersLog:
    """A log that says whose account it was."""

    def __init__(self, log: Log, owners: str) -> None:
        self._log, self._owners = log, owners

    def info(self, event: str, /, **facts: object) -> None:
        """Log something that happened."""
        self._log.info(event, owner=self._owners, **facts)

    def warning(self, event: str, /, **facts: object) -> None:
        """Log something an administrator should look at."""
        self._log.warning(event, owner=self._owners, **facts)

    def error(self, event: str, /, **facts: object) -> None:
        """Log something that is broken."""
        self._log.error(event, owner=self._owners, **facts)


@dataclass(slots=True)
class Account:
    """One account: `name` is empty where the settings list none. `next_poll` is when it is asked again, in monotonic seconds."""

    name: str
    settings: SdkSettings
    references: References
    service: Service
    deletion: Deletion
    hand_over: HandOver | None
    log: Log
    next_poll: float = 0.0

    @property
    def listed(self) -> bool:
        """True where it is one of several: then everything that lies there is its owners'."""
        return bool(self.name)

    @property
    def places(self) -> frozenset[Place]:
        """Where it fetches, for each owner; the folder of a hand-over is one place."""
        if self.settings.hand_over:
            return frozenset({(self.settings.hand_over, "")})
        return frozenset((self.settings.service, owner) for owner in self.settings.owners)

    def place_of(self, owner: str) -> Place:
        """Return where what is an owner's is fetched."""
        return (self.settings.hand_over, "") if self.settings.hand_over else (self.settings.service, owner)

    def outer(self, partner_id: str) -> str:
        """Return an id as the hub knows it: the same id at two accounts is two things. Without a listing, and at `main`, it is as it is."""
        plain = partner_id.replace(_AT, "_")
        return plain if self.name in {"", MAIN} else f"{plain}{_AT}{self.name}"

    def shown(self, inbound: Inbound) -> Inbound:
        """Return what was fetched, under its outer id, and with its one owner where the account has one."""
        if not self.listed:
            return inbound
        owners = self.settings.owners
        owner = inbound.owner or (owners[0] if len(owners) == 1 else None)
        return replace(inbound, partner_id=self.outer(inbound.partner_id), owner=owner)

    def senders_of(self, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Return which owners a message of ours that lies here may be of: by its functional address, or where a list leaves that out by its organisation.

        At an account that is listed, what none of its owners sent is the first one's to look at: whose account it is does not hang on what lies there.
        """
        by_us = [
            owner for owner, one in self.settings.senders.items() if canonical(one.participant) == canonical(str(attributes.get("sender")))
        ]
        address = canonical(address_in(attributes, "senderAttention"))
        exact = [owner for owner in by_us if canonical(self.settings.senders[owner].address) == address]
        return tuple(exact or by_us or (self.settings.owners[:1] if self.listed else ()))


class Accounts:
    """Every account of a plugin."""

    def __init__(self, context: PluginContext, settings: SdkSettings, adapter: str) -> None:
        self._settings = settings
        names = tuple(settings.accounts) or ("",)
        self.all: tuple[Account, ...] = tuple(_account(context, settings, name, adapter) for name in names)

    def of(self, owner: str) -> Account | None:
        """Return an owner's account, or None: where accounts are listed, whoever is not among them has none."""
        if not self._settings.accounts:
            return self.all[0]
        return next((one for one in self.all if owner and owner in one.settings.owners), None)

    def by_id(self, partner_id: str) -> tuple[Account, str] | None:
        """Return at which account something was fetched, and under which id there."""
        inner, at, name = partner_id.rpartition(_AT)
        found = next((one for one in self.all if at and one.name == name != MAIN), None)
        if found is not None:
            return found, inner
        plain = next((one for one in self.all if one.name in {"", MAIN}), None)
        return None if plain is None else (plain, partner_id)

    @property
    def places(self) -> frozenset[Place]:
        """Where all of them fetch."""
        return frozenset[Place]().union(*(one.places for one in self.all))

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why nothing may be sent for an owner, or None; an entry that is looked at for nobody is not refused."""
        if not recipient.owner or self.of(recipient.owner) is not None:
            return None
        return Problem(NO_ACCOUNT, "the setting accounts names no account of this owner: add its own, or add the owner to the entry of one")

    def check(self) -> Iterable[Check]:
        """Say of each account what is missing, and whether it can be used; and who has none."""
        for owner in self._settings.senders:
            if self.of(owner) is None:
                yield Check(
                    ok=False, what=f"the setting accounts names no account of {owner}: what it sends over SDK is held ({NO_ACCOUNT})"
                )
        for account in self.all:
            yield from _checked(account)


def made_for(body: bytes, account: Account, owner: str) -> bool:
    """Say whether a translated message is of an owner, by the sender that it names; without a listing, nobody need be named."""
    if not owner:
        return not account.listed
    attributes = json.loads(body)["data"]["attributes"]
    sender = account.settings.senders.get(owner)
    said = (str(attributes.get("sender")), address_in(attributes, "senderAttention"))
    return sender is not None and tuple(map(canonical, said)) == (canonical(sender.participant), canonical(sender.address))


def _account(context: PluginContext, whole: SdkSettings, name: str, adapter: str) -> Account:
    settings = whole.at(name)
    if name:
        settings_log = _OwnersLog(context.log, ",".join(settings.owners))
        context = replace(context, secrets=_secrets(context.secrets, name), log=settings_log)
    references, service = References(context, settings), Service(context, settings, whole.senders.values())
    hand_over = HandOver(context, settings, references) if settings.hand_over else None
    return Account(name, settings, references, service, Deletion(context, settings, service, adapter), hand_over, context.log)


def _secrets(secrets: Mapping[str, str], name: str) -> Mapping[str, str]:
    """Return an account's own secrets under the names that they have where there is one account."""
    own = {kind: secrets.get(kind if name == MAIN else f"{kind}_{name}", "") for kind in _SECRETS}
    return {kind: value for kind, value in own.items() if value}


def _checked(account: Account) -> Iterable[Check]:
    for check in _own_checks(account):
        yield (
            Check(ok=check.ok, what=f"account {account.name} ({', '.join(account.settings.owners)}): {check.what}")
            if account.listed
            else check
        )


def _own_checks(account: Account) -> Iterable[Check]:
    for name in account.settings.absent:
        yield Check(ok=False, what=f"the setting {name} is missing: nothing can be sent over SDK")
    for owner in account.settings.owners:
        if account.listed and owner not in account.settings.senders:
            yield Check(ok=False, what=f"the setting senders does not name {owner}: nothing of it can be sent over SDK")
    if account.hand_over is not None:
        yield from account.hand_over.check()
        return
    why = account.service.ready()
    yield Check(ok=why is None, what="the message service gives a token" if why is None else f"the message service gives no token: {why}")
    if why is None:
        yield from account.service.check_lists()
        yield from account.deletion.check()
