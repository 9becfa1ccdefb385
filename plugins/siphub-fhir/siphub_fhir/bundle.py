"""A message Bundle under construction, and one being read: entries, references, units, organisations and staff.

Ids are made from the message, its owner and sender, the recipient and what an entry holds, so the same cut gives the same bytes; the ids of
what outlasts a message, from its owner, its case, its kind and its number. It must never know a person's name or number but as content, and
never add what the document does not say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha1
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from siphub.contract import Invalid, Problem
from siphub.model.identifiers import PersonRef
from siphub_fhir.lens import Resource, at, find
from siphub_fhir.telling import narrative_of
from siphub_fhir.vocabulary import (
    BASE,
    HSA_ID,
    IN_AN_OWNER,
    ORGANISATION_NUMBER,
    PERSON_OIDS,
    PERSON_SYSTEMS,
    PROTECTION,
    SECURITY_LABEL,
    number_in,
    numbering,
)

_FIRST: Final = ("resourceType", "id", "meta", "text", "extension", "identifier")
_KIND_OF: Final = {system: kind for kind, system in PERSON_SYSTEMS.items()} | dict(PERSON_OIDS)
_PROTECTION_OF: Final = {code: name for name, code in PROTECTION.items()}
_SCOPE: Final = uuid5(NAMESPACE_URL, BASE)
_in_order: Final = json.JSONEncoder(sort_keys=True).encode


class Out:
    """Collects the entries of one Bundle.

    Args:
        document: The document of the cut: its owner, case, sender and id take part in the ids, as far as it has them.
        unit: The recipient's unit; it takes part in the ids only, so that two units at one address get two Bundles.
        known: Organisations by unit, as far as the document or the directory entry says so.
        profiles: The profile that resources of a type claim to follow.
    """

    def __init__(self, document: Mapping[str, Any], unit: str, known: Mapping[str, str], profiles: Mapping[str, str]) -> None:
        owner, sender = document.get("owner", ""), find(document, "sender.organisation") or ""
        self._owner = f"{owner}/" if owner else ""
        self._case = f"{self._owner}{document['case_id']}/"
        self._space = uuid5(_SCOPE, f"{owner}/{sender}/{document['message_id']}/{unit}").bytes
        self._known = known
        self._profiles = profiles
        self._entries: dict[str, Resource] = {}
        self._units: dict[str, Resource] = {}
        self._ids: dict[str, str] = {}
        self._staff: dict[tuple[object, ...], Resource] = {}
        self.patient: Resource | None = None

    def id(self, name: str) -> str:
        """Return an id for something there is one of in this Bundle."""
        return named(self._space, name)

    def lasting(self, kind: str, number: str) -> str:
        """Return the id of something that outlasts the message, such as a meeting: of its kind, its number, its case and that one's owner."""
        return named(_SCOPE.bytes, f"{self._case}{kind}/{number}")

    def identifier(self, name: str, *numbers: str) -> Resource:
        """Return the identifier of something of the case, or of its owner: no two of a kind share one, whatever senders call theirs."""
        return {"system": numbering(name), "value": f"{self._owner if name in IN_AN_OWNER else self._case}{'/'.join(numbers)}"}

    def add(self, resource: Resource, identity: str | None = None) -> Resource:
        """Add an entry and return a reference to it. Without an id of its own it gets one from what it holds, so equals are one entry."""
        if identity is None:
            written = repr(resource)  # quick to make; what differs only in its order is told apart here and found the same below
            identity = self._ids.get(written)
            if identity is None:
                identity = self._ids[written] = self.id(_in_order(resource))
        self._entries.setdefault(f"urn:uuid:{identity}", {**resource, "id": identity})
        return {"reference": f"urn:uuid:{identity}"}

    def entries(self, *, told: bool) -> list[Resource]:
        """Return the entries in the order they were added; `told` gives each its narrative."""
        finish = finished if told else tidied
        return [{"fullUrl": url, "resource": finish(self._profiled(resource))} for url, resource in self._entries.items()]

    def _profiled(self, resource: Resource) -> Resource:
        profile = self._profiles.get(resource["resourceType"])
        if profile is not None:
            resource["meta"] = {**resource.get("meta", {}), "profile": [profile]}
        return resource

    def unit(self, unit: str) -> Resource:
        """Return a reference to a unit: a HealthcareService, provided by an organisation."""
        if unit not in self._units:
            organisation = self._known.get(unit) or unit.removeprefix("SE")[:10]
            service: Resource = {
                "resourceType": "HealthcareService",
                "identifier": [self.party(unit)["identifier"]],
                "providedBy": self.organisation(organisation),
            }
            self._units[unit] = self.add(service)
        return dict(self._units[unit])

    def addressee(self, name: str) -> Resource:
        """Return a reference to a unit, or to a person of the case: their reference within it, and nothing else."""
        if not is_person(name):
            return self.unit(name)
        return {
            "type": "Patient" if name == "individual" else "RelatedPerson",
            "identifier": self.identifier("person", name),
        }

    def party(self, name: str) -> Resource:
        """Return a reference to a unit or a person of the case by their number alone, where R4 takes neither as what they are here."""
        system = HSA_ID if name.startswith("SE") else numbering("unit")
        return {"identifier": self.identifier("person", name) if is_person(name) else {"system": system, "value": name}}

    def organisation(self, number: str) -> Resource:
        """Return a reference to an organisation."""
        return self.add({"resourceType": "Organization", "identifier": [{"system": ORGANISATION_NUMBER, "value": number}]})

    def staff(self, person: Mapping[str, Any], *, contact: bool = True) -> Resource:
        """Return a reference to somebody. A contact without a unit is an organisation's public label: no Practitioner is made of that."""
        known = (contact, *sorted((key, str(value)) for key, value in person.items()))
        if known not in self._staff:
            self._staff[known] = self._somebody(person, contact=contact)
        return dict(self._staff[known])

    def _somebody(self, person: Mapping[str, Any], *, contact: bool) -> Resource:
        role: Resource = {"resourceType": "PractitionerRole", **label(person)}
        if "name" in person:
            if contact and "unit" not in person:
                role["organization"] = {"display": person["name"]}
            else:
                role["practitioner"] = self.add({"resourceType": "Practitioner", "name": [{"text": person["name"]}]})
        if "role" in person:
            role["code"] = [{"text": person["role"]}]
        if "unit" in person:
            role["healthcareService"] = [self.unit(person["unit"])]
        telecom = telecoms(person)
        return self.add({**role, **({"telecom": telecom} if telecom else {})})

    def subject(self) -> Resource:
        """Return a reference to the person, or to somebody undisclosed where R4 demands one and the cut has none."""
        return self.patient or {"type": "Patient", "display": "undisclosed"}


