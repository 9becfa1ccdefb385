"""What comes in and breaks the hub harms itself alone: it is said by its code, a person looks at it, and what lies beside it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from siphub.contract import Inbound, ReaderInfo, Submission, Unreadable, hookimpl
from siphub.flow import answers, track
from siphub.flow.poll import poll_once
from siphub.model import Message
from siphub.model import people as p
from siphub.testing.logs import heard_logs
from siphub.testing.small_plugins import CANARY, Box
from siphub.testing.world import World

MEDIA_TYPE = "application/x-tray"


class Tray(Box):
    """An adapter and a reader: two things lie there until they are settled, and reading or settling the first one breaks."""

    def __init__(self, reading: Exception | None = None, settling: Exception | None = None) -> None:
        super().__init__("tray")
        self.reading, self.settling = reading, settling
        self.settled: list[str] = []

    def poll(self, _cursor: str | None) -> Iterable[Inbound]:
        """Give what lies there."""
        found = [
            Inbound("first", Submission(b"first", MEDIA_TYPE), owner=p.MUNICIPALITY),
            Inbound("second", Unreadable("drop.no_file"), owner=p.MUNICIPALITY),
        ]
        return [one for one in found if one.partner_id not in self.settled]

    def settle(self, partner_id: str) -> None:
        """Take it away, or break."""
        if self.settling is not None and partner_id == "first":
            raise self.settling
        self.settled.append(partner_id)

    @hookimpl
    def siphub_adapters(self) -> Iterable[Any]:
        """Offer itself."""
        return [self]

    @hookimpl
    def siphub_readers(self) -> Iterable[Any]:
        """Offer a reader that breaks."""
        return [Breaks(self.reading)]


class Breaks:
    """A reader that breaks, where it is to; else what it reads is no message."""

    info = ReaderInfo(name="tray", media_types=frozenset({MEDIA_TYPE}))

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def recognises(self, submission: Submission) -> bool:
        """Everything is its own."""
        return submission.media_type == MEDIA_TYPE

    def read(self, submission: Submission) -> Message:
        """Break."""
        raise self.error or ValueError(submission.media_type)


@contextmanager
def still(world: World) -> Iterator[World]:
    """Run a world in which nothing happens by itself."""
    world.open(start=False)
    try:
        yield world
    finally:
        world.hub.stop()


@pytest.mark.parametrize("error", [OverflowError(CANARY), ValueError(CANARY), KeyError(CANARY), RecursionError(CANARY)])
def test_what_breaks_a_reader_is_asked_for_once(make_world: Callable[..., World], error: Exception) -> None:
    """Given a message on which its reader breaks, then it waits on the desk of whoever it came to, is not asked for again, and the next one is taken."""
    tray = Tray(reading=error)
    with still(make_world(plugins={"tray": tray})) as world, heard_logs() as heard:
        assert [poll_once(world.hub.ground, "tray", tray) for _ in range(2)] == [2, 0]
        assert tray.settled == ["first", "second"]
        assert {(item.type, item.unit) for item in track.desk(world.hub.ground)} == {("inbound.unthreaded", p.MUNICIPALITY)}
        with world.hub.store.read() as work:
            assert work.inbound.refused("-", "tray", "first") == "inbound.failed"
    assert [line["code"] for line in heard.named("inbound.failed")] == ["inbound.failed"]
    assert CANARY not in heard.text


def test_what_breaks_a_reader_is_said_once_however_often_it_is_listed(make_world: Callable[..., World]) -> None:
    """Given something on which its reader breaks, and that its place gives again and again, then one person has one thing to do, and it is logged once."""
    tray = Tray(reading=ValueError(CANARY))
    with still(make_world(plugins={"tray": tray})) as world, heard_logs() as heard:
        submission, inbound = Submission(b"x", MEDIA_TYPE), Inbound("again", Submission(b"x", MEDIA_TYPE), owner=p.MUNICIPALITY)
        before = None
        for _ in range(3):
            before = answers.take(world.hub.ground, "tray", inbound, submission, before=before)
        assert before == "inbound.failed"
        assert len(track.desk(world.hub.ground)) == 1
    assert len(heard.named("inbound.failed")) == 1


def test_what_a_disk_breaks_is_asked_for_again(make_world: Callable[..., World]) -> None:
    """Given a reader that a disk keeps from reading, then the message is not taken yet, and what lies beside it is."""
    tray = Tray(reading=OSError(CANARY))
    with still(make_world(plugins={"tray": tray})) as world:
        assert [poll_once(world.hub.ground, "tray", tray) for _ in range(2)] == [1, 0]
        assert tray.settled == ["second"]
        tray.reading = ValueError()
        assert poll_once(world.hub.ground, "tray", tray) == 0


def test_what_cannot_be_settled_keeps_no_other_from_being_taken(make_world: Callable[..., World]) -> None:
    """Given something stored that cannot be moved on, then what lies behind it is taken, and the first is told again the next time."""
    tray = Tray(settling=OSError(CANARY))
    with still(make_world(plugins={"tray": tray})) as world, heard_logs() as heard:
        assert poll_once(world.hub.ground, "tray", tray) == 1
        assert tray.settled == ["second"]
        tray.settling = None
        assert poll_once(world.hub.ground, "tray", tray) == 1
        assert tray.settled == ["second", "first"]
    assert len(heard.named("inbound.failed")) == 2
    assert CANARY not in heard.text
