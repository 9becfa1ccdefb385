"""The names this plugin speaks: namespace, identifier systems, code systems and extensions, each in one place.

Whatever R4 cannot say stands in an extension that is listed here with its type and meaning; docs/fhir.md has the same list, and a test holds
them together. It must never give a standard's code a meaning of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BASE: Final = "https://siphub.example/fhir"
"""The namespace of what is ours. `.example` is reserved (RFC 2606), so nobody can come to own it: it names, and is never fetched."""

PERSON_SYSTEMS: Final[Mapping[str, str]] = {
    "personnummer": "http://electronichealth.se/identifier/personnummer",
    "samordningsnummer": "http://electronichealth.se/identifier/samordningsnummer",
    "reservnummer": "http://electronichealth.se/identifier/nationelltReservnummer",
}
"""From HL7 Sweden's base profiles, SEBasePatient."""

PERSON_OIDS: Final[Mapping[str, str]] = {
    "urn:oid:1.2.752.129.2.1.3.1": "personnummer",
    "urn:oid:1.2.752.129.2.1.3.3": "samordningsnummer",
    "urn:oid:1.2.752.74.9.1": "reservnummer",
}
"""The older OIDs for the same numbers, read and never written."""

ORGANISATION_NUMBER: Final = "urn:oid:2.5.4.97"
HSA_ID: Final = "urn:oid:1.2.752.29.4.19"

SWEDISH_PROFILES: Final[Mapping[str, str]] = {
    kind: f"http://hl7.se/fhir/ig/base/StructureDefinition/SEBase{kind}"
    for kind in ("Patient", "Organization", "Practitioner", "PractitionerRole")
}
"""HL7 Sweden's base profiles by the type they are for: whatever of these types leaves claims and follows them."""

SECURITY_LABEL: Final = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
PROTECTION: Final[Mapping[str, str]] = {"confidentiality_flag": "sekretessmarkering", "protected_registration": "skyddadFolkbokforing"}

PLAN_CATEGORY: Final = "https://fhir.inera.se/CodeSystem/typeofcareplan-cs"
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
ENCOUNTER_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SNOMED: Final = "http://snomed.info/sct"
ACTIVITY_STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "planned": ("397943006", "accepted"),
    "ongoing": ("385651009", "in-progress"),
    "done": ("398166005", "completed"),
    "not_done": ("385660001", "cancelled"),
    "interrupted": ("410546004", "failed"),
    "cancelled": ("89925002", "cancelled"),
}
"""The national activity statuses, SNOMED CT's reference set 56421000052109 (urval aktivitetsstatus), and what Task.status can say of each."""
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

