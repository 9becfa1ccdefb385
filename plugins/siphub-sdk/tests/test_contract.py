"""The contracts of adapters and readers, against a message service in the sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from siphub.contract import Recipient, Submission
from siphub.model import CATALOGUE, sample
from siphub.sandbox.sdk import MessageService
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.readers import ReaderContract, ReaderUnderTest
from siphub_sdk import Sdk, SdkReader
from siphub_sdk.settings import NAMES

JSON = "application/vnd.siphub.sdk-message+json"
HEAD = {
    "messageId": "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01",
    "conversationId": "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a02",
    "refToMessageId": "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a03",
    "creationDateTime": "2026-01-15T09:30:00.000Z",
    "sender": "0203:arbetsformedlingen.example",
    "recipient": "0203:norrby.example",
    "senderAttention": {"subOrganization": {"extension": "sdk:sip:0203:arbetsformedlingen.example", "label": "Arbetsförmedlingen"}},
    "recipientAttention": {"subOrganization": {"extension": "sdk:sip:0203:norrby.example"}},
}


@dataclass(frozen=True)
class Book:
    """The message service's own book as the contract's witness."""

    service: MessageService

    def bytes_seen(self) -> int:
        """Return how many bytes of new messages came."""
        return self.service.traffic.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often a message was taken under a messageId, at the service and at the agency alike."""
        books = (self.service.traffic, self.service.agencies["fk"].ledger)
        counts = {len([entry for entry in book.effects() if entry.key == key]) for book in books}
        assert len(counts) == 1
        return counts.pop()


class TestAdapter(AdapterContract):
    """sdk keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, adapter: Sdk, service: MessageService, fk: Recipient, recipient: Callable[..., Recipient]) -> AdapterUnderTest:
        """Give the adapter with FK, and a functional address that the payload was not made for."""
        return AdapterUnderTest(adapter, fk, Book(service), recipient("sdk:annan:0203:forsakringskassan.example"), NAMES, left=service.kept)


def message(text: str, **more: object) -> Submission:
    """Return a message as a message service gives it."""
    documents = [{"documentId": "svar", "contentTextBody": [text]}]
    return Submission(json.dumps({**HEAD, "digitalDocument": documents, **more}).encode(), JSON)


def attached(name: str) -> Submission:
    """Return a message to which one of our own is attached."""
    body = base64.b64encode(sample(name, maximal=True).to_json()).decode()
    files = [{"fileName": "sip.json", "contentType": "application/vnd.siphub.message+json", "content": body}]
    return message("Se bilaga.", digitalDocument=[{"documentId": "sip", "contentTextBody": ["Se bilaga."], "contentFiles": files}])


PAYLOAD = """<?xml version="1.0" encoding="UTF-8"?>
<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"><m:message><m:messageHeader>
<m:creationDateTime>2026-01-15T09:30:00.000Z</m:creationDateTime><m:messageId>6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01</m:messageId>
<m:conversationId>6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a02</m:conversationId><m:confidentiality>true</m:confidentiality>
<m:recipient><m:recipientID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:norrby.example</m:extension></m:recipientID>
<m:attention><m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root>
<m:extension>sdk:sip:0203:norrby.example</m:extension></m:organizationId></m:subOrganization></m:attention></m:recipient>
<m:sender><m:senderID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:af.example</m:extension></m:senderID>
<m:attention><m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root>
<m:extension>sdk:sip:0203:af.example</m:extension></m:organizationId></m:subOrganization></m:attention></m:sender></m:messageHeader>
<m:messageBody><m:documents><m:documentID>1</m:documentID><m:ContentText><m:characterSequence>TEXT</m:characterSequence></m:ContentText>
</m:documents></m:messageBody></m:message></m:messagePayload>"""


def xml(text: str) -> Submission:
    """Hand in a document."""
    return Submission(text.encode(), "text/xml")


class TestReader(ReaderContract):
    """sdk keeps what readers promise."""

    rounds = 200

    @pytest.fixture
    def under_test(self) -> ReaderUnderTest:
        """Give the reader with our own messages attached, answers and letters of others, and what is hostile or wrong."""
        partial = [message("Svar: ja"), message("Vi kan den 4:e i stället."), xml(PAYLOAD), xml(PAYLOAD.replace("TEXT", "Svar: nej"))]
        doctype = PAYLOAD.replace("<m:messagePayload", "<!DOCTYPE m [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><m:messagePayload")
        hostile = [
            xml(doctype.replace("TEXT", "&e;")),
            xml(PAYLOAD.replace("TEXT", "<x>" * 300 + "</x>" * 300)),
            xml(PAYLOAD.replace("6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01", "1")),
            xml(PAYLOAD.replace("2026-01-15T09:30:00.000Z", "i går")),
            xml(PAYLOAD.replace("<m:extension>sdk:sip:0203:af.example</m:extension>", "")),
            xml(PAYLOAD.replace("sender>", "avsandare>")),
            xml(PAYLOAD.replace("MessageWithAttachments:3", "MessageWithAttachments:9")),
            message("x", messageId="../../etc/passwd"),
            message("x", senderAttention=[]),
            message("x", creationDateTime="2026-01-15T09:30:00"),
            message("x", digitalDocument=[{"contentFiles": [{"contentType": "application/vnd.siphub.message+json", "content": "%%"}]}]),
        ]
        complete = [(attached(name), sample(name, maximal=True)) for name in CATALOGUE]
        return ReaderUnderTest(SdkReader(), complete, partial, hostile)
