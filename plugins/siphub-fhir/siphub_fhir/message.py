"""The message Bundle as a whole: header, person, consent, and what the message is about, both ways.

`FORMS` says which message types have a form in FHIR. A Consent in the Bundle says on which basis the hub disclosed this; it is never read
back as a grant. It must never write a field the cut does not show, nor read one the Bundle does not carry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from siphub.contract import Cut, Recipient
from siphub_fhir import around, discharge, followup, meeting, notice, otherplan, plan, request
from siphub_fhir.bundle import In, Out, finished, is_person, patient, person
from siphub_fhir.consent import write_consent
from siphub_fhir.lens import Reads, Resource, Row, Writes, at, ext, exts, find, parts, place, plain, read, write
from siphub_fhir.vocabulary import BASE, ORGANISATION_NUMBER, SWEDISH_PROFILES, extension, number_in, system

MESSAGE_TYPES: Final = system("message-type")


@dataclass(frozen=True, slots=True)
class Form:
    """How one message type stands in FHIR: the type of its main resource, and how its content is written and read."""

    resource: str
    write: Callable[[Mapping[str, Any], Out], list[Resource]]
    read: Callable[[Resource, In], Resource]
    beside: Mapping[str, str] = field(default_factory=dict)
    """What else is in focus, by type, and how often it may be: `1` or `*`."""
    thread: str = "new"
    """What a message does in its conversation: `new`, `reply`, `forward`, `amend` or `withdraw`."""


_MEETING: Final = Form("Appointment", meeting.write_meeting, meeting.read_meeting)
_PLAN: Final = Form("CarePlan", plan.write_plan, plan.read_plan)
_COMMITMENT: Final = Form("Task", plan.write_commitment, plan.read_commitment, thread="reply")
FORMS: Final[Mapping[str, Form]] = {
    "sip.requested": Form("Task", request.write_request, request.read_request),
    "sip.initiated": Form("Task", request.write_initiative, request.read_initiative),
    "sip.request.answered": Form("Task", request.write_answer, request.read_answer, thread="reply"),
    "sip.proposed": Form("Task", request.write_proposal, request.read_proposal),
    "meeting.summoned": _MEETING,
    "meeting.invited": _MEETING,
    "meeting.rescheduled": Form("Appointment", meeting.write_meeting, meeting.read_meeting, thread="amend"),
    "meeting.response": Form("AppointmentResponse", meeting.write_response, meeting.read_response, {"Patient": "1"}, thread="reply"),
    "meeting.reminder": Form("Communication", around.write_reminder, around.read_reminder),
    "meeting.held": Form("Communication", notice.write_held, notice.read_held, {"Appointment": "1"}),
    "meeting.cancelled": Form("Communication", notice.write_recall, notice.read_cancelled, {"Appointment": "1"}, thread="withdraw"),
    "plan.proposed": _PLAN,
    "plan.established": _PLAN,
    "plan.revised": Form("CarePlan", plan.write_plan, plan.read_plan, thread="amend"),
    "plan.commitment.confirmed": _COMMITMENT,
    "plan.commitment.rejected": _COMMITMENT,
    "followup.summoned": Form("Appointment", followup.write_summons, followup.read_summons, {"Task": "*"}),
    "followup.held": Form("Communication", followup.write_held, followup.read_held, {"Appointment": "1"}),
    "activity.status": Form("Task", followup.write_status, followup.read_status, thread="reply"),
    "coordinator.changed": Form("CareTeam", around.write_coordinator, around.read_coordinator, thread="amend"),
    "message.misdirected": Form("Communication", around.write_misdirected, around.read_misdirected, thread="reply"),
    "message.forwarded": Form("Communication", around.write_forwarded, around.read_forwarded, thread="forward"),
    "delivery.failed": Form("Communication", around.write_failed, around.read_failed),
    "inpatient.admitted": Form("Encounter", discharge.write_admitted, discharge.read_admitted),
    "inpatient.discharge_ready": Form("Communication", discharge.write_ready, discharge.read_ready),
    "inpatient.discharge_ready.revoked": Form("Communication", discharge.write_revoked, discharge.read_revoked, thread="withdraw"),
    "inpatient.discharged": Form("Encounter", discharge.write_discharged, discharge.read_discharged),
    "process.interrupted": Form("Communication", discharge.write_interrupted, discharge.read_interrupted, thread="withdraw"),
    "splptlrv.established": Form("CarePlan", otherplan.write_compulsory, otherplan.read_compulsory),
    "lss.established": Form("CarePlan", otherplan.write_lss, otherplan.read_lss),
    "plan.closed": Form("Communication", notice.write_recall, notice.read_closed, thread="withdraw"),
    "stop.notice": Form("Communication", notice.write_recall, notice.read_stopped, {"Appointment": "1"}, thread="withdraw"),
}
"""Every message type with a form in FHIR. The others are for the hub alone and never leave it."""
INWARD: Final = frozenset({"meeting.cancelled", "plan.closed"})
"""Types that systems hand in and no rule of disclosure lets out: what recipients get is `stop.notice`."""


def _author() -> Row:
    def put(resource: Resource, value: Any, out: Writes) -> None:
        if isinstance(out, Out):
            resource["author"] = out.staff(value, contact=False)

    def get(resource: Resource, back: Reads) -> Any:
        return back.staff(resource["author"]) if "author" in resource else None

    return Row("author", put, get)


_BASIS: Final = (
    ext("code", "code", "code", inner=True),
    exts("consent_refs", "consent-ref", "id", inner=True),
    ext("decided_by", "decided-by", "string", inner=True),
    ext("decided_at", "decided-at", "instant", inner=True),
    ext("reason", "reason", "code", inner=True),
)
_STATEMENT: Final = tuple(
    ext(name, name, kind, inner=True) for name, kind in (("since", "instant"), ("direction", "code"), ("until", "instant"))
)
_RECEIVER: Final = (ext("unit", "receiver-unit", "unit"), ext("person", "receiver-person", "string"))
HEADER: Final = (
    ext("case_id", "case", "sid:case"),
    ext("conversation_id", "conversation", "sid:conversation"),
    ext("causation_id", "causation", "sid:message"),
    ext("owner", "case-owner", f"system:{ORGANISATION_NUMBER}"),
    ext("classification", "classification", "code"),
    ext("expires_at", "expires-at", "instant"),
    ext("ack_requested", "ack-requested", "boolean"),
    ext("registry_number", "registry-number", "string"),
    ext("sender.unit", "sender-unit", "unit"),
    parts("basis", "stated-basis", _BASIS),
    parts("consent_statement", "consent-statement", _STATEMENT),
    plain("type", "eventCoding.code"),
    plain("schema_version", "eventCoding.version"),
    _author(),
)
"""The envelope, but for the message's id and time (they stand in Bundle) and the parties (below)."""


