"""What the tests of the FHIR door share: message Bundles of new messages, and what is asked and answered at `/fhir/$process-message`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import func, select

from siphub.contract import Cut, Recipient
from siphub.hub import add_key
from siphub.model import people as p
from siphub.model import sample
from siphub.store.tables import metadata
from siphub_fhir.message import bundle_of
from siphub_fhir.settings import FhirSettings

if TYPE_CHECKING:
    from tests.conftest import Door, Reply

OPERATION = "/fhir/$process-message"
JSON, XML = "application/fhir+json", "application/fhir+xml"
Resource = dict[str, Any]


def bundle(**ids: str) -> Resource:
    """Return a request for a plan as a message Bundle, a new message in a new case unless `message` and `case` say which."""
    document: Any = sample("sip.requested", maximal=True).to_document()
    document["message_id"], document["case_id"] = ids.get("message", str(uuid4())), ids.get("case", str(uuid4()))
    document["conversation_id"] = document["case_id"]
    document.pop("causation_id", None)
    there = Recipient(p.CONTACT, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://hub.example/fhir/$process-message")
    return bundle_of(Cut(document, "none"), there, FhirSettings().source, None)


def post(door: Door, resource: Resource | bytes, media_type: str = JSON, path: str = OPERATION, **more: Any) -> Reply:
    """Hand in a resource."""
    body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    return door.ask("POST", path, body, Content_Type=media_type, **more)


def said(reply: Reply) -> tuple[str, str, list[tuple[str, str]]]:
    """Return what a message Bundle answers: to which header, how, and each issue with its severity."""
    answer = reply.document
    header, outcome = (one["resource"] for one in answer["entry"])
    assert header["response"]["details"]["reference"] == answer["entry"][1]["fullUrl"]
    return header["response"]["identifier"], header["response"]["code"], [(one["severity"], one["code"]) for one in outcome["issue"]]


def header_of(resource: Resource) -> Resource:
    """Return the MessageHeader of a Bundle."""
    found: Resource = resource["entry"][0]["resource"]
    return found


def messages(door: Door) -> int:
    """Return how many messages the hub has taken."""
    return rows(door, "message")


def rows(door: Door, table: str) -> int:
    """Return how many rows a table of the content has."""
    with door.hub.store._content.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(metadata.tables[table])) or 0)


def other_key(door: Door, role: str = "send") -> str:
    """Return a key of another organisation."""
    return add_key(door.hub.store, door.hub.ground.clock, organisation=p.REGION, name=str(uuid4()), roles=(role,))
