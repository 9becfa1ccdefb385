"""What a FHIR server may answer, and what each answer leads to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Cut, Delivered, Outcome, Recipient, Rejected, Retry, SettingsError, Uncertain
from siphub.model import sample
from siphub.sandbox import Fault, Sandbox
from siphub.testing.partner import cuts, hangs, partner, says
from siphub.testing.samples import cut_without, whole_cut
from siphub_fhir import Fhir
from siphub_fhir.answers import ISSUES

MakeRecipient = Callable[..., Recipient]
JSON = "application/fhir+json; charset=utf-8"


def summons() -> Cut:
    """Return a summons that no partner has had: its message has an id of its own."""
    return Cut({**sample("meeting.summoned", maximal=True).to_document(), "message_id": str(uuid4())}, "consent")


def says_that(*codes: str, severity: str = "error") -> bytes:
    """Return an OperationOutcome with these issues, and a diagnostic that must not come through."""
    issues = [{"severity": severity, "code": code, "diagnostics": "Prov Provsdotter"} for code in codes]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


def responds(code: str, *issues: str) -> bytes:
    """Return a message Bundle that answers, with an OperationOutcome where there are issues."""
    header = {"resourceType": "MessageHeader", "response": {"code": code}}
    outcome = [{"resource": json.loads(says_that(*issues))}] if issues else []
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}, *outcome]}).encode()


REFUSED = "partner.fhir_refused"
TABLE: list[tuple[str, bytes, dict[str, Any], Outcome]] = [
    ("200 OK", b"", {}, Delivered()),
    ("201 Created", b"{}", {}, Delivered()),
    ("202 Accepted", b"", {}, Delivered()),
    ("200 OK", responds("ok"), {}, Delivered()),
    ("200 OK", says_that("informational", severity="information"), {}, Delivered()),
    ("200 OK", responds("transient-error"), {}, Retry("partner.fhir_transient")),
    ("200 OK", responds("transient-error"), {"Retry_After": "7"}, Retry("partner.fhir_transient", timedelta(seconds=7))),
    ("200 OK", responds("fatal-error"), {}, Rejected(REFUSED, "the partner's OperationOutcome says error")),
    ("200 OK", responds("fatal-error", "required"), {}, Rejected(REFUSED, "the partner's OperationOutcome says required")),
    ("200 OK", responds("error"), {}, Rejected(REFUSED, "the partner's OperationOutcome says error")),
    ("200 OK", says_that("duplicate"), {}, Delivered()),
    (
        "400 Bad Request",
        says_that("duplicate", "required"),
        {},
        Rejected(REFUSED, "the partner's OperationOutcome says duplicate, required"),
    ),
    ("200 OK", says_that("required", severity="ERROR"), {}, Rejected(REFUSED, "the partner's OperationOutcome says required")),
    (
        "200 OK",
        b'{"resourceType":"OperationOutcome","issue":[{"severity":"fatal"}]}',
        {},
        Rejected(REFUSED, "the partner's OperationOutcome says error"),
    ),
    (
        "200 OK",
        b'{"resourceType":"OperationOutcome","issue":[{"code":"value"}]}',
        {},
        Rejected(REFUSED, "the partner's OperationOutcome says value"),
    ),
    ("409 Conflict", says_that("duplicate"), {}, Delivered()),
    ("409 Conflict", says_that("conflict"), {}, Rejected(REFUSED, "the partner's OperationOutcome says conflict")),
    ("409 Conflict", b"{}", {}, Rejected("partner.http_409", "the partner answered 409")),
    ("400 Bad Request", b"{}", {}, Rejected("partner.http_400", "the partner answered 400")),
    ("400 Bad Request", says_that("structure", "value"), {}, Rejected(REFUSED, "the partner's OperationOutcome says structure, value")),
    ("400 Bad Request", says_that("Prov Provsdotter"), {}, Rejected(REFUSED, "the partner's OperationOutcome says error")),
    ("422 Unprocessable Content", says_that("transient"), {}, Retry("partner.fhir_transient")),
    ("422 Unprocessable Content", says_that("transient", "value"), {}, Rejected(REFUSED, "the partner's OperationOutcome says value")),
    ("422 Unprocessable Content", says_that("login"), {}, Retry("partner.unauthorised")),
    ("422 Unprocessable Content", b"not json", {}, Rejected("partner.http_422", "the partner answered 422")),
    ("401 Unauthorized", says_that("login"), {}, Retry("partner.unauthorised")),
    ("403 Forbidden", says_that("invalid"), {}, Retry("partner.unauthorised")),
    ("404 Not Found", says_that("not-found"), {}, Retry("partner.not_found")),
    ("413 Content Too Large", b"{}", {}, Rejected("partner.http_413", "the partner answered 413")),
    ("429 Too Many Requests", says_that("throttled"), {"Retry_After": "7"}, Retry("partner.http_429", timedelta(seconds=7))),
    ("500 Internal Server Error", says_that("exception"), {}, Retry("partner.http_500")),
    ("502 Bad Gateway", b"{}", {}, Uncertain("partner.gateway")),
    ("503 Service Unavailable", says_that("value"), {}, Retry("partner.http_503")),
    ("307 Temporary Redirect", b"{}", {"Location": "https://127.0.0.1:9/"}, Retry("partner.redirected")),
    ("200 OK", b"<html>Log in</html>", {}, Uncertain("partner.unexpected_body")),
    ("200 OK", b"it went well", {}, Uncertain("partner.unexpected_body")),
    ("200 OK", b"[" * 100_000, {}, Uncertain("partner.unexpected_body")),
]


@pytest.mark.parametrize(("status", "body", "headers", "outcome"), TABLE)
def test_each_answer_has_its_outcome(
    adapter: Fhir, recipient: MakeRecipient, status: str, body: bytes, headers: dict[str, Any], outcome: Outcome
) -> None:
    """Each answer a FHIR server may give leads to the outcome of the table, after one request, and no word of it comes through."""
    with partner(says(status, body, JSON, **headers)) as other:
        there = recipient(other.url)
        found = adapter.deliver(adapter.translate(summons(), there), there, str(uuid4()))
        assert found == outcome
        assert "Provsdotter" not in repr(found)
        assert other.requests == 1


def responses(*statuses: str) -> bytes:
    """Return the answer to a transaction, with the status of each entry, and where the last one is."""
    entries = [{"response": {"status": one, "location": f"Task/t{number}/_history/1"}} for number, one in enumerate(statuses)]
    return json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}).encode()


def refuses_all(code: str) -> bytes:
    """Return the answer to a transaction none of whose entries was taken, with the reason beside the first."""
    answer = json.loads(responses("422 Unprocessable Content", "422"))
    answer["entry"][0]["response"]["outcome"] = json.loads(says_that(code))
    return json.dumps(answer).encode()


AMBIGUOUS = Rejected("partner.fhir_ambiguous", "several resources there have the identifier that should be one's own")
REST: list[tuple[str, bytes, dict[str, Any], Outcome]] = [
    ("200 OK", b"", {}, Delivered()),
    ("201 Created", b"", {"Location": "https://x.example/fhir/Task/7/_history/1"}, Delivered("Task/7")),
    ("201 Created", b"", {"Location": "https://x.example/?name=Prov"}, Delivered()),
    ("200 OK", b'{"resourceType":"Task"}', {"Location": "Task/7"}, Delivered("Task/7")),
    ("200 OK", responses(*["201 Created"] * 9), {}, Delivered("Task/t8")),
    ("200 OK", responses("201", "412 Precondition Failed"), {}, Uncertain("partner.fhir_partial")),
    ("200 OK", responses("201", "what"), {}, Uncertain("partner.fhir_partial")),
    ("200 OK", responses("412"), {}, AMBIGUOUS),
    ("200 OK", responses("503", "503"), {}, Retry("partner.http_503")),
    ("200 OK", refuses_all("required"), {}, Rejected(REFUSED, "the partner's OperationOutcome says required")),
    ("200 OK", responses("422"), {}, Rejected("partner.http_422", "the partner answered 422")),
    ("200 OK", says_that("duplicate"), {}, Rejected(REFUSED, "the partner's OperationOutcome says duplicate")),
    ("200 OK", says_that("exception"), {}, Retry("partner.fhir_transient")),
    ("409 Conflict", says_that("conflict"), {"Retry_After": "7"}, Retry("partner.fhir_conflict", timedelta(seconds=7))),
    ("409 Conflict", b"", {}, Retry("partner.fhir_conflict")),
    ("412 Precondition Failed", says_that("multiple-matches"), {}, AMBIGUOUS),
    ("400 Bad Request", says_that("invariant"), {}, Rejected(REFUSED, "the partner's OperationOutcome says invariant")),
    ("401 Unauthorized", b"", {}, Retry("partner.unauthorised")),
    ("404 Not Found", b"", {}, Retry("partner.not_found")),
    ("502 Bad Gateway", b"", {}, Uncertain("partner.gateway")),
    ("200 OK", b"it went well", {}, Uncertain("partner.unexpected_body")),
]


@pytest.mark.parametrize(("status", "body", "headers", "outcome"), REST)
@pytest.mark.parametrize("form", ["transaction", "resource"])
def test_each_answer_to_a_transaction_or_a_resource_has_its_outcome(
    adapter: Fhir, recipient: MakeRecipient, form: str, status: str, body: bytes, headers: dict[str, Any], outcome: Outcome
) -> None:
    """Each answer to what is no message leads to the outcome of the table, after one request, and no word of it comes through."""
    with partner(says(status, body, JSON, **headers)) as other:
        there = recipient(other.url, form=form)
        found = adapter.deliver(adapter.translate(summons(), there), there, str(uuid4()))
        assert found == outcome
        assert "Prov" not in repr(found)
        assert other.requests == 1


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_transaction_of_which_the_answer_leaves_entries_out_is_in_doubt(adapter: Fhir, recipient: MakeRecipient, number: int) -> None:
    """Given an answer with fewer entries than were sent, nobody knows what became of the others: it is sent again."""
    cut = summons()
    sent = len(json.loads(adapter.translate(cut, recipient(form="transaction")).body)["entry"])
    there = number if number >= 0 else sent
    with partner(says("200 OK", responses(*["201"] * there), JSON)) as other:
        to = recipient(other.url, form="transaction")
        whole = Delivered(f"Task/t{sent - 1}")
        assert adapter.deliver(adapter.translate(cut, to), to, "k") == (whole if there == sent else Uncertain("partner.fhir_partial"))


@pytest.mark.parametrize(
    ("which", "code", "outcome"),
    [
        ("header", "ok", Delivered()),
        ("bundle", "ok", Delivered()),
        ("another", "ok", Uncertain("partner.unexpected_body")),
        ("another", "fatal-error", Uncertain("partner.unexpected_body")),
    ],
)
def test_a_response_to_another_message_says_nothing_of_this_one(
    adapter: Fhir, recipient: MakeRecipient, which: str, code: str, outcome: Outcome
) -> None:
    """A response counts where it names our MessageHeader or its Bundle: what something in between gave to another message is no receipt for this."""
    cut = summons()
    bundle = json.loads(adapter.translate(cut, recipient()).body)
    ids = {"header": bundle["entry"][0]["resource"]["id"], "bundle": bundle["id"], "another": str(uuid4())}
    answer = json.loads(responds(code))
    answer["entry"][0]["resource"]["response"]["identifier"] = ids[which]
    with partner(says("200 OK", json.dumps(answer).encode(), JSON)) as other:
        to = recipient(other.url)
        assert adapter.deliver(adapter.translate(cut, to), to, "k") == outcome
        assert b"Siphub-" not in bytes(other.connections[0])


@pytest.mark.parametrize(
    ("code", "outcome"), [("duplicate", Delivered()), ("value", Rejected(REFUSED, "the partner's OperationOutcome says value"))]
)
def test_an_answer_in_xml_is_read(adapter: Fhir, recipient: MakeRecipient, code: str, outcome: Outcome) -> None:
    """A partner that is sent XML and answers in it is understood; what is no FHIR in it is nobody's word."""
    said = (
        f'<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="error"/><code value="{code}"/></issue></OperationOutcome>'
    )
    for body, expected in ((said.encode(), outcome), (b"<p>fine</p>", Uncertain("partner.unexpected_body"))):
        with partner(says("200 OK", body, "application/fhir+xml")) as other:
            there = recipient(other.url, format="xml")
            assert adapter.deliver(adapter.translate(summons(), there), there, "k") == expected
            assert b"Content-Type: application/fhir+xml; fhirVersion=4.0" in bytes(other.connections[0])


