"""What a municipality has for us: whole files taken once, and all else left, refused or said, in a folder as over HTTPS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from siphub.contract import Inbound, Receipt, Recipient, Retry, Submission, SystemClock, Unreadable
from siphub.mappings import shipped
from siphub.sandbox import Fault, Sandbox
from siphub.testing.sftp_server import SftpServer
from siphub_folder import Dropped, FolderDrop
from siphub_municipal_xml import MunicipalXml
from siphub_municipal_xml.answers import ROUND, Answers
from siphub_municipal_xml.translate import MAX_BYTES
from siphub_sftp.drop import SftpDrop

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
YES = (shipped() / "municipal-sip" / "1.0" / "golden" / "meeting.response.minimal.xml").read_bytes()
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TAKEN = b"accepted\n-\nNRB 2026-4711\n"
MakeRecipient = Callable[..., Recipient]


class Quiet:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Mapping[str, object]]] = []

    def warning(self, event: str, /, **facts: object) -> None:
        """Keep it."""
        self.said.append((event, facts))


class Other(Protocol):
    """The municipality's side of a place."""

    source: str
    folder: Path

    def put(self, name: str, body: bytes) -> None:
        """Put something there."""

    def left(self) -> list[str]:
        """Return the names of what the hub would look at again."""

    def refused(self) -> dict[str, str]:
        """Return what was refused, with the codes."""


@dataclass
class Folder:
    """A folder, of ours or of a server's; `folder` is where it lies on this machine."""

    source: str
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        """Begin: a source that is a path is where it lies."""
        if self.source.startswith("/"):
            self.folder = Path(self.source)

    def put(self, name: str, body: bytes) -> None:
        """Write aside and rename, as a municipality should."""
        part = self.folder / f".{name}.part"
        part.write_bytes(body)
        part.replace(self.folder / name)

    def left(self) -> list[str]:
        """Return the files without a note."""
        names = {file.name for file in self.folder.iterdir()}
        return sorted(name for name in names if not name.endswith(".refused") and f"{name}.refused" not in names)

    def refused(self) -> dict[str, str]:
        """Return what the notes say."""
        notes = self.folder.glob("*.refused")
        return {note.name.removesuffix(".refused"): note.read_text().strip() for note in notes}


@dataclass
class Web:
    """A tray of the sandbox's."""

    source: str
    sandbox: Sandbox
    folder: Path = field(default_factory=Path)

    def put(self, name: str, body: bytes) -> None:
        """Put it there."""
        self.sandbox.partners["soderby"].tray.put(name, body)

    def left(self) -> list[str]:
        """Return the list."""
        return self.sandbox.partners["soderby"].tray.names()

    def refused(self) -> dict[str, str]:
        """Return what the hub said."""
        return self.sandbox.partners["soderby"].tray.refused()


@dataclass
class Place:
    """A place, the adapter that looks there, and what makes another one as after a restart."""

    make: Callable[[], MunicipalXml]
    recipient: Recipient
    other: Other
    log: Quiet

    def __post_init__(self) -> None:
        """Begin."""
        self.adapter = self.make()

    def fetched(self) -> list[Inbound]:
        """Return what is fetched now."""
        found = self.adapter.fetch(self.other.source, self.recipient)
        assert not isinstance(found, Retry)
        return list(found)

    def taken(self, inbound: Inbound, refused: str | None = None) -> None:
        """Say what became of it."""
        self.adapter.taken(self.other.source, self.recipient, inbound.partner_id, refused)


@pytest.fixture
def make_place(
    make_context: Callable[..., Any], recipient: MakeRecipient, tmp_path: Path, running: Sandbox
) -> Iterator[Callable[[str], Place]]:
    """Give what makes a folder, a folder on a server, or a tray, empty, with an entry that has its answers there."""
    ends = ExitStack()

    def make(kind: str) -> Place:
        log = Quiet()
        (tmp_path / "norrby" / "svar").mkdir(parents=True)
        for one in running.partners.values():
            one.tray.clear()
        settings = {"root": str(tmp_path), "clients": f"soderby {running.url}", "timeout_seconds": "2"}
        made = lambda: MunicipalXml(make_context(settings=settings, secrets={"soderby": "nyckel-1"}, log=log))  # noqa: E731 - made anew as after a restart
        if kind == "sftp":
            server = ends.enter_context(SftpServer(tmp_path))
            settings = {"logins": server.login(), "timeout_seconds": "20"}
            made = lambda: ended(ends, MunicipalXml(make_context(settings=settings, secrets=server.secrets(), log=log)))  # noqa: E731 - made anew as after a restart
            there = recipient(f"{server.url}/norrby", login="norrby", receipt="file", answers="svar")
            return Place(made, there, Folder(f"{server.url}/norrby/svar", tmp_path / "norrby" / "svar"), log)
        if kind == "folder":
            there = recipient(f"{tmp_path}/norrby", receipt="file", answers="svar")
            return Place(made, there, Folder(f"{tmp_path}/norrby/svar"), log)
        there = recipient(running.endpoint("soderby"), secret="soderby", receipt="file", answers=running.answers_at("soderby"))
        return Place(made, there, Web(running.answers_at("soderby"), running), log)

    yield make
    ends.close()


