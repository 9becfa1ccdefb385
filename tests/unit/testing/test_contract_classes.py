"""The contract classes bite: each broken promise of an adapter or a reader fails the test that is there for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from siphub.contract import (
    AdapterInfo,
    BadBody,
    Check,
    Cut,
    Delivered,
    Draft,
    Outcome,
    Payload,
    Problem,
    ReaderInfo,
    Recipient,
    Rejected,
    Retry,
    Submission,
    require_permit,
)
from siphub.model import Message, parse_message, sample
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.readers import ReaderContract, ReaderUnderTest

HERE = Recipient("SE2120009994-1002", "2120009994", "Norrby", "honest", "here")
KEY = "key-1"


@dataclass
class Honest:
    """An adapter that keeps every promise, to a partner in memory."""

    info: AdapterInfo = field(default_factory=lambda: AdapterInfo(name="honest", media_type="text/plain", idempotent=True))
    inbox: dict[str, list[bytes]] = field(default_factory=dict)
    seen: int = 0

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        return Payload(_words(cut.document).encode(), "text/plain", "honest@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        if recipient.endpoint != "here":
            return Retry("partner.refused")
        require_permit()
        self.seen += len(payload.body)
        self.inbox.setdefault(key, [payload.body])
        return Delivered()

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        if recipient.endpoint != "here":
            return None
        return Delivered() if key in self.inbox else Retry("partner.not_there")

    def check(self) -> Iterable[Check]:
        return [Check(ok=True, what="well")]

    def close(self) -> None:
        return None

    def bytes_seen(self) -> int:
        return self.seen

    def effects(self, key: str) -> int:
        return len(self.inbox.get(key, []))


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ";".join(f"{name}={_words(part)}" for name, part in sorted(value.items()))
    return ",".join(map(_words, value)) if isinstance(value, (list, tuple)) else str(value)


class Remembers(Honest):
    """Shows what it saw of the same message before."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        known = self.__dict__.setdefault("known", {}).setdefault(cut.message_id, cut)
        return super().translate(known, recipient)


class Counts(Honest):
    """Writes a different number into each payload."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        number = next(self.__dict__.setdefault("numbers", count()))
        return replace(super().translate(cut, recipient), headers={"n": str(number)})


class Alters(Honest):
    """Takes a field out of the cut it was given."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        payload = super().translate(cut, recipient)
        if isinstance(cut.document, dict):
            cut.document.pop("owner", None)
        return payload


class Opens(Honest):
    """Reads a file to translate."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        Path(__file__).read_bytes()
        return super().translate(cut, recipient)


class Mislabels(Honest):
    """Gives another media type than it says."""

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        return replace(super().translate(cut, recipient), media_type="text/html")


class Grows(Honest):
    """Gives more bytes than it says."""

    def __init__(self) -> None:
        super().__init__(info=AdapterInfo(name="honest", media_type="text/plain", idempotent=True, max_bytes=10))


class Raises(Honest):
    """Lets an exception out where nobody answers."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        if recipient.endpoint != "here":
            raise ConnectionRefusedError
        return super().deliver(payload, recipient, key)


class Boasts(Honest):
    """Says that everything arrived."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        return super().deliver(payload, replace(recipient, endpoint="here"), key)


class Refuses(Honest):
    """Delivers, and says it did not."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        super().deliver(payload, recipient, key)
        return Rejected("no")


class Doubles(Honest):
    """Does everything again for the same key."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        self.inbox.setdefault(key, [])
        outcome = super().deliver(payload, recipient, key)
        self.inbox[key].append(payload.body)
        return outcome


class Guesses(Honest):
    """Confirms what it never delivered."""

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        return Delivered()


class Forgets(Honest):
    """Says of what it delivered that it is surely not there."""

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        return Retry("partner.not_there")


class Hurries(Honest):
    """Sends the first byte before it asks for the permit."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        self.seen += 1
        return super().deliver(payload, recipient, key)


class Trespasses(Honest):
    """Never asks for the permit."""

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        self.seen += len(payload.body)
        self.inbox.setdefault(key, [payload.body])
        return Delivered() if recipient.endpoint == "here" else Retry("partner.refused")


class Mute(Honest):
    """Has nothing to say about itself."""

    def check(self) -> Iterable[Check]:
        return []


class Brittle(Honest):
    """Can be closed once."""

    def close(self) -> None:
        del self.inbox


class Old(Honest):
    """Was written for another version of the contract."""

    def __init__(self) -> None:
        super().__init__(info=AdapterInfo(name="honest", media_type="text/plain", idempotent=True, api=2))


ADAPTER_TESTS = [name for name in vars(AdapterContract) if name.startswith("test_") and name != "test_datasheet_says_what_info_says"]


def run(name: str, under_test: AdapterUnderTest) -> None:
    """Run one test of the contract, with the key where it wants one."""
    test = getattr(AdapterContract(), name)
    if "key" in test.__code__.co_varnames[: test.__code__.co_argcount]:
        test(under_test, KEY)
    else:
        test(under_test)


