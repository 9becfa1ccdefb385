"""Which adapters over SDK a hub has beside each other, so that what comes to one message service or access point is taken by exactly one.

What an agency sends is taken by its own adapter. All else is the adapter `sdk`'s, and where that is not enabled, the first one's by name.
Adapters of one hub share its HTTP client, and know each other by that. One that is not enabled, or that fetches elsewhere or for another owner,
takes nothing.
"""

from __future__ import annotations

from typing import Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

from siphub.contract import AdapterInfo, Http

Place = tuple[str, str]
"""Where something is fetched: a message service's address and the owner whose it is there, or a folder, which is one for all."""
_REST: Final = "sdk"
"""The adapter that takes what no agency's own adapter takes."""


class Taker(Protocol):
    """An adapter over SDK."""

    @property
    def info(self) -> AdapterInfo:
        """Its datasheet."""

    @property
    def fetches_at(self) -> frozenset[Place]:
        """Where it fetches."""

    def owns(self, participant: str) -> bool:
        """Say whether it is an organisation's own adapter."""


_OF: Final[WeakKeyDictionary[Http, WeakSet[Taker]]] = WeakKeyDictionary()


def joined(http: Http, taker: Taker) -> None:
    """Let the other adapters of a hub know of one."""
    _OF.setdefault(http, WeakSet()).add(taker)


def owned(http: Http, at: Place, participant: str) -> bool:
    """Say whether an organisation has an adapter of its own that fetches there."""
    return any(one.owns(participant) for one in _at(http, at))


def takes(http: Http, taker: Taker, at: Place, participant: str) -> bool:
    """Say whether what an organisation sends to a place is one adapter's to take; an empty participant is one that nobody knows."""
    if owned(http, at, participant):
        return taker.owns(participant)
    names = {one.info.name for one in _at(http, at)}
    return taker.info.name == (_REST if _REST in names else min(names))


def _at(http: Http, at: Place) -> list[Taker]:
    return [one for one in _OF.get(http, ()) if at in one.fetches_at]
