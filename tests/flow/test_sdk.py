"""FK and AF by SDK, through the whole hub: one invitation whatever happens to the line, receipts by polling, and answers that lose no word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from siphub.contract import Adapter, Inbound, Outcome, Recipient, Uncertain
from siphub.errors import Conflict, Invalid
from siphub.flow import awaited, operate, track, work_items
from siphub.flow import directory as directories
from siphub.flow.letters import number_hash, recipient_of
from siphub.model import Address
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages.meeting import MeetingInvited, Question
from siphub.sandbox import Fault, Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.store import DeliveryRow, ReceiptRow
from siphub.testing.clock import Hand
from siphub.testing.logs import heard_logs
from siphub.testing.sdk_world import BY_SDK, SdkWorld, sdk_world
from siphub.testing.story import Story, until


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[SdkSandbox]:
    """Run the message service, trusted by the same CA as the municipalities."""
    with SdkSandbox(certificates=sandbox.certificates) as running:
        yield running


@pytest.fixture
def make_sdk_world(tmp_path: Path, sandbox: Sandbox, sdk: SdkSandbox) -> Callable[..., SdkWorld]:
    """Return what makes a world with FK and AF on SDK; further settings by name."""

    def make(**given: Any) -> SdkWorld:
        return sdk_world(sandbox, sdk, tmp_path, **given)

    return make


@pytest.fixture
def world(make_sdk_world: Callable[..., SdkWorld]) -> Iterator[SdkWorld]:
    """Return a running hub with FK and AF on SDK."""
    with make_sdk_world() as running:
        yield running


def invited(world: SdkWorld, *units: UnitId, **more: Any) -> Story:
    """Return a case with an invitation to each unit on its way."""
    story = world.story(**more)
    story.ready(units)
    story.invited(units)
    return story


def newest(world: SdkWorld, story: Story, unit: UnitId) -> DeliveryRow:
    """Return the newest invitation to a unit."""
    return world.newest(story, unit)


def in_state(world: SdkWorld, story: Story, unit: UnitId, state: str) -> bool:
    """Wait until the invitation to a unit is in a state."""
    return world.in_state(story, unit, state)


def desk(world: SdkWorld, story: Story) -> list[tuple[str, str]]:
    """Return what waits on whose desk in a case."""
    return [(item.type, item.unit) for item in track.desk(world.hub.ground) if item.case_id == str(story.case_id)]


def test_fk_and_af_each_get_one_minimal_invitation_and_their_receipts_count(world: SdkWorld) -> None:
    """Given a consent that names FK and AF, when both are invited, then each has one invitation with its own question, delivered by receipt."""
    world.service.receipts = False
    story = invited(world, p.FK, p.AF)
    for unit in (p.FK, p.AF):
        assert in_state(world, story, unit, "awaiting_receipt")
    world.service.receipts = True
    for unit, other in ((p.FK, p.AF), (p.AF, p.FK)):
        assert in_state(world, story, unit, "delivered")
        [entry] = world.agency(unit).invitations(str(story.case_id))
        attributes = world.service.body(BY_SDK[unit], entry.key)
        text = attributes["digitalDocument"][0]["contentTextBody"][0]
        assert f"Fråga till {unit}" in text
        assert other not in text
        assert "Eva" not in text
        assert attributes["confidentiality"] is True
        assert attributes["recipientAttention"]["referenceId"][0]["extension"] == str(p.SUBJECT_NUMBER)
        assert str(p.SUBJECT_NUMBER) not in attributes["label"] + text


def test_without_information_exchange_the_invitation_names_no_person(world: SdkWorld) -> None:
    """Given a consent to the meeting and the invitation only, then the person's number is nowhere in the message."""
    story = world.story()
    story.requested()
    story.consented([p.HOME_CARE])
    story.consented([p.FK], ("meeting", "invite"))
    story.approved([p.HOME_CARE, p.FK])
    story.invited([p.FK])
    assert in_state(world, story, p.FK, "delivered")
    [entry] = world.agency(p.FK).invitations(str(story.case_id))
    assert str(p.SUBJECT_NUMBER).encode() not in world.agency(p.FK).ledger.body(entry.key)


@pytest.mark.parametrize("unit", [p.FK, p.AF])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", times=1, when="after"),
        Fault("html", times=1, when="after"),
        *(Fault("status", times=1, when="after", status=status) for status in (408, 429, 503, 504)),
    ],
    ids=["reset", "html", "408", "429", "503", "504"],
)
def test_the_line_dies_after_the_message_was_taken(world: SdkWorld, unit: UnitId, fault: Fault) -> None:
    """Given a line that dies, or whatever stands in between says "later", when the service has taken the message, then it is asked, knows it, and there is one invitation, delivered."""
    world.service.faults.add(fault)
    story = invited(world, unit)
    assert in_state(world, story, unit, "delivered")
    assert [entry.times for entry in world.agency(unit).taken(str(story.case_id))] == [1]
    assert len([entry for entry in world.service.traffic.entries() if entry.key == newest(world, story, unit).key]) == 1


