"""The further ways to an agency, through the whole hub: data under an agreement, and an access point by REST or by folder, with a canary over each."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from siphub.errors import Invalid
from siphub.flow import track
from siphub.model import people as p
from siphub.model.messages import meeting as m
from siphub.sandbox import Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.logs import heard_logs
from siphub.testing.sdk_world import SdkWorld, sdk_world
from siphub.testing.story import CANARY, Story, until

FK = "0203:forsakringskassan.example"
AGREED = f"FK/2026-7 2026-01-01 {p.MUNICIPALITY} {FK}"
ENTRY = {"attachment": "structured", "agreement": "FK/2026-7"}
SECRETS = (str(p.SUBJECT_NUMBER), "Provsdotter", "Stadshuset", "Fråga till", CANARY)


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[SdkSandbox]:
    """Run the message service and the access point."""
    with SdkSandbox(certificates=sandbox.certificates) as running:
        running.service.takes.add("application/json")
        yield running


def invited(world: SdkWorld) -> Story:
    """Return a case with an invitation to FK on its way."""
    story = world.story()
    story.ready([p.FK])
    story.invited([p.FK])
    return story


def answered_with_data(world: SdkWorld, story: Story) -> None:
    """Let FK answer its invitation with one of siphub's own messages attached."""
    key = world.newest(story, p.FK).key
    content = m.MeetingResponse(
        meeting_id=story.meeting_id, meeting_version=1, response="accept", responder=m.Responder(name="F. Kassa", role="handläggare")
    )
    message = story.message(content, [p.CONTACT], by=p.FK)
    body = base64.b64encode(message.model_copy(update={"subject": None}).to_json()).decode()
    file = {"fileName": "sip.json", "contentType": "application/vnd.siphub.message+json", "content": body}
    document = {"documentId": "svar", "index": "1", "contentTextBody": ["Se bilaga."], "contentFiles": [file]}
    got, one = world.service.body("fk", key), world.agency(p.FK)
    world.service.write(
        sender=(one.participant, one.address, one.label),
        recipient=(got["sender"], got["senderAttention"]["subOrganization"]["extension"]),
        text="",
        conversation_id=str(story.case_id),
        refToMessageId=key,
        digitalDocument=[document],
    )


def test_under_an_agreement_data_goes_both_ways(sandbox: Sandbox, sdk: SdkSandbox, tmp_path: Path) -> None:
    """Given an agreement that settings and entry name, then FK gets its cut as data too, without the person's number, and the message that it attaches is its response."""
    with sdk_world(sandbox, sdk, tmp_path, options=ENTRY, optioned=[p.FK], settings={"agreements": AGREED}) as world:
        story = invited(world)
        assert world.in_state(story, p.FK, "delivered")
        [file] = world.service.body("fk", world.newest(story, p.FK).key)["digitalDocument"][0]["contentFiles"]
        data = json.loads(base64.b64decode(file["content"]))
        assert (data["agreement"], data["message"]["content"]["meeting"]["id"]) == ("FK/2026-7", str(story.meeting_id))
        assert not [word for word in (str(p.SUBJECT_NUMBER), CANARY, "Eva") if word in json.dumps(data, ensure_ascii=False)]
        answered_with_data(world, story)
        assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))


def test_without_one_an_entry_that_asks_is_refused_and_what_comes_is_a_persons(sandbox: Sandbox, sdk: SdkSandbox, tmp_path: Path) -> None:
    """Given an entry that asks for data and no agreement, then no directory has it; given an entry that does not ask, then a message that FK attaches waits on the convener's desk as text."""
    with pytest.raises(Invalid) as wrong, sdk_world(sandbox, sdk, tmp_path / "asks", options=ENTRY):
        pass
    assert {problem.code for problem in wrong.value.problems} == {"address.agreement_missing"}
    with sdk_world(sandbox, sdk, tmp_path / "asks-not") as world:
        story = invited(world)
        assert world.in_state(story, p.FK, "delivered")
        answered_with_data(world, story)
        assert until(lambda: [(item.type, item.unit) for item in track.desk(world.hub.ground)] == [("inbound.unread", p.CONTACT)])
        assert "meeting.response" not in world.types(p.CONTACT, story)


def test_no_file_names_the_person(sandbox: Sandbox, sdk: SdkSandbox, tmp_path: Path) -> None:
    """Given entries that ask for a document and for data too, then neither file says whose meeting it is, opened and read, and the number stands once in the message; the document has FK's purpose and ground."""
    entry = {**ENTRY, "attachment": "pdf, structured"}
    with sdk_world(sandbox, sdk, tmp_path, options=entry, optioned=[p.FK], settings={"agreements": AGREED}) as world:
        story = invited(world)
        assert world.in_state(story, p.FK, "delivered")
        whole = world.service.body("fk", world.newest(story, p.FK).key)
        [document, data] = [base64.b64decode(file["content"]) for file in whole["digitalDocument"][0].pop("contentFiles")]
    drawn = "".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages)
    number = str(p.SUBJECT_NUMBER)
    assert "Rättslig grund" in drawn
    assert json.dumps(whole).count(number) == 1
    for text in (drawn, data.decode(), str(whole["digitalDocument"])):
        assert not [word for word in (number, f"{number[:8]}-{number[8:]}", number[2:], "Provsdotter", CANARY) if word in text]


@pytest.mark.parametrize("way", ["rest", "folder"])
def test_an_access_point_is_handed_the_message_and_nobody_else_reads_it(
    sandbox: Sandbox, sdk: SdkSandbox, tmp_path: Path, way: str
) -> None:
    """Given an access point, then the invitation waits for its receipt and is delivered by it, and headers, file names, queues and log say nothing of the person."""
    shared = tmp_path / "shared"
    for name in ("out", "in", "done"):
        (shared / name).mkdir(parents=True)
    rest = {"submit_to": sdk.rest_backend, "pmode": sdk.access_point.pmode} if way == "rest" else {}
    settings = {"service": "", "token_url": "", "client_id": "", "hand_over": str(shared), "access_point": "AP0007-OPEN-TEST", **rest}
    with heard_logs(level="debug") as heard, sdk_world(sandbox, sdk, tmp_path, settings=settings) as world:
        story = invited(world)
        assert world.in_state(story, p.FK, "awaiting_receipt")
        key = world.newest(story, p.FK).key
        posted = [entry.key for entry in sdk.access_point.ledger.effects()]
        written = [file.name for file in (shared / "out").iterdir()]
        assert (posted, written) == (([key], []) if way == "rest" else ([], [f"{key}.xml"]))
        sdk.access_point.accepts(key, shared / "in", parties=("0203:norrby.example", FK))
        assert world.in_state(story, p.FK, "delivered")
        said: dict[str, Any] = {
            "headers": "".join(sdk.service.heads),
            "names": " ".join(file.name for file in tmp_path.rglob("*")),
            "log": heard.text,
        }
    assert not [(where, word) for where, text in said.items() for word in SECRETS if word in text]
