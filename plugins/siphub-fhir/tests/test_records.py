"""What is written for servers without messaging, read back: all of the content, and a draft that says what the form leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from siphub.contract import Draft, Recipient, Submission
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.message import FORMS

MakeRecipient = Callable[..., Recipient]
SERVER = "https://journal.example/fhir"


def filled(node: Any) -> Any:
    """Return a document without its empty lists, which FHIR cannot carry."""
    if isinstance(node, dict):
        return {name: filled(value) for name, value in node.items() if value != []}
    return [filled(one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize(("name", "form"), list(product(FORMS, ("transaction", "resource"))))
def test_the_content_comes_back_whole(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader, name: str, form: str) -> None:
    """Every message as a transaction and as one resource, in JSON and in XML, gives a draft with its content, its number and its case."""
    message = sample(name, maximal=True)
    drafts = []
    for kind in ("json", "xml"):
        payload = adapter.translate(whole_cut(message), recipient(SERVER, form=form, format=kind))
        drafts.append(reader.read(Submission(payload.body, payload.media_type)))
    assert drafts[0] == drafts[1]
    draft, document = drafts[0], message.to_document()
    assert isinstance(draft, Draft)
    for field in ("message_id", "type", "case_id", "owner", "classification", "content"):
        assert draft.content.get(field) == filled(document.get(field)), field
    assert {"/recipients", "/author"} <= set(draft.missing)


def test_a_label_of_the_whole_is_the_persons(adapter: Fhir, recipient: MakeRecipient, reader: FhirReader) -> None:
    """A single resource names the person by number and carries their protection on itself: the draft has both, and no name."""
    payload = adapter.translate(whole_cut(sample("plan.established", maximal=True)), recipient(SERVER, form="resource"))
    draft = reader.read(Submission(payload.body, payload.media_type))
    assert isinstance(draft, Draft)
    assert draft.content["subject"] == {
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
