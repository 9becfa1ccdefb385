"""Mapping packs at work: a message type without a form is a person's, and a unit changes its pack by one directory change, there and back."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from siphub.contract import Submission, SystemClock
from siphub.contract.neutral import to_partner
from siphub.errors import Busy, MappingError
from siphub.flow import directory as directories
from siphub.flow import operate
from siphub.flow.mapping_trial import note_approval
from siphub.flow.reading import read
from siphub.mappings import MANIFEST, Mappings, approve, begin, checksums, confined, shipped
from siphub.mappings.manifest import read_manifest
from siphub.model import Address, sample
from siphub.model import people as p
from siphub.store import DeliveryRow
from siphub.testing.story import Story, until
from siphub.testing.world import World

TODAY = date(2026, 11, 26)
PLANS_ONLY, OURS, TRAP = "rivta-getcareplans@2.0", "municipal-sip@1.0", "norrby-sip@1.0"


def switched(world: World, mapping: str) -> None:
    """Give one unit another pack: the one change there is."""
    now = directories.current(world.hub.ground)
    units = tuple(
        unit.model_copy(update={"address": unit.address.model_copy(update={"mapping": mapping})})
        if unit.id == p.HOME_CARE and unit.address
        else unit
        for unit in now.units
    )
    directories.switch(world.hub.ground, now.model_copy(update={"units": units}), by="test")


def kallelser(world: World, story: Story) -> Iterator[DeliveryRow]:
    """Yield the deliveries of a case's kallelse."""
    yield from (row for row in world.deliveries(story) if row.message_type == "meeting.summoned")


def test_a_type_without_a_form_is_held_and_a_pack_is_changed_there_and_back(world: World) -> None:
    """Given a unit whose pack carries plans only, then a kallelse is held as work, and nothing goes; with the former pack again it is released and arrives."""
    switched(world, PLANS_ONLY)
    story = world.story(now=world.hub.ground.now())
    story.ready((p.HOME_CARE,))
    story.summoned((p.HOME_CARE,))
    assert until(lambda: [row.state for row in kallelser(world, story)] == ["held"])
    [row] = kallelser(world, story)
    assert row.reason == "adapter.kind_unsupported"
    assert "meeting.summoned" not in world.types(p.HOME_CARE, story)
    with world.hub.store.read() as work:
        assert "delivery.adapter.kind_unsupported" in {item.type for item in work.work_items.open_items(story.owner)}
    switched(world, OURS)
    operate.operate(world.hub.ground, row.id, "release", by="test", channel="cli")
    assert until(lambda: world.states(story, "meeting.summoned") == {p.HOME_CARE: "delivered"})
    assert world.types(p.HOME_CARE, story)[-1] == "meeting.summoned"
    [row] = kallelser(world, story)
    assert row.pinned_mapping == OURS


def without_end(folder: Path) -> None:
    """Put an approved pack there that comes through every sample, and runs without end on a kallelse of any other case."""
    today = date(2026, 11, 26)
    place = begin(Mappings([shipped()], SystemClock()).load("municipal-sip"), folder, "norrby-sip", "1.0", owner="Norrby", today=today)
    call, again = '<xsl:call-template name="again"><xsl:with-param name="n" select="{}"/></xsl:call-template>', "$n - 1"
    trap = f"<xsl:if test=\"not(/c:message/c:case_id = '{sample('meeting.summoned').case_id}')\">{call.format(60)}</xsl:if>"
    template = f'<xsl:template name="again"><xsl:param name="n"/><xsl:if test="$n &gt; 0">{call.format(again) * 2}</xsl:if></xsl:template>'
    text = (place / "out.xsl").read_text("utf-8")
    for before, after in (("<kallelse>", f"<kallelse>{trap}"), ("</xsl:stylesheet>", f"{template}</xsl:stylesheet>")):
        assert text.count(before) == 1
        text = text.replace(before, after)
    (place / "out.xsl").write_text(text, "utf-8")
    approve(place, by="Eva Kontakt", today=today)


def test_a_pack_without_end_takes_no_worker_with_it(make_world: Callable[..., World]) -> None:
    """Given an approved pack that runs without end on a real kallelse, then that delivery alone is held, and goes by another pack when it is released."""
    with make_world(lease="60s") as world:
        without_end(world.data / "mappings")
        switched(world, TRAP)
        story = world.story(now=world.hub.ground.now())
        story.ready((p.HOME_CARE, p.SOCIAL_SERVICES))
        story.summoned((p.HOME_CARE, p.SOCIAL_SERVICES))
        assert until(lambda: world.states(story, "meeting.summoned") == {p.HOME_CARE: "held", p.SOCIAL_SERVICES: "delivered"}, within=60)
        [row] = [one for one in kallelser(world, story) if one.recipient == p.HOME_CARE]
        assert row.reason == "mapping.broken"
        switched(world, OURS)
        operate.operate(world.hub.ground, row.id, "release", by="test", channel="cli")
        assert until(lambda: world.states(story, "meeting.summoned")[p.HOME_CARE] == "delivered")


@contextmanager
def no_process_starts() -> Iterator[None]:
    """Let the processes for packs end, and none be started: their program is not there."""
    for process in list(confined._OURS.processes._idle):
        os.kill(process._process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process._process.pid, os.WEXITED | os.WNOWAIT)
    program, sys.executable = sys.executable, "/nowhere/python"
    try:
        yield
    finally:
        sys.executable = program


