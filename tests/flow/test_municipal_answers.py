"""Municipalities acknowledge and answer as the directory says: receipt files and messages, from folders and over HTTPS, by the whole flow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from siphub.cli.doctor_addresses import left_behind
from siphub.contract import PollsAddresses, Retry
from siphub.contract.neutral import to_partner
from siphub.flow import directory as directories
from siphub.flow import poll, track
from siphub.flow.sweep import sweep
from siphub.mappings import Mappings, shipped
from siphub.model import Address, Message
from siphub.model import people as p
from siphub.model.envelope import Content
from siphub.model.identifiers import UnitId
from siphub.model.messages import receipt as r
from siphub.store import DeliveryRow
from siphub.testing.by_hand import ask, send
from siphub.testing.clock import Hand
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, Told, World

FOLDERS: Final = {p.HOME_CARE: "norrby", p.SOCIAL_SERVICES: "soderby"}
NOBODYS: Final = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"


@dataclass
class Municipal(World):
    """A world in which home care and the social services collect files, and owe receipts as told; the care centre's answers lie at an address."""

    receipt: str = "file"

    def place(self, unit: str) -> Path:
        """Return the folder of a municipality's unit, with one for its answers below it."""
        folder = self.folders / FOLDERS[UnitId(unit)]
        (folder / "svar").mkdir(parents=True, exist_ok=True)
        return folder

    def address(self, unit: Any) -> Address:
        """Return the address of a unit."""
        if unit in FOLDERS:
            options = {"receipt": self.receipt, "answers": "svar"}
            return Address(adapter="municipal-xml", endpoint=str(self.place(unit)), options=options)
        if unit == p.CARE_CENTRE:
            answers = self.sandbox.answers_at(PARTNERS[unit])
            return Address(adapter="municipal-xml", endpoint=self.sandbox.endpoint(PARTNERS[unit]), options={"answers": answers})
        return super().address(unit)


@pytest.fixture
def make_still(make_world: Callable[..., World], hand: Hand) -> Iterator[Callable[[str], Municipal]]:
    """Return what opens a hub that stands still, in which receipts are owed in one way."""
    opened: list[Municipal] = []

    def make(receipt: str) -> Municipal:
        made = make_world()
        given = {**made.given, "permit": "30s", "lease": "60s"}
        world = Municipal(made.sandbox, made.folders, made.data, given=given, clock=hand, receipt=receipt)
        world.open(start=False)
        opened.append(world)
        return world

    yield make
    for world in opened:
        world.hub.stop()


def calls(world: World, story: Story) -> dict[str, DeliveryRow]:
    """Return the deliveries of the kallelse, by unit."""
    return {row.recipient: row for row in world.deliveries(story) if row.message_type == "meeting.summoned"}


def summoned(world: World) -> tuple[Story, dict[str, DeliveryRow]]:
    """Return a case whose kallelse has been sent to the two municipalities and the care centre."""
    story, units = world.story(now=world.hub.ground.now().replace(microsecond=0)), [*FOLDERS, p.CARE_CENTRE]
    story.ready(units)
    story.summoned(units)
    send(world.hub.ground, [row.id for row in calls(world, story).values()])
    return story, calls(world, story)


def states(world: World, story: Story) -> dict[str, str]:
    """Return how the kallelse stands."""
    return {unit: row.state for unit, row in calls(world, story).items()}


def desk(world: World) -> list[tuple[str, str]]:
    """Return what is on the desks, but for the case's own deadlines: kind and unit."""
    return [(item.type, item.unit) for item in track.desk(world.hub.ground) if item.type.startswith(("inbound.", "delivery."))]


def written(story: Story, say: Callable[[Story], object]) -> bytes:
    """Return a message as a municipality's system writes it; nobody has handed it in."""
    aside = replace(story, send=lambda _: Told({}), sent=[])
    say(aside)
    return as_xml(aside.sent[0])


def as_xml(message: Message, clock: Any = None) -> bytes:
    """Return a message in the format of the pack that ships."""
    return to_partner(Mappings([shipped()], clock or Hand()).load("municipal-sip"), message.to_document())


def drop(folder: Path, name: str, body: bytes) -> None:
    """Put a file there as a municipality should: aside, and then renamed."""
    part = folder / f".{name}.part"
    part.write_bytes(body)
    part.replace(folder / name)


