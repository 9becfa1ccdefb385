"""FK by the hand-over to an access point, through the whole hub: what is said twice under one id, and what is withdrawn before it has left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.flow import track
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.sdk_world import SdkWorld, sdk_world
from siphub.testing.story import Story, until
from siphub_sdk import message_payload

FK, US = "0203:forsakringskassan.example", "0203:norrby.example"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return the folders that the hub and the access point share."""
    for name in ("out", "in", "done"):
        (tmp_path / "shared" / name).mkdir(parents=True)
    return tmp_path / "shared"


@pytest.fixture
def world(tmp_path: Path, shared: Path, sandbox: Sandbox) -> Iterator[SdkWorld]:
    """Return a running hub that hands over."""
    settings = {"service": "", "token_url": "", "client_id": "", "hand_over": str(shared), "access_point": "AP0007-OPEN-TEST"}
    with SdkSandbox(certificates=sandbox.certificates) as sdk, sdk_world(sandbox, sdk, tmp_path, settings=settings) as running:
        yield running


def invited(world: SdkWorld) -> Story:
    """Return a case whose invitation to FK lies there for the access point."""
    story = world.story()
    story.ready((p.FK,))
    story.invited((p.FK,))
    assert world.in_state(story, p.FK, "awaiting_receipt")
    return story


def comes(world: SdkWorld, shared: Path, story: Story, text: str, message_id: str) -> None:
    """Let the access point put an answer of FK's there, some time ago."""
    fk = world.agency(p.FK)

    def function(extension: str, label: str) -> dict[str, object]:
        return {"subOrganization": {"root": "urn:riv:infrastructure:messaging:functionalAddress", "extension": extension, "label": label}}

    attributes = {
        "creationDateTime": "2026-11-26T12:00:00.000Z",
        "conversationId": str(story.case_id),
        "label": "Svar",
        "confidentiality": True,
        "generatingSystem": {"root": "urn:example", "extension": "fk"},
        "sender": FK,
        "senderAttention": function(fk.address, fk.label),
        "recipient": US,
        "recipientAttention": function("sdk:sip:0203:norrby.example", "Norrby kommun"),
        "digitalDocument": [{"documentId": "svar", "documentName": "Svar", "index": "1", "contentTextBody": [text]}],
    }
    body = message_payload(json.dumps({"data": {"attributes": attributes}}).encode(), message_id)
    part = shared / "in" / f".{uuid4()}"
    part.write_bytes(body)
    os.utime(part, (time.time() - 300,) * 2)
    part.rename(shared / "in" / f"{uuid4()}.xml")


def desk(world: SdkWorld, story: Story) -> list[str]:
    """Return what waits on a desk in a case."""
    return [item.type for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def test_other_words_under_a_used_id_are_a_persons_to_read(world: SdkWorld, shared: Path) -> None:
    """Given FK's yes, and then a no under the same messageId, then the yes stands, and the no waits on the convener's desk: nothing is lost unread."""
    story, message_id = invited(world), str(uuid4())
    comes(world, shared, story, "Svar: ja", message_id)
    assert until(lambda: world.types(p.CONTACT, story).count("meeting.response") == 1)
    comes(world, shared, story, "Svar: nej", message_id)
    assert until(lambda: "inbound.unread" in desk(world, story))
    assert world.types(p.CONTACT, story).count("meeting.response") == 1
    assert until(lambda: len(list((shared / "done").iterdir())) == 2)