MEANT = {
    "refused": Rejected(REFUSED),
    "administrator": Retry("partner.unauthorised"),
    "duplicate": Delivered(),
    "transient": Retry("partner.fhir_transient"),
    "nothing": Delivered(),
}


@pytest.mark.parametrize("code", ISSUES)
def test_each_issue_code_has_its_outcome(adapter: Fhir, recipient: MakeRecipient, code: str) -> None:
    """Every issue code of R4 alone, with 200, leads to what the table says it means."""
    with partner(says("200 OK", says_that(code), JSON)) as other:
        there = recipient(other.url)
        found = adapter.deliver(adapter.translate(summons(), there), there, "k")
        assert (replace(found, detail="") if isinstance(found, Rejected) else found) == MEANT[ISSUES[code]]


@pytest.mark.parametrize(
    "body",
    [
        b'{"issue": 5}',
        b'{"resourceType":"OperationOutcome","issue":[null,{"code":[]}]}',
        b'{"resourceType":"Bundle","entry":{}}',
        b"5",
        b"null",
    ],
)
def test_an_answer_that_makes_no_sense_is_survived(adapter: Fhir, recipient: MakeRecipient, body: bytes) -> None:
    """Whatever JSON a server answers with, the outcome is a value."""
    with partner(says("200 OK", body, JSON)) as other:
        there = recipient(other.url)
        assert isinstance(adapter.deliver(adapter.translate(summons(), there), there, "k"), (Delivered, Uncertain))


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/pdf"])
def test_another_media_type_is_no_receipt(adapter: Fhir, recipient: MakeRecipient, kind: str) -> None:
    """A 200 in another format, as a login page or a proxy gives, is Uncertain."""
    with partner(says("200 OK", b"hello", kind)) as other:
        there = recipient(other.url)
        assert adapter.deliver(adapter.translate(summons(), there), there, "k") == Uncertain("partner.unexpected_body")