def given(adapter: Honest) -> AdapterUnderTest:
    """Return an adapter with its witness, which it is itself."""
    return AdapterUnderTest(adapter, HERE, adapter, replace(HERE, endpoint="nowhere"))


@pytest.mark.parametrize("name", ADAPTER_TESTS)
def test_an_honest_adapter_passes(name: str) -> None:
    """An adapter that keeps every promise passes every test."""
    run(name, given(Honest()))


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (Old, "test_it_is_an_adapter_of_this_api"),
        (Counts, "test_translate_is_deterministic"),
        (Alters, "test_translate_is_deterministic"),
        (Opens, "test_translate_is_pure"),
        (Mislabels, "test_payload_is_what_info_says"),
        (Grows, "test_payload_is_what_info_says"),
        (Remembers, "test_translate_shows_nothing_that_was_cut_away"),
        (Refuses, "test_delivery_is_a_value_and_arrives"),
        (Raises, "test_failure_is_a_value"),
        (Boasts, "test_failure_is_a_value"),
        (Doubles, "test_same_key_twice"),
        (Guesses, "test_confirm_knows_what_was_delivered"),
        (Forgets, "test_confirm_knows_what_was_delivered"),
        (Hurries, "test_an_expired_permit_sends_nothing"),
        (Trespasses, "test_an_expired_permit_sends_nothing"),
        (Mute, "test_check_says_something"),
        (Brittle, "test_close_may_be_called_twice"),
    ],
)
def test_a_broken_promise_fails_its_test(broken: type[Honest], name: str) -> None:
    """Each adapter that breaks one promise fails the test of that promise."""
    with pytest.raises((AssertionError, ConnectionRefusedError, AttributeError, pytest.fail.Exception)):
        run(name, given(broken()))


def test_a_wrong_datasheet_is_seen() -> None:
    """An adapter whose package says something else than `info` fails."""
    with pytest.raises(AssertionError):
        AdapterContract().test_datasheet_says_what_info_says(given(Honest()))


class Plain:
    """A reader of canonical JSON that keeps every promise."""

    info = ReaderInfo("plain", frozenset({"application/json"}))

    def recognises(self, submission: Submission) -> bool:
        return submission.media_type == "application/json"

    def read(self, submission: Submission) -> Message | Draft:
        return parse_message(submission.body)


class Eager(Plain):
    """Raises when asked whether it recognises something odd."""

    def recognises(self, submission: Submission) -> bool:
        return submission.body.decode() != "" and super().recognises(submission)


class Fragile(Plain):
    """Lets the parser's own exception out."""

    def read(self, submission: Submission) -> Message | Draft:
        submission.body.decode()
        return super().read(submission)


class Greedy(Plain):
    """Takes every media type."""

    def recognises(self, submission: Submission) -> bool:
        return True


class Curious(Plain):
    """Looks something up on disk before it refuses."""

    def read(self, submission: Submission) -> Message | Draft:
        Path(__file__).read_bytes()
        return super().read(submission)


class Vague(Plain):
    """Refuses without saying where."""

    def read(self, submission: Submission) -> Message | Draft:
        try:
            return super().read(submission)
        except Exception:  # noqa: BLE001 - whatever it was
            raise BadBody("no", problems=(Problem("no", "no"),)) from None


class Inventive(Plain):
    """Fills in a case of its own."""

    def read(self, submission: Submission) -> Message | Draft:
        message = super().read(submission)
        assert isinstance(message, Message)
        return message.model_copy(update={"case_id": message.message_id.__class__(int=7)})


WHOLE = sample("meeting.summoned", maximal=True)


def understood(reader: Plain) -> ReaderUnderTest:
    """Return a reader with one document for it."""
    return ReaderUnderTest(reader, [(Submission(WHOLE.to_json(), "application/json"), WHOLE)])


READER_TESTS = [name for name in vars(ReaderContract) if name.startswith("test_")]


@pytest.mark.parametrize("name", READER_TESTS)
def test_a_plain_reader_passes(name: str) -> None:
    """A reader that keeps every promise passes every test."""
    getattr(ReaderContract(), name)(understood(Plain()))


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (Eager, "test_garbage_is_refused"),
        (Fragile, "test_garbage_is_refused"),
        (Fragile, "test_altered_documents_are_read_or_refused"),
        (Greedy, "test_other_media_types_are_not_recognised"),
        (Curious, "test_garbage_is_refused"),
        (Vague, "test_garbage_is_refused"),
        (Inventive, "test_nothing_is_invented"),
        (Inventive, "test_complete_documents_become_messages"),
    ],
)
def test_a_broken_reader_fails_its_test(broken: type[Plain], name: str) -> None:
    """Each reader that breaks one promise fails the test of that promise."""
    with pytest.raises((AssertionError, UnicodeDecodeError)):
        getattr(ReaderContract(), name)(understood(broken()))
