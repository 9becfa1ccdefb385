"""What neither the R4 JSON schema nor fhir.resources sees, checked by us: out before anything is sent, in before anything is believed.

Each finding has a stable code and a JSON pointer. It must never repeat a value: a resource is full of them.

    fhir.actor_type          a reference to a type R4 does not allow there: an Organization as actor, a unit as CareTeam member
    fhir.addresses_type      CarePlan.addresses takes Conditions only
    fhir.appointment_times   app-2 and app-3: start and end stand together, and only proposed, cancelled and waitlist may lack them
    fhir.appointment_actor   app-1 and apr-1: a participant has a type or an actor
    fhir.cancelled_reason    app-4: a reason for cancelling stands only where it was cancelled
    fhir.consent_policy      ppc-1: a Consent has a policy or a policyRule
    fhir.activity_twice      cpl-3: an activity has a reference or a detail, not both
    fhir.code_unknown        a required binding: the code is not one of R4's (AppointmentResponse has no `delegate`)
    fhir.id                  an id is 1 to 64 of A-Z a-z 0-9 - and . (also MessageHeader.response.identifier)
    fhir.endpoint            an endpoint is a whole URL
    fhir.header_first        bdl-12: a message begins with its MessageHeader
    fhir.full_url            bdl-7: no two entries have one fullUrl
    fhir.empty               no text, list or object is empty
    fhir.text                a text has no control characters
    fhir.dangling            a urn:uuid reference leads to an entry of the Bundle
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from siphub.contract import Problem
from siphub_fhir.bundle import urls_of
from siphub_fhir.lens import Resource
from siphub_fhir.required import CODES, TARGETS

_ID: Final = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TIMELESS: Final = frozenset({"proposed", "cancelled", "waitlist"})
_NOTHING: Final = object()
_Paths = Mapping[str, tuple[tuple[str, tuple[str, ...], frozenset[str]], ...]]


def _paths(table: Mapping[str, Mapping[str, frozenset[str]]]) -> _Paths:
    """Return a table with each place split into its steps, once: every delivery is checked."""
    return {kind: tuple((where, tuple(where.split(".")), allowed) for where, allowed in rows.items()) for kind, rows in table.items()}


_CODES: Final = _paths(CODES)
_TARGETS: Final = _paths(TARGETS)
_SCHEMES: Final = frozenset({"http", "https", "mllp", "llp", "ftp", "sftp", "mailto", "amqps"})


def is_url(text: Any) -> bool:
    """Say whether a text is a whole URL of a scheme that can be sent to."""
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in _SCHEMES and bool(parts.netloc or parts.path) and not re.search(r"\s", str(text))


def problems_of(resource: Resource, *, whole: bool = False, written: bytes | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a Bundle or a single resource. With `whole`, every urn:uuid reference must be answered in it.

    `written` is the resource as compact JSON, where it has been written already: most of its texts are judged there, which is quicker.
    """
    types = {url: str(entry["resource"].get("resourceType")) for entry in _entries(resource) for url in urls_of(entry)}
    if resource.get("resourceType") == "Bundle":
        yield from _bundle(resource)
        for number, entry in enumerate(resource.get("entry") or []):
            inner = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(inner, dict):
                yield from _resource(inner, f"/entry/{number}/resource", types)
    else:
        yield from _resource(resource, "", types)
    urls = set(types) if whole else None
    sound = _sound(resource, urls) if written is None else _sound_as_written(written.decode(), urls)
    if not sound:
        yield from _values(resource, "", urls)


def dangling_in(resource: Resource) -> Iterator[Problem]:
    """Yield the urn:uuid references of a Bundle that none of its entries answers."""
    urls = {url for entry in _entries(resource) for url in urls_of(entry)}
    if not _sound(resource, urls):
        yield from (problem for problem in _values(resource, "", urls) if problem.code == "fhir.dangling")


def _entries(resource: Resource) -> list[Resource]:
    found = resource.get("entry") if resource.get("resourceType") == "Bundle" else []
    return [one for one in found or [] if isinstance(one, dict) and isinstance(one.get("resource"), dict)]


def _bundle(bundle: Resource) -> Iterator[Problem]:
    entries = _entries(bundle)
    if bundle.get("type") == "message" and (not entries or entries[0]["resource"].get("resourceType") != "MessageHeader"):
        yield Problem("fhir.header_first", "the first entry of a message is its MessageHeader", pointer="/entry/0")
    seen: set[tuple[Any, Any]] = set()
    for number, entry in enumerate(bundle.get("entry") or []):
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        meta = entry["resource"].get("meta") if url and isinstance(entry.get("resource"), dict) else None
        key = (url, meta.get("versionId") if isinstance(meta, dict) else None)
        if url is not None and key in seen:
            yield Problem("fhir.full_url", "another entry has the same fullUrl", pointer=f"/entry/{number}/fullUrl")
        seen.add(key)


