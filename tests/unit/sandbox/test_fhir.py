"""The sandbox's FHIR side: what it takes, the table of duplicates, what it refuses and in which words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract.http import Http, HttpAnswer, HttpFailure
from siphub.sandbox import Fault, Sandbox

URL = "urn:uuid:00000000-0000-4000-8000-00000000000"
Bundle = dict[str, Any]


def entry(number: int, **resource: Any) -> Bundle:
    """Return an entry."""
    return {"fullUrl": f"{URL}{number}", "resource": {"id": f"r{number}", **resource}}


GOOD: Bundle = {
    "resourceType": "Bundle",
    "id": "b1",
    "type": "message",
    "identifier": {"value": "m1"},
    "entry": [
        entry(
            0,
            resourceType="MessageHeader",
            extension=[{"url": "https://x.example/StructureDefinition/case", "valueIdentifier": {"value": "c1"}}],
            eventCoding={"system": "s", "code": "meeting.summoned"},
            source={"endpoint": "https://hub.example/"},
            focus=[{"reference": f"{URL}1"}],
        ),
        entry(
            1,
            resourceType="Appointment",
            status="pending",
            start="2026-12-07T11:00:00Z",
            end="2026-12-07T12:00:00Z",
            participant=[{"status": "needs-action", "actor": {"reference": f"{URL}2"}}],
        ),
        entry(2, resourceType="HealthcareService"),
        entry(3, resourceType="Organization"),
    ],
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Run two partners with ledgers on disk; Tva wants a token."""
    with Sandbox(["ett", "tva"], folder=tmp_path, api_keys={"tva": "nyckel"}) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """Give a client that trusts the sandbox's CA."""
    client = Http(ca_file=sandbox.ca_file, timeout=timedelta(seconds=5))
    yield client
    client.close()


def post(http: Http, url: str, bundle: Any, key: str = "", kind: str = "application/fhir+json") -> HttpAnswer:
    """Send a Bundle, or bytes."""
    headers = {"Content-Type": f"{kind}; fhirVersion=4.0", **({"Idempotency-Key": key} if key else {})}
    answer = http.post(url, bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode(), headers, timedelta(seconds=1))
    assert isinstance(answer, HttpAnswer)
    return answer


def renamed(bundle: str, header: str) -> Bundle:
    """Return the good Bundle under other ids."""
    other = copy.deepcopy(GOOD) | {"id": bundle}
    other["entry"][0]["resource"]["id"] = header
    return other


def issues(answer: HttpAnswer) -> list[tuple[str, str]]:
    """Return the issues of an OperationOutcome."""
    said = json.loads(answer.body)
    assert (answer.media_type, said["resourceType"]) == ("application/fhir+json", "OperationOutcome")
    return [(issue["code"], issue["expression"][0]) for issue in said["issue"]]


def test_a_bundle_is_taken_and_answered(sandbox: Sandbox, http: Http) -> None:
    """A sound Bundle stands in the ledger with what it says about itself, and the answer responds to its header."""
    answer = post(http, sandbox.fhir_endpoint("ett"), GOOD, "k-1")
    [found] = sandbox.ledger("ett").effects()
    assert (found.key, found.message_type, found.message_id, found.case_id, found.status) == ("k-1", "meeting.summoned", "m1", "c1", 200)
    said = json.loads(answer.body)
    assert said["entry"][0]["resource"]["response"] == {"identifier": "r0", "code": "ok"}


def test_the_table_of_duplicates(sandbox: Sandbox, http: Http) -> None:
    """New and new is taken; seen and seen, and a new envelope of a seen message, get the first answer; a new message in a seen envelope is refused."""
    url = sandbox.fhir_endpoint("ett")
    first = post(http, url, renamed("b1", "h1"))
    again = post(http, url, renamed("b1", "h1"))
    resent = post(http, url, renamed("b2", "h1"), "another-key")
    wrong = post(http, url, renamed("b1", "h2"))
    assert [answer.status for answer in (first, again, resent, wrong)] == [200, 200, 200, 409]
    assert first.body == again.body == resent.body
    assert issues(wrong) == [("conflict", "Bundle")]
    assert [found.effect for found in sandbox.ledger("ett").entries()] == [True, False, False, False]
    assert [found.why for found in sandbox.ledger("ett").entries()] == [None, "repeat", "repeat", "bundle_reused"]


def test_a_key_is_for_one_body(sandbox: Sandbox, http: Http) -> None:
    """The same key with other bytes is a conflict, and the partner keeps what it had."""
    url = sandbox.fhir_endpoint("ett")
    assert post(http, url, GOOD, "k-1").status == 200
    other = post(http, url, renamed("b2", "h2"), "k-1")
    assert (other.status, issues(other)) == (409, [("conflict", "Bundle")])
    assert post(http, url, renamed("b2", "h2"), "k-2").status == 200
    assert len(sandbox.ledger("ett").effects()) == 2


def changed(number: int, **values: Any) -> Bundle:
    """Return the good Bundle with one resource changed; None takes an element away."""
    other = copy.deepcopy(GOOD)
    resource = other["entry"][number]["resource"] | values
    other["entry"][number]["resource"] = {name: value for name, value in resource.items() if value is not None}
    return other


