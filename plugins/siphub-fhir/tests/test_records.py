"""What is written for servers without messaging, read back: whose a label is, and what is not ours; test_rest.py holds that all comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Draft, Invalid, Recipient, Submission
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


@pytest.mark.parametrize("kind", ["QuestionnaireResponse", "Bundle"])
def test_a_type_with_one_identifier_at_most_is_refused_and_breaks_nothing(reader: FhirReader, kind: str) -> None:
    """R4 gives some types a single identifier and no list: such a document carries no plan, and is refused as one, also within a transaction."""
    one: dict[str, Any] = {"resourceType": kind, "identifier": {"system": "https://example.org/sid", "value": "1"}}
    one |= {"type": "collection"} if kind == "Bundle" else {"status": "completed"}
    inside = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": one, "request": {"method": "POST", "url": kind}}]}
    for document in (one, inside):
        with pytest.raises(Invalid) as refused:
            reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
        assert {each.code for each in refused.value.problems} == {"fhir.nothing_for_us"}
