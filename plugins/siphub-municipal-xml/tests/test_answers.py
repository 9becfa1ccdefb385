"""What a municipality has for us: whole files taken once, and all else left, refused or said, in a folder as over HTTPS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Receipt, Retry, Submission, SystemClock, Unreadable
from siphub.mappings import shipped
from siphub.testing import municipal_places as places
from siphub.testing.municipal_places import Folder
from siphub_folder import FolderDrop
from siphub_municipal_xml import MunicipalXml
from siphub_municipal_xml.answers import ROUND
from siphub_municipal_xml.translate import MAX_BYTES
from siphub_sftp.drop import SftpDrop

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
YES = (shipped() / "municipal-sip" / "1.0" / "golden" / "meeting.response.minimal.xml").read_bytes()
TAKEN = b"accepted\n-\nNRB 2026-4711\n"
Place = places.Place[MunicipalXml]


def aged(file: Path, seconds: float) -> None:
    """Let a file have been written so long ago."""
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_what_lies_there_is_given_until_it_is_cleared_away(place: Place) -> None:
    """A receipt and an answer, with what is neither beside them: each is given whole and in order, again and again, until it is taken."""
    for name, body in (("2.xml", YES), (f"{KEY}.receipt", TAKEN), ("1.txt", b"no"), ("3.xml.part", b"half")):
        place.other.put(name, body)
    first = place.fetched()
    at = first[-1 if isinstance(first[-1].content, Receipt) else 0].content
    assert isinstance(at, Receipt)
    receipt = Receipt(KEY, "received", at.at, None, "NRB 2026-4711")
    assert [found.content for found in sorted(first, key=lambda one: isinstance(one.content, Receipt))] == [
        Submission(YES, "application/xml"),
        receipt,
    ]
    assert {(found.owner, found.organisation) for found in first} == {(place.recipient.organisation, None)}
    assert [found.partner_id for found in place.fetched()] == [found.partner_id for found in first]
    for found in first:
        place.taken(found)
        place.taken(found)
    assert place.fetched() == []
    assert sorted(place.other.left()) == ["1.txt", "3.xml.part"]
    assert place.other.refused() == {}


def test_a_restart_between_storing_and_clearing_away_changes_nothing(place: Place) -> None:
    """Made anew, the adapter gives the same ids, and clears away by them; an id it was never given takes nothing."""
    place.other.put("1.xml", YES)
    [before] = place.fetched()
    place.adapter = place.make()
    place.taken(before)
    assert place.other.left() == ["1.xml"]
    [after] = place.fetched()
    assert after.partner_id == before.partner_id
    place.taken(after)
    assert place.other.left() == []


def test_what_was_replaced_meanwhile_is_not_taken_away(place: Place) -> None:
    """A file that has changed since it was read stays, and is given as what it is now, under another id."""
    place.other.put("1.xml", YES)
    [before] = place.fetched()
    place.other.put("1.xml", YES + b"\n")
    place.taken(before)
    assert place.other.left() == ["1.xml"]
    [after] = place.fetched()
    assert after.partner_id != before.partner_id


def test_what_is_refused_says_why_and_is_given_no_more(place: Place) -> None:
    """The municipality sees the code; the hub looks at it again only when it is put there anew, and takes the note away with it."""
    place.other.put("1.xml", YES)
    if isinstance(place.other, Folder):
        aged(place.other.folder / "1.xml", 2)  # a server may tell whole seconds only
    [found] = place.fetched()
    place.taken(found, "case.not_there")
    assert (place.other.refused(), place.fetched(), place.other.left()) == ({"1.xml": "case.not_there"}, [], [])
    place.other.put("1.xml", YES)  # over HTTPS the same again would be known, and told of with the same code
    if isinstance(place.other, Folder):
        aged(place.other.folder / "1.xml", -2)  # a server may tell whole seconds only
    [again] = place.fetched()
    place.taken(again)
    assert place.fetched() == []
    if isinstance(place.other, Folder):
        assert again.partner_id != found.partner_id  # its bytes are the same, and it is judged anew
        assert list(place.other.folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_what_is_put_there_while_another_is_refused_is_looked_at(
    make_place: Callable[[str], Place], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a mended file that takes the place of the refused one directly before the note is there, then it is not passed over for the note."""
    place = make_place(kind)
    place.other.put("1.xml", YES)
    [found] = place.fetched()
    drop = FolderDrop if kind == "folder" else SftpDrop
    put = drop.put

    def mended(self: Any, files: Mapping[str, bytes]) -> Any:
        place.other.put("1.xml", YES + b"\n")
        aged(place.other.folder / "1.xml", 5)
        return put(self, files)

    monkeypatch.setattr(drop, "put", mended)
    place.taken(found, "case.not_there")
    [again] = place.fetched()
    assert again.partner_id != found.partner_id
    assert place.other.refused() == {}


