"""First the record, then the eraser: copies for journals and registries, and what is erased when they have it (A15, A24)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from siphub.cli import doctor
from siphub.contract import Check, Confirmation, Delivered, Outcome, Recipient, RecordPackage, Rejected, Retry, Uncertain
from siphub.errors import Conflict, NotThere, Sealed
from siphub.flow import operate, records, retention, track
from siphub.model import Address, Directory
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.store import RecordCopyRow
from siphub.testing.small_plugins import giving, plugin
from siphub.testing.story import CANARY, Story, until
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
DECIDED = {p.MUNICIPALITY: {"keep": "30 d", "decision": "KS 2026/117"}}
WEEK = timedelta(days=7)


@dataclass
class Hand:
    """A clock that a test turns."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.at


@dataclass
class Recorded(World):
    """A world in which some organisations have a registry; it works from a folder unless another keeper is named."""

    registries: tuple[str, ...] = (p.MUNICIPALITY, p.REGION)
    keeper: str = "folder"

    def directory(self) -> Directory:
        """Return the world's directory, with the registries."""
        base = super().directory()
        found = [
            each.model_copy(update={"records": Address(adapter=self.keeper, endpoint=str(self.registry(each.number).folder))})
            if each.number in self.registries
            else each
            for each in base.organisations
        ]
        return base.model_copy(update={"organisations": tuple(found)})

    def registry(self, number: str) -> Registry:
        """Return an organisation's registry."""
        return Registry(self.folders / f"records-{number}")

    def copies(self, story: Story) -> tuple[RecordCopyRow, ...]:
        """Return the record copies of a case."""
        with self.hub.store.read() as work:
            return work.record_copies.of_case(story.owner, str(story.case_id))

    def recorded(self, story: Story) -> bool:
        """Let the registries confirm all they get, until nothing of a case is unconfirmed."""

        def confirmed() -> bool:
            for number in self.registries:
                self.registry(number).confirm()
            return {copy.state for copy in self.copies(story)} == {"confirmed"}

        return until(confirmed)

    def erased(self, story: Story) -> bool:
        """Say whether content and key of a case are gone."""
        with self.hub.store.read() as work:
            row = work.cases.get(story.owner, str(story.case_id))
        return row is not None and row.erased_at is not None and row.key_gone_at is not None

    def actions(self, story: Story) -> list[str]:
        """Return what the audit says was done in a case."""
        with self.hub.store.read() as work:
            return [link.action for link in work.audit.of_case(story.owner, str(story.case_id))]


@dataclass(frozen=True)
class Registry:
    """An organisation's registry, at work in a folder."""

    folder: Path

    def open(self) -> Registry:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def metadata(self) -> list[dict[str, Any]]:
        """Return the metadata of the whole packages, in no order."""
        return [json.loads(file.read_bytes()) for file in self.folder.glob("*.json")]

    def page(self, package_id: str) -> str:
        """Return the words of a package's document."""
        return " ".join(" ".join(page.extract_text() for page in PdfReader(self.folder / f"{package_id}.pdf").pages).split())

    def confirm(self) -> None:
        """Confirm every package that is there."""
        for number, file in enumerate(self.folder.glob("*.json")):
            file.with_suffix(".confirmed").write_text(f"KS 2026/{number}\n", "utf-8")


MakeRecorded = Callable[..., Recorded]


@pytest.fixture
def make(tmp_path: Path, sandbox: Sandbox) -> Iterator[MakeRecorded]:
    """Return what opens such a world; further settings by name."""
    opened: list[Recorded] = []

    def made(*, start: bool = True, up: bool = True, **more: Any) -> Recorded:
        own = {name: more.pop(name) for name in ("registries", "keeper", "plugins", "clock") if name in more}
        world = Recorded(sandbox, tmp_path / "folders", tmp_path / "hub", given=more, **own)
        for number in world.registries if up else ():
            world.registry(number).open()
        world.open(start=start)
        opened.append(world)
        return world

    yield made
    for world in opened:
        world.hub.stop()


