"""DropContract: what every drop promises (the protocol `Drop` of siphub-folder), shown by using one whose other side says what it sees.

A drop's test subclasses `DropContract` and gives the fixture `under_test`. What a file system or a server can do wrong is each drop's own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from siphub.contract import Check, Delivered, Permit, PermitExpired, Retry, Uncertain, permitted

FILES: Mapping[str, bytes] = {"0b9f5f0c.pdf": b"%PDF " + b"x" * 70_000, "0b9f5f0c.json": b"{}"}
"""Two files that belong together, one longer than anything that is sent at once."""
BAD_NAMES = ("", ".a", "..", "a/b", "/a", "a\n", "a\0", "a" * 256)


class OtherSide(Protocol):
    """Whoever collects, in its own words."""

    def files(self) -> Mapping[str, bytes]:
        """Return every file that it sees, also those being written."""

    def leave(self, name: str, body: bytes) -> None:
        """Put a file of its own there."""

    def garble(self, name: str) -> None:
        """Put something there under a name that is no file, such as a folder."""


@dataclass(frozen=True, slots=True)
class DropUnderTest:
    """A drop, its other side, and a drop that cannot be reached. Both drops are a `Drop` of siphub-folder, which no part of siphub imports."""

    drop: Any
    other: OtherSide
    unreachable: Any


class DropContract:
    """The tests."""

    @pytest.fixture
    def under_test(self) -> DropUnderTest:
        """Give the drop; every drop's test says how."""
        raise NotImplementedError

    def test_files_arrive_whole(self, under_test: DropUnderTest) -> None:
        """Two files that belong together are there, byte for byte, and nothing else is."""
        assert under_test.drop.put(FILES) == Delivered("0b9f5f0c.json")
        assert under_test.other.files() == FILES

    def test_the_same_again_changes_nothing(self, under_test: DropUnderTest) -> None:
        """A repeat is Delivered too, and leaves each file once."""
        assert [under_test.drop.put(FILES) for _ in range(2)] == [Delivered("0b9f5f0c.json")] * 2
        assert under_test.other.files() == FILES

    def test_a_file_of_the_same_name_is_replaced(self, under_test: DropUnderTest) -> None:
        """Shorter bytes under a name that is there take the place of the longer ones."""
        under_test.drop.put(FILES)
        assert under_test.drop.put({"0b9f5f0c.pdf": b"short"}) == Delivered("0b9f5f0c.pdf")
        assert under_test.other.files() == {**FILES, "0b9f5f0c.pdf": b"short"}

    def test_an_empty_file_is_a_file(self, under_test: DropUnderTest) -> None:
        """Nothing at all can be put there and read."""
        assert under_test.drop.put({"empty": b""}) == Delivered("empty")
        assert under_test.drop.read("empty", 10).body == b""

    def test_after_the_permit_nothing_is_seen(self, under_test: DropUnderTest) -> None:
        """With a permit that has run out, on a connection that stands as on a new one, the other side sees nothing."""
        for warm in (False, True):
            if warm:
                under_test.drop.names()
            with permitted(Permit(time.monotonic() - 1)), pytest.raises(PermitExpired):
                under_test.drop.put(FILES)
            assert under_test.other.files() == {}

    def test_what_lies_there_is_named_and_read(self, under_test: DropUnderTest) -> None:
        """The names come in order, without what is being written and what is no file; a file is read up to the limit, with its time."""
        assert under_test.drop.names() == ()
        for name, body in (("b.xml", b"12345"), ("a.xml", b"1"), (".c.xml.part", b"half")):
            under_test.other.leave(name, body)
        under_test.other.garble("d.xml")
        assert under_test.drop.names() == ("a.xml", "b.xml")
        found = [under_test.drop.read("b.xml", limit) for limit in (0, 4, 5, 6)]
        assert [(one.body, one.whole) for one in found] == [(b"", False), (b"1234", False), (b"12345", True), (b"12345", True)]
        assert all(abs(datetime.now(UTC) - one.written_at) < timedelta(minutes=5) for one in found)
        assert [under_test.drop.read(name, 10) for name in ("c.xml", "d.xml")] == [None, None]

    def test_what_is_taken_away_is_gone(self, under_test: DropUnderTest) -> None:
        """Files are taken away, others stay, and one that is gone already is as good as taken."""
        under_test.drop.put({**FILES, "other": b"1"})
        for _ in range(2):
            assert under_test.drop.remove(FILES) is None
            assert under_test.other.files() == {"other": b"1"}

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_a_name_that_is_none_is_a_mistake(self, under_test: DropUnderTest, name: str) -> None:
        """No name leads elsewhere, or to a file being written."""
        with pytest.raises(ValueError, match="name"):
            under_test.drop.put({"good": b"", name: b""})
        with pytest.raises(ValueError, match="name"):
            under_test.drop.read(name, 1)
        with pytest.raises(ValueError, match="name"):
            under_test.drop.remove([name])
        assert under_test.other.files() == {}

    def test_nobody_there_is_a_value(self, under_test: DropUnderTest) -> None:
        """Where nobody answers each call says so with a code, and never that something is not there."""
        drop = under_test.unreachable
        found = [drop.put(FILES), drop.names(), drop.read("a", 1), drop.remove(["a"])]
        assert all(isinstance(one, Retry) for one in found)
        assert not [one for one in found if isinstance(one, Uncertain)]
        assert [check.ok for check in drop.check()] == [False]

    def test_check_says_that_files_can_be_put_there(self, under_test: DropUnderTest) -> None:
        """The check finds it in order, in words, and leaves nothing behind."""
        found = list(under_test.drop.check())
        assert found
        assert all(type(one) is Check and one.ok and one.what for one in found)
        assert under_test.other.files() == {}
