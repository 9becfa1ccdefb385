"""Answers that lie where a directory entry says: taken once, believed as that organisation's alone, cleared away after the commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from siphub.cli import doctor
from siphub.cli.doctor_addresses import left_behind, receipts
from siphub.contract import Accepted, AdapterInfo, Inbound, Outcome, Payload, Receipt, Recipient, Retry, Submission, Unreadable
from siphub.errors import Invalid, StoreBusy
from siphub.flow import directory as directories
from siphub.flow import poll, track
from siphub.flow.sources import plain_place
from siphub.flow.sweep import sweep
from siphub.hub import Hub, build
from siphub.model import Address, Message
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.store import DeliveryRow
from siphub.testing.by_hand import ask, send
from siphub.testing.clock import Hand
from siphub.testing.small_plugins import Box, adapting
from siphub.testing.story import Story, until
from siphub.testing.world import Told, World

WHERE = f"answers of {p.HOME_CARE} are no longer fetched from home care's since {{at}}, and {{said}}"
LIES = "some lie there unread: put back what the entry said, or read them and take them away"
Content = Submission | Receipt | Unreadable


class Trays(Box):
    """An adapter whose partners' answers lie in a tray of each entry's own, named by its option."""

    def __init__(self) -> None:
        super().__init__("trays")
        self.info = AdapterInfo(name="trays", media_type="application/json", receipts="by address", idempotent=True)
        self.lying: dict[str, dict[str, Content]] = {}
        self.cleared: list[tuple[str, str, str | None]] = []
        self.asked: list[str] = []
        self.away: str | None = None
        self.breaks = False

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Take it; who owes a receipt has not said so yet."""
        delivered = super().deliver(payload, recipient, key)
        return Accepted() if recipient.options.get("receipt") else delivered

    def sources(self, recipient: Recipient) -> tuple[str, ...]:
        """Return the entry's tray."""
        return tuple(name for name in [recipient.options.get("tray", "")] if name)

    def fetch(self, source: str, recipient: Recipient) -> Iterable[Inbound] | Retry:
        """Return what lies in a tray."""
        self.asked.append(source)
        if self.away is not None:
            return Retry(self.away)
        return [Inbound(name, content, owner=recipient.organisation) for name, content in self.lying.get(source, {}).items()]

    def taken(self, source: str, recipient: Recipient, partner_id: str, refused: str | None) -> None:
        """Clear away, unless this is the moment at which everything ends."""
        if self.breaks:
            raise OSError
        self.cleared.append((source, partner_id, refused))
        self.lying[source].pop(partner_id, None)


@dataclass
class Trayed(World):
    """A world in which home care and the social services are reached by trays; only home care owes receipts."""

    trays: dict[str, str] = field(default_factory=lambda: {p.HOME_CARE: "home care's", p.SOCIAL_SERVICES: "the social services'"})

    def address(self, unit: Any) -> Address:
        """Return the address of a unit."""
        if unit not in self.trays:
            return super().address(unit)
        owes = {"receipt": "yes"} if unit == p.HOME_CARE else {}
        return Address(adapter="trays", endpoint=f"tray:{unit}", options={"tray": self.trays[unit], **owes})


@pytest.fixture
def trays() -> Trays:
    """Return the adapter."""
    return Trays()


@pytest.fixture
def still(make_world: Callable[..., World], trays: Trays, hand: Hand) -> Iterator[Trayed]:
    """Return a hub whose workers stand still."""
    made = make_world()
    given = {**made.given, "permit": "30s", "lease": "60s"}
    world = Trayed(made.sandbox, made.folders, made.data, given=given, plugins={"trays": adapting(trays)}, clock=hand)
    world.open(start=False)
    yield world
    world.hub.stop()


def summoned(world: World) -> tuple[Story, DeliveryRow, DeliveryRow]:
    """Return a case whose kallelse has been sent to both, and the two deliveries."""
    story, ground = world.story(now=world.hub.ground.now().replace(microsecond=0)), world.hub.ground
    story.ready([p.HOME_CARE, p.SOCIAL_SERVICES])
    story.summoned([p.HOME_CARE, p.SOCIAL_SERVICES])
    send(ground, [row.id for row in _calls(world, story).values()])
    calls = _calls(world, story)
    return story, calls[p.HOME_CARE], calls[p.SOCIAL_SERVICES]


def _calls(world: World, story: Story) -> dict[str, DeliveryRow]:
    return {row.recipient: row for row in world.deliveries(story) if row.message_type == "meeting.summoned"}


def asked(world: World) -> None:
    """Ask every source once."""
    ask(world.hub.ground)


