"""Every defect that R4's own definitions make possible in the resources that are read, one at a time, and where it must be pointed at.

A sound instance of each type is built from the table of elements; then each required element is taken away, each required code, reference
target and primitive is put wrong, and each rule is broken. `python -m tests.mappings.fhir_defects` writes docs/fhir-defects.md, which lists
what is not refused, or not at its place; with `--check` nothing is written, and the answer is no (1) where the page is another.
"""

from __future__ import annotations

import copy
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from siphub.contract import Refused, Submission
from siphub_fhir import r4
from siphub_fhir.intake import resource_of
from siphub_fhir.r4 import Element, elements_of
from tests.mappings.fhir_answers import no_answers
from tests.mappings.fhir_broken_rules import BROKEN, WHY_NOT
from tests.mappings.fhir_corpora import read
from tests.mappings.fhir_sound import AROUND, NEEDS, READ, sound, value_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "fhir-defects.md"
_WRONG: Final[Mapping[str, Sequence[Any]]] = {
    "base64Binary": ["***", 1],
    "boolean": ["true", 1],
    "canonical": ["a b", 1],
    "code": [" a", "a  b", 1],
    "date": ["2026-02-30", "26-01-01", "2026-01-01T00:00:00Z", 2026],
    "dateTime": ["2026-02-30", "2026-01-01T10:00", "2026-01-01T10:00:00", 2026],
    "decimal": ["1.0", True],
    "id": ["a b", "a" * 65, 1],
    "instant": ["2026-01-01", "2026-01-01T10:00:00", 1],
    "integer": ["1", 1.5, 2**31],
    "markdown": [1],
    "oid": ["1.2.3", 1],
    "positiveInt": [0, "1", -1],
    "string": [1, True],
    "time": ["25:00:00", "10:00", 10],
    "unsignedInt": [-1, "1"],
    "uri": ["a b", 1],
    "url": ["a b", 1],
    "uuid": ["c757873d", 1],
    "xhtml": ["<div>", "<div xmlns='http://www.w3.org/1999/xhtml'><script>x</script></div>", 1],
}
"""For each primitive type what is none of it: by R4's format, and by JSON's type."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: what kind, in which element, the resource that has it, and the pointer it must be refused at."""

    kind: str
    element: str
    resource: Any
    pointer: str
    beneath: bool = False
    """Whether a pointer beneath that one is right as well: a rule is about the whole object."""


@dataclass(frozen=True, slots=True)
class Host:
    """An object within a resource, and where it stands."""

    resource: Any
    kind: str
    pointer: str

    def changed(self, change: Callable[[Any], None]) -> Any:
        """Return the resource with the object changed by a function."""
        found = copy.deepcopy(self.resource)
        node = found
        for step in self.pointer.split("/")[1:]:
            node = node[int(step)] if isinstance(node, list) else node[step]
        change(node)
        return found


def hosts() -> Iterator[Host]:
    """Yield an object of every type that the resources read are made of: resources, their parts, and each data type once."""
    seen: set[str] = set()
    waiting = [Host(sound(kind), kind, "") for kind in READ]
    while waiting:
        host = waiting.pop(0)
        if host.kind in seen:
            continue
        seen.add(host.kind)
        yield host
        waiting += [inner for element in elements_of(host.kind).values() for inner in _within(host, element, seen)]


def _within(host: Host, element: Element, seen: set[str]) -> Iterator[Host]:
    kind = element.kind
    if element.primitive or kind in seen or kind in r4.RESOURCES or r4.is_resource(kind):
        return
    resource = with_element(host, element, value_of(element, host.kind))
    yield Host(resource, kind, f"{host.pointer}/{element.name}{'/0' if element.many else ''}")


def with_element(host: Host, element: Element, value: Any) -> Any:
    """Return the resource of a host with an element set to a value, alone among its fellows."""

    def put(node: Any) -> None:
        if element.choice is not None:
            for other in [one for one in node if one.startswith(element.choice) and one in elements_of(host.kind)]:
                del node[other]
        for name, needed in NEEDS.get(_named(host, element), {}).items():
            if needed is None:
                node.pop(name, None)
            else:
                node[name] = needed
        node[element.name] = [value] if element.many else value

    return host.changed(put) | AROUND.get(_named(host, element), {})


def defects() -> Iterator[Defect]:
    """Yield every defect, host by host, then the broken rules, and then what is sound R4 and no answer to us."""
    for host in hosts():
        for element in elements_of(host.kind).values():
            place = f"{host.pointer}/{element.name}{'/0' if element.many else ''}"
            yield from _required(host, element)
            yield from _wrong_values(host, element, place)
            yield from _wrong_codes(host, element, place)
            yield from _wrong_targets(host, element, place)
    for key, (resource, pointer) in BROKEN.items():
        yield Defect("rule", key, resource, pointer, beneath=True)
    for name, resource, pointer in no_answers():
        yield Defect("answer", name, resource, pointer, beneath=True)