def _resource(resource: Resource, pointer: str, types: Mapping[str, str]) -> Iterator[Problem]:
    kind = str(resource.get("resourceType"))
    if "id" in resource and not (isinstance(resource["id"], str) and _ID.fullmatch(resource["id"])):
        yield Problem("fhir.id", "an id is 1 to 64 of A-Z, a-z, 0-9, hyphen and dot", pointer=f"{pointer}/id")
    contained = [one for one in resource.get("contained") or [] if isinstance(one, dict)]
    if contained:
        types = {**types, **{f"#{one['id']}": str(one.get("resourceType")) for one in contained if one.get("id")}}
    yield from _bound(kind, resource, pointer)
    yield from _targets(kind, resource, pointer, types)
    rule = _RULES.get(kind)
    if rule is not None:
        yield from rule(resource, pointer)
    for number, one in enumerate(resource.get("contained") or []):
        if isinstance(one, dict):
            yield from _resource(one, f"{pointer}/contained/{number}", types)


def _bound(kind: str, resource: Resource, pointer: str) -> Iterator[Problem]:
    for where, steps, allowed in _CODES.get(kind, ()):
        if steps[0] not in resource or allowed.issuperset(_values_at(resource, steps)):
            continue
        for value, place in _at(resource, steps, pointer):
            if value not in allowed:
                yield Problem("fhir.code_unknown", f"the code of {kind}.{where} is not one of R4's", pointer=place)


def _targets(kind: str, resource: Resource, pointer: str, types: Mapping[str, str]) -> Iterator[Problem]:
    for where, steps, allowed in _TARGETS.get(kind, ()):
        if steps[0] not in resource or all(_leads_to(reference, types, allowed) for reference in _values_at(resource, steps)):
            continue
        for reference, place in _at(resource, steps, pointer):
            found = type_of(reference, types)
            if found is None or found in allowed:
                continue
            detail = f"{kind}.{where} takes {', '.join(sorted(allowed))} only"
            if where == "addresses":
                yield Problem("fhir.addresses_type", detail, pointer=place)
            else:
                yield Problem("fhir.actor_type", detail, pointer=place)


def _leads_to(reference: Any, types: Mapping[str, str], allowed: frozenset[str]) -> bool:
    found = type_of(reference, types)
    return found is None or found in allowed


def type_of(reference: Any, types: Mapping[str, str]) -> str | None:
    """Return what a reference leads to, as far as it can be told without fetching anything."""
    if not isinstance(reference, dict):
        return None
    text = reference.get("reference")
    if isinstance(text, str):
        if text in types:
            return types[text]
        parts = text.split("/_history/")[0].split("/")
        if len(parts) > 1 and re.fullmatch(r"[A-Z][A-Za-z]+", parts[-2]):
            return parts[-2]
    kind = reference.get("type")
    return kind if isinstance(kind, str) else None


def _values_at(resource: Resource, steps: Sequence[str]) -> list[Any]:
    """Return what `_at` yields, without the pointers: this runs for every delivery, and there is mostly nothing to point at."""
    found: list[Any] = [resource]
    for step in steps:
        inner: list[Any] = []
        for one in found:
            value = one.get(step, _NOTHING) if isinstance(one, dict) else _NOTHING
            if isinstance(value, list):
                inner += _flattened(value)
            elif value is not _NOTHING:
                inner.append(value)
        found = inner
    return found


def _flattened(values: list[Any]) -> list[Any]:
    while list in {*map(type, values)}:
        values = [inner for one in values for inner in (one if isinstance(one, list) else (one,))]
    return values


def _at(node: Any, steps: Sequence[str], pointer: str) -> Iterator[tuple[Any, str]]:
    """Yield what stands at a path, through every list on the way, each with its pointer."""
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from _at(one, steps, f"{pointer}/{number}")
    elif not steps:
        yield node, pointer
    elif isinstance(node, dict) and steps[0] in node:
        yield from _at(node[steps[0]], steps[1:], f"{pointer}/{steps[0]}")


def _appointment(resource: Resource, pointer: str) -> Iterator[Problem]:
    start, end, status = resource.get("start"), resource.get("end"), resource.get("status")
    if (start is None) != (end is None) or (start is None and status not in _TIMELESS):
        yield Problem(
            "fhir.appointment_times",
            "start and end stand together, and a status other than proposed wants both",
            pointer=f"{pointer}/start",
        )
    if "cancelationReason" in resource and status not in {"cancelled", "noshow"}:
        yield Problem("fhir.cancelled_reason", "only a cancelled Appointment has a reason for that", pointer=f"{pointer}/cancelationReason")
    for number, one in enumerate(resource.get("participant") or []):
        if isinstance(one, dict) and not one.get("actor") and not one.get("type"):
            yield Problem("fhir.appointment_actor", "a participant has a type or an actor", pointer=f"{pointer}/participant/{number}")


