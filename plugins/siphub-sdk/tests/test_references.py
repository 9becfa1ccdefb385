"""An agency's own registry number: for which cases it is kept, and to whom it is repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, PluginContext, Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox.faults import Fault
from siphub.sandbox.sdk import MessageService
from siphub.testing.samples import whole_cut
from siphub.testing.sdk_context import Kept
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
US = ("0203:norrby.example", "sdk:sip:0203:norrby.example")
FK = ("0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example", "FK")


def in_case(case: str) -> Cut:
    """Return an invitation in a case."""
    return Cut({**CUT.document, "case_id": case}, CUT.basis)


def invited(adapter: Sdk, to: Recipient, case: str) -> str:
    """Send an invitation in a case, and return its key."""
    key = str(uuid4())
    adapter.deliver(adapter.translate(in_case(case), to), to, key)
    return key


def theirs(service: MessageService, key: str) -> list[str]:
    """Return the registry numbers in the recipient's reference of a message that came."""
    return [one["extension"] for one in service.body("fk", key)["recipientAttention"].get("referenceId", []) if one["root"] == "dnr"]


def kept_under(context: PluginContext) -> set[str]:
    """Return the ids of cases under which anything is kept."""
    state: Any = context.state
    assert isinstance(state, Kept)
    return {key.split("/")[1] for _, key in state.values}


def test_it_is_kept_for_cases_alone_in_which_they_were_written_to(
    make_context: MakeContext, service: MessageService, fk: Recipient
) -> None:
    """Given a number in a message that names our case, one of nobody's and a conversation of its own, then it is repeated in ours, and nothing is kept under any other id."""
    context = make_context()
    adapter, case, nobodys = Sdk(context), str(uuid4()), str(uuid4())
    invited(adapter, fk, case)
    service.write(sender=FK, recipient=US, text=f"Vårt dnr FK-1.\nÄrende {case} och {nobodys}.")
    list(adapter.poll(None))
    assert theirs(service, invited(adapter, fk, case)) == ["FK-1"]
    assert kept_under(context) == {case}


def test_a_case_that_was_erased_gets_no_number_back(make_context: MakeContext, service: MessageService, fk: Recipient) -> None:
    """Given a case whose state is erased, then a late message of theirs puts nothing there again."""
    context = make_context()
    adapter, case = Sdk(context), str(uuid4())
    invited(adapter, fk, case)
    state: Any = context.state
    state.values.clear()
    service.write(sender=FK, recipient=US, text=f"Dnr FK-2.\nÄrende {case}.")
    list(adapter.poll(None))
    assert kept_under(context) == set()


def test_an_uncertain_message_counts_and_one_that_was_never_sent_does_not(
    make_context: MakeContext, service: MessageService, fk: Recipient
) -> None:
    """Given a send of which nobody knows the end, then their number is kept; given one that was refused, it is not."""
    context = make_context()
    adapter, lost, refused = Sdk(context), str(uuid4()), str(uuid4())
    service.faults.add(Fault("reset", times=1, when="after"))
    invited(adapter, fk, lost)
    service.faults.add(Fault("status", times=1, status=413))
    invited(adapter, fk, refused)
    assert kept_under(context) == {lost}


def test_it_is_repeated_to_nobody_else(
    make_context: MakeContext, service: MessageService, fk: Recipient, recipient: Callable[..., Recipient]
) -> None:
    """Given FK's number in a case, then AF's message in that case has none."""
    adapter, case = Sdk(make_context()), str(uuid4())
    invited(adapter, fk, case)
    service.write(sender=FK, recipient=US, text=f"Dnr FK-3.\nÄrende {case}.")
    list(adapter.poll(None))
    af = replace(recipient("sdk:sip:0203:arbetsformedlingen.example", "0203:arbetsformedlingen.example"), organisation=p.ARBETSFORMEDLINGEN)
    key = str(uuid4())
    assert adapter.deliver(adapter.translate(in_case(case), af), af, key) == Accepted(key)
    assert "FK-3" not in json.dumps(service.body("af", key))


@pytest.mark.parametrize("number", [str(p.SUBJECT_NUMBER), f"{str(p.SUBJECT_NUMBER)[:8]}-{str(p.SUBJECT_NUMBER)[8:]}"])
@pytest.mark.parametrize("referred", [False, True])
def test_a_persons_number_is_no_number_of_theirs(
    make_context: MakeContext, service: MessageService, fk: Recipient, number: str, *, referred: bool
) -> None:
    """Given an answer that gives the person's number for the agency's own, in its text or its reference, then it is kept nowhere and repeated to nobody."""
    context = make_context()
    adapter, case = Sdk(context), str(uuid4())
    key = invited(adapter, fk, case)
    reference = {"senderAttention": {**function(), "referenceId": [{"root": "dnr", "extension": number}]}} if referred else {}
    text = "Svar: ja" if referred else f"Svar: ja\nVårt dnr {number}"
    service.write(sender=FK, recipient=US, text=text, conversation_id=case, refToMessageId=key, **reference)
    list(adapter.poll(None))
    assert theirs(service, invited(adapter, fk, case)) == []


def function() -> dict[str, Any]:
    """Return FK's side of a message as the SDK API has it."""
    return {"subOrganization": {"root": "urn:riv:infrastructure:messaging:functionalAddress", "extension": FK[1], "label": FK[2]}}