def test_what_is_sent_is_no_answer_that_lies_unread(make_still: Callable[[str], Municipal]) -> None:
    """Given a municipality that is no longer in the directory, then its answer that nobody reads is said, and not what it was sent itself."""
    world = make_still("file")
    _, rows = summoned(world)
    units = tuple(unit for unit in world.directory().units if unit.id != p.HOME_CARE)
    directories.switch(world.hub.ground, world.directory().model_copy(update={"units": units}), by="test")
    assert (world.place(p.HOME_CARE) / f"{rows[p.HOME_CARE].key}.xml").exists()
    assert list(left_behind(world.hub)) == []
    drop(world.place(p.HOME_CARE) / "svar", "1.xml", b"<a/>")
    drop(world.place(p.HOME_CARE), f"{rows[p.HOME_CARE].key}.receipt", b"accepted\n-\n-\n")
    found = [one.what for one in left_behind(world.hub)]
    assert [("svar" in one, "lie there unread" in one) for one in found] == [(True, True), (False, True)]


def test_a_receipt_file_makes_it_delivered_and_only_its_own(make_still: Callable[[str], Municipal], hand: Hand) -> None:
    """Given kallelser in two folders that owe receipts, then each waits until its own folder says so; what the other's says is shown, not believed."""
    world = make_still("file")
    story, rows = summoned(world)
    assert states(world, story) == {p.HOME_CARE: "awaiting_receipt", p.SOCIAL_SERVICES: "awaiting_receipt", p.CARE_CENTRE: "delivered"}
    north, south = world.place(p.HOME_CARE), world.place(p.SOCIAL_SERVICES)
    stray = f"{rows[p.HOME_CARE].key}.receipt"
    drop(south, stray, b"rejected\nwrong.unit\n-\n")
    drop(south, f"{NOBODYS}.receipt", b"accepted\n-\n-\n")
    drop(south, f"{rows[p.CARE_CENTRE].key}.receipt", b"read\n-\n-\n")
    ask(world.hub.ground)
    assert set(states(world, story).values()) == {"awaiting_receipt", "delivered"}
    shown = [("inbound.not_theirs", p.NEIGHBOUR)] * 3 + [("inbound.not_theirs", p.CONTACT)] * 2
    assert sorted(desk(world)) == sorted(shown)
    assert (south / f"{stray}.refused").read_bytes().startswith(b"receipt.not_theirs\n")
    for body, state in ((b"accepted\n-\n4711\n", "delivered"), (b"accepted\n-\n4711\n", "delivered"), (b"read\n-\n4711\n", "read")):
        drop(north, stray, body)
        ask(world.hub.ground)
        assert states(world, story)[p.HOME_CARE] == state
        assert not (north / stray).exists()
    assert states(world, story)[p.SOCIAL_SERVICES] == "awaiting_receipt"
    assert sorted(desk(world)) == sorted(shown)
    assert (north / f"{rows[p.HOME_CARE].key}.xml").is_file()
    said = track.delivery(world.hub.ground, rows[p.HOME_CARE].id).receipts
    assert {(one.kind, one.reference) for one in said} == {("received", "4711"), ("read", "4711")}
    hand.at += timedelta(days=6)
    sweep(world.hub.ground)
    assert ("delivery.send.not_collected", p.CONTACT) in desk(world)
    assert [kind for kind, _ in desk(world)].count("delivery.send.not_collected") == 1


def test_a_rejection_is_somebodys_work_with_the_municipalitys_code(make_still: Callable[[str], Municipal], hand: Hand) -> None:
    """Given a receipt file that rejects, then the delivery is rejected, and the unit that called has a work item with the code; half a file is none."""
    world = make_still("file")
    story, rows = summoned(world)
    name, folder = f"{rows[p.HOME_CARE].key}.receipt", world.place(p.HOME_CARE)
    (folder / name).write_bytes(b"rejected\n")
    os.utime(folder / name, (hand.at.timestamp(), hand.at.timestamp()))
    ask(world.hub.ground)
    assert states(world, story)[p.HOME_CARE] == "awaiting_receipt"
    drop(folder, name, b"rejected\nperson.unknown\nNRB 17\n")
    ask(world.hub.ground)
    assert states(world, story)[p.HOME_CARE] == "rejected"
    assert desk(world) == [("delivery.rejected.person.unknown", p.CONTACT)]