@pytest.mark.parametrize("unit", [p.FK, p.AF])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", times=1, when="before"),
        Fault("down", times=1),
        Fault("status", times=1, status=500),
        Fault("status", times=2, status=503),
    ],
    ids=["reset", "down", "500", "503"],
)
def test_the_line_dies_before_the_message_was_taken(world: SdkWorld, unit: UnitId, fault: Fault) -> None:
    """Given a service that did not take it, then it is asked, knows nothing, and the message is sent once more: one invitation."""
    world.service.faults.add(fault)
    story = invited(world, unit)
    assert in_state(world, story, unit, "delivered")
    assert newest(world, story, unit).attempts > 1
    assert [entry.times for entry in world.agency(unit).taken(str(story.case_id))] == [1]


@pytest.mark.parametrize("unit", [p.FK, p.AF])
@pytest.mark.parametrize("when", ["after", "before"])
def test_the_line_dies_and_nobody_can_say(world: SdkWorld, unit: UnitId, when: Any) -> None:
    """Given a line that died and a service that cannot be asked, then it is held for a person, and nothing is sent a second time."""
    world.service.ask_faults.add(Fault("html"))
    world.service.faults.add(Fault("reset", times=1, when=when))
    story = invited(world, unit)
    assert in_state(world, story, unit, "held")
    assert newest(world, story, unit).reason == "send.uncertain"
    assert ("delivery.send.uncertain", p.CONTACT) in desk(world, story)
    assert len(world.agency(unit).taken(str(story.case_id))) == (1 if when == "after" else 0)


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_service_that_is_away_for_questions_too_is_waited_for(world: SdkWorld, when: Any) -> None:
    """Given a service that says 503 to the message and to the question about it, then nothing is sent until it has answered, and no person need act."""
    world.service.faults.add(Fault("status", times=1, when=when, status=503))
    world.service.ask_faults.add(Fault("status", status=503))
    story = invited(world, p.AF)
    assert until(lambda: newest(world, story, p.AF).attempts >= 3)
    posted = [entry for entry in world.service.traffic.entries() if entry.key == newest(world, story, p.AF).key]
    assert len(posted) == (1 if when == "after" else 0)
    assert desk(world, story) == []
    world.service.ask_faults.clear()
    assert in_state(world, story, p.AF, "delivered")
    assert [entry.times for entry in world.agency(p.AF).taken(str(story.case_id))] == [1]


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_gateways_404_to_the_question_sends_nothing_again(world: SdkWorld, when: Any) -> None:
    """Given a line that died and a gateway that answers 404 to every question, then nothing is sent while it does, and one invitation is there when the service itself has answered."""
    world.service.faults.add(Fault("reset", times=1, when=when))
    world.service.ask_faults.add(Fault("status", status=404))
    story = invited(world, p.AF)
    assert until(lambda: newest(world, story, p.AF).attempts >= 3)
    posted = [entry for entry in world.service.traffic.entries() if entry.key == newest(world, story, p.AF).key]
    assert len(posted) == (1 if when == "after" else 0)
    world.service.ask_faults.clear()
    assert in_state(world, story, p.AF, "delivered")
    assert [entry.times for entry in world.agency(p.AF).taken(str(story.case_id))] == [1]


def test_a_held_one_that_had_arrived_is_settled_by_its_receipt(world: SdkWorld) -> None:
    """Given an invitation that is held because nobody could say, when the service can be asked again, then its receipt settles it."""
    world.service.ask_faults.add(Fault("html"))
    world.service.faults.add(Fault("reset", times=1, when="after"))
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "held")
    world.service.ask_faults.clear()
    assert in_state(world, story, p.AF, "delivered")
    assert len(world.agency(p.AF).taken(str(story.case_id))) == 1


def test_a_slow_service_and_one_without_tokens_are_waited_for(world: SdkWorld) -> None:
    """Given a service that answers late and at first gives no token, then there is one invitation in the end."""
    world.service.token_faults.add(Fault("status", times=1, status=503))
    world.service.faults.add(Fault("slow", times=1, seconds=0.3))
    story = invited(world, p.FK)
    assert in_state(world, story, p.FK, "delivered")
    assert len(world.agency(p.FK).taken(str(story.case_id))) == 1


def test_a_message_that_comes_back_rejected_is_rejected_with_its_code(world: SdkWorld) -> None:
    """Given an address that the agency does not know, when the receipt says REJECTED, then so does the delivery, with SDK's code."""
    world.service.refuse("af", "BV", "not-found")
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "rejected")
    assert newest(world, story, p.AF).reason == "sdk.bv.not-found"


@pytest.mark.parametrize("way", ["by receipt", "when asked"])
def test_a_retry_of_what_the_agency_refused_is_told_that_it_cannot_arrive(world: SdkWorld, way: str) -> None:
    """Given an invitation that its recipient refused, when a retry is ordered, then it is told that nothing arrives under that id, nothing is sent, and the delivery can be noted as handled; a new message arrives."""
    world.service.refuse("af", "BV", "not-found")
    if way == "when asked":
        world.service.faults.add(Fault("reset", times=1, when="after"))
    story, ground = invited(world, p.AF), world.hub.ground
    assert in_state(world, story, p.AF, "rejected")
    row = newest(world, story, p.AF)
    assert until(lambda: bool(_receipts(world, row.key)))
    world.service.clear()
    assert (operate.preview(ground, row.id).allowed, operate.preview(ground, row.id).reason) == (False, "delivery.refused_for_good")
    with pytest.raises(Conflict) as refused:
        operate.operate(ground, row.id, "retry", by="operator", channel="retry")
    assert refused.value.code == "delivery.refused_for_good"
    assert operate.operate(ground, row.id, "handled", by="operator", channel="cli") == "handled_manually"
    assert len([entry for entry in world.service.traffic.entries() if entry.key == row.key]) == 1
    story.rescheduled([p.AF])
    assert until(lambda: world.newest(story, p.AF, "meeting.rescheduled").state == "delivered")


