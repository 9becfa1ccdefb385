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
    """One sample that the two packs treat differently.

    Args:
        sample: Its name.
        what: How; `is not in order` is said where both write the same, and one of them does not read it back, or refuses it by its schema.
        lines: A unified diff where both translate it, else empty.
        why: What is wrong in either, with its code, where something is in one of them alone.
    """

    sample: str
    what: Literal[
        "differs",
        "only in the first",
        "only in the second",
        "fails in the first",
        "fails in the second",
        "is not in order in the first",
        "is not in order in the second",
    ]
    lines: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeChange:
    """One row of the code tables that is not the same in both; None where it is not there."""

    table: str
    canonical: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two packs; both tuples empty means that a switch changes no byte of any sample, and nothing that is read back."""

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


@dataclass(frozen=True, slots=True)
class _Made:
    """What a pack makes of one sample, in lines, or None where it fails; and what is wrong with it, its name left out."""

    lines: list[str] | None
    wrong: tuple[str, ...]


def _made(pack: Pack, kinds: Collection[str]) -> Iterator[tuple[str, _Made]]:
    """Yield what a pack makes of each sample. The namespace that every version has of its own is left out."""
    own = namespace_of(pack.id, pack.version).encode()
    for name, message in samples_of(pack):
        if not kinds or message.type in kinds:
            trial = tried(pack, message.to_document(), talkative=True)
            wrong = (
                *(f"{trial.code}: {one}" for one in trial.problems),
                *(f"mapping.loss: {one.pointer} is {one.how}" for one in trial.losses or ()),
            )
            body = None if trial.body is None else readable(trial.body.replace(own, b"urn:siphub:PACK:VERSION")).decode().splitlines()
            yield name, _Made(body, tuple(one.replace(pack.name, "this pack") for one in wrong))


def _sample(name: str, ours: Mapping[str, _Made], theirs: Mapping[str, _Made]) -> SampleChange | None:
    if name not in theirs:
        return SampleChange(name, "only in the first")
    if name not in ours:
        return SampleChange(name, "only in the second")
    before, after = ours[name], theirs[name]
    why = (*_alone("first", before, after), *_alone("second", after, before))
    if before.lines is None or after.lines is None:
        if before.lines is after.lines:
            return None
        return SampleChange(name, "fails in the first" if before.lines is None else "fails in the second", why=why)
    if before.lines != after.lines:
        return SampleChange(name, "differs", _difference(before.lines, after.lines), why)
    if why:
        return SampleChange(
            name, "is not in order in the second" if set(after.wrong) - set(before.wrong) else "is not in order in the first", why=why
        )
    return None


def _alone(which: str, one: _Made, other: _Made) -> Iterator[str]:
    """Yield what is wrong in one alone."""
    return (f"in the {which}: {problem}" for problem in one.wrong if problem not in other.wrong)


def _difference(before: list[str], after: list[str]) -> tuple[str, ...]:
    if max(len(before), len(after)) > _MOST_LINES:
        return ("first", "second", f"more than {_MOST_LINES} lines: too many to compare")
    return tuple(difflib.unified_diff(before, after, "first", "second", lineterm="", n=1))


def _codes(first: Pack, second: Pack) -> Iterator[CodeChange]:
    before, after = first.code_table(), second.code_table()
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield CodeChange(*key, before.get(key), after.get(key))
