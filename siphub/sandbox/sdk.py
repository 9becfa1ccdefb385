"""An SDK message service and the agencies behind it: Försäkringskassan and Arbetsförmedlingen, each with a ledger of its own.

    POST   /token                      an access token, by OAuth2 client credentials
    POST   /v1/sdk/messages            a new message: 201, or what the service refuses it with, as RFC 7807 events
    GET    /v1/sdk/messages?filter[…]  messages without their documents
    GET    /v1/sdk/messages/<id>       one message, or 404 that names it; DELETE takes away one that is done with

What the service takes is handed to the agency at once; its receipt shows as ACCEPTED or REJECTED when somebody next asks, or when a test
says so. How real services time this is not specified. It must never take a second message under one messageId, and never know the hub.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from siphub.sandbox.faults import Faults
from siphub.sandbox.ledger import NOTHING, Contents, Entry, Ledger
from siphub.sandbox.sdk_rules import Issue, attributes_in, issues_of

TOKEN_LIFE = 3600
DELETE = "urn:sdk.api:deleteMessage"
_FINISHED = frozenset({"ACCEPTED", "REJECTED", "RETRIEVED", "RECEIPT_SENT", "ERROR", "MESSAGE_EXCHANGE_ERROR"})
_FUNCTION = "urn:riv:infrastructure:messaging:functionalAddress"


@dataclass(frozen=True)
class Agency:
    """One organisation in the address book: its id, one functional address, and its book."""

    name: str
    participant: str
    address: str
    label: str
    ledger: Ledger

    def taken(self, conversation_id: str | None = None) -> tuple[Entry, ...]:
        """Return what it has got, of one conversation or of all: its invitations, new times and stop notices."""
        return tuple(one for one in self.ledger.effects() if conversation_id in {None, one.case_id})

    def invitations(self, conversation_id: str | None = None) -> tuple[Entry, ...]:
        """Return the invitations among what it has got."""
        return tuple(one for one in self.taken(conversation_id) if one.message_type == "Inbjudan till SIP-möte")


@dataclass(slots=True)
class _Kept:
    """A message at the service."""

    attributes: dict[str, Any] = field(repr=False)
    inbound: bool = False
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: a status and a JSON document, or nothing."""

    status: int
    document: Mapping[str, Any] | None = None


STANDARD: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "fk": ("0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example", "Försäkringskassan"),
        "af": ("0203:arbetsformedlingen.example", "sdk:sip:0203:arbetsformedlingen.example", "Arbetsförmedlingen"),
    }
)
"""The agencies of the sandbox: example addresses, because their real ones are for the address book to say."""