EXTENSIONS: Final[Mapping[str, tuple[str, str]]] = {
    # on MessageHeader
    "case": ("Identifier", "The case the message belongs to, an opaque reference."),
    "conversation": ("Identifier", "The conversation of messages."),
    "causation": ("Identifier", "The message that led to this one."),
    "case-owner": ("Identifier", "The organisation that is the controller of the case."),
    "classification": ("code", "open-logistics, person-data or sensitive."),
    "expires-at": ("instant", "When the message should no longer be handled."),
    "ack-requested": ("boolean", "Whether the sender wants a receipt."),
    "registry-number": ("string", "The sender's own registry number."),
    "sender-unit": ("Reference", "The unit that sends (HealthcareService); `sender` can only name an organisation."),
    "receiver-unit": ("Reference", "On destination: the unit that receives; `receiver` can only name an organisation."),
    "receiver-person": ("string", "On destination: a person of the case, by a reference that says nothing of who it is."),
    "consent-statement": ("complex", "What the recipient may rely on when it speaks with the sender: since, direction, until."),
    "stated-basis": ("complex", "The disclosure basis as stated by the sender: code, consent-ref, decided-by, decided-at, reason."),
    # on Appointment
    "zone": ("string", "The IANA zone the meeting's time was meant in."),
    "end-assumed": ("boolean", "The end was not given: it is the start and 60 minutes."),
    "duty-holder": ("code", "Whether the recipient has a duty to come: principal or none."),
    "duty-basis": ("string", "The provision or agreement the duty rests on."),
    "respond-by": ("instant", "When an answer is wanted."),
    "agenda": ("string", "An item of the agenda; repeated, in order."),
    "interpreter-language": ("string", "The language to interpret."),
    "individual-attendance": ("code", "attends, absent_consented or represented_by."),
    "evaluation-on": ("date", "When the plan is to be evaluated."),
    "preparation-ref": ("string", "What the preparation is called in the sender's system."),
    "relatives-present": ("unsignedInt", "How many relatives will come; never who."),
    "question": ("complex", "A question to one party: unit, text."),
    "digital-option": ("string", "How to take part from afar."),
    "supersedes": ("positiveInt", "The version of the meeting that this one replaces."),
    "reason": ("code", "Why, as a code of the sender's."),
    "municipal-health-care": ("boolean", "Whether municipal health care is needed after a discharge."),
    # on AppointmentResponse
    "meeting-version": ("positiveInt", "The version of the meeting that is meant."),
    "response": ("code", "The answer in full: R4 has neither delegate, contact-us nor propose-new-time."),
    "responder": ("Reference", "Who answers for the unit (PractitionerRole)."),
    "proposed-time": ("Period", "A time the responder proposes; repeated, in order; the first also stands in start and end."),
    "substitute-unit": ("Reference", "The unit that comes instead."),
    "substitute-name": ("string", "The person who comes instead."),
    "written-input-ref": ("string", "What written input is called in the responder's system."),
    # on Communication
    "held-on": ("date", "The day the meeting was held."),
    "attended-unit": ("Reference", "A unit that took part; repeated, in order."),
    "attended-count": ("unsignedInt", "How many units took part, so that none is told from not said."),
    "individual-was": ("code", "present, absent_consented or represented_by."),
    "outcome": ("code", "What came of the meeting: plan, no_plan or new_meeting."),
    "interpreter-used": ("boolean", "Whether there was an interpreter."),
    "case-reference": ("Identifier", "The case as the recipient knows it, opaque."),
    "about-version": ("positiveInt", "The version of what the notice is about."),
    "contact-phone": ("string", "Where to ring."),
    "closed-reason": ("code", "Inward only: no rule of disclosure lets it leave."),
    "closed-on": ("date", "The day the plan ended."),
    "closed-by": ("string", "Who ended it."),
    "goal-status": ("complex", "How far a goal has been reached, in the individual's view: goal, status, comment."),
    "activity-outcome": ("complex", "How an activity stands at the follow-up: activity, status."),
    "follow-up-decision": ("code", "What becomes of the plan: continue, revise or close."),
    "next-follow-up-on": ("date", "When the next follow-up is."),
    "individual-rating": ("positiveInt", "The individual's rating of the plan, 1 to 5."),
    "came-to": ("Reference", "The unit that a message came to."),
    "new-unit": ("Reference", "The unit that takes part instead."),
    "undelivered-to": ("Reference", "Whom a message did not reach: a unit, or a person of the case by their reference."),
    "fallback": ("code", "What can be done instead: phone, letter, ask_consent, correct_address or none."),
    "given-at": ("instant", "When the notice that a patient is ready for discharge was given."),
    "ready-at": ("instant", "From when a patient is ready for discharge."),
    "revoked-at": ("instant", "When that notice was taken back."),
    "interrupted-at": ("instant", "When the planning of a discharge ended in another way."),
    # on Encounter
    "admitting-unit": ("Reference", "The unit that has admitted the patient (HealthcareService)."),
    "planned-discharge-on": ("date", "The planned day of discharge."),
    "municipality": ("Identifier", "The municipality where the patient lives, by its organisation number."),
    "care-contact-unit": ("Reference", "The open care unit that has, or is to appoint, the permanent care contact; also on Communication."),
    # on CarePlan, CareTeam and Goal
    "need": ("string", "A need, in order; `addresses` takes Conditions only, and a need is none."),
    "follow-up-on": ("date", "When the plan is followed up."),
    "crisis-plan": ("string", "What to do in a crisis."),
    "housing": ("string", "How the person lives."),
    "changes": ("string", "What is new in this version."),
    "change-reason": ("code", "Why there is a new version."),
    "approved-by-individual": ("boolean", "The individual has agreed to the change."),
    "coordinator-chosen-by": ("code", "Who chose the coordinator: individual, or jointly with the units."),
    "questions-to": ("Reference", "Whom the individual turns to with questions or when things get worse (PractitionerRole)."),
    "original-holder": ("Reference", "The unit that keeps the original of a child's plan."),
    "legal-basis": ("code", "The provision a plan that is no SIP rests on: LPT7a, LRV12a or LSS10."),
    "adjusted-by": ("Reference", "A unit that has adjusted the plan; repeated, in order."),
    "reviewed-on": ("date", "When the plan is reviewed."),
    "requested-by-individual": ("boolean", "The individual has asked for the plan."),
    "lss-measure": ("string", "The measure of LSS that the plan is about."),
    "agreed-with-individual": ("boolean", "The individual has agreed to the new coordinator."),
    "item-id": ("string", "On activity.detail: the activity's own id within the plan."),
    "responsible-party-type": ("code", "On activity.detail: region, municipality, other, individual or relative."),
    "follow-up": ("string", "On activity.detail: how the activity is followed up."),
    "overall-responsible": ("code", "On CareTeam: the kind of the huvudman in managingOrganization, region or municipality."),
    # on Task
    "receiving-contact": ("string", "Whom the request is for by name."),
    "recorded-by": ("Reference", "Who wrote the request down (PractitionerRole)."),
    "network-contact": (
        "complex",
        "Somebody around the individual; repeated: kind, organisation, name, relation, role, phone, email, wanted-at-meeting, agrees-to-be-named, protection.",
    ),
    "proposer": ("complex", "Who proposes: kind, name, phone, protection."),
    "eligibility-basis": ("code", "general, discharge or local."),
    "plan-version": ("positiveInt", "The version of the plan that is meant."),
    "activity-id": ("string", "An activity that is meant, by its id within the plan; repeated, in order."),
    "need-assessed-by": ("Reference", "Who has found a plan needed (PractitionerRole)."),
    "need-assessed-at": ("instant", "When a plan was found needed."),
    "request-decision": ("code", "What a request led to: start or decline."),
    "contact-name": ("string", "Whom to ask for."),
    # on Consent
    "disclosure-basis": ("code", "The basis this disclosure rests on, as the hub recorded it."),
}
"""Every extension of ours: its type, and what it says."""


def extension(name: str) -> str:
    """Return the URL of an extension of ours; raises KeyError for one that is not in the list."""
    EXTENSIONS[name]
    return f"{BASE}/StructureDefinition/{name}"


def system(name: str) -> str:
    """Return the URL of a code system of ours: message-type, purpose, role, category, place-kind, requester-kind, preparation, reason, activity-status, code."""
    return f"{BASE}/CodeSystem/{name}"


def numbering(name: str) -> str:
    """Return the system of identifiers of ours: message, case, meeting, plan, goal, notice, unit, person."""
    return f"{BASE}/sid/{name}"