def bundle_of(cut: Cut, recipient: Recipient, source: str, profile: str | None, *, told: bool = True) -> Resource:
    """Return the message Bundle for a cut, with the header first and everything it refers to in it.

    Args:
        cut: What the recipient may have.
        recipient: Whom it goes to.
        source: Our own address.
        profile: The profile that a CarePlan claims to follow, or None.
        told: Whether each resource gets its narrative; where most of them become a part of another, only that one's is wanted.
    """
    document = cut.document
    profiles = SWEDISH_PROFILES if profile is None else {**SWEDISH_PROFILES, "CarePlan": profile}
    out = Out(document, recipient.unit, _known(document, recipient), profiles)
    subject = document.get("subject")
    if isinstance(subject, Mapping) and subject:
        out.patient = out.add(patient(subject), out.id("patient"))
    focus = FORMS[cut.message_type].write(document, out)
    if cut.basis == "consent":
        focus.append(write_consent(document, out))
    header = _header(document, recipient, source, out)
    header["focus"] = focus
    out.add(_provenance(document, header, out), out.id("provenance"))
    return {
        "resourceType": "Bundle",
        "id": out.id("bundle"),
        "identifier": _numbered(document, out),
        "type": "message",
        "timestamp": document["sent_at"],
        "entry": [{"fullUrl": f"urn:uuid:{header['id']}", "resource": finished(header)}, *out.entries(told=told)],
    }


