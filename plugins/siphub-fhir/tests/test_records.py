"""What is written for servers without messaging, read back: whose a label is, and what is not ours; test_rest.py holds that all comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Draft, Recipient, Submission
from siphub.model import Message, sample
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader

MakeRecipient = Callable[..., Recipient]
SERVER = "https://journal.example/fhir"


def test_a_label_of_the_whole_is_the_persons(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader) -> None:
    """A single resource names the person by number and carries their protection on itself: the message has both, and no name."""
    payload = adapter.translate(whole_cut(sample("plan.established", maximal=True)), recipient(SERVER, form="resource"))
    found = reader.read(Submission(payload.body, payload.media_type))
    assert isinstance(found, Message)
    assert found.to_document()["subject"] == {
        "identity": {"kind": "personnummer", "value": "201001032380"},
        "protection": "confidentiality_flag",
    }


@pytest.mark.parametrize("take", ["tag", "identifier"])
def test_without_our_marks_it_is_somebody_elses(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader, take: str) -> None:
    """A plan without the tag, or without the message's number, is read as any foreign plan: as far as its elements say."""
    payload = adapter.translate(whole_cut(sample("plan.established")), recipient(SERVER, form="resource"))
    plan: Any = json.loads(payload.body)
    if take == "tag":
        del plan["meta"]["tag"]
    else:
        plan["identifier"] = [one for one in plan["identifier"] if not one["system"].endswith("/sid/message")]
    draft = reader.read(Submission(json.dumps(plan).encode(), payload.media_type))
    assert isinstance(draft, Draft)
    assert "message_id" not in draft.content
    assert "case_id" not in draft.content
