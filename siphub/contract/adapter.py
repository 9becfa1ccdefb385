"""What an adapter is: translation without I/O, and one bounded attempt to deliver.

`translate` is pure: offline, deterministic, no clock, no randomness. `deliver` does one attempt: no loop, no sleep.
An adapter never sees a field its recipient may not see: it gets a `Cut`, never a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from siphub.contract.outcome import Outcome, Retry
from siphub.contract.reader import Inbound
from siphub.errors import Problem

API = 1
"""The version of the plugin contract. A plugin that names another major version stops start-up."""


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """The datasheet of an adapter, compared with its docstring by a test.

    Args:
        name: The name directory entries use, unique in a hub: `folder`, `municipal-xml`.
        kinds: The message types it can carry; empty means all. What is not among them is held before `translate` is ever asked.
        media_type: What `translate` produces.
        receipts: `immediate`: the answer to the attempt is the receipt; `later`: Accepted now, a Receipt afterwards; `none`: nobody says;
            `by address`: each directory entry says which of these it is.
        idempotent: The partner recognises the key, so that a repeat after an uncertain send does no harm.
        ordered: The partner needs versions in order.
        recall: How what was sent is called back: `native`, by a further `message`, or `none` (then a person phones).
        max_bytes: The largest payload the partner takes.
        mapping: The mapping pack it uses, or None.
        max_concurrent: How many deliveries any of its partners takes at the same time, where that is fewer than the hub would send.
        max_per_minute: How many deliveries any of its partners takes in a minute, where there is a limit.
        recalls_each: Every meeting and plan stands at the partner by itself, and each is called back by a notice of its own. Without it a unit
            gets one notice, about the newest thing it was sent.
        names_receiver: What it sends says inside for which unit it is, so that several units may have one address: a message server of a
            region, or the base address of a server. Without it a directory in which two units share an address is not switched to.
        address_book: The address book (`AddressBook.name`) its entries' addresses have to stand in, where there is one.
        refused_for_good: What a recipient has refused by a receipt it takes no more under that key, so that no retry can reach it: the hub
            says so to whoever orders one.
    """

    name: str
    media_type: str
    api: int = API
    kinds: frozenset[str] = frozenset()
    receipts: Literal["immediate", "later", "none", "by address"] = "immediate"
    idempotent: bool = False
    ordered: bool = True
    recall: Literal["native", "message", "none"] = "message"
    max_bytes: int = 30 * 1024 * 1024
    mapping: str | None = None
    max_concurrent: int | None = None
    max_per_minute: int | None = None
    recalls_each: bool = False
    names_receiver: bool = False
    address_book: str | None = None
    refused_for_good: bool = False

    def carries(self, message_type: str) -> bool:
        """Say whether it can carry messages of a type."""
        return not self.kinds or message_type in self.kinds


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where one delivery goes: a unit, and its address as the directory gave it at the claim.

    `endpoint` is a URL, a folder or a functional address, whatever the adapter understands; `options` are the entry's further settings
    (never secrets: those are named there and looked up in `PluginContext.secrets`). `mapping` is the pack version the entry names.

    `owner` is the organisation number of the one of ours on whose behalf the adapter acts: the controller of the case. It is there wherever
    something is sent, asked about, objected to or taken away; it is empty where an entry is looked at for nobody in particular, as when a
    directory is checked or a place is asked for answers. An adapter that has an account, a key or a mailbox for each owner chooses by it alone.
    """

    unit: str
    organisation: str
    label: str
    adapter: str
    endpoint: str
    mapping: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Cut:
    """The part of a message that one recipient may see.

    `document` has the JSON shape of the canonical message, without what was cut away; `omitted` lists those fields as JSON pointers.
    `basis` is the disclosure basis it rests on (LIFECYCLE section 3).
    """

    document: Mapping[str, object]
    basis: str
    omitted: tuple[str, ...] = ()

    @property
    def message_id(self) -> str:
        """The message's id, a UUID."""
        return str(self.document["message_id"])

    @property
    def message_type(self) -> str:
        """The message's type, such as `meeting.summoned`."""
        return str(self.document["type"])

    def __repr__(self) -> str:
        return f"Cut({self.message_type}, {self.message_id}, …)"


@dataclass(frozen=True, slots=True, repr=False)
class Payload:
    """The partner's bytes. `mapping` and `plugin` say what made them, as `name@version`; both are pinned by the first attempt."""

    body: bytes
    media_type: str
    plugin: str
    mapping: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Payload({len(self.body)} bytes of {self.media_type})"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `Adapter.check`, in words for the administrator."""

    ok: bool
    what: str


@runtime_checkable
class Adapter(Protocol):
    """One way to reach partners. See docs/write-an-adapter.md for a whole one in forty lines."""

    @property
    def info(self) -> AdapterInfo:
        """The datasheet."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Make the partner's bytes from a cut. Pure: the same cut and recipient give the same bytes.

        Raises:
            MappingError: The pack is missing or does not know a code; the delivery is held.
        """

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Make one attempt. `key` is the idempotency key, the same for every attempt of this delivery.

        Raises:
            PermitExpired: From `require_permit`, before the first byte.
        """

    def check(self) -> Iterable[Check]:
        """Say what would make this adapter fail tomorrow."""

    def close(self) -> None:
        """Let go of connections and files."""


@runtime_checkable
class Confirms(Protocol):
    """An adapter that can ask the partner whether a key arrived: after an uncertain attempt, and where it polls, when a receipt has not come for long."""

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Return what the partner has under a key.

        Delivered, Accepted or Rejected where it knows the key; Retry where it surely does not, so that it may be sent once more; Uncertain
        where it cannot be asked now, and is asked again later, not before its `after`; None where it cannot say: then a person asks.
        """