@pytest.mark.parametrize(
    ("door", "kind", "state"),
    [
        ("handed in", "received", "delivered"),
        ("fetched", "received", "delivered"),
        ("fetched", "read", "read"),
        ("fetched", "not_received", "rejected"),
    ],
)
def test_a_receipt_message_makes_it_delivered(make_still: Callable[[str], Municipal], door: str, kind: str, state: str, hand: Hand) -> None:
    """Given a kallelse that owes a receipt message, then the format's own, fetched from the folder or handed in, settles its unit's delivery alone."""
    world = make_still("business")
    story, rows = summoned(world)
    assert states(world, story)[p.HOME_CARE] == "awaiting_receipt"
    about: dict[str, Any] = {"message_id": UUID(rows[p.HOME_CARE].message_id), "unit": p.HOME_CARE, "at": hand.at}
    said: Mapping[str, Callable[[], Content]] = {
        "received": lambda: r.Received.model_validate(about),
        "read": lambda: r.Read.model_validate({**about, "reader_role": "enhetschef"}),
        "not_received": lambda: r.NotReceived.model_validate({**about, "severity": "fatal", "code": "content.refused"}),
    }
    content = said[kind]()
    if door == "fetched":
        drop(world.place(p.HOME_CARE) / "svar", "kvittens-1.xml", written(story, lambda one: one.say(content, by=p.HOME_CARE)))
        ask(world.hub.ground)
        assert list((world.place(p.HOME_CARE) / "svar").iterdir()) == []
    else:
        story.say(content, by=p.HOME_CARE)
    assert states(world, story) == {p.HOME_CARE: state, p.SOCIAL_SERVICES: "awaiting_receipt", p.CARE_CENTRE: "delivered"}
    assert [kind for kind, _ in desk(world)] == (["delivery.rejected.content.refused"] if state == "rejected" else [])


@pytest.mark.parametrize("unit", [p.HOME_CARE, p.CARE_CENTRE])
def test_an_answer_that_is_fetched_is_in_its_case_once(make_still: Callable[[str], Municipal], unit: UnitId) -> None:
    """Given a yes in a folder or at an address, fetched twice and under two names, then it is in the case once, and lies there no more."""
    world = make_still("status")
    story, _ = summoned(world)
    yes = written(story, lambda one: one.responded(unit))
    tray = world.sandbox.partners[PARTNERS[p.CARE_CENTRE]].tray
    for name in ("1.xml", "1.xml", "2.xml"):
        tray.put(name, yes) if unit == p.CARE_CENTRE else drop(world.place(unit) / "svar", name, yes)
        ask(world.hub.ground)
    with world.hub.store.read() as work:
        found = [row.sender_unit for row in work.messages.of_case(story.owner, str(story.case_id)) if row.type == "meeting.response"]
    assert found == [unit]
    assert (tray.names(), tray.refused(), list((world.place(p.HOME_CARE) / "svar").iterdir())) == ([], {}, [])
    assert desk(world) == []


def test_what_cannot_be_taken_is_said_at_both_ends(make_still: Callable[[str], Municipal]) -> None:
    """Given another municipality's yes, no XML, and a yes too late for any meeting: none is believed, each is on a desk, and beside each lies why."""
    world = make_still("status")
    story, _ = summoned(world)
    folder = world.place(p.HOME_CARE) / "svar"
    drop(folder, "1.xml", written(story, lambda one: one.responded(p.SOCIAL_SERVICES)))
    drop(folder, "2.xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>")
    drop(folder, "3.xml", written(story, lambda one: one.responded(p.HOME_CARE, version=7)))
    drop(folder, "4.xml", b'<sipMeddelande xmlns="urn:siphub:municipal-sip:1.0" schemaVersion="1.0"/>')
    for _ in range(2):
        ask(world.hub.ground)
        world.hub.stop()
        world.open(start=False)
    assert sorted(desk(world)) == [
        ("inbound.not_theirs", p.MUNICIPALITY),
        ("inbound.unread", p.CONTACT),
        ("inbound.unthreaded", p.MUNICIPALITY),
        ("inbound.unthreaded", p.MUNICIPALITY),
    ]
    notes = {file.name: file.read_text().partition("\n")[0] for file in folder.glob("*.refused")}
    assert notes == {
        "1.xml.refused": "sender.not_yours /sender",
        "2.xml.refused": "xml.doctype line 1 column 1",
        "3.xml.refused": "message.out_of_order /content/meeting_version",
        "4.xml.refused": "xml.invalid line 1 column 1",
    }
    why = {item.note_code for item in track.desk(world.hub.ground)}
    assert why == {"sender.not_yours", "xml.doctype", "message.out_of_order", "xml.invalid"}
    assert sorted(file.name for file in folder.glob("*.xml")) == ["1.xml", "2.xml", "3.xml", "4.xml"]
    assert p.SOCIAL_SERVICES not in {row.sender_unit for row in _responses(world, story)}