def _closed(world: World) -> Story:
    """Act a case out, from request to closing, until everything has arrived."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.responded(p.CARE_CENTRE)
    story.closed(UNITS)
    assert world.settled(story)
    return story


def _said(part: Callable[[Any], Iterable[doctor.Finding]], world: World) -> str:
    return "\n".join(f"{one.level}: {one.what}" for one in part(world.hub))


# ── what a registry gets ──


def test_every_message_is_its_owners_record_and_what_arrived_its_recipients(make: MakeRecorded) -> None:
    """Given two organisations with a registry, when a case is acted out, then the owner's has each message whole, and the region's its own cuts."""
    world = make()
    story = _closed(world)
    with world.hub.store.read() as work:
        messages = {row.message_id: row for row in work.messages.of_case(story.owner, str(story.case_id))}
        arrived = [row for row in work.deliveries.of_case(story.owner, str(story.case_id)) if row.recipient_organisation == p.REGION]
    mine, theirs = world.registry(p.MUNICIPALITY), world.registry(p.REGION)
    assert until(lambda: (len(mine.metadata()), len(theirs.metadata())) == (len(messages), len(arrived)))
    for found in mine.metadata():
        row = messages[found["message_id"]]
        assert (found["organisation"], found["case_id"], found["basis"]) == (p.MUNICIPALITY, str(story.case_id), "own_data")
        assert found["direction"] == ("sent" if row.sender_organisation == p.MUNICIPALITY else "received")
        assert found["at"] == row.received_at.isoformat()
    whole = {message.message_id: message for message in story.sent}
    request = next(found for found in mine.metadata() if found["type"] == "sip.requested")
    assert CANARY in mine.page(request["package"])
    assert request["message_sha256"] == sha256(whole[story.sent[0].message_id].to_json()).hexdigest()
    pdf = (mine.folder / request["pdf"]["name"]).read_bytes()
    assert request["pdf"] == {"name": f"{request['package']}.pdf", "sha256": sha256(pdf).hexdigest(), "bytes": len(pdf)}
    assert b"pdfaid:part" in pdf
    assert request["subject"]["value"] == story.person
    for found in theirs.metadata():
        assert (found["direction"], found["basis"] != "own_data") == ("received", True)
        assert CANARY not in theirs.page(found["package"])


def test_nothing_that_is_seen_from_outside_tells_anything(make: MakeRecorded) -> None:
    """Given packages in a registry's folder, then their names are the packages' ids, and each package's metadata is canonical JSON."""
    world = make()
    _closed(world)
    assert until(lambda: world.registry(p.REGION).metadata())
    for file in world.registry(p.MUNICIPALITY).folder.glob("*.json"):
        document = json.loads(file.read_bytes())
        assert file.stem == document["package"]
        assert file.read_bytes() == records.canonical(document)


def test_without_an_address_nothing_is_lost_and_the_doctor_says_whose(make: MakeRecorded) -> None:
    """Given an owner without a registry, its copies wait; when the directory names one, they are handed over."""
    world = make(registries=())
    story = _closed(world)
    assert {(copy.state, copy.attempts) for copy in world.copies(story)} == {("offered", 0)}
    assert f"look: {len(world.copies(story))} record copies of {p.MUNICIPALITY}" in _said(doctor.records, world)
    assert "no records address" in _said(doctor.records, world)
    world.hub.stop()
    world = make()
    assert world.recorded(story)
    assert "ok: every record copy is confirmed" in _said(doctor.records, world)


# ── a registry that answers as told ──


