"""What leaves as what: every type there and back, whole and cut, and the sentences of the mapping one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from siphub.contract import Cut, MappingError, Recipient, Submission
from siphub.model import CATALOGUE, Message, parse_message, sample
from siphub.model import people as p
from siphub.testing.samples import cut_without, policy_cuts, whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.bundle import named
from siphub_fhir.message import FORMS, document_of
from siphub_fhir.vocabulary import BASE
from siphub_fhir.words import on_the_clock

MakeRecipient = Callable[..., Recipient]
Bundle = dict[str, Any]
SAMPLES = [
    pytest.param(name, maximal, id=f"{name}-{'maximal' if maximal else 'minimal'}") for name, maximal in product(FORMS, (False, True))
]


@pytest.fixture
def made(adapter: Fhir, recipient: MakeRecipient) -> Callable[..., Bundle]:
    """Give what makes the Bundle of a message or a cut."""

    def make(what: Message | Cut) -> Bundle:
        cut = what if isinstance(what, Cut) else whole_cut(what)
        found: Bundle = json.loads(adapter.translate(cut, recipient()).body)
        return found

    return make


def resources(bundle: Bundle, kind: str) -> list[Bundle]:
    """Return the resources of a type."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def one(bundle: Bundle, kind: str) -> Bundle:
    """Return the only resource of a type."""
    [found] = resources(bundle, kind)
    return found


def shorn(node: Any) -> Any:
    """Return a document without empty lists: FHIR has none, and to the model none is the same."""
    if isinstance(node, dict):
        return {name: shorn(value) for name, value in node.items() if value not in ([], ())}
    return [shorn(value) for value in node] if isinstance(node, (list, tuple)) else node


def test_what_has_no_form_is_for_the_hub_alone() -> None:
    """The plugin declares every type that can leave the hub, and no other."""
    assert set(FORMS) == {name for name, row in CATALOGUE.items() if not row.internal}


@pytest.mark.parametrize(("name", "maximal"), SAMPLES)
def test_every_sample_comes_back_equal(made: Callable[..., Bundle], reader: FhirReader, name: str, maximal: bool) -> None:
    """A message of every declared type, with as little and as much as it can say, reads back as the same message."""
    message = sample(name, maximal=maximal)
    assert reader.read(Submission(json.dumps(made(message)).encode(), "application/fhir+json")) == message


@pytest.mark.parametrize("name", FORMS)
def test_whoever_is_protected_is_labelled(made: Callable[..., Bundle], name: str) -> None:
    """A member of staff or a requester who is protected has the security label, for a partner that is cleared, and reads back so."""
    whole = sample(name, maximal=True).to_document()
    _protect(whole)
    back = document_of(made(Cut(document=whole, basis="consent", omitted=())))
    assert shorn(back) == shorn(whole)


def _protect(node: Any) -> None:
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _protect(part)
    if isinstance(node, dict) and "name" in node and not {"id", "kind"} & set(node):
        node["protection"] = "protected_registration"


@pytest.mark.parametrize("cut", [pytest.param(cut, id=name) for name, cut in policy_cuts()])
def test_every_cut_comes_back_as_it_was_cut(made: Callable[..., Bundle], cut: Cut) -> None:
    """Whatever the policy leaves of a message becomes a Bundle, and stands in it: no more, no less."""
    assert shorn(document_of(made(cut))) == shorn(cut.document)


@pytest.mark.parametrize("name", FORMS)
def test_any_field_may_be_cut(made: Callable[..., Bundle], name: str) -> None:
    """Each field of a message's content but times and ids may be missing, and nothing takes its place."""
    whole = sample(name, maximal=True).to_document()
    for field in sorted(set(whole["content"]) - {"meeting", "plan"}):
        cut = cut_without(sample(name, maximal=True), f"/content/{field}")
        assert shorn(document_of(made(cut))) == shorn(cut.document) or field in {"code", "starts_at"}


def test_the_message_is_the_first_thing_and_names_the_parties(made: Callable[..., Bundle]) -> None:
    """The header has our event and the parties' organisations; the units stand beside as HealthcareServices of an organisation."""
    bundle = made(sample("meeting.summoned"))
    header = bundle["entry"][0]["resource"]
    assert (bundle["type"], header["resourceType"]) == ("message", "MessageHeader")
    assert header["eventCoding"] == {"code": "meeting.summoned", "version": "1.0", "system": f"{BASE}/CodeSystem/message-type"}
    assert header["destination"][0]["endpoint"] == "https://region.example/fhir/$process-message"
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    assert by_url[header["sender"]["reference"]]["identifier"] == [{"system": "urn:oid:2.5.4.97", "value": p.MUNICIPALITY}]
    assert {service["identifier"][0]["value"] for service in resources(bundle, "HealthcareService")} >= {
        p.CONTACT,
        p.HOME_CARE,
        p.CARE_CENTRE,
    }
    assert all(
        by_url[service["providedBy"]["reference"]]["resourceType"] == "Organization" for service in resources(bundle, "HealthcareService")
    )


