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
)
from siphub_sdk import attachments, beside, outcomes
from siphub_sdk.attachments import attached, checks, fetched
from siphub_sdk.deletion import Deletion, address_in
from siphub_sdk.hand_over import HandOver
from siphub_sdk.message import MEDIA_TYPE as INBOUND
from siphub_sdk.message import from_attributes
from siphub_sdk.organisations import refusal
from siphub_sdk.references import References
from siphub_sdk.service import Service
from siphub_sdk.settings import read_settings
from siphub_sdk.translate import GENERATING_SYSTEM, MAX_BYTES, MEDIA_TYPE, translated
from siphub_sdk.wording import LABELS

_SETTLED = 20_000


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
    )


class Sdk:
    """Delivers to whoever is reached by SDK; the datasheet stands at the top of the package."""

    info: ClassVar[AdapterInfo] = sdk_info("sdk")

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings = read_settings(context.settings)
        self._service = Service(context, self._settings)
        self._references = References(context, self._settings)
        self._hand_over = HandOver(context, self._settings, self._references) if self._settings.hand_over else None
        self._deletion = Deletion(context, self._settings, self._service, self.info.name)
        self._settled: dict[str, None] = {}
        self._recorded: dict[str, None] = {}
        self._next_poll = 0.0
        beside.joined(context.http, self)

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Make the SDK API's JSON from a cut, without its messageId.

        Raises:
            MappingError: There is no sender for the owner, no participant in the entry, no text for the kind or the purpose; the entry asks
                for an attachment that is none of ours, or for data without an agreement.
        """
        return translated(cut, recipient, self._settings, self.further(cut), attached(cut, recipient, self._settings, self._context.render))

    def further(self, cut: Cut) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - what an agency's own adapter has to say besides
        """Return further lines of the text, each a name and what is said; they stand beneath our reference."""
        return ()

    def owns(self, participant: str) -> bool:  # noqa: ARG002 - an agency's own adapter knows its agency
        """Say whether an organisation is this adapter's own, and no other's to hear."""
        return False

    def hears(self, participant: str) -> bool:
        """Say whether receipts and answers of an organisation are this adapter's to take; an empty participant is one that nobody knows."""
        return participant not in self._settings.left_to_others and beside.takes(self._context.http, self, participant)

    @property
    def fetches_at(self) -> str:
        """Where receipts and answers are fetched: the message service's address, or the folder of the hand-over."""
        return self._settings.service or self._settings.hand_over

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Say why nothing may be sent to an address: it leads to an agency that has an adapter of its own, or asks for data without an agreement."""
        return refusal(self.info.name, self._settings, recipient) or attachments.refusal(recipient, self._settings)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """POST once, under the key as messageId.

        Raises:
            PermitExpired: Nothing was sent.
        """
        if not _addressed_to(payload.body, recipient):
            return Retry("sdk.other_recipient")
        try:
            message_id = str(uuid.UUID(key))
        except ValueError:
            return Rejected("sdk.key_is_no_uuid")
        whole = replace(payload, body=self._references.repeated(payload.body))
        outcome = (self._hand_over or self._service).send(whole, message_id)
        if not isinstance(outcome, Rejected | Retry):
            self._references.written_to(payload.body)
        return outcome

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Ask the service what it has under a key: by its status, surely nothing (Retry), not now (Uncertain), or it cannot say (None)."""
        if self._hand_over is not None:
            return self._hand_over.confirm(key, recipient.endpoint)
        found = self._service.get(key)
        if found == HTTPStatus.NOT_FOUND:
            return Retry("partner.not_there")
        if isinstance(found, Uncertain):
            return found
        if not isinstance(found, Mapping) or address_in(found, "recipientAttention") not in {recipient.endpoint, ""}:
            return None
        return outcomes.of_status(found, key)

    def poll(self, cursor: str | None) -> Iterable[Inbound]:  # noqa: ARG002 - the service has no cursors: what was settled is left out instead
        """Return receipts for what we sent and messages that others sent us; not more often than the settings say."""
        if self._settings.absent or time.monotonic() < self._next_poll:
            return
        self._next_poll = time.monotonic() + self._settings.poll_every.total_seconds()
        if self._hand_over is not None:
            yield from self._alarmed(self._hand_over.came(self.hears))
            return
        self._deletion.began()
        # What others wait for first: answers, then refusals; the accepted ones heap up at a service that clears nothing out.
        for status in (*sorted(outcomes.ARRIVED), *sorted(outcomes.ENDED, reverse=True)):
            found = self._service.listed(status)
            if found is None:
                self._context.log.warning("poll.failed", adapter=self.info.name, code="sdk.cannot_list", status=status)
                continue
            for attributes in found:
                yield from self._alarmed(self._came(status, attributes))

    def ask_now(self) -> None:
        """Let the next poll ask: somebody rang."""
        self._next_poll = 0.0

    def settle(self, partner_id: str) -> None:
        """Leave it out from now on. It stays at the service: a person may have to read it there, and `confirm` must find ours."""
        if self._hand_over is not None:
            self._hand_over.settle(partner_id)
            return
        _remember(self._settled, partner_id)

    def recorded(self, partner_id: str) -> None:
        """Note that the receipt of a message of ours stands at its delivery: nobody will ask for that message again."""
        _remember(self._recorded, partner_id)

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Delete at the service, or in the hand-over, what was sent under a key, with its case; say whether nothing of it is there any more."""
        if self._hand_over is not None:
            return self._hand_over.erase(key, recipient.endpoint)
        return self._deletion.erase(key, recipient.endpoint)

    def check(self) -> Iterable[Check]:
        """Say what is not set, and whether the service gives us a token."""
        for name in self._settings.absent:
            yield Check(ok=False, what=f"the setting {name} is missing: nothing can be sent over SDK")
        if not self._settings.agencies:
            yield Check(ok=False, what="the setting agencies is missing: answers by SDK are believed to be nobody's")
        for participant in sorted(self._settings.left_to_others):
            if not beside.owned(self._context.http, self.fetches_at, participant):
                yield Check(
                    ok=False, what=f"the setting left_to_others names {participant}, and no adapter of this hub takes what it sends"
                )
        if self._hand_over is not None:
            yield from self._hand_over.check()
            return
        why = self._service.ready()
        yield Check(
            ok=why is None, what="the message service gives a token" if why is None else f"the message service gives no token: {why}"
        )
        if why is None:
            yield from self._deletion.check()

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

    def _came(self, status: str, attributes: Mapping[str, Any]) -> Iterable[Inbound]:
        """Make of one listed message what it is to us: a receipt, an answer, or nothing: other clients may use the same service."""
        message_id = str(attributes["messageId"])
        partner_id = f"{message_id}/{status}" if status in outcomes.ENDED else message_id
        senders = self._settings.senders.values()
        if partner_id in self._settled:
            if partner_id in self._recorded:
                self._deletion.in_time(message_id, attributes)
            return
        if status in outcomes.ENDED:
            ours = attributes.get("sender") in {one.participant for one in senders} and _made_by_us(attributes)
            recipient = str(attributes.get("recipient"))
            receipt = self._receipt(message_id, attributes) if ours and self.hears(recipient) else None
            if receipt is not None and outcomes.says_twice(receipt.code or ""):
                self._context.log.warning("receipt.duplicate", adapter=self.info.name, code=receipt.code)
                self.settle(partner_id)
            elif receipt is not None:
                yield Inbound(partner_id, receipt, organisation=self._settings.number_of(recipient))
        elif address_in(attributes, "recipientAttention") in {one.address for one in senders} and self.hears(str(attributes.get("sender"))):
            content = self._fetched(message_id, attributes)
            if content is not None:
                whose = self._settings.owner_at(address_in(attributes, "recipientAttention"))
                yield Inbound(partner_id, content, None, self._settings.number_of(str(attributes.get("sender"))), whose)

    def _receipt(self, message_id: str, attributes: Mapping[str, Any]) -> Receipt:
        taken = attributes["messageStatus"] == "ACCEPTED"
        at = self._context.clock.now()  # the API does not say when the receipt came
        return Receipt(message_id.lower(), "received" if taken else "rejected", at, None if taken else outcomes.code_of(attributes))

    def _fetched(self, message_id: str, attributes: Mapping[str, Any]) -> Submission | None:
        """Return a whole message; its head alone where the whole is too large to be fetched; None where it cannot be asked for now."""
        found = self._service.get(message_id)
        if isinstance(found, Mapping):
            with contextlib.suppress(Refused):
                self._references.note(from_attributes(found))
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
