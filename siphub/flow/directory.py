"""The directory of organisations, units and addresses: read from a file, checked, switched in one transaction.

A directory that would lose an address in use, or names an adapter this hub lacks, is told so before it is switched.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import ValidationError

from siphub.contract import Adapter, Recipient, RefusesAddresses
from siphub.errors import Invalid, Problem
from siphub.flow.ground import Ground, snapshot
from siphub.flow.outline import filled
from siphub.flow.sources import inboxes, left_behind, lies_with_what_is_sent, note_left, place, plain_place, sources_of
from siphub.model import Address, Agreement, Directory, Organisation, Unit
from siphub.model.principals import ONE, principals
from siphub.model.reading import problems_of
from siphub.policy.days import day_of
from siphub.policy.partners import RECEIPT_WITHIN, receipt_within, sound
from siphub.store import AgreementRow, OrganisationRow, UnitRow


@dataclass(frozen=True, slots=True)
class Parsed:
    """A directory file as read: what is filled in, and how many organisations are not. `placed` gives a problem its place in the file."""

    directory: Directory
    left_out: int = 0
    placed: Callable[[Problem], Problem] = lambda problem: problem


def parse(body: bytes) -> Directory:
    """Read a directory file, TOML or JSON: `organisations`, `units` and `agreements` as in docs/directory.md; what is not filled in is left out.

    Raises:
        Invalid: `directory.unreadable`, or one problem for each field.
    """
    return parse_file(body).directory


def parse_file(body: bytes) -> Parsed:
    """Read a directory file, and say what of it is not filled in.

    Raises:
        Invalid: `directory.unreadable`, or one problem for each field.
    """
    found = filled(_table(body))
    try:
        # TOML gives Python values; the strict model reads JSON, so that both forms are judged alike.
        directory = Directory.model_validate_json(json.dumps(found.table, default=str))
    except ValidationError as error:
        problems = problems_of(error.errors(include_url=False, include_input=False, include_context=False))
        raise Invalid(
            "the directory is not valid; the problems say where", code="directory.invalid", problems=tuple(map(found.placed, problems))
        ) from None
    return Parsed(directory, found.left_out, found.placed)


def _table(body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode("utf-8")
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("the directory is neither TOML nor JSON in UTF-8", code="directory.unreadable") from None
    return dict(table)


def check(
    directory: Directory,
    adapters: Mapping[str, object],
    day: date | None = None,
    keepers: Collection[str] | None = None,
    earlier: Directory | None = None,
) -> tuple[Problem, ...]:
    """Return what is wrong with a directory before it is switched to; empty means nothing.

    Args:
        directory: What is to be judged.
        adapters: The adapters that are enabled, by name; those that refuse some addresses (`RefusesAddresses`) are asked about theirs.
        day: Today in Sweden: a unit that closes later may have its address still. Where none is named, it counts as closed.
        keepers: The record keepers that are enabled, with those that refuse some addresses by name; where none are named, they are called
            as the adapters are.
        earlier: The directory that it takes the place of, if any.
    """
    return (
        *_organisations(directory, adapters, adapters if keepers is None else keepers),
        *_units(directory, adapters),
        *_shared_sources(directory, adapters),
        *_closed(directory, day),
        *_changed_hands(directory, earlier),
        *_agreements(directory),
        *_cleared(directory),
    )


def _organisations(directory: Directory, adapters: Mapping[str, object], keepers: Collection[str]) -> Iterator[Problem]:
    twice = "this organisation stands twice"
    for index, organisation in enumerate(directory.organisations):
        if any(earlier.number == organisation.number for earlier in directory.organisations[:index]):
            yield Problem("directory.organisation_twice", twice, pointer=f"/organisations/{index}/number")
        if organisation.code and any(earlier.code == organisation.code for earlier in directory.organisations[:index]):
            same = "another organisation has this code: a unit that names its organisation by it could belong to either"
            yield Problem("directory.code_twice", same, pointer=f"/organisations/{index}/code")
        if organisation.code and (organisation.code, organisation.kind) not in _known():
            unknown = "no region or municipality of Sweden has this code: siphub directory new prints them all"
            yield Problem("directory.code_unknown", unknown, pointer=f"/organisations/{index}/code")
        yield from _adapter(organisation.letters, f"/organisations/{index}/letters", adapters)
        if organisation.letters is not None:
            there = place("", organisation.number, organisation.public_label, organisation.letters)
            yield from _refused(there, f"/organisations/{index}/letters", adapters)
        if organisation.records is not None and organisation.records.adapter not in keepers:
            missing = "this hub has no such record keeper enabled"
            yield Problem("directory.keeper_missing", missing, pointer=f"/organisations/{index}/records/adapter")
        elif organisation.records is not None and isinstance(keepers, Mapping):
            there = place("", organisation.number, organisation.public_label, organisation.records)
            yield from _refused(there, f"/organisations/{index}/records", keepers)


def _known() -> frozenset[tuple[str, str]]:
    """Return the codes there are, each with the kind of its principal; Gotland has both of its own."""
    return frozenset({(code, one.kind) for one in principals() for code in (one.code, ONE.get(one.code, one.code))})


def _cleared(directory: Directory) -> Iterator[Problem]:
    """A state agency is told of protected people by telephone only, so a directory that says otherwise would promise what is not kept."""
    for index, unit in enumerate(directory.units):
        if unit.cleared and directory.kind_of(unit.id) == "state_agency":
            never = "a state agency is never cleared for protected people: it is telephoned; take the mark away"
            yield Problem("directory.agency_cleared", never, pointer=f"/units/{index}/cleared")


def _refused(there: Recipient, at: str, adapters: Mapping[str, object]) -> Iterator[Problem]:
    adapter = adapters.get(there.adapter)
    refusal = adapter.refusal(there) if isinstance(adapter, RefusesAddresses) else None
    if refusal is not None:
        yield replace(refusal, pointer=f"{at}/endpoint")


def _adapter(address: Address | None, at: str, adapters: Mapping[str, object]) -> Iterator[Problem]:
    if address is not None and address.adapter not in adapters:
        yield Problem("directory.adapter_missing", "this hub has no such adapter enabled", pointer=f"{at}/adapter")
    if address is not None and not sound(address.options):
        yield Problem("directory.limit_wrong", "a limit of a partner is a number from 1 to 999999", pointer=f"{at}/options")
    if address is not None and RECEIPT_WITHIN in address.options and receipt_within(address.options) is None:
        unusable = "receipt_within is a time from 15 min to 90 d, in min, h or d, such as 36 h"
        yield Problem("directory.receipt_within_wrong", unusable, pointer=f"{at}/options")


def _units(directory: Directory, adapters: Mapping[str, object]) -> Iterator[Problem]:
    missing = "the unit's organisation is not in the directory"
    shared = "two units have the same address, and what this adapter sends does not say for which of them it is"
    for index, unit in enumerate(directory.units):
        if directory.organisation(unit.organisation) is None:
            yield Problem("directory.organisation_missing", missing, pointer=f"/units/{index}/organisation")
        yield from _adapter(unit.address, f"/units/{index}/address", adapters)
        if unit.address is not None:
            yield from _refused(place(unit.id, unit.organisation, unit.public_label, unit.address), f"/units/{index}/address", adapters)
        if any(earlier.id == unit.id for earlier in directory.units[:index]):
            yield Problem("directory.unit_twice", "this unit stands twice", pointer=f"/units/{index}/id")
        if unit.address is not None and _shared(directory, unit.address, adapters):
            yield Problem("directory.address_shared", shared, pointer=f"/units/{index}/address")
        if unit.care is not None and unit.financed_by is None:
            yield Problem(
                "directory.care_without_payer", "a unit that gives care says who pays for it", pointer=f"/units/{index}/financed_by"
            )


def _shared(directory: Directory, address: Address, adapters: Mapping[str, object]) -> bool:
    """Say whether an address is also another unit's, and nothing that goes there would say for which of them it is."""
    adapter = adapters.get(address.adapter)
    named = isinstance(adapter, Adapter) and adapter.info.names_receiver
    return not named and len(directory.units_at(address.adapter, address.endpoint)) > 1