def _receipts(world: SdkWorld, key: str) -> tuple[ReceiptRow, ...]:
    with world.hub.ground.store.read() as work:
        return work.receipts.of_key(key)


def test_a_retry_of_what_the_agency_refused_goes_where_the_directory_has_moved_it(world: SdkWorld) -> None:
    """Given an invitation that AF refused, when the directory leads to AF by another adapter since, then a retry is allowed and arrives there; without an address it is not."""
    world.service.refuse("af", "BV", "not-found")
    story, ground = invited(world, p.AF), world.hub.ground
    assert in_state(world, story, p.AF, "rejected")
    row, known = newest(world, story, p.AF), world.directory()
    assert until(lambda: bool(_receipts(world, row.key)))
    folder = world.folders / "af"
    folder.mkdir()
    for address in (None, Address(adapter="folder", endpoint=str(folder))):
        assert operate.preview(ground, row.id).reason == "delivery.refused_for_good"
        units = tuple(one.model_copy(update={"address": address}) if one.id == p.AF else one for one in known.units)
        directories.switch(ground, known.model_copy(update={"units": units}), by="test")
        assert operate.preview(ground, row.id).allowed is (address is not None)
    assert operate.operate(ground, row.id, "retry", by="operator", channel="retry") == "queued"
    assert until(lambda: bool(list(folder.glob("*.json"))))
    assert newest(world, story, p.AF).adapter == "folder"
    assert len([entry for entry in world.service.traffic.entries() if entry.key == row.key]) == 1


def test_a_retry_of_what_the_service_refused_at_the_door_arrives(world: SdkWorld) -> None:
    """Given an invitation that the service refused to take, which no recipient has seen, when a retry is ordered, then it arrives under the same id."""
    world.service.faults.add(Fault("status", times=1, status=422))
    story, ground = invited(world, p.AF), world.hub.ground
    assert in_state(world, story, p.AF, "rejected")
    row = newest(world, story, p.AF)
    assert operate.preview(ground, row.id).allowed
    assert operate.operate(ground, row.id, "retry", by="operator", channel="retry") == "queued"
    assert in_state(world, story, p.AF, "delivered")
    assert [(entry.key, entry.times) for entry in world.agency(p.AF).taken(str(story.case_id))] == [(row.key, 1)]


def test_what_the_agency_has_already_is_neither_refused_nor_sent_again(world: SdkWorld) -> None:
    """Given a receipt that says the messageId is there already, then the invitation waits on, nothing is sent a second time, and what was delivered before stays so."""
    world.service.faults.add(Fault("reset", times=1, when="after"))
    world.service.refuse("af", "BV", "duplicate")
    story = invited(world, p.AF, p.FK)
    assert in_state(world, story, p.FK, "delivered")
    assert in_state(world, story, p.AF, "awaiting_receipt")
    time.sleep(0.5)
    assert newest(world, story, p.AF).state == "awaiting_receipt"
    assert len([entry for entry in world.service.traffic.entries() if entry.key == newest(world, story, p.AF).key]) == 1
    assert desk(world, story) == []


def test_a_hub_that_is_started_anew_takes_every_answer_once(make_sdk_world: Callable[..., SdkWorld]) -> None:
    """Given receipts and answers taken, when the hub starts anew and is told them all again, then nothing happens twice."""
    with make_sdk_world() as world:
        story = invited(world, p.AF)
        assert in_state(world, story, p.AF, "delivered")
        world.service.reply("af", newest(world, story, p.AF).key, "Vi återkommer.")
        assert until(lambda: ("inbound.unread", p.CONTACT) in desk(world, story))
        world.again()
        time.sleep(0.5)
        assert desk(world, story).count(("inbound.unread", p.CONTACT)) == 1
        assert newest(world, story, p.AF).state == "delivered"


# ── deleting ──


def test_what_is_recorded_is_deleted_and_what_no_delivery_is_about_is_not(make_sdk_world: Callable[..., SdkWorld]) -> None:
    """Given a number of days that has passed, then an invitation goes when its receipt stands at it, one that another hub sent stays, also after a new start, and with its case one goes whatever its age."""
    made = make_sdk_world()
    for settings in made.given["plugin"].values():
        settings["delete_after_days"] = "1"
    with made as world:
        story = invited(world, p.AF, p.FK)
        for unit in (p.AF, p.FK):
            assert in_state(world, story, unit, "delivered")
        key, young = newest(world, story, p.AF).key, newest(world, story, p.FK)
        stray = json.loads(world.agency(p.AF).ledger.body(key))
        stray["data"]["attributes"]["messageId"] = other = str(uuid4())
        assert world.service.take(json.dumps(stray).encode()).status == 201
        for message_id in (key, other):
            world.service._kept[message_id].attributes["creationDateTime"] = "2026-01-01T00:00:00.000Z"
        assert until(lambda: not world.service.kept(key))
        world.again()
        time.sleep(0.5)
        assert (world.service.kept(other), world.service.kept(young.key)) == (1, 1)
        assert world.hub.ground.registry.erase(young.key, recipient_of(young, world.hub.ground.directory()))
        assert (world.service.kept(other), world.service.kept(young.key)) == (1, 0)