@runtime_checkable
class ChecksAddresses(Protocol):
    """An adapter that can say what a directory entry makes it do, for `siphub doctor`."""

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say what it does with this address and its options, and what of them cannot be used. Asks nobody, and never raises."""


@runtime_checkable
class ProbesAddresses(Protocol):
    """An adapter or a record keeper that can look beforehand whether an address can be used, for `siphub doctor`."""

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask the partner whether something could be sent there, and leave nothing behind; bounded as an attempt is, and never raises.

        Where there is nobody to ask, or nothing is known but what `check_address` says, it says nothing.
        """


@runtime_checkable
class UsesPacks(Protocol):
    """An adapter that writes by mapping packs, for `siphub mappings list`."""

    def pack_of(self, recipient: Recipient) -> str | None:
        """Return the pack, `id@version`, by which it would write to this address today, or None where it has none. Asks nobody, never raises."""


@runtime_checkable
class RefusesAddresses(Protocol):
    """An adapter that must not send to every address a directory may name: what lets us in there is for some servers only (`Origins`)."""

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why nothing may be sent to this address, with a stable code and the remedy, or None.

        A directory with such an address is not switched to, and a delivery there is held with the code. Asks nobody, and never raises.
        """


@runtime_checkable
class Erases(Protocol):
    """An adapter that leaves what it has delivered on our own side, such as letters in an outbox or at a message service of ours, and can take it away with its case."""

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Take away whatever is left of a delivery, because its case is erased (LIFECYCLE section 8). May be called again.

        Return True where nothing of it is there any more, also where somebody has taken it or the key was never seen; False where it cannot
        be taken away or looked for now: then it is asked again.
        """


@runtime_checkable
class TakesBack(Protocol):
    """An adapter at whose place what was sent may wait before it leaves us, such as for an access point, and can be taken back until then."""

    def take_back(self, key: str, recipient: Recipient) -> bool:
        """Take away what was sent under a key and has been called back, where it has not left yet. May be called again.

        It is asked before the notice that calls it back is sent, which is sent all the same: whoever fetches may have begun. What has left,
        or may have, stays where it is. Return False where it cannot be looked for now.
        """


@runtime_checkable
class AsksAtOnce(Protocol):
    """An adapter that polls with pauses of its own, and can be told that something lies ready."""

    def ask_now(self) -> None:
        """Let the next poll ask, however short ago the last one did. May be called from another thread than `poll`."""


@runtime_checkable
class DeletesRecorded(Protocol):
    """An adapter that polls, and whose message service keeps what it was sent until somebody deletes it."""

    def recorded(self, partner_id: str) -> None:
        """Hear that a receipt that was fetched stands at a delivery of ours that has ended: after `settle`, whenever it was fetched."""


@runtime_checkable
class Polls(Protocol):
    """An adapter whose partners' answers are fetched. One leased poller per endpoint runs at a time."""

    def poll(self, cursor: str | None) -> Iterable[Inbound]:
        """Return what has come since `cursor`, oldest first. Nothing is marked as taken: `settle` does that, after our commit."""

    def settle(self, partner_id: str) -> None:
        """Tell the partner that we have stored it. May be called again for the same id."""


@runtime_checkable
class PollsAddresses(Protocol):
    """An adapter whose partners' answers and receipts lie where their directory entries say: a folder or an address of each partner's own.

    The hub asks every source by itself, one poller at a time, and later and later while one cannot be asked. What a source gives is believed
    as a word of the organisation whose entry it is, whatever it says of itself, and about nobody else's deliveries.
    """

    def sources(self, recipient: Recipient) -> tuple[str, ...]:
        """Return where an entry's answers lie, each by a name that stays the same, such as a folder or a URL; none where nothing is fetched.

        Asks nobody, and never raises.
        """

    def fetch(self, source: str, recipient: Recipient) -> Iterable[Inbound] | Retry:
        """Return what lies there now, in its order, no more of it than one round takes; or why it cannot be asked now.

        `siphub doctor` asks it too, to see whether something lies where no entry has anything fetched any more, and takes nothing.

        Nothing is marked as taken: `taken` does that. What can be seen not to be whole yet is left for later; what never will be anything is
        `Unreadable`. `Inbound.owner` is whose people look at what belongs to no case; its organisation is the entry's.
        """

    def taken(self, source: str, recipient: Recipient, partner_id: str, refused: str | None) -> None:
        """Clear away what we have stored, after our commit; or what was refused, so that the partner sees why.

        `refused` is a code, and after a space the place in the document where that is known; it says nothing of what stands there.

        May be called again for the same id, also after a restart; it must never take away anything else.
        """
