"""A valid example of every message type, minimal and maximal, and the directory they are addressed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID, uuid5

from siphub.model import people as p
from siphub.model.directory import Address, Agreement, Directory, Organisation, Unit
from siphub.model.envelope import BasisClaim, ConsentStatement, Message, Sender
from siphub.model.identifiers import OrganisationNumber, PersonRef, UnitId, person_ref
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
    if sent_by == "hospital":
        return Sender(unit=p.HOSPITAL, organisation=p.REGION)
    return Sender(unit=p.CONTACT, organisation=p.MUNICIPALITY)


def _addressee(name: str) -> UnitId | PersonRef:
    return person_ref(name) or UnitId(name)


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
            "consent_statement": ConsentStatement(since=p.NOON, direction="both", until=p.NOON + timedelta(days=365)),
            "basis": BasisClaim(code="consent", consent_refs=(uuid5(SAMPLE_CASE, "consent"),)),
        }
    return model_of(name)(
        message_id=message_id,
        type=name,
        case_id=SAMPLE_CASE,
        owner=p.REGION if row.sent_by == "hospital" else p.MUNICIPALITY,
        sent_at=p.NOON,
        sender=_sender(row.sent_by),
        author=Author(name="Eva Kontakt", role="biståndshandläggare"),
        recipients=tuple(_addressee(name) for name in row.to),
        subject=_subject(maximal=maximal) if row.subject == "required" or (row.subject == "optional" and maximal) else None,
        classification=row.classification,
        content=row.maximal() if maximal else row.minimal(),
        **optional,
    )


_ORGANISATIONS: tuple[tuple[OrganisationNumber, str, Literal["region", "municipality", "state_agency"]], ...] = (
    (p.MUNICIPALITY, "Norrby kommun", "municipality"),
    (p.NEIGHBOUR, "Söderby kommun", "municipality"),
    (p.REGION, "Region Mellanlandet", "region"),
    (p.FORSAKRINGSKASSAN, "Försäkringskassan", "state_agency"),
    (p.ARBETSFORMEDLINGEN, "Arbetsförmedlingen", "state_agency"),
)
_UNITS: tuple[tuple[UnitId, str, str], ...] = (
    (p.CONTACT, "Biståndsenheten", "Norrby kommun"),
    (p.HOME_CARE, "Hemtjänsten", "Norrby kommun"),
    (p.SOCIAL_SERVICES, "Socialtjänsten", "Söderby kommun"),
    (p.CARE_CENTRE, "Vårdcentralen", "Region Mellanlandet"),
    (p.HOSPITAL, "Vårdavdelning 4", "Region Mellanlandet"),
    (p.FK, "Försäkringskassan SIP", "Försäkringskassan"),
    (p.AF, "Arbetsförmedlingen SIP", "Arbetsförmedlingen"),
)
_FACTS: Mapping[str, Mapping[str, Any]] = {
    p.CONTACT: {"kind": "social_services", "cleared": True},
    p.HOME_CARE: {"kind": "home_care"},
    p.SOCIAL_SERVICES: {"kind": "social_services"},
    p.CARE_CENTRE: {"kind": "primary_care", "care": "open", "financed_by": "region"},
    p.HOSPITAL: {"kind": "inpatient", "care": "inpatient", "financed_by": "region"},
    p.FK: {"agency": "fk"},
    p.AF: {"agency": "af"},
}
_CHILDREN = Agreement(
    id="barn-2024.1",
    area="Barn och unga",
    valid_from=date(2024, 1, 1),
    parties=(p.REGION, p.MUNICIPALITY, p.NEIGHBOUR),
    concerns="children",
    meeting_weeks=3,
)
_OWNERS = (p.MUNICIPALITY, p.REGION)


def sample_directory(adapter: str = "folder", endpoint: str = "sample", *, letters: bool = False, records: bool = False) -> Directory:
    """Return the directory the samples speak of, every unit on one adapter.

    Args:
        adapter: The adapter.
        endpoint: The base of every address; the unit's number is added, or the organisation's and what goes there.
        letters: Give the sample municipality and region an address for letters to people, by the adapter `letter`.
        records: Give them one for record copies.
    """
    return Directory(
        version=1,
        organisations=tuple(
            Organisation(
                number=number,
                name=name,
                kind=kind,
                public_label=name,
                letters=Address(adapter="letter", endpoint=f"{endpoint}/{number}-letters") if letters and number in _OWNERS else None,
                records=Address(adapter=adapter, endpoint=f"{endpoint}/{number}-records") if records and number in _OWNERS else None,
            )
            for number, name, kind in _ORGANISATIONS
        ),
        units=tuple(
            Unit(
                id=unit,
                organisation=unit.organisation,
                name=name,
                public_label=label,
                address=Address(adapter=adapter, endpoint=f"{endpoint}/{unit.replace('/', '-').lower()}"),
                **_FACTS[unit],
            )
            for unit, name, label in _UNITS
        ),
        agreements=(_CHILDREN,),
    )
