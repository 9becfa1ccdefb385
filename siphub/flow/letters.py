"""Between messages as values and deliveries as rows: sealing, opening, and what a delivery row says about its basis.

Shared by the steps. It must never write a person's data anywhere but into a sealed field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

from siphub.contract import Recipient
from siphub.flow import missing
from siphub.model import Directory, Message, read_stored, upcast
from siphub.model.case import Grant, SipCase
from siphub.model.identifiers import PersonRef, person_ref
from siphub.policy.disclosure import FROM, GrantLike, Requirement
from siphub.policy.lifecycle import TERMINAL
from siphub.policy.routing import Route, address_of
from siphub.store import CaseRow, DeliveryRow, GrantRow, MessageRow, Seal, Store, Tail


def case_row(case: SipCase, seal: Seal, *, seq: int, opened_at: datetime, now: datetime) -> CaseRow:
    """Return the case as its row, sealed."""
    return CaseRow(
        owner=case.owner,
        case_id=str(case.case_id),
        version=case.version,
        consent_version=case.consent_version,
        seq=seq,
        state=case.state,
        sealed=seal.seal("sip_case", str(case.case_id), case.model_dump_json().encode()),
        opened_at=opened_at,
        updated_at=now,
        ended_at=now if case.state in TERMINAL else None,
    )


def open_case(row: CaseRow, seal: Seal) -> SipCase:
    """Return the case from its row.

    Raises:
        Sealed: The key is gone or the bytes were altered.
    """
    return SipCase.model_validate_json(upcast.case(seal.open("sip_case", row.case_id, row.sealed)))


def message_row(message: Message, seal: Seal, *, seq: int, channel: str, now: datetime, body: bytes | None = None) -> MessageRow:
    """Return an accepted message as its row, sealed; `body` is its canonical JSON, where the caller has it.

    The row's id comes from the message's, as that of a delivery comes from the row's: what is handed in again to a store that was brought
    back from a backup gets the ids, the keys and the answer it had.
    """
    row_id = str(uuid5(NAMESPACE_OID, f"message/{message.owner}/{message.sender.organisation}/{message.message_id}"))
    return MessageRow(
        owner=message.owner,
        id=row_id,
        message_id=str(message.message_id),
        sender_organisation=message.sender.organisation,
        sender_unit=message.sender.unit,
        case_id=str(message.case_id),
        case_seq=seq,
        type=message.type,
        schema_version=message.schema_version,
        sealed=seal.seal("message", row_id, body or message.to_json()),
        received_at=now,
        channel=channel,
    )


def number_hash(store: Store, owner: str, number: str | None) -> bytes | None:
    """Return a registry number as it is looked for: a keyed hash, of one owner's; None where there is none.

    Letters and spaces may be written otherwise by whoever repeats it.
    """
    plain = "".join((number or "").split()).casefold()
    return store.keyed_hash("registry_number", f"{owner}/{plain}".encode("utf-8", "surrogatepass")) if plain else None


def open_message(row: MessageRow, seal: Seal) -> Message:
    """Return the message from its row.

    Raises:
        Sealed: The key is gone or the bytes were altered.
    """
    return read_stored(row.type, seal.open("message", row.id, row.sealed))


def delivery_row(
    route: Route, message: MessageRow, store: Store, *, after: Tail | None, expires_at: datetime | None, now: datetime, doubt: bool = False
) -> DeliveryRow:
    """Return one recipient's delivery as decided at intake.

    Its id comes from the message's and the recipient, and so does its key, which nobody can guess who does not know the master key: a
    partner that had this before the store was brought back from a backup recognises it.

    Args:
        route: Where it goes, and why.
        message: The message, as a row.
        store: For the key.
        after: The last delivery of the same line.
        expires_at: When it need not be sent any more.
        now: The time, UTC.
        doubt: It may have been sent already, by the hub before it was restored.
    """
    about = f"{message.id}/{route.recipient}"
    return DeliveryRow(
        owner=message.owner,
        id=str(uuid5(NAMESPACE_OID, f"delivery/{about}")),
        case_id=message.case_id,
        message_row=message.id,
        message_id=message.message_id,
        message_type=message.type,
        sender_organisation=message.sender_organisation,
        sender_unit=message.sender_unit,
        recipient=route.recipient,
        recipient_organisation=route.organisation,
        recipient_kind=route.kind,
        adapter=route.address.adapter if route.address else "",
        endpoint=route.address.endpoint if route.address else "",
        position=message.case_seq,
        prev_id=after.id if after is not None else None,
        object_id=str(route.about[0]) if route.about else None,
        object_version=route.about[1] if route.about else None,
        recall=message.type == "stop.notice",
        state=route.state,
        reason=route.reason,
        bases=",".join(route.need.bases),
        asserted=route.asserted,
        scopes=",".join(sorted(route.need.scopes)),
        extra_scopes=",".join(sorted(route.need.widening)),
        party=route.need.party,
        party_organisation=route.need.party_organisation,
        direction=route.need.direction,
        basis=route.basis,
        next_at=now,
        expires_at=expires_at,
        key=str(UUID(bytes=store.keyed_hash("delivery", about.encode())[:16], version=4)),
        uncertain=doubt and missing.may_have_been_sent(route.state, route.reason),
        created_at=now,
        updated_at=now,
    )


def _codes(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


_WAYS: Mapping[str, Literal["from", "either"]] = {"from": "from", "either": "either"}


def need_of(row: DeliveryRow) -> Requirement:
    """Return what must hold for a delivery, from its row."""
    return Requirement(
        bases=tuple(row.bases.split(",")) if row.bases else (),
        scopes=_codes(row.scopes),
        widening=_codes(row.extra_scopes),
        party=row.party,
        party_organisation=row.party_organisation,
        direction=_WAYS.get(row.direction, "to"),
    )


def granted_of(row: DeliveryRow) -> frozenset[str]:
    """Return the scopes the claim found granted, and `FROM` where the sender might say all, as also before that was kept."""
    return _codes(row.granted) | ({FROM} if row.direction == "from" and row.granted is not None else frozenset())


def grant_rows(case: SipCase) -> tuple[GrantRow, ...]:
    """Return the grants as rows: all that the claim reads of a consent."""
    return tuple(
        GrantRow(
            owner=case.owner,
            case_id=str(case.case_id),
            scope=grant.scope,
            party=grant.party,
            direction=grant.direction,
            until=grant.until,
            since=grant.since,
            noticed_at=grant.noticed_at,
        )
        for grant in case.grants
    )


def as_grants(grants: Collection[Grant] | Collection[GrantRow]) -> Collection[GrantLike]:
    """Let either form of a grant stand for what the policy reads."""
    return grants


def today(row: DeliveryRow, directory: Directory, day: date) -> DeliveryRow:
    """Return a delivery as it goes out today: to the unit that stands for its recipient, where that was merged or renamed meanwhile."""
    unit = directory.current(row.recipient, day) if directory.any_closed else None
    if unit is None or unit.id == row.recipient or unit.address is None:
        return row
    return replace(row, recipient=unit.id, adapter=unit.address.adapter, endpoint=unit.address.endpoint)


def recipient_of(row: DeliveryRow, directory: Directory) -> Recipient:
    """Return where a delivery goes, with what the directory says of its address today. A person is reached by the owner's letters."""
    address = address_of(row.recipient, row.owner, directory)
    unit = directory.unit(row.recipient)
    organisation = directory.organisation(row.recipient_organisation)
    by_letter = person_ref(row.recipient) is not None and organisation is not None
    return Recipient(
        unit=row.recipient,
        organisation=row.recipient_organisation,
        label=organisation.public_label if by_letter and organisation else unit.public_label if unit else "",
        adapter=row.adapter,
        endpoint=row.endpoint,
        mapping=address.mapping if address else None,
        options=address.options if address else {},
        owner=row.owner,
    )