class Told:
    """A record keeper that answers as told, Delivered in the end."""

    name = "told"

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.got: list[RecordPackage] = []
        self.said: list[Confirmation] = []
        self.settled: list[str] = []

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Take it, and answer as told."""
        self.got.append(package)
        answer = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Say what was told."""
        return list(self.said)

    def settle(self, package_id: str, address: Recipient) -> None:
        """Remember."""
        self.settled.append(package_id)

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Hold nothing."""


def _told(make: MakeRecorded, *answers: Outcome | Exception, **more: Any) -> tuple[Recorded, Told, Hand, RecordCopyRow]:
    keeper, hand = Told(*answers), Hand()
    plugins = {"told": plugin(siphub_record_keepers=giving(keeper))}
    world = make(start=False, keeper="told", registries=(p.MUNICIPALITY,), plugins=plugins, clock=hand, **more)
    story = world.story()
    story.requested()
    (copy,) = world.copies(story)
    return world, keeper, hand, copy


def _again(world: Recorded, copy: RecordCopyRow) -> RecordCopyRow:
    with world.hub.store.read() as work:
        found = work.record_copies.find(copy.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("answer", "state", "reason", "within"),
    [
        (Retry("folder.missing"), "offered", "folder.missing", timedelta(hours=1)),
        (Retry("partner.busy", timedelta(hours=2)), "offered", "partner.busy", timedelta(hours=2)),
        (Uncertain("partner.timeout"), "failed", "partner.timeout", timedelta(hours=1)),
        (Rejected("registry.closed"), "refused", "registry.closed", timedelta(days=1)),
        (ValueError("a bug"), "failed", "plugin.failed", timedelta(hours=1)),
    ],
)
def test_what_is_not_there_is_offered_until_it_is(
    make: MakeRecorded, answer: Outcome | Exception, state: str, reason: str, within: timedelta
) -> None:
    """Given an answer other than yes, then the copy waits for its time, and is handed over then: the same package, under the same name."""
    world, keeper, hand, copy = _told(make, answer)
    assert records.offer_due(world.hub.ground) == 0
    assert (_again(world, copy).state, _again(world, copy).reason) == (state, reason)
    assert records.offer_due(world.hub.ground) == 0
    assert len(keeper.got) == 1
    hand.at += within
    assert records.offer_due(world.hub.ground) == 1
    assert [each.metadata for each in keeper.got] == [keeper.got[0].metadata] * 2
    assert (_again(world, copy).state, _again(world, copy).attempts) == ("sent", 2)
    hand.at += WEEK
    assert records.offer_due(world.hub.ground) == 0


def test_a_copy_never_gives_up(make: MakeRecorded) -> None:
    """Given a registry that is away for more attempts than any delivery would get, the copy is still offered."""
    world, keeper, hand, copy = _told(make, *[Retry("folder.missing")] * 5, retry_limit=2)
    for _ in range(5):
        assert records.offer_due(world.hub.ground) == 0
        hand.at += timedelta(hours=1)
    assert records.offer_due(world.hub.ground) == 1
    assert (_again(world, copy).attempts, len(keeper.got)) == (6, 6)


def test_an_attempt_that_nobody_ended_is_made_again(make: MakeRecorded) -> None:
    """Given a sweep that died with a copy in hand, then it is not offered at the same time, and offered again when the attempt is late."""
    world, keeper, hand, copy = _told(make)
    with world.hub.store.write() as work:
        assert work.record_copies.take(copy, hand.now() + records.ATTEMPT)
    assert (records.offer_due(world.hub.ground), keeper.got) == (0, [])
    hand.at += records.ATTEMPT
    assert (records.offer_due(world.hub.ground), len(keeper.got)) == (1, 1)


def test_two_sweeps_at_once_hand_a_package_over_once(make: MakeRecorded) -> None:
    """Given a dozen copies and four sweeps that begin together, then each package is offered once."""
    world, keeper, _, _ = _told(make)
    for _ in range(11):
        world.story().requested()
    together = threading.Barrier(4)

    def sweep() -> None:
        together.wait()
        records.offer_due(world.hub.ground)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.package_id for each in keeper.got) == sorted({each.package_id for each in keeper.got})
    assert len(keeper.got) == 12


def test_a_confirmation_counts_once_and_only_for_what_was_handed_over(make: MakeRecorded) -> None:
    """Given confirmations before the offer, of nothing, with a reference that is none, and true ones twice, then one counts, and is settled again and again."""
    world, keeper, hand, copy = _told(make)
    true = Confirmation(copy.id, "KS 1", hand.now())
    keeper.said = [true, Confirmation("nothing", "KS 1", hand.now())]
    assert (records.collect(world.hub.ground), keeper.settled) == (0, [])
    records.offer_due(world.hub.ground)
    keeper.said = [Confirmation(copy.id, "a\x00b", hand.now())]
    assert records.collect(world.hub.ground) == 0
    keeper.said = [true, true]
    assert records.collect(world.hub.ground) == 1
    assert records.collect(world.hub.ground) == 0
    assert keeper.settled == [copy.id] * 4
    after = _again(world, copy)
    assert (after.state, after.reference, after.hash) == ("confirmed", "KS 1", sha256(keeper.got[0].metadata).hexdigest())
    with world.hub.store.read() as work:
        assert [link.action for link in work.audit.of_case(copy.owner, copy.case_id)] == ["message.accepted", "record.confirmed"]


def test_another_organisations_registry_confirms_nothing_of_ours(make: MakeRecorded) -> None:
    """Given a confirmation of our package from the region's registry, then it does not count."""
    world, keeper, hand, copy = _told(make)
    records.offer_due(world.hub.ground)
    theirs = Recipient("", p.REGION, "R", "told", "elsewhere")
    assert not records._collected(world.hub.ground, Confirmation(copy.id, "KS 1", hand.now()), theirs)
    assert (_again(world, copy).state, keeper.settled) == ("sent", [])


