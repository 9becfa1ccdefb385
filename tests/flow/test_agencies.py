"""Försäkringskassan and Arbetsförmedlingen, each by its own adapter over SDK, in the acceptance scenarios that are about them, on RabbitMQ."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from siphub.flow import track
from siphub.model import Person
from siphub.model import people as p
from siphub.model.messages import request as rq
from siphub.model.person import PersonNumberIdentity
from siphub.sandbox import Fault, Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.logs import heard_logs
from siphub.testing.rabbitmq import Rabbit
from siphub.testing.sdk_world import SdkWorld, sdk_world
from siphub.testing.story import CANARY, Story, until

pytestmark = [pytest.mark.node, pytest.mark.timeout(240)]
LONG = 60.0
ADAPTERS = {p.FK: "forsakringskassan", p.AF: "arbetsformedlingen"}
AF_OTHER = "sdk:umea:0203:arbetsformedlingen.example"


@pytest.fixture
def world(sandbox: Sandbox, rabbitmq: Rabbit, tmp_path: Path) -> Iterator[SdkWorld]:
    """Return a running hub on RabbitMQ with each agency on its own adapter."""
    with (
        SdkSandbox(certificates=sandbox.certificates) as sdk,
        sdk_world(sandbox, sdk, tmp_path, ADAPTERS, broker_url=rabbitmq.url, sweep_every="200ms", ring_timeout="5s") as running,
    ):
        yield running


def invited(world: SdkWorld, *units: Any, **more: Any) -> Story:
    """Return a case with an invitation to each unit on its way."""
    story = world.story(**more)
    story.ready(units)
    story.invited(units)
    return story


def desk(world: SdkWorld, story: Story) -> set[tuple[str, str]]:
    """Return what waits on whose desk in a case."""
    return {(item.type, item.unit) for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)}


def test_a5_forsakringskassan_by_sdk(world: SdkWorld) -> None:
    """A5. Given an invitation to FK, then it waits for its receipt, is delivered by it, and FK's answer is its response to that version; REJECTED is a work item with SDK's code."""
    world.service.receipts = False
    story = invited(world, p.FK)
    assert world.in_state(story, p.FK, "awaiting_receipt", LONG)
    assert world.service.status(world.newest(story, p.FK).key) == "WAITING_FOR_RECEIPT"
    world.service.receipts = True
    assert world.in_state(story, p.FK, "delivered", LONG)
    text = world.service.body("fk", world.newest(story, p.FK).key)["digitalDocument"][0]["contentTextBody"][0]
    assert "**Syfte:**" in text
    assert "**Rättslig grund:** den enskildes samtycke" in text
    world.service.reply("fk", world.newest(story, p.FK).key, "Vi deltar.")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story), LONG)
    world.service.refuse("fk", "SIG", "security")
    other = invited(world, p.FK)
    assert world.in_state(other, p.FK, "rejected", LONG)
    assert world.newest(other, p.FK).reason == "sdk.sig.security"
    assert ("delivery.rejected.sdk.sig.security", p.CONTACT) in desk(world, other)


def test_a6_arbetsformedlingen_and_a_protected_identity(world: SdkWorld, tmp_path: Path) -> None:
    """A6. Given somebody with skyddad folkbokföring, then the delivery to AF is held with the task to phone, the service is sent nothing, and no log, queue or file names person or place."""
    story = world.story()
    story.ready([p.AF])
    with heard_logs() as heard:
        subject = Person(identity=PersonNumberIdentity(value=p.SUBJECT_NUMBER), protection="protected_registration")
        story.say(rq.ParticipantsApproved(units=(p.AF,), approved_on=story.now.date(), approved_how="oral"), subject=subject)
        story.invited([p.AF])
        assert until(lambda: world.newest(story, p.AF).state == "held", LONG)
        time.sleep(0.5)
    assert world.agency(p.AF).taken() == ()
    assert world.service.traffic.bytes_seen == 0
    assert [unit for kind, unit in desk(world, story) if kind.startswith("delivery.protected")] == [p.CONTACT]
    names = " ".join(file.name for file in tmp_path.rglob("*"))
    assert not [word for word in _secrets() if word in heard.text + names]


def _secrets() -> list[str]:
    return [str(p.SUBJECT_NUMBER), "Provsdotter", "Stadshuset", "Fråga till", CANARY]


def test_a11_behind_someones_back(world: SdkWorld) -> None:
    """A11. Given a consent that names AF and not FK, then FK's invitation is withheld and FK's service is never asked, while AF's goes out."""
    story = world.story()
    story.requested()
    story.consented([p.HOME_CARE, p.AF])
    story.approved([p.HOME_CARE, p.AF, p.FK])
    story.invited([p.AF, p.FK])
    assert world.in_state(story, p.AF, "delivered", LONG)
    assert world.newest(story, p.FK).state == "withheld"
    assert world.agency(p.FK).taken() == ()
    assert world.agency(p.FK).participant.encode() not in b"".join(world.service.traffic.bodies())