def ended(ends: ExitStack, adapter: MunicipalXml) -> MunicipalXml:
    """Return an adapter that is closed in the end."""
    ends.callback(adapter.close)
    return adapter


@pytest.fixture(params=["folder", "sftp", "web"])
def place(request: pytest.FixtureRequest, make_place: Callable[[str], Place]) -> Place:
    """Give each kind of place."""
    return make_place(request.param)


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


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=500), "partner.http_500"),
        (Fault("status", status=401), "partner.unauthorised"),
        (Fault("status", status=404), "partner.not_found"),
        (Fault("html"), "partner.unexpected_body"),
        (Fault("reset"), "partner.connection_cut"),
    ],
)
def test_a_list_that_does_not_come_is_a_value(make_place: Callable[[str], Place], sandbox: Sandbox, fault: Fault, code: str) -> None:
    """Whatever the server says instead of a list, it is never that nothing lies there."""
    place = make_place("web")
    place.other.put("1.xml", YES)
    sandbox.fault("soderby", fault)
    assert place.adapter.fetch(place.other.source, place.recipient) == Retry(code)


@pytest.mark.parametrize("listed", [b"[]", b"{}", b'{"answers": [1]}', b'{"answers": ["../x"]}', b"{", b"[" * 100_000])
def test_a_list_that_is_none_is_said(make_place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch, listed: bytes) -> None:
    """A list with anything but names is no list."""
    place = make_place("web")
    assert isinstance(place.other, Web)
    monkeypatch.setattr(place.other.sandbox.partners["soderby"].tray, "listed", lambda: listed)
    assert place.adapter.fetch(place.other.source, place.recipient) == Retry("answers.no_list")


def test_what_lets_us_in_is_shown_for_answers_to_its_own_server_only(make_place: Callable[[str], Place]) -> None:
    """An entry whose answers lie at a server that its key is not for is refused, and nothing is asked there."""
    place = make_place("web")
    other = replace(place.recipient, options={**place.recipient.options, "answers": "https://127.0.0.1:9/answers"})
    refusal = place.adapter.refusal(other)
    assert refusal is not None
    assert refusal.code == "address.origin_refused"
    assert place.adapter.fetch("https://127.0.0.1:9/answers", other) == Retry("address.origin_refused")


@pytest.mark.parametrize(
    ("endpoint", "options", "said"),
    [
        ("https://x.example/sip", {"receipt": "maybe"}, "status, file or business"),
        ("https://x.example/sip", {"receipt": "file"}, "by the option answers"),
        ("https://x.example/sip", {"answers": "svar"}, "a whole https address"),
        ("https://x.example/sip", {"answers": "https://x.example/sip/"}, "somewhere else"),
        ("https://x.example/sip", {"answers": "/srv/svar"}, "same kind of place"),
        ("/srv/norrby", {"answers": "../soderby"}, "a name below the entry's own"),
        ("/srv/norrby", {"answers": "https://x.example/svar"}, "same kind of place"),
        ("/srv/norrby", {"answers": "/srv/norrby/"}, "somewhere else"),
    ],
)
def test_an_option_that_cannot_be_used_sends_nothing(
    adapter: MunicipalXml, recipient: MakeRecipient, endpoint: str, options: dict[str, str], said: str
) -> None:
    """A wrong option is refused with a code and a sentence, names no source, and nothing is sent that could not be acknowledged as meant."""
    there = recipient(endpoint, **options)
    refusal = adapter.refusal(there)
    assert refusal is not None
    assert (refusal.code, said in refusal.detail) == ("settings.option_wrong", True)
    assert any(said in check.what for check in adapter.check_address(there) if not check.ok)
    assert adapter.sources(there) == ()
    payload: Any = None
    assert adapter.deliver(payload, there, KEY) == Retry("settings.option_wrong")
    assert adapter.confirm(KEY, there) is None