# ── withdrawal ──


def test_what_a_withdrawal_stopped_is_erased_when_it_is_recorded(make: MakeRecorded) -> None:
    """Given a kallelse withheld by a withdrawal, it is its sender's to read until its record is confirmed; then it is gone, and the rest is not."""
    world = make(registries=(p.MUNICIPALITY,), up=False)
    operate.switch(world.hub.ground, "stopped", by="test")
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    kallelse = str(story.sent[-1].message_id)
    story.withdrawn()
    caller = world.caller(p.MUNICIPALITY)
    assert track.message(world.hub.ground, caller, kallelse)["message"]
    world.registry(p.MUNICIPALITY).open()
    assert world.recorded(story)
    with pytest.raises(NotThere) as gone:
        track.message(world.hub.ground, caller, kallelse)
    assert gone.value.code == "message.erased"
    left = {entry["type"]: entry["message"] for entry in track.mailbox(world.hub.ground, caller, str(story.case_id))["sent"]}
    assert [name for name, message in left.items() if message is None] == ["meeting.summoned"]
    assert world.actions(story).count("message.erased") == 1
    row = next(row for row in world.deliveries(story) if row.message_type == "meeting.summoned")
    with pytest.raises(Conflict) as refused:
        operate.operate(world.hub.ground, row.id, "retry", by="test", channel="cli")
    assert refused.value.code == "message.erased"


def test_what_is_recorded_already_is_erased_by_the_withdrawal(make: MakeRecorded) -> None:
    """Given a kallelse that is recorded and still waits, when the consent is withdrawn, then its content goes in the same moment."""
    world = make(registries=(p.MUNICIPALITY,))
    operate.switch(world.hub.ground, "stopped", by="test")
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    kallelse = str(story.sent[-1].message_id)
    assert world.recorded(story)
    story.withdrawn()
    with pytest.raises(NotThere, match="erased"):
        track.message(world.hub.ground, world.caller(p.MUNICIPALITY), kallelse)


def test_a_recipient_gets_no_copy_of_what_it_may_not_see_any_more(make: MakeRecorded) -> None:
    """Given a kallelse that arrived and a registry that was away, when the consent is withdrawn meanwhile, then the region's copy of it is dropped."""
    world = make(up=False)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.withdrawn()
    assert world.settled(story)
    world.registry(p.REGION).open()
    assert until(lambda: "record.dropped" in world.actions(story))
    assert until(lambda: [found["type"] for found in world.registry(p.REGION).metadata()] == ["stop.notice"])


# ── the eraser ──


def _files(world: World) -> bytes:
    """Return every byte of the content's and the keys' databases and of their logs."""
    return b"".join(file.read_bytes() for file in sorted(world.data.glob("*.sqlite*")))


def _traces(world: World, story: Story) -> list[bytes]:
    """Return a piece of each sealed thing of a case, as it stands on disk."""
    with world.hub.store.read() as work:
        case = work.cases.get(story.owner, str(story.case_id))
        messages = work.messages.of_case(story.owner, str(story.case_id))
    assert case is not None
    return [case.sealed[-48:], case.sealed[:48], *(row.sealed[:48] for row in messages), *(row.sealed[-48:] for row in messages)]


