"""Transactions and single resources: valid, whole, the same again for a repeat, and replaced by the next version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from siphub.contract import Cut, Draft, Invalid, MappingError, Payload, Recipient, Submission
from siphub.model import Message, sample
from siphub.model import people as p
from siphub.testing.samples import everybody_protected, policy_cuts, whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.checks import problems_of
from siphub_fhir.message import FORMS
from siphub_fhir.translate import REQUEST
from siphub_fhir.vocabulary import BASE, PERSON_SYSTEMS, numbering
from siphub_fhir.xml_in import from_xml

MakeRecipient = Callable[..., Recipient]
FORMS_OF_REST = ("transaction", "resource")
CUTS = [
    (f"{name}-{'maximal' if maximal else 'minimal'}", whole_cut(sample(name, maximal=maximal)))
    for name in FORMS
    for maximal in (False, True)
]
CUTS += [(name, cut) for name, cut in policy_cuts() if cut.message_type in FORMS and "owner" in cut.document]
BASE_ADDRESS = "https://region.example/fhir"


def made(adapter: Fhir, recipient: MakeRecipient, cut: Cut, form: str, **options: str) -> Payload:
    """Translate a cut to an entry of a form."""
    return adapter.translate(cut, recipient(BASE_ADDRESS, form=form, **options))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document."""
    if isinstance(node, dict):
        yield node
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(one)


def texts(node: Any) -> set[str]:
    """Return every text of a document but addresses, ids and references."""
    skipped = {"reference", "fullUrl", "id", "versionId", "url", "endpoint", "ifNoneExist", "method", "resourceType", "div"}
    return {value for one in nodes(node) for name, value in one.items() if isinstance(value, str) and name not in skipped}


