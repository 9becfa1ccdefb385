"""What this plugin writes for servers without messaging, back to the message Bundle it was made of, as far as it carries it.

A transaction Bundle and a single resource have no MessageHeader: the envelope stands on the resource with the message's number, what was an
entry may be contained, and a unit, an organisation or a person may be named by a number alone. Who sent it to whom is not in them, so what is
read becomes a draft. It must never invent what the form leaves out; `rest` is the other way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from siphub_fhir.lens import Resource, at
from siphub_fhir.message import FORMS, MESSAGE_TYPES
from siphub_fhir.vocabulary import EXTENSIONS, extension, numbering

_NAMED: Final = frozenset({"Patient", "Organization", "HealthcareService", "Practitioner"})
_OWN: Final[Mapping[str, tuple[str, str]]] = {"Appointment": ("meeting", "meeting-version"), "CarePlan": ("plan", "plan-version")}
"""Where the id and the version of ours stand: the numbering, and the extension."""
_OF_HEADER: Final = frozenset(extension(name) for name, one in EXTENSIONS.items() if "MessageHeader" in one.on)
_ONLY: Final = "urn:siphub:only"
_ADDED: Final = frozenset({numbering("message"), numbering("record")})


def is_record(resource: Resource) -> bool:
    """Say whether a transaction Bundle or a single resource is one of this plugin's."""
    return next(_mains(_entries(resource)), None) is not None


def message_of(resource: Resource) -> Resource:
    """Return the message Bundle for a transaction Bundle or a resource of this plugin's; what the form leaves out is not in it."""
    found = _Unfolded()
    for url, one in _entries(resource).items():
        found.add(url, one)
    main = next(_mains(_entries(resource)))
    own = found.by_url[main]
    header = _header(own, _entries(resource)[main])
    form = FORMS.get(header["eventCoding"].get("code", ""))
    about = [url for url, one in found.by_url.items() if form is not None and one.get("resourceType") == form.resource]
    header["focus"] = [{"reference": (about or [main])[0]}]
    bundle = {
        "resourceType": "Bundle",
        "type": "message",
        "identifier": next(one for one in _entries(resource)[main]["identifier"] if one.get("system") == numbering("message")),
        **{name: resource[name] for name in ("timestamp",) if resource["resourceType"] == "Bundle" and name in resource},
    }
    found.by_url[main] = {**own, "extension": [one for one in own.get("extension") or [] if one.get("url") not in _OF_HEADER]}
    entries = [{"fullUrl": url, "resource": _restored(one)} for url, one in found.by_url.items()]
    return {**bundle, "entry": [{"resource": header}, *entries]}


def _entries(resource: Resource) -> dict[str, Resource]:
    if resource.get("resourceType") != "Bundle":
        return {_ONLY: resource}
    found = resource.get("entry") or [] if resource.get("type") == "transaction" else []
    return {one["fullUrl"]: one["resource"] for one in found if "fullUrl" in one and "resource" in one}


def _mains(entries: Mapping[str, Resource]) -> Iterator[str]:
    for url, one in entries.items():
        tagged = any(tag.get("system") == MESSAGE_TYPES for tag in at(one, "meta.tag") or [])
        numbers = one.get("identifier") if isinstance(one.get("identifier"), list) else []
        if tagged and any(number.get("system") == numbering("message") for number in numbers or []):
            yield url


def _header(own: Resource, original: Resource) -> Resource:
    event = next(tag for tag in original["meta"]["tag"] if tag.get("system") == MESSAGE_TYPES)
    said = [one for one in own.get("extension") or [] if one.get("url") in _OF_HEADER]
    return {"resourceType": "MessageHeader", "eventCoding": event, **({"extension": said} if said else {})}


def _restored(resource: Resource) -> Resource:
    """Return a resource with its own id and version, and without the numbers that were added to it."""
    if not isinstance(resource.get("identifier"), list):
        return resource
    left = [one for one in resource["identifier"] if one.get("system") not in _ADDED]
    said = resource.get("extension") or []
    found = {**resource, "identifier": left, "extension": said}
    if resource["resourceType"] in _OWN:
        system, version = (make(name) for make, name in zip((numbering, extension), _OWN[resource["resourceType"]], strict=True))
        number = next((one for one in left if one.get("system") == system), None)
        stated = next((one for one in said if one.get("url") == version), None)
        found["extension"] = [one for one in said if one is not stated]
        found |= {"id": number["value"]} if number is not None and "value" in number else {}
        found |= {"meta": {"versionId": str(stated["valuePositiveInt"])}} if stated is not None and "valuePositiveInt" in stated else {}
    return {name: value for name, value in found.items() if value != []}


class _Unfolded:
    """Resources taken out of one another, each under an address of its own."""

    def __init__(self) -> None:
        self.by_url: dict[str, Resource] = {}

    def add(self, url: str, resource: Resource) -> None:
        """Add a resource and all that it contains."""
        inner = {f"#{one.get('id')}": f"{url}#{one.get('id')}" for one in resource.get("contained") or []} | {"#": url}
        labels = at(resource, "meta.security") or []
        self.by_url[url] = {}
        self.by_url[url] = self._led({name: value for name, value in resource.items() if name != "contained"}, inner, labels)
        for one in resource.get("contained") or []:
            self.by_url[f"{url}#{one.get('id')}"] = self._led(one, inner, labels)

    def _led(self, node: Any, inner: Mapping[str, str], labels: list[Resource]) -> Any:
        """Return a part of a resource with every reference leading to an address of its own."""
        if isinstance(node, list):
            return [self._led(one, inner, labels) for one in node]
        if not isinstance(node, dict):
            return node
        url, kind, system = node.get("reference"), node.get("type"), at(node, "identifier.system")
        if isinstance(url, str) and url in inner:
            return {**node, "reference": inner[url]}
        if url is None and isinstance(kind, str) and kind in _NAMED and isinstance(system, str) and system != numbering("person"):
            return {"reference": self._named(kind, node["identifier"], labels)}
        return {name: self._led(value, inner, labels) for name, value in node.items()}

    def _named(self, kind: str, identifier: Resource, labels: list[Resource]) -> str:
        """Return the address of what is named by a number alone. A label of the whole is then the person's: R4 lets nothing else carry it."""
        for url, one in self.by_url.items():
            if one.get("resourceType") == kind and identifier in (one.get("identifier") or []):
                return url
        url = f"urn:siphub:named:{kind}:{identifier.get('system')}:{identifier.get('value')}"
        found: Resource = {"resourceType": kind, "identifier": [identifier]}
        self.by_url[url] = found | ({"meta": {"security": labels}} if labels and kind == "Patient" else {})
        return url
