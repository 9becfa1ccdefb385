"""Foreign care plans and appointments as drafts: as far as they carry what a SIP says, and no further.

A draft says what is missing instead of filling it in: no id, no unit, no version, no consent is made up, and a Consent in the document is
data, never a grant. Who takes part is listed by name under `content.participants`, which no message has: a person matches them with units.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from siphub.contract import Draft, Problem
from siphub.model import Person
from siphub_fhir.bundle import In, is_uuid, person
from siphub_fhir.drafting import drafted, missing_of
from siphub_fhir.intake import modifiers_in, refused
from siphub_fhir.lens import Resource, at
from siphub_fhir.naming import kind_of, name_of, within, words
from siphub_fhir.replies import is_reply, reply_in
from siphub_fhir.schedule import day, end_of, words_of

_DRAFTED: Final = {"draft": "plan.proposed", "active": "plan.established"}
_ITEM: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_ERROR: Final = "entered-in-error"
_NOT: Final = "Utförs inte: "
"""What stands before an activity that is marked as not to be performed."""


def draft_of(resource: Resource) -> Draft:
    """Return the draft for a Bundle, a CarePlan, an Appointment, or an answer or news of somebody else's.

    Raises:
        Invalid: What `replies` refuses; `fhir.nothing_for_us`, `fhir.modifier_unknown`, `fhir.entered_in_error`, `fhir.several_patients`.
    """
    bundle = resource if resource.get("resourceType") == "Bundle" else {"entry": [{"resource": resource}]}
    back = In(bundle)
    plans, meetings = list(back.all("CarePlan")), list(back.all("Appointment"))
    chosen = plans or meetings
    header = at(bundle, "entry[].resource")
    envelope = _envelope(bundle, header) if bundle.get("type") == "message" and isinstance(header, dict) else {}
    if not chosen or is_reply(chosen, back):
        reply = reply_in(resource, envelope, back)
        if reply is None:
            raise refused(_nothing(resource))
        return reply
    turned = next(modifiers_in(resource), None)
    if turned is not None:
        raise refused(turned)
    single = bundle is not resource
    for one in chosen:
        _refuse_entered_in_error(one, "" if single else f"/entry/{back.place_of(one)}/resource")
    subject = _subject(chosen, back)
    document: Resource = ({"subject": subject} if subject else {}) | envelope
    return _plans(document, plans, back) if plans else _meeting(document, meetings, back)


def _nothing(resource: Resource) -> Problem:
    """Say what there is instead of a plan or a meeting: an event of somebody else's, or resources that are no SIP."""
    header = at(resource, "entry[].resource") if resource.get("type") == "message" else None
    if isinstance(header, dict):
        event = "eventCoding" if "eventCoding" in header else "eventUri"
        return Problem(
            "fhir.unknown_event",
            "the event is not ours, and no CarePlan, no Appointment and no answer to us comes with it",
            pointer=f"/entry/0/resource/{event}",
        )
    where = "/entry" if resource.get("resourceType") == "Bundle" else "/resourceType"
    return Problem("fhir.nothing_for_us", "there is no CarePlan, no Appointment and no answer here", pointer=where)


def _refuse_entered_in_error(resource: Resource, pointer: str) -> None:
    if resource.get("status") == _ERROR:
        raise refused(Problem("fhir.entered_in_error", "it was entered in error", pointer=f"{pointer}/status"))


def _envelope(bundle: Resource, header: Resource) -> Resource:
    found: Resource = {}
    if is_uuid(header.get("id")):
        found["message_id"] = header["id"]
    if "timestamp" in bundle:
        found["sent_at"] = bundle["timestamp"]
    return found


def _subject(resources: list[Resource], back: In) -> Resource:
    """Return the person, where their number or name stands in the document; two persons are never mixed."""
    references = {json.dumps(one, sort_keys=True) for one in (_about(resource) for resource in resources) if one is not None}
    addresses = {json.loads(text).get("reference") or text for text in references}
    if len(addresses) > 1:
        raise refused(Problem("fhir.several_patients", "the plans or meetings are about different persons", pointer="/entry"))
    found = next((back.resolve(json.loads(text)) for text in references), None)
    return _sound_person(person(found)) if found is not None and found.get("resourceType") == "Patient" else {}


