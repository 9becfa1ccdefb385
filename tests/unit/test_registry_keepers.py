"""Record keepers are found, checked, held and asked like everything else a plugin gives: alone, within a time limit, and named in every failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from siphub.contract import Check, Confirmation, Delivered, Recipient, RecordKeeper, RecordPackage, sane_reference
from siphub.errors import PluginError
from siphub.testing.record_keepers import new_package
from siphub.testing.small_plugins import CANARY, context_for, fail, giving, load, plugin

AT = datetime(2026, 1, 12, tzinfo=UTC)
TO = Recipient("", "2120000993", "A", "shelf", "folder")


class Shelf:
    """A record keeper that does what functions say."""

    def __init__(
        self, name: Any = "shelf", offer: Callable[..., Any] = lambda *_: Delivered(), says: Callable[..., Any] = lambda *_: ()
    ) -> None:
        self.name = name
        self._offer, self._says = offer, says
        self.settled: list[str] = []
        self.closed = 0

    def offer(self, package: RecordPackage, address: Recipient) -> Any:
        """Do what the function says."""
        return self._offer(package, address)

    def confirmations(self, address: Recipient) -> Any:
        """Say what the function says."""
        return self._says(address)

    def settle(self, package_id: str, address: Recipient) -> None:
        """Remember."""
        self.settled.append(package_id)

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Count."""
        self.closed += 1


def keeping(*keepers: object) -> Any:
    """Return a plugin with these record keepers."""
    return plugin(siphub_record_keepers=giving(*keepers))


def test_a_keeper_is_held_by_its_name_and_closed() -> None:
    """Given a plugin with a record keeper, then it is there by its name, offers and settles, and is closed with the registry."""
    shelf = Shelf(says=lambda *_: iter([Confirmation("p", "KS 1", AT)]))
    registry = load(one=keeping(shelf))
    held: RecordKeeper = registry.keepers["shelf"]
    assert held is shelf
    assert registry.offer(new_package(), TO) == Delivered()
    assert registry.confirmations(TO) == (Confirmation("p", "KS 1", AT),)
    registry.settle_record("p", TO)
    registry.close()
    assert (shelf.settled, shelf.closed, dict(registry.keepers)) == (["p"], 1, {})


def test_two_keepers_of_one_name_stop_the_start() -> None:
    """Given two plugins with a keeper of one name, then the start stops, and both are named."""
    with pytest.raises(PluginError, match="record keeper shelf is also given by plugin one") as caught:
        load(one=keeping(Shelf()), two=keeping(Shelf()))
    assert (caught.value.plugin, caught.value.code) == ("two", "plugin.duplicate")


@pytest.mark.parametrize("bad", [object(), Shelf("Shelf"), Shelf(""), Shelf(7), Shelf("a/b")])
def test_what_is_no_keeper_stops_the_start(bad: object) -> None:
    """Given something without the methods, or with a name that is none, then the start stops and names the plugin."""
    with pytest.raises(PluginError, match="plugin one") as caught:
        load(one=keeping(bad))
    assert caught.value.code == "plugin.bad_keeper"


@pytest.mark.parametrize(
    ("shelf", "code"),
    [
        (Shelf(offer=fail, says=fail), "plugin.failed"),
        (Shelf(offer=lambda *_: "yes", says=lambda *_: ["KS 1"]), "plugin.bad_answer"),
        (Shelf(offer=lambda *_: None, says=lambda *_: 7), None),
    ],
)
def test_a_keeper_that_breaks_is_an_error_with_its_name(shelf: Shelf, code: str | None) -> None:
    """Given a keeper that raises, or answers with something else, then it is the plugin's error, and repeats nothing of the content."""
    registry = load(one=keeping(shelf))
    for ask in (lambda: registry.offer(new_package(), TO), lambda: registry.confirmations(TO)):
        with pytest.raises(PluginError) as caught:
            ask()
        assert caught.value.plugin == "one"
        assert CANARY not in str(caught.value)
        assert code in {None, caught.value.code}


def test_an_address_of_an_unknown_keeper_is_told_which_there_are() -> None:
    """Given an address that names no enabled keeper, then the error says so, and which there are."""
    registry = load(one=keeping(Shelf()))
    other = Recipient("", "2120000993", "A", "fax", "1")
    with pytest.raises(PluginError, match=r"enabled record keepers: shelf") as caught:
        registry.offer(new_package(), other)
    assert caught.value.code == "plugin.no_keeper"


def test_a_keeper_cannot_change_the_address_for_others() -> None:
    """Given a keeper that scribbles in its address, then the hub's own is as it was."""

    def scribble(_: RecordPackage, address: Recipient) -> Delivered:
        address.options["a"] = "b"  # type: ignore[index]  # what a careless plugin does
        return Delivered()

    load(one=keeping(Shelf(offer=scribble))).offer(new_package(), TO)
    assert TO.options == {}


def test_a_context_is_given() -> None:
    """Given a plugin that looks at its context, then it is its own."""
    seen: list[str] = []

    def give(context: Any) -> list[object]:
        seen.append(context.plugin)
        return []

    load(one=plugin(siphub_record_keepers=give))
    assert seen == [context_for("one").plugin]


@pytest.mark.parametrize("text", ["KS 2026/117", " Dnr-1:2_3 ", "Å 1", "a" * 200, "(12)"])
def test_a_sane_reference_is_taken_without_its_edges(text: str) -> None:
    """Given what registries write, it is taken."""
    assert sane_reference(text) == text.strip()


@pytest.mark.parametrize("text", ["", "  ", "a" * 201, "a\nb", "a\x00", "\x1b[31m", "a\u202eb", "<b>", "'; --"])
def test_an_odd_reference_is_none(text: str) -> None:
    """Given nothing, too much, control characters or markup, it is none."""
    assert sane_reference(text) is None


def test_a_package_shows_nothing() -> None:
    """Given a package's repr, it has its id and its kind, and neither content nor numbers."""
    package = new_package()
    assert repr(package) == f"RecordPackage({package.package_id}, meeting.summoned, received, …)"
    assert timedelta(0) == package.at.utcoffset()
