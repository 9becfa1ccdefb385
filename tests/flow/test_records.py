"""First the record, then the eraser: copies for journals and registries, and what is erased when they have it (A15, A24)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from siphub.cli import doctor
from siphub.errors import NotThere, Sealed
from siphub.flow import operate, records, retention, track
from siphub.model import people as p
from siphub.sandbox import MailRoom
from siphub.testing.chapters import ME
from siphub.testing.clock import Hand
from siphub.testing.recorded import Recorded, Registry
from siphub.testing.story import CANARY, Story, until
from siphub.testing.world import World

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
DECIDED = {p.MUNICIPALITY: {"keep": "30 d", "decision": "KS 2026/117"}}


MakeRecorded = Callable[..., Recorded]


def _closed(world: World) -> Story:
    """Act a case out, from request to closing, until everything has arrived."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.responded(p.CARE_CENTRE)
    assert world.settled(story)
    story.closed(UNITS)
    assert world.settled(story)
    return story


def _words(registry: Registry, package_id: str) -> str:
    """Return the words of a package's document."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(registry.folder / f"{package_id}.pdf").pages).split())


def _said(part: Callable[[Any], Iterable[doctor.Finding]], world: World) -> str:
    return "\n".join(f"{one.level}: {one.what}" for one in part(world.hub))


# ── what a registry gets ──


def test_every_message_is_its_owners_record_and_what_arrived_its_recipients(make_recorded: MakeRecorded) -> None:
    """Given two organisations with a registry, when a case is acted out, then each has whole what the owner sent, and its own cuts of the rest.

    An answer from the region is the owner's record as the owner's unit got it.
    """
    world = make_recorded()
    story = _closed(world)
    with world.hub.store.read() as work:
        messages = {row.message_id: row for row in work.messages.of_case(story.owner, str(story.case_id))}
        rows = work.deliveries.of_case(story.owner, str(story.case_id))
    arrived = [row for row in rows if row.recipient_organisation == p.REGION]
    told = [row for row in rows if row.recipient_organisation == p.MUNICIPALITY != row.sender_organisation]
    sent = [row for row in messages.values() if row.sender_organisation == p.MUNICIPALITY]
    mine, theirs = world.registry(p.MUNICIPALITY), world.registry(p.REGION)
    assert until(lambda: (len(mine.metadata()), len(theirs.metadata())) == (len(sent) + len(told), len(arrived)))
    for found in mine.metadata():
        row = messages[found["message_id"]]
        own = row.sender_organisation == p.MUNICIPALITY
        assert (found["organisation"], found["case_id"]) == (p.MUNICIPALITY, str(story.case_id))
        assert (found["direction"], found["basis"] == "own_data") == (("sent", True) if own else ("received", False))
        assert not own or found["at"] == row.received_at.isoformat()
    whole = {message.message_id: message for message in story.sent}
    request = next(found for found in mine.metadata() if found["type"] == "sip.requested")
    assert CANARY in _words(mine, request["package"])
    assert request["message_sha256"] == sha256(whole[story.sent[0].message_id].to_json()).hexdigest()
    pdf = (mine.folder / request["pdf"]["name"]).read_bytes()
    assert request["pdf"] == {"name": f"{request['package']}.pdf", "sha256": sha256(pdf).hexdigest(), "bytes": len(pdf)}
    assert b"pdfaid:part" in pdf
    assert request["subject"]["value"] == story.person
    for found in theirs.metadata():
        assert (found["direction"], found["basis"] != "own_data") == ("received", True)
        assert CANARY not in _words(theirs, found["package"])


def test_nothing_that_is_seen_from_outside_tells_anything(make_recorded: MakeRecorded) -> None:
    """Given packages in a registry's folder, then their names are the packages' ids, and each package's metadata is canonical JSON."""
    world = make_recorded()
    _closed(world)
    assert until(lambda: world.registry(p.REGION).metadata())
    for file in world.registry(p.MUNICIPALITY).folder.glob("*.json"):
        document = json.loads(file.read_bytes())
        assert file.stem == document["package"]
        assert file.read_bytes() == records.canonical(document)


