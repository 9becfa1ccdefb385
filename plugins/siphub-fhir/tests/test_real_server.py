"""Transactions and single resources at a FHIR server that is not ours: created once, put again, and what its refusals lead to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from siphub.contract import Cut, Delivered, Outcome, Recipient, Rejected, Retry, Uncertain
from siphub.model import people as p
from siphub.model import sample
from siphub_fhir import Fhir
from siphub_fhir.message import FORMS
from siphub_fhir.vocabulary import number_in, numbering

if TYPE_CHECKING:
    from siphub.testing.fhir_server import FhirServer

pytestmark = pytest.mark.node
MakeRecipient = Callable[..., Recipient]
MakeContext = Callable[..., Any]
REST = pytest.mark.parametrize("form", ["transaction", "resource"])


@pytest.fixture
def server(fhir_server: FhirServer) -> Iterator[FhirServer]:
    """Give the server without faults."""
    fhir_server.clear()
    yield fhir_server
    fhir_server.clear()


@pytest.fixture
def patient(make_context: MakeContext) -> Fhir:
    """Give the adapter with time for a server that validates."""
    return Fhir(make_context(settings={"timeout_seconds": "60"}))


def new(kind: str, **ids: str) -> Cut:
    """Return a message that no server has had, about a meeting or a plan of its own unless `thing` says which."""
    document: Any = sample(kind, maximal=True).to_document()
    document["message_id"] = str(uuid4())
    for name in ("meeting", "plan"):
        if name in document["content"]:
            document["content"][name]["id"] = ids.get("thing", str(uuid4()))
    return Cut(document, "consent")


def numbered(server: FhirServer, kind: str, name: str, value: str) -> list[dict[str, Any]]:
    """Return what the server keeps of one type under one of our numbers."""
    return [
        one
        for one in server.kept(kind)
        if any((each["system"], number_in(each["value"])) == (numbering(name), value) for each in one.get("identifier", ()))
    ]


@REST
@pytest.mark.parametrize("kind", FORMS)
def test_every_message_is_kept_once(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str, kind: str) -> None:
    """Given any message, the server validates and keeps it; the same one again gets the same name, and nothing is kept twice."""
    there, cut = recipient(server.url, form=form), new(kind)
    about = {"stop.notice": "about_id", "plan.closed": "plan_id"}.get(kind)
    if about is not None:  # what is called back is there
        content: Any = cut.document["content"]
        patient.deliver(patient.translate(new("plan.established", thing=content[about]), there), there, "k-0")
    payload = patient.translate(cut, there)
    first = patient.deliver(payload, there, "k")
    assert isinstance(first, Delivered)
    assert first.partner_id is not None
    assert patient.deliver(payload, there, "k") == first
    found = numbered(server, first.partner_id.partition("/")[0], "message", cut.message_id)
    assert [f"{one['resourceType']}/{one['id']}" for one in found] == [first.partner_id]


@REST
def test_the_person_is_not_made_twice(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given messages about one person, a transaction leads to the one Patient the server has, and a single resource names them."""
    there, plan = recipient(server.url, form=form), new("plan.established")
    for cut in (plan, new("meeting.summoned")):
        patient.deliver(patient.translate(cut, there), there, "k")
    people = [one for one in server.kept("Patient") if one["identifier"][0]["value"] == str(p.SUBJECT_NUMBER)]
    subject = numbered(server, "CarePlan", "message", plan.message_id)[0]["subject"]
    if form == "transaction":
        assert [f"Patient/{one['id']}" for one in people] == [subject["reference"]]
    else:
        assert subject["identifier"]["value"] == str(p.SUBJECT_NUMBER)


@REST
def test_a_meeting_that_is_moved_and_called_off_is_one_appointment(
    patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str
) -> None:
    """Given a summons, a new time and a stop notice, the server has one Appointment with three versions, cancelled at last."""
    there, meeting = recipient(server.url, form=form), str(uuid4())
    for kind in ("meeting.summoned", "meeting.rescheduled"):
        assert isinstance(patient.deliver(patient.translate(new(kind, thing=meeting), there), there, "k"), Delivered)
    notice: Any = sample("stop.notice", maximal=True).to_document()
    notice["message_id"] = str(uuid4())
    notice["content"] |= {"about": "meeting", "about_id": meeting}
    assert isinstance(patient.deliver(patient.translate(Cut(notice, "recall"), there), there, "k"), Delivered)
    [kept] = numbered(server, "Appointment", "meeting", meeting)
    assert [one["status"] for one in server.history("Appointment", kept["id"])] == ["cancelled", "pending", "pending"]
    assert "start" not in kept, "what was called off says nothing more"