def test_silence_and_a_cut_connection_are_uncertain(adapter: Fhir, recipient: MakeRecipient) -> None:
    """A server that never answers, or cuts the line after the request, leaves it Uncertain."""
    for answer, code in ((hangs, "partner.timeout"), (cuts, "partner.connection_cut")):
        with partner(answer) as other:
            there = recipient(other.url)
            assert adapter.deliver(adapter.translate(summons(), there), there, "k") == Uncertain(code)


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_cut_connection_a_repeat_does_no_harm(adapter: Fhir, recipient: MakeRecipient, sandbox: Sandbox, when: Any) -> None:
    """Cut before or after the partner took it: the repeat is Delivered, and the partner has it once."""
    sandbox.fault("regionen", Fault("reset", times=1, when=when))
    there, key, cut = recipient(sandbox.fhir_endpoint("regionen")), str(uuid4()), summons()
    payload = adapter.translate(cut, there)
    assert adapter.deliver(payload, there, key) == Uncertain("partner.connection_cut")
    assert adapter.deliver(payload, there, key) == Delivered()
    [entry] = [entry for entry in sandbox.ledger("regionen").effects() if entry.key == key]
    assert sandbox.ledger("regionen").body(key) == payload.body
    assert (entry.message_type, entry.message_id, entry.case_id) == ("meeting.summoned", cut.message_id, cut.document["case_id"])