def test_without_an_address_nothing_is_lost_and_the_doctor_says_whose(make_recorded: MakeRecorded) -> None:
    """Given an owner without a registry, its copies wait, of what others told it too; when the directory names one, they are handed over."""
    world = make_recorded(registries=())
    story = _closed(world)
    assert {copy.direction for copy in world.copies(story)} == {"sent", "received"}
    assert {(copy.state, copy.attempts) for copy in world.copies(story)} == {("offered", 0)}
    assert f"look: {len(world.copies(story))} record copies of {p.MUNICIPALITY}" in _said(doctor.records, world)
    assert "no records address" in _said(doctor.records, world)
    world.hub.stop()
    world = make_recorded()
    assert world.recorded(story)
    assert "ok: every record copy is confirmed" in _said(doctor.records, world)


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


@pytest.mark.req(87)
def test_a15_closed_and_erased_everywhere(make_recorded: MakeRecorded) -> None:
    """Given a closed case with a dead letter, when its time has come, then the units were told, its content is nowhere, and the audit verifies."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=DECIDED, retry_limit=1)
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


def _with_letters(world: Recorded, *, closed: bool = True) -> Story:
    """Return a case with letters to its individual; everything has arrived, and is recorded where the case is over."""
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS, also=[ME])
    assert world.settled(story)
    if closed:
        story.closed(UNITS)
        assert world.settled(story)
        assert len(world.letters(story)) == 2
        assert world.recorded(story)
    return story


def _noted(world: Recorded, story: Story) -> bool:
    return "case.erased" in world.actions(story)


def _keyless(world: Recorded, story: Story) -> bool:
    try:
        world.hub.store.seal_of_case(story.owner, str(story.case_id))
    except Sealed:
        return True
    return False


def test_letters_that_nobody_has_fetched_go_with_their_case(make_recorded: MakeRecorded) -> None:
    """Given letters in an outbox, of which the mail room has taken one and half another, when a case is erased, then its letters go and others' stay."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=DECIDED)
    gone, kept = _with_letters(world), _with_letters(world, closed=False)
    outbox = MailRoom(world.folders / f"letters-{p.MUNICIPALITY}").outbox
    mine = [
        file for file in sorted(outbox.glob("*.pdf")) if json.loads(file.with_suffix(".json").read_bytes())["case"] == str(gone.case_id)
    ]
    mine[0].unlink()
    mine[0].with_suffix(".json").unlink()
    mine[1].unlink()
    others = world.letters(kept)
    hand.at += timedelta(days=31)
    assert until(lambda: world.erased(gone))
    assert world.letters(kept) == others
    assert {json.loads(file.read_bytes())["case"] for file in outbox.glob("*.json")} == {str(kept.case_id)}
    assert len([*outbox.iterdir()]) == 2 * len(others)