class MessageService:
    """The service's mind, without its lines. Safe to share between threads.

    `grants` are the scopes that the client may have, all unless set. `faults` strike new messages, `ask_faults` strike questions. `receipts` says whether receipts come at all, `lists` whether it gives lists, `receipt_after` how many
    seconds after a message its receipt does; `bare` lets a 404 about one message come without a body, as the OpenAPI has it, and not as a
    problem document that names it; `takes` which media types of files the agencies take, `heads`
    each request's line and headers, for whoever looks whether they say too much.

    Args:
        folder: Where ledgers (`<agency>.jsonl`) are written; None is memory only.
        client: The client's id and secret.
    """

    def __init__(self, folder: Path | None = None, client: tuple[str, str] = ("siphub", "sandbox-secret")) -> None:
        self.client = client
        self.faults, self.ask_faults, self.token_faults = Faults(), Faults(), Faults()
        self.receipts, self.receipt_after = True, 0.0
        self.bare, self.lists = False, True
        self.agencies: Mapping[str, Agency] = {
            name: Agency(name, *entry, Ledger(folder / f"{name}.jsonl" if folder else None)) for name, entry in STANDARD.items()
        }
        self.traffic = Ledger()
        self.takes = {"application/pdf"}
        self.heads: deque[str] = deque(maxlen=5000)
        self._refusing: dict[str, tuple[str, str]] = {}
        self._kept: dict[str, _Kept] = {}
        self._tokens: dict[str, tuple[float, frozenset[str]]] = {}
        self.grants: frozenset[str] | None = None
        self.deletes_all = False
        self._lock = threading.RLock()

    # ── what a test or a demo does ──

    def refuse(self, agency: str, kind: str = "BV", detail: str = "not-found") -> None:
        """Let an agency answer with REJECTED from now on, whatever it gets."""
        self._refusing[self.agencies[agency].address] = (kind, detail)

    def clear(self) -> None:
        """Let everything be in order again."""
        self._refusing.clear()
        self.grants, self.bare, self.lists, self.deletes_all = None, False, True, False
        self.receipts, self.receipt_after = True, 0.0
        for faults in (self.faults, self.ask_faults, self.token_faults):
            faults.clear()

    def forget_tokens(self) -> None:
        """Let no token hold any more."""
        with self._lock:
            self._tokens.clear()

    def status(self, message_id: str) -> str | None:
        """Return a message's status, or None where it was never taken."""
        with self._lock:
            kept = self._kept.get(message_id.lower())
            return None if kept is None else str(kept.attributes["messageStatus"])

    def kept(self, message_id: str) -> int:
        """Return how many copies of a message it keeps: one, or none where it was never taken, or was deleted."""
        return int(self.status(message_id) is not None)

    def body(self, agency: str, message_id: str) -> dict[str, Any]:
        """Return the attributes of a message that an agency has got; raises KeyError where it has not."""
        found: dict[str, Any] = json.loads(self.agencies[agency].ledger.body(message_id))["data"]["attributes"]
        return found

    def reply(
        self, agency: str, to_message_id: str, text: str, *, address: str | None = None, participant: str | None = None, **more: Any
    ) -> str:
        """Let an agency answer a message it has got, as an official does in an SDK client; return the answer's messageId.

        Args:
            agency: Which one.
            to_message_id: What it answers.
            text: What the official writes.
            address: Another functional address of the agency than the one written to.
            participant: Another organisation, for tests of who is believed.
            more: Further attributes, or others.
        """
        got, one = self.body(agency, to_message_id), self.agencies[agency]
        return self.write(
            sender=(participant or one.participant, address or one.address, one.label),
            recipient=(got["sender"], got["senderAttention"]["subOrganization"]["extension"]),
            text=text,
            conversation_id=got["conversationId"],
            refToMessageId=to_message_id,
            references=got["senderAttention"].get("referenceId", []),
            **more,
        )

    def write(
        self, *, sender: tuple[str, str, str], recipient: tuple[str, str], text: str, conversation_id: str | None = None, **more: Any
    ) -> str:
        """Let somebody write to one of our functional addresses; return the messageId."""
        message_id = str(uuid4())
        references = more.pop("references", [])
        attributes: dict[str, Any] = {
            "messageStatus": "NEW",
            "creationDateTime": _now(),
            "messageId": message_id,
            "conversationId": conversation_id or message_id,
            "label": "Svar",
            "confidentiality": True,
            "sender": sender[0],
            "recipient": recipient[0],
            "senderAttention": {"subOrganization": _function(sender[1], sender[2])},
            "recipientAttention": {"subOrganization": _function(recipient[1]), **({"referenceId": references} if references else {})},
            "digitalDocument": [{"documentId": "svar", "index": "1", "contentTextBody": [text]}],
            **more,
        }
        with self._lock:
            self._kept[message_id] = _Kept(attributes, inbound=True)
        return message_id

    def spoil(self, message_id: str, **more: Any) -> None:
        """Let the service say something else of a message than what is so."""
        with self._lock:
            self._kept[message_id].attributes.update(more)

    # ── what the lines ask ──

    def token(self, client_id: str, secret: str, scope: str = "") -> Said:
        """Give an access token for the scopes asked for, or refuse; of what is not granted it says so, and gives the rest."""
        if (client_id, secret) != self.client:
            return Said(401, {"error": "invalid_client"})
        asked = frozenset(scope.split())
        given = asked if self.grants is None else asked & self.grants
        if asked and not given:
            return Said(400, {"error": "invalid_scope"})
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = time.monotonic() + TOKEN_LIFE, given
        named = {"scope": " ".join(sorted(given))} if given != asked else {}
        return Said(200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE, **named})

    def knows(self, authorization: str, scope: str = "") -> bool:
        """Say whether a request carries a token that holds, and is for a scope where one is named."""
        with self._lock:
            until, scopes = self._tokens.get(authorization.removeprefix("Bearer "), (0.0, frozenset()))
        return until > time.monotonic() and (not scope or scope in scopes)

    def take(self, body: bytes) -> Said:
        """Judge a new message that came whole; what is in order reaches its agency."""
        attributes = attributes_in(body)
        problems = [Issue("SV", "structure", "data.attributes")] if attributes is None else issues_of(attributes, frozenset(self.takes))
        if attributes is None or problems:
            self.traffic.record("-", body, NOTHING, status=400, why="refused")
            return _bad(*problems)
        message_id = str(attributes.get("messageId") or uuid4()).lower()
        with self._lock:
            if message_id in self._kept:
                self.traffic.record(message_id, body, NOTHING, status=400, why="duplicate")
                return _bad(Issue("BV", "duplicate", "messageId"))
            conversation = str(attributes.get("conversationId") or message_id)
            kept = {**attributes, "messageId": message_id, "conversationId": conversation, "messageStatus": "WAITING_FOR_RECEIPT"}
            self._kept[message_id] = _Kept({"creationDateTime": _now(), **kept})
            self._hand_over(kept, body)
        return Said(201)

    def get(self, message_id: str) -> Said:
        """Return one message, whole; one to us is RETRIEVED from then on."""
        with self._lock:
            kept = self._kept.get(message_id.lower())
            if kept is None:
                return Said(404, None if self.bare else _absent(message_id))
            self._move_on(kept)
            shown = _shown(kept.attributes)
            if kept.inbound:
                kept.attributes["messageStatus"] = "RETRIEVED"
        return Said(200, {"meta": {"version": "sdk api 1.0.0"}, "data": shown})

    def listed(self, filters: Mapping[str, str]) -> Said:
        """Return the messages that meet every filter, without their documents; 404 where none does, 500 where it gives no lists."""
        if not self.lists:
            return Said(500)
        with self._lock:
            for kept in self._kept.values():
                self._move_on(kept)
            found = [
                kept.attributes
                for kept in self._kept.values()
                if all(_at(kept.attributes, name) == value for name, value in filters.items())
            ]
            data = [_shown({name: value for name, value in one.items() if name != "digitalDocument"}) for one in found]
        return Said(200, {"meta": {"version": "sdk api 1.0.0"}, "data": data}) if data else Said(404)

    def delete(self, message_id: str) -> Said:
        """Take away a message that is done with."""
        with self._lock:
            kept = self._kept.get(message_id.lower())
            if kept is None:
                return Said(404, None if self.bare else _absent(message_id))
            if kept.attributes["messageStatus"] not in _FINISHED and not self.deletes_all:
                return _bad(Issue("BV", "invariant", "messageStatus"))
            del self._kept[message_id.lower()]
        return Said(202)

    def _hand_over(self, attributes: Mapping[str, Any], body: bytes) -> None:
        """Put a message into the book of the agency whose functional address it names; an unknown address is refused by receipt."""
        message_id, label = str(attributes["messageId"]), str(attributes["label"])
        contents = Contents(label, message_id, str(attributes["conversationId"]))
        agency = self._agency_of(attributes)
        self.traffic.record(message_id, body, contents, status=201, why=None)
        if agency is not None and agency.address not in self._refusing:
            agency.ledger.record(message_id, body, contents, status=201, why=None)

    def _agency_of(self, attributes: Mapping[str, Any]) -> Agency | None:
        to = (attributes["recipient"], attributes["recipientAttention"]["subOrganization"]["extension"])
        return next((one for one in self.agencies.values() if (one.participant, one.address) == to), None)

    def _move_on(self, kept: _Kept) -> None:
        """Let the receipt of a message of ours come, where receipts come."""
        if kept.inbound or not self.receipts or kept.attributes["messageStatus"] != "WAITING_FOR_RECEIPT":
            return
        if time.monotonic() - kept.since < self.receipt_after:
            return
        agency = self._agency_of(kept.attributes)
        why = ("BV", "not-found") if agency is None else self._refusing.get(agency.address)
        kept.attributes["messageStatus"] = "REJECTED" if why else "ACCEPTED"
        if why:
            kept.attributes["events"] = [dict(_events(Issue(why[0], why[1], "NA")))]


def _function(address: str, label: str | None = None) -> dict[str, str]:
    return {"root": _FUNCTION, "extension": address, **({"label": label} if label else {})}


def _shown(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "messages", "id": attributes["messageId"], "attributes": dict(attributes)}


def _at(attributes: Mapping[str, Any], path: str) -> object:
    found: Any = attributes
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _bad(*issues: Issue) -> Said:
    return Said(400, _events(*issues))


def _absent(message_id: str) -> Mapping[str, Any]:
    return {"type": "urn:problem-type:sdk:notFound", "title": "Not Found", "status": 404, "instance": message_id}


def _events(*issues: Issue) -> Mapping[str, Any]:
    return {
        "type": "urn:problem-type:sdk:badRequest",
        "title": "Bad Request",
        "status": 400,
        "detail": "MESSAGE_EXCHANGE_ERROR",
        "eventIssues": [{"typeCode": one.kind, "title": one.detail, "in": one.where} for one in issues],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