APPOINTMENT = "Bundle.entry[1].resource"


@pytest.mark.parametrize(
    ("bundle", "issue"),
    [
        (changed(1, status=None), ("required", f"{APPOINTMENT}.status")),
        (changed(1, status="summoned"), ("code-invalid", f"{APPOINTMENT}.status")),
        (changed(1, end=None), ("invariant", f"{APPOINTMENT}.start")),
        (changed(1, participant=[{"actor": {"reference": f"{URL}3"}}]), ("invariant", f"{APPOINTMENT}.participant.actor")),
        (changed(0, focus=[{"reference": f"{URL}9"}]), ("not-found", "Bundle.entry[0].resource")),
        (changed(0, focus=None), ("required", "MessageHeader.focus")),
        (changed(0, resourceType="Task", status="requested", intent="proposal"), ("invariant", "Bundle.entry[0]")),
        (changed(3, resourceType="Consent", status="active", scope={}, category=[]), ("required", "Bundle.entry[3].resource.scope")),
        (
            changed(3, resourceType="Consent", status="active", scope={"text": "x"}, category=[{"text": "x"}]),
            ("invariant", "Bundle.entry[3].resource.policyRule"),
        ),
        (GOOD | {"type": "collection"}, ("invariant", "Bundle.type")),
        (GOOD | {"entry": []}, ("required", "Bundle.entry")),
        (GOOD | {"entry": [GOOD["entry"][0], *GOOD["entry"][1:], GOOD["entry"][1]]}, ("invariant", "Bundle.entry.fullUrl")),
    ],
)
def test_what_does_not_hold_is_refused_with_an_operation_outcome(
    sandbox: Sandbox, http: Http, bundle: Bundle, issue: tuple[str, str]
) -> None:
    """A defect is 422 with its issue code and its place, nothing is taken, and a mended Bundle with the same ids is."""
    url = sandbox.fhir_endpoint("ett")
    answer = post(http, url, bundle)
    assert answer.status == 422
    assert issue in issues(answer)
    assert sandbox.ledger("ett").effects() == ()
    assert post(http, url, GOOD).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"5",
        b'{"entry":{}}',
        b"[" * 10_000,
        b'{"entry":[{"resource":{"id":"x","resourceType":["MessageHeader"]}}]}',
        b'{"resourceType":"Bundle","type":"message","id":"b","entry":[{"fullUrl":{},"resource":{"id":"x","resourceType":"MessageHeader","eventCoding":{}}}]}',
    ],
)
def test_bytes_that_make_no_sense_are_refused(sandbox: Sandbox, http: Http, body: bytes) -> None:
    """Whatever comes is answered with an OperationOutcome, and the partner goes on."""
    answer = post(http, sandbox.fhir_endpoint("ett"), body)
    assert answer.status in {400, 422}
    assert issues(answer)
    assert post(http, sandbox.fhir_endpoint("ett"), GOOD).status == 200


def test_another_media_type_and_a_missing_token_are_refused(sandbox: Sandbox, http: Http) -> None:
    """Only FHIR as JSON is taken, and where a token is wanted nothing without it."""
    other = post(http, sandbox.fhir_endpoint("ett"), GOOD, kind="application/json")
    assert (other.status, issues(other)) == (415, [("not-supported", "Bundle")])
    unknown = post(http, sandbox.fhir_endpoint("tva"), GOOD)
    assert (unknown.status, issues(unknown)) == (401, [("login", "Bundle")])


def test_the_capability_statement_says_what_it_is(sandbox: Sandbox, http: Http) -> None:
    """Asked for its metadata, a partner names FHIR 4.0.1 and the operation."""
    answer = http.get(f"{sandbox.url}/ett/fhir/metadata")
    assert isinstance(answer, HttpAnswer)
    said = json.loads(answer.body)
    assert (answer.status, said["resourceType"], said["fhirVersion"]) == (200, "CapabilityStatement", "4.0.1")
    assert said["rest"][0]["operation"][0]["name"] == "process-message"


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Fault("status", times=1, status=503), lambda answer: answer.status == 503),
        (Fault("html", times=1), lambda answer: answer.media_type == "text/html"),
        (Fault("reset", times=1), lambda answer: isinstance(answer, HttpFailure) and answer.sent),
        (Fault("down", times=1), lambda answer: isinstance(answer, HttpFailure)),
        (Fault("slow", times=1, seconds=3), lambda answer: isinstance(answer, HttpFailure) and answer.code == "partner.timeout"),
    ],
)
def test_what_may_go_wrong_goes_wrong_here_too(sandbox: Sandbox, http: Http, fault: Fault, seen: Callable[[Any], bool]) -> None:
    """Each fault strikes a Bundle as it strikes other deliveries; afterwards the same Bundle is taken once."""
    url = sandbox.fhir_endpoint("ett")
    sandbox.fault("ett", fault)
    body, headers = json.dumps(GOOD).encode(), {"Content-Type": "application/fhir+json", "Idempotency-Key": "k-1"}
    assert seen(http.post(url, body, headers, timedelta(seconds=1)))
    assert post(http, url, GOOD, "k-1").status == 200
    assert len({found.key for found in sandbox.ledger("ett").effects()}) == 1