def _shared_sources(directory: Directory, adapters: Mapping[str, object]) -> Iterator[Problem]:
    """Yield the entries whose answers would lie where another organisation's do, or where what is sent to a unit is put."""
    shared = "another organisation's answers lie there too, or what is sent to it: whose word is there could not be told"
    sent = "what is sent to a unit lies there, and would be taken for an answer: let answers lie in a place of their own"
    places = inboxes(directory)
    whose = {place: set(organisations) for place, organisations in places.items()}
    for unit in directory.units:
        for there, name in sources_of(unit, adapters):
            whose.setdefault((there.adapter, plain_place(name)), set()).add(unit.organisation)
    for index, unit in enumerate(directory.units):
        found = list(sources_of(unit, adapters))
        at = f"/units/{index}/address/options"
        if any(whose[there.adapter, plain_place(name)] != {unit.organisation} for there, name in found):
            yield Problem("directory.source_shared", shared, pointer=at)
        elif any(lies_with_what_is_sent(there, name, places) for there, name in found):
            yield Problem("directory.source_sent", sent, pointer=at)


def _closed(directory: Directory, day: date | None) -> Iterator[Problem]:
    """Yield what is wrong with units that are closed or about to be: what waits for them would reach nobody."""
    for index, unit in enumerate(directory.units):
        at = f"/units/{index}"
        if unit.successor is not None and unit.closed_on is None:
            yield Problem("directory.successor_open", "a unit that is not closed has no successor", pointer=f"{at}/closed_on")
        if unit.successor is not None and directory.unit(unit.successor) is None:
            yield Problem("directory.successor_missing", "the successor is not in the directory", pointer=f"{at}/successor")
        elif unit.successor is not None and _round(directory, unit):
            yield Problem(
                "directory.successor_circle", "the successors lead back to the unit: none is left open", pointer=f"{at}/successor"
            )
        if unit.closed(day) and unit.address is not None:
            yield Problem("directory.closed_with_address", "a unit that is closed has no address any more", pointer=f"{at}/address")


