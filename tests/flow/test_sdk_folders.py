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


def test_what_has_not_left_is_taken_back_before_its_stop_notice(world: SdkWorld, shared: Path) -> None:
    """Given an access point that is down, when the consent is withdrawn, then the invitation does not lie there any more and the stop notice does; another case's invitation stays."""
    story, other = invited(world), invited(world)
    first, kept = (world.newest(one, p.FK).key for one in (story, other))
    story.withdrawn()
    assert until(lambda: world.newest(story, p.FK).state == "recalled")
    assert until(lambda: len([row for row in world.deliveries(story) if row.recall and row.state == "awaiting_receipt"]) == 1)
    [notice] = [row.key for row in world.deliveries(story) if row.recall and row.recipient == p.FK]
    assert {file.name for file in (shared / "out").iterdir()} == {f"{notice}.xml", f"{kept}.xml"}
    assert first not in {notice, kept}


def test_what_has_left_is_called_back_by_its_notice_alone(world: SdkWorld, shared: Path) -> None:
    """Given an invitation that the access point has fetched, when the consent is withdrawn, then the stop notice is handed over all the same."""
    story = invited(world)
    (shared / "out" / f"{world.newest(story, p.FK).key}.xml").unlink()
    story.withdrawn()
    assert until(lambda: len([row for row in world.deliveries(story) if row.recall and row.state == "awaiting_receipt"]) == 1)
    assert len(list((shared / "out").iterdir())) == 1
