"""Plans that are not a SIP: after compulsory psychiatric care (LPT 7 a §, LRV 12 a §) and by LSS 10 § (LIFECYCLE section 7).

They have cases and rules of their own: never gated by a consent to a SIP, and never turned into one.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from siphub.model import people as p
from siphub.model.base import Line, Text
from siphub.model.envelope import Content, MessageType
from siphub.model.identifiers import UnitId
from siphub.model.messages.plan import Activity, PlanVersion, Responsible
from siphub.model.person import StaffMember, UnitContact


class CompulsoryCarePlan(Content):
    """SPLPTLRV: the coordinated care plan of LPT 7 a § or LRV 12 a §. The chief physician makes it, other units adjust it; it needs no consent."""

    plan_id: UUID
    version: PlanVersion
    legal_basis: Literal["LPT7a", "LRV12a"]
    made_on: date
    chief_physician: StaffMember
    adjusted_by: Annotated[tuple[UnitId, ...], Field(min_length=1, max_length=50)]
    needs: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    activities: Annotated[tuple[Activity, ...], Field(min_length=1, max_length=200)]
    reviewed_on: date | None = None


class LssPlan(Content):
    """The individual plan of LSS 10 §: the municipality makes it at the individual's request, and tells the region of it."""

    plan_id: UUID
    version: PlanVersion
    legal_basis: Literal["LSS10"] = "LSS10"
    made_on: date
    requested_by_individual: Literal[True]
    responsible: UnitContact
    needs: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    activities: Annotated[tuple[Activity, ...], Field(min_length=1, max_length=200)]
    reviewed_on: date | None = None
    measure: Line | None = None


_PLAN = UUID("b7a6f7de-5c35-4c79-9c0b-17a0a7f5e001")
_PHYSICIAN = StaffMember(name="Lena Läkare", unit=p.HOSPITAL)
_EVA = UnitContact(name="Eva Kontakt", unit=p.CONTACT, phone="090-123 45 67")


def _activity() -> Activity:
    return Activity(id="a1", what="Boendestöd", when="varje vardag", responsible=Responsible(kind="municipality", unit=p.HOME_CARE))


TYPES = (
    MessageType(
        name="splptlrv.established",
        content=CompulsoryCarePlan,
        minimal=lambda: CompulsoryCarePlan(
            plan_id=_PLAN,
            version=1,
            legal_basis="LPT7a",
            made_on=p.DAY,
            chief_physician=_PHYSICIAN,
            adjusted_by=(p.CONTACT,),
            activities=(_activity(),),
        ),
        maximal=lambda: CompulsoryCarePlan(
            plan_id=_PLAN,
            version=2,
            legal_basis="LRV12a",
            made_on=p.DAY,
            chief_physician=_PHYSICIAN,
            adjusted_by=(p.CONTACT, p.CARE_CENTRE),
            needs=("Trygghet i bostaden.",),
            activities=(_activity(),),
            reviewed_on=date(2027, 1, 15),
        ),
        to=(p.CONTACT, p.CARE_CENTRE),
        classification="sensitive",
        sent_by="hospital",
    ),
    MessageType(
        name="lss.established",
        content=LssPlan,
        minimal=lambda: LssPlan(
            plan_id=_PLAN, version=1, made_on=p.DAY, requested_by_individual=True, responsible=_EVA, activities=(_activity(),)
        ),
        maximal=lambda: LssPlan(
            plan_id=_PLAN,
            version=2,
            made_on=p.DAY,
            requested_by_individual=True,
            responsible=_EVA,
            needs=("Stöd på fritiden.",),
            activities=(_activity(),),
            reviewed_on=date(2027, 5, 1),
            measure="Ledsagarservice",
        ),
        to=(p.CARE_CENTRE,),
        classification="sensitive",
    ),
)
