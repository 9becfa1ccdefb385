"""The people, units and times that samples and the sample directory speak of.

The person is one of Skatteverket's published test numbers; the organisations are invented, except Försäkringskassan and Arbetsförmedlingen,
whose organisation numbers are public. It must never name a living person.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from siphub.model.identifiers import OrganisationNumber, PersonNumber, UnitId

SUBJECT_NUMBER: Final = PersonNumber("201001032380")
SUBJECT_NAME: Final = "Prov Provsdotter"

MUNICIPALITY: Final = OrganisationNumber("2120009994")
REGION: Final = OrganisationNumber("2321009991")
NEIGHBOUR: Final = OrganisationNumber("2120009986")
FORSAKRINGSKASSAN: Final = OrganisationNumber("2021005521")
ARBETSFORMEDLINGEN: Final = OrganisationNumber("2021002114")

CONTACT: Final = UnitId("SE2120009994-1001")
HOME_CARE: Final = UnitId("SE2120009994-1002")
SOCIAL_SERVICES: Final = UnitId("SE2120009986-2001")
CARE_CENTRE: Final = UnitId("SE2321009991-3001")
HOSPITAL: Final = UnitId("SE2321009991-3002")
FK: Final = UnitId("2021005521/sip")
AF: Final = UnitId("2021002114/sip")

DAY: Final = date(2026, 11, 23)
NOON: Final = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
