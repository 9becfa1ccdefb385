"""The Consent beside what is disclosed on it: what the recipient may rely on, and nothing that the individual said.

It names the recipient, the organisation that discloses, which way information may go, and since when and until when, as far as the cut says
so. Its words, its other parties, its scopes, how it was given and to whom stay with the hub. It is never read back as a grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import Out
from siphub_fhir.lens import Resource, find
from siphub_fhir.vocabulary import CONSENT_ACTION, CONSENT_SCOPE, PARTICIPATION, extension, system

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {"to": ("disclose",), "from": ("collect",), "both": ("disclose", "collect")}
"""Which way information may go, as R4's actions of whoever relies on the Consent: telling its recipient, being told by it."""


def basis_of(status: str) -> Resource:
    """Return a Consent of a status that says no more than what R4 wants of any, and that it is the basis of a disclosure."""
    return {
        "resourceType": "Consent",
        "extension": [{"url": extension("disclosure-basis"), "valueCode": "consent"}],
        "status": status,
        "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": system("category"), "code": "sip-consent"}]}],
        "policyRule": {"coding": [{"system": system("category"), "code": "consent"}]},
    }


def write_consent(document: Mapping[str, Any], out: Out) -> Resource:
    """Write the Consent that a message rests on, and return a reference to it."""
    consent = basis_of("active")
    if out.patient is not None:
        consent["patient"] = out.patient
    since, until = find(document, "consent_statement.since"), find(document, "consent_statement.until")
    if since is not None:
        consent["dateTime"] = since
    if "owner" in document:
        consent["organization"] = [out.organisation(document["owner"])]
    consent["provision"] = _provision(document, since, until, out)
    return out.add(consent, out.id("consent"))


def _provision(document: Mapping[str, Any], since: str | None, until: str | None, out: Out) -> Resource:
    period = {name: value for name, value in (("start", since), ("end", until)) if value is not None}
    role = {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]}
    actors = [{"role": role, "reference": out.party(name)} for name in document.get("recipients", ())]
    actions = ACTIONS.get(find(document, "consent_statement.direction") or "", ())
    return {
        "type": "permit",
        **({"period": period} if period else {}),
        **({"actor": actors} if actors else {}),
        **({"action": [{"coding": [{"system": CONSENT_ACTION, "code": one}]} for one in actions]} if actions else {}),
    }
