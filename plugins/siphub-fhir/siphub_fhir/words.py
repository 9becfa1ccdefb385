"""The Swedish words of a narrative: statuses of R4 and kinds of resources, and times as they stand on a clock in Sweden."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

STOCKHOLM: Final = "Europe/Stockholm"
_ZONE: Final = ZoneInfo(STOCKHOLM)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)

STATUSES: Final = {
    "accepted": "accepterad",
    "active": "aktiv",
    "cancelled": "inställd",
    "completed": "slutförd",
    "declined": "tackar nej",
    "draft": "utkast",
    "failed": "avbruten",
    "finished": "avslutad",
    "fulfilled": "genomförd",
    "inactive": "gäller inte längre",
    "in-progress": "pågående",
    "needs-action": "väntar på svar",
    "not-started": "inte påbörjad",
    "pending": "väntar på svar",
    "proposed": "föreslagen",
    "received": "mottagen",
    "rejected": "avvisad",
    "requested": "begärd",
    "revoked": "gäller inte längre",
    "scheduled": "planerad",
    "tentative": "kanske",
}
"""R4's statuses as far as they leave, whatever element they stand in."""

HEADINGS: Final = {
    "Appointment": "Möte",
    "AppointmentResponse": "Svar",
    "CarePlan": "Plan",
    "CareTeam": "Team",
    "Communication": "Meddelande",
    "Consent": "Samtycke",
    "Encounter": "Vårdtillfälle",
    "Goal": "Mål",
    "HealthcareService": "Enhet",
    "Location": "Plats",
    "MessageHeader": "Meddelande",
    "Organization": "Organisation",
    "Patient": "Den enskilde",
    "Practitioner": "Personal",
    "PractitionerRole": "Personal vid en enhet",
    "Provenance": "Ursprung",
    "RelatedPerson": "Närstående",
    "Task": "Uppgift",
}


@lru_cache(maxsize=1024)
def on_the_clock(text: str) -> str:
    """Return an instant as day and time in Sweden, to the minute; anything else, such as a day, as it stands but escaped."""
    if not _INSTANT.fullmatch(text):
        return escape(text, quote=False)
    try:
        return datetime.fromisoformat(text).astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):  # digits that no calendar or clock has
        return text