def test_a_web_page_from_the_sandbox_is_no_receipt(adapter: Fhir, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """A 200 with a web page is Uncertain."""
    sandbox.fault("regionen", Fault("html", times=1))
    there = recipient(sandbox.fhir_endpoint("regionen"))
    assert adapter.deliver(adapter.translate(summons(), there), there, str(uuid4())) == Uncertain("partner.unexpected_body")


def test_a_token_is_sent_only_where_the_entry_names_it(adapter: Fhir, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """With the named secret the delivery arrives; with another or none the partner refuses and an administrator must act."""
    there, cut = sandbox.fhir_endpoint("vardbolaget"), summons()
    payload = adapter.translate(cut, recipient(there))
    assert adapter.deliver(payload, recipient(there, secret="old"), "k-1") == Retry("partner.unauthorised")
    assert adapter.deliver(payload, recipient(there), "k-1") == Retry("partner.unauthorised")
    assert adapter.deliver(payload, recipient(there, secret="vardbolaget"), "k-1") == Delivered()


@pytest.mark.parametrize(
    ("endpoint", "options", "code"),
    [
        ("https://127.0.0.1:9/x", {"secret": "missing"}, "settings.secret_missing"),
        ("http://region.example/x", {}, "http.plain_refused"),
        ("https://user:word@127.0.0.1/x", {}, "http.bad_url"),
    ],
)
def test_a_wrong_entry_is_tried_again(adapter: Fhir, recipient: MakeRecipient, endpoint: str, options: dict[str, str], code: str) -> None:
    """A directory entry that cannot be used sends nothing and is an outcome."""
    there = recipient(endpoint, **options)
    assert adapter.deliver(adapter.translate(summons(), there), there, "k") == Retry(code)


def test_every_kind_is_taken_by_a_partner_that_validates(adapter: Fhir, recipient: MakeRecipient, sandbox: Sandbox) -> None:
    """The sandbox's own rules have nothing against any sample, minimal or maximal, nor against a cut."""
    there = recipient(sandbox.fhir_endpoint("regionen"))
    sent = [whole_cut(sample(name, maximal=maximal)) for name in sorted(adapter.info.kinds) for maximal in (False, True)]
    sent += [cut_without(sample("plan.proposed", maximal=True), "/subject", "/author", "/content/plan/coordinator")]
    for cut in sent:
        assert adapter.deliver(adapter.translate(cut, there), there, str(uuid4())) == Delivered()


@pytest.mark.parametrize(
    "settings", [{"sources": "x"}, {"timeout_seconds": "0"}, {"timeout_seconds": "soon"}, {"source": "soon"}, {"careplan_profile": "soon"}]
)
def test_wrong_settings_stop_the_start(make_context: Callable[..., Any], settings: dict[str, str]) -> None:
    """A misspelt setting, a time-out that is none or an address that is none stops the start, and its value is not repeated."""
    with pytest.raises(SettingsError) as caught:
        Fhir(make_context(settings=settings))
    assert "soon" not in str(caught.value)


def test_check_says_what_is_wrong(make_context: Callable[..., Any]) -> None:
    """An empty secret is found before anybody sends."""
    assert [check.ok for check in Fhir(make_context()).check()] == [True]
    assert [check.ok for check in Fhir(make_context(secrets={"regionen": ""})).check()] == [True, False]
