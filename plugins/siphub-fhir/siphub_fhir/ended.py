"""A plan that was called back, at a server without messaging: its CarePlan is revoked by a PATCH that says nothing else.

The notice itself is a Communication, and the CarePlan would stand there as active. What the partner has lawfully received stays in its record
(LIFECYCLE section 4), so the plan is not put again without its content: a JSON Patch (RFC 6902) replaces its status, and the narrative, which
told the old one; every element stays. There is one status whatever the cause, because only the hub knows that.

| what the server answers to the PATCH | outcome |
|---|---|
| 2xx | that of the notice |
| 409, 408 425 429, 5xx but 501, issues of R4's branch `transient` | Retry or Uncertain as for any request: both requests are made again |
| 501, any other 4xx, a redirect; an OperationOutcome against it | Rejected `partner.plan_in_force`: the notice is there, the plan is not ended, and a person phones |

The conditions are those of a conditional patch: one plan has one of the numbers. Where none has (404), or several (412), nobody knows what stands there.
It must never send anything of the plan, nor say why it has ended.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from siphub.contract import HttpAnswer, HttpFailure, Outcome, Rejected, Retry, Uncertain
from siphub_fhir.answers import outcome_from
from siphub_fhir.lens import Resource, at
from siphub_fhir.rest import by_identifier, record_number
from siphub_fhir.telling import narrative_of
from siphub_fhir.vocabulary import PLANS, numbering

ENDED: Final = "Siphub-Ended"
"""Among a payload's headers: the address, below the endpoint, of the plan that is ended too. It is no header and is never sent."""
STATUS: Final = "revoked"
MEDIA_TYPE: Final = "application/json-patch+json"
IN_FORCE: Final = "partner.plan_in_force"
_TOLD: Final = narrative_of({"resourceType": "CarePlan", "status": STATUS})
PATCH: Final = json.dumps(
    [{"op": "replace", "path": "/status", "value": STATUS}, {"op": "add", "path": "/text", "value": _TOLD}],
    ensure_ascii=False,
    separators=(",", ":"),
).encode()
"""What is sent, the same for every plan and every cause."""
_NOT_DONE: Final = frozenset({"partner.unauthorised", "partner.not_found", "partner.redirected", "partner.http_501"})
"""What would be tried again for a message: of a request at a server that has just taken another, it says that this one is not for it."""


def address_in(bundle: Resource, unit: str) -> str | None:
    """Return where, below a server's base address, the plan is that a message Bundle calls back; None where it calls back none.

    A notice says that it is a plan and not of which kind: a case has one, and it is looked for under the number of each.
    """
    for entry in bundle["entry"]:
        about = at(entry["resource"], "about[]") if at(entry["resource"], "category[].coding[].code") == "no-further-messages" else None
        plan = at(about or {}, "identifier.value") if (about or {}).get("type") == "CarePlan" else None
        if plan is not None:
            numbers = [record_number(unit, numbering(kind), plan) for kind in PLANS]
            return f"CarePlan?{by_identifier(numbering('record'), *numbers)}"
    return None


def outcome_of(notice: Outcome, answer: HttpAnswer | HttpFailure, now: datetime) -> Outcome:
    """Return what both requests led to: `notice` is what the first did, which arrived, and `answer` is what came to the PATCH."""
    match outcome_from(answer, now, messaging=False):
        case Rejected(detail=detail):
            return Rejected(IN_FORCE, detail)
        case Retry(code=code) if code in _NOT_DONE:
            return Rejected(IN_FORCE, f"the partner does not end plans: {code}")
        case Retry() | Uncertain() as again:
            return again
        case _:
            return notice
