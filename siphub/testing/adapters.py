"""AdapterContract: what every adapter promises, shown by running it against a partner that says what it saw.

An adapter's test subclasses `AdapterContract` and gives the fixture `under_test`. Nothing here may be skipped but what `AdapterInfo` itself
says the adapter does not promise.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol, cast, get_args
from uuid import uuid4

import pytest

from siphub.contract import (
    API,
    Accepted,
    Adapter,
    AdapterInfo,
    Check,
    Confirms,
    Cut,
    Delivered,
    Erases,
    MappingError,
    Outcome,
    Payload,
    Permit,
    PermitExpired,
    PollsAddresses,
    Recipient,
    Retry,
    permitted,
)
from siphub.model import CATALOGUE, sample, sample_directory
from siphub.model.identifiers import UnitId
from siphub.policy import disclosure
from siphub.testing.samples import RECIPIENT_OF_KIND, whole_cut
from siphub.testing.watching import watched

_RECALL = {"message": "by a further message", "native": "native", "none": "no"}
_SHORT = 4


class Witness(Protocol):
    """What the partner saw, in its own words."""

    def bytes_seen(self) -> int:
        """Return how many bytes of deliveries have reached the partner so far, whole or not."""

    def effects(self, key: str) -> int:
        """Return how many things the partner has got under a key."""


@dataclass(frozen=True, slots=True)
class AdapterUnderTest:
    """An adapter, a recipient it can reach, what that partner saw, and a recipient where nobody answers."""

    adapter: Adapter
    recipient: Recipient
    witness: Witness
    unreachable: Recipient
    settings: tuple[str, ...] = ()
    """The names of its settings, for the datasheet."""
    owing: Recipient | None = None
    """The same partner by an entry that owes receipts; where the adapter says that each address decides."""
    left: Callable[[str], int] | None = None
    """How many copies of a delivery lie where `erase` takes them away, where that is not at the partner; its witness says so unless given."""


def datasheet_of(info: AdapterInfo, settings: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the lines that an adapter's docstring must have."""
    return {
        "name": info.name,
        "kinds": ", ".join(sorted(info.kinds)) or "all",
        "media type": info.media_type,
        "receipts": info.receipts,
        "idempotent": "yes" if info.idempotent else "no",
        "ordered": "yes" if info.ordered else "no",
        "recall": _RECALL[info.recall],
        "max bytes": str(info.max_bytes),
        "mapping": info.mapping or "none",
        "settings": ", ".join(settings) or "none",
        **({"receiver": "named inside"} if info.names_receiver else {}),
    }


