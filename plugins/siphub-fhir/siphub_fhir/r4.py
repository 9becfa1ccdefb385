"""What R4 (4.0.1) says of its types: elements in order, cardinality, types, required codes and reference targets, read from `r4.json`.

The file is made from HL7's own StructureDefinitions by `tests/make_r4_table.py`, and a test holds it to R4's XML schema. It must never hold
anything of ours, nor of another version of FHIR.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

XHTML: Final = "xhtml"
RESOURCES: Final = frozenset({"Resource", "DomainResource"})
"""The types that resources are based on; where an element is of one of them, any resource may stand."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element as JSON names it; a choice (`value[x]`) is one of these for each type.

    `least` is 1 where R4 requires it, `many` where it repeats, `choice` the name without the type where it is one of several, `codes` the
    codes of a required binding, `targets` the types a Reference may lead to (empty: any), `place` its position among its fellows.
    """

    name: str
    kind: str
    least: int
    many: bool
    choice: str | None
    codes: frozenset[str]
    binding: str | None
    targets: frozenset[str]
    place: int
    primitive: bool
    """Whether it holds a value and no elements."""

    @property
    def bare(self) -> bool:
        """Say whether nothing may stand beside the value: ids, and the url of an extension, have no extensions of their own."""
        return not self.primitive or self.name == "id" or (self.name == "url" and self.kind == "string" and self.least == 1)


@cache
def _table() -> Any:
    return json.loads(files("siphub_fhir").joinpath("r4.json").read_text("utf-8"))


@cache
def primitives() -> Mapping[str, re.Pattern[str]]:
    """Return the regular expression of each primitive type."""
    return {name: re.compile(text or r"[\s\S]*") for name, text in _table()["primitives"].items()}


@cache
def elements_of(kind: str) -> Mapping[str, Element]:
    """Return the elements of a type by their names in JSON, in R4's order, inherited ones first; raises KeyError for none of R4's."""
    base, *lines = _table()["types"][kind]
    found: dict[str, Element] = dict(elements_of(base)) if base else {}
    for line in lines:
        name, cardinality, *words = line.split()
        binding = words.pop().removeprefix("=") if words[-1].startswith("=") else None
        codes = frozenset(_table()["codes"][binding].split()) if binding else frozenset()
        least, _, most = cardinality.partition("..")
        place = len({element.place for element in found.values()})
        for word in words:
            one, targets = _typed(word)
            full = name.removesuffix("[x]") + (one[0].upper() + one[1:] if name.endswith("[x]") else "")
            choice = name.removesuffix("[x]") if name.endswith("[x]") else None
            found[full] = Element(full, one, int(least), most == "*", choice, codes, binding, targets, place, one in primitives())
    return found


def _typed(word: str) -> tuple[str, frozenset[str]]:
    kind, _, targets = word.partition("(")
    return kind, frozenset(targets.removesuffix(")").split("|")) if targets else frozenset()


@cache
def names() -> frozenset[str]:
    """Return every name of R4's: of its types, and of their elements."""
    found = [one for kind in _table()["types"] for one in elements_of(kind).values()]
    return frozenset(_table()["types"]) | {one.name for one in found} | {one.choice for one in found if one.choice}


@cache
def base_of(kind: str) -> str:
    """Return the type a type is based on, empty for Element and Resource; raises KeyError for none of R4's."""
    return str(_table()["types"][kind][0])


@cache
def rules() -> Mapping[str, Mapping[str, str]]:
    """Return R4's rules (invariants) in FHIRPath, by the type or the path of the element that has them, and by key."""
    found: Mapping[str, Mapping[str, str]] = _table()["rules"]
    return found


def is_resource(name: object) -> bool:
    """Say whether a name is that of a resource type that can be written."""
    return isinstance(name, str) and name in _resources()


@cache
def _resources() -> frozenset[str]:
    return frozenset(name for name, (base, *_) in _table()["types"].items() if base in RESOURCES) - RESOURCES