def _changed_hands(directory: Directory, earlier: Directory | None) -> Iterator[Problem]:
    """Yield the units that another organisation has taken over under the same number: what was consented to was the old one's work."""
    new_number = (
        "this unit was another organisation's: close it, and give the new organisation's unit a number of its own, as its successor"
    )
    for index, unit in enumerate(directory.units):
        before = earlier.unit(unit.id) if earlier is not None else None
        if before is not None and before.organisation != unit.organisation:
            yield Problem("directory.unit_changed_hands", new_number, pointer=f"/units/{index}/organisation")


def _round(directory: Directory, unit: Unit) -> bool:
    chain = directory.successors(unit.id)
    return chain[-1].successor in {found.id for found in chain}


def _agreements(directory: Directory) -> Iterator[Problem]:
    for index, agreement in enumerate(directory.agreements):
        at = f"/agreements/{index}"
        if any(earlier.id == agreement.id for earlier in directory.agreements[:index]):
            yield Problem("directory.agreement_twice", "this agreement stands twice", pointer=f"{at}/id")
        if not agreement.parties:
            yield Problem("directory.agreement_without_parties", "an agreement has parties", pointer=f"{at}/parties")
        if agreement.valid_until is not None and agreement.valid_until <= agreement.valid_from:
            yield Problem("directory.agreement_period", "the agreement ends before it has begun", pointer=f"{at}/valid_until")
        yield from _parties(directory, agreement.parties, f"{at}/parties")
        yield from _parties(directory, agreement.binds, f"{at}/binds")


def _parties(directory: Directory, parties: Sequence[str], at: str) -> Iterator[Problem]:
    for index, party in enumerate(parties):
        if directory.organisation(party) is None and directory.unit(party) is None:
            yield Problem("directory.party_missing", "the directory knows no such organisation or unit", pointer=f"{at}/{index}")


def switch(ground: Ground, directory: Directory, *, by: str) -> int:
    """Put a checked directory in the old one's place; return its version.

    Raises:
        Invalid: `directory.invalid`, with the problems `check` finds.
    """
    problems = check(directory, ground.registry.adapters, day_of(ground.now()), ground.registry.keepers, current(ground))
    if problems:
        raise Invalid("the directory was not switched; the problems say why", code="directory.invalid", problems=problems)
    adapters = ground.registry.adapters
    with ground.store.write() as work:
        left = left_behind(snapshot(work.directory.load()), directory, adapters)
        rows = (map(_organisation_row, directory.organisations), map(_unit_row, directory.units), map(_agreement_row, directory.agreements))
        version = work.directory.replace(*rows)
        work.audit.append("-", by, "cli", "directory.switched", {"version": str(version)})
        note_left(work, left, directory, adapters, by=by, now=ground.now())
    return version


def _organisation_row(found: Organisation) -> OrganisationRow:
    return OrganisationRow(
        owner=found.number,
        number=found.number,
        name=found.name,
        kind=found.kind,
        public_label=found.public_label,
        letters=found.letters.model_dump(mode="json") if found.letters else None,
        records=found.records.model_dump(mode="json") if found.records else None,
        switchboard=found.phone,
        code=found.code,
    )


def _unit_row(unit: Unit) -> UnitRow:
    return UnitRow(
        owner=unit.organisation,
        id=unit.id,
        organisation=unit.organisation,
        name=unit.name,
        public_label=unit.public_label,
        adapter=unit.address.adapter if unit.address else "",
        endpoint=unit.address.endpoint if unit.address else "",
        mapping=unit.address.mapping if unit.address else None,
        options=dict(unit.address.options) if unit.address else {},
        agency=unit.agency,
        cleared=unit.cleared,
        kind=unit.kind,
        care=unit.care,
        financed_by=unit.financed_by,
        closed_on=unit.closed_on,
        successor=unit.successor,
    )


def _agreement_row(found: Agreement) -> AgreementRow:
    terms = found.model_dump(
        include={"concerns", "summons_days", "payment_days", "meeting_weeks", "request_answer_days"}, exclude_none=True
    )
    return AgreementRow(
        owner=found.parties[0],
        id=found.id,
        area=found.area,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        parties=found.parties,
        binds=found.binds,
        terms=terms,
    )


def current(ground: Ground) -> Directory:
    """Return the directory as it is in the store."""
    with ground.store.read() as work:
        return snapshot(work.directory.load())
