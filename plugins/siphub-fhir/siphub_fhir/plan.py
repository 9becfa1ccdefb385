"""The plan in FHIR: a CarePlan with its Goals and a CareTeam; and what a unit says of its commitments, as a Task.

Activities stand in `activity.detail`, needs in extensions and in the description (`addresses` takes Conditions only), the huvudman with the
overall responsibility in `CareTeam.managingOrganization`. It must never give an activity to anybody the plan does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.bundle import In, Out
from siphub_fhir.lens import Reads, Resource, Row, Writes, at, code_in, ext, exts, find, numbered, plain, read, whole_number, write
from siphub_fhir.vocabulary import CARE_CONTACT_TYPE, PLAN_CATEGORY, ROLE_CODE, number_in, system

ROLES: Final = system("role")
_STANDING: Final = {"plan.proposed": ("draft", "proposed", "not-started", "proposed")}
_AGREED: Final = ("active", "active", "scheduled", "active")
"""The status of CarePlan, Goal, activity and CareTeam: one row for a proposal, one for a plan that holds."""

PLAN: Final = (
    numbered("id", "plan"),
    plain("version", "meta.versionId", str, whole_number),
    plain("made_on", "created"),
    exts("needs", "need", "string"),
    ext("follow_up_on", "follow-up-on", "date"),
    ext("crisis_plan", "crisis-plan", "string"),
    ext("housing", "housing", "string"),
    plain("notes", "note[].text"),
    ext("coordinator_chosen_by", "coordinator-chosen-by", "code"),
    ext("questions_to", "questions-to", "staff"),
    ext("original_holder", "original-holder", "unit"),
)
REVISION: Final = (
    ext("changes", "changes", "string"),
    ext("reason", "change-reason", "code"),
    ext("approved_by_individual", "approved-by-individual", "boolean"),
)


def _when() -> Row:
    """Return the row for when: R4 has one `scheduled[x]`, so words with an end become a Timing that holds both."""

    def put(resource: Resource, value: Any, _: Writes) -> None:
        resource["scheduledString"] = value

    def get(resource: Resource, _: Reads) -> Any:
        return resource.get("scheduledString") or at(resource, "scheduledTiming.code.text")

    return Row("when", put, get)


def _until() -> Row:
    def put(resource: Resource, value: Any, _: Writes) -> None:
        words = resource.pop("scheduledString", None)
        if words is None:
            resource["scheduledPeriod"] = {"end": value}
        else:
            resource["scheduledTiming"] = {"repeat": {"boundsPeriod": {"end": value}}, "code": {"text": words}}

    def get(resource: Resource, _: Reads) -> Any:
        return at(resource, "scheduledPeriod.end") or at(resource, "scheduledTiming.repeat.boundsPeriod.end")

    return Row("ends_on", put, get)


DETAIL: Final = (
    ext("id", "item-id", "string"),
    plain("what", "description"),
    _when(),
    _until(),
    ext("responsible.kind", "responsible-party-type", "code"),
    ext("follow_up", "follow-up", "string"),
)
COMMITMENT: Final = (
    plain("plan_id", "focus.identifier.value", None, number_in),
    ext("plan_version", "plan-version", "positiveInt"),
    exts("activities", "activity-id", "string"),
    plain("comment", "note[].text"),
)


def write_plan(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write CarePlan, Goals and CareTeam."""
    content = document["content"]
    plan = content.get("plan") or {}
    standing = _STANDING.get(str(document["type"]), _AGREED)
    resource: Resource = write(plan, {"resourceType": "CarePlan"}, PLAN, out)
    write(content, resource, REVISION, out)
    number = plan.get("id", "")
    resource |= {"status": standing[0], "intent": "plan", "title": "Samordnad individuell plan"}
    resource["category"] = [{"coding": [{"system": PLAN_CATEGORY, "code": "SIP"}]}]
    resource["subject"] = out.subject()
    if plan.get("needs"):
        resource["description"] = "\n".join(plan["needs"])
    if plan.get("coordinator"):
        resource["author"] = out.staff(plan["coordinator"])
    goals = {goal["id"]: _goal(goal, number, standing[1], out) for goal in plan.get("goals") or []}
    team = _team(plan, standing[3], out)
    resource |= {"careTeam": [team]} if team else {}
    resource |= {"goal": list(goals.values())} if goals else {}
    activities = [{"detail": activity_detail(one, goals, standing[2], number, out)} for one in plan.get("activities") or []]
    resource |= {"activity": activities} if activities else {}
    return [out.add(resource, out.lasting("CarePlan/plan", number) if number else out.id("plan"))]