def test_a_server_that_tells_whole_seconds_hides_no_mended_file(make_place: Callable[[str], Place]) -> None:
    """Given a mended file of the very second in which the one before it was refused, then it is looked at."""
    place = make_place("sftp")
    place.other.put("1.xml", YES)
    [found] = place.fetched()
    place.taken(found, "case.not_there")
    place.other.put("1.xml", YES + b"\n")
    for name in ("1.xml", "1.xml.refused"):
        os.utime(place.other.folder / name, (1_700_000_000.0, 1_700_000_000.0))
    [again] = place.fetched()
    assert again.partner_id != found.partner_id


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_a_mended_file_that_keeps_an_old_time_is_looked_at(make_place: Callable[[str], Place], kind: str) -> None:
    """Given a refused file and a mended one in its place, saved before the refusal and copied with its time, then it is looked at; the same one is not."""
    place = make_place(kind)
    place.other.put("1.xml", YES)
    aged(place.other.folder / "1.xml", 60)
    [found] = place.fetched()
    place.taken(found, "case.not_there")
    assert place.fetched() == []
    place.other.put("1.xml", YES + b"\n")
    aged(place.other.folder / "1.xml", 30)
    [again] = place.fetched()
    assert again.partner_id != found.partner_id
    place.taken(again)
    assert list(place.other.folder.iterdir()) == []


def test_a_note_of_an_older_hub_counts_by_its_age(make_place: Callable[[str], Place]) -> None:
    """Given a note that says the code alone, as they once were, then a file that is older is passed over, and a newer one looked at."""
    place = make_place("folder")
    place.other.put("1.xml", YES)
    aged(place.other.folder / "1.xml", 60)
    (place.other.folder / "1.xml.refused").write_bytes(b"case.not_there\n")
    assert place.fetched() == []
    aged(place.other.folder / "1.xml", -60)
    assert len(place.fetched()) == 1


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_a_name_that_leaves_no_room_for_a_note_is_left_alone(make_place: Callable[[str], Place], kind: str) -> None:
    """Bytes are counted, not characters: the longest name that is taken can be refused and cleared away, and a longer one keeps nothing waiting."""
    place = make_place(kind)
    longest = "ö" * 98 + ".xml"
    place.other.put(longest, YES)
    (place.other.folder / ("ö" * 125 + ".xml")).write_bytes(YES)
    [found] = place.fetched()
    place.taken(found, "case.not_there")
    assert place.other.refused() == {longest: "case.not_there"}
    aged(place.other.folder / longest, -2)
    [again] = place.fetched()
    place.taken(again)
    assert [file.name for file in place.other.folder.iterdir()] == ["ö" * 125 + ".xml"]
    assert place.log.said == []


def test_a_note_that_cannot_be_put_keeps_nothing_waiting(make_place: Callable[[str], Place]) -> None:
    """Something else has the note's name, so that nobody knows whether it is there: it is said, and what lies behind is taken."""
    place = make_place("folder")
    for number in range(ROUND + 1):
        place.other.put(f"{number:03}.xml", YES)
        if number < ROUND:
            (place.other.folder / f"{number:03}.xml.refused").mkdir()
    for found in place.fetched():
        place.taken(found, "case.not_there")
    assert {event for event, _ in place.log.said} == {"inbound.not_cleared"}
    assert len(place.fetched()) == ROUND + 1


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        (f"{KEY}.receipt", b"x" * 5000, "receipt.too_large"),
        (f"{KEY}.receipt", b"perhaps\n-\n-\n", "receipt.unreadable"),
        (f"{KEY}.receipt", b"accepted\nall.well\n-\n", "receipt.unreadable"),
        (f"{KEY}.receipt", b"rejected\nNot A Code\n-\n", "receipt.unreadable"),
        (f"{KEY}.receipt", b"rejected\nwrong.unit\n\0\n", "receipt.unreadable"),
        (f"{KEY}.receipt", b"accepted\n-\n-\nand more\n", "receipt.unreadable"),
        (f"{KEY}.receipt", b"accepted\n-\n-\nand", "receipt.unreadable"),
        (f"{KEY}.receipt", b"\xff\xfe\n-\n-\n", "receipt.unreadable"),
        ("no.key.receipt", TAKEN, "receipt.unreadable"),
        (f"{KEY}.receipt", b"<kvittens/>\n\n\n", "receipt.unreadable"),
    ],
)
def test_a_receipt_that_says_nothing_is_said(make_place: Callable[[str], Place], name: str, body: bytes, code: str) -> None:
    """Whatever is whole and no receipt is unreadable, with a code, and says nothing of any delivery."""
    place = make_place("folder")
    place.other.put(name, body)
    [found] = place.fetched()
    assert found.content == Unreadable(code)