def _named(host: Host, element: Element) -> str:
    return f"{host.kind}.{element.name}"


def _required(host: Host, element: Element) -> Iterator[Defect]:
    if not element.least:
        return

    def drop(node: Any) -> None:
        for name in [one for one in elements_of(host.kind).values() if one.place == element.place]:
            node.pop(name.name, None)

    name = element.name if element.choice is None else f"{element.choice}[x]"
    yield Defect("required", _named(host, element), host.changed(drop), f"{host.pointer}/{name}")


def _wrong_values(host: Host, element: Element, place: str) -> Iterator[Defect]:
    values = _WRONG[element.kind] if element.primitive else []
    for value in values:
        yield Defect("format", _named(host, element), with_element(host, element, value), place)


def _wrong_codes(host: Host, element: Element, place: str) -> Iterator[Defect]:
    if element.binding is None:
        return
    wrong: Any = "no-such-code"
    if element.kind == "CodeableConcept":
        wrong = {"coding": [{"system": "https://x.example", "code": wrong}]}
    yield Defect("code", _named(host, element), with_element(host, element, wrong), place)


def _wrong_targets(host: Host, element: Element, place: str) -> Iterator[Defect]:
    if element.targets:
        wrong = next(one for one in ("Basic", "Binary") if one not in element.targets)
        yield Defect("target", _named(host, element), with_element(host, element, {"reference": f"{wrong}/1"}), place)


def sound_ones() -> Iterator[tuple[str, Any]]:
    """Yield every instance that a defect is made of, with each element in turn: none of them may be refused."""
    for host in hosts():
        yield host.kind, host.resource
        for element in elements_of(host.kind).values():
            if element.kind not in r4.RESOURCES:
                yield _named(host, element), with_element(host, element, value_of(element, host.kind))


def problems_of(resource: Any) -> list[tuple[str, str]]:
    """Return codes and pointers that a resource is refused with."""
    try:
        resource_of(Submission(json.dumps(resource).encode(), "application/fhir+json"))
    except Refused as refused:
        return [(problem.code, problem.pointer or "") for problem in refused.problems]
    return []


def refused_as(resource: Any) -> list[tuple[str, str]]:
    """Return codes and pointers that the reader refuses a sound resource with."""
    return [*read(json.dumps(resource).encode(), "json")[1]]


def verdict(defect: Defect) -> str:
    """Return `refused`, `elsewhere` or `taken`."""
    judge = refused_as if defect.kind == "answer" else problems_of
    pointers = [pointer for _, pointer in judge(defect.resource)]
    right = any(one == defect.pointer or (defect.beneath and one.startswith(f"{defect.pointer}/")) for one in pointers)
    return "refused" if right else "elsewhere" if pointers else "taken"


def page() -> str:
    """Return the page: how many of each kind are refused at their place, and every one that is not."""
    judged = [(one, verdict(one)) for one in defects()]
    lines = ["| kind | defects | refused at their place | refused elsewhere | taken |", "| --- | --- | --- | --- | --- |"]
    for kind in ("required", "code", "target", "format", "rule", "answer"):
        counted = Counter(found for one, found in judged if one.kind == kind)
        lines.append(f"| {kind} | {counted.total()} | {counted['refused']} | {counted['elsewhere']} | {counted['taken']} |")
    every = Counter(found for _, found in judged)
    lines.append(f"| all | {every.total()} | {every['refused']} | {every['elsewhere']} | {every['taken']} |")
    rest = [f"| {one.kind} | `{one.element}` | {found} | {WHY_NOT[one.element]} |" for one, found in judged if found != "refused"]
    if rest:
        lines += ["", "| kind | element or rule | what becomes of it | why |", "| --- | --- | --- | --- |", *rest]
    return _HEAD.format(read=", ".join(READ)) + "\n".join(lines) + "\n"


_HEAD: Final = """# Defects in FHIR

What the reader `fhir` says of every defect that R4's own definitions make possible in the resources it reads, one at a time.
Made by `python -m tests.mappings.fhir_defects`; a test fails when this page is another than the code.

Read are {read}, and all the data types that stand in them.
A required element is taken away, a code of a required binding is none of R4's, a reference leads to a type R4 does not allow there, a primitive is not of its format or of JSON's type, a rule (invariant) is broken.
Of answers and news, which are sound R4, each names nothing of ours, has a status that says nothing, is in a category that is not others' to write in, or has a modifier.
The same instances without the defect are all taken: a test holds that.

"""


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.read_text("utf-8") == text else 1)
    PAGE.write_text(text, "utf-8")