def _goal(goal: Mapping[str, Any], plan: str, status: str, out: Out) -> Resource:
    resource: Resource = {
        "resourceType": "Goal",
        "identifier": [_of_goal(goal["id"], plan, out)],
        "lifecycleStatus": status,
        "description": {"text": goal["text"]},
        "subject": out.subject(),
    }
    if out.patient is not None:
        resource["expressedBy"] = out.patient
    return out.add(resource, out.id(f"goal/{plan}/{goal['id']}"))


def activity_detail(activity: Mapping[str, Any], goals: Mapping[str, Resource], status: str, plan: str, out: Out) -> Resource:
    """Return `activity.detail` of one activity of a plan with a number. A goal that the Bundle does not have is named by its own."""
    detail: Resource = write(activity, {}, DETAIL, out)
    detail["status"] = status
    if activity.get("goals"):
        detail["goal"] = [goals.get(name) or {"type": "Goal", "identifier": _of_goal(name, plan, out)} for name in activity["goals"]]
    performer = _performer(activity.get("responsible") or {}, out)
    if performer:
        detail["performer"] = [performer]
    return detail


def _of_goal(goal: str, plan: str, out: Out) -> Resource:
    return out.identifier("goal", plan, goal) if plan else out.identifier("goal", goal)


def _performer(responsible: Mapping[str, Any], out: Out) -> Resource | None:
    """Return who performs: a unit, somebody at a unit, the person, or a relative; an Organization never stands for a unit."""
    kind, unit, name = responsible.get("kind"), responsible.get("unit"), responsible.get("name")
    if unit is not None:
        return out.unit(unit) if name is None else out.staff({"name": name, "unit": unit})
    if kind == "individual":
        reference = out.patient or {"type": "Patient"}
        return {**reference, "display": name} if name else out.patient
    if kind == "relative":
        relative: Resource = {"resourceType": "RelatedPerson", "patient": out.subject()}
        relative["relationship"] = [{"coding": [{"system": ROLE_CODE, "code": "FAMMEMB"}]}]
        return out.add({**relative, "name": [{"text": name}]} if name else relative)
    return out.staff({"name": name}, contact=False) if name else None


def _team(plan: Mapping[str, Any], status: str, out: Out) -> Resource | None:
    """Return the CareTeam: coordinator, main responsible, permanent care contacts, and the huvudman with the overall responsibility."""
    named = [(role, plan[name]) for name, role in _LEADING if plan.get(name)]
    named += [(_CARE_CONTACT, contact) for contact in plan.get("care_contacts") or ()]
    participants = [{"role": [{"coding": _role(role)}], "member": out.staff(somebody)} for role, somebody in named]
    overall = plan.get("overall_responsible") or {}
    resource: Resource = write(overall, {"resourceType": "CareTeam"}, _OVERALL, out)
    if not participants and not overall:
        return None
    resource |= {"status": status, "name": "SIP"}
    if out.patient is not None:
        resource["subject"] = out.patient
    resource |= {"participant": participants} if participants else {}
    if "organisation" in overall:
        resource["managingOrganization"] = [out.organisation(overall["organisation"])]
    return out.add(resource, out.id("careteam"))


def _role(role: str) -> list[Resource]:
    """Return a role as a code of ours, and of a permanent care contact as Inera's too."""
    national = [{"system": CARE_CONTACT_TYPE, "code": "1"}] if role == _CARE_CONTACT else []
    return [{"system": ROLES, "code": role}, *national]