def test_a15_closed_and_erased_everywhere(make: MakeRecorded) -> None:
    """Given a closed case with a dead letter, when its time has come, then the units were told, its content is nowhere, and the audit verifies."""
    hand = Hand()
    world = make(clock=hand, retention=DECIDED, retry_limit=1)
    story = world.story()
    story.requested()
    story.consented((*UNITS, p.FK.organisation))
    story.approved((*UNITS, p.FK))
    story.summoned(UNITS)
    story.invited([p.FK])
    assert world.settled(story)
    Path(world.address(p.FK).endpoint).rename(world.folders / "away")
    story.closed((*UNITS, p.FK))
    assert world.settled(story)
    assert world.states(story, "stop.notice")[p.FK] == "gave_up"
    assert [world.types(unit, story)[-1] for unit in UNITS] == ["stop.notice"] * 3
    assert world.recorded(story)
    traces = _traces(world, story)
    assert all(trace in _files(world) for trace in traces)
    hand.at += timedelta(days=29)
    world.hub.sweep()
    assert not world.erased(story)
    hand.at += timedelta(days=2)
    assert until(lambda: world.erased(story))

    assert not [trace for trace in traces if trace in _files(world)]
    assert not [file for number in world.registries for file in world.registry(number).folder.iterdir()]
    with pytest.raises(Sealed):
        world.hub.store.seal_of_case(story.owner, str(story.case_id))
    caller = world.caller(p.MUNICIPALITY)
    for read in (partial(track.message, message_id=str(story.sent[0].message_id)), partial(track.mailbox, case_id=str(story.case_id))):
        with pytest.raises(NotThere) as gone:
            read(world.hub.ground, caller)
        assert gone.value.code == "message.erased"
    with pytest.raises(NotThere) as refused:
        story.requested()
    assert refused.value.code == "case.not_there"
    assert world.send(story.sent[0]).answer is not None
    with world.hub.store.read() as work:
        links = {link.action: link for link in work.audit.of_case(story.owner, str(story.case_id))}
        assert [work.audit.verify(owner) for owner in work.audit.owners()] == [None] * len(work.audit.owners())
        assert (work.outbox.size(), work.grants.of_case(story.owner, str(story.case_id))) == (0, ())
    assert links["case.erased"].facts["decision"] == "KS_2026/117"
    assert "case.key_forgotten" in links
    assert world.states(story, "stop.notice")[p.FK] == "gave_up"
    hand.at += timedelta(days=179)
    world.hub.sweep()
    assert world.send(story.sent[0]).answer is not None
    hand.at += timedelta(days=2)
    world.hub.sweep()
    with pytest.raises(NotThere):
        world.send(story.sent[0])


def test_a24_first_the_record_then_the_eraser(make: MakeRecorded) -> None:
    """Given a registry that is down for a week while retention runs, then nothing unconfirmed is erased and the doctor says whose; confirmed, it goes."""
    hand = Hand()
    world = make(clock=hand, retention={p.MUNICIPALITY: {"keep": "1 d", "decision": "KS 2026/117"}})
    away = world.folders / "unmounted"
    world.registry(p.MUNICIPALITY).folder.rename(away)
    story = _closed(world)
    for _ in range(7):
        hand.at += timedelta(days=1)
        world.registry(p.REGION).confirm()
        world.hub.sweep()
        assert not world.erased(story)
    assert until(lambda: {copy.organisation for copy in world.copies(story) if copy.state != "confirmed"} == {p.MUNICIPALITY})
    assert {copy.state for copy in world.copies(story) if copy.organisation == p.MUNICIPALITY} == {"offered"}
    said = _said(doctor.records, world)
    mine = [copy for copy in world.copies(story) if copy.organisation == p.MUNICIPALITY]
    since = min(copy.offered_at for copy in mine)
    assert f"look: {len(mine)} record copies of {p.MUNICIPALITY} are unconfirmed, the first since {since:%Y-%m-%d %H:%M}" in said
    assert p.REGION not in said
    assert retention.erase(world.hub.ground, story.owner, str(story.case_id)).reason == "retention.unconfirmed"  # type: ignore[union-attr]  # a Keep
    assert track.message(world.hub.ground, world.caller(p.MUNICIPALITY), str(story.sent[0].message_id))["message"]
    away.rename(world.registry(p.MUNICIPALITY).folder)
    hand.at += timedelta(days=1)
    assert world.recorded(story)
    assert until(lambda: world.erased(story))


@pytest.mark.parametrize("rule", [{}, {p.MUNICIPALITY: {"keep": "1 d"}}, {p.REGION: {"keep": "1 d", "decision": "RS 1"}}])
def test_a24_no_decision_no_erasure(make: MakeRecorded, rule: dict[str, Any]) -> None:
    """Given everything confirmed and over for years, then without its owner's own decision it stays, and the doctor says so; with one it goes."""
    hand = Hand()
    world = make(clock=hand, retention=rule)
    story = _closed(world)
    assert world.recorded(story)
    hand.at += timedelta(days=2000)
    world.hub.sweep()
    assert not world.erased(story)
    assert f"look: 1 closed cases of {p.MUNICIPALITY} wait for a decision" in _said(doctor.retention, world)
    world.given["retention"] = DECIDED
    world.again()
    assert until(lambda: world.erased(story))
    assert _said(doctor.retention, world) == ""