# ── answers ──


def test_an_answer_in_our_form_becomes_the_agencys_response(world: SdkWorld) -> None:
    """Given an invitation, when AF answers with a new time, then the case has its response, the convener gets it, and it waits on the desk."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    answer = world.service.reply("af", newest(world, story, p.AF).key, "Hej!\nSvar: ny tid 2027-01-12 13:30\nMvh")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    [body] = [one for one in world.bodies(p.CONTACT, story) if answer.encode() in one]
    assert b"2027-01-12T12:30:00Z" in body
    assert desk(world, story) == [("meeting.propose-new-time", p.CONTACT)]


def test_an_answer_from_another_function_of_the_same_agency_counts(world: SdkWorld) -> None:
    """Given an answer from another functional address of AF, then it is AF's all the same."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    world.service.reply("af", newest(world, story, p.AF).key, "Svar: ja", address="sdk:umea:0203:arbetsformedlingen.example")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    assert desk(world, story) == []


@pytest.mark.parametrize("text", ["Vi kan inte den 4:e, men kanske den 5:e.", "Svar: ja\nSvar: nej", "Svar: kanske"])
def test_an_answer_in_other_words_waits_for_a_person(world: SdkWorld, text: str) -> None:
    """Given an answer that is not understood, then it waits on the convener's desk, still whole at the service, and nothing is guessed."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    answer = world.service.reply("af", newest(world, story, p.AF).key, text)
    assert until(lambda: desk(world, story) == [("inbound.unread", p.CONTACT)])
    assert "meeting.response" not in world.types(p.CONTACT, story)
    assert world.service.get(answer).status == 200


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59.000Z", "9999-12-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("text", ["Svar: ja", "Vi kan den 4:e i stället"])
def test_an_answer_of_no_time_of_ours_waits_for_a_person(world: SdkWorld, at: str, text: str) -> None:
    """Given an answer that the schema takes and whose clock is beside itself, then it waits on the convener's desk, is asked for once, and breaks nothing."""
    with heard_logs() as heard:
        story = invited(world, p.AF)
        assert in_state(world, story, p.AF, "delivered")
        world.service.reply("af", newest(world, story, p.AF).key, text, creationDateTime=at)
        assert until(lambda: desk(world, story) == [("inbound.unread", p.CONTACT)])
        assert "meeting.response" not in world.types(p.CONTACT, story)
    assert not [line for line in heard.lines if line["event"].startswith("inbound.") and line["level"] == "error"]


@pytest.mark.parametrize("text", ["Svar: ja", "Vi kan den 4:e i stället"])
def test_an_answer_of_midnight_is_read(world: SdkWorld, text: str) -> None:
    """Given an answer whose time is a day's end, as the schema allows, then it is the agency's response, said at the next day's beginning."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    answer = world.service.reply("af", newest(world, story, p.AF).key, text, creationDateTime=f"{story.now:%Y-%m-%d}T24:00:00Z")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    [body] = [one for one in world.bodies(p.CONTACT, story) if answer.encode() in one]
    assert f"{story.now + timedelta(days=1):%Y-%m-%d}T00:00:00Z".encode() in body


def test_an_answer_in_her_own_words_is_read_threaded_and_its_number_repeated(world: SdkWorld) -> None:
    """A22. Given "Vi kan den 4:e i stället, dnr AF-1" from another function of AF, then AF proposes the fourth nearest to the meeting at its hour, a person sees the words too, and AF-1 stands in every later message to AF and in none to FK."""
    story = invited(world, p.FK, p.AF)
    for unit in (p.FK, p.AF):
        assert in_state(world, story, unit, "delivered")
    meeting = story.meeting().starts_at.astimezone(ZoneInfo("Europe/Stockholm"))
    other = meeting.day % 28 + 1
    answer = world.service.reply(
        "af",
        newest(world, story, p.AF).key,
        f"Vi kan den {other}:e i stället, dnr AF-1",
        address="sdk:umea:0203:arbetsformedlingen.example",
    )
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    [body] = [one for one in world.bodies(p.CONTACT, story) if answer.encode() in one]
    days = [meeting + timedelta(days=number) for number in range(-13, 40)]  # by the wall clock: the hour stays
    nearest = min((day for day in days if day.day == other), key=lambda day: abs(day.date() - meeting.date()))
    assert f"{nearest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}".encode() in body
    assert b"AF-1" in body
    assert set(desk(world, story)) == {("meeting.propose-new-time", p.CONTACT), ("inbound.unread", p.CONTACT)}
    story.rescheduled([p.FK, p.AF])
    for unit, expected in ((p.AF, [{"root": "dnr", "extension": "AF-1", "label": "Ert diarienummer"}]), (p.FK, [])):
        assert until(lambda unit=unit: len(world.agency(unit).taken(str(story.case_id))) == 2)  # type: ignore[misc]
        key = world.agency(unit).taken(str(story.case_id))[-1].key
        references = world.service.body(BY_SDK[unit], key)["recipientAttention"]["referenceId"]
        assert [one for one in references if one["root"] == "dnr"] == expected


@pytest.mark.parametrize("text", ["Ja, vi deltar.", "Svar: ja"])
def test_an_answer_that_names_our_case_and_no_message_is_threaded(world: SdkWorld, text: str) -> None:
    """Given a new message of AF's in a conversation of its own, with our case in its text, then it answers the newest invitation of that case."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    af = world.agency(p.AF)
    quoted = f"{text}\n> Vår referens: ärende {story.case_id}"
    world.service.write(
        sender=(af.participant, af.address, af.label), recipient=("0203:norrby.example", "sdk:sip:0203:norrby.example"), text=quoted
    )
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    assert desk(world, story) == []


