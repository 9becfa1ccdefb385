"""Hand-over to an access point, where there is no message service with the SDK API: by folders, or by REST for what is sent.

    out    what the access point fetches and sends: `<messageId>.xml`, and `receipt-<messageId>-<hash>.xml` for what has come; not used with `submit_to`
    in     what it has opened and puts here: messages, and receipts of ours
    done   what was taken from `in`, for the organisation's own registry

It signs, encrypts, verifies and decrypts; none of that happens here, so nobody but it may write into `in`. It must never lose a file of
`in`: one is moved on only when the hub has stored what it says, and its receipt has been written before that. None of the three may be a link.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from siphub.contract import (
    UNKNOWN_PARTY,
    Accepted,
    BadBody,
    Check,
    Delivered,
    Inbound,
    MappingError,
    Outcome,
    Payload,
    PluginContext,
    Refused,
    Rejected,
    Submission,
    Unreadable,
)
from siphub.contract.xml import parse_xml, serialise_xml
from siphub_folder import Place, named, put, removed
from siphub_sdk import outcomes
from siphub_sdk.attachments import fetched
from siphub_sdk.envelope import MESSAGE, RECEIPT, Posting, envelope_xml, submit_request
from siphub_sdk.message import UUID, SdkMessage
from siphub_sdk.payload import LARGEST, envelope_in, payload_element, read_xml
from siphub_sdk.receipt import MessageReceipt, Reason, receipt_xml
from siphub_sdk.references import References
from siphub_sdk.rules import envelope_breaches, message_breaches
from siphub_sdk.rules.envelope import NAMES
from siphub_sdk.settings import PARTICIPANT, SdkSettings
from siphub_sdk.submit import Submit, taken
from siphub_sdk.translate import MAX_BYTES

if TYPE_CHECKING:
    import os

FOLDERS: Final = ("out", "in", "done")
_REASONS: Final = {
    "sdk.sv.structure": ("SV", "structure"),
    "sdk.bv.invariant": ("BV", "invariant"),
    "sdk.unsupported_payload": ("BV", "not-supported"),
    "sdk.encrypted": ("SIG", "security"),
    "body.too_large": ("BV", "too-long"),
}
"""What a receipt says of a message that is refused here; whatever else it was, the document is not what the schema says."""


Mark = tuple[int, int, int]
_WHOLE_AFTER: Final = timedelta(minutes=1)
_ON_THE_ENVELOPE: Final = (
    "xha:Header/xhb:ID",
    "xha:Header/xha:FromParty/xha:PartyIdentification/xhb:ID",
    "xha:Header/xha:ToParty/xha:PartyIdentification/xhb:ID",
)


@dataclass(frozen=True, slots=True)
class Came:
    """A file of `in`: which it was when it was read, what it is to the hub, and what is answered when that is stored."""

    name: str
    mark: Mark
    inbound: Inbound
    answer: MessageReceipt | None = None


class HandOver:
    """The folders between the hub and an access point."""

    def __init__(self, context: PluginContext, settings: SdkSettings, references: References) -> None:
        self._context, self._settings, self._references = context, settings, references
        self._out, self._in, self._done = (Place(Path(settings.hand_over), (name,)) for name in FOLDERS)
        self._submit = Submit(context, settings) if settings.submit_to else None
        self._came: dict[str, Came] = {}

    # ── out ──

    def send(self, payload: Payload, message_id: str) -> Outcome:
        """Give the access point a message.

        Raises:
            PermitExpired: Nothing has become visible.
        """
        try:
            posting, envelope = posted(payload.body, message_id)
        except MappingError as error:
            return Rejected(error.code)
        return self._given(posting, envelope, named(message_id, "xml"))

    def _given(self, posting: Posting, envelope: bytes, name: str) -> Outcome:
        """Give the access point one envelope: by REST, or as a file of this name."""
        if self._submit is not None:
            return self._submit.send(posting, envelope)
        found = put(submit_request(posting, envelope, self._settings.access_point), self._out, name)
        return Accepted(posting.id) if isinstance(found, Delivered) else found

    def confirm(self, message_id: str, address: str) -> Outcome | None:
        """Say Accepted where the message to that functional address lies there still; where it does not, it may have been fetched.

        By REST nobody can be asked.
        """
        if self._submit is not None:
            return None
        try:
            found = self._lies_in_out(named(message_id, "xml"))
        except (OSError, ValueError, Refused):
            return None
        return Accepted(message_id) if isinstance(found, SdkMessage) and found.recipient.address == address else None

    def erase(self, message_id: str, address: str) -> bool:
        """Take a message to that functional address out of `out`; say whether nothing lies there any more, also where it was fetched.

        By REST nothing is left on our side.
        """
        if self._submit is not None:
            return True
        try:
            name = named(message_id, "xml")
            found = self._lies_in_out(name)
            if found is None:
                return True
            if not isinstance(found, SdkMessage) or found.recipient.address != address:
                return False
        except (OSError, ValueError, Refused):
            return False
        return removed([name], self._out) is None

    def _lies_in_out(self, name: str) -> SdkMessage | MessageReceipt | None:
        """Return what a file of `out` says; None where there is none.

        Raises:
            OSError: Nobody can look.
            Refused: It is nothing that can be read.
        """
        with self._out.held() as folder:
            try:
                found = folder.read(name)
            except FileNotFoundError:
                return None
        return None if found is None else read_xml(found[0])

    # ── in ──

    def came(self, hears: Callable[[str], bool]) -> Iterator[Inbound]:
        """Return what the access point has put there, oldest first. What cannot be read is given too: the hub says why it refuses it.

        Args:
            hears: Says of an organisation whether what it sends is for this adapter; what is not is left where it lies.
        """
        for name in self._waiting():
            try:
                came = self._read(name, hears)
            except OSError:  # gone meanwhile, or not ours to read: it keeps no other from being read
                self._context.log.warning("inbound.unreadable", adapter="sdk", code="sdk.file_unreadable")
                continue
            except Exception as error:  # whatever nobody has foreseen, it is one file of many
                self._context.log.error("inbound.unreadable", adapter="sdk", code="sdk.file_failed", exc_info=error)
                came = self._broken(name, hears)
            if came is not None:
                self._came[came.inbound.partner_id] = came
                yield came.inbound

    def _waiting(self) -> list[str]:
        """Return the names of the files of `in`, the one that was written first before the others; none where nobody can look."""
        try:
            with self._in.held() as folder:
                found = {name: folder.stat(name) for name in folder.names() if name.endswith(".xml")}
        except OSError:
            return []
        written = {name: about.st_mtime_ns for name, about in found.items() if about is not None}
        return sorted(written, key=lambda name: (written[name], name))

    def settle(self, partner_id: str) -> None:
        """Answer with a receipt, and move on what has been stored; what has taken its name since is read at the next poll."""
        came = self._came.pop(partner_id, None)
        if came is None or self._mark(came.name) is None:
            return
        answered = None if came.answer is None else self._answered(came.answer)
        if answered is not None and not isinstance(answered, Accepted):
            self._context.log.warning("receipt.unwritten", adapter="sdk", code="sdk.receipt_unwritten")
        if answered is not None and not taken(answered):
            return
        if self._mark(came.name) == came.mark:
            self._put_away(came.name)

    def _mark(self, name: str) -> Mark | None:
        """Return which file has a name in `in` now; None where none has, or nobody can look."""
        try:
            with self._in.held() as folder:
                found = folder.stat(name)
        except OSError:
            return None
        return None if found is None else _mark(found)

    def _put_away(self, name: str) -> None:
        """Move a file to `done`, beside another of its name that lies there already."""
        with self._in.held() as here, self._done.held() as there:
            beside = f"{name.removesuffix('.xml')}-{uuid4()}.xml"
            here.rename(name, name if there.is_free(name) else beside, there)

    def check(self) -> Iterable[Check]:
        """Say of each folder whether it can be used."""
        if self._submit is not None:
            yield self._submit.check()
        for place in (self._out, self._in, self._done) if self._submit is None else (self._in, self._done):
            try:
                with place.held() as folder:
                    ok = folder.can_be_written()
            except OSError:
                ok = False
            yield Check(ok=ok, what=f"the folder {place.root.joinpath(*place.below)} of the hand-over can {'' if ok else 'not '}be used")

    def _read(self, name: str, hears: Callable[[str], bool]) -> Came | None:
        """Return what a file is to the hub; None where it is none, not whole yet, another adapter's, or says nothing of a message."""
        with self._in.held() as folder:
            opened = folder.read(name)
        if opened is None:
            return None
        body, mark = opened[0], _mark(opened[1])
        try:
            found = read_xml(body)
        except Refused as error:
            if not hears("") or (isinstance(error, BadBody) and self._is_young(opened[1])):
                return None
            inbound = Inbound(f"file/{sha256(body).hexdigest()[:32]}", Submission(body, "application/xml"))
            return Came(name, mark, inbound, self._rejecting(body, [Reason(*_REASONS.get(error.code, ("SV", "structure")))]))
        if not hears(found.sender if isinstance(found, MessageReceipt) else found.sender.participant or ""):
            return None
        if isinstance(found, MessageReceipt) and outcomes.says_twice(found.code or ""):
            self._context.log.warning("receipt.duplicate", adapter="sdk", code=found.code)
            self._put_away(name)
            return None
        if isinstance(found, MessageReceipt):
            partner_id = f"{found.message_id.lower()}/{found.code or 'ACCEPTED'}/{found.sender}"
            whose = self._settings.number_of(found.sender) or UNKNOWN_PARTY
            return Came(name, mark, Inbound(partner_id, found.as_receipt(), organisation=whose))
        self._references.note(found)
        who = self._settings.number_of(found.sender.participant or "")
        answer = self._answer(found)
        partner_id = _named(found)
        if answer is not None and not answer.accepted:  # what is refused may have no effect
            return Came(name, mark, Inbound(partner_id, Unreadable("sdk.bv.not-found"), organisation=who), answer)
        owner = self._settings.owner_at(found.recipient.address)
        submission = fetched(body, "application/xml", self._settings, found.sender.participant, owner, self._context.clock.now().date())
        inbound = Inbound(partner_id, submission, organisation=who, owner=owner)
        return Came(name, mark, inbound, answer)

    def _broken(self, name: str, hears: Callable[[str], bool]) -> Came | None:
        """Return what a file is that could not even be refused: for a person to look at in `done`, and answered to nobody."""
        try:
            with self._in.held() as folder:
                opened = folder.read(name)
        except OSError:
            return None
        if opened is None or not hears(""):
            return None
        owner = next(iter(self._settings.senders)) if len(self._settings.senders) == 1 else None
        inbound = Inbound(f"file/{sha256(opened[0]).hexdigest()[:32]}", Unreadable("sdk.file_failed"), owner=owner)
        return Came(name, _mark(opened[1]), inbound)

    def _answer(self, found: SdkMessage) -> MessageReceipt | None:
        """Return the receipt of a message that can be read: ACCEPTED, or that no function of ours has that address."""
        if found.sender.participant is None or found.recipient.participant is None:
            return None
        ours = self._settings.owner_at(found.recipient.address) is not None
        reasons = () if ours else (Reason("BV", "not-found"),)
        parties = (found.recipient.participant, found.sender.participant)
        return MessageReceipt(found.message_id, *parties, self._context.clock.now(), reasons, accepted=ours)

    def _is_young(self, found: os.stat_result) -> bool:
        """Say whether a file may still be being written, by somebody who does not write aside and rename."""
        written = datetime.fromtimestamp(found.st_mtime, UTC)
        return self._context.clock.now() - written < _WHOLE_AFTER

    def _rejecting(self, body: bytes, reasons: list[Reason]) -> MessageReceipt | None:
        """Return the refusal of what has an envelope that says whose it is; what has none can be answered to nobody."""
        envelope = envelope_in(body)
        said = [] if envelope is None else [(envelope.findtext(path, "", NAMES)).strip() for path in _ON_THE_ENVELOPE]
        if len(said) != len(_ON_THE_ENVELOPE) or not UUID.fullmatch(said[0]) or not all(PARTICIPANT.fullmatch(one) for one in said[1:]):
            return None
        message_id, sender, recipient = said
        return MessageReceipt(message_id, recipient, sender, self._context.clock.now(), reasons, accepted=False)

    def _answered(self, receipt: MessageReceipt) -> Outcome:
        at = f"{receipt.at:%Y-%m-%dT%H:%M:%S}.{receipt.at.microsecond // 1000:03}Z"
        document = receipt_xml(receipt)
        content = parse_xml(document)
        receipt_id = content.findtext("{*}ID", receipt.message_id)
        posting = Posting(RECEIPT, receipt_id, at, receipt.sender, receipt.recipient)
        whose = sha256(receipt.recipient.encode()).hexdigest()[:8]
        return self._given(posting, envelope_xml(posting, content), named(f"receipt-{receipt.message_id}-{whose}", "xml"))


