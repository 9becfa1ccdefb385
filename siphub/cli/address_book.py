"""`directory import --from NAME`: fetches a copy of an address book, and says what of the directory does not agree with it. It changes no entry."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import typer

from siphub.cli.words import NO, WRONG_USE, aside, body_of, facts, refuse, table

if TYPE_CHECKING:
    from siphub.contract import ListedAddress, ListedCode
    from siphub.flow.address_book import Copy, Fetched
    from siphub.flow.ground import Ground
    from siphub.model import Address, Directory
    from siphub.policy.address_book import Remark

OLD: Final = timedelta(days=30)
"""A copy that the book has not confirmed for so long is said to be old."""
_EVERY: Final = 1.0
"""So many seconds pass between two lines that say how far a fetch has come."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    name: str
    file: Path | None = None
    offline: bool = False
    force: bool = False
    organisation: str | None = None
    write: Path | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A copy, and what was found of the directory: remarks, addresses of the organisation asked for, and what could be added."""

    copy: Copy
    fetched: Fetched | None
    remarks: tuple[Remark, ...]
    asked: tuple[ListedAddress, ...]
    offered: tuple[ListedAddress, ...]
    further: Counter[str]
    directory: Directory


def import_from(ground: Ground, wish: Wish, *, as_json: bool) -> None:
    """Fetch or open the copy, compare, and say what was found; end with 1 where an entry of the directory is wrong by it."""
    found = _compared(ground, wish)
    written = _write(ground, wish.name, wish.write, found) if wish.write else None
    if as_json:
        facts(_as_facts(ground, wish, found, written))
    else:
        _tell(ground, wish, found, written)
    if any(remark.wrong for remark in found.remarks):
        raise typer.Exit(NO)


def _compared(ground: Ground, wish: Wish) -> Comparison:
    from siphub.flow import address_book as books
    from siphub.flow import directory as directories
    from siphub.policy.address_book import further, of_organisation

    directory = directories.parse_file(body_of(wish.file)).directory if wish.file else directories.current(ground)
    fetched = None if wish.offline else _fetched(ground, wish)
    copy = fetched.copy if fetched is not None else books.copy_of(ground, wish.name)
    if copy is None:
        where = books.book_of(ground, wish.name).source
        raise refuse("book.none", f"there is no copy of the address book {wish.name} from {where}: leave --offline out to fetch one")
    remarks = books.remarks(ground, wish.name, copy, directory)
    known = frozenset(books.entries_of(ground, wish.name, directory).values())
    more = tuple(further(directory, known, copy.listed))
    asked = of_organisation(copy.listed, wish.organisation)[1] if wish.organisation else ()
    news = {(one.participant, one.address) for one in remarks if one.code == "book.address_new"}
    offered = [one for one in asked if one.active and (one.participant, one.address) not in known]
    if wish.organisation is None:
        offered = [one for one in more if (one.participant, one.address) in news]
    return Comparison(copy, fetched, remarks, asked, tuple(offered), Counter(one.number for one in more), directory)


def _fetched(ground: Ground, wish: Wish) -> Fetched:
    """Fetch the book; where that fails, say that there is a copy still."""
    from siphub.errors import BookError
    from siphub.flow import address_book as books

    try:
        return books.fetch(ground, wish.name, _progress(), force=wish.force)
    except BookError:
        with contextlib.suppress(BookError):
            if (copy := books.copy_of(ground, wish.name)) is not None:
                aside(f"The copy of {copy.confirmed_at:%Y-%m-%d %H:%M} UTC stays as it was: --offline compares with it.")
        raise


def _progress() -> Callable[[str], None]:
    """Return what says to the person how far it has come, once in a while: nothing of a fetch that is quick."""
    said = time.monotonic()

    def told(line: str) -> None:
        nonlocal said
        if time.monotonic() - said >= _EVERY:
            said = time.monotonic()
            aside(line)

    return told


def _as_facts(ground: Ground, wish: Wish, found: Comparison, written: int | None) -> dict[str, Any]:
    copy = found.copy
    return {
        "book": wish.name,
        "source": copy.source,
        "fetched_at": copy.fetched_at,
        "confirmed_at": copy.confirmed_at,
        "age_days": (ground.now() - copy.confirmed_at).days,
        "addresses": len(copy.addresses),
        "organisations": len(copy.organisations),
        "left_out": copy.left_out,
        **({"came": found.fetched.came, "went": found.fetched.went} if found.fetched is not None else {}),
        "remarks": [{**asdict(remark), "wrong": remark.wrong} for remark in found.remarks],
        "further": dict(found.further),
        **({"found": [asdict(one) for one in found.asked]} if wish.organisation else {}),
        **({"written": written} if written is not None else {}),
    }


def _tell(ground: Ground, wish: Wish, found: Comparison, written: int | None) -> None:
    copy = found.copy
    print(
        f"{edition(wish.name, copy, ground.now())}: {len(copy.addresses)} addresses of {len(copy.organisations)} organisations, {_moves(found.fetched)}."
    )
    for code, number in sorted(copy.left_out.items()):
        print(f"Left out: {number} entries ({code}).")
    for remark in found.remarks:
        print(said(remark))
    if not any(remark.wrong for remark in found.remarks):
        print("No entry of the directory is wrong by this book.")
    if wish.organisation:
        _tell_asked(wish.organisation, found)
    else:
        _tell_further(found)
    if written is not None:
        print(f"{written} proposed units are in {wish.write}: what you copy from it into your directory file counts when you import that.")
    print("The directory is as it was.")


def _moves(fetched: Fetched | None) -> str:
    if fetched is None:
        return "not asked now"
    if fetched.before is None:
        return "the first copy"
    return f"{fetched.came} new and {fetched.went} gone since {fetched.before.confirmed_at:%Y-%m-%d %H:%M} UTC"


def edition(name: str, copy: Copy, now: datetime) -> str:
    """Return how a copy is called: whose, of when, and how old where that matters."""
    age = now - copy.confirmed_at
    old = f", {age.days} days old" if age >= timedelta(days=1) else ""
    return f"The address book {name} of {copy.confirmed_at:%Y-%m-%d %H:%M} UTC{old}"


def said(remark: Remark) -> str:
    """Return a remark as one line for a person."""
    about = remark.unit or f"{remark.participant} {remark.address}"
    sides = f" ({remark.was or '-'} → {remark.now or '-'})" if remark.was else ""
    return f"{about}  {remark.code}: {remark.detail}{sides}"


def _tell_asked(sought: str, found: Comparison) -> None:
    def kind(codes: Sequence[ListedCode]) -> str:
        return ", ".join(one.label or f"{one.system} {one.code}".strip() for one in codes)

    rows = [
        (one.organisation or one.number, one.label, one.participant, one.address, kind(one.codes), "yes" if one.active else "no")
        for one in found.asked
    ]
    table(("organisation", "name", "participant", "address", "for", "in use"), rows, empty=f"No address of {sought} is in the book.")


def _tell_further(found: Comparison) -> None:
    for number, count in sorted(found.further.items()):
        organisation = found.directory.organisation(number)
        name = organisation.name if organisation else number
        print(f"In the book and in no entry: {count} of {name}; --organisation {number} lists them.")


# ── what check and doctor say ──


@dataclass(frozen=True, slots=True)
class Listing:
    """What an address book's copy says of the directory. `unit` is empty where it is about all its entries; `level` is one of doctor's."""

    level: Literal["ok", "look", "wrong"]
    what: str
    book: str
    unit: str = ""
    code: str = ""


def listings_of(ground: Ground, directory: Directory) -> tuple[Listing, ...]:
    """Say of every entry whose address has to stand in an address book whether it does, by the copy there is; asks nobody."""
    books = {adapter: held.info.address_book for adapter, held in ground.registry.adapters.items()}
    used = Counter(books[unit.address.adapter] for unit in directory.units if unit.address is not None and books.get(unit.address.adapter))
    return tuple(each for name, entries in sorted(used.items()) if name for each in _listings(ground, name, entries, directory))


def _listings(ground: Ground, name: str, entries: int, directory: Directory) -> Iterator[Listing]:
    from siphub.errors import BookError
    from siphub.flow import address_book as books

    which = f"{entries} addresses of the directory have to stand in the address book {name}"
    try:
        copy = books.copy_of(ground, name)
    except BookError as error:
        what = f"{which}: verify them there; {error}" if error.code == "book.unknown" else str(error)
        yield Listing("look", what, name, code=error.code)
        return
    if copy is None:
        yield Listing(
            "look", f"{which}, and there is no copy of it: siphub directory import --from {name} fetches one", name, code="book.none"
        )
        return
    book, old = edition(name, copy, ground.now()), ground.now() - copy.confirmed_at > OLD
    remarks = [remark for remark in books.remarks(ground, name, copy, directory) if remark.unit]
    for remark in remarks:
        level: Literal["look", "wrong"] = "wrong" if remark.wrong and not old else "look"
        yield Listing(level, f"{book}, {said(remark)}", name, remark.unit, remark.code)
    wrong = len({remark.unit for remark in remarks if remark.wrong})
    yield Listing(
        "look" if old else "ok", f"{book} agrees with {entries - wrong} of the {entries} addresses that have to stand in it", name
    )


# ── what could be added, for a person to copy ──


def _write(ground: Ground, name: str, file: Path, found: Comparison) -> int:
    """Write proposed units to a new file; return how many."""
    text = "\n".join((*_proposals(ground, name, found), ""))
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise refuse("file.exists", f"{file} is there already: name a new file", status=WRONG_USE) from None
    except OSError as error:
        raise refuse("file.unwritable", f"{file}: {error.strerror}", status=WRONG_USE) from None
    return len(found.offered)


def _proposals(ground: Ground, name: str, found: Comparison) -> Iterator[str]:
    yield f"# Proposed from {edition(name, found.copy, ground.now())[4:]}, {_literal(found.copy.source)}."
    yield "# Nothing here counts until you have copied it into your directory file and imported that file."
    yield "# Look at each: who may be sent to is your decision, and so are id, name, kind and agency."
    adapters = sorted(adapter for adapter, held in ground.registry.adapters.items() if held.info.address_book == name)
    taken = {str(unit.id) for unit in found.directory.units}
    for one in found.offered:
        yield from _proposal(ground, name, one, adapters, taken, found.directory)


def _proposal(
    ground: Ground, name: str, one: ListedAddress, adapters: Sequence[str], taken: set[str], directory: Directory
) -> Iterator[str]:
    from siphub.flow.address_book import book_of
    from siphub.model import Address

    endpoint, options = book_of(ground, name).entry(one)
    organisation = directory.organisation(one.number)
    there = Address(adapter=adapters[0] if adapters else name, endpoint=endpoint, options=options)
    adapter = _adapter_for(ground, one, there, adapters)
    yield ""
    yield "[[units]]"
    yield f"id = {_literal(_unit_id(one, taken))}"
    yield f"organisation = {_literal(one.number)}{'' if organisation else '  # the directory has no such organisation yet'}"
    yield f"name = {_literal(one.label or one.organisation or one.address)}"
    yield f"public_label = {_literal(organisation.public_label if organisation else one.organisation or one.label or one.address)}"
    for code in one.codes:
        yield f"# for: {_literal(f'{code.label} {code.system} {code.code}'.strip())}"
    yield ""
    yield "[units.address]"
    yield f"adapter = {_literal(adapter)}" + ("" if adapter else f"  # one of {', '.join(adapters)}")
    yield f"endpoint = {_literal(endpoint)}"
    yield ""
    yield "[units.address.options]"
    yield from (f"{key} = {_literal(value)}" for key, value in options.items())


def _adapter_for(ground: Ground, one: ListedAddress, there: Address, adapters: Sequence[str]) -> str:
    """Return the one adapter that may write to an address and has the least against it; nothing where a person must choose."""
    from siphub.contract import ChecksAddresses, RefusesAddresses
    from siphub.flow.sources import place

    def objections(name: str) -> int:
        adapter: object = ground.registry.adapters[name]
        return sum(not check.ok for check in adapter.check_address(entries[name])) if isinstance(adapter, ChecksAddresses) else 0

    def may(name: str) -> bool:
        adapter: object = ground.registry.adapters[name]
        return not isinstance(adapter, RefusesAddresses) or adapter.refusal(entries[name]) is None

    entries = {name: place("", one.number, one.organisation, there.model_copy(update={"adapter": name})) for name in adapters}
    permitted = {name: objections(name) for name in adapters if may(name)}
    chosen = [name for name, found in permitted.items() if found == min(permitted.values())]
    return chosen[0] if len(chosen) == 1 else ""


def _unit_id(one: ListedAddress, taken: set[str]) -> str:
    """Return an id that is free: the organisation's number, and the address's name in small letters, digits and hyphens."""
    plain = one.label.lower().translate(str.maketrans("åäöéü", "aaoeu"))
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:36].strip("-") or "sdk"
    tries = (f"{one.number}/{stem}", *(f"{one.number}/{stem}-{number}" for number in range(2, 1000)))
    found = next((each for each in tries if each not in taken), "")
    taken.add(found)
    return found


def _literal(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)