def _about(resource: Resource) -> Any:
    if resource["resourceType"] == "CarePlan":
        return resource.get("subject")
    actors = [at(one, "actor") for one in resource.get("participant") or []]
    return next((one for one in actors if kind_of(one) == "Patient"), None)


def _sound_person(found: Resource) -> Resource:
    """Take a number away that is none, and keep the rest: the draft then says that it is missing."""
    try:
        Person.model_validate_json(json.dumps(found))
    except ValidationError:
        found.pop("identity", None)
    return found


def _plans(document: Resource, plans: list[Resource], back: In) -> Draft:
    kind = _DRAFTED.get(plans[0].get("status", ""))
    if plans[0].get("intent") == "proposal":
        kind = "plan.proposed"
    read = [_plan(one, back) for one in plans]
    document["content"] = {"plan": read[0][0]}
    draft = drafted(document, kind, "plan.established")
    draft["content"]["participants"] = list({json.dumps(one): one for _, participants in read for one in participants}.values())
    further = [one for one, _ in read[1:]]
    if further:
        draft["content"]["further_plans"] = further
    return Draft(draft, missing_of(document, kind, "plan.established"))


def _plan(resource: Resource, back: In) -> tuple[Resource, list[Resource]]:
    pointed = [one for one in resource.get("goal") or [] if not _is_error(one, "lifecycleStatus", resource, back)]
    goals = _distinct([_goal(one, resource, back) for one in pointed])
    names = {one.get("reference"): goal["id"] for one, goal in zip(pointed, goals, strict=True) if "id" in goal}
    activities, performers = [], []
    for one in resource.get("activity") or []:
        if at(one, "detail.status") == _ERROR or _is_error(one.get("reference"), "status", resource, back):
            continue
        activity, detail = _activity(one, resource, names, back)
        activities.append(activity)
        performers += _listed(detail, "performer", "author", "requester")
    team = [within(one, resource, back) for one in resource.get("careTeam") or [] if not _is_error(one, "status", resource, back)]
    members = [(one.get("member"), one.get("role")) for found in team if found for one in found.get("participant") or []]
    others = [(one, None) for one in [*_listed(resource, "author", "contributor"), *performers]]
    found = {
        "id": resource["id"] if is_uuid(resource.get("id")) else None,
        "made_on": day(resource.get("created")),
        "needs": [resource["description"]] if resource.get("description") else None,
        "goals": goals or None,
        "activities": _distinct(activities) or None,
        "notes": "\n\n".join(one["text"] for one in resource.get("note") or [] if one.get("text")) or None,
    }
    people = _participants([*members, *others], resource, back)
    return {name: value for name, value in found.items() if value is not None}, people


def _is_error(reference: Any, status: str, owner: Resource, back: In) -> bool:
    """Say whether what a reference leads to was entered in error: it is then left out like an activity of which the same is said."""
    return (within(reference, owner, back) or {}).get(status) == _ERROR


def _distinct(items: list[Resource]) -> list[Resource]:
    """Take an id away where it stands a second time: it tells two things apart no more, and a person must give another."""
    seen: set[str] = set()
    for one in items:
        if one.get("id") in seen:
            del one["id"]
        seen |= {one["id"]} if "id" in one else set()
    return items


def _goal(reference: Resource, plan: Resource, back: In) -> Resource:
    found = within(reference, plan, back) or {}
    identity = found.get("id") or str(reference.get("reference", "")).rpartition("/")[2].removeprefix("#")
    goal = {
        "id": identity if _ITEM.fullmatch(identity) else None,
        "text": words(found.get("description")) or reference.get("display"),
    }
    return {name: value for name, value in goal.items() if value}


