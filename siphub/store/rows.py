"""The rows of the store as frozen values, one class per table, named like its columns.

They are what flow hands in and gets back; none of them carries a person's data in the clear: what is personal is in a field called `sealed`,
which no repr shows. Times are aware UTC. A row never decides anything and never touches the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NO_OWNER = "-"
"""The owner of rows that belong to no organisation: the operator's switches, receipts nobody has matched yet."""

UNSETTLED = ("awaiting_receipt", "expired", "gave_up", "held", "queued", "rejected", "sending")
"""The states that are not over, or ended badly: few beside all that was ever delivered, and in an index of their own."""
BLOCKING = frozenset({"queued", "sending"})
"""The states in which a delivery keeps its successor in the line (same case, same recipient) waiting."""
CLOCKS_APART = timedelta(seconds=2)
"""How far apart the clocks of a hub's machines may be: a delivery that is due by one of them may be claimed by the others."""


# ── what came in ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """What an organisation handed in, and what it was answered; outlives the content.

    `owner` is the *authenticated* organisation; `answer` is JSON of ids, states and codes only. `forget_at`: the content it was about has been
    erased, and from then on the answer need not be kept any more.
    """

    owner: str
    message_id: str
    body_hash: bytes = field(repr=False)
    case_owner: str
    case_id: str
    answer: str
    at: datetime
    forget_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case. `seq` is the last `case_seq` given; `state` is a code; the rest of the case is in `sealed`.

    `ended_at`: since when it is over. `erased_at`: since when its content is gone from this database; `key_gone_at`: and its key from the other.
    """

    owner: str
    case_id: str
    version: int
    consent_version: int
    seq: int
    state: str
    sealed: bytes = field(repr=False)
    opened_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    erased_at: datetime | None = None
    key_gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One thing a person permits: a scope, towards a party (a unit, or a state agency's organisation number).

    `direction` is `to`, `from` or `both`; `until` is exclusive, None means until further notice. `noticed_at` is when the hub acted on
    its having run out.
    """

    owner: str
    case_id: str
    scope: str
    party: str
    direction: str
    until: datetime | None
    since: datetime
    noticed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """An accepted message; the whole canonical body is in `sealed`, which is empty since `erased_at`."""

    owner: str
    id: str
    message_id: str
    sender_organisation: str
    sender_unit: str
    case_id: str
    case_seq: int
    type: str
    schema_version: str
    sealed: bytes = field(repr=False)
    received_at: datetime
    channel: str
    erased_at: datetime | None = None


# ── what goes out ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message on its way to one recipient.

    Comma lists (`bases`, `scopes`, `extra_scopes`, `granted`) are codes without spaces; an empty string is an empty list.
    `key` is the idempotency and correlation key, a UUID. `fence` counts claims. `position` is the message's `case_seq`.
    `waits` says why a queued delivery has no bell: `line` behind its predecessor, `partner` because its partner has no room; None where it
    has one. `queued_at` is since when it is to be sent: when it was taken in, or when a person last queued it.
    """

    owner: str
    id: str
    case_id: str
    message_row: str
    message_id: str
    message_type: str
    sender_organisation: str
    sender_unit: str
    recipient: str
    recipient_organisation: str
    recipient_kind: str
    adapter: str
    endpoint: str
    position: int
    prev_id: str | None = None
    object_id: str | None = None
    object_version: int | None = None
    recall: bool = False
    state: str = "queued"
    reason: str | None = None
    bases: str = ""
    asserted: str | None = None
    scopes: str = ""
    extra_scopes: str = ""
    party: str = ""
    party_organisation: str | None = None
    direction: str = "to"
    consent_version: int | None = None
    basis: str | None = None
    granted: str | None = None
    fence: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    expired_leases: int = 0
    uncertain: bool = False
    next_at: datetime
    rung_at: datetime | None = None
    waits: str | None = None
    queued_at: datetime | None = None
    expires_at: datetime | None = None
    recall_pending: bool = False
    pinned_mapping: str | None = None
    pinned_plugin: str | None = None
    pinned_hash: str | None = None
    key: str
    created_at: datetime
    updated_at: datetime
    told_at: datetime | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Its partner: adapter and endpoint."""
        return (self.adapter, self.endpoint)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One claim of one delivery. `finished_at` None: nobody has said how it ended. `late`: it ended after its claim had been lost.

    `said` is what the partner said against it, in the codes and element names of its standard.
    """

    owner: str
    delivery_id: str
    fence: int
    number: int
    started_at: datetime
    finished_at: datetime | None
    basis: str | None
    consent_version: int | None
    payload_hash: str | None
    outcome: str | None
    code: str | None
    late: bool
    said: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened to a delivery. Append-only; `state` is the state after it."""

    id: int
    owner: str
    delivery_id: str
    at: datetime
    event: str
    state: str
    reason: str | None
    fence: int


@dataclass(frozen=True, slots=True)
class BellRow:
    """A delivery to be rung. `id` is the outbox's own number, 0 before it is stored. `granted`: its partner has room for it, or is probed by it."""

    owner: str
    delivery_id: str
    adapter: str
    id: int = 0
    endpoint: str = ""
    granted: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A partner's word about a key. `owner` is NO_OWNER and `matched_at` None until it is matched with a delivery.

    `organisation` is whose word it is, as its adapter says, and empty where that cannot tell. `reference` is the partner's own number of it.
    """

    owner: str
    adapter: str
    key: str
    kind: str
    code: str | None
    at: datetime
    received_at: datetime
    matched_at: datetime | None = None
    organisation: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class WorkItemRow:
    """Something a person must do. Open while `closed_at` is None."""

    owner: str
    id: str
    case_id: str
    type: str
    unit: str
    opened_at: datetime
    delivery_id: str | None = None
    due_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    how: str | None = None
    note_code: str | None = None


@dataclass(frozen=True, slots=True)
class DeadlineRow:
    """Something that must have happened by `due_at`, and is worth a reminder from `warn_at` on.

    `about` is the meeting, plan, notice or unit it is about. `warned_at` and `passed_at` say since when the work items for it are open.
    """

    owner: str
    case_id: str
    kind: str
    about: str
    unit: str
    due_at: datetime
    warn_at: datetime
    warned_at: datetime | None = None
    passed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One link of an owner's audit chain. `facts` are ids, codes and versions only."""

    owner: str
    seq: int
    at: datetime
    actor: str
    channel: str
    action: str
    case_id: str | None
    facts: Mapping[str, str]
    prev_hash: str
    hash: str


# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCopyRow:
    """One message on its way into one organisation's journal or registry. No content: the copy is made when it is offered.

    `owner` owns the case, `organisation` is whose record it becomes: the owner's own, or that of whoever received `delivery_id`.
    `state` is `offered` (waiting to be handed over), `failed` (the last attempt broke; it is tried again), `refused` (the registry will not
    have it as it is; it is tried again, rarely), `sent` (the registry has it), or `confirmed` (and has said so, with its `reference`);
    `withdrawn` (a withdrawal came while it was not known whether the registry has it: it is taken away where it lies) and `taken_back` (it was).
    `hash` is that of the metadata as last handed over.
    """

    owner: str
    id: str
    case_id: str
    message_row: str
    organisation: str
    direction: str
    delivery_id: str | None = None
    state: str = "offered"
    reason: str | None = None
    attempts: int = 0
    next_at: datetime
    offered_at: datetime
    confirmed_at: datetime | None = None
    reference: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class UnconfirmedRow:
    """How many of an organisation's record copies are unconfirmed, since when, and how many of these its registry has never been handed."""

    organisation: str
    copies: int
    since: datetime
    never_sent: int


# ── the claim and the record ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Permitted:
    """The claim's callback says yes: the basis it rests on, and the scopes granted, as a comma list.

    `adapter` and `endpoint`, where given, are the address it goes to instead of the one it was made for.
    """

    basis: str
    granted: str
    adapter: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The claim's callback says no: the state the delivery gets (`withheld`, `held`, …; never a blocking one), why, and the event's name."""

    state: str
    reason: str
    event: str = "claim.withhold"


Accept = Callable[[DeliveryRow, Sequence[GrantRow], datetime], Permitted | Refusal]
"""The claim's question, answered by policy: pure, no I/O. The grants are those of the delivery's parties and direction, either where it is `either`, expired ones too."""


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A delivery this worker may send: `delivery` as it stands after the claim, with its new fence and lease."""

    delivery: DeliveryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """How one attempt ended, for the record.

    `state` is the delivery's new state; with `queued` it is tried again at `next_at`. `outcome` names what the adapter said, `code` why.
    `event` names it in the delivery's history. A `pinned_…` that is None leaves what an earlier attempt pinned.
    `lease_expired` counts one more turn that ended without the adapter's word, as a lease that ran out is one.
    """

    delivery_id: str
    fence: int
    at: datetime
    state: str
    outcome: str
    event: str
    code: str | None = None
    said: str | None = None
    reason: str | None = None
    payload_hash: str | None = None
    next_at: datetime | None = None
    uncertain: bool = False
    pinned_mapping: str | None = None
    pinned_plugin: str | None = None
    pinned_hash: str | None = None
    lease_expired: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an outcome.

    `applied`: the delivery has its new state. `recall_pending`: nothing was written, a withdrawal came in between: call `record_one`
    in a transaction that holds the case lock. Neither: the fence was stale; it was kept as evidence and changed nothing.
    """

    delivery_id: str
    applied: bool
    recall_pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A guarded change of a delivery's state by sweep, withdrawal, receipt or operator.

    `from_states` and, where given, `fence` are the guard. None in `next_at`, `uncertain`, `recall_pending`, `adapter`, `endpoint` leaves
    what stands; the last two are an address looked up anew.
    `lease_expired` counts one more expired lease. Leaving `sending` clears the lease. To `queued` rings (at `next_at`, else at once).
    """

    from_states: frozenset[str]
    to_state: str
    event: str
    at: datetime
    reason: str | None = None
    fence: int | None = None
    next_at: datetime | None = None
    uncertain: bool | None = None
    recall_pending: bool | None = None
    lease_expired: bool = False
    adapter: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A unit of one case whose successor stands in its place; `adapter` and `endpoint` are where that is reached, None where nowhere yet."""

    owner: str
    case_id: str
    unit: str
    successor: str
    adapter: str | None
    endpoint: str | None
    at: datetime