def named(space: bytes, name: str) -> str:
    """Return the UUID of a name in a space, as text: what `uuid5` gives, which makes a value of it on the way (there is one for every entry)."""
    found = sha1(space + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(found[16], 16) & 3]
    return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"


class In:
    """Follows the references of a Bundle that is being read."""

    def __init__(self, bundle: Resource) -> None:
        self.bundle = bundle
        self._by_url: dict[str, Resource] = {}
        self._inside: dict[int, tuple[Resource, dict[Any, Resource]]] = {}
        for entry in bundle.get("entry") or []:
            for url in urls_of(entry):
                self._by_url.setdefault(url, entry["resource"])

    def resolve(self, reference: Any) -> Resource | None:
        """Return the resource of this Bundle a reference leads to, or None."""
        url = reference.get("reference") if isinstance(reference, dict) else None
        return self._by_url.get(url) if isinstance(url, str) else None

    def inside(self, owner: Resource, name: str) -> Resource | None:
        """Return what is contained in a resource under an id, or None. Each resource is gone through once, however many ask."""
        known = self._inside.get(id(owner))
        if known is None:
            names: dict[Any, Resource] = {}
            for one in owner.get("contained") or []:
                names.setdefault(one.get("id"), one)
            known = self._inside[id(owner)] = (owner, names)
        return known[1].get(name)

    def place_of(self, resource: Resource) -> int:
        """Return the number of the entry that holds a resource."""
        return next(number for number, entry in enumerate(self.bundle["entry"]) if entry.get("resource") is resource)

    def all(self, kind: str) -> Iterator[Resource]:
        """Yield the resources of one type, in order."""
        for entry in self.bundle.get("entry") or []:
            resource = entry.get("resource")
            if isinstance(resource, dict) and resource.get("resourceType") == kind:
                yield resource

    def unit(self, reference: Any) -> Any:
        """Return the id of the unit a reference leads to.

        Raises:
            Invalid: `fhir.wrong_reference`: it leads nowhere, or to something else.
        """
        if self.is_unit(reference):
            return reference["identifier"].get("value")
        found = self._expected(reference, "HealthcareService")
        return at(found, "identifier[].value")

    @staticmethod
    def is_unit(reference: Any) -> bool:
        """Say whether a reference names a unit by its number, without leading anywhere."""
        return at(reference, "identifier.system") in {HSA_ID, numbering("unit")}

    def addressee(self, reference: Any) -> Any:
        """Return the person of the case, or the unit, that a reference is to; the same error."""
        if at(reference, "identifier.system") == numbering("person"):
            return number_in(at(reference, "identifier.value"))
        return self.unit(reference)

    def organisation(self, reference: Any) -> Any:
        """Return the number of the organisation a reference leads to; the same error."""
        return at(self._expected(reference, "Organization"), "identifier[].value")

    def staff(self, reference: Any) -> Resource:
        """Return what is known of somebody; the same error."""
        role = self._expected(reference, "PractitionerRole")
        found: Resource = {}
        name = at(role, "organization.display")
        if isinstance(role.get("practitioner"), dict):
            name = at(self._expected(role["practitioner"], "Practitioner"), "name[].text")
        if name is not None:
            found["name"] = name
        if at(role, "code[].text") is not None:
            found["role"] = at(role, "code[].text")
        if at(role, "healthcareService[]") is not None:
            found["unit"] = self.unit(at(role, "healthcareService[]"))
        return found | telecom_of(role) | protection_of(role)

    def _expected(self, reference: Any, kind: str) -> Resource:
        found = self.resolve(reference)
        if found is None or found.get("resourceType") != kind:
            problem = Problem("fhir.wrong_reference", f"a reference must lead to a {kind} in this Bundle", pointer="/entry")
            raise Invalid("a reference of the Bundle leads nowhere, or to something else", problems=(problem,))
        return found