def _activity(one: Resource, plan: Resource, goals: Mapping[Any, str], back: In) -> tuple[Resource, Resource]:
    """Return an activity, and the element or request that describes it."""
    pointed = within(one.get("reference"), plan, back) or {}
    detail: Resource = one.get("detail") or pointed
    what = detail.get("description") or words(detail.get("code")) or at(one, "reference.display")
    if what and detail.get("doNotPerform") is True:
        what = _NOT + what
    found = {
        "id": one["id"] if _ITEM.fullmatch(one.get("id") or "") else None,
        "what": what,
        "when": words_of(detail),
        "ends_on": end_of(detail),
        "responsible": _responsible(detail, plan, back),
        "goals": [goals[goal.get("reference")] for goal in _listed(detail, "goal") if goal.get("reference") in goals] or None,
    }
    return {name: value for name, value in found.items() if value is not None}, detail


def _responsible(detail: Resource, plan: Resource, back: In) -> Resource | None:
    """Return who performs: the person and relatives are known as such, everybody else by name only."""
    performer = next(iter(_listed(detail, "performer")), None)
    if performer is None:
        return None
    if kind_of(performer) == "Patient" and performer.get("reference") == at(plan, "subject.reference"):
        return {"kind": "individual"}
    name = name_of(performer, plan, back)
    found = {"kind": "relative" if kind_of(performer) == "RelatedPerson" else None, "name": name}
    return {part: value for part, value in found.items() if value} or None


def _participants(people: list[tuple[Any, Any]], resource: Resource, back: In) -> list[Resource]:
    """Return everybody but the person, once each, as the document names them."""
    found: dict[str, Resource] = {}
    about = json.dumps(resource.get("subject"), sort_keys=True)
    for reference, role in people:
        if (
            not isinstance(reference, dict)
            or at(resource, "subject.reference") == reference.get("reference", "")
            or json.dumps(reference, sort_keys=True) == about
        ):
            continue
        values = {
            "name": name_of(reference, resource, back),
            "role": words(role[0] if isinstance(role, list) and role else role),
            "kind": kind_of(reference),
            "reference": reference.get("reference"),
        }
        found.setdefault(reference.get("reference") or json.dumps(reference, sort_keys=True), {k: v for k, v in values.items() if v})
    return list(found.values())


def _meeting(document: Resource, meetings: list[Resource], back: In) -> Draft:
    """Return the draft of a meeting, or of one that was called off.

    Whether it is a summons or an invitation is a question of duty, which no Appointment answers.
    """
    resource = meetings[0]
    if len(meetings) > 1:
        raise refused(Problem("fhir.several_meetings", "there are several Appointments here; hand them in one at a time", pointer="/entry"))
    people = [(one.get("actor"), at(one, "type[]")) for one in resource.get("participant") or []]
    places = [name_of(actor, resource, back) for actor, _ in people if actor and kind_of(actor) == "Location"]
    meeting = {
        "id": resource["id"] if is_uuid(resource.get("id")) else None,
        "starts_at": resource.get("start"),
        "ends_at": resource.get("end"),
        "place": {"text": places[0]} if places and places[0] else None,
    }
    kind, shape = ("meeting.cancelled",) * 2 if resource.get("status") == "cancelled" else (None, "meeting.invited")
    if kind is None:
        document["content"] = {"meeting": {name: value for name, value in meeting.items() if value is not None}}
    else:
        document["content"] = {"meeting_id": meeting["id"]} if meeting["id"] else {}
    draft = drafted(document, kind, shape)
    draft["content"]["participants"] = [_named(actor, role, resource, back) for actor, role in people]
    return Draft(draft, missing_of(document, kind, shape))


def _named(actor: Any, role: Any, resource: Resource, back: In) -> Resource:
    actor = actor if isinstance(actor, dict) else {}
    values = {"name": name_of(actor, resource, back), "role": words(role), "kind": kind_of(actor), "reference": actor.get("reference")}
    return {name: value for name, value in values.items() if value}


def _listed(resource: Resource, *names: str) -> list[Resource]:
    found: list[Resource] = []
    for name in names:
        value = resource.get(name)
        found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    return found
