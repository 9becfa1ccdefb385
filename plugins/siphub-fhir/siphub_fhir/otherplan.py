"""Plans that are no SIP in FHIR: after compulsory psychiatric care, and by LSS 10 §. Each is a CarePlan with a category of its own.

Activities stand as in a SIP. It must never give such a plan the category of a SIP, and never read a SIP from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Resource, ext, exts, numbered, plain, read, whole_number, write
from siphub_fhir.plan import activity_detail, read_activity
from siphub_fhir.vocabulary import PLAN_CATEGORY, PLANS, system

OTHER: Final = (
    plain("version", "meta.versionId", str, whole_number),
    plain("made_on", "created"),
    ext("legal_basis", "legal-basis", "code"),
    exts("adjusted_by", "adjusted-by", "unit"),
    exts("needs", "need", "string"),
    ext("reviewed_on", "reviewed-on", "date"),
    ext("requested_by_individual", "requested-by-individual", "boolean"),
    ext("measure", "lss-measure", "string"),
)
"""splptlrv.established and lss.established: each has some of these."""
_COMPULSORY: Final = {"system": PLAN_CATEGORY, "code": "SPLPTLRV"}
_LSS: Final = {"system": system("category"), "code": "lss-plan"}


def write_compulsory(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the plan after compulsory care; the chief physician is its author."""
    return _written(document, "chief_physician", "Samordnad vårdplan efter tvångsvård", "compulsory-plan", _COMPULSORY, out)


def write_lss(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the plan by LSS; whoever answers for it is its author."""
    return _written(document, "responsible", "Individuell plan enligt LSS", "lss-plan", _LSS, out)


def _written(document: Mapping[str, Any], author: str, title: str, kind: str, category: Resource, out: Out) -> list[Resource]:
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "CarePlan"}, (numbered("plan_id", kind), *OTHER), out)
    number = content.get("plan_id", "")
    resource |= {"status": "active", "intent": "plan", "title": title, "category": [{"coding": [category]}], "subject": out.subject()}
    if content.get("needs"):
        resource["description"] = "\n".join(content["needs"])
    if content.get(author):
        resource["author"] = out.staff(content[author], contact=False)
    activities = [{"detail": activity_detail(one, {}, "scheduled", number, out)} for one in content.get("activities") or []]
    resource |= {"activity": activities} if activities else {}
    return [out.add(resource, out.lasting(f"CarePlan/{kind}", number) if number else out.id("plan"))]


def read_compulsory(resource: Resource, back: In) -> Resource:
    """Return the content of a plan after compulsory care."""
    return _read(resource, "chief_physician", back)


def read_lss(resource: Resource, back: In) -> Resource:
    """Return the content of a plan by LSS."""
    return _read(resource, "responsible", back)


def _read(resource: Resource, author: str, back: In) -> Resource:
    content = read(resource, (numbered("plan_id", *PLANS), *OTHER), back)
    if "author" in resource:
        content[author] = back.staff(resource["author"])
    if resource.get("activity"):
        content["activities"] = [read_activity(one.get("detail") or {}, {}, back) for one in resource["activity"]]
    return content