class AdapterContract:
    """The tests."""

    @pytest.fixture
    def under_test(self) -> AdapterUnderTest:
        """Give the adapter; every adapter's test says how."""
        raise NotImplementedError

    @pytest.fixture
    def key(self) -> str:
        """Give a fresh idempotency key."""
        return str(uuid4())

    def test_datasheet_says_what_info_says(self, under_test: AdapterUnderTest) -> None:
        """The table in the package's docstring and `info` are the same, line by line; what follows a colon is a remark."""
        package = sys.modules[type(under_test.adapter).__module__.partition(".")[0]]
        lines = [line[4:] for line in (package.__doc__ or "").splitlines() if line.startswith("    ")]
        sheet = {line.partition("  ")[0].strip(): line.partition("  ")[2].partition(":")[0].strip() for line in lines}
        assert sheet == datasheet_of(under_test.adapter.info, under_test.settings)

    def test_it_is_an_adapter_of_this_api(self, under_test: AdapterUnderTest) -> None:
        """It has every method of the contract, and was written for this major version."""
        assert isinstance(under_test.adapter, Adapter)
        assert under_test.adapter.info.api == API
        assert under_test.adapter.info.kinds <= set(CATALOGUE)

    def test_translate_is_deterministic(self, under_test: AdapterUnderTest) -> None:
        """The same cut and recipient give the same payload, built anew and in another order of calls; the cut itself is left as it was."""
        whole = [whole_cut(sample(name, maximal=maximal)) for name, maximal in product(_kinds(under_test.adapter), (False, True))]
        before = [copy.deepcopy(cut.document) for cut in whole]
        first = [under_test.adapter.translate(cut, under_test.recipient) for cut in whole]
        again = [under_test.adapter.translate(copy.deepcopy(cut), under_test.recipient) for cut in reversed(whole)]
        assert first == list(reversed(again))
        assert [cut.document for cut in whole] == before

    def test_translate_is_pure(self, under_test: AdapterUnderTest) -> None:
        """Once it has warmed up, translate opens no file, no connection and no process."""
        cut = whole_cut(sample(_kinds(under_test.adapter)[0], maximal=True))
        under_test.adapter.translate(cut, under_test.recipient)
        with watched() as opened:
            under_test.adapter.translate(cut, under_test.recipient)
        assert opened == []

    def test_payload_is_what_info_says(self, under_test: AdapterUnderTest) -> None:
        """A payload has the media type and the size that `info` promises, and names what made it."""
        info = under_test.adapter.info
        for name in _kinds(under_test.adapter):
            payload = under_test.adapter.translate(whole_cut(sample(name, maximal=True)), under_test.recipient)
            assert payload.media_type == info.media_type
            assert 0 < len(payload.body) <= info.max_bytes
            assert "@" in payload.plugin
            assert (payload.mapping is not None) == (info.mapping is not None)

    def test_translate_shows_nothing_that_was_cut_away(self, under_test: AdapterUnderTest) -> None:
        """Given the whole message first and then each cut of it, no payload of a cut holds a word that only the whole had."""
        for whole, cut in _cuts(under_test.adapter):
            under_test.adapter.translate(whole, under_test.recipient)
            shown = _shown_of(under_test, cut)
            left = "\n".join([*_texts(cut.document), cut.basis])  # the basis is a part of the cut
            secret = [text for text in _texts(whole.document) if len(text) > _SHORT and text not in left]
            assert not [text for text in secret if text in shown]

    def test_what_goes_to_a_shared_address_says_for_which_unit_it_is(self, under_test: AdapterUnderTest) -> None:
        """Where several units may have one address, whatever a cut shows, its payload names the unit it is for, and not one of the others."""
        if not under_test.adapter.info.names_receiver:
            return
        units = {unit for unit in RECIPIENT_OF_KIND.values() if isinstance(unit, UnitId)}
        for _, cut in _cuts(under_test.adapter):
            unit = next(iter(cast("list[str]", cut.document["recipients"])))
            if "owner" in cut.document:
                there = replace(under_test, recipient=replace(under_test.recipient, unit=unit))
                shown = _shown_of(there, cut)
                named = "\n".join(_texts({name: value for name, value in cut.document.items() if name != "recipients"}))
                assert unit in shown, cut.message_type
                assert not [other for other in units - {unit} if other in shown and other not in named], cut.message_type

    def test_delivery_is_a_value_and_arrives(self, under_test: AdapterUnderTest, key: str) -> None:
        """One attempt at a partner in good health is Delivered, or Accepted where receipts come later, and the partner has one thing."""
        outcome = under_test.adapter.deliver(_payload(under_test), under_test.recipient, key)
        assert isinstance(outcome, Accepted if under_test.adapter.info.receipts == "later" else Delivered)
        assert under_test.witness.effects(key) == 1

    def test_an_entry_that_owes_a_receipt_is_not_delivered_without_it(self, under_test: AdapterUnderTest, key: str) -> None:
        """Where each address decides, an attempt at one that owes a receipt is Accepted, the first time, repeated, and when it is asked about."""
        if under_test.adapter.info.receipts != "by address":
            return
        adapter, owing, payload = under_test.adapter, under_test.owing, _payload(under_test)
        assert owing is not None
        outcomes = [adapter.deliver(payload, owing, key) for _ in range(2 if adapter.info.idempotent else 1)]
        outcomes += [found for found in [adapter.confirm(key, owing) if isinstance(adapter, Confirms) else None] if found is not None]
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert under_test.witness.effects(key) == 1

    def test_sources_are_asked_as_values(self, under_test: AdapterUnderTest) -> None:
        """Where answers lie as an entry says, nonsense there names no source, and nobody there is a Retry, never that nothing lies there."""
        adapter: object = under_test.adapter
        if not isinstance(adapter, PollsAddresses):
            return
        for there in (under_test.recipient, under_test.owing or under_test.recipient):
            for source in adapter.sources(there):
                assert not isinstance(adapter.fetch(source, there), Retry)
            nonsense = replace(there, endpoint="\0", options=dict.fromkeys(there.options, "\0 nonsense"))
            assert isinstance(adapter.sources(nonsense), tuple)
        assert isinstance(adapter.fetch(under_test.unreachable.endpoint, under_test.unreachable), Retry)

    def test_failure_is_a_value(self, under_test: AdapterUnderTest, key: str) -> None:
        """Where nobody answers the attempt is an outcome, not an exception, and it is not said to have arrived."""
        outcome = under_test.adapter.deliver(_payload(under_test), under_test.unreachable, key)
        assert isinstance(outcome, get_args(Outcome))
        assert not isinstance(outcome, (Delivered, Accepted))

    def test_same_key_twice(self, under_test: AdapterUnderTest, key: str) -> None:
        """Where the adapter says it is idempotent, a repeat under the same key gets the same answer and leaves one thing at the partner."""
        payload = _payload(under_test)
        outcomes = [under_test.adapter.deliver(payload, under_test.recipient, key) for _ in range(2)]
        if under_test.adapter.info.idempotent:
            assert outcomes[0] == outcomes[1]
            assert under_test.witness.effects(key) == 1

    def test_confirm_knows_what_was_delivered(self, under_test: AdapterUnderTest, key: str) -> None:
        """Asked about a key, it never says Delivered before the delivery, and nothing but that, or that it cannot say, after it."""
        if not isinstance(under_test.adapter, Confirms):
            return
        assert not isinstance(under_test.adapter.confirm(key, under_test.recipient), (Delivered, Accepted))
        under_test.adapter.deliver(_payload(under_test), under_test.recipient, key)
        assert isinstance(under_test.adapter.confirm(key, under_test.recipient), (Delivered, Accepted, type(None)))
        assert not isinstance(under_test.adapter.confirm(str(uuid4()), under_test.recipient), (Delivered, Accepted))
        assert not isinstance(under_test.adapter.confirm(key, under_test.unreachable), (Delivered, Accepted))

    def test_erase_leaves_nothing(self, under_test: AdapterUnderTest, key: str) -> None:
        """Told to erase, an adapter that can leaves nothing of that delivery and all of another, however often; where it cannot look it says so."""
        if not isinstance(under_test.adapter, Erases):
            return
        other, left = str(uuid4()), under_test.left or under_test.witness.effects
        for each in (key, other):
            under_test.adapter.deliver(_payload(under_test), under_test.recipient, each)
        assert not under_test.adapter.erase(key, under_test.unreachable)
        assert (left(key), left(other)) == (1, 1)
        assert [under_test.adapter.erase(key, under_test.recipient) for _ in range(2)] == [True, True]
        assert (left(key), left(other)) == (0, 1)
        assert under_test.adapter.erase(str(uuid4()), under_test.recipient)

    def test_an_expired_permit_sends_nothing(self, under_test: AdapterUnderTest, key: str) -> None:
        """Given a permit that ran out, on a connection that stands as on a new one, the partner sees not one byte."""
        payload = _payload(under_test)
        for warm in (False, True):
            if warm:
                under_test.adapter.deliver(payload, under_test.recipient, str(uuid4()))
            before = under_test.witness.bytes_seen()
            with permitted(Permit(until=time.monotonic() - 1)), pytest.raises(PermitExpired):
                under_test.adapter.deliver(payload, under_test.recipient, key)
            time.sleep(0.05)
            assert under_test.witness.bytes_seen() == before
            assert under_test.witness.effects(key) == 0

    def test_check_says_something(self, under_test: AdapterUnderTest) -> None:
        """The check gives findings in words."""
        findings = list(under_test.adapter.check())
        assert findings
        assert all(type(finding) is Check for finding in findings)
        assert all(finding.what for finding in findings)

    def test_close_may_be_called_twice(self, under_test: AdapterUnderTest) -> None:
        """Closing again does nothing."""
        under_test.adapter.close()
        under_test.adapter.close()