def _named(found: SdkMessage) -> str:
    """Return what tells a message from every other: its id, which is its sender's alone, and what it says, for an id may be used twice.

    A copy of the same message, signed or wrapped anew, has the same; one that says something else under the id is another, and is read.
    """
    said = sha256(json.dumps(astuple(found)).encode()).hexdigest()[:16]
    return "/".join(filter(None, (found.message_id, found.sender.participant, said)))


def _mark(found: os.stat_result) -> Mark:
    """Return what tells a file from another that has taken its name since."""
    return found.st_ino, found.st_mtime_ns, found.st_size


def posted(body: bytes, message_id: str) -> tuple[Posting, bytes]:
    """Return what an access point is handed for a translated message: what stands on its envelope, and the envelope with it.

    Raises:
        MappingError: `mapping.unrepresentable`, `sdk.bv.too-long`, or `sdk.sv.structure`, `sdk.bv.invariant` where it would break a rule of SDK.
    """
    attributes = json.loads(body)["data"]["attributes"]
    content = payload_element(body, message_id)
    function = attributes["recipientAttention"]["subOrganization"]["extension"]
    parties = (attributes["sender"], attributes["recipient"])
    posting = Posting(MESSAGE, message_id, attributes["creationDateTime"], *parties, function, attributes["conversationId"])
    written = serialise_xml(content)
    if len(written) > MAX_BYTES:
        raise MappingError("this message is larger than SDK's 30 MB", code="sdk.bv.too-long")
    wrong = message_breaches(parse_xml(written, max_bytes=LARGEST))
    envelope = envelope_xml(posting, content)
    wrong = wrong or envelope_breaches(parse_xml(envelope, max_bytes=LARGEST))
    if wrong:
        raise MappingError("this message would break a rule of SDK: see the code", code=wrong[0].code)
    return posting, envelope
