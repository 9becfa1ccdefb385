"""What an administrator expects of the disclosure table, checked against it: a type, a kind of recipient, what is shown and what is not.

An expectation holds only if it holds in every case it leaves open: what is to be shown, on the narrowest basis; what is not, on the widest.
It must never take a field for hidden that the message does not have: a misspelt field is a failure. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args

from siphub.model import CATALOGUE, model_of
from siphub.model.base import Value
from siphub.policy.disclosure import FROM, RecipientKind, Rule, rule_for

KINDS: Final[tuple[str, ...]] = tuple(str(name) for part in get_args(RecipientKind) for name in (get_args(part) or (part,)))
"""Every kind of recipient, as the table writes it."""
PUBLIC: Final = ("content.convener", "content.coordinator")
"""What stands for a person or unit, and is replaced where a rule replaces it: only the telephone number is as the sender wrote it."""


class Expectation(Value):
    """One expectation. `on` and `granted` narrow it to a basis and to further scopes that are consented to, or `from`; `why` is for whoever reads the file."""

    type: str
    to: str
    sent: bool = True
    basis: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    shown: tuple[str, ...] = ()
    not_shown: tuple[str, ...] = ()
    on: str | None = None
    granted: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as expected: which expectation, counted from 1, of which type and kind, a code, and what is so instead."""

    number: int
    type: str
    to: str
    code: Literal["unknown", "sent", "not_sent", "basis", "scopes", "shown", "not_shown"]
    detail: str


def failures(expected: Sequence[Expectation]) -> tuple[Failure, ...]:
    """Return everything that is not as expected, in order."""
    return tuple(
        Failure(number, one.type, one.to, code, detail) for number, one in enumerate(expected, start=1) for code, detail in _wrong(one)
    )


_Wrong = tuple[Literal["unknown", "sent", "not_sent", "basis", "scopes", "shown", "not_shown"], str]


def _wrong(one: Expectation) -> Iterator[_Wrong]:
    unknown = tuple(_unknown(one))
    if unknown:
        yield from (("unknown", detail) for detail in unknown)
        return
    rule = rule_for(one.type, (one.to,))
    if rule is None or not one.sent:
        if one.sent:
            yield "not_sent", "no rule allows it, so it is withheld"
        elif rule is not None:
            yield "sent", f"a rule allows it on {_listed(rule.bases)}"
        return
    yield from _grounds(one, rule)
    yield from _fields(one, rule)


def _unknown(one: Expectation) -> Iterator[str]:
    if one.type not in CATALOGUE:
        yield f"there is no message type {one.type}"
        return
    if one.to not in KINDS:
        yield f"there is no kind of recipient {one.to}; there are {_listed(KINDS)}"
    yield from (f"the message has no field {path}" for path in (*one.shown, *one.not_shown) if not _has(one.type, path))


def _grounds(one: Expectation, rule: Rule) -> Iterator[_Wrong]:
    if one.basis is not None and set(one.basis) != set(rule.bases):
        yield "basis", f"the bases are {_listed(rule.bases)}"
    if one.scopes is not None and set(one.scopes) != rule.scopes:
        yield "scopes", f"what must be consented to is {_listed(sorted(rule.scopes))}"
    if one.on is not None and one.on not in rule.bases:
        yield "basis", f"{one.on} is no basis for it; the bases are {_listed(rule.bases)}"


def _fields(one: Expectation, rule: Rule) -> Iterator[_Wrong]:
    """Judge each field on every basis that is left open: without further scopes for what is to be shown, with all for what is not."""
    bases = (one.on,) if one.on is not None else rule.bases
    narrowest = [allowed(rule, basis, one.granted) for basis in bases]
    widest = [allowed(rule, basis, one.granted or (*rule.show_with, FROM)) for basis in bases]
    for path in one.shown:
        if not all(_whole(path, paths, rule) for paths in narrowest):
            yield "shown", f"{path} is not shown, or not all of it, or not on every basis"
    for path in one.not_shown:
        if any(_any_of(path, paths, rule) for paths in widest):
            yield "not_shown", f"{path} is shown, or a part of it, on some basis"


def allowed(rule: Rule, basis: str, granted: Collection[str]) -> frozenset[str]:
    """Return the fields a rule leaves on a basis, where these further scopes are consented to as well, and with `FROM` from the sender too."""
    more = [paths for scope, paths in rule.show_with.items() if scope in granted] if basis == "consent" else []
    said = rule.show_from if basis != "consent" or FROM in granted else ()
    return rule.show.union(rule.show_on_consent if basis == "consent" else (), said, *more)


def _whole(path: str, paths: Collection[str], rule: Rule) -> bool:
    return any(path == one or path.startswith(one + ".") for one in paths) and not (rule.public and _replaced(path))


def _any_of(path: str, paths: Collection[str], rule: Rule) -> bool:
    if rule.public and _replaced(path):
        return path in PUBLIC and any(path == one or path.startswith(one + ".") for one in paths)
    return any(path == one or path.startswith(one + ".") or one.startswith(path + ".") for one in paths)


def _replaced(path: str) -> bool:
    return any(path == one or (path.startswith(one + ".") and path != one + ".phone") for one in PUBLIC)


def _listed(words: Collection[str]) -> str:
    return ", ".join(words) or "nothing"


@cache
def _schema(message_type: str) -> Mapping[str, Any]:
    return model_of(message_type).model_json_schema()


def _has(message_type: str, path: str) -> bool:
    """Say whether a message type has a field, through lists and alternatives."""
    schema = _schema(message_type)
    nodes = [schema]
    for part in path.split("."):
        nodes = [inner for node in nodes for whole in _alternatives(node, schema) if (inner := whole.get("properties", {}).get(part))]
    return bool(nodes)


def _alternatives(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in node:
        yield from _alternatives(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
        return
    yield node
    for inner in (*node.get("anyOf", ()), *node.get("oneOf", ()), *([node["items"]] if isinstance(node.get("items"), Mapping) else [])):
        yield from _alternatives(inner, schema)