def registered(world: SdkWorld, number: str, *units: UnitId) -> Story:
    """Return a case whose invitations have our registry number, delivered to each unit."""
    story = world.story()
    story.ready(units)
    asked = story.message(
        MeetingInvited(
            meeting=story.meeting(),
            purpose="sip",
            convener=story.convener,
            respond_by=story.now + timedelta(days=7),
            questions=tuple(Question(unit=unit, text="Fråga") for unit in units),
        ),
        units,
        registry_number=number,
    )
    story.sent.append(asked)
    story.send(asked)
    for unit in units:
        assert in_state(world, story, unit, "delivered")
    return story


def wrote(world: SdkWorld, unit: UnitId, text: str, number: str | None = None) -> str:
    """Let another function of an agency write anew, with our number as its recipient's reference where one is given."""
    one = world.agency(unit)
    references = [{"root": "dnr", "extension": number, "label": "Ert diarienummer"}] if number else []
    return world.service.write(
        sender=(one.participant, f"sdk:umea:{one.participant}", "Umeå"),
        recipient=("0203:norrby.example", "sdk:sip:0203:norrby.example"),
        text=text,
        references=references,
    )


def unthreaded(world: SdkWorld) -> list[str]:
    """Return on whose desks messages wait that belong to no case."""
    return [item.unit for item in track.desk(world.hub.ground) if item.type == "inbound.unthreaded"]


@pytest.mark.parametrize(("text", "number"), [("Svar: ja", "sn 2026-117/77"), ("Ja, vi deltar.\nErt dnr SN 2026-117/77", None)])
def test_an_answer_with_our_registry_number_alone_is_threaded(world: SdkWorld, text: str, number: str | None) -> None:
    """Given a new message of AF's from another function, in a conversation of its own, with our number and nothing else, then it answers the case that has it; another case has none of it, and what is kept of the number is a keyed hash, which goes with the case."""
    other = registered(world, "SN 2026-118", p.AF)
    story = registered(world, "SN 2026-117/77", p.AF)
    wrote(world, p.AF, text, number)
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    assert "meeting.response" not in world.types(p.CONTACT, other)
    assert (desk(world, story), desk(world, other), unthreaded(world)) == ([], [], [])
    ground = world.hub.ground
    kept = number_hash(ground.store, story.owner, "SN2026-117/77")
    with ground.store.read() as work:
        assert work.cases.by_number(story.owner, [kept or b""], 9) == (str(story.case_id),)
    with ground.store.write() as work:
        work.erasure.case(story.owner, str(story.case_id), at=ground.now(), forget_at=ground.now())
        assert work.cases.by_number(story.owner, [kept or b""], 9) == ()


def test_a_number_that_two_cases_have_is_a_persons_to_look_into(world: SdkWorld) -> None:
    """Given two cases with one registry number in which AF has been written to, then its answer is nobody's by itself, and waits on the desk of the organisation it came to."""
    stories = [registered(world, "SN 2026-119", p.AF) for _ in range(2)]
    wrote(world, p.AF, "Svar: nej", "SN 2026-119")
    assert until(lambda: unthreaded(world) == [p.MUNICIPALITY])
    for story in stories:
        assert "meeting.response" not in world.types(p.CONTACT, story)
        assert desk(world, story) == []


def test_a_number_says_nothing_of_a_case_in_which_they_were_never_written_to(world: SdkWorld) -> None:
    """Given a case that went to FK alone, and one that went to AF, with one number, then AF's answer is its own case's; FK's number is nothing to whom it was not sent."""
    fks, afs = registered(world, "SN 2026-120", p.FK), registered(world, "SN 2026-120", p.AF)
    wrote(world, p.AF, "Svar: ja", "SN 2026-120")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, afs))
    assert "meeting.response" not in world.types(p.CONTACT, fks)
    registered(world, "SN 2026-121", p.FK)
    wrote(world, p.AF, "Svar: ja", "SN 2026-121")
    assert until(lambda: unthreaded(world) == [p.MUNICIPALITY])