def desk(world: World) -> list[tuple[str, str, str]]:
    """Return what is on the desks but for the case's own deadlines: kind, owner and unit."""
    return [(item.type, item.owner, item.unit) for item in track.desk(world.hub.ground) if item.type.startswith(("inbound.", "delivery."))]


def test_who_owes_a_receipt_is_delivered_by_it_and_nobody_else_is_waited_for(still: Trayed, trays: Trays, hand: Hand) -> None:
    """Given two entries of one adapter, one of which owes receipts: the other is delivered at once, and only the first is ever overdue.

    The receipt that comes late all the same settles both the delivery and the work.
    """
    story, owing, plain = summoned(still)
    assert (owing.state, plain.state) == ("awaiting_receipt", "delivered")
    hand.at += timedelta(days=6)
    sweep(still.hub.ground)
    assert desk(still) == [("delivery.send.not_collected", p.MUNICIPALITY, p.CONTACT)]
    trays.lying["home care's"] = {"1": Receipt(owing.key, "received", hand.at)}
    asked(still)
    assert (_calls(still, story)[p.HOME_CARE].state, desk(still)) == ("delivered", [])
    assert trays.cleared == [("home care's", "1", None)]


@pytest.mark.parametrize(("own", "after"), [("12 h", 1), ("10 d", 10)])
def test_an_entry_says_how_long_its_receipts_are_waited_for(still: Trayed, hand: Hand, own: str, after: int) -> None:
    """Given two partners that owe receipts, one with a time of its own, then its sender is asked to phone after that, and the other's after the hub's five days."""
    units = {unit.id: unit for unit in still.directory().units}
    for unit, options in ((p.HOME_CARE, {"receipt_within": own}), (p.SOCIAL_SERVICES, {"receipt": "yes"})):
        address = still.address(unit)
        units[unit] = units[unit].model_copy(update={"address": address.model_copy(update={"options": {**address.options, **options}})})
    directories.switch(still.hub.ground, still.directory().model_copy(update={"units": tuple(units.values())}), by="test")
    story, *calls = summoned(still)
    assert {row.state for row in calls} == {"awaiting_receipt"}
    alarmed: list[set[str]] = []
    for _ in range(12):
        sweep(still.hub.ground)
        alarmed.append({row.recipient for row in _calls(still, story).values() if row.told_at is not None})
        hand.on(timedelta(days=1))
    assert alarmed == [{unit for unit, days in ((p.HOME_CARE, after), (p.SOCIAL_SERVICES, 5)) if day >= days} for day in range(12)]
    assert [(one.level, own in one.what) for one in receipts(still.hub)] == [("ok", True)]


def test_a_time_for_receipts_that_nobody_waits_for_is_said(still: Trayed) -> None:
    """Given the option at an entry whose adapter waits for no receipt, then the doctor says that it does nothing."""
    units = {unit.id: unit for unit in still.directory().units}
    [plain, *_] = [unit for unit in units.values() if unit.address is not None and unit.address.adapter == "folder"]
    assert plain.address is not None
    units[plain.id] = plain.model_copy(update={"address": plain.address.model_copy(update={"options": {"receipt_within": "1 d"}})})
    directories.switch(still.hub.ground, still.directory().model_copy(update={"units": tuple(units.values())}), by="test")
    assert [(one.level, plain.id in one.what) for one in receipts(still.hub)] == [("look", True)]


def test_a_receipt_about_anothers_delivery_is_not_believed(still: Trayed, trays: Trays, hand: Hand) -> None:
    """Given a rejection of home care's delivery in the social services' tray, and one of nothing at all: nothing changes but the desks of whoever it came from and of whoever sent it."""
    story, owing, _ = summoned(still)
    said = Receipt(owing.key, "rejected", hand.at, "wrong.person")
    trays.lying["the social services'"] = {"1": said, "2": Receipt("no-such-key", "received", hand.at)}
    asked(still)
    asked(still)
    assert _calls(still, story)[p.HOME_CARE].state == "awaiting_receipt"
    told = [("inbound.not_theirs", p.NEIGHBOUR, p.NEIGHBOUR)] * 2
    assert sorted(desk(still)) == sorted([*told, ("inbound.not_theirs", p.MUNICIPALITY, p.CONTACT)])
    assert trays.cleared == [("the social services'", number, "receipt.not_theirs") for number in ("1", "2")]
    trays.lying["home care's"] = {"1": said}
    asked(still)
    assert _calls(still, story)[p.HOME_CARE].state == "rejected"


def answered(story: Story, unit: UnitId, version: int = 1) -> Message:
    """Return a unit's yes to the kallelse, which nobody has handed in yet."""
    written = replace(story, send=lambda _: Told({}), sent=[])
    written.responded(unit, version=version)
    return written.sent[0]


