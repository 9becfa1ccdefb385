"""A valid example of every message type, minimal and maximal, and the directory they are addressed in."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID, uuid5

from siphub.model import people as p
from siphub.model.directory import Address, Directory, Organisation, Unit
from siphub.model.envelope import BasisClaim, Message, Sender
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.model.messages import CATALOGUE
from siphub.model.person import Author, Person, PersonNumberIdentity
from siphub.model.reading import model_of

SAMPLE_CASE = UUID("5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001")


def _subject(*, maximal: bool) -> Person:
    identity = PersonNumberIdentity(value=p.SUBJECT_NUMBER)
    if not maximal:
        return Person(identity=identity)
    return Person(identity=identity, given_name="Prov", family_name="Provsdotter", protection="confidentiality_flag")


def _sender(sent_by: str) -> Sender:
    if sent_by == "participant":
        return Sender(unit=p.HOME_CARE, organisation=p.MUNICIPALITY)
    return Sender(unit=p.CONTACT, organisation=p.MUNICIPALITY)


@cache
def sample(name: str, *, maximal: bool = False) -> Message:
    """Return an example message of a type.

    Raises:
        KeyError: There is no such type; `CATALOGUE` has them all.
    """
    row = CATALOGUE[name]
    message_id = uuid5(SAMPLE_CASE, f"{name}/{'maximal' if maximal else 'minimal'}")
    optional: dict[str, Any] = {}
    if maximal:
        optional = {
            "conversation_id": SAMPLE_CASE,
            "causation_id": uuid5(SAMPLE_CASE, "cause"),
            "expires_at": p.NOON + timedelta(days=30),
            "registry_number": "SN 2026-117",
            "basis": BasisClaim(code="consent", consent_refs=(uuid5(SAMPLE_CASE, "consent"),)),
        }
    return model_of(name)(
        message_id=message_id,
        type=name,
        case_id=SAMPLE_CASE,
        owner=p.MUNICIPALITY,
        sent_at=p.NOON,
        sender=_sender(row.sent_by),
        author=Author(name="Eva Kontakt", role="biståndshandläggare"),
        recipients=tuple(UnitId(unit) for unit in row.to),
        subject=_subject(maximal=maximal) if row.subject == "required" or (row.subject == "optional" and maximal) else None,
        classification=row.classification,
        content=row.maximal() if maximal else row.minimal(),
        **optional,
    )


_ORGANISATIONS: tuple[tuple[str, str, Literal["region", "municipality", "state_agency"]], ...] = (
    (p.MUNICIPALITY, "Norrby kommun", "municipality"),
    (p.NEIGHBOUR, "Söderby kommun", "municipality"),
    (p.REGION, "Region Mellanlandet", "region"),
    (p.FORSAKRINGSKASSAN, "Försäkringskassan", "state_agency"),
    (p.ARBETSFORMEDLINGEN, "Arbetsförmedlingen", "state_agency"),
)
_UNITS: tuple[tuple[str, str, str, Literal["fk", "af"] | None], ...] = (
    (p.CONTACT, "Biståndsenheten", "Norrby kommun", None),
    (p.HOME_CARE, "Hemtjänsten", "Norrby kommun", None),
    (p.SOCIAL_SERVICES, "Socialtjänsten", "Söderby kommun", None),
    (p.CARE_CENTRE, "Vårdcentralen", "Region Mellanlandet", None),
    (p.FK, "Försäkringskassan SIP", "Försäkringskassan", "fk"),
    (p.AF, "Arbetsförmedlingen SIP", "Arbetsförmedlingen", "af"),
)


def sample_directory(adapter: str = "folder", endpoint: str = "sample") -> Directory:
    """Return the directory the samples speak of, every unit on one adapter; `endpoint` is the base, the unit's number is added."""
    return Directory(
        version=1,
        organisations=tuple(
            Organisation(number=OrganisationNumber(number), name=name, kind=kind, public_label=name)
            for number, name, kind in _ORGANISATIONS
        ),
        units=tuple(
            Unit(
                id=UnitId(unit),
                organisation=UnitId(unit).organisation,
                name=name,
                public_label=label,
                agency=agency,
                cleared=unit == p.CONTACT,
                address=Address(adapter=adapter, endpoint=f"{endpoint}/{unit.replace('/', '-').lower()}"),
            )
            for unit, name, label, agency in _UNITS
        ),
    )