def _known(document: Mapping[str, Any], recipient: Recipient) -> dict[str, str]:
    """Return which organisation answers for a unit, as far as the cut or the directory entry says."""
    known = {}
    if recipient.unit in document.get("recipients", ()):
        known[recipient.unit] = recipient.organisation
    unit, organisation = find(document, "sender.unit"), find(document, "sender.organisation")
    if unit is not None and organisation is not None:
        known[unit] = organisation
    return known


def _header(document: Mapping[str, Any], recipient: Recipient, source: str, out: Out) -> Resource:
    header: Resource = write(document, {"resourceType": "MessageHeader", "id": out.id("header")}, HEADER, out)
    header["eventCoding"]["system"] = MESSAGE_TYPES
    header["destination"] = [_destination(name, recipient, out) for name in document.get("recipients", ())]
    organisation = find(document, "sender.organisation")
    if organisation is not None:
        header["sender"] = out.organisation(organisation)
    header["source"] = {"name": "siphub", "endpoint": source}
    return {name: value for name, value in header.items() if value != []}


def _destination(unit: str, recipient: Recipient, out: Out) -> Resource:
    if is_person(unit):
        return {"extension": [{"url": extension("receiver-person"), "valueString": unit}], "endpoint": f"{BASE}/person/{unit}"}
    reference = out.unit(unit)
    organisation = recipient.organisation if unit == recipient.unit else unit.removeprefix("SE")[:10]
    return {
        "extension": [{"url": extension("receiver-unit"), "valueReference": reference}],
        "endpoint": recipient.endpoint if unit == recipient.unit else f"{BASE}/unit/{unit}",
        "receiver": out.organisation(organisation),
    }


def _numbered(document: Mapping[str, Any], out: Out) -> Resource:
    """Return the message's identifier: its number within the owner, assigned by the sender, whose own numbering it is."""
    organisation = find(document, "sender.organisation")
    sender = {"type": "Organization", "identifier": {"system": ORGANISATION_NUMBER, "value": organisation}}
    return out.identifier("message", document["message_id"]) | ({"assigner": sender} if organisation is not None else {})


def _provenance(document: Mapping[str, Any], header: Resource, out: Out) -> Resource:
    """Return this message's link in the chain of its conversation: what it does there, who sent it, and the message that led to it.

    Only its own: what was said before is in the Provenance of those messages, for whoever got them.
    """
    thread = FORMS[str(document["type"])].thread
    who = header.get("sender") or header.get("author") or {"display": "undisclosed"}
    before = document.get("causation_id")
    entity = {"role": "revision" if thread in {"amend", "withdraw"} else "source"}
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"urn:uuid:{header['id']}"}],
        "recorded": document["sent_at"],
        "activity": {"coding": [{"system": system("thread"), "code": thread}]},
        "agent": [{"who": who}],
        **(
            {"entity": [{**entity, "what": {"type": "MessageHeader", "identifier": out.identifier("message", before)}}]}
            if before is not None
            else {}
        ),
    }


def ours(bundle: Resource) -> bool:
    """Say whether a Bundle is one of this plugin's message Bundles: its header's event is of our code system."""
    return bundle.get("type") == "message" and at(bundle, "entry[].resource.eventCoding.system") == MESSAGE_TYPES


def document_of(bundle: Resource) -> Resource:
    """Return the document that a Bundle of ours stands for. What the Bundle lacks is not in it.

    Raises:
        Invalid: A reference leads nowhere, or to something else than it must.
    """
    back = In(bundle)
    header = at(bundle, "entry[].resource")
    document = read(header, HEADER, back)
    for name, value in (("message_id", number_in(at(bundle, "identifier.value"))), ("sent_at", at(bundle, "timestamp"))):
        if value is not None:
            document[name] = value
    addressed = [read(one, _RECEIVER, back) for one in header.get("destination") or []]
    document["recipients"] = [name for one in addressed for name in one.values()]
    if "sender" in header:
        place(document, "sender.organisation", back.organisation(header["sender"]))
    subject = next(back.all("Patient"), None)
    if subject is not None:
        document["subject"] = person(subject)
    form = FORMS.get(document.get("type", ""))
    main = back.resolve(at(header, "focus[]"))
    if form is not None and main is not None and main.get("resourceType") == form.resource:
        document["content"] = form.read(main, back)
    return document