def test_an_answer_is_its_organisations_alone(still: Trayed, trays: Trays) -> None:
    """Given home care's yes in the social services' tray: it is nobody's yes. In its own it is, however often it lies there."""
    story, _, _ = summoned(still)
    body = Submission(answered(story, p.HOME_CARE).to_json(), "application/json")
    trays.lying["the social services'"] = {"yes": body}
    asked(still)
    assert desk(still) == [("inbound.not_theirs", p.NEIGHBOUR, p.NEIGHBOUR)]
    assert _answers(still, story) == []
    for name in ("yes", "yes", "the same again"):
        trays.lying["home care's"] = {name: body}
        asked(still)
    assert _answers(still, story) == [p.HOME_CARE]
    assert trays.cleared == [
        ("the social services'", "yes", "sender.not_yours /sender"),
        ("home care's", "yes", None),
        ("home care's", "yes", None),
        ("home care's", "the same again", None),
    ]


def _answers(world: World, story: Story) -> list[str]:
    with world.hub.store.read() as work:
        rows = work.messages.of_case(story.owner, str(story.case_id))
    return [row.sender_unit for row in rows if row.type == "meeting.response"]


def test_what_was_stored_is_not_acted_on_twice_where_it_could_not_be_cleared_away(still: Trayed, trays: Trays) -> None:
    """Given that everything ends between commit and clearing away, then after a restart the same is cleared away, with the same code."""
    story, _, _ = summoned(still)
    trays.breaks = True
    trays.lying["home care's"] = {
        "bad": Unreadable("answer.too_large"),
        "yes": Submission(answered(story, p.HOME_CARE).to_json(), "application/json"),
    }
    asked(still)
    assert trays.cleared == []
    trays.breaks = False
    still.hub.stop()
    still.open(start=False)
    asked(still)
    assert trays.cleared == [("home care's", "bad", "answer.too_large"), ("home care's", "yes", None)]
    assert desk(still) == [("inbound.unthreaded", p.MUNICIPALITY, p.MUNICIPALITY)]
    assert _answers(still, story) == [p.HOME_CARE]


def test_a_whole_message_that_is_refused_is_shown_to_whoever_it_is_for(still: Trayed, trays: Trays) -> None:
    """Given a yes to a version of the meeting that never was, then it waits on the desk of the unit that called, and the partner sees why."""
    story, _, _ = summoned(still)
    wrong = answered(story, p.HOME_CARE, version=7)
    trays.lying["home care's"] = {"1": Submission(wrong.to_json(), "application/json")}
    asked(still)
    assert desk(still) == [("inbound.unread", p.MUNICIPALITY, p.CONTACT)]
    [(_, _, code)] = trays.cleared
    assert (code or "").split()[0] == "message.out_of_order"


def test_a_source_that_cannot_be_asked_is_asked_ever_more_seldom_and_said(make_world: Callable[..., World], trays: Trays) -> None:
    """Given a tray that cannot be asked, then it is noted since when and why, asked less and less, and forgotten once it can."""
    made = make_world()
    given = {**made.given, "retry_cap": "400ms", "poll_every": "20ms", "sweep_every": "10ms"}
    trays.away = "trays.away"
    with Trayed(
        made.sandbox, made.folders, made.data, given=given, plugins={"trays": adapting(trays)}, trays={p.HOME_CARE: "tray"}
    ) as world:

        def failing() -> list[tuple[str, str]]:
            with world.hub.store.read() as work:
                return [(row.endpoint, row.code) for row in work.poll_leases.failing()]

        assert until(lambda: failing() == [("tray", "trays.away")])
        assert until(lambda: len(trays.asked) > 3)
        trays.away = None
        assert until(lambda: failing() == [])


def test_two_processes_that_ask_at_once_do_what_one_does(still: Trayed, trays: Trays) -> None:
    """Given twenty things in a tray and two hubs on the same data that ask at the same moment, then each is taken once, and all are cleared away."""
    trays.lying["home care's"] = {str(number): Unreadable("answer.odd") for number in range(20)}
    settings = still.hub.settings
    second = build(settings, plugins=still.plugins, clock=still.clock)
    ready = threading.Barrier(2)

    def work(hub: Hub) -> None:
        ready.wait(30)
        while trays.lying["home care's"]:
            with suppress(StoreBusy):
                ask(hub.ground)

    try:
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(work, hub) for hub in (still.hub, second)]:
                done.result(timeout=120)
    finally:
        second.stop()
    assert [kind for kind, _, _ in desk(still)] == ["inbound.unthreaded"] * 20
    assert {number for _, number, _ in trays.cleared} == {str(number) for number in range(20)}


