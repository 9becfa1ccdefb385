"""The same content for servers without messaging: a transaction Bundle, or one resource, made from the message Bundle.

The person stands alone and is created only where the server does not have them. Organisations and units are named by their numbers: a
partner's registers of these are its own. All else is contained in what the message is about, so that a later version replaces it whole and
nothing is left behind. The envelope stands on that resource, because there is no MessageHeader: extensions, `meta.source`, and the message
type as a tag.

A meeting, a plan and what the disclosure rests on are put under a number that stays the same for one recipient unit, one owner and one case,
so that a new version replaces the old one, and nothing of another case, owner or kind does, whatever number its sender gave it; anything else
is created unless it is there. So a repeat makes no second resource. It must never put a person's number into an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from siphub_fhir.bundle import finished, protection_named, tidied
from siphub_fhir.consent import basis_of
from siphub_fhir.lens import Resource, at
from siphub_fhir.telling import narrative_of
from siphub_fhir.vocabulary import BASE, PLANS, extension, numbering

_NAMED: Final = frozenset({"Organization", "HealthcareService", "Practitioner"})
REPLACED: Final[Mapping[str, str]] = {"Appointment": "meeting-version", "CarePlan": "plan-version"}
"""What a later version replaces, and the extension that says our version (the server's is its own)."""
_LASTING: Final = frozenset(numbering(name) for name in ("meeting", *PLANS))
"""The systems of the numbers that a resource keeps from one message to the next."""
BESIDE: Final[Mapping[str, str]] = {"Appointment": "supportingInformation", "CarePlan": "supportingInfo", "Communication": "about"}
"""Where a single resource refers to what else the message is about."""
_SPACE: Final = uuid5(NAMESPACE_URL, f"{BASE}/records")
_STOPPED: Final = "stop.notice"
_NESTED: Final = frozenset({dict, list})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a server for one resource: POST with `if_none_exist`, or PUT to what `url` finds."""

    method: str
    url: str
    if_none_exist: str | None
    resource: Resource


def transaction_of(bundle: Resource, unit: str) -> Resource:
    """Return the transaction Bundle for a message Bundle to one unit: the person first, what the message is about last."""
    content = _Content(bundle, unit)
    beside = [(url, content.request(url)) for url in content.focus if url != content.main]
    written = [*beside, *content.withdrawn(), *content.provenance(), (content.main, content.request(content.main))]
    alone = list(content.alone())
    return {
        "resourceType": "Bundle",
        "id": bundle["id"],
        "identifier": bundle["identifier"],
        "type": "transaction",
        "timestamp": bundle["timestamp"],
        "entry": [_entry(url, request) for url, request in (*alone, *written)],
    }


def resource_of(bundle: Resource, unit: str) -> Request:
    """Return the one resource for a message Bundle to one unit, with everything else of it contained or named by its identifier.

    Where the message is about a meeting and more, that is the Appointment. A Consent is left out: the resource says what may be relied on.
    """
    content = _Content(bundle, unit, named=True)
    return content.request(content.main, beside=True)


class _Content:
    """A message Bundle taken apart.

    Args:
        bundle: The Bundle.
        unit: The recipient's unit.
        named: The person too is named by their identifier, and not sent.
    """

    def __init__(self, bundle: Resource, unit: str, *, named: bool = False) -> None:
        self.by_url: dict[str, Resource] = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
        self._header = next(iter(self.by_url.values()))
        self._unit, self._named, self._source = unit, named, at(self._header, "source.endpoint")
        self._message, self._sent_at = bundle["identifier"], bundle["timestamp"]
        said = self._header.get("extension", ())
        self._case = next((at(one, "valueIdentifier.value") for one in said if one["url"] == extension("case")), "")
        focus = [one["reference"] for one in self._header["focus"]]
        self.focus = [url for url in focus if not _has_an_identity(self.by_url[url])]
        self.main = next((url for url in self.focus if self.by_url[url]["resourceType"] == "Appointment"), self.focus[0])
        self._met = dict.fromkeys(url for url in focus if url not in self.focus)

    def alone(self) -> Iterator[tuple[str, Request]]:
        """Yield what stands alone and is referred to, each created unless it is there."""
        done: set[str] = set()
        while left := [url for url in self._met if url not in done]:
            for url in left:
                done.add(url)
                yield url, self._created(url)

    def _created(self, url: str) -> Request:
        original = self.by_url[url]
        folded = _Folded(self, url)
        resource = folded.folded({name: value for name, value in original.items() if name != "id"}) | {"text": narrative_of(original)}
        if folded.contained:
            resource["contained"] = list(folded.contained.values())
        identity = _identity(original)
        return Request("POST", original["resourceType"], by_identifier(identity["system"], identity["value"]), tidied(resource))

    def request(self, url: str, *, beside: bool = False) -> Request:
        """Return what is asked for one of those the message is about; `beside` lets it contain the others."""
        original = self.by_url[url]
        kind, key, replaced = self._name(original)
        folded = _Folded(self, url)
        bare = {name: value for name, value in original.items() if name not in {"id", "meta"}}
        resource = folded.folded(self._with_others(bare, kind) if beside else bare)
        envelope = folded.folded(self._envelope(kind, original, own=url == self.main))
        numbers = [*([self._message] if url == self.main else []), {"system": numbering("record"), "value": key}]
        resource |= {
            "meta": self._meta(original, folded.labels),
            "text": narrative_of(original),
            "extension": [*resource.get("extension", ()), *envelope],
            "identifier": [*resource.get("identifier", ()), *numbers],
            "contained": list(folded.contained.values()),
        }
        resource = tidied({name: value for name, value in resource.items() if value != []})
        search = by_identifier(numbering("record"), key)
        return Request("PUT", f"{kind}?{search}", None, resource) if replaced else Request("POST", kind, search, resource)

    def withdrawn(self) -> Iterator[tuple[str, Request]]:
        """Yield the Consent that a stop notice puts where earlier messages put one: nobody may rely on it any more, and nothing says why."""
        earlier = next((one for one in self.by_url.values() if one["resourceType"] == "Consent"), None)
        if at(self._header, "eventCoding.code") == _STOPPED and earlier is None:
            consent = finished(basis_of("inactive"))
            key = self._of_the_case("Consent")
            consent["identifier"] = [{"system": numbering("record"), "value": key}]
            consent["meta"] = self._meta(consent, [])
            yield f"urn:uuid:{key}", Request("PUT", f"Consent?{by_identifier(numbering('record'), key)}", None, tidied(consent))

    def provenance(self) -> Iterator[tuple[str, Request]]:
        """Yield the message's link in its conversation, about the resource there that carries it. R4 gives it no identifier: its tag is one."""
        for url, original in self.by_url.items():
            if original["resourceType"] == "Provenance":
                folded = _Folded(self, url)
                resource = folded.folded({name: value for name, value in original.items() if name not in {"id", "target"}})
                tag = {"system": numbering("record"), "code": original["id"]}
                meta = {**self._meta(original, folded.labels), "tag": [tag]}
                resource |= {"meta": meta, "text": narrative_of(original), "target": [{"reference": self.main}]}
                resource |= {"contained": list(folded.contained.values())} if folded.contained else {}
                yield url, Request("POST", "Provenance", _by("_tag", tag["system"], tag["code"]), tidied(resource))

    def _of_the_case(self, kind: str) -> str:
        """Return the number at this unit's server of what there is one of in a case."""
        return str(uuid5(_SPACE, f"{self._unit}/{self._case}/{kind}"))

    def _with_others(self, resource: Resource, kind: str) -> Resource:
        others = [{"reference": url} for url in self.focus if url != self.main and self.by_url[url]["resourceType"] != "Consent"]
        place = BESIDE.get(kind)
        return {**resource, place: [*resource.get(place, ()), *others]} if others and place else resource

    def _name(self, resource: Resource) -> tuple[str, str, bool]:
        """Return a resource's type, its number at this unit's server, and whether a later version replaces it."""
        kind = str(resource["resourceType"])
        if kind == "Consent":
            return kind, self._of_the_case(kind), True
        for one in resource.get("identifier") or []:
            if one.get("system") in _LASTING:
                return kind, record_number(self._unit, one["system"], one["value"]), True
        return kind, str(resource["id"]), False

    def _envelope(self, kind: str, resource: Resource, *, own: bool) -> list[Resource]:
        version = at(resource, "meta.versionId")
        said = [{"url": extension(REPLACED[kind]), "valuePositiveInt": int(version)}] if kind in REPLACED and version else []
        if not own:
            return said
        said += self._header.get("extension") or []
        for one in self._header.get("destination") or []:
            said += one["extension"]
        for name, value in (("message-author", self._header.get("author")), ("sender-organisation", self._header.get("sender"))):
            said += [{"url": extension(name), "valueReference": value}] if value is not None else []
        return [*said, {"url": extension("sent-at"), "valueInstant": self._sent_at}]

    def _meta(self, resource: Resource, labels: list[Resource]) -> Resource:
        event = self._header["eventCoding"]
        before = resource.get("meta") or {}
        security = _distinct([*before.get("security", ()), *labels])
        return {
            **({"source": self._source} if self._source else {}),
            **({"profile": before["profile"]} if "profile" in before else {}),
            **({"security": security} if security else {}),
            "tag": [{name: event[name] for name in ("system", "version", "code") if name in event}],
        }

    def led_to(self, url: str, folded: _Folded) -> Resource | None:
        """Return what a reference becomes; None where it stays as it is."""
        resource = self.by_url.get(url)
        if resource is None:
            return None
        if url == folded.url:
            return {"reference": "#"}
        if _has_an_identity(resource):
            if resource["resourceType"] not in _NAMED and not self._named:
                self._met[url] = None
                return None
            folded.labels += (resource.get("meta") or {}).get("security", [])
            return {"type": resource["resourceType"], "identifier": _identity(resource)}
        if not self._named and url in self.focus:
            return None
        return folded.inside(url, resource)


class _Folded:
    """What becomes contained in one resource."""

    def __init__(self, content: _Content, url: str) -> None:
        self._content, self.url = content, url
        self.contained: dict[str, Resource] = {}
        self.labels: list[Resource] = []

    def folded(self, node: Any) -> Any:
        """Return a part of a resource with every reference leading where it does from now on."""
        if type(node) is list:
            return [self.folded(one) if type(one) in _NESTED else one for one in node]
        if type(node) is not dict:
            return node
        led = self._content.led_to(node["reference"], self) if type(node.get("reference")) is str else None
        if led is not None:
            return {**{name: value for name, value in node.items() if name != "reference"}, **led}
        return {name: self.folded(value) if type(value) in _NESTED else value for name, value in node.items()}

    def inside(self, url: str, resource: Resource) -> Resource:
        """Contain a resource, and return the reference to it. Its labels become the whole's: R4 lets what is contained have none (dom-5)."""
        if url not in self.contained:
            self.contained[url] = {}
            labels = (resource.get("meta") or {}).get("security", [])
            self.labels += labels
            bare = {name: value for name, value in resource.items() if name not in {"meta", "text"}}
            marks = [{"url": extension("protection"), "valueCode": name} for name in map(protection_named, labels) if name]
            self.contained[url] = tidied(self.folded({**bare, "extension": [*bare.get("extension", ()), *marks]} if marks else bare))
        return {"reference": f"#{resource['id']}"}


def _has_an_identity(resource: Resource) -> bool:
    return resource["resourceType"] in {"Patient", *_NAMED} and bool(resource.get("identifier"))


def _identity(resource: Resource) -> Resource:
    first: Resource = resource["identifier"][0]
    return {"system": first["system"], "value": first["value"]}


def record_number(unit: str, system: str, value: str) -> str:
    """Return the number under which a unit's server has a meeting or a plan, by its own identifier."""
    return str(uuid5(_SPACE, f"{unit}/{system}/{value}"))


def by_identifier(system: str, *values: str) -> str:
    """Return the search that finds what has an identifier of a system: this one, or any of these."""
    return _by("identifier", system, *values)


def _by(parameter: str, system: str, *values: str) -> str:
    found = (f"{quote(system, safe=':/')}%7C{quote(value, safe=':/')}" for value in values)
    return f"{parameter}={','.join(found)}"


def _entry(url: str, request: Request) -> Resource:
    asked = {"method": request.method, "url": request.url, **({"ifNoneExist": request.if_none_exist} if request.if_none_exist else {})}
    return {"fullUrl": url, "resource": request.resource, "request": asked}


def _distinct(labels: list[Resource]) -> list[Resource]:
    return [one for number, one in enumerate(labels) if one not in labels[:number]]
