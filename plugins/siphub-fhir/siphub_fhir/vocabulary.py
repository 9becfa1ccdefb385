"""The names this plugin speaks: namespace, identifier systems, code systems and extensions, each in one place.

Whatever R4 cannot say stands in an extension of `extensions.csv`, with its type, where it may stand and what it says; whatever code is ours
stands in `codes.csv`. The conformance artefacts and the lists in docs/fhir.md are made of the two. It must never give a standard's code a meaning of ours.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

BASE: Final = "https://siphub.example/fhir"
"""The namespace of what is ours. `.example` is reserved (RFC 2606), so nobody can come to own it: it names, and is never fetched."""

PERSON_SYSTEMS: Final[Mapping[str, str]] = {
    "personnummer": "http://electronichealth.se/identifier/personnummer",
    "samordningsnummer": "http://electronichealth.se/identifier/samordningsnummer",
    "reservnummer": "http://electronichealth.se/identifier/nationelltReservnummer",
}
"""From HL7 Sweden's base profiles, SEBasePatient."""

PERSON_OIDS: Final[Mapping[str, str]] = {
    "urn:oid:1.2.752.129.2.1.3.1": "personnummer",
    "urn:oid:1.2.752.129.2.1.3.3": "samordningsnummer",
    "urn:oid:1.2.752.74.9.1": "reservnummer",
}
"""The older OIDs for the same numbers, read and never written."""

ORGANISATION_NUMBER: Final = "urn:oid:2.5.4.97"
HSA_ID: Final = "urn:oid:1.2.752.29.4.19"

SWEDISH_PROFILES: Final[Mapping[str, str]] = {
    kind: f"http://hl7.se/fhir/ig/base/StructureDefinition/SEBase{kind}"
    for kind in ("Patient", "Organization", "Practitioner", "PractitionerRole")
}
"""HL7 Sweden's base profiles by the type they are for: whatever of these types leaves claims and follows them."""

SECURITY_LABEL: Final = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
PROTECTION: Final[Mapping[str, str]] = {"confidentiality_flag": "sekretessmarkering", "protected_registration": "skyddadFolkbokforing"}

PLAN_CATEGORY: Final = "https://fhir.inera.se/CodeSystem/typeofcareplan-cs"
PLANS: Final = ("plan", "compulsory-plan", "lss-plan")
"""The numberings of the three kinds of plan: a SIP, one after compulsory psychiatric care, and one by LSS 10 §."""
CARE_CONTACT_TYPE: Final = "https://terminologitjansten.inera.se/inera-kodverksforvaltning/kodverk/kv_typ_av_fast_kontakt"
"""Inera's types of permanent contact (urn:oid:1.2.752.129.5.1.69): 1 vårdkontakt, 2 läkarkontakt, 3 omsorgskontakt, 4 vårdkontakt who coordinates them."""
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CONSENT_ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
ENCOUNTER_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SNOMED: Final = "http://snomed.info/sct"
ACTIVITY_STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "planned": ("397943006", "accepted"),
    "ongoing": ("385651009", "in-progress"),
    "done": ("398166005", "completed"),
    "not_done": ("385660001", "cancelled"),
    "interrupted": ("410546004", "failed"),
    "cancelled": ("89925002", "cancelled"),
}
"""The national activity statuses, SNOMED CT's reference set 56421000052109 (urval aktivitetsstatus), and what Task.status can say of each."""
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of ours, or with a slash in its name a part of one.

    Args:
        name: The end of its URL.
        on: The elements it may stand on, as FHIR paths; empty for a part.
        kind: The FHIR type of its value, `Reference(TYPE…)`, or `complex` where it has parts instead.
        most: How often it may stand there: `1` or `*`.
        codes: The code system of ours that its value is from; empty where it is none, or the sender's own.
        label: What a narrative calls it; `-` where it is told without a label, empty where no narrative tells it.
        en: What it says, in English.
        sv: The same in Swedish.
    """

    name: str
    on: tuple[str, ...]
    kind: str
    most: str
    codes: str
    label: str
    en: str
    sv: str


@dataclass(frozen=True, slots=True)
class CodeOfOurs:
    """A code of a code system of ours, in English and Swedish; an empty code is the system itself."""

    system: str
    code: str
    en: str
    sv: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files("siphub_fhir") / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


EXTENSIONS: Final[Mapping[str, Extension]] = {
    row["name"]: Extension(row["name"], tuple(row["on"].split()), row["type"], row["max"], row["codes"], row["label"], row["en"], row["sv"])
    for row in _rows("extensions.csv")
}
"""Every extension of ours and every part of one, by name: `extensions.csv`."""

CODES: Final[Mapping[tuple[str, str], CodeOfOurs]] = {(row["system"], row["code"]): CodeOfOurs(**row) for row in _rows("codes.csv")}
"""Every code of ours by system and code, and every system with an empty code: `codes.csv`."""


def extension(name: str) -> str:
    """Return the URL of an extension of ours; raises KeyError for one that is not in the list."""
    EXTENSIONS[name]
    return f"{BASE}/StructureDefinition/{name}"


def system(name: str) -> str:
    """Return the URL of a code system of ours; raises KeyError for one that is not in `codes.csv`."""
    CODES[name, ""]
    return f"{BASE}/CodeSystem/{name}"


def numbering(name: str) -> str:
    """Return the system of identifiers of ours: those of `IN_AN_OWNER` and `IN_A_CASE`, unit, and record (what a resource is called at one unit's server)."""
    return f"{BASE}/sid/{name}"


IN_AN_OWNER: Final = frozenset({"case", "conversation", "message"})
"""What has a number within the organisation that owns the case: the value is `<organisation number>/<number>`."""
IN_A_CASE: Final = frozenset({"meeting", *PLANS, "goal", "notice", "person"})
"""What has a number within a case: the value is `<organisation number>/<case>/<number>`; a goal's number has its plan's before it."""
_UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_QUALIFIED: Final = re.compile(rf"(?:(\d{{10}})/)?((?:{_UUID}/)*)(.+)", re.ASCII | re.DOTALL)


def number_in(value: Any) -> Any:
    """Return the number itself of an identifier's value, without the owner, the case and the plan before it; what is no text stays as it is."""
    found = _QUALIFIED.fullmatch(value) if isinstance(value, str) else None
    return found[3] if found else value


def owner_and_case_in(value: str) -> tuple[str | None, str | None]:
    """Return the owner and the case that an identifier's value of something in a case says, as far as it does."""
    found = _QUALIFIED.fullmatch(value)
    return (found[1], found[2].partition("/")[0] or None) if found else (None, None)