def test_two_erasers_at_once_erase_once(make: MakeRecorded) -> None:
    """Given four rounds that begin together, then a case is erased and its key forgotten once, as the audit says."""
    hand = Hand()
    world = make(clock=hand, retention={p.MUNICIPALITY: {"keep": "3000 d", "decision": "KS 1"}})
    story = _closed(world)
    assert world.recorded(story)
    together = threading.Barrier(4)

    def erase() -> None:
        together.wait()
        retention.run(world.hub.ground)

    hand.at += timedelta(days=3001)
    threads = [threading.Thread(target=erase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert until(lambda: world.erased(story))
    assert [world.actions(story).count(action) for action in ("case.erased", "case.key_forgotten")] == [1, 1]


def test_a_copy_of_what_is_erased_is_dropped(make: MakeRecorded) -> None:
    """Given a copy queued by a late receipt for a message that is gone, then it is dropped, and nobody waits for its confirmation."""
    world, keeper, hand, copy = _told(make)
    with world.hub.store.write() as work:
        work.erasure.message(copy.owner, copy.message_row, hand.now())
    assert (records.offer_due(world.hub.ground), keeper.got) == (0, [])
    with world.hub.store.read() as work:
        assert work.record_copies.find(copy.id) is None
        assert work.audit.of_case(copy.owner, copy.case_id)[-1].facts["reason"] == "message.erased"


def test_what_is_on_its_way_is_not_erased(make: MakeRecorded) -> None:
    """Given a closed case whose stop notices have not left, then it is kept until the units have been told."""
    hand = Hand()
    world = make(clock=hand, retention=DECIDED)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    operate.switch(world.hub.ground, "stopped", by="test")
    story.closed(UNITS)
    assert world.recorded(story)
    hand.at += timedelta(days=31)
    verdict = retention.erase(world.hub.ground, story.owner, str(story.case_id))
    assert verdict.reason == "retention.on_its_way"  # type: ignore[union-attr]  # a Keep
    operate.switch(world.hub.ground, "running", by="test")
    assert world.settled(story)
    assert world.recorded(story)
    assert until(lambda: world.erased(story))
    assert [world.types(unit, story)[-1] for unit in UNITS] == ["stop.notice"] * 3


KILLED = """
import sys
from siphub.flow import retention
from siphub.hub import build
from siphub.settings import read

decided = {sys.argv[3]: {"keep": "1 ms", "decision": "KS 1"}}
hub = build(read({"data": sys.argv[1], "ca_file": sys.argv[2], "min_free_disk": 1, "retention": decided, "fault": "case_erased:kill"}))
retention.run(hub.ground)
"""


@pytest.mark.chaos
def test_a_kill_between_the_two_databases_is_made_good(make: MakeRecorded) -> None:
    """Given kill -9 after the content is gone and before the key is, then nothing can be read, it is audited, and the next round forgets the key."""
    world = make()
    story = _closed(world)
    assert world.recorded(story)
    key = (story.owner, str(story.case_id))
    world.hub.stop()
    words = [sys.executable, "-c", KILLED, str(world.data), str(world.sandbox.ca_file), p.MUNICIPALITY]
    assert subprocess.run(words, check=False).returncode == -9
    world.open(start=False)
    assert world.actions(story)[-1] == "case.erased"
    world.hub.store.seal_of_case(*key)
    with pytest.raises(NotThere, match="erased"):
        track.message(world.hub.ground, world.caller(p.MUNICIPALITY), str(story.sent[0].message_id))
    with pytest.raises(NotThere):
        story.requested()
    assert "still have their key" in _said(doctor.retention, world)
    assert (retention.finish(world.hub.ground), retention.finish(world.hub.ground)) == (1, 0)
    assert world.erased(story)
    assert world.actions(story)[-2:] == ["case.erased", "case.key_forgotten"]
    with pytest.raises(Sealed):
        world.hub.store.seal_of_case(*key)
    with world.hub.store.read() as work:
        assert work.audit.verify(story.owner) is None
