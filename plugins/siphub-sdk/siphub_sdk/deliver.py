"""The adapter: one POST to the message service, or one file for an access point, the question what became of it, and the service's answers fetched by polling.

The messageId of a delivery is its key, a random UUID made once: the service, the recipient's receipt and an answer's refToMessageId all
name it, and no table of ours can be lost. It must never send a payload to another functional address than the one it was made for.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, ClassVar

from siphub.contract import (
    AdapterInfo,
    Check,
    Cut,
    Inbound,
    Outcome,
    Payload,
    PluginContext,
    Problem,
    Receipt,
    Recipient,
    Refused,
    Rejected,
    Retry,
    Submission,
    Uncertain,
    Unreadable,
)
from siphub_sdk import attachments, beside, outcomes
from siphub_sdk.accounts import NO_ACCOUNT, Account, Accounts, made_for
from siphub_sdk.attachments import attached, checks, fetched
from siphub_sdk.beside import Place
from siphub_sdk.message import MEDIA_TYPE as INBOUND
from siphub_sdk.message import from_attributes
from siphub_sdk.organisations import refusal
from siphub_sdk.outcomes import address_in
from siphub_sdk.settings import read_settings
from siphub_sdk.translate import GENERATING_SYSTEM, MAX_BYTES, MEDIA_TYPE, translated
from siphub_sdk.wording import LABELS

_SETTLED = 100_000
"""More than the lists of a message service may hold of ours: what is forgotten here is taken up anew at every poll."""
_ROUND = 20.0
"""Seconds after which a poll begins with no further account: a slow one keeps the others waiting no longer, and they come first the next time."""


def sdk_info(name: str) -> AdapterInfo:
    """Return what an adapter over SDK can do, under its own name."""
    return AdapterInfo(
        name=name,
        media_type=MEDIA_TYPE,
        kinds=frozenset(LABELS),
        receipts="later",
        idempotent=False,
        recall="message",
        max_bytes=MAX_BYTES,
        address_book="sdk",
        refused_for_good=True,
    )


class Sdk:
    """Delivers to whoever is reached by SDK; the datasheet stands at the top of the package."""

    info: ClassVar[AdapterInfo] = sdk_info("sdk")

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings = read_settings(context.settings)
        self._accounts = Accounts(context, self._settings, self.info.name)
        self._settled: dict[str, None] = {}
        self._recorded: dict[str, None] = {}
        beside.joined(context.http, self)

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Make the SDK API's JSON from a cut, without its messageId.

        Raises:
            MappingError: There is no sender for the owner, no participant in the entry, no text for the kind or the purpose; the entry asks
                for an attachment that is none of ours, or for data without an agreement.
        """
        further = self.further(cut)
        files = attached(cut, recipient, self._settings, self._context.render, further)
        return translated(cut, recipient, self._settings, further, files)

    def further(self, cut: Cut) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - what an agency's own adapter has to say besides
        """Return further lines of the text, each a name and what is said; they stand beneath our reference."""
        return ()

    def owns(self, participant: str) -> bool:  # noqa: ARG002 - an agency's own adapter knows its agency
        """Say whether an organisation is this adapter's own, and no other's to hear."""
        return False

    def hears(self, participant: str, at: Place | None = None) -> bool:
        """Say whether receipts and answers of an organisation at a place, or anywhere, are this adapter's to take; an empty participant is one that nobody knows."""
        places = self.fetches_at if at is None else (at,)
        left = self._settings.leaves(participant)
        return not left and any(beside.takes(self._context.http, self, one, participant) for one in places)

    @property
    def fetches_at(self) -> frozenset[Place]:
        """Where receipts and answers are fetched: at each message service for each owner, and in the folders of the hand-over."""
        return self._accounts.places

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Say why nothing may be sent to an address: it leads to an agency that has an adapter of its own, or asks for data without an agreement; or why nothing may be sent for an owner."""
        found = refusal(self.info.name, self._settings, recipient) or attachments.refusal(recipient, self._settings)
        return found or self._accounts.refusal(recipient)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """POST once, under the key as messageId, by the account of the owner.

        Raises:
            PermitExpired: Nothing was sent.
        """
        account = self._accounts.of(recipient.owner)
        if account is None:
            return Retry(NO_ACCOUNT)
        if not made_for(payload.body, account, recipient.owner):
            return Retry("sdk.other_owner")
        if not _addressed_to(payload.body, recipient):
            return Retry("sdk.other_recipient")
        try:
            message_id = str(uuid.UUID(key))
        except ValueError:
            return Rejected("sdk.key_is_no_uuid")
        whole = replace(payload, body=account.references.repeated(payload.body))
        if len(whole.body) > MAX_BYTES:
            return Rejected("sdk.bv.too-long")
        outcome = (account.hand_over or account.service).send(whole, message_id)
        if not isinstance(outcome, Rejected | Retry):
            account.references.written_to(payload.body)
        return outcome

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Ask the owner's account what it has under a key: by its status, surely nothing (Retry), not now (Uncertain), or it cannot say (None)."""
        account = self._accounts.of(recipient.owner)
        if account is None:
            return Uncertain(NO_ACCOUNT)
        if account.hand_over is not None:
            return account.hand_over.confirm(key, recipient.endpoint)
        found = account.service.get(key)
        if found == HTTPStatus.NOT_FOUND:
            return Retry("partner.not_there")
        if isinstance(found, Uncertain):
            return found
        if not isinstance(found, Mapping) or address_in(found, "recipientAttention") not in {recipient.endpoint, ""}:
            return None
        return outcomes.of_status(found, key)

    def poll(self, cursor: str | None) -> Iterable[Inbound]:  # noqa: ARG002 - the service has no cursors: what was settled is left out instead
        """Return receipts for what we sent and messages that others sent us; not more often than the settings say."""
        began = time.monotonic()
        for account in sorted(self._accounts.all, key=lambda one: one.next_poll):
            if account.settings.absent or began < account.next_poll:
                continue
            if time.monotonic() - began > _ROUND:
                return
            account.next_poll = time.monotonic() + self._settings.poll_every.total_seconds()
            yield from self._alarmed(account.shown(inbound) for inbound in self._polled(account))

    def _polled(self, account: Account) -> Iterable[Inbound]:
        if account.hand_over is not None:
            yield from account.hand_over.came(lambda whose: self.hears(whose, account.place_of("")))
            return
        account.deletion.began()
        # What others wait for first: answers, then refusals; the accepted ones heap up at a service that clears nothing out.
        for status in (*sorted(outcomes.ARRIVED), *sorted(outcomes.ENDED, reverse=True)):
            found = account.service.listed(status)
            if found is None:
                account.log.warning("poll.failed", adapter=self.info.name, code="sdk.cannot_list", status=status)
                continue
            for attributes in found:
                yield from self._alone(account, status, attributes)

    def ask_now(self) -> None:
        """Let the next poll ask at every account: somebody rang, and who that was is not read."""
        for account in self._accounts.all:
            account.next_poll = 0.0

    def settle(self, partner_id: str) -> None:
        """Leave it out from now on. It stays at the service: a person may have to read it there, and `confirm` must find ours."""
        found = self._accounts.by_id(partner_id)
        if found is not None and found[0].hand_over is not None:
            found[0].hand_over.settle(found[1])
            return
        _remember(self._settled, partner_id)

    def recorded(self, partner_id: str) -> None:
        """Note that the receipt of a message of ours stands at its delivery: nobody will ask for that message again."""
        _remember(self._recorded, partner_id)

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Delete at the owner's account, or in its hand-over, what was sent under a key, with its case; say whether nothing of it is there any more."""
        account = self._accounts.of(recipient.owner)
        if account is None:
            self._context.log.warning("delete.failed", adapter=self.info.name, code=NO_ACCOUNT, owner=recipient.owner)
            return False
        if account.hand_over is not None:
            return account.hand_over.erase(key, recipient.endpoint)
        return account.deletion.erase(key, recipient.endpoint)

    def take_back(self, key: str, recipient: Recipient) -> bool:
        """Delete what has been called back and has not left: at the owner's service while that has yet to send it, in its hand-over while it lies in `out`."""
        account = self._accounts.of(recipient.owner)
        if account is None:
            return False
        if account.hand_over is not None:
            return account.hand_over.erase(key, recipient.endpoint)
        return account.deletion.take_back(key, recipient.endpoint)

    def check(self) -> Iterable[Check]:
        """Say what is not set, and of each account whether the service gives us a token."""
        if not self._settings.agencies:
            yield Check(ok=False, what="the setting agencies is missing: answers by SDK are believed to be nobody's")
        for participant in sorted(self._settings.left_to_others):
            if not any(beside.owned(self._context.http, at, participant) for at in self.fetches_at):
                yield Check(
                    ok=False, what=f"the setting left_to_others names {participant}, and no adapter of this hub takes what it sends"
                )
        yield from self._accounts.check()

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say whether the receipts and answers of an entry's organisation will count."""
        participant = recipient.options.get("participant", "")
        ok = self._settings.number_of(participant) == recipient.organisation
        what = f"the setting agencies gives {participant} the number {recipient.organisation}"
        yield Check(ok=ok, what=what if ok else f"this is not so, and its receipts and answers count for nobody: {what}")
        yield from checks(recipient, self._settings, self._context.clock.now().date())

    def close(self) -> None:
        """Nothing is held open here: the hub owns the connections."""

    def _alarmed(self, found: Iterable[Inbound]) -> Iterable[Inbound]:
        """Pass on what came, and sound the alarm where a receipt says that a signature is not right: that is no mistake of a message's."""
        for inbound in found:
            if isinstance(inbound.content, Receipt) and (inbound.content.code or "").startswith(outcomes.SIGNATURE):
                self._context.log.error("receipt.security", adapter=self.info.name, code=inbound.content.code)
            yield inbound

    def _alone(self, account: Account, status: str, attributes: Mapping[str, Any]) -> Sequence[Inbound]:
        """Return what one listed message is to us; one on which reading breaks keeps no other from being read, and is not asked for again."""
        try:
            return tuple(self._came(account, status, attributes))
        except Exception as error:  # whatever nobody has foreseen, it is one message of many
            account.log.error("inbound.unreadable", adapter=self.info.name, code="sdk.message_failed", exc_info=error)
        message_id, owners = str(attributes["messageId"]), account.settings.owners
        owner = owners[0] if len(owners) == 1 else None
        return () if account.outer(message_id) in self._settled else (Inbound(message_id, Unreadable("sdk.message_failed"), owner=owner),)

    def _came(self, account: Account, status: str, attributes: Mapping[str, Any]) -> Iterable[Inbound]:
        """Make of one listed message what it is to us: a receipt, an answer, or nothing: other clients may use the same service."""
        message_id = str(attributes["messageId"])
        partner_id = f"{message_id}/{status}" if status in outcomes.ENDED else message_id
        outer = account.outer(partner_id)
        if outer in self._settled:
            if outer in self._recorded:
                account.deletion.in_time(message_id, attributes)
            return
        if status in outcomes.ENDED:
            yield from self._ended(account, partner_id, attributes)
        else:
            yield from self._arrived(account, partner_id, attributes)

    def _ended(self, account: Account, partner_id: str, attributes: Mapping[str, Any]) -> Iterable[Inbound]:
        """Give the receipt of a message of ours. At an account that is listed the hub is told whose account it is: another's delivery is not its own."""
        recipient = str(attributes.get("recipient"))
        if not isinstance(attributes.get("sender"), str):
            whose = self._settings.owner_at(address_in(attributes, "senderAttention"))
            if self.hears(recipient, account.place_of(whose or next(iter(account.settings.owners), ""))):
                yield Inbound(partner_id, Unreadable("sdk.invalid"), None, self._settings.number_of(recipient), whose)
            return
        ours = self._settings.is_ours(str(attributes.get("sender"))) and _made_by_us(attributes)
        owners = account.senders_of(attributes)
        if not ours or not owners or not self.hears(recipient, account.place_of(owners[0])):
            return
        receipt = self._receipt(str(attributes["messageId"]), attributes)
        if outcomes.says_twice(receipt.code or ""):
            account.log.warning("receipt.duplicate", adapter=self.info.name, code=receipt.code)
            _remember(self._settled, account.outer(partner_id))
            return
        owner = owners[0] if account.listed and len(owners) == 1 else None
        yield Inbound(partner_id, receipt, None, self._settings.number_of(recipient), owner)

    def _arrived(self, account: Account, partner_id: str, attributes: Mapping[str, Any]) -> Iterable[Inbound]:
        """Give a message to one of an account's owners. One to another of ours is no message of theirs, nor of the other's: it is shown unread."""
        address, sender = address_in(attributes, "recipientAttention"), str(attributes.get("sender"))
        owner = account.settings.owner_at(address)
        whose = owner or next(iter(account.settings.owners), "")
        if (owner is None and self._settings.owner_at(address) is None) or not self.hears(sender, account.place_of(whose)):
            return
        if owner is None:
            yield Inbound(partner_id, Unreadable("sdk.other_account"), None, self._settings.number_of(sender), whose)
            return
        content = self._fetched(account, str(attributes["messageId"]), attributes)
        if content is not None:
            yield Inbound(partner_id, content, None, self._settings.number_of(sender), owner)

    def _receipt(self, message_id: str, attributes: Mapping[str, Any]) -> Receipt:
        taken = attributes["messageStatus"] == "ACCEPTED"
        at = self._context.clock.now()  # the API does not say when the receipt came
        return Receipt(message_id.lower(), "received" if taken else "rejected", at, None if taken else outcomes.code_of(attributes))

    def _fetched(self, account: Account, message_id: str, attributes: Mapping[str, Any]) -> Submission | None:
        """Return a whole message; its head alone where the whole is too large to be fetched; None where it cannot be asked for now."""
        found = account.service.get(message_id)
        if isinstance(found, Mapping):
            with contextlib.suppress(Refused):
                account.references.note(from_attributes(found))
            return self._submission(found)
        return self._submission(attributes) if found == HTTPStatus.OK else None

    def _submission(self, attributes: Mapping[str, Any]) -> Submission:
        owner = self._settings.owner_at(address_in(attributes, "recipientAttention"))
        body, day = json.dumps(dict(attributes)).encode(), self._context.clock.now().date()
        return fetched(body, INBOUND, self._settings, str(attributes.get("sender")), owner, day)


def _remember(these: dict[str, None], one: str) -> None:
    """Remember it among the newest."""
    these[one] = None
    while len(these) > _SETTLED:
        del these[next(iter(these))]


def _made_by_us(attributes: Mapping[str, Any]) -> bool:
    """Say whether this hub made a message; a service that leaves the field out of its lists leaves it open."""
    system = attributes.get("generatingSystem")
    return not isinstance(system, Mapping) or system.get("extension") == GENERATING_SYSTEM


def _addressed_to(body: bytes, recipient: Recipient) -> bool:
    attributes = json.loads(body)["data"]["attributes"]
    return address_in(attributes, "recipientAttention") == recipient.endpoint