def urls_of(entry: Any) -> Iterator[str]:
    """Yield the addresses an entry can be referred to by: its fullUrl, and type/id."""
    if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
        resource = entry["resource"]
        if isinstance(entry.get("fullUrl"), str):
            yield entry["fullUrl"]
        if resource.get("id"):
            yield f"{resource.get('resourceType')}/{resource['id']}"


def finished(resource: Resource) -> Resource:
    """Return a resource with its narrative, tidied."""
    resource["text"] = narrative_of(resource)
    return tidied(resource)


def tidied(resource: Resource) -> Resource:
    """Return a resource with the elements that head every resource first."""
    head = {name: resource[name] for name in _FIRST if name in resource}
    return head | resource


def telecoms(person: Mapping[str, Any]) -> list[Resource]:
    """Return telephone and e-mail as ContactPoints."""
    return [{"system": name, "value": person[name]} for name in ("phone", "email") if name in person]


def telecom_of(resource: Resource) -> Resource:
    """Return telephone and e-mail as they stand in a resource: the first of each."""
    found: Resource = {}
    for point in resource.get("telecom") or []:
        if point.get("system") in {"phone", "email"} and "value" in point:
            found.setdefault(point["system"], point["value"])
    return found


def patient(person: Mapping[str, Any]) -> Resource:
    """Return the Patient for a person, as much as there is."""
    resource: Resource = {"resourceType": "Patient", **label(person)}
    if person.get("identity"):
        resource["identifier"] = [{"system": PERSON_SYSTEMS[person["identity"]["kind"]], "value": person["identity"]["value"]}]
    name = {key: value for key, value in (("family", person.get("family_name")), ("given", person.get("given_name"))) if value}
    if name:
        resource["name"] = [name | ({"given": [name["given"]]} if "given" in name else {})]
    return resource


def person(resource: Resource) -> Resource:
    """Return a Patient as a person of ours: the first Swedish number, the first name, the protection. Nothing else of it is taken."""
    found: Resource = {}
    for one in resource.get("identifier") or []:
        if one.get("system") in _KIND_OF and "value" in one:
            found["identity"] = {"kind": _KIND_OF[one["system"]], "value": one["value"]}
            break
    given, family = at(resource, "name[].given"), at(resource, "name[].family")
    if given:
        found["given_name"] = " ".join(part for part in given if part)
    if family:
        found["family_name"] = family
    return found | protection_of(resource)


def label(person: Mapping[str, Any]) -> Resource:
    """Return the security label of whoever is protected, patient, staff or requester, as a part of their resource; empty for others."""
    if not person.get("protection"):
        return {}
    return {"meta": {"security": [{"system": SECURITY_LABEL, "code": PROTECTION[person["protection"]]}]}}


def protection_of(resource: Resource) -> Resource:
    """Return the protection that a resource's security label says; empty where it says none of ours."""
    labels = at(resource, "meta.security") or []
    found = [one["code"] for one in labels if one.get("system") == SECURITY_LABEL and one.get("code") in _PROTECTION_OF]
    return {"protection": _PROTECTION_OF[found[-1]]} if found else {}


def protection_named(label: Mapping[str, Any]) -> str | None:
    """Return the protection that a security label of ours says; None for any other."""
    return _PROTECTION_OF.get(label["code"]) if label.get("system") == SECURITY_LABEL and "code" in label else None


def is_person(name: str) -> bool:
    """Say whether an addressee is a person of the case; otherwise it is a unit."""
    return PersonRef.accepts.fullmatch(name) is not None


def is_uuid(text: Any) -> bool:
    """Say whether a text is a UUID in its usual spelling."""
    try:
        return bool(str(UUID(text)) == text)
    except (ValueError, AttributeError, TypeError):
        return False
