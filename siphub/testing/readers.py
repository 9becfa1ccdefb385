"""ReaderContract: what every reader promises, above all when the bytes are hostile.

A reader's test subclasses `ReaderContract` and gives the fixture `under_test`: the reader, and documents it must understand.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from siphub.contract import API, Draft, Reader, Receipt, Refused, Submission
from siphub.model import Message
from siphub.testing.watching import watched

INVENTED = frozenset({"message_id", "case_id", "owner", "organisation", "unit", "party", "value", "meeting_id", "plan_id"})
"""Fields whose value must stand in the document itself: ids, units, and whom a consent covers."""

GARBAGE: Sequence[bytes] = (
    b"",
    b"\0",
    b"\xff\xfe\x00\x01",
    b"null",
    b"[" * 100_000,
    b"{}" * 1000,
    b"<" * 100_000,
    b"<a>" * 100_000,
    b"<?xml version='1.0' encoding='utf-7'?><a/>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    b"\x1f\x8b\x08\x00" + bytes(100),
    b"%PDF-1.7 ",
    "\ufeff<a/>".encode("utf-16"),
    bytes(range(256)) * 40,
)
"""What nobody should send, and somebody does."""


@dataclass(frozen=True, slots=True)
class ReaderUnderTest:
    """A reader and documents for it.

    Args:
        reader: The reader.
        complete: Documents that carry a whole message, with that message.
        partial: Documents that are in order but lack something; they become drafts.
        hostile: Documents of its own format that must be refused.
    """

    reader: Reader
    complete: Sequence[tuple[Submission, Message]]
    partial: Sequence[Submission] = ()
    hostile: Sequence[Submission] = ()


class ReaderContract:
    """The tests."""

    rounds = 300
    """How many altered documents are tried."""

    @pytest.fixture
    def under_test(self) -> ReaderUnderTest:
        """Give the reader; every reader's test says how."""
        raise NotImplementedError

    def test_it_is_a_reader_of_this_api(self, under_test: ReaderUnderTest) -> None:
        """It has every method of the contract and names the media types of its documents."""
        reader = under_test.reader
        assert isinstance(reader, Reader)
        assert reader.info.api == API
        assert {submission.media_type for submission, _ in under_test.complete} <= reader.info.media_types

    def test_complete_documents_become_messages(self, under_test: ReaderUnderTest) -> None:
        """A document with everything a message needs is recognised and becomes that message."""
        for submission, message in under_test.complete:
            assert under_test.reader.recognises(submission) is True
            assert under_test.reader.read(submission) == message

    def test_partial_documents_become_drafts(self, under_test: ReaderUnderTest) -> None:
        """A document that lacks something becomes a draft that says what is missing, and does not have it."""
        for submission in under_test.partial:
            assert under_test.reader.recognises(submission) is True
            draft = under_test.reader.read(submission)
            assert isinstance(draft, Draft)
            assert draft.missing
            assert not [pointer for pointer in draft.missing if _there(draft.content, pointer)]

    def test_nothing_is_invented(self, under_test: ReaderUnderTest) -> None:
        """Every id, unit and party of what comes out stands in what went in."""
        for submission in (*(one for one, _ in under_test.complete), *under_test.partial):
            text = _text(submission.body)
            assert not [found for found in _named(under_test.reader.read(submission)) if found.lower() not in text]

    def test_other_media_types_are_not_recognised(self, under_test: ReaderUnderTest) -> None:
        """What says it is something else is left to others."""
        for submission, _ in under_test.complete:
            assert under_test.reader.recognises(replace(submission, media_type="image/png")) is False

    def test_garbage_is_refused(self, under_test: ReaderUnderTest) -> None:
        """Whatever comes, `recognises` answers yes or no, `read` refuses with a problem that says where, and no file or socket is opened."""
        kind = next(iter(under_test.reader.info.media_types))
        for submission in (*(Submission(body, kind) for body in GARBAGE), *under_test.hostile):
            assert isinstance(under_test.reader.recognises(submission), bool)
            refused, _ = _refused(under_test.reader, submission)  # Python itself may import something the first time
            again, opened = _refused(under_test.reader, submission)
            assert opened == [], f"{submission} opened {opened}"
            assert again.code == refused.code
            assert all(problem.pointer is not None or problem.position is not None for problem in refused.problems)

    def test_altered_documents_are_read_or_refused(self, under_test: ReaderUnderTest) -> None:
        """A document cut short or altered anywhere is read or refused; nothing else ever comes out."""
        for submission in _altered([one for one, _ in under_test.complete], self.rounds):
            assert isinstance(under_test.reader.recognises(submission), bool)
            try:
                found = under_test.reader.read(submission)
            except Refused:
                continue
            assert isinstance(found, (Message, Draft, Receipt))


def _text(body: bytes) -> str:
    """Return what stands in a document, in lower case, with what it carries as base64."""
    carried = [base64.b64decode(run) for run in re.findall(rb"[A-Za-z0-9+/]{64,}={0,2}", body) if len(run) % 4 == 0]
    return b"\n".join([body, *carried]).decode("utf-8", "replace").lower()


def _refused(reader: Reader, submission: Submission) -> tuple[Refused, list[str]]:
    with watched() as opened:
        try:
            reader.read(submission)
        except Refused as refused:
            return refused, opened
    raise AssertionError(f"{submission} was not refused")


def _altered(submissions: Sequence[Submission], rounds: int) -> Iterator[Submission]:
    dice = random.Random(7)  # noqa: S311 - a repeatable test
    for _ in range(rounds):
        one = dice.choice(submissions)
        body = bytearray(one.body)
        place = dice.randrange(len(body))
        match dice.randrange(4):
            case 0:
                del body[place:]
            case 1:
                body[place] = dice.randrange(256)
            case 2:
                del body[place : place + dice.randrange(40)]
            case _:
                body[place:place] = body[place : place + dice.randrange(40)]
        yield replace(one, body=bytes(body))


def _named(found: Message | Draft | Receipt) -> list[str]:
    if isinstance(found, Receipt):
        return [found.key]
    return list(_identifying(found.to_document() if isinstance(found, Message) else found.content))


def _identifying(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, str) and field in INVENTED:
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _identifying(part, name)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _identifying(part, "unit" if field in {"recipients", "units", "participating_units"} else "")


def _there(document: Any, pointer: str) -> bool:
    node = document
    for step in pointer.removeprefix("/").split("/"):
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            return False
    return True