def test_what_was_refused_is_judged_anew_when_it_is_put_there_anew(make_still: Callable[[str], Municipal]) -> None:
    """Given a yes to a version that comes later, refused, then the same bytes put there again once it has come are taken, and the note goes too."""
    world = make_still("status")
    story, _ = summoned(world)
    folder = world.place(p.HOME_CARE) / "svar"
    early = written(story, lambda one: one.responded(p.HOME_CARE, version=2))
    drop(folder, "1.xml", early)
    for _ in range(2):
        ask(world.hub.ground)
    assert (sorted(file.name for file in folder.iterdir()), desk(world)) == (["1.xml", "1.xml.refused"], [("inbound.unread", p.CONTACT)])
    story.rescheduled([*FOLDERS, p.CARE_CENTRE])
    drop(folder, "1.xml", early)
    later = (folder / "1.xml.refused").stat().st_mtime + 1
    os.utime(folder / "1.xml", (later, later))
    ask(world.hub.ground)
    assert list(folder.iterdir()) == []
    assert [row.sender_unit for row in _responses(world, story)] == [p.HOME_CARE]


def test_what_was_refused_is_judged_anew_when_it_is_listed_anew(make_still: Callable[[str], Municipal]) -> None:
    """Given a yes at an address to a version that comes later, then the same bytes under the same name are refused again without a further work item, and taken once that version has come."""
    world = make_still("status")
    story, _ = summoned(world)
    tray = world.sandbox.partners[PARTNERS[p.CARE_CENTRE]].tray
    early = written(story, lambda one: one.responded(p.CARE_CENTRE, version=2))
    for _ in range(3):
        tray.put("1.xml", early)
        ask(world.hub.ground)
        assert (tray.names(), tray.refused()) == ([], {"1.xml": "message.out_of_order /content/meeting_version"})
    assert (desk(world), refusals(world)) == ([("inbound.unthreaded", p.REGION)], ["message.out_of_order"])
    story.rescheduled([*FOLDERS, p.CARE_CENTRE])
    for _ in range(2):
        tray.put("1.xml", early)
        ask(world.hub.ground)
        assert tray.names() == []
    assert [row.sender_unit for row in _responses(world, story)] == [p.CARE_CENTRE]
    assert (desk(world), refusals(world)) == ([("inbound.unthreaded", p.REGION)], ["message.out_of_order"])


def test_what_is_refused_for_another_reason_than_before_is_shown_again(make_still: Callable[[str], Municipal]) -> None:
    """Given a yes of a unit that the directory has not, then it is not theirs; once that is corrected it is refused for what else is wrong, and that is work too."""
    world = make_still("status")
    story, _ = summoned(world)
    tray = world.sandbox.partners[PARTNERS[p.CARE_CENTRE]].tray
    early = written(story, lambda one: one.responded(p.CARE_CENTRE, version=2))
    now = directories.current(world.hub.ground)
    there = world.address(p.CARE_CENTRE)
    wrong = [one.model_copy(update={"address": there}) if one.id == p.HOSPITAL else one for one in now.units if one.id != p.CARE_CENTRE]
    told: list[str] = []
    for units in (tuple(wrong), tuple(wrong), now.units, now.units):
        directories.switch(world.hub.ground, now.model_copy(update={"units": units}), by="test")
        tray.put("1.xml", early)
        ask(world.hub.ground)
        told += tray.refused().values()
    assert told == ["sender.not_yours /sender"] * 2 + ["message.out_of_order /content/meeting_version"] * 2
    assert refusals(world) == ["sender.not_yours", "message.out_of_order"]
    assert sorted(desk(world)) == [("inbound.not_theirs", p.REGION), ("inbound.unthreaded", p.REGION)]