@pytest.mark.parametrize(
    ("mapping", "options", "said"),
    [
        (None, {"receipt": "file"}, [(True, "when <key>.receipt says so")]),
        (
            None,
            {"receipt": "business", "answers": "svar"},
            [(True, "when a receipt message"), (True, "fetched from"), (True, "can be written")],
        ),
        ("lifecare-style@1.0", {"receipt": "business"}, [(True, "when a receipt message"), (False, "no form for a receipt")]),
        (None, {"answers": "elsewhere"}, [(True, "fetched from"), (False, "folder.missing")]),
    ],
)
def test_how_an_entry_is_acknowledged_is_said(
    make_place: Callable[[str], Place], mapping: str | None, options: dict[str, str], said: list[tuple[bool, str]]
) -> None:
    """Doctor says of an entry what counts as delivered, where answers are fetched, and what of that cannot be."""
    place = make_place("folder")
    there = replace(place.recipient, mapping=mapping, options=options)
    found = list(place.adapter.check_address(there))[2:]
    assert [check.ok for check in found] == [ok for ok, _ in said]
    assert all(words in check.what for check, (_, words) in zip(found, said, strict=True))


def test_now_is_the_latest_a_receipt_was_written(make_place: Callable[[str], Place]) -> None:
    """A clock that is ahead gives no receipt from the future."""
    place = make_place("folder")
    place.other.put(f"{KEY}.receipt", TAKEN)
    aged(Path(place.other.source) / f"{KEY}.receipt", -3600)
    [found] = place.fetched()
    assert isinstance(found.content, Receipt)
    now: datetime = SystemClock().now()
    assert found.content.at <= now


class Locked:
    """A shelf that can be read and not written."""

    def names(self) -> tuple[str, ...]:
        """Return more than one round takes."""
        return tuple(f"{number:03}.xml" for number in range(ROUND + 5))

    def read(self, name: str, limit: int) -> Dropped:
        """Return the same for each."""
        return Dropped(YES, NOW)

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say no."""
        return False

    def remove(self, name: str) -> Retry:
        """Fail."""
        return Retry("folder.unwritable")

    def refuse(self, name: str, code: str, same: Callable[[], bool]) -> Retry:
        """Fail."""
        return Retry("folder.unwritable")


def test_what_cannot_be_cleared_away_keeps_nothing_waiting(recipient: MakeRecipient) -> None:
    """Given a place that cannot be written, then what was stored is given again, what lies behind it too, and the log says why."""
    log = Quiet()
    answers = Answers(lambda *_: Locked(), SystemClock(), log)  # type: ignore[arg-type]  # of a log it uses warnings only
    rounds = []
    for _ in range(2):
        found = answers.fetch("/srv/svar", recipient("/srv/norrby", answers="/srv/svar"))
        assert not isinstance(found, Retry)
        rounds.append(list(found))
        for number, inbound in enumerate(rounds[-1]):
            answers.taken("/srv/svar", recipient("/srv/norrby"), inbound.partner_id, "x.y" if number % 2 else None)
    assert [len(one) for one in rounds] == [ROUND, ROUND + 5]
    assert {event for event, _ in log.said} == {"inbound.not_cleared"}
    assert {facts["code"] for _, facts in log.said} == {"folder.unwritable"}


class Slow(Locked):
    """A shelf over a slow line, on which some things were refused before; the others can be taken away."""

    def __init__(self) -> None:
        self.lying = [f"{number}.xml" for number in range(6)]
        self.looked: list[str] = []

    def names(self) -> tuple[str, ...]:
        """Return what lies there."""
        return tuple(self.lying)

    def passed_over(self, name: str, names: Collection[str]) -> bool:
        """Say so of the first half, and take some time over it."""
        time.sleep(0.03)
        self.looked.append(name)
        return name < "3"

    def remove(self, name: str) -> None:  # type: ignore[override]
        """Take it away."""
        self.lying.remove(name)


def test_a_slow_place_has_its_time_and_no_more(recipient: MakeRecipient) -> None:
    """Given a line so slow that one look is all there is time for, then each round ends after it and the next goes on behind: all is taken in the end."""
    shelf, there = Slow(), recipient("/srv/norrby", answers="/srv/svar")
    answers = Answers(lambda *_: shelf, SystemClock(), Quiet(), timedelta(milliseconds=10))  # type: ignore[arg-type]
    for number in range(6):
        found = answers.fetch("/srv/svar", there)
        assert not isinstance(found, Retry)
        for inbound in found:
            answers.taken("/srv/svar", there, inbound.partner_id, None)
        assert shelf.looked == [f"{one}.xml" for one in range(number + 1)]
    assert shelf.lying == ["0.xml", "1.xml", "2.xml"]