_LEADING: Final = (("coordinator", "samordnare"), ("main_responsible", "huvudansvarig"))
_CARE_CONTACT: Final = "fast-vardkontakt"
_OVERALL: Final = (ext("kind", "overall-responsible", "code"),)


def read_plan(resource: Resource, back: In) -> Resource:
    """Return the content a CarePlan of ours stands for."""
    plan = read(resource, PLAN, back)
    goals = [(one, back.resolve(one)) for one in resource.get("goal") or []]
    names = {one.get("reference"): number_in(at(goal, "identifier[].value")) for one, goal in goals}
    if goals:
        plan["goals"] = [_filled(id=number_in(at(goal, "identifier[].value")), text=at(goal, "description.text")) for _, goal in goals]
    if resource.get("activity"):
        plan["activities"] = [read_activity(one.get("detail") or {}, names, back) for one in resource["activity"]]
    team = back.resolve(at(resource, "careTeam[]"))
    if team is not None:
        _read_team(team, plan, back)
    return {"plan": plan} | read(resource, REVISION, back)


def read_activity(detail: Resource, names: Mapping[Any, Any], back: In) -> Resource:
    """Return the activity that `activity.detail` stands for; `names` has the ids of the goals of the Bundle by their addresses."""
    activity = read(detail, DETAIL, back)
    if detail.get("goal"):
        activity["goals"] = [names.get(one.get("reference"), number_in(at(one, "identifier.value"))) for one in detail["goal"]]
    performer = at(detail, "performer[]")
    if performer is not None:
        activity.setdefault("responsible", {}).update(_read_performer(performer, back))
    return activity


def _read_performer(reference: Resource, back: In) -> Resource:
    found = back.resolve(reference) or {}
    match found.get("resourceType"):
        case "HealthcareService":
            return {"unit": back.unit(reference)}
        case "PractitionerRole":
            return back.staff(reference)
        case "RelatedPerson":
            return _filled(name=at(found, "name[].text"))
        case _:
            return _filled(name=reference.get("display"))


def _read_team(team: Resource, plan: Resource, back: In) -> None:
    members = [(code_in(at(one, "role[]"), ROLES), one.get("member")) for one in team.get("participant") or []]
    plan |= {name: back.staff(member) for name, role in _LEADING for code, member in members if code == role}
    contacts = [back.staff(member) for code, member in members if code == _CARE_CONTACT]
    if contacts:
        plan["care_contacts"] = contacts
    overall = read(team, _OVERALL, back)
    if at(team, "managingOrganization[]") is not None:
        overall["organisation"] = back.organisation(at(team, "managingOrganization[]"))
    if overall:
        plan["overall_responsible"] = overall


def write_commitment(document: Mapping[str, Any], out: Out) -> list[Resource]:
    """Write the Task by which a unit stands by its activities, or does not."""
    content = document["content"]
    resource: Resource = write(content, {"resourceType": "Task"}, COMMITMENT, out)
    if "focus" in resource:
        resource["focus"] = {"type": "CarePlan", "identifier": out.identifier("plan", content["plan_id"])}
    resource |= {"status": "accepted" if document["type"] == "plan.commitment.confirmed" else "rejected", "intent": "plan"}
    resource["code"] = {"coding": [{"system": system("category"), "code": "plan-commitment"}]}
    if out.patient is not None:
        resource["for"] = out.patient
    unit = find(content, "unit")
    if unit is not None:
        resource["owner"] = out.unit(unit)
    return [out.add(resource, out.id("commitment"))]


def read_commitment(resource: Resource, back: In) -> Resource:
    """Return the content such a Task stands for."""
    content = read(resource, COMMITMENT, back)
    if "owner" in resource:
        content["unit"] = back.unit(resource["owner"])
    return content


def _filled(**values: Any) -> Resource:
    return {name: value for name, value in values.items() if value is not None}