def test_a_number_of_theirs_is_none_of_ours(world: SdkWorld) -> None:
    """Given AF's answer with a registry number of its own, then our case does not have it, and a message that names it for ours belongs to no case."""
    story, ground = invited(world, p.AF), world.hub.ground
    assert in_state(world, story, p.AF, "delivered")
    answer = world.service.reply("af", newest(world, story, p.AF).key, "Svar: ja\nVårt dnr AF-2026/55")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))
    [body] = [one for one in world.bodies(p.CONTACT, story) if answer.encode() in one]
    assert b"AF-2026/55" in body
    with ground.store.read() as work:
        assert work.cases.by_number(story.owner, [number_hash(ground.store, story.owner, "AF-2026/55") or b""], 9) == ()
    wrote(world, p.AF, "Svar: nej", "AF-2026/55")
    assert until(lambda: unthreaded(world) == [p.MUNICIPALITY])
    assert (world.types(p.CONTACT, story).count("meeting.response"), desk(world, story)) == (1, [("inbound.unread", p.CONTACT)])


def test_an_answer_to_no_message_after_a_stop_notice_is_shown_and_not_taken(world: SdkWorld) -> None:
    """Given a consent withdrawn and its stop notice sent, when AF writes in the case's conversation, then nothing is read into it, and a person sees it."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    story.withdrawn()
    assert until(lambda: len(world.agency(p.AF).taken(str(story.case_id))) == 2)
    af = world.agency(p.AF)
    world.service.write(
        sender=(af.participant, af.address, af.label),
        recipient=("0203:norrby.example", "sdk:sip:0203:norrby.example"),
        text="Svar: ja",
        conversation_id=str(story.case_id),
    )
    assert until(lambda: ("inbound.unread", p.CONTACT) in desk(world, story))
    assert "meeting.response" not in world.types(p.CONTACT, story)


def test_more_than_the_form_is_taken_and_shown(world: SdkWorld) -> None:
    """Given an answer in our form with a question beneath it, then the answer counts and the question waits for a person."""
    story = invited(world, p.FK)
    assert in_state(world, story, p.FK, "delivered")
    world.service.reply("fk", newest(world, story, p.FK).key, "Svar: ja\n\nFinns det parkering?")
    assert until(lambda: desk(world, story) == [("inbound.unread", p.CONTACT)])
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))


def test_nobody_answers_for_another(world: SdkWorld) -> None:
    """Given answers to AF's invitation from FK and from an organisation the settings do not know, then neither counts, nor is shown as AF's."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    key, ground = newest(world, story, p.AF).key, world.hub.ground
    answers = [
        world.service.reply("af", key, "Svar: nej", participant=one) for one in ("0203:forsakringskassan.example", "0203:okand.example")
    ]

    def refused() -> set[str]:
        with ground.store.read() as work:
            return {answer for answer in answers if any(work.inbound.seen("-", adapter, answer) for adapter in world.adapters.values())}

    assert until(lambda: refused() == set(answers))
    assert "meeting.response" not in world.types(p.CONTACT, story)
    assert desk(world, story) == []


def test_a_message_that_belongs_to_no_case_waits_on_the_organisations_desk(world: SdkWorld) -> None:
    """Given a message of AF's, and one of an organisation nobody knows, in no conversation of ours, then each is one work item of the municipality it came to, and of nobody else's."""
    af = world.agency(p.AF)
    to = ("0203:soderby.example", "sdk:sip:0203:soderby.example")
    for sender in ((af.participant, af.address, af.label), ("0203:okand.example", "sdk:x", "Okänd")):
        world.service.write(sender=sender, recipient=to, text="Hej, vi undrar över en sak.")

    def waiting() -> list[tuple[str, str, str]]:
        return [(item.owner, item.unit, item.case_id) for item in track.desk(world.hub.ground) if item.type == "inbound.unthreaded"]

    assert until(lambda: len(waiting()) == 2)
    world.again()
    time.sleep(0.5)
    assert waiting() == [(p.NEIGHBOUR, p.NEIGHBOUR, "-")] * 2
    for item in track.desk(world.hub.ground):
        work_items.close(world.hub.ground, item.id, how="registered", by=str(p.NEIGHBOUR), channel="cli")
    assert waiting() == []