def _response(resource: Resource, pointer: str) -> Iterator[Problem]:
    if not resource.get("actor") and not resource.get("participantType"):
        yield Problem("fhir.appointment_actor", "an answer has a participantType or an actor", pointer=f"{pointer}/actor")


def _consent(resource: Resource, pointer: str) -> Iterator[Problem]:
    if not resource.get("policy") and not resource.get("policyRule"):
        yield Problem("fhir.consent_policy", "a Consent has a policy or a policyRule", pointer=f"{pointer}/policyRule")


def _careplan(resource: Resource, pointer: str) -> Iterator[Problem]:
    for number, one in enumerate(resource.get("activity") or []):
        if isinstance(one, dict) and one.get("detail") and one.get("reference"):
            yield Problem(
                "fhir.activity_twice", "an activity has a reference or a detail, not both", pointer=f"{pointer}/activity/{number}"
            )


def _header(resource: Resource, pointer: str) -> Iterator[Problem]:
    for value, place in (*_at(resource, ["source", "endpoint"], pointer), *_at(resource, ["destination", "endpoint"], pointer)):
        if not is_url(value):
            yield Problem("fhir.endpoint", "an endpoint is a whole URL", pointer=place)
    for value, place in _at(resource, ["response", "identifier"], pointer):
        if not (isinstance(value, str) and _ID.fullmatch(value)):
            yield Problem("fhir.id", "response.identifier is an id: at most 64 of A-Z, a-z, 0-9, hyphen and dot", pointer=place)


_RULES: Final = {
    "Appointment": _appointment,
    "AppointmentResponse": _response,
    "CarePlan": _careplan,
    "Consent": _consent,
    "MessageHeader": _header,
}


def _sound(node: Any, urls: set[str] | None) -> bool:
    """Say whether `_values` has nothing to say, without finding out where: this runs for every delivery, so it takes no call for a node."""
    waiting: list[Any] = [(node,)]
    texts: list[str] = []
    references: list[Any] = []
    while waiting:
        for one in waiting.pop():
            kind = type(one)
            if kind is str:
                texts.append(one)
            elif kind is dict or kind is list:
                if not one:
                    return False
                if kind is dict and "reference" in one:
                    references.append(one["reference"])
                waiting.append(one.values() if kind is dict else one)
            elif isinstance(one, str):
                texts.append(str(one))
    known = urls is None or all(not isinstance(url, str) or url in urls or not url.startswith("urn:uuid:") for url in references)
    return known and "" not in texts and not any(map(str.isspace, texts)) and not _CONTROL.search("\n".join(texts))


_ODD: Final = re.compile(r'"(?<=[\[{,:]")(?:(["\s\\])|reference":"(urn:uuid:[^"]*)")')
"""A text that is empty, or begins with white space or an escape, or a reference. A quotation mark within a text has a backslash before it."""
_ESCAPED: Final = re.compile(r"\\[ubf]")
"""What JSON writes for a character that FHIR cannot carry, or for the end of a text that ends in a backslash."""


def _sound_as_written(text: str, urls: set[str] | None) -> bool:
    """Say the same of a resource as compact JSON. It may say no of one that is sound, and then `_values` has nothing to say of it either."""
    if "[]" in text or "{}" in text or "\ufffe" in text or "\uffff" in text or ("\\" in text and _ESCAPED.search(text)):
        return False
    found = _ODD.findall(text)
    return not any(odd for odd, _ in found) and (urls is None or all(url in urls for _, url in found))


def _values(node: Any, pointer: str, urls: set[str] | None) -> Iterator[Problem]:
    """Walk everything: no empty value, no control character, and where `urls` is given, no urn:uuid that is not among them."""
    if isinstance(node, dict):
        for name, value in node.items():
            here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name == "reference" and isinstance(value, str) and urls is not None and value.startswith("urn:uuid:") and value not in urls:
                yield Problem("fhir.dangling", "the reference leads to no entry of this Bundle", pointer=here)
            yield from _values(value, here, urls)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _values(value, f"{pointer}/{number}", urls)
    if node in ("", [], {}) or (isinstance(node, str) and not node.strip()):
        yield Problem("fhir.empty", "a value is never empty: leave it out", pointer=pointer)
    elif isinstance(node, str) and _CONTROL.search(node):
        yield Problem("fhir.text", "the text holds a character that FHIR cannot carry", pointer=pointer)
