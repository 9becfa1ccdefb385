"""A plan that is called back at a server without messaging: which, by which two requests, and what becomes of it where the second is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from siphub.contract import Cut, Delivered, Outcome, Payload, Permit, PermitExpired, Recipient, Rejected, Retry, Uncertain, permitted
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.partner import Partner, cuts, hangs, partner, says
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir
from siphub_fhir.ended import ENDED, PATCH
from siphub_fhir.message import FORMS
from siphub_fhir.narrative import narrative_problem
from siphub_fhir.translate import REQUEST

if TYPE_CHECKING:
    import socket

MakeRecipient = Callable[..., Recipient]
Answer = Callable[["socket.socket"], None]
BASE = "https://region.example/fhir"
PLAN = "7d9c2c5e-53b5-4bd9-9a36-1c1d5ef7a001"
REST = pytest.mark.parametrize("form", ["transaction", "resource"])
PLANS = {"plan.proposed": "plan", "plan.established": "plan", "plan.revised": "plan", "splptlrv.established": None, "lss.established": None}
"""What a plan is sent as, and where its number stands."""
JSON = "application/fhir+json"


def notice(about: str = "plan", **more: Any) -> Cut:
    """Return a stop notice about something."""
    document: Any = sample("stop.notice", maximal=True).to_document()
    return Cut(
        {**document, "message_id": str(uuid4()), "content": {**document["content"], "about": about, "about_id": PLAN}, **more}, "recall"
    )


def plan(kind: str) -> Cut:
    """Return a plan with the number that the notice is about, of the same owner."""
    document: Any = {**sample(kind, maximal=True).to_document(), "owner": str(sample("stop.notice").owner)}
    if PLANS[kind]:
        document["content"]["plan"]["id"] = PLAN
    else:
        document["content"]["plan_id"] = PLAN
    return Cut(document, "consent")


@pytest.mark.parametrize("kind", PLANS)
@REST
def test_the_plan_that_was_put_is_the_one_that_is_ended(adapter: Fhir, recipient: MakeRecipient, form: str, kind: str) -> None:
    """Given a plan of any kind and a notice about it, the second request looks for the very number the plan was put under, for one unit alone."""
    method, _, put = adapter.translate(plan(kind), recipient(BASE, form="resource")).headers[REQUEST].partition(" ")
    assert (method, put.startswith("CarePlan?identifier=")) == ("PUT", True)
    there = recipient(BASE, form=form)

    def asked(cut: Cut, to: Recipient) -> set[str]:
        kind, _, values = adapter.translate(cut, to).headers[ENDED].partition("?identifier=")
        return {f"{kind}?identifier={value}" for value in values.split(",")}

    assert put in asked(notice(), there)
    assert put not in asked(notice(), replace(there, unit=p.CARE_CENTRE))
    assert put not in asked(notice(case_id=str(uuid4())), there)
    assert put not in asked(notice(owner=p.REGION), there)


def test_nothing_else_ends_a_plan(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given any other message, a notice about a meeting, or a server with messaging, there is one request."""
    for kind in sorted(set(FORMS) - {"stop.notice", "plan.closed"}):
        for form in ("message", "transaction", "resource"):
            assert ENDED not in adapter.translate(whole_cut(sample(kind, maximal=True)), recipient(BASE, form=form)).headers, kind
    assert ENDED not in adapter.translate(notice(), recipient()).headers
    assert ENDED not in adapter.translate(notice("meeting"), recipient(BASE, form="resource")).headers


def test_what_ends_a_plan_says_one_thing_whatever_the_cause() -> None:
    """The patch is the same for every plan: its status, and a narrative that tells that status and is as R4 wants it."""
    status, text = json.loads(PATCH)
    assert status == {"op": "replace", "path": "/status", "value": "revoked"}
    assert (text["op"], text["path"], text["value"]["status"]) == ("add", "/text", "generated")
    assert "Status: gäller inte längre" in text["value"]["div"]
    assert list(narrative_problem(text["value"]["div"], "/text/div")) == []


def in_turn(*answers: Answer) -> Answer:
    """Answer each request by the next of these."""
    left = list(answers)

    def answer(line: socket.socket) -> None:
        left.pop(0)(line)

    return answer


def sent(adapter: Fhir, recipient: MakeRecipient, other: Partner, form: str) -> tuple[Payload, Outcome]:
    """Deliver a notice about a plan."""
    there = recipient(other.url.removesuffix("/inbox"), form=form)
    payload = adapter.translate(notice(), there)
    return payload, adapter.deliver(payload, there, "k-1")