@pytest.mark.parametrize(
    ("body", "kind", "code", "reference"),
    [
        (b"accepted\n-\n-\n", "received", None, None),
        (b"\xef\xbb\xbfread\r\n-\r\n4711\r\n", "read", None, "4711"),
        (b"rejected\nperson.unknown\n-\n", "rejected", "person.unknown", None),
        (b"rejected\n-\n-\n", "rejected", None, None),
    ],
)
def test_a_receipt_says_what_became_of_it(
    make_place: Callable[[str], Place], body: bytes, kind: str, code: str | None, reference: str | None
) -> None:
    """Three lines, with either kind of line's end and with or without a byte order mark."""
    place = make_place("folder")
    place.other.put(f"{KEY}.receipt", body)
    [found] = place.fetched()
    assert isinstance(found.content, Receipt)
    assert (found.content.key, found.content.kind, found.content.code, found.content.reference) == (KEY, kind, code, reference)


@pytest.mark.parametrize(
    ("name", "half", "code"),
    [(f"{KEY}.receipt", b"rejected\n", Unreadable("receipt.half")), ("1.xml", YES[:-9], Submission(YES[:-9], "application/xml"))],
)
def test_half_a_file_is_none_while_it_is_young(make_place: Callable[[str], Place], name: str, half: bytes, code: object) -> None:
    """What is not whole is left for later, also by a clock that is a little ahead; after a minute it is what it is, and no other file waits for it."""
    place = make_place("folder")
    place.other.put(name, half)
    place.other.put("9.xml", YES)
    file = Path(place.other.source) / name
    for seconds in (0, 40, -40):
        aged(file, seconds)
        assert [found.content for found in place.fetched()] == [Submission(YES, "application/xml")]
    aged(file, 61)
    assert code in [found.content for found in place.fetched()]


def test_what_is_too_large_is_not_read(make_place: Callable[[str], Place]) -> None:
    """A file beyond the largest message is refused without its bytes, and stays with its note."""
    place = make_place("folder")
    place.other.put("1.xml", b"<" + b"x" * MAX_BYTES)
    [found] = place.fetched()
    assert found.content == Unreadable("body.too_large")
    place.taken(found, "body.too_large")
    assert (place.other.refused(), place.fetched()) == ({"1.xml": "body.too_large"}, [])


def test_a_round_is_bounded_and_what_was_refused_keeps_nothing_waiting(make_place: Callable[[str], Place]) -> None:
    """Given more than one round takes, all refused, then the next round gives what lies behind them."""
    place = make_place("folder")
    for number in range(ROUND + 5):
        place.other.put(f"{number:03}.xml", YES)
    first = place.fetched()
    assert len(first) == ROUND
    for found in first:
        place.taken(found, "case.not_there")
    assert len(place.fetched()) == 5


def test_beside_what_is_put_for_it_only_receipts_are_taken(make_place: Callable[[str], Place]) -> None:
    """The entry's own folder holds our messages: they are no answers, and its receipts are."""
    place = make_place("folder")
    here = place.recipient.endpoint
    assert place.adapter.sources(place.recipient) == (f"{here}/svar", here)
    Folder(here).put(f"{KEY}.xml", YES)
    Folder(here).put(f"{KEY}.receipt", TAKEN)
    place.other.source = here
    [found] = place.fetched()
    assert isinstance(found.content, Receipt)


def test_nothing_leads_out_of_the_root(make_place: Callable[[str], Place], tmp_path: Path) -> None:
    """Answers outside the root, or behind a link, are not looked at."""
    place = make_place("folder")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    Folder(str(outside)).put("1.xml", YES)
    (Path(place.other.source) / "1.xml").symlink_to(outside / "1.xml")
    assert place.fetched() == []
    there = replace(place.recipient, options={"answers": str(outside)})
    assert place.adapter.fetch(str(outside), there) == Retry("folder.outside")
    assert "folder.outside" in " ".join(check.what for check in place.adapter.check_address(there) if not check.ok)


def test_now_is_the_latest_a_receipt_was_written(make_place: Callable[[str], Place]) -> None:
    """A clock that is ahead gives no receipt from the future."""
    place = make_place("folder")
    place.other.put(f"{KEY}.receipt", TAKEN)
    aged(Path(place.other.source) / f"{KEY}.receipt", -3600)
    [found] = place.fetched()
    assert isinstance(found.content, Receipt)
    now: datetime = SystemClock().now()
    assert found.content.at <= now


def test_a_receipt_over_https_is_of_the_moment_it_is_fetched(make_place: Callable[[str], Place]) -> None:
    """Nobody says when it was written, so it counts as of now; the same one keeps its id."""
    place = make_place("web")
    place.other.put(f"{KEY}.receipt", TAKEN)
    before: datetime = SystemClock().now()
    [found], [again] = place.fetched(), place.fetched()
    assert isinstance(found.content, Receipt)
    assert before <= found.content.at <= SystemClock().now()
    assert found.partner_id == again.partner_id