def test_what_came_to_one_owner_is_no_answer_in_anothers_case(world: SdkWorld) -> None:
    """Given AF's answer to one municipality's invitation, sent to another one's function, then it is no answer, and the one that has it looks at it."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    af = world.agency(p.AF)
    world.service.write(
        sender=(af.participant, af.address, af.label),
        recipient=("0203:soderby.example", "sdk:sip:0203:soderby.example"),
        text="Svar: nej",
        conversation_id=str(story.case_id),
        refToMessageId=newest(world, story, p.AF).key,
    )
    ground = world.hub.ground
    assert until(lambda: [item.owner for item in track.desk(ground) if item.type == "inbound.unthreaded"] == [p.NEIGHBOUR])
    assert "meeting.response" not in world.types(p.CONTACT, story)
    assert desk(world, story) == []


def test_no_directory_leads_to_an_agency_past_its_own_rules(make_sdk_world: Callable[..., SdkWorld]) -> None:
    """Given FK at the adapter sdk, or at AF's, then that directory is not switched to, and the words say which adapter is FK's."""
    with make_sdk_world(also=["sdk"]) as world:
        known = world.directory()
        for adapter in ("sdk", "arbetsformedlingen"):
            address = world.address(p.FK).model_copy(update={"adapter": adapter})
            units = tuple(one.model_copy(update={"address": address}) for one in known.units if one.id == p.FK)
            with pytest.raises(Invalid) as wrong:
                directories.switch(world.hub.ground, known.model_copy(update={"units": units}), by="test")
            [problem] = wrong.value.problems
            assert (problem.code, problem.pointer) == ("address.other_adapter", "/units/0/address/endpoint")
            assert "Försäkringskassan is written to by the adapter forsakringskassan alone" in problem.detail


def test_each_message_is_taken_by_one_adapter_whatever_the_settings_leave_out(make_sdk_world: Callable[..., SdkWorld]) -> None:
    """Given sdk beside the agencies' own adapters, with nothing said of who takes what, then FK's answer is its response, what nobody knows is one work item, and nothing is taken twice."""
    with make_sdk_world(also=["sdk"]) as world:
        story = invited(world, p.FK)
        assert in_state(world, story, p.FK, "delivered")
        answer = world.service.reply("fk", newest(world, story, p.FK).key, "Svar: ja")
        unknown = world.service.write(
            sender=("0203:okand.example", "sdk:x", "Okänd"), recipient=("0203:norrby.example", "sdk:sip:0203:norrby.example"), text="Hej"
        )

        def seen() -> set[tuple[str, str]]:
            with world.hub.ground.store.read() as work:
                return {
                    (one, by) for one in (answer, unknown) for by in ("sdk", *world.adapters.values()) if work.inbound.seen("-", by, one)
                }

        assert until(lambda: len(seen()) == 2)
        world.again()
        time.sleep(0.5)
        assert seen() == {(answer, "forsakringskassan"), (unknown, "sdk")}
        assert [item.type for item in track.desk(world.hub.ground)] == ["inbound.unthreaded"]
        assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))


def test_a_withdrawn_consent_is_followed_by_one_stop_notice(world: SdkWorld) -> None:
    """Given an invitation that FK has, when the consent is withdrawn, then FK gets the one stop notice in the same conversation."""
    story = invited(world, p.FK)
    assert in_state(world, story, p.FK, "delivered")
    story.withdrawn()
    assert until(lambda: len(world.agency(p.FK).taken(str(story.case_id))) == 2)
    labels = [entry.message_type for entry in world.agency(p.FK).taken(str(story.case_id))]
    assert labels == ["Inbjudan till SIP-möte", "Inga fler meddelanden i ärendet"]


@pytest.mark.parametrize(("status", "left"), [("SCHEDULED", 0), ("SCHEDULED_FOR_RESEND", 0), ("WAITING_FOR_RECEIPT", 1)])
def test_what_the_service_has_yet_to_send_is_taken_back(world: SdkWorld, status: str, left: int) -> None:
    """Given an invitation at the service, when the consent is withdrawn, then it is deleted there where it has not been sent, and the stop notice goes in either case."""
    world.service.receipts, world.service.deletes_all = False, True
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "awaiting_receipt")
    key = newest(world, story, p.AF).key
    world.service.spoil(key, messageStatus=status)
    story.withdrawn()
    assert until(lambda: len([row for row in world.deliveries(story) if row.recall and row.state == "awaiting_receipt"]) == 1)
    assert world.service.kept(key) == left


def test_what_has_not_left_is_taken_back_by_a_service_that_was_away_too(world: SdkWorld) -> None:
    """Given a service that is away when the stop notice is first tried, when it is back, then what it has yet to send is taken back before the notice goes."""
    world.service.receipts, world.service.deletes_all = False, True
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "awaiting_receipt")
    key = newest(world, story, p.AF).key
    world.service.spoil(key, messageStatus="SCHEDULED")
    world.service.ask_faults.add(Fault("status", times=1, status=503))
    world.service.faults.add(Fault("status", times=1, status=503))
    world.service.lists = False  # so that the one question that fails is this one
    story.withdrawn()
    assert until(lambda: len([row for row in world.deliveries(story) if row.recall and row.state == "awaiting_receipt"]) == 1)
    assert world.service.kept(key) == 0


def test_a_kallelse_is_not_sent_by_sdk(world: SdkWorld) -> None:
    """Given a kind that has no words in SDK, here a kallelse to a unit on SDK's adapter, then it is held, and nothing leaves."""
    story = world.story()
    story.ready([p.FK])
    story.summoned([p.FK])
    assert world.settled(story)
    assert world.agency(p.FK).taken(str(story.case_id)) == ()


@pytest.mark.parametrize(("refusal", "state"), [(None, "delivered"), (("BV", "not-found"), "rejected")])
def test_a_receipt_that_no_list_shows_is_asked_for(
    make_sdk_world: Callable[..., SdkWorld], sdk: SdkSandbox, refusal: tuple[str, str] | None, state: str
) -> None:
    """Given a message service that gives no list, then each delivery that has waited for half of its time is asked for by itself, and nobody is asked to phone."""
    if refusal:
        sdk.service.refuse("af", *refusal)
    sdk.service.lists = sdk.service.receipts = False
    with make_sdk_world(receipt_within=timedelta(seconds=16)) as world:
        story = invited(world, p.AF)
        assert world.in_state(story, p.AF, "awaiting_receipt")
        sdk.service.receipts = True
        assert world.in_state(story, p.AF, state, 15)
        assert world.newest(story, p.AF).told_at is None or state == "rejected"


