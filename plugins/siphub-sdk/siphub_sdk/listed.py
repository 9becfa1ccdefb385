"""What the SDK address book's JSON:API documents say, as values: one entry at a time, and joined at the end.

Digg's descriptions name `identifier`, `participantIdentifier`, `organizationNumber` and `name`, and `relationships.parent` is seen in another
client; every other name that is looked for here is assumed (docs/sdk-address-book.md). What an entry says may be hostile: every text is made one line of printable characters.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from siphub.contract import ListedAddress, ListedCode, ListedOrganisation
from siphub.model.identifiers import OrganisationNumber
from siphub_sdk.settings import PARTICIPANT

Entry = Mapping[str, Any]
"""What is read of one entry: plain JSON values, kept with the copy for the next time."""
LONGEST: Final = 256
"""The longest name or address in SDK, in characters."""
_MOST_CODES: Final = 50
_MOST_LISTED: Final = 5000
_DEEPEST: Final = 10
"""So many organisations may stand above one another."""
_SCHEME: Final = "iso6523-actorid-upis::"
_ENDED: Final = frozenset({"inactive", "closed", "expired", "deleted", "disabled", "revoked"})
_FROM: Final = ("validFrom", "startDate")
_UNTIL: Final = ("validTo", "validUntil", "endDate")


def read(resource: str, item: object) -> Entry | None:
    """Return what one entry of a resource says, or None where it is none."""
    if not isinstance(item, Mapping) or not isinstance(item.get("attributes"), Mapping):
        return None
    return _READS[resource](item, item["attributes"])


def _organisation(item: Entry, attributes: Entry) -> Entry | None:
    participant, parent = plain(attributes.get("participantIdentifier")).removeprefix(_SCHEME), _parent(item)
    identity = plain(item.get("id"))
    if not identity or not (PARTICIPANT.fullmatch(participant) or (parent and not participant)):
        return None
    number, name = _number(attributes.get("organizationNumber")), plain(attributes.get("name"))
    return {"id": identity, "participant": participant, "number": number, "name": name, "parent": parent}


def _address(item: Entry, attributes: Entry) -> Entry | None:
    address = attributes.get("identifier")
    if not isinstance(address, str) or not 1 <= len(address) <= LONGEST or plain(address) != address or " " in address:
        return None
    label = next(filter(None, (plain(attributes.get(name)) for name in ("name", "label", "organizationalUnitName"))), "")
    return {
        "address": address,
        "label": label,
        "organisation": _parent(item),
        "participant": plain(attributes.get("participantIdentifier")).removeprefix(_SCHEME),
        "ended": attributes.get("active") is False or plain(attributes.get("status")).lower() in _ENDED,
        "from": next(filter(None, (plain(attributes.get(name)) for name in _FROM)), ""),
        "until": next(filter(None, (plain(attributes.get(name)) for name in _UNTIL)), ""),
        "codes": _codes(attributes.get("codes")),
    }


def _code_system(item: Entry, attributes: Entry) -> Entry | None:
    system = plain(attributes.get("identifier")) or plain(item.get("id"))
    if not system:
        return None
    codes = attributes.get("codes")
    pairs = codes[:_MOST_LISTED] if isinstance(codes, list) else []
    named = {plain(one.get("code")): plain(one.get("name") or one.get("label")) for one in pairs if isinstance(one, Mapping)}
    return {"system": system, "codes": named}


_READS: Final = {"organizations": _organisation, "addresses": _address, "codesystems": _code_system}


def _parent(item: Entry) -> str:
    """Return the id of the organisation above an address or an organisation, as JSON:API relates one thing to another."""
    found: object = item.get("relationships")
    for name in ("parent", "data", "id"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return plain(found)


def _codes(found: object) -> list[list[str]]:
    pairs = found[:_MOST_CODES] if isinstance(found, list) else []
    read_ = ([plain(one.get("codeSystem")), plain(one.get("code"))] for one in pairs if isinstance(one, Mapping))
    return [pair for pair in read_ if pair[1]]


def _number(found: object) -> str:
    """Return an organisation number of ten digits, or nothing; it may be written with a hyphen, or with 16 before it."""
    try:
        return str(OrganisationNumber(plain(found)))
    except ValueError:
        return ""


def plain(found: object) -> str:
    """Return a text as one line of printable characters, at most as long as names in SDK are; nothing for what is no text."""
    if not isinstance(found, str):
        return ""
    seen = "".join(" " if char.isspace() else char for char in found[: 4 * LONGEST] if char.isspace() or not _unseen(char))
    return unicodedata.normalize("NFC", " ".join(seen.split()))[:LONGEST]


def _unseen(char: str) -> bool:
    """Say whether a character is none that a person sees: control and format characters, lone surrogates, what has no meaning."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}


def joined(
    organisations: Iterable[Entry], addresses: Iterable[Entry], systems: Iterable[Entry], now: datetime
) -> tuple[Sequence[ListedAddress], Sequence[ListedOrganisation], Mapping[str, int]]:
    """Return the whole book as values, and how many addresses were left out, by code.

    Args:
        organisations: What was read of every organisation.
        addresses: What was read of every address.
        systems: What was read of every code system.
        now: When it is, aware: an address may hold from a day, or until one.
    """
    known = _whole({one["id"]: one for one in organisations})
    heads = _heads(known.values())
    names = {one["system"]: one["codes"] for one in systems}
    found: dict[tuple[str, str], ListedAddress] = {}
    left_out: Counter[str] = Counter()
    for one in addresses:
        owner = known.get(one["organisation"]) or heads.get(one["participant"])
        if owner is None:
            left_out["book.organisation_unknown"] += 1
            continue
        listed = _listed(one, owner, heads[owner["participant"]], names, now.astimezone(UTC).date())
        key = (listed.participant, listed.address)
        before = found.setdefault(key, listed)
        if replace(before, times=1) != listed:
            found[key] = replace(before, times=before.times + 1, active=before.active and listed.active)
    organised = tuple(ListedOrganisation(one["participant"], one["number"], one["name"]) for one in heads.values())
    return tuple(found.values()), organised, left_out


def _whole(found: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Return the organisations that take part: a part of one that says no participant of its own has that of the one above it."""
    whole: dict[str, Entry] = {}
    for identity, one in found.items():
        above, steps = one, 0
        while not above["participant"] and above["parent"] in found and steps < _DEEPEST:
            above, steps = found[above["parent"]], steps + 1
        if above["participant"]:
            whole[identity] = {**one, "participant": above["participant"]}
    return whole


def _heads(organisations: Iterable[Entry]) -> Mapping[str, Entry]:
    """Return by participant the organisation itself, and not one of its parts, which may say the same participant."""
    heads: dict[str, Entry] = {}
    for one in organisations:
        before = heads.setdefault(one["participant"], one)
        if before["parent"] and not one["parent"]:
            heads[one["participant"]] = one
    return heads


def _listed(one: Entry, owner: Entry, head: Entry, names: Mapping[str, Mapping[str, str]], today: date) -> ListedAddress:
    codes = tuple(ListedCode(system, code, names.get(system, {}).get(code, "")) for system, code in one["codes"])
    active = not one["ended"] and _holds(one["from"], one["until"], today)
    number = owner["number"] or head["number"]
    return ListedAddress(owner["participant"], one["address"], one["label"], number, head["name"], active, codes)


def _holds(first: str, last: str, today: date) -> bool:
    """Say whether today is between two days, each of which may be missing; what is no day counts as missing."""
    begins, ends = _day(first), _day(last)
    return (begins is None or begins <= today) and (ends is None or today <= ends)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
