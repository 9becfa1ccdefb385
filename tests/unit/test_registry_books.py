"""Address books are found, checked, held and asked like everything else a plugin gives: alone, within a time limit, and named in every failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import BookError, Edition, ListedAddress
from siphub.errors import PluginError
from siphub.registry import Registry
from siphub.testing.small_plugins import CANARY, context_for, fail, giving, load, plugin

EDITION = Edition((ListedAddress("0203:a.example", "sdk:a"),))


class Shelf:
    """An address book that does what a function says."""

    source = "https://bok.example/api"

    def __init__(self, name: Any = "shelf", fetch: Callable[..., Any] = lambda *_: EDITION) -> None:
        self.name = name
        self._fetch = fetch
        self.closed = 0

    def fetch(self, kept: Any, told: Any) -> Any:
        """Do what the function says."""
        return self._fetch(kept, told)

    def keys(self, entries: Any) -> Any:
        """Know none."""
        return [("", "") for _ in entries]

    def entry(self, listed: ListedAddress) -> Any:
        """Name it."""
        return listed.address, {}

    def close(self) -> None:
        """Count."""
        self.closed += 1


def shelving(*books: object) -> Any:
    """Return a plugin with these address books."""
    return plugin(siphub_address_books=giving(*books))


def test_a_book_is_held_by_its_name_and_closed() -> None:
    """Given a plugin with an address book, then it is there by its name, is fetched with what was kept, and is closed with the registry."""
    asked: list[object] = []
    told: list[str] = []

    def fetch(kept: object, tell: Callable[[str], None]) -> Edition:
        asked.append(kept)
        tell("one page")
        return EDITION

    shelf = Shelf(fetch=fetch)
    registry = load(one=shelving(shelf))
    assert dict(registry.address_books) == {"shelf": shelf}
    assert registry.fetch_book("shelf", {"a": 1}, told.append) is EDITION
    assert (asked, told) == ([{"a": 1}], ["one page"])
    registry.close()
    assert (shelf.closed, dict(registry.address_books)) == (1, {})


def test_two_books_of_one_name_stop_the_start() -> None:
    """Given two plugins with a book of one name from two addresses, or by two plugins' own code, then the start stops, and both are named."""

    class Elsewhere(Shelf):
        source = "https://annan.example/api"

    class Another(Shelf):
        pass

    for other in (Elsewhere(), Another()):
        with pytest.raises(PluginError, match=r"address book shelf is also given by plugin one .*; let the settings of one") as caught:
            load(one=shelving(Shelf()), two=shelving(other))
        assert (caught.value.plugin, caught.value.code) == ("two", "plugin.duplicate")
    moved = Shelf()
    moved.source = "https://annan.example/api"
    with pytest.raises(PluginError, match="address book shelf"):
        load(one=shelving(Shelf()), two=shelving(moved))


def test_one_book_that_two_plugins_name_is_held_once() -> None:
    """Given two plugins that give the same book from the same address, then the first one's is held, and the other is let go of."""
    first, second = Shelf(), Shelf()
    registry = load(one=shelving(first), two=shelving(second))
    assert list(registry.address_books) == ["shelf"]
    assert (first.closed, second.closed) == (0, 1)
    registry.close()
    assert (first.closed, second.closed) == (1, 1)


@pytest.mark.parametrize("bad", [object(), Shelf("Shelf"), Shelf(""), Shelf(7), Shelf("a/b")])
def test_what_is_no_book_stops_the_start(bad: object) -> None:
    """Given something without the methods, or with a name that is none, then the start stops and names the plugin."""
    with pytest.raises(PluginError, match="plugin one") as caught:
        load(one=shelving(bad))
    assert caught.value.code == "plugin.bad_book"


def test_a_books_own_refusal_comes_through_and_a_bug_names_the_plugin() -> None:
    """Given a book that refuses, then its code comes through; given one that breaks or answers with something else, then the plugin is named."""

    def refuse(*_: object) -> Any:
        raise BookError("not now", code="book.unavailable")

    registry = load(one=shelving(Shelf("a", refuse), Shelf("b", fail), Shelf("c", lambda *_: ())))
    with pytest.raises(BookError, match="not now") as caught:
        registry.fetch_book("a", {}, print)
    assert caught.value.code == "book.unavailable"
    for name, code in (("b", "plugin.failed"), ("c", "plugin.bad_answer")):
        with pytest.raises(PluginError, match="plugin one") as broken:
            registry.fetch_book(name, {}, print)
        assert broken.value.code == code
        assert CANARY not in str(broken.value)


def test_a_plugin_whose_hook_fails_stops_the_start() -> None:
    """Given a hook that raises, then the start stops and names the plugin."""
    with pytest.raises(PluginError, match="siphub_address_books"):
        Registry.load([], context_for, extra={"one": plugin(siphub_address_books=fail)})