def refusals(world: World) -> list[object]:
    """Return the codes with which answers of the region were refused, as its audit has them."""
    with world.hub.store.read() as work:
        return [one.facts["code"] for one in work.audit.of_action(p.REGION, "inbound.refused")]


def _responses(world: World, story: Story) -> list[Any]:
    with world.hub.store.read() as work:
        return [row for row in work.messages.of_case(story.owner, str(story.case_id)) if row.type == "meeting.response"]


def test_a_hub_that_ends_between_storing_and_clearing_away_acts_once(make_still: Callable[[str], Municipal]) -> None:
    """Given that it ends just then, with an answer taken and one refused, and a receipt too, then the next hub clears away the first and notes the others, and that is all."""
    world = make_still("status")
    story, _ = summoned(world)
    folder = world.place(p.HOME_CARE) / "svar"
    drop(folder, "1.xml", written(story, lambda one: one.responded(p.HOME_CARE)))
    drop(folder, "2.xml", written(story, lambda one: one.responded(p.SOCIAL_SERVICES)))
    drop(folder, f"{NOBODYS}.receipt", b"accepted\n-\n-\n")
    ground, adapter = world.hub.ground, world.hub.registry.adapters["municipal-xml"]
    assert isinstance(adapter, PollsAddresses)
    [source] = [one for one in poll.sources(ground.directory(), ground.registry.adapters) if one.name == str(folder)]
    found = adapter.fetch(source.name, source.recipient)
    assert not isinstance(found, Retry)
    assert [poll.take_from(ground, source, inbound) for inbound in found] == ["receipt.not_theirs", None, "sender.not_yours /sender"]
    receipt = f"{NOBODYS}.receipt"
    assert sorted(file.name for file in folder.iterdir()) == [receipt, "1.xml", "2.xml"]
    world.hub.stop()
    world.open(start=False)
    ask(world.hub.ground)
    assert sorted(file.name for file in folder.iterdir()) == [receipt, f"{receipt}.refused", "2.xml", "2.xml.refused"]
    assert (folder / f"{receipt}.refused").read_text().startswith("receipt.not_theirs\n")
    assert (folder / "2.xml.refused").read_text().startswith("sender.not_yours /sender\n")
    assert [row.sender_unit for row in _responses(world, story)] == [p.HOME_CARE]
    assert desk(world) == [("inbound.not_theirs", p.MUNICIPALITY)] * 2


def test_a_folder_that_is_away_is_no_empty_folder(make_still: Callable[[str], Municipal]) -> None:
    """Given a share that is not mounted, then asking says so, and the other sources are asked all the same."""
    world = make_still("file")
    summoned(world)
    (world.place(p.HOME_CARE) / "svar").rmdir()
    found = ask(world.hub.ground)
    assert found[str(world.folders / "norrby" / "svar")] == Retry("folder.missing")
    assert [one for one in found.values() if one != Retry("folder.missing")] == [0] * 4
    assert len(poll.sources(world.hub.ground.directory(), world.hub.ground.registry.adapters)) == 5


def test_a_running_hub_fetches_by_itself(make_world: Callable[..., World]) -> None:
    """Given a hub at work, then a kallelse is delivered once its receipt file lies there, and the file is gone."""
    made = make_world()
    with Municipal(made.sandbox, made.folders, made.data, given=made.given) as world:
        story = world.story()
        story.ready([p.HOME_CARE])
        story.summoned([p.HOME_CARE])
        assert until(lambda: states(world, story) == {p.HOME_CARE: "awaiting_receipt"})
        file = world.place(p.HOME_CARE) / f"{calls(world, story)[p.HOME_CARE].key}.receipt"
        drop(file.parent, file.name, b"accepted\n-\n-\n")
        assert until(lambda: states(world, story) == {p.HOME_CARE: "delivered"})
        assert until(lambda: not file.exists())
