"""The contracts of adapters and readers, against a partner in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from siphub.contract import Recipient, Submission
from siphub.model import sample
from siphub.sandbox import Ledger, Sandbox
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.readers import ReaderContract, ReaderUnderTest
from siphub.testing.samples import cut_without, whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.message import FORMS
from siphub_fhir.settings import NAMES


@dataclass(frozen=True)
class Book:
    """A partner's ledger as the contract's witness."""

    ledger: Ledger

    def bytes_seen(self) -> int:
        """Return how many bytes of deliveries came."""
        return self.ledger.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often something was taken under a key."""
        return len([entry for entry in self.ledger.effects() if entry.key == key])


class TestAdapter(AdapterContract):
    """The adapter keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, make_context: Callable[..., Any], recipient: Callable[..., Recipient]) -> Any:
        """Give the adapter with a partner of its own: one that has had nothing yet, since it knows messages by their ids too."""
        with Sandbox(["regionen"]) as sandbox:
            context = make_context(settings={"timeout_seconds": "1"})
            http = type(context.http)(ca_file=sandbox.ca_file)
            adapter = Fhir(type(context)(**{name: getattr(context, name) for name in context.__slots__} | {"http": http}))
            there, nowhere = recipient(sandbox.fhir_endpoint("regionen")), recipient("https://127.0.0.1:9/regionen/fhir/$process-message")
            yield AdapterUnderTest(adapter, there, Book(sandbox.ledger("regionen")), nowhere, NAMES)
            http.close()


def fhir(document: Any) -> Submission:
    """Hand in a document."""
    return Submission(
        document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode(), "application/fhir+json"
    )


class TestReader(ReaderContract):
    """The reader keeps what readers promise."""

    rounds = 150

    @pytest.fixture
    def under_test(self, adapter: Fhir, reader: FhirReader, recipient: Callable[..., Recipient]) -> ReaderUnderTest:
        """Give the reader with every sample's Bundle, cuts and foreign documents, and some that are hostile."""
        messages = [sample(name, maximal=maximal) for name, maximal in product(FORMS, (False, True))]
        complete = [(fhir(adapter.translate(whole_cut(one), recipient()).body), one) for one in messages]
        kinds = ("plan.established", "meeting.summoned", "followup.summoned", "stop.notice")
        further = [sample(name, maximal=True) for name in kinds]
        complete += [(fhir(adapter.translate(whole_cut(one), recipient(form="transaction")).body), one) for one in further]
        summons = sample("meeting.summoned", maximal=True)
        gone = (("/owner",), ("/subject",), ("/sender", "/author"), ("/content/respond_by", "/content/purpose"))
        partial = [fhir(adapter.translate(cut_without(summons, *pointers), recipient()).body) for pointers in gone]
        partial += [fhir(PLAN), fhir(MEETING), fhir({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PLAN}]})]
        body = next(document.body.decode() for document, one in complete if one == summons)
        hostile = [
            fhir(body.replace('"resourceType":"Bundle"', '"resourceType":"Bundle","resourceType":"Bundle"', 1).encode()),
            fhir(body.replace("Boende", "\\u0000").encode()),
            fhir(body.replace("Boende", "\\ud800").encode()),
            fhir(body.replace('"Boende"', "NaN").encode()),
            fhir(body.replace('"Boende"', "[" * 300 + "]" * 300).encode()),
            fhir(body.replace('"Boende"', "1" * 5000).encode()),
            fhir(body.replace("201001032380", "201001032381").encode()),
            fhir(body.replace('"HealthcareService"', '"HealthcareServiceX"').encode()),
            fhir(body.replace('"PractitionerRole"', '{"a":1}', 1).encode()),
            fhir({"resourceType": "Bundle", "type": "message", "entry": [None]}),
            fhir({"resourceType": ["Bundle"]}),
            fhir({"resourceType": "../../etc/passwd"}),
            fhir({"resourceType": "CarePlan", "contained": [{"resourceType": "CarePlan"}] * 3}),
            fhir(b'{"resourceType":"Bundle","entry":' + b" " * (8 * 1024 * 1024) + b"[]}"),
            fhir({**PLAN, "modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]}),
            fhir({**PLAN, "status": "entered-in-error"}),
        ]
        return ReaderUnderTest(reader, complete, partial, hostile)


PLAN: dict[str, Any] = {
    "resourceType": "CarePlan",
    "id": "p1",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/1"},
    "activity": [{"detail": {"status": "scheduled", "description": "Promenad", "scheduledString": "varje dag"}}],
}
MEETING: dict[str, Any] = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2026-12-07T11:00:00Z",
    "end": "2026-12-07T12:00:00Z",
    "participant": [{"status": "accepted", "actor": {"display": "Doktor Glas"}}],
}