def test_an_outbox_that_is_away_is_cleared_when_it_is_back(make_recorded: MakeRecorded) -> None:
    """Given an outbox that is away when its case is erased, then content and key go, the doctor says what is left, and it goes when it can."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=DECIDED)
    story, other = _with_letters(world), _with_letters(world)
    outbox = MailRoom(world.folders / f"letters-{p.MUNICIPALITY}").outbox
    away = outbox.rename(world.folders / "away")
    hand.at += timedelta(days=31)
    for each in (story, other):
        assert until(partial(_noted, world, each))
        assert not world.erased(each)
        assert until(partial(_keyless, world, each))
    assert "2 erased cases still have their key, or what lies where it cannot be taken away, such as letters in an outbox" in _said(
        doctor.retention, world
    )
    assert retention.finish(world.hub.ground) == 0
    away.rename(outbox)
    assert until(lambda: world.erased(story) and world.erased(other))
    assert [*outbox.iterdir()] == []
    assert [world.actions(story).count(action) for action in ("case.erased", "case.key_forgotten")] == [1, 1]


@pytest.mark.req(87)
def test_a24_first_the_record_then_the_eraser(make_recorded: MakeRecorded) -> None:
    """Given a registry that is down for a week while retention runs, then nothing unconfirmed is erased and the doctor says whose; confirmed, it goes."""
    hand = Hand()
    world = make_recorded(clock=hand, retention={p.MUNICIPALITY: {"keep": "1 d", "decision": "KS 2026/117"}})
    away = world.folders / "unmounted"
    world.registry(p.MUNICIPALITY).folder.rename(away)
    story = _closed(world)
    for _ in range(7):
        hand.at += timedelta(days=1)
        world.registry(p.REGION).confirm()
        world.hub.sweep()
        assert not world.erased(story)
    assert until(lambda: {copy.organisation for copy in world.copies(story) if copy.state != "confirmed"} == {p.MUNICIPALITY})
    assert until(lambda: {copy.state for copy in world.copies(story) if copy.organisation == p.MUNICIPALITY} == {"offered"})
    said = _said(doctor.records, world)
    mine = [copy for copy in world.copies(story) if copy.organisation == p.MUNICIPALITY]
    since = min(copy.offered_at for copy in mine)
    assert f"look: {len(mine)} record copies of {p.MUNICIPALITY} are unconfirmed, the first since {since:%Y-%m-%d %H:%M}" in said
    assert p.REGION not in said
    assert retention.erase(world.hub.ground, story.owner, str(story.case_id)).reason == "retention.unconfirmed"  # type: ignore[union-attr]  # a Keep
    assert track.message(world.hub.ground, world.caller(p.MUNICIPALITY), str(story.sent[0].message_id))["message"]
    world.hub.stop()  # an attempt that is under way while the clock is turned would be due only when it is turned again
    away.rename(world.registry(p.MUNICIPALITY).folder)
    hand.at += timedelta(days=1)
    world.open()
    assert world.recorded(story)
    assert until(lambda: world.erased(story))


@pytest.mark.parametrize("rule", [{}, {p.MUNICIPALITY: {"keep": "1 d"}}, {p.REGION: {"keep": "1 d", "decision": "RS 1"}}])
def test_a24_no_decision_no_erasure(make_recorded: MakeRecorded, rule: dict[str, Any]) -> None:
    """Given everything confirmed and over for years, then without its owner's own decision it stays, and the doctor says so; with one it goes."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=rule)
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


def test_two_erasers_at_once_erase_once(make_recorded: MakeRecorded) -> None:
    """Given four rounds that begin together, then a case is erased and its key forgotten once, as the audit says."""
    hand = Hand()
    world = make_recorded(clock=hand, retention={p.MUNICIPALITY: {"keep": "3000 d", "decision": "KS 1"}})
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


def test_what_is_on_its_way_is_not_erased(make_recorded: MakeRecorded) -> None:
    """Given a closed case whose stop notices have not left, then it is kept until the units have been told."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=DECIDED)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    world.again(["sweep"])
    story.closed(UNITS)
    assert world.recorded(story)
    assert world.states(story, "stop.notice") == dict.fromkeys(UNITS, "queued")
    hand.at += timedelta(days=31)
    verdict = retention.erase(world.hub.ground, story.owner, str(story.case_id))
    assert verdict.reason == "retention.on_its_way"  # type: ignore[union-attr]  # a Keep
    world.again()
    assert world.settled(story)
    assert world.recorded(story)
    assert until(lambda: world.erased(story))
    assert [world.types(unit, story)[-1] for unit in UNITS] == ["stop.notice"] * 3


def test_a_stop_keeps_copies_back_and_so_the_content(make_recorded: MakeRecorded) -> None:
    """Given a case whose time is up while an operator has stopped all sending, then it is neither recorded nor erased until sending goes on."""
    hand = Hand()
    world = make_recorded(clock=hand, retention=DECIDED, start=False)
    world.hub.start(["relay", "work"])
    story = world.story()
    story.requested()
    story.closed(())
    assert world.settled(story)
    operate.switch(world.hub.ground, "stopped", by="test")
    hand.at += timedelta(days=31)
    assert [records.offer_due(world.hub.ground), *world.registry(p.MUNICIPALITY).metadata()] == [0]
    verdict = retention.erase(world.hub.ground, story.owner, str(story.case_id))
    assert verdict.reason == "retention.unconfirmed"  # type: ignore[union-attr]  # a Keep
    operate.switch(world.hub.ground, "running", by="test")
    world.again()
    assert world.recorded(story)
    assert until(lambda: world.erased(story))


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
def test_a_kill_between_the_two_databases_is_made_good(make_recorded: MakeRecorded) -> None:
    """Given kill -9 after the content is gone and before the key is, then nothing can be read, it is audited, and the next round forgets the key."""
    world = make_recorded()
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