def test_a13_broken_partner_answers(world: SdkWorld) -> None:
    """A13. Given a web page in the place of lists, a receipt for a message that nobody sent, one that comes before its send is recorded and one that comes twice, then nothing is lost or doubled, and the unknown one is kept and shown."""
    world.service.ask_faults.add(Fault("html", times=4))
    world.service.faults.add(Fault("reset", times=1, when="after"))
    story = invited(world, p.FK, p.AF)
    for unit in (p.FK, p.AF):
        assert world.in_state(story, unit, "delivered", LONG)
        assert [entry.times for entry in world.agency(unit).taken(str(story.case_id))] == [1]
    stray = json.loads(world.agency(p.FK).ledger.body(world.newest(story, p.FK).key))
    stray["data"]["attributes"]["messageId"] = unknown = str(uuid4())
    assert world.service.take(json.dumps(stray).encode()).status == 201

    def kept() -> bool:
        with world.hub.store.read() as work:
            return unknown in {row.key for row in work.receipts.unmatched(100)}

    assert until(kept, LONG)
    world.again()
    time.sleep(1.0)
    assert [row.state for row in world.deliveries(story) if row.message_type == "meeting.invited"] == ["delivered", "delivered"]
    assert not [kind for kind, _ in desk(world, story) if kind.startswith("delivery.")]


def test_a20_each_owner_under_its_own_name(world: SdkWorld) -> None:
    """A20. Given cases of two municipalities in one hub, then each message leaves under its owner's own 0203, function and label, and names the other nowhere."""
    ours, theirs = invited(world, p.FK), invited(world, p.FK, owner=p.NEIGHBOUR, contact=p.SOCIAL_SERVICES)
    for story, own, other in ((ours, "norrby", "soderby"), (theirs, "soderby", "norrby")):
        assert world.in_state(story, p.FK, "delivered", LONG)
        attributes = world.service.body("fk", world.newest(story, p.FK).key)
        assert attributes["sender"] == f"0203:{own}.example"
        assert attributes["senderAttention"]["subOrganization"]["extension"] == f"sdk:sip:0203:{own}.example"
        assert other not in json.dumps(attributes)


def test_a22_an_answer_in_her_own_words(world: SdkWorld) -> None:
    """A22. Given "Vi kan den 4:e i stället, dnr AF-1" from another function of AF, then it is AF's response to that version, a person sees the words, and AF-1 stands in the next message."""
    story = invited(world, p.AF)
    assert world.in_state(story, p.AF, "delivered", LONG)
    day = story.meeting().starts_at.day % 28 + 1
    world.service.reply("af", world.newest(story, p.AF).key, f"Vi kan den {day}:e i stället, dnr AF-1", address=AF_OTHER)
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story), LONG)
    assert until(lambda: desk(world, story) == {("meeting.propose-new-time", p.CONTACT), ("inbound.unread", p.CONTACT)}, LONG)
    story.rescheduled([p.AF])
    assert until(lambda: len(world.agency(p.AF).taken(str(story.case_id))) == 2, LONG)
    body = world.agency(p.AF).ledger.body(world.agency(p.AF).taken(str(story.case_id))[-1].key)
    assert b'"AF-1"' in body


def test_nothing_of_the_person_stands_where_others_read(world: SdkWorld, rabbitmq: Rabbit, tmp_path: Path) -> None:
    """Given every path there is, sent, answered, rejected, uncertain and withdrawn, then no label, address, header, file name, queue or log line says anything of the person."""
    with heard_logs(level="debug") as heard:
        world.service.faults.add(Fault("reset", times=1, when="after"))
        story = invited(world, p.FK, p.AF)
        for unit in (p.FK, p.AF):
            assert world.in_state(story, unit, "delivered", LONG)
        world.service.reply("af", world.newest(story, p.AF).key, f"{CANARY} {p.SUBJECT_NUMBER} Provsdotter")
        assert until(lambda: ("inbound.unread", p.CONTACT) in desk(world, story), LONG)
        world.service.refuse("fk", "BV", "not-found")
        story.rescheduled([p.FK, p.AF])
        assert until(lambda: ("delivery.rejected.sdk.bv.not-found", p.CONTACT) in desk(world, story), LONG)
        story.withdrawn()
        assert until(lambda: len(world.agency(p.AF).taken(str(story.case_id))) == 3, LONG)
    labels = " ".join(entry.message_type or "" for unit in (p.FK, p.AF) for entry in world.agency(unit).taken())
    names = " ".join(file.name for file in tmp_path.rglob("*"))
    heads = "".join(world.service.heads)
    assert {line.split()[0] for line in world.service.heads} == {"GET", "POST"}
    seen = {"labels": labels, "heads": heads, "names": names, "queues": " ".join(rabbitmq.queues()), "log": heard.text}
    assert not [(where, word) for where, said in seen.items() for word in _secrets() if word in said]
    numbers = [body.count(str(p.SUBJECT_NUMBER).encode()) for body in world.service.traffic.bodies()]
    assert max(numbers) == 1