CREATED = says("201 Created", b"", JSON, Location="Communication/7")
IN_FORCE = "partner.plan_in_force"
REFUSED = json.dumps({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-supported"}]}).encode()
TABLE: list[tuple[Answer, Outcome]] = [
    (says("200 OK", b"", JSON), Delivered("Communication/7")),
    (says("204 No Content", b"", JSON), Delivered("Communication/7")),
    (says("200 OK", REFUSED, JSON), Rejected(IN_FORCE)),
    *(
        (says(status, body, JSON), Rejected(IN_FORCE))
        for status in ("400 Bad Request", "422 Unprocessable Content")
        for body in (b"", REFUSED)
    ),
    *(
        (says(status, b"", JSON), Rejected(IN_FORCE))
        for status in (
            "401 Unauthorized",
            "403 Forbidden",
            "404 Not Found",
            "405 Method Not Allowed",
            "412 Precondition Failed",
            "415 Unsupported Media Type",
            "501 Not Implemented",
            "308 Permanent Redirect",
        )
    ),
    (says("409 Conflict", b"", JSON), Retry("partner.fhir_conflict")),
    (says("429 Too Many Requests", b"", JSON, Retry_After="7"), Retry("partner.http_429", timedelta(seconds=7))),
    (says("500 Internal Server Error", b"", JSON), Retry("partner.http_500")),
    (says("503 Service Unavailable", b"", JSON), Retry("partner.http_503")),
    (says("502 Bad Gateway", b"", JSON), Uncertain("partner.gateway")),
    (says("200 OK", b"<html>Log in</html>", JSON), Uncertain("partner.unexpected_body")),
    (hangs, Uncertain("partner.timeout")),
    (cuts, Uncertain("partner.connection_cut")),
]


@pytest.mark.parametrize(("answer", "expected"), TABLE, ids=[str(number) for number, _ in enumerate(TABLE)])
def test_each_answer_to_the_second_request_has_its_outcome(
    adapter: Fhir, recipient: MakeRecipient, answer: Answer, expected: Outcome
) -> None:
    """Given a notice that arrived, what the server says to the PATCH decides: a plan that it leaves in force is nobody's success."""
    with partner(in_turn(CREATED, answer)) as other:
        _, found = sent(adapter, recipient, other, "resource")
        assert (replace(found, detail="") if isinstance(found, Rejected) else found) == expected
        assert other.requests == 2


@REST
def test_the_two_requests_are_told_apart(adapter: Fhir, recipient: MakeRecipient, form: str) -> None:
    """Given a repeat of a key as a gateway may look for, the second request has a key of its own, and neither has a header of ours alone."""
    answers = (CREATED if form == "resource" else says("200 OK", b"", JSON), says("200 OK", b"", JSON))
    with partner(in_turn(*answers)) as other:
        payload, found = sent(adapter, recipient, other, form)
        assert isinstance(found, Delivered)
        first, _, second = bytes(b"".join(other.connections)).partition(b"PATCH ")
    assert first.startswith(b"POST /")
    assert second.startswith(f"/{payload.headers[ENDED]} ".encode())
    assert second.endswith(PATCH)
    assert b"Idempotency-Key: k-1\r\n" in first
    for line in (b"Idempotency-Key: k-1-ended", b"Content-Type: application/json-patch+json", b"Prefer: return=minimal"):
        assert line + b"\r\n" in second
    assert b"siphub-ended" not in (first + second).lower()


def test_without_the_notice_nothing_is_ended(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a server that does not take the notice, the plan is left alone until it does."""
    with partner(says("503 Service Unavailable", b"", JSON)) as other:
        assert sent(adapter, recipient, other, "resource")[1] == Retry("partner.http_503")
        assert other.requests == 1


class Once(Permit):
    """A permit that has run out when it is asked for again: the server took so long over the first request."""

    def require(self) -> None:
        """Let the first byte leave, and nothing after."""
        if asked:
            raise PermitExpired("the permission to send ran out")
        asked.append(self)


asked: list[Permit] = []


def test_a_slow_server_is_asked_twice_all_the_same(adapter: Fhir, recipient: MakeRecipient) -> None:
    """Given a server that takes longer over the notice than the permit lasts, the plan is ended in the same attempt: no attempt is faster."""
    asked.clear()
    with partner(in_turn(CREATED, says("200 OK", b"", JSON))) as other, permitted(Once(0.0)):
        assert isinstance(sent(adapter, recipient, other, "resource")[1], Delivered)
        assert (other.requests, len(asked)) == (2, 1)
