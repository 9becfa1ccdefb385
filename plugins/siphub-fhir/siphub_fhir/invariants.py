"""R4's rules (invariants) of the resources this plugin reads and of the data types in them, each under R4's own key.

Those that a Bundle of ours could break too stand in `checks`: app-1 to app-4, apr-1, bdl-7, bdl-12, cpl-3, ppc-1; txt-1 and txt-2 stand in
`narrative`, ele-1 in `structure`. A rule that compares times compares only what can be compared. It must never repeat a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from siphub.contract import Problem
from siphub_fhir.lens import Resource, at
from siphub_fhir.r4 import base_of

_UCUM: Final = "http://unitsofmeasure.org"
_DAY: Final = 10


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an object: the resource it is in, the ids contained there, and what references lead to."""

    root: Resource
    contained: frozenset[str]
    types: Mapping[str, str]
    within: bool

    @classmethod
    def of(cls, resource: Resource, urls: Mapping[str, str], owner: Around | None) -> Around:
        """Return what stands around the elements of a resource; `owner` is what stands around it where it is contained."""
        if owner is not None:
            return cls(owner.root, owner.contained, owner.types, within=True)
        contained = resource.get("contained")
        inner = {str(one["id"]): str(one.get("resourceType")) for one in _objects(contained) if isinstance(one.get("id"), str)}
        types = {**urls, **{f"#{name}": kind for name, kind in inner.items()}} if inner else urls
        return cls(resource, frozenset(inner), types, within=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant: its key, whether it holds for an object, where under the object a breach is pointed at, and what it says."""

    key: str
    holds: Callable[[Resource, Around], bool]
    where: str
    says: str


def broken(value: Resource, kind: str, pointer: str, around: Around) -> Iterator[Problem]:
    """Yield the rules that an object of a type breaks."""
    for rule in rules_of(kind):
        if not _holds(rule, value, around):
            where = f"/{rule.where}" if rule.where else ""
            yield Problem("fhir.invariant", f"{rule.key}: {rule.says}", pointer=f"{pointer}{where}")


def _holds(rule: Rule, value: Resource, around: Around) -> bool:
    try:
        return rule.holds(value, around)
    except (TypeError, AttributeError, KeyError, ValueError, IndexError):
        return True  # a value of another shape: that it is wrong is said where it stands


@cache
def rules_of(kind: str) -> tuple[Rule, ...]:
    """Return the rules of a type, those of what it is based on first."""
    base = base_of(kind)
    return (*(rules_of(base) if base else ()), *RULES.get(kind, ()))


def _objects(value: Any) -> list[Resource]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _has(value: Any, name: str) -> bool:
    """Say whether an element is there, with a value or with an extension alone."""
    return name in value or f"_{name}" in value


def _together(one: str, other: str) -> Callable[[Resource, Around], bool]:
    """Return the rule that an element stands only where another does."""
    return lambda value, _: not _has(value, one) or _has(value, other)


def _one_of(*names: str) -> Callable[[Resource, Around], bool]:
    return lambda value, _: any(_has(value, name) for name in names)


def _either(one: str, other: str) -> Callable[[Resource, Around], bool]:
    return lambda value, _: _has(value, one) != _has(value, other)


def _value(value: Resource) -> bool:
    return any(name.lstrip("_").startswith("value") for name in value)


def _ucum(value: Resource, _: Around) -> bool:
    return ("code" in value or "value" not in value) and value.get("system", _UCUM) == _UCUM


def _in_order(one: Any, other: Any) -> bool:
    """Say whether a time is not after another, as far as both are known that precisely."""
    if not isinstance(one, str) or not isinstance(other, str):
        return True
    if len(one) > _DAY and len(other) > _DAY:
        return datetime.fromisoformat(one) <= datetime.fromisoformat(other)
    known = min(len(one), len(other), _DAY)
    return one[:known] <= other[:known]


def _less(low: Any, high: Any) -> bool:
    """Say whether a quantity is not more than another of the same unit."""
    if not isinstance(low, dict) or not isinstance(high, dict) or low.get("code", low.get("unit")) != high.get("code", high.get("unit")):
        return True
    return "value" not in low or "value" not in high or bool(low["value"] <= high["value"])


def _leads_within(value: Resource, around: Around) -> bool:
    text = value.get("reference")
    if not isinstance(text, str) or not text.startswith("#"):
        return True
    return text[1:] in around.contained or (text == "#" and around.within)


def _all_referred_to(value: Resource, around: Around) -> bool:
    if around.within or not around.contained:
        return True
    named = set(_texts(value))
    return all(f"#{one.get('id')}" in named or "#" in set(_texts(one)) for one in _objects(value["contained"]))


def _texts(node: Any) -> Iterator[str]:
    """Yield every text that begins with a #, without a call for each level: this sees nesting before it is judged."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and one.startswith("#"):
            yield one
        elif isinstance(one, (dict, list)):
            waiting += one.values() if isinstance(one, dict) else one


def _no_home(name: str) -> Callable[[Resource, Around], bool]:
    return lambda value, _: all(one.get("use") != "home" for one in _objects(value.get(name)))


def _entries(name: str, *types: str) -> Callable[[Resource, Around], bool]:
    """Return the rule that every entry has an element in Bundles of some types, and none in others."""
    return lambda value, _: all((name in one) == (value.get("type") in types) for one in _objects(value.get("entry")))


def _not_private(value: Resource, *codes: str) -> bool:
    codings = _objects(value["scope"].get("coding"))
    return "patient" in value or not any(one.get("system") == "something" and one.get("code") in codes for one in codings)


def _practises(value: Resource, around: Around) -> bool:
    member = around.types.get(at(value, "member.reference"))
    return not _has(value, "onBehalfOf") or member in {None, "Practitioner"}


def _document_begins(value: Resource, _: Around) -> bool:
    return value.get("type") != "document" or at(value, "entry[].resource.resourceType") == "Composition"


_ABOUT_TIME: Final = "an offset or a time of day fits no such `when`"
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Age": (Rule("age-1", lambda v, a: _ucum(v, a) and v.get("value", 1) > 0, "", "an age is above nothing, with a code of UCUM"),),
    "Attachment": (Rule("att-1", _together("data", "contentType"), "contentType", "data has a contentType"),),
    "Bundle": (
        Rule("bdl-1", lambda v, _: "total" not in v or v.get("type") in {"searchset", "history"}, "total", "only a search or a history has a total"),
        Rule(
            "bdl-2",
            lambda v, _: v.get("type") == "searchset" or not any("search" in one for one in _objects(v.get("entry"))),
            "entry",
            "only an entry of a search has `search`",
        ),
        Rule("bdl-3", _entries("request", "batch", "transaction", "history"), "entry", "entries of a batch, a transaction or a history, and no others, have a request"),
        Rule("bdl-4", _entries("response", "batch-response", "transaction-response", "history"), "entry", "entries of a response or a history, and no others, have a response"),
        Rule(
            "bdl-9",
            lambda v, _: v.get("type") != "document" or {"system", "value"} <= set(v.get("identifier") or {}),
            "identifier",
            "a document has an identifier with a system and a value",
        ),
        Rule("bdl-10", lambda v, _: v.get("type") != "document" or "timestamp" in v, "timestamp", "a document has a time"),
        Rule("bdl-11", _document_begins, "entry", "a document begins with its Composition"),
    ),
    "Bundle.entry": (
        Rule("bdl-5", _one_of("resource", "request", "response"), "", "an entry has a resource, a request or a response"),
        Rule("bdl-8", lambda v, _: "/_history/" not in v.get("fullUrl", ""), "fullUrl", "a fullUrl names no version"),
    ),
    "CareTeam.participant": (Rule("ctm-1", _practises, "onBehalfOf", "only a Practitioner is there on behalf of somebody"),),
    "Consent": tuple(
        Rule(key, lambda v, _, code=code: _not_private(v, code), "patient", "a consent of this scope has a patient")  # type: ignore[misc]
        for key, code in (("ppc-2", "patient-privacy"), ("ppc-3", "research"), ("ppc-4", "adr"), ("ppc-5", "treatment"))
    ),
    "ContactPoint": (Rule("cpt-2", _together("value", "system"), "system", "a value has a system"),),
    "Count": (
        Rule(
            "cnt-3",
            lambda v, a: _ucum(v, a) and v.get("code", "1") == "1" and v.get("value", 0) == int(v.get("value", 0)),
            "",
            "a count is a whole number, with UCUM's code 1",
        ),
    ),
    "DataRequirement.codeFilter": (Rule("drq-1", _either("path", "searchParam"), "", "a filter has a path or a search parameter"),),
    "DataRequirement.dateFilter": (Rule("drq-2", _either("path", "searchParam"), "", "a filter has a path or a search parameter"),),
    "Distance": (Rule("dis-1", _ucum, "", "a distance has a code of UCUM"),),
    "DomainResource": (
        Rule("dom-2", lambda v, _: not any("contained" in one for one in _objects(v.get("contained"))), "contained", "what is contained contains nothing"),
        Rule("dom-3", _all_referred_to, "contained", "what is contained is referred to"),
        Rule(
            "dom-4",
            lambda v, _: not any({"versionId", "lastUpdated"} & set(one.get("meta") or {}) for one in _objects(v.get("contained"))),
            "contained",
            "what is contained has no version of its own",
        ),
        Rule(
            "dom-5",
            lambda v, _: not any("security" in (one.get("meta") or {}) for one in _objects(v.get("contained"))),
            "contained",
            "what is contained has no security label of its own",
        ),
    ),
    "Duration": (
        Rule("drt-1", lambda v, _: "code" not in v or (v.get("system") == _UCUM and _has(v, "value")), "", "a duration with a code has UCUM's, and a value"),
    ),
    "Expression": (Rule("exp-1", _one_of("expression", "reference"), "", "an expression is written or referred to"),),
    "Extension": (Rule("ext-1", lambda v, _: ("extension" in v) != _value(v), "", "an extension has a value or extensions, and not both"),),
    "Goal.target": (
        Rule(
            "gol-1",
            lambda v, _: _has(v, "measure") or not any(name.lstrip("_").startswith("detail") for name in v),
            "measure",
            "a target with a detail has a measure",
        ),
    ),
    "Organization": (
        Rule("org-1", _one_of("identifier", "name"), "", "an organisation has a number or a name"),
        Rule("org-2", _no_home("address"), "address", "an organisation has no home address"),
        Rule("org-3", _no_home("telecom"), "telecom", "an organisation has no home telephone"),
    ),
    "Patient.contact": (
        Rule("pat-1", _one_of("name", "telecom", "address", "organization"), "", "a contact has a name, a telecom, an address or an organization"),
    ),
    "Period": (Rule("per-1", lambda v, _: _in_order(v.get("start"), v.get("end")), "", "a period does not end before it starts"),),
    "Quantity": (Rule("qty-3", _together("code", "system"), "system", "a code has a system"),),
    "Range": (Rule("rng-2", lambda v, _: _less(v.get("low"), v.get("high")), "", "the low end is not above the high one"),),
    "Ratio": (
        Rule(
            "rat-1",
            lambda v, _: ("numerator" in v) == ("denominator" in v) and ("numerator" in v or "extension" in v),
            "",
            "a ratio has a numerator and a denominator, or an extension alone",
        ),
    ),
    "Reference": (Rule("ref-1", _leads_within, "reference", "a # leads to what is contained"),),
    "ServiceRequest": (Rule("prr-1", _together("orderDetail", "code"), "code", "details have a code that they are of"),),
    "Task": (Rule("inv-1", lambda v, _: _in_order(v.get("authoredOn"), v.get("lastModified")), "lastModified", "it is not changed before it is written"),),
    "Timing.repeat": (
        Rule("tim-1", _together("duration", "durationUnit"), "durationUnit", "a duration has a unit"),
        Rule("tim-2", _together("period", "periodUnit"), "periodUnit", "a period has a unit"),
        Rule("tim-4", lambda v, _: v.get("duration", 0) >= 0, "duration", "a duration is not below nothing"),
        Rule("tim-5", lambda v, _: v.get("period", 0) >= 0, "period", "a period is not below nothing"),
        Rule("tim-6", _together("periodMax", "period"), "period", "a longest period has a period"),
        Rule("tim-7", _together("durationMax", "duration"), "duration", "a longest duration has a duration"),
        Rule("tim-8", _together("countMax", "count"), "count", "a highest count has a count"),
        Rule("tim-9", lambda v, _: "offset" not in v or ("when" in v and not {"C", "CM", "CD", "CV"} & set(v["when"])), "offset", _ABOUT_TIME),
        Rule("tim-10", lambda v, _: not (_has(v, "timeOfDay") and _has(v, "when")), "when", _ABOUT_TIME),
    ),
    "TriggerDefinition": (
        Rule("trd-1", lambda v, _: "data" not in v or not any(name.startswith("timing") for name in v), "", "a trigger is about data or a time"),
        Rule("trd-2", _together("condition", "data"), "data", "a condition has data"),
        Rule("trd-3", lambda v, _: _triggered(v), "", "a trigger has what its type needs"),
    ),
}  # fmt: skip


def _triggered(value: Resource) -> bool:
    kind = str(value.get("type"))
    if kind == "named-event":
        return "name" in value
    if kind == "periodic":
        return any(name.startswith("timing") for name in value)
    return not kind.startswith("data-") or "data" in value