def test_an_end_that_was_not_given_is_assumed_and_said_to_be(made: Callable[..., Bundle]) -> None:
    """A meeting without an end lasts sixty minutes in FHIR, which wants one, with a mark; one with an end has no mark."""
    assumed, given = (
        one(made(sample("meeting.summoned")), "Appointment"),
        one(made(sample("meeting.summoned", maximal=True)), "Appointment"),
    )
    assert (assumed["start"], assumed["end"]) == ("2026-12-07T11:00:00Z", "2026-12-07T12:00:00Z")
    assert [ext for ext in assumed["extension"] if ext["url"].endswith("/end-assumed")] == [
        {"url": f"{BASE}/StructureDefinition/end-assumed", "valueBoolean": True}
    ]
    assert not [ext for ext in given["extension"] if ext["url"].endswith("/end-assumed")]


def test_a_rebooking_is_the_same_appointment(made: Callable[..., Bundle]) -> None:
    """A rebooking has the meeting's own id and the next version; whatever is sent of a meeting is pending."""
    first, second = one(made(sample("meeting.summoned")), "Appointment"), one(made(sample("meeting.rescheduled")), "Appointment")
    assert first["id"] == second["id"]
    assert first["identifier"] == second["identifier"]
    document = sample("meeting.summoned").to_document()
    assert first["identifier"][0]["value"] == f"{document['owner']}/{document['case_id']}/{document['content']['meeting']['id']}"
    assert [one_of["meta"]["versionId"] for one_of in (first, second)] == ["1", "2"]
    assert {first["status"], second["status"]} == {"pending"}


def test_a_duty_and_an_invitation_differ(made: Callable[..., Bundle]) -> None:
    """Who has a duty is required, who is invited is optional."""
    for name, required in (("meeting.summoned", "required"), ("meeting.invited", "optional")):
        called = [
            one_of for one_of in one(made(sample(name)), "Appointment")["participant"] if one_of["type"][0]["coding"][0]["code"] == "kallad"
        ]
        assert {one_of["required"] for one_of in called} == {required}
        assert {one_of["status"] for one_of in called} == {"needs-action"}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("accept", "accepted"),
        ("decline", "declined"),
        ("tentative", "tentative"),
        ("propose-new-time", "tentative"),
        ("delegate", "declined"),
        ("contact-us", "needs-action"),
    ],
)
def test_every_answer_has_a_status_of_r4(made: Callable[..., Bundle], reader: FhirReader, answer: str, status: str) -> None:
    """Each answer has a status of R4's own, with the answer itself beside it, and reads back as it was."""
    document = sample("meeting.response", maximal=True).to_document()
    document["content"]["response"] = answer
    if answer != "propose-new-time":
        document["content"]["proposed_times"] = []
    message = parse_message(json.dumps(document).encode())
    bundle = made(message)
    response = one(bundle, "AppointmentResponse")
    assert response["participantStatus"] == status
    assert ("start" in response) == (answer == "propose-new-time")
    assert reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json")) == message


@pytest.mark.parametrize(
    ("name", "plan", "goal", "activity", "team"),
    [
        ("plan.proposed", "draft", "proposed", "not-started", "proposed"),
        ("plan.established", "active", "active", "scheduled", "active"),
        ("plan.revised", "active", "active", "scheduled", "active"),
    ],
)
def test_a_plans_status_says_whether_it_holds(
    made: Callable[..., Bundle], name: str, plan: str, goal: str, activity: str, team: str
) -> None:
    """A proposal is a draft in all its parts; a plan that holds is active in all of them."""
    bundle = made(sample(name, maximal=True))
    found = one(bundle, "CarePlan")
    assert (found["status"], found["intent"]) == (plan, "plan")
    assert found["category"][0]["coding"] == [{"system": "https://fhir.inera.se/CodeSystem/typeofcareplan-cs", "code": "SIP"}]
    assert {one_of["lifecycleStatus"] for one_of in resources(bundle, "Goal")} == {goal}
    assert {one_of["detail"]["status"] for one_of in found["activity"]} == {activity}
    assert one(bundle, "CareTeam")["status"] == team
    assert "addresses" not in found