def test_two_organisations_cannot_have_one_source(still: Trayed, trays: Trays) -> None:
    """A directory in which another organisation's answers lie at the same place, or where it is sent its own, is not switched to."""
    for place in ("home care's", f"tray:{p.HOME_CARE}"):
        still.trays[p.SOCIAL_SERVICES] = place
        with pytest.raises(Invalid) as refused:
            directories.switch(still.hub.ground, still.directory(), by="test")
        assert {problem.code for problem in refused.value.problems} == {"directory.source_shared"}
        found = poll.sources(still.directory(), {"trays": trays})
        assert [one.name for one in found] == ([] if place == "home care's" else ["home care's"])


def test_what_lies_where_nothing_is_fetched_any_more_is_said(still: Trayed, trays: Trays, hand: Hand) -> None:
    """Given a tray that a new directory names no more, then the doctor says what lies there unread, until it is empty or the entry is back."""

    def switched(**left_out: bool) -> list[doctor.Finding]:
        units = [unit for unit in still.directory().units if unit.id != p.HOME_CARE or not left_out.get("unit")]
        units = [unit.model_copy(update={"address": None}) if unit.id in left_out else unit for unit in units]
        directories.switch(still.hub.ground, still.directory().model_copy(update={"units": tuple(units)}), by="test")
        return said()

    def said() -> list[doctor.Finding]:
        return list(left_behind(still.hub))

    trays.lying["home care's"] = {"1": Unreadable("answer.odd")}
    assert said() == switched() == []
    [found] = switched(unit=True)
    assert (found.level, found.what) == ("wrong", WHERE.format(at=f"{hand.now():%Y-%m-%d %H:%M}", said=LIES))
    hand.on(timedelta(days=1))
    assert switched(unit=True, **{p.SOCIAL_SERVICES: True}) == [found], "an empty tray is nobody's matter, and the first time counts"
    trays.away = "trays.away"
    assert [(one.level, "(trays.away)" in one.what) for one in said()] == [("look", True)] * 2
    trays.away = None
    trays.lying["home care's"].clear()
    assert said() == []
    trays.lying["home care's"] = {"2": Unreadable("answer.odd")}
    assert switched() == []
    asked(still)
    assert trays.cleared == [("home care's", "2", "answer.odd")]
    trays.lying["home care's"] = {"3": Unreadable("answer.odd")}
    assert [one.what for one in switched(unit=True)] == [WHERE.format(at=f"{hand.now():%Y-%m-%d %H:%M}", said=LIES)]


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("/srv/sip/norrby/in", "/srv//sip/./norrby/ut/../in/"),
        ("sftp://sftp.norrby.example/in", "SFTP://Sftp.Norrby.example:22/%69n/"),
        ("https://sip.norrby.example/ut", "https://SIP.norrby.example:443//ut"),
    ],
)
def test_a_place_is_known_however_it_is_written(one: str, same: str) -> None:
    """What differs in how it is written is one place, and another port, path or way to it is another."""
    assert plain_place(one) == plain_place(same)
    for other in (f"{one}2", f"{one}/x", one.upper(), one.replace(".example", ".example:8443")):
        assert plain_place(other) != plain_place(one) or other == one


def test_no_answers_are_fetched_from_where_something_is_sent(still: Trayed, trays: Trays) -> None:
    """Given a unit whose answers would lie where another unit of its organisation is sent what is for it, however that is written: no switch, no asking."""
    still.trays[p.HOME_CARE], still.trays[p.SOCIAL_SERVICES] = "/tray/a", "/tray/b"
    directory = still.directory()
    home, social = (next(unit for unit in directory.units if unit.id == one) for one in (p.HOME_CARE, p.SOCIAL_SERVICES))
    assert home.address is not None
    assert social.address is not None
    inbox = home.model_copy(update={"address": home.address.model_copy(update={"endpoint": "/in/norrby"})})
    for answers, taken in (("/in//norrby", False), ("/in/norrby/", False), ("/in/norrby", False), ("/in/norrby2", True)):
        there = social.address.model_copy(update={"options": {"tray": answers}})
        moved = social.model_copy(update={"address": there, "organisation": home.organisation})
        units = [inbox if unit.id == home.id else moved if unit.id == social.id else unit for unit in directory.units]
        changed = directory.model_copy(update={"units": units})
        codes = {problem.code for problem in directories.check(changed, {"trays": trays})}
        assert ("directory.source_sent" in codes, "/tray/a" in {one.name for one in poll.sources(changed, {"trays": trays})}) == (
            not taken,
            True,
        )
        assert (answers in {one.name for one in poll.sources(changed, {"trays": trays})}) == taken