def test_without_a_process_for_a_pack_nothing_is_refused_or_held(make_world: Callable[..., World]) -> None:
    """Given a machine that starts no process for a while, then what is to be sent by a pack of one's own is tried again and goes, and what comes in by it may come again."""
    with make_world(lease="60s") as world:
        folder, ground = world.data / "mappings", world.hub.ground
        place = begin(Mappings([shipped()], SystemClock()).load("municipal-sip"), folder, "norrby-sip", "1.0", owner="Norrby", today=TODAY)
        pack = approve(place, by="Eva Kontakt", today=TODAY)
        document = Submission(to_partner(pack, sample("meeting.response").to_document()), "application/xml")
        switched(world, TRAP)
        story = world.story(now=ground.now())
        with no_process_starts():
            with pytest.raises(Busy) as later:
                read(ground, document)
            assert later.value.code == "mapping.no_process"
            story.ready((p.HOME_CARE,))
            story.summoned((p.HOME_CARE,))
            assert until(lambda: [(row.state, row.reason) for row in kallelser(world, story)] == [("queued", "mapping.no_process")])
        assert read(ground, document) == sample("meeting.response")
        assert until(lambda: [row.pinned_mapping for row in kallelser(world, story)] == [TRAP])


def versions(folder: Path) -> None:
    """Put two approved versions of a municipality's own pack there; the newer has another word for a party's duty."""
    today = date(2026, 11, 26)
    origin = Mappings([shipped()], SystemClock()).load("municipal-sip")
    for version, word in (("1.0", "huvudman"), ("1.1", "part")):
        place = begin(origin, folder, "norrby-sip", version, owner="Norrby", today=today)
        for name, before in (("codes.csv", "duty-holder,principal,{}\n"), ("schema/municipal-sip.xsd", '<xs:enumeration value="{}">')):
            text = (place / name).read_text("utf-8")
            assert text.count(before.format("huvudman")) == 1
            (place / name).write_text(text.replace(before.format("huvudman"), before.format(word)), "utf-8")
        approve(place, by="Eva Kontakt", today=today)


def collected(world: World, mapping: str) -> str:
    """Give home care a version by one directory change, call it to a meeting, and return the kallelse that it collects from its folder."""
    box = world.folders / "norrby"
    box.mkdir(parents=True, exist_ok=True)
    there = Address(adapter="municipal-xml", endpoint=str(box), mapping=mapping)
    now = directories.current(world.hub.ground)
    units = tuple(unit.model_copy(update={"address": there}) if unit.id == p.HOME_CARE else unit for unit in now.units)
    directories.switch(world.hub.ground, now.model_copy(update={"units": units}), by="test")
    story = world.story(now=world.hub.ground.now())
    story.ready((p.HOME_CARE,))
    story.summoned((p.HOME_CARE,))
    assert until(lambda: world.states(story, "meeting.summoned") == {p.HOME_CARE: "delivered"})
    [row] = kallelser(world, story)
    assert row.pinned_mapping == mapping
    return (box / f"{row.key}.xml").read_text("utf-8")


def test_a_municipality_changes_to_a_new_version_and_back(world: World) -> None:
    """Given two versions side by side, when the directory changes from one to the other and back, then each kallelse is by the version of its day."""
    versions(world.data / "mappings")
    said = [collected(world, f"norrby-sip@{version}") for version in ("1.0", "1.1", "1.0")]
    words = [re.findall(r"<skyldig>(.*?)</skyldig>", one) for one in said]
    assert words == [["huvudman"], ["part"], ["huvudman"]]
    assert ["urn:siphub:norrby-sip:1.1" in one for one in said] == [False, True, False]


def test_a_worker_sends_nothing_by_a_pack_that_is_not_what_was_approved(make_world: Callable[..., World]) -> None:
    """Given a pack whose sheet was changed with its checksum after approval, then what is to be sent by it is held, and goes once the pack is put back."""
    with make_world() as world:
        folder, ground = world.data / "mappings", world.hub.ground
        place = begin(Mappings([shipped()], SystemClock()).load("municipal-sip"), folder, "norrby-sip", "1.0", owner="Norrby", today=TODAY)
        approve(place, by="Eva", today=TODAY, note=lambda name, digest: note_approval(ground, pack=name, digest=digest, by="Eva"))
        before = {name: (place / name).read_text("utf-8") for name in ("out.xsl", MANIFEST)}
        (place / "out.xsl").write_text(before["out.xsl"].replace("<kallelse>", "<kallelse >"), "utf-8")
        listed, found = (read_manifest(place).files["out.xsl"], checksums(place)["out.xsl"])
        (place / MANIFEST).write_text(before[MANIFEST].replace(listed, found), "utf-8")
        switched(world, TRAP)
        story = world.story(now=ground.now())
        story.ready((p.HOME_CARE,))
        story.summoned((p.HOME_CARE,))
        assert until(lambda: [(row.state, row.reason) for row in kallelser(world, story)] == [("held", "mapping.broken")])
        with pytest.raises(MappingError) as refused:
            world.hub.mappings.load("norrby-sip", "1.0")
        assert refused.value.code == "mapping.digest_changed"
        for name, text in before.items():
            (place / name).write_text(text, "utf-8")
        time.sleep(1.1)  # the hub looks at the folder no more than once a second
        [row] = kallelser(world, story)
        operate.operate(ground, row.id, "release", by="test", channel="cli")
        assert until(lambda: [row.state for row in kallelser(world, story)] not in (["queued"], ["sending"]))
        assert until(lambda: [row.pinned_mapping for row in kallelser(world, story)] == [TRAP])