def test_who_performs_is_what_r4_has_for_it(made: Callable[..., Bundle]) -> None:
    """Somebody at a unit, a unit, the person and a relative are each their own type, and none is an Organization."""
    bundle = made(sample("plan.established", maximal=True))
    by_url = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
    performers = [one_of["detail"]["performer"][0]["reference"] for one_of in one(bundle, "CarePlan")["activity"]]
    assert [by_url[url] for url in performers] == ["PractitionerRole", "HealthcareService", "Patient", "RelatedPerson"]


def test_the_recall_class_looks_the_same_whatever_the_cause(made: Callable[..., Bundle]) -> None:
    """Two stop notices that differ in ids and time only give Bundles that differ in ids and time only; a meeting is struck out."""
    notice = sample("stop.notice").to_document()
    other = {**notice, "message_id": "11111111-2222-4333-8444-555555555555", "sent_at": "2027-01-01T00:00:00Z"}
    texts = []
    for document in (notice, other):
        bundle = made(Cut(document, "recall"))
        text = json.dumps(bundle).replace(document["sent_at"], "TIME").replace(on_the_clock(document["sent_at"]), "TIME")
        text = text.replace(document["message_id"], "ID")
        for number, entry in enumerate(bundle["entry"]):
            text = text.replace(entry["resource"]["id"], f"E{number}")
        texts.append(text.replace(bundle["id"], "B"))
        appointment, communication = one(bundle, "Appointment"), one(bundle, "Communication")
        assert (appointment["status"], communication["status"]) == ("cancelled", "completed")
        assert not resources(bundle, "Patient")
        assert not resources(bundle, "Consent")
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["stop.notice", "meeting.cancelled", "plan.closed"])
def test_every_recall_has_one_status_and_one_reason(made: Callable[..., Bundle], name: str) -> None:
    """Cancelling, closing and stopping have the same status, category and reason."""
    found = one(made(sample(name)), "Communication")
    assert found["status"] == "completed"
    assert found["category"][0]["coding"][0]["code"] == "no-further-messages"
    assert found["reasonCode"][0]["coding"][0]["code"] == "no_further_messages"