def resources(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources that a server is to keep."""
    return [one["resource"] for one in document["entry"]] if document["resourceType"] == "Bundle" else [document]


@pytest.mark.parametrize("form", FORMS_OF_REST)
def test_every_message_has_a_form_for_servers_without_messaging(adapter: Fhir, recipient: MakeRecipient, form: str) -> None:
    """Given any message and any cut of it, what is made holds to our checks, leads nowhere outside itself, and contains as R4 lets it."""
    for name, cut in CUTS:
        document = json.loads(made(adapter, recipient, cut, form).body)
        assert list(problems_of(document, whole=True)) == [], name
        urls = {one["fullUrl"] for one in document.get("entry", ())}
        for resource in resources(document):
            inside = {f"#{one['id']}" for one in resource.get("contained", ())}
            led = {one["reference"] for one in nodes(resource) if isinstance(one.get("reference"), str)}
            assert led - {"#"} <= urls | inside, name
            assert inside <= led, f"{name}: dom-3"
            assert not [one for one in resource.get("contained", ()) if "contained" in one or "meta" in one], f"{name}: dom-2, dom-4, dom-5"
            assert "id" not in resource, name


@pytest.mark.parametrize("form", FORMS_OF_REST)
@pytest.mark.parametrize("kind", FORMS)
def test_what_the_message_says_is_there(adapter: Fhir, recipient: MakeRecipient, form: str, kind: str) -> None:
    """Given a message of any type, every text of what it is about is there; the ledger of docs/fhir.md says what is not."""
    cut = whole_cut(sample(kind, maximal=True))
    message = json.loads(adapter.translate(cut, recipient()).body)
    header = message["entry"][0]["resource"]
    by_url = {one["fullUrl"]: one["resource"] for one in message["entry"]}
    said = set[str]()
    for one in header["focus"]:
        focus = by_url[one["reference"]]
        if focus["resourceType"] not in {"Consent", "Patient"} or form == "transaction":
            said |= texts({name: value for name, value in focus.items() if name not in {"meta", "text"}})
    said |= texts(header["extension"])
    found = texts(json.loads(made(adapter, recipient, cut, form).body))
    assert said - found == set()
    assert {header["eventCoding"]["code"], header["source"]["endpoint"], message["identifier"]["value"]} <= found


def asked(document: dict[str, Any]) -> dict[str, tuple[str, str, str | None]]:
    """Return what a transaction asks for, by the type of the resource and its place among those."""
    found = [(one["resource"]["resourceType"], one["request"]) for one in document["entry"]]
    return {f"{kind}/{number}": (one["method"], one["url"], one.get("ifNoneExist")) for number, (kind, one) in enumerate(found)}


def test_a_repeat_asks_for_the_same(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given the same message again, the bytes are the same, and everything is created under a condition or put where it already is."""
    for _, cut in CUTS:
        first = made(adapter, recipient, cut, "transaction")
        assert made(adapter, recipient, cut, "transaction") == first
        for method, url, once in asked(json.loads(first.body)).values():
            assert (method, "?identifier=" in url, bool(once)) in {("POST", False, True), ("PUT", True, False)}


@pytest.mark.parametrize("first", ["plan.established", "splptlrv.established", "lss.established"])
def test_plans_of_other_kinds_and_owners_are_put_elsewhere(adapter: Fhir, recipient: MakeRecipient, first: str) -> None:
    """Given plans of three kinds with one number in one case, and the same of another owner, each is put under a number of its own."""
    number, addresses = "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001", []
    for kind in ("plan.established", "splptlrv.established", "lss.established"):
        document = sample(kind, maximal=True).to_document()
        content: Any = document["content"]
        content |= {"plan": {**content["plan"], "id": number}} if "plan" in content else {"plan_id": number}
        for owner in (p.MUNICIPALITY, p.REGION):
            payload = made(adapter, recipient, Cut({**document, "owner": owner}, "consent"), "resource")
            addresses.append((kind == first and owner == p.MUNICIPALITY, payload.headers[REQUEST], json.loads(payload.body)))
    [(here, body)] = [(address, body) for mine, address, body in addresses if mine]
    assert here.startswith("PUT CarePlan?identifier=")
    assert [address for _, address, _ in addresses].count(here) == 1
    named = [
        {(one["system"], one["value"]) for one in each["identifier"] if not one["system"].endswith("/message")} for *_, each in addresses
    ]
    assert len(set.union(*named)) == sum(len(one) for one in named) == 2 * len(addresses), body["resourceType"]


def entries(payload: Payload, kind: str) -> list[dict[str, Any]]:
    """Return the entries of one type in a transaction."""
    return [one for one in json.loads(payload.body)["entry"] if one["resource"]["resourceType"] == kind]


def test_a_consent_is_one_for_a_case_and_a_unit(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given messages that rest on a consent, each puts it where the last did; a stop notice puts it as inactive there, and says nothing more of it."""
    [first], [second] = (
        entries(made(adapter, recipient, whole_cut(sample(kind, maximal=True)), "transaction"), "Consent")
        for kind in ("meeting.summoned", "plan.established")
    )
    assert first["request"] == second["request"]
    assert first["request"]["method"] == "PUT"
    assert first["resource"]["status"] == "active"
    [stopped] = entries(made(adapter, recipient, Cut(sample("stop.notice").to_document(), "recall"), "transaction"), "Consent")
    assert stopped["request"] == first["request"]
    assert stopped["resource"]["status"] == "inactive"
    assert not {"patient", "provision", "dateTime", "organization"} & set(stopped["resource"])
    other = {**sample("plan.established").to_document(), "case_id": "5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0002"}
    [elsewhere] = entries(made(adapter, recipient, Cut(other, "consent"), "transaction"), "Consent")
    assert elsewhere["request"] != first["request"]


@pytest.mark.parametrize("basis", ["secrecy_assessed", "statutory_duty"])
def test_what_rests_on_no_consent_puts_none(adapter: Fhir, recipient: MakeRecipient, basis: str) -> None:
    """Given another basis, there is no Consent in the transaction."""
    assert entries(made(adapter, recipient, whole_cut(sample("meeting.summoned"), basis), "transaction"), "Consent") == []


@pytest.mark.parametrize("kind", FORMS)
def test_a_transaction_has_its_messages_provenance(adapter: Fhir, recipient: MakeRecipient, kind: str) -> None:
    """Given any message, its link in the conversation is about the resource that carries it, created once, and names the message before."""
    payload = made(adapter, recipient, whole_cut(sample(kind, maximal=True)), "transaction")
    [link] = entries(payload, "Provenance")
    main = json.loads(payload.body)["entry"][-1]
    assert link["resource"]["target"] == [{"reference": main["fullUrl"]}]
    [tag] = link["resource"]["meta"]["tag"]
    assert link["request"]["ifNoneExist"] == f"_tag={tag['system']}%7C{tag['code']}"
    message = json.loads(adapter.translate(whole_cut(sample(kind, maximal=True)), recipient()).body)
    [said] = [one["resource"] for one in message["entry"] if one["resource"]["resourceType"] == "Provenance"]
    assert {name: link["resource"].get(name) for name in ("activity", "recorded", "entity")} == {
        name: said.get(name) for name in ("activity", "recorded", "entity")
    }
    assert tag["code"] == said["id"]


@pytest.mark.parametrize(("first", "later"), [("meeting.summoned", "meeting.rescheduled"), ("plan.proposed", "plan.established")])
@pytest.mark.parametrize("form", FORMS_OF_REST)
def test_a_later_version_is_put_where_the_earlier_is(adapter: Fhir, recipient: MakeRecipient, form: str, first: str, later: str) -> None:
    """Given a meeting that is moved, or a plan that is agreed on, it is put under the same number, which is another for another unit."""

    def number(kind: str, unit: str, thing: str = p.HOSPITAL) -> set[str]:
        document = sample(kind, maximal=True).to_document()
        holder: Any = document["content"]
        holder["meeting" if "meeting" in holder else "plan"]["id"] = "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"
        there = recipient(BASE_ADDRESS, form=form)
        there = Recipient(unit, there.organisation, there.label, "fhir", there.endpoint, None, there.options)
        body = json.loads(adapter.translate(Cut(document, "consent"), there).body)
        numbers = [one["value"] for one in nodes(resources(body)) if "value" in one and one["system"] == numbering("record")]
        main = [one for one in resources(body) if one["resourceType"] in {"Appointment", "CarePlan"}]
        return {one["value"] for one in main[0]["identifier"] if one["system"] == numbering("record")} & set(numbers)

    assert number(first, p.HOME_CARE) == number(later, p.HOME_CARE)
    assert number(first, p.HOME_CARE) != number(first, p.CONTACT)


@pytest.mark.parametrize("kind", ["meeting.summoned", "plan.established", "splptlrv.established"])
def test_another_case_replaces_nothing(adapter: Fhir, recipient: MakeRecipient, kind: str) -> None:
    """Given a meeting or a plan with the number that another case has given its own, what is put is put elsewhere; a repeat is not."""

    def address(case: str) -> str:
        document = {**sample(kind, maximal=True).to_document(), "case_id": case}
        return str(made(adapter, recipient, Cut(document, "consent"), "resource").headers[REQUEST])

    one, other = "5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001", "5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0002"
    assert address(one).startswith("PUT ")
    assert (address(one) == address(one), address(one) == address(other)) == (True, False)


def test_a_stop_notice_is_put_where_its_meeting_is(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a meeting and the notice that stops it, both are put under one number, though the notice shows less."""
    meeting, notice = sample("meeting.summoned", maximal=True).to_document(), sample("stop.notice", maximal=True).to_document()
    there: Any = meeting["content"]
    notice["content"] = {**notice["content"], "about": "meeting", "about_id": there["meeting"]["id"]}
    first, last = (made(adapter, recipient, Cut(one, "recall"), "resource").headers[REQUEST] for one in (meeting, notice))
    assert first == last


def test_versions_are_ours_and_not_the_servers(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given version 2 of a meeting, our number stands in an extension: the server counts versions of its own."""
    document = sample("meeting.rescheduled", maximal=True).to_document()
    body = json.loads(made(adapter, recipient, Cut(document, "consent"), "resource").body)
    said = [one["valuePositiveInt"] for one in body["extension"] if one["url"].endswith("/meeting-version")]
    content: Any = document["content"]
    assert said == [content["meeting"]["version"]]
    assert "versionId" not in body["meta"]


def test_no_number_of_a_person_stands_in_an_address(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given any message, addresses and headers of a single resource say nothing of a person; in a transaction only the body does."""
    for name, cut in CUTS:
        said = " ".join(made(adapter, recipient, cut, "resource").headers.values())
        assert f"{BASE}/sid/record" in said, name
        assert not [system for system in PERSON_SYSTEMS.values() if system in said], name
        assert str(p.SUBJECT_NUMBER)[2:] not in said, name


def test_labels_of_what_is_contained_become_the_wholes(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a protected person who is only named by a number, the resource itself carries the label."""
    body = json.loads(made(adapter, recipient, whole_cut(sample("plan.established", maximal=True)), "resource").body)
    assert [one["code"] for one in body["meta"]["security"]] == ["sekretessmarkering"]


def test_a_meeting_that_is_called_off_is_put_as_cancelled(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a stop notice about a meeting, the single resource is the Appointment, cancelled, with the notice in it."""
    document = sample("stop.notice", maximal=True).to_document()
    document["content"] = {**document["content"], "about": "meeting"}
    payload = made(adapter, recipient, Cut(document, "recall"), "resource")
    body = json.loads(payload.body)
    assert payload.headers[REQUEST].startswith("PUT Appointment?identifier=")
    assert (body["resourceType"], body["status"]) == ("Appointment", "cancelled")
    assert body["supportingInformation"] == [{"reference": f"#{body['contained'][0]['id']}"}]
    assert body["contained"][0]["resourceType"] == "Communication"
    assert "If-None-Exist" not in payload.headers


def test_the_questions_of_a_follow_up_travel_with_its_meeting(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a follow-up with questions, the single Appointment contains a Task for each."""
    body = json.loads(made(adapter, recipient, whole_cut(sample("followup.summoned", maximal=True)), "resource").body)
    tasks = [f"#{one['id']}" for one in body["contained"] if one["resourceType"] == "Task"]
    assert tasks
    assert [one["reference"] for one in body["supportingInformation"] if "reference" in one] == tasks


@pytest.mark.parametrize("form", ["message", *FORMS_OF_REST])
@pytest.mark.parametrize("kind", FORMS)
def test_xml_says_what_json_says(adapter: Fhir, recipient: MakeRecipient, form: str, kind: str) -> None:
    """Given an entry that wants XML, it reads back as what JSON says."""
    cut = whole_cut(sample(kind, maximal=True))
    payload = made(adapter, recipient, cut, form, format="xml")
    assert payload.media_type == "application/fhir+xml"
    assert from_xml(payload.body, decimal=float) == json.loads(made(adapter, recipient, cut, form).body)


@pytest.mark.parametrize("options", [{"form": "batch"}, {"form": ""}, {"format": "yaml"}])
def test_an_entry_that_asks_for_what_there_is_not_is_held(adapter: Fhir, recipient: MakeRecipient, options: dict[str, str]) -> None:
    """Given a misspelt form or format, the delivery is held, with the values there are."""
    with pytest.raises(MappingError, match=r"the option form(at)? of a fhir entry is") as caught:
        adapter.translate(whole_cut(sample("meeting.summoned")), recipient(BASE_ADDRESS, **options))
    assert caught.value.code == "mapping.option_wrong"


@pytest.mark.parametrize(
    ("endpoint", "options", "said"),
    [
        (f"{BASE_ADDRESS}/$process-message", {}, [(True, "message Bundles to $process-message as JSON, let in by nothing")]),
        (
            BASE_ADDRESS,
            {"form": "transaction", "format": "xml", "secret": "old"},
            [(True, "transaction Bundles as XML, let in by a fixed token")],
        ),
        (
            BASE_ADDRESS,
            {"form": "resource", "max_concurrent": "2"},
            [(True, "single resources, created or put by their identifiers, as JSON, let in by nothing")],
        ),
        (BASE_ADDRESS, {}, [(False, "messages are sent to this address"), (True, "message Bundles")]),
        (f"{BASE_ADDRESS}/$process-message", {"form": "resource"}, [(False, "the server's base address"), (True, "single resources")]),
        (BASE_ADDRESS, {"form": "resource", "Format": "xml"}, [(False, "fhir has no option Format"), (True, "single resources")]),
        (BASE_ADDRESS, {"form": "batch"}, [(False, "message or transaction or resource (settings.option_wrong)")]),
        (BASE_ADDRESS, {"form": "resource", "access": "nobody"}, [(False, "settings.access_missing")]),
    ],
)
def test_an_entry_says_what_it_makes_the_adapter_do(
    adapter: Fhir, recipient: MakeRecipient, endpoint: str, options: dict[str, str], said: list[tuple[bool, str]]
) -> None:
    """Given a directory entry, the check says which form and format it asks for, how we are let in, and what of it is wrong."""
    found = [(one.ok, one.what) for one in adapter.check_address(recipient(endpoint, **options))]
    assert len(found) == len(said)
    assert all(well is expected and words in what for (well, what), (expected, words) in zip(found, said, strict=True))


@pytest.mark.parametrize("form", FORMS_OF_REST)
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("written", ["json", "xml"])
def test_what_is_made_reads_back(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader, form: str, kind: str, written: str) -> None:
    """Given any message, its transaction reads back as it was, whoever is protected; a single resource but for what the ledger says."""
    for message in (sample(kind), sample(kind, maximal=True), everybody_protected(sample(kind, maximal=True))):
        payload = made(adapter, recipient, whole_cut(message), form, format=written)
        found = reader.read(Submission(payload.body, payload.media_type))
        expected: Any = message.to_document()
        if form == "resource" and "subject" in expected:
            expected["subject"] = {name: value for name, value in expected["subject"].items() if name not in {"given_name", "family_name"}}
            if kind == "meeting.response":
                del expected["subject"]
        assert (found.to_document() if isinstance(found, Message) else found.content) == expected


def test_what_does_not_say_which_message_it_is_is_foreign(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader) -> None:
    """Given a resource of ours without its message's id or its tag, it is read like anybody's: as a draft."""
    body = json.loads(made(adapter, recipient, whole_cut(sample("plan.established")), "resource").body)
    for name in ("identifier", "meta"):
        found = reader.read(
            Submission(json.dumps({key: value for key, value in body.items() if key != name}).encode(), "application/fhir+json")
        )
        assert isinstance(found, Draft)
        assert "/message_id" in found.missing


@pytest.mark.parametrize("kept", ["Patient", "none"])
def test_entries_without_addresses_are_read(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader, kept: str) -> None:
    """Given a transaction whose entries stand the other way round, those that nothing refers to without a fullUrl, it is read or refused."""
    message = sample("plan.established", maximal=True)
    document = json.loads(made(adapter, recipient, whole_cut(message), "transaction").body)
    document["entry"] = [one for one in reversed(document["entry"]) if one["resource"]["resourceType"] in {"CarePlan", "Consent", kept}]
    for one in document["entry"]:
        if one["resource"]["resourceType"] != "Patient":
            del one["fullUrl"]
    submission = Submission(json.dumps(document).encode(), "application/fhir+json")
    if kept == "Patient":
        assert reader.read(submission) == message
    else:
        with pytest.raises(Invalid):
            reader.read(submission)


def test_two_messages_in_one_transaction_are_refused(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader) -> None:
    """Given a transaction that carries two messages, it is refused with the place of the second: only one of them would be taken."""
    document = json.loads(made(adapter, recipient, whole_cut(sample("plan.established")), "transaction").body)
    further = json.loads(made(adapter, recipient, whole_cut(sample("plan.proposed")), "transaction").body)["entry"][-1]
    document["entry"].append({**further, "fullUrl": "urn:uuid:7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"})
    with pytest.raises(Invalid) as refused:
        reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
    place = f"/entry/{len(document['entry']) - 1}/resource"
    assert [(one.code, one.pointer) for one in refused.value.problems if one.code == "fhir.several_messages"] == [
        ("fhir.several_messages", place)
    ]