def _kinds(adapter: Adapter) -> list[str]:
    return sorted(adapter.info.kinds or CATALOGUE)


def _payload(under_test: AdapterUnderTest) -> Payload:
    return under_test.adapter.translate(whole_cut(sample(_kinds(under_test.adapter)[0])), under_test.recipient)


def _cuts(adapter: Adapter) -> Iterator[tuple[Cut, Cut]]:
    """Yield every cut the policy makes of the maximal samples, beside the whole; each text of the whole is one of a kind."""
    directory = sample_directory()
    for rule in disclosure.rules():
        for name, basis, kind in product(sorted(set(rule.types) & set(_kinds(adapter))), rule.bases, rule.recipients):
            message = sample(name, maximal=True)
            recipient = RECIPIENT_OF_KIND[kind]
            covered = disclosure.Covered(basis, frozenset())
            cut = disclosure.cut(message, rule, recipient=recipient, covered=covered, directory=directory)
            yield whole_cut(message, basis), replace(cut, document=copy.deepcopy(cut.document))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [text for part in inner for text in _texts(part)]


def _shown_of(under_test: AdapterUnderTest, cut: Cut) -> str:
    """Return what a cut's payload shows: nothing where the cut names no owner, as some of people's do not, and the adapter reaches no people."""
    try:
        return _shown(under_test.adapter.translate(cut, under_test.recipient))
    except MappingError:
        assert "owner" not in cut.document
        return ""


def _shown(payload: Payload) -> str:
    return "\n".join([payload.body.decode("utf-8", "replace"), *payload.headers, *payload.headers.values(), payload.plugin])