def test_there_is_a_patient_only_where_the_cut_has_the_person(made: Callable[..., Bundle]) -> None:
    """With the person there is one Patient with number, name and label; without, there is none, and a plan's subject says undisclosed."""
    patient = one(made(sample("plan.established", maximal=True)), "Patient")
    assert patient["identifier"] == [{"system": "http://electronichealth.se/identifier/personnummer", "value": "201001032380"}]
    assert patient["name"] == [{"family": "Provsdotter", "given": ["Prov"]}]
    assert patient["meta"]["security"] == [{"system": "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "code": "sekretessmarkering"}]
    without = made(cut_without(sample("plan.established", maximal=True), "/subject"))
    assert not resources(without, "Patient")
    assert one(without, "CarePlan")["subject"] == {"type": "Patient", "display": "undisclosed"}


@pytest.mark.parametrize(
    ("kind", "value", "system"),
    [
        ("samordningsnummer", "199002709815", "samordningsnummer"),
        ("reservnummer", "17010101AA11", "nationelltReservnummer"),
    ],
)
def test_each_kind_of_number_has_its_system(made: Callable[..., Bundle], kind: str, value: str, system: str) -> None:
    """A coordination number and a reserve number stand under their own systems, and come back as what they were."""
    document = sample("plan.established").to_document() | {"subject": {"identity": {"kind": kind, "value": value}}}
    bundle = made(parse_message(json.dumps(document).encode()))
    assert one(bundle, "Patient")["identifier"] == [{"system": f"http://electronichealth.se/identifier/{system}", "value": value}]
    assert document_of(bundle)["subject"] == document["subject"]


def test_a_consent_is_told_of_and_never_read_as_a_grant(made: Callable[..., Bundle], reader: FhirReader) -> None:
    """What rests on a consent carries a minimal Consent; whatever stands in it changes nothing of the message that is read."""
    message = sample("meeting.summoned")
    bundle = made(message)
    consent = one(bundle, "Consent")
    said = {"extension", "status", "scope", "category", "policyRule", "patient", "organization", "provision"}
    assert set(consent) == {"resourceType", "id", "text", *said}
    consent["provision"] = {"type": "permit", "actor": [{"role": {"text": "alla"}, "reference": {"display": "alla"}}]}
    assert reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json")) == message
    assert not resources(made(whole_cut(message, "secrecy_assessed")), "Consent")


def test_ids_tell_messages_and_recipients_apart(adapter: Fhir, recipient: MakeRecipient) -> None:
    """The same message to another unit at the same address has other Bundle and header ids; a repeat has the same; the key takes no part."""
    cut = whole_cut(sample("meeting.summoned"))
    here = recipient()
    first, again, other = (json.loads(adapter.translate(cut, unit).body) for unit in (here, here, replace(here, unit=p.CARE_CENTRE)))
    assert (first["id"], first["entry"][0]["resource"]["id"]) == (again["id"], again["entry"][0]["resource"]["id"])
    assert first["id"] != other["id"]
    assert first["entry"][0]["resource"]["id"] != other["entry"][0]["resource"]["id"]


def ids_of(bundle: Bundle) -> set[str]:
    """Return every id, full URL and identifier of ours in a Bundle, but those of units, organisations and people of the registers."""
    urls = {one for entry in bundle["entry"] for one in (entry["fullUrl"], entry["resource"]["id"])}
    return {bundle["id"], *urls, *numbers_in(bundle)}


def numbers_in(node: Any) -> set[str]:
    """Return every identifier of ours that is of an owner or a case."""
    found = set[str]()
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        found |= numbers_in(part)
    if isinstance(node, dict) and str(node.get("system", "")).startswith(f"{BASE}/sid/") and not node["system"].endswith("/unit"):
        found.add(f"{node['system']}|{node['value']}")
    return found


def _other(organisation: str) -> str:
    return p.REGION if organisation == p.MUNICIPALITY else p.MUNICIPALITY


@pytest.mark.parametrize("name", FORMS)
def test_what_two_owners_call_the_same_is_not_the_same(made: Callable[..., Bundle], name: str) -> None:
    """Given two owners whose messages have the same numbers throughout, no id, full URL or identifier is in both; a repeat has all of them."""
    for maximal in (False, True):
        document = sample(name, maximal=maximal).to_document()
        other = {**document, "owner": _other(document["owner"])}
        one_of, again, another = (ids_of(made(Cut(each, "consent"))) for each in (document, dict(document), other))
        assert one_of == again
        assert one_of & another == set()


@pytest.mark.parametrize("name", FORMS)
def test_what_two_senders_call_the_same_is_two_messages(made: Callable[..., Bundle], name: str) -> None:
    """Given two senders in one case whose messages have one number, the Bundles have other ids, and the number says whose it is."""
    document = sample(name, maximal=True).to_document()
    organisation = document["sender"]["organisation"]
    other = {**document, "sender": {**document["sender"], "organisation": _other(organisation)}}
    first, second = (made(Cut(each, "consent")) for each in (document, other))
    assert first["id"] != second["id"]
    assert first["entry"][0]["fullUrl"] != second["entry"][0]["fullUrl"]
    assert first["identifier"]["value"] == second["identifier"]["value"]
    assert [each["identifier"]["assigner"]["identifier"]["value"] for each in (first, second)] == [organisation, _other(organisation)]


def test_a_number_is_read_with_and_without_whose_it_is(made: Callable[..., Bundle], reader: FhirReader) -> None:
    """Given a Bundle as earlier versions wrote it, with bare numbers, it is read as the same message."""
    message = sample("plan.established", maximal=True)
    owner, case = message.owner, message.case_id
    text = json.dumps(made(message)).replace(f"{owner}/{case}/", "").replace(f'"{owner}/', '"')
    assert reader.read(Submission(text.encode(), "application/fhir+json")) == message


def test_markup_is_text(made: Callable[..., Bundle], reader: FhirReader) -> None:
    """Markup in a text stays the text it is, there and back."""
    document = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["notes"] = '<script>alert("x")</script> & <!-- -->'
    bundle = made(Cut(document, "consent"))
    assert one(bundle, "CarePlan")["note"] == [{"text": '<script>alert("x")</script> & <!-- -->'}]
    read = reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json"))
    assert isinstance(read, Message)
    assert read.to_document() == document


def test_what_fhir_cannot_carry_holds_the_delivery(adapter: Fhir, recipient: MakeRecipient) -> None:
    """A control character is named by its place and never dropped."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["content"]["agenda"][0] = "a\x01"
    with pytest.raises(MappingError, match="/entry/") as caught:
        adapter.translate(Cut(document, "consent"), recipient())
    assert caught.value.code == "mapping.unrepresentable"


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(FORMS)))
def test_what_is_for_the_hub_alone_never_leaves(adapter: Fhir, recipient: MakeRecipient, name: str) -> None:
    """A type without a form in FHIR is a mapping error, so the delivery is held with that reason."""
    with pytest.raises(MappingError) as caught:
        adapter.translate(whole_cut(sample(name)), recipient())
    assert caught.value.code == "mapping.unsupported_kind"


@pytest.mark.parametrize("endpoint", ["folder/a", "", "urn:x:y", "https://a b/"])
def test_an_endpoint_that_is_no_url_is_not_put_into_a_bundle(adapter: Fhir, recipient: MakeRecipient, endpoint: str) -> None:
    """Endpoints are URLs: a directory entry with another address holds the delivery before anything is sent."""
    with pytest.raises(MappingError) as caught:
        adapter.translate(whole_cut(sample("meeting.summoned")), recipient(endpoint))
    assert caught.value.code == "mapping.invalid_output"


def test_too_much_is_refused(adapter: Fhir, recipient: MakeRecipient) -> None:
    """A document beyond what partners take is a mapping error."""
    document = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["needs"] = ["å" * 10_000] * 500
    with pytest.raises(MappingError) as caught:
        adapter.translate(Cut(document, "consent"), recipient())
    assert caught.value.code == "mapping.too_large"


def test_a_profile_is_claimed_only_where_it_is_set(make_context: Callable[..., Any], recipient: MakeRecipient) -> None:
    """The plan's profile is a setting, because its address is not stable; so is our own address."""
    profile = "https://profile.example/StructureDefinition/sip"
    other = Fhir(make_context(settings={"careplan_profile": profile, "source": "https://hub.example/fhir"}))
    bundle = json.loads(other.translate(whole_cut(sample("plan.established")), recipient()).body)
    assert one(bundle, "CarePlan")["meta"] == {"versionId": "1", "profile": [profile]}
    assert bundle["entry"][0]["resource"]["source"]["endpoint"] == "https://hub.example/fhir"


GOLDEN = Path(__file__).parent / "golden"


def golden_of(bundle: Mapping[str, Any]) -> str:
    """Return a Bundle as a person reads it."""
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"


@pytest.mark.parametrize(("name", "maximal"), SAMPLES)
def test_golden_files_are_what_is_made(made: Callable[..., Bundle], name: str, maximal: bool) -> None:
    """The example in golden/ is what is made today. To write them anew, run rewrite_golden.py beside this file and read the difference."""
    file = GOLDEN / f"{name}.{'maximal' if maximal else 'minimal'}.json"
    assert file.read_text("utf-8") == golden_of(made(sample(name, maximal=maximal)))


def test_an_id_is_the_uuid_of_its_name() -> None:
    """Given many names, when ids are made of them, then each is the UUID of version 5 that the standard library makes."""
    spaces = [uuid5(NAMESPACE_URL, f"space/{number}") for number in range(4)]
    names = [f"goal/{number}/mål å" for number in range(200)]
    assert [named(space.bytes, name) for space in spaces for name in names] == [
        str(uuid5(space, name)) for space in spaces for name in names
    ]


THREAD = {
    "amend": {"meeting.rescheduled", "plan.revised", "coordinator.changed"},
    "forward": {"message.forwarded"},
    "reply": {
        *("activity.status", "meeting.response", "message.misdirected", "sip.request.answered"),
        *("plan.commitment.confirmed", "plan.commitment.rejected"),
    },
    "withdraw": {"inpatient.discharge_ready.revoked", "meeting.cancelled", "plan.closed", "process.interrupted", "stop.notice"},
}


@pytest.mark.parametrize("name", FORMS)
def test_each_message_is_a_link_of_its_conversation(made: Callable[..., Bundle], name: str) -> None:
    """One Provenance is about the header: what the message does, when, who sent it, and the message that led to it, named by its number."""
    for maximal in (False, True):
        message = sample(name, maximal=maximal)
        bundle = made(message)
        link, header = one(bundle, "Provenance"), one(bundle, "MessageHeader")
        assert link["target"] == [{"reference": f"urn:uuid:{header['id']}"}]
        assert link["recorded"] == bundle["timestamp"]
        does = next((word for word, names in THREAD.items() if name in names), "new")
        assert link["activity"]["coding"] == [{"system": "https://siphub.example/fhir/CodeSystem/thread", "code": does}]
        assert link["agent"] == [{"who": header["sender"]}]
        before = [entity["what"]["identifier"] for entity in link.get("entity", [])]
        cause = {"system": f"{BASE}/sid/message", "value": f"{message.owner}/{message.causation_id}"}
        assert before == ([] if message.causation_id is None else [cause])


def test_a_link_tells_no_more_than_the_cut(made: Callable[..., Bundle]) -> None:
    """Where the cut has neither the sender nor the cause, the Provenance has neither."""
    link = one(made(cut_without(sample("meeting.summoned", maximal=True), "/sender", "/author", "/causation_id")), "Provenance")
    assert link["agent"] == [{"who": {"display": "undisclosed"}}]
    assert "entity" not in link