def addressee(case: SipCase, person: PersonRef) -> Mapping[str, Any]:
    """Return what stands in the window of a letter: a name and the lines of an address, as far as the case knows them."""
    known = case.person(person)
    if known is not None:
        return {"name": known.name, "lines": list(known.address_lines)}
    names = (case.subject.given_name, case.subject.family_name) if case.subject is not None else ()
    return {"name": " ".join(name for name in names if name), "lines": []}


def names_in(document: Mapping[str, Any], directory: Directory, *, public: bool) -> Mapping[str, str]:
    """Return what the units and organisations that a document names are called, for readers who do not know them by number.

    Args:
        document: What a person may see; nothing that is not in it is named.
        directory: A snapshot.
        public: Only what outside parties may read: a unit's own name can reveal care (LIFECYCLE 5.3).
    """
    found: dict[str, str] = {}
    for text in frozenset(_texts(document)):
        unit, organisation = directory.unit(text), directory.organisation(text)
        if unit is not None:
            of = directory.organisation(unit.organisation)
            found[text] = unit.public_label if public else f"{unit.name}, {of.public_label}" if of else unit.name
        elif organisation is not None:
            found[text] = organisation.public_label
    return found


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts(value)


def about_of(row: DeliveryRow) -> tuple[UUID, int] | None:
    """Return the meeting or plan a delivery is about, with its version."""
    if row.object_id is None or row.object_version is None:
        return None
    return UUID(row.object_id), row.object_version