def test_a_consent_is_put_and_then_taken_down(patient: Fhir, recipient: MakeRecipient, server: FhirServer) -> None:
    """Given two messages on a consent and a stop notice in one case, the server has one Consent with three versions, inactive at last."""
    there, case, numbers = recipient(server.url, form="transaction"), str(uuid4()), []
    for kind, basis in (("meeting.summoned", "consent"), ("plan.established", "consent"), ("stop.notice", "recall")):
        document = {**sample(kind).to_document(), "case_id": case, "message_id": str(uuid4())}
        payload = patient.translate(Cut(document, basis), there)
        assert isinstance(patient.deliver(payload, there, "k"), Delivered)
        entries = [one["resource"] for one in json.loads(payload.body)["entry"] if one["resource"]["resourceType"] == "Consent"]
        numbers += [one["identifier"][0]["value"] for one in entries]
    [kept] = numbered(server, "Consent", "record", numbers[0])
    assert numbers == [numbers[0]] * 3
    assert [one["status"] for one in server.history("Consent", kept["id"])] == ["inactive", "active", "active"]


def test_a_provenance_is_kept_once_and_leads_to_the_plan(patient: Fhir, recipient: MakeRecipient, server: FhirServer) -> None:
    """Given a plan and its repeat, the server has one Provenance about it, which leads to the CarePlan that it has."""
    there, cut = recipient(server.url, form="transaction"), new("plan.established")
    payload = patient.translate(cut, there)
    for _ in range(2):
        assert isinstance(patient.deliver(payload, there, "k"), Delivered)
    [plan] = numbered(server, "CarePlan", "message", cut.message_id)
    links = [one for one in server.kept("Provenance") if one["target"] == [{"reference": f"CarePlan/{plan['id']}"}]]
    assert len(links) == 1