def _waiting(world: SdkWorld, number: int, unit: UnitId = p.AF) -> list[Story]:
    """Return stories whose invitation waits for a receipt that no list shows, and that is there now."""
    world.service.receipts = False
    stories = [invited(world, unit) for _ in range(number)]
    assert all(world.in_state(story, unit, "awaiting_receipt") for story in stories)
    world.service.lists, world.service.receipts = False, True
    world.service.heads.clear()
    return stories


def _asked(world: SdkWorld) -> int:
    return len([head for head in world.service.heads if head.startswith("GET /v1/sdk/messages/")])


def test_a_round_of_asking_is_short_where_the_service_is_away(world: SdkWorld) -> None:
    """Given five deliveries that wait and a service that cannot be asked, then a round asks for three; when it can be asked, all have their receipts, and each of another adapter is left to that one."""
    stories = _waiting(world, 5)
    ground, name = world.hub.ground, "arbetsformedlingen"
    adapter, later = ground.registry.adapters[name], replace(ground, clock=Hand(ground.now() + ground.settings.receipt_within))
    world.service.ask_faults.add(Fault("status", status=503))
    assert (awaited.ask(later, name, adapter), _asked(world)) == (0, awaited.UNHEARD)
    world.service.ask_faults.clear()
    assert awaited.ask(later, "forsakringskassan", ground.registry.adapters["forsakringskassan"]) == 0
    assert awaited.ask(ground, name, adapter) == 0  # they have not waited for long
    assert awaited.ask(later, name, adapter) == 5
    assert all(world.in_state(story, p.AF, "delivered") for story in stories)


def test_one_that_cannot_be_asked_for_keeps_no_other_waiting(world: SdkWorld) -> None:
    """Given a first delivery that the service says nothing provable of, when what waits is asked for, then those behind it have their receipts."""
    first, *others = _waiting(world, 3)
    ground, name = world.hub.ground, "arbetsformedlingen"
    later = replace(ground, clock=Hand(ground.now() + ground.settings.receipt_within))
    world.service.bare, world.service.deletes_all = True, True
    world.service.delete(world.newest(first, p.AF).key)
    assert awaited.ask(later, name, ground.registry.adapters[name]) == 2
    assert all(world.in_state(story, p.AF, "delivered") for story in others)
    assert world.newest(first, p.AF).state == "awaiting_receipt"


class Deaf:
    """An adapter that cannot be asked for one owner's deliveries."""

    def __init__(self, inner: Any, owner: str) -> None:
        self._inner, self._owner = inner, owner
        self.asked = 0

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Hear nothing of that owner's, and ask for any other's."""
        if recipient.owner != self._owner:
            return cast("Outcome | None", self._inner.confirm(key, recipient))
        self.asked += 1
        return Uncertain("partner.connection_cut")

    def poll(self, cursor: str | None) -> Iterable[Inbound]:
        """Give nothing."""
        return ()

    def settle(self, partner_id: str) -> None:
        """Keep nothing."""


def test_one_owner_that_cannot_be_asked_for_keeps_no_other_waiting(world: SdkWorld) -> None:
    """Given four deliveries of an owner whose account is away, and one of another's behind them, then three are asked for, and the other's has its receipt."""
    ours = _waiting(world, 4)
    world.service.lists, world.service.receipts = True, False
    theirs = invited(world, p.AF, owner=p.NEIGHBOUR, contact=p.SOCIAL_SERVICES)
    assert world.in_state(theirs, p.AF, "awaiting_receipt")
    world.service.lists, world.service.receipts = False, True
    ground, name = world.hub.ground, "arbetsformedlingen"
    adapter = Deaf(ground.registry.adapters[name], ours[0].owner)
    later = replace(ground, clock=Hand(ground.now() + ground.settings.receipt_within))
    assert awaited.ask(later, name, cast("Adapter", adapter)) == 1
    assert (adapter.asked, world.newest(theirs, p.AF).state) == (awaited.UNHEARD, "delivered")


def test_an_entrys_own_time_is_what_it_is_asked_for_by(make_sdk_world: Callable[..., SdkWorld]) -> None:
    """Given an entry that waits for an hour where the hub waits for days, then its receipt is asked for after half an hour, before anybody phones."""
    with make_sdk_world(options={"receipt_within": "1 h"}, optioned=[p.AF]) as world:
        stories = _waiting(world, 1)
        ground, name = world.hub.ground, "arbetsformedlingen"
        after = [replace(ground, clock=Hand(ground.now() + timedelta(minutes=minutes))) for minutes in (25, 35)]
        assert [awaited.ask(later, name, ground.registry.adapters[name]) for later in after] == [0, 1]
        assert world.in_state(stories[0], p.AF, "delivered")
        assert awaited.every(ground) == timedelta(minutes=10)
    with make_sdk_world(options={"receipt_within": "16 min"}, optioned=[p.AF]) as world:
        assert awaited.every(world.hub.ground) == timedelta(minutes=4)


def test_a_stop_notice_leaves_where_the_service_is_slow_to_be_asked(world: SdkWorld) -> None:
    """Given a service that takes longer over a question than a permit lasts, when the consent is withdrawn, then the stop notice goes all the same."""
    story = invited(world, p.AF)
    assert in_state(world, story, p.AF, "delivered")
    world.service.ask_faults.add(Fault("slow", seconds=1.2))
    story.withdrawn()
    assert until(lambda: len(world.agency(p.AF).taken(str(story.case_id))) == 2)
