"""What two packs do differently: over every sample, and in their code tables. Pure; for whoever is about to switch."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from siphub.mappings.manifest import namespace_of
from siphub.mappings.pack import Pack
from siphub.mappings.trial import readable, samples_of, tried

_MOST_LINES: Final = 5_000
"""How long two documents may be to be compared line by line: the work grows with the square."""


@dataclass(frozen=True, slots=True)
class SampleChange:
    """One sample that the two packs treat differently. `lines` is a unified diff where both translate it, else empty."""

    sample: str
    what: Literal["differs", "only in the first", "only in the second", "fails in the first", "fails in the second"]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeChange:
    """One row of the code tables that is not the same in both; None where it is not there."""

    table: str
    canonical: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two packs; both tuples empty means that a switch changes no byte of any sample."""

    first: str
    second: str
    compared: int
    samples: tuple[SampleChange, ...]
    codes: tuple[CodeChange, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.samples or self.codes)


def compared(first: Pack, second: Pack, kinds: Collection[str] = ()) -> Comparison:
    """Compare two packs over all samples, or over those of some message types; line breaks, and each version's own namespace, do not count."""
    ours, theirs = (dict(_made(pack, kinds)) for pack in (first, second))
    names = tuple(dict.fromkeys((*ours, *theirs)))
    samples = tuple(found for name in names if (found := _sample(name, ours, theirs)))
    return Comparison(first.name, second.name, len(names), samples, tuple(_codes(first, second)))


def _made(pack: Pack, kinds: Collection[str]) -> Iterator[tuple[str, list[str] | None]]:
    """Yield what a pack makes of each sample, in lines, or None where it fails. The namespace that every version has of its own is left out."""
    own = namespace_of(pack.id, pack.version).encode()
    for name, message in samples_of(pack):
        if not kinds or message.type in kinds:
            body = tried(pack, message.to_document()).body
            yield name, None if body is None else readable(body.replace(own, b"urn:siphub:PACK:VERSION")).decode().splitlines()


def _sample(name: str, ours: Mapping[str, list[str] | None], theirs: Mapping[str, list[str] | None]) -> SampleChange | None:
    if name not in theirs:
        return SampleChange(name, "only in the first")
    if name not in ours:
        return SampleChange(name, "only in the second")
    before, after = ours[name], theirs[name]
    if before is None or after is None:
        return None if before is after else SampleChange(name, "fails in the first" if before is None else "fails in the second")
    if before == after:
        return None
    if max(len(before), len(after)) > _MOST_LINES:
        return SampleChange(name, "differs", ("first", "second", f"more than {_MOST_LINES} lines: too many to compare"))
    return SampleChange(name, "differs", tuple(difflib.unified_diff(before, after, "first", "second", lineterm="", n=1)))


def _codes(first: Pack, second: Pack) -> Iterator[CodeChange]:
    before, after = first.code_table(), second.code_table()
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield CodeChange(*key, before.get(key), after.get(key))
