"""RecordKeeperContract: what every record keeper promises, shown by running it against a registry that says what it has.

A keeper's test subclasses `RecordKeeperContract` and gives the fixture `under_test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol, get_args
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Check, Confirmation, Delivered, Outcome, Recipient, RecordKeeper, RecordPackage

REFERENCE = "KS 2026/117"
CANARY = "Prov Provsdotter 19121212-1212"
"""What stands in the document and the metadata, and must stand in no name."""


class Registry(Protocol):
    """The organisation's own side, in its own words."""

    def packages(self) -> Sequence[tuple[bytes, bytes]]:
        """Return the whole packages that are there to be taken, each as (document, metadata)."""

    def names(self) -> Sequence[str]:
        """Return every name it can see: of files, folders, objects."""

    def confirm(self, package_id: str, reference: str) -> None:
        """Confirm a package under a reference of its own."""

    def garble(self) -> None:
        """Leave everything lying about that a confirmation is not: half-written, empty, foreign, unreadable."""


@dataclass(frozen=True, slots=True)
class KeeperUnderTest:
    """A record keeper, a registry's address, that registry, and an address where nobody answers."""

    keeper: RecordKeeper
    address: Recipient
    registry: Registry
    unreachable: Recipient


def new_package() -> RecordPackage:
    """Return a package of an invented organisation's."""
    metadata = f'{{"subject":"{CANARY}"}}'.encode()
    return RecordPackage(
        package_id=str(uuid4()),
        owner="2120000993",
        case_id=str(uuid4()),
        message_id=str(uuid4()),
        direction="received",
        unit="SE2120000985-HOME",
        at=datetime(2026, 1, 12, 9, 30, tzinfo=UTC),
        type="meeting.summoned",
        pdf=b"%PDF-1.7 " + CANARY.encode(),
        metadata=metadata,
    )


class RecordKeeperContract:
    """The tests."""

    @pytest.fixture
    def under_test(self) -> KeeperUnderTest:
        """Give the keeper; every keeper's test says how."""
        raise NotImplementedError

    def test_it_is_a_record_keeper(self, under_test: KeeperUnderTest) -> None:
        """It has every method of the contract, and the name that its address has."""
        assert isinstance(under_test.keeper, RecordKeeper)
        assert under_test.keeper.name == under_test.address.adapter

    def test_a_package_arrives_whole(self, under_test: KeeperUnderTest) -> None:
        """An offer to a registry in good health is Delivered or Accepted, and the registry has document and metadata, byte for byte."""
        package = new_package()
        assert isinstance(under_test.keeper.offer(package, under_test.address), (Delivered, Accepted))
        assert list(under_test.registry.packages()) == [(package.pdf, package.metadata)]

    def test_a_package_offered_twice_is_one(self, under_test: KeeperUnderTest) -> None:
        """The same package again leaves one package, also where it was made anew in between."""
        package = new_package()
        again = replace(package, metadata=package.metadata + b" ")
        for each in (package, package, again):
            assert isinstance(under_test.keeper.offer(each, under_test.address), (Delivered, Accepted))
        assert len(under_test.registry.packages()) == 1

    def test_no_name_says_anything(self, under_test: KeeperUnderTest) -> None:
        """Nothing that the registry sees is called after anything in the package but its id."""
        package = new_package()
        under_test.keeper.offer(package, under_test.address)
        names = " ".join(under_test.registry.names())
        assert package.package_id in names
        for secret in (*CANARY.split(), package.case_id, package.message_id, sha256(package.pdf).hexdigest()):
            assert secret not in names

    def test_failure_is_a_value(self, under_test: KeeperUnderTest) -> None:
        """Where nobody answers an offer is an outcome that says it is not there, and nothing is confirmed."""
        outcome = under_test.keeper.offer(new_package(), under_test.unreachable)
        assert isinstance(outcome, get_args(Outcome))
        assert not isinstance(outcome, (Delivered, Accepted))
        assert list(under_test.keeper.confirmations(under_test.unreachable)) == []

    def test_nothing_is_confirmed_by_itself(self, under_test: KeeperUnderTest) -> None:
        """A package that is there is not confirmed until the registry says so."""
        under_test.keeper.offer(new_package(), under_test.address)
        assert list(under_test.keeper.confirmations(under_test.address)) == []

    def test_a_confirmation_is_told_until_it_is_settled(self, under_test: KeeperUnderTest) -> None:
        """Given a confirmed package, it is told with its reference again and again; settled, twice, it is not, and nothing of it is left."""
        package, other = new_package(), new_package()
        for each in (package, other):
            under_test.keeper.offer(each, under_test.address)
        under_test.registry.confirm(package.package_id, REFERENCE)
        for _ in range(2):
            (told,) = under_test.keeper.confirmations(under_test.address)
            assert type(told) is Confirmation
            assert (told.package_id, told.reference, told.at.utcoffset() is not None) == (package.package_id, REFERENCE, True)
        for _ in range(2):
            under_test.keeper.settle(package.package_id, under_test.address)
        assert list(under_test.keeper.confirmations(under_test.address)) == []
        assert list(under_test.registry.packages()) == [(other.pdf, other.metadata)]
        assert package.package_id not in " ".join(under_test.registry.names())

    def test_what_is_no_confirmation_is_left_out(self, under_test: KeeperUnderTest) -> None:
        """Given half-written, empty, foreign and unreadable things, the one true confirmation among them is told, and nothing else."""
        package = new_package()
        under_test.keeper.offer(package, under_test.address)
        under_test.registry.garble()
        assert list(under_test.keeper.confirmations(under_test.address)) == []
        under_test.registry.confirm(package.package_id, REFERENCE)
        assert [told.package_id for told in under_test.keeper.confirmations(under_test.address)] == [package.package_id]

    def test_check_says_something(self, under_test: KeeperUnderTest) -> None:
        """The check gives findings in words."""
        findings = list(under_test.keeper.check())
        assert findings
        assert all(type(finding) is Check and finding.what for finding in findings)

    def test_close_may_be_called_twice(self, under_test: KeeperUnderTest) -> None:
        """Closing again does nothing."""
        under_test.keeper.close()
        under_test.keeper.close()