@REST
def test_a_meeting_that_was_held_is_the_same_appointment(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given a summons and word that the meeting was held, the server has one Appointment, fulfilled at last."""
    there, meeting = recipient(server.url, form=form), str(uuid4())
    held: Any = sample("meeting.held", maximal=True).to_document()
    held |= {"message_id": str(uuid4()), "content": {**held["content"], "meeting_id": meeting}}
    for cut in (new("meeting.summoned", thing=meeting), Cut(held, "consent")):
        assert isinstance(patient.deliver(patient.translate(cut, there), there, "k"), Delivered)
    [kept] = numbered(server, "Appointment", "meeting", meeting)
    assert [one["status"] for one in server.history("Appointment", kept["id"])] == ["fulfilled", "pending"]


@REST
def test_two_units_have_an_appointment_each(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given one meeting and two units at one server, neither's view of it replaces the other's."""
    there, meeting = recipient(server.url, form=form), str(uuid4())
    other = Recipient(p.CARE_CENTRE, p.REGION, "Region", "fhir", there.endpoint, None, there.options)
    for one in (there, other):
        assert isinstance(patient.deliver(patient.translate(new("meeting.summoned", thing=meeting), one), one, "k"), Delivered)
    assert len(numbered(server, "Appointment", "meeting", meeting)) == 2


@REST
def test_after_a_cut_line_a_repeat_makes_no_second(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given a line that is cut once the server has it: Uncertain, and the repeat finds what the first made."""
    there, cut = recipient(server.url, form=form), new("sip.requested")
    payload = patient.translate(cut, there)
    server.fault(0, after=True)
    assert patient.deliver(payload, there, "k") == Uncertain("partner.connection_cut")
    assert isinstance(patient.deliver(payload, there, "k"), Delivered)
    assert len(numbered(server, "Task", "message", cut.message_id)) == 1


@REST
@pytest.mark.parametrize("kind", ["sip.requested", "plan.established"])
def test_what_stands_there_twice_is_left_alone(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str, kind: str) -> None:
    """Given two resources under the number that should be one's own (412), nothing is made or changed, and a person must look."""
    there, cut = recipient(server.url, form=form), new(kind)
    payload = patient.translate(cut, there)
    document = json.loads(payload.body)
    own = document["entry"][-1]["resource"] if form == "transaction" else document
    numbers = [one for one in own["identifier"] if one["system"] == numbering("record")]
    lone: dict[str, Any] = {"status": "draft", "intent": "plan", "resourceType": own["resourceType"], "identifier": numbers}
    if kind == "plan.established":
        lone["subject"] = {"display": "undisclosed"}
    for _ in range(2):
        server.keep(lone)
    found = patient.deliver(payload, there, "k")
    assert isinstance(found, Rejected)
    invalid = (form, kind) == ("transaction", "plan.established")  # what this server calls it there
    assert found.code == ("partner.fhir_refused" if invalid else "partner.fhir_ambiguous")
    assert numbered(server, own["resourceType"], "message", cut.message_id) == []


def called_back(patient: Fhir, there: Recipient, plan: str) -> Outcome:
    """Deliver a stop notice about a plan."""
    document: Any = sample("stop.notice", maximal=True).to_document()
    content = {**document["content"], "about": "plan", "about_id": plan}
    cut = Cut({**document, "message_id": str(uuid4()), "content": content}, "recall")
    return patient.deliver(patient.translate(cut, there), there, str(uuid4()))


@REST
def test_a_plan_that_is_called_back_is_revoked(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given a plan and a stop notice, twice over: the CarePlan is revoked once, by its status alone, and told so by its narrative."""
    there, plan = recipient(server.url, form=form), str(uuid4())
    assert isinstance(patient.deliver(patient.translate(new("plan.established", thing=plan), there), there, "k"), Delivered)
    found = called_back(patient, there, plan)
    assert isinstance(found, Delivered)
    assert str(found.partner_id).startswith("Communication/")
    [kept] = numbered(server, "CarePlan", "plan", plan)
    after, before = server.history("CarePlan", kept["id"])
    assert (before["status"], after["status"]) == ("active", "revoked")
    assert "Status: gäller inte längre" in after["text"]["div"]
    same = set(before) - {"status", "text", "meta"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert isinstance(called_back(patient, there, plan), Delivered)
    assert [one["status"] for one in numbered(server, "CarePlan", "plan", plan)] == ["revoked"]


@REST
def test_a_plan_that_is_agreed_on_anew_is_in_force_again(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given a plan that was called back and a next version after it, the same CarePlan is active, with its narrative."""
    there, plan = recipient(server.url, form=form), str(uuid4())
    patient.deliver(patient.translate(new("plan.established", thing=plan), there), there, "k")
    called_back(patient, there, plan)
    patient.deliver(patient.translate(new("plan.revised", thing=plan), there), there, "k")
    [kept] = numbered(server, "CarePlan", "plan", plan)
    assert kept["status"] == "active"
    assert "gäller inte längre" not in kept["text"]["div"]


@REST
@pytest.mark.parametrize("status", [405, 415, 501])
def test_a_server_that_ends_no_plan_leaves_it_to_a_person(
    patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str, status: int
) -> None:
    """Given a server that knows no PATCH, the notice is there, the plan is active, and the delivery says so instead of that it went well."""
    there, plan = recipient(server.url, form=form), str(uuid4())
    patient.deliver(patient.translate(new("plan.established", thing=plan), there), there, "k")
    notices = len(server.kept("Communication"))
    server.fault(status, method="PATCH", outcome=outcome("not-supported"))
    found = called_back(patient, there, plan)
    assert isinstance(found, Rejected)
    assert found.code == "partner.plan_in_force"
    assert [one["status"] for one in numbered(server, "CarePlan", "plan", plan)] == ["active"]
    assert len(server.kept("Communication")) == notices + 1


@REST
@pytest.mark.parametrize("there_are", [0, 2])
def test_a_plan_that_is_not_there_once_is_left_to_a_person(
    patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str, there_are: int
) -> None:
    """Given no plan under the number (404), or two (412), nothing is changed, and nobody is told that it was."""
    there, plan = recipient(server.url, form=form), str(uuid4())
    if there_are:
        patient.deliver(patient.translate(new("plan.established", thing=plan), there), there, "k")
        [kept] = numbered(server, "CarePlan", "plan", plan)
        server.keep({name: value for name, value in kept.items() if name not in {"id", "meta"}})
    found = called_back(patient, there, plan)
    assert isinstance(found, Rejected)
    assert found.code == "partner.plan_in_force"
    assert {one["status"] for one in numbered(server, "CarePlan", "plan", plan)} <= {"active"}


@REST
def test_what_the_partner_has_changed_is_replaced(patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str) -> None:
    """Given a change of the partner's own between two versions, the later one replaces it whole, and the server's history has both.

    That is what docs/fhir.md says: the copy is ours, nobody else's words stand in it, and no If-Match is sent.
    """
    there, plan = recipient(server.url, form=form), str(uuid4())
    patient.deliver(patient.translate(new("plan.established", thing=plan), there), there, "k")
    [kept] = numbered(server, "CarePlan", "plan", plan)
    server.patch("CarePlan", kept["id"], [{"op": "add", "path": "/title", "value": "Vår egen rubrik"}])
    assert isinstance(patient.deliver(patient.translate(new("plan.revised", thing=plan), there), there, "k"), Delivered)
    ours, theirs, _ = server.history("CarePlan", kept["id"])
    assert (theirs["title"], ours.get("title")) == ("Vår egen rubrik", kept.get("title"))
    assert not any("if-match" in one["headers"] for one in server.seen())


def outcome(code: str) -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": "Prov Provsdotter"}]}


STRIKES: list[tuple[int, dict[str, Any], Outcome]] = [
    (409, {"outcome": outcome("conflict")}, Retry("partner.fhir_conflict")),
    (
        412,
        {"outcome": outcome("multiple-matches")},
        Rejected("partner.fhir_ambiguous", "several resources there have the identifier that should be one's own"),
    ),
    (422, {"outcome": outcome("business-rule")}, Rejected("partner.fhir_refused", "the partner's OperationOutcome says business-rule")),
    (429, {"headers": {"Retry-After": "7"}, "outcome": outcome("throttled")}, Retry("partner.http_429", timedelta(seconds=7))),
    (500, {"outcome": outcome("exception")}, Retry("partner.http_500")),
    (503, {"headers": {"Retry-After": "60"}}, Retry("partner.http_503", timedelta(seconds=60))),
    (502, {}, Uncertain("partner.gateway")),
]


@REST
@pytest.mark.parametrize(("status", "more", "expected"), STRIKES, ids=[str(status) for status, *_ in STRIKES])
def test_a_refusal_has_its_outcome_and_the_repeat_arrives(
    patient: Fhir, recipient: MakeRecipient, server: FhirServer, form: str, status: int, more: dict[str, Any], expected: Outcome
) -> None:
    """Given a server that refuses once, the outcome is the table's without a word of it; the same message again is kept once."""
    there, cut = recipient(server.url, form=form), new("activity.status")
    payload = patient.translate(cut, there)
    server.fault(status, **more)
    found = patient.deliver(payload, there, "k")
    assert found == expected
    assert "Provsdotter" not in repr(found)
    assert numbered(server, "Task", "message", cut.message_id) == []
    assert isinstance(patient.deliver(payload, there, "k"), Delivered)
    assert len(numbered(server, "Task", "message", cut.message_id)) == 1


def test_what_a_server_does_not_hold_valid_is_refused(patient: Fhir, recipient: MakeRecipient, server: FhirServer) -> None:
    """Given a resource that the server's own validation is against, the delivery is rejected with the issue's code and place, and nothing is kept."""
    there, cut = recipient(server.url, form="resource"), new("sip.requested")
    payload = patient.translate(cut, there)
    broken = type(payload)(
        payload.body.replace(b'"intent":"proposal"', b'"intent":["proposal"]'), payload.media_type, payload.plugin, None, payload.headers
    )
    assert broken.body != payload.body
    assert patient.deliver(broken, there, "k") == Rejected(
        "partner.fhir_refused", "the partner's OperationOutcome says structure at Task.intent"
    )
    assert numbered(server, "Task", "message", cut.message_id) == []


def test_requests_ask_for_nothing_about_anybody(patient: Fhir, recipient: MakeRecipient, server: FhirServer) -> None:
    """Given deliveries in both forms, the server has only seen writes, none with a person's number in its address, and no answer is asked for."""
    before = len(server.seen())
    for form in ("transaction", "resource"):
        there = recipient(server.url, form=form)
        patient.deliver(patient.translate(new("plan.established"), there), there, "k")
    seen = server.seen()[before:]
    assert [one["method"] for one in seen] == ["POST", "PUT"]
    assert not any(str(p.SUBJECT_NUMBER)[-4:] in one["url"] for one in seen)
    assert {one["headers"]["prefer"] for one in seen} == {"return=minimal"}
    assert not any("siphub-request" in one["headers"] for one in seen)
