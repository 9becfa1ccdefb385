"""How partners stand, as the store keeps it, and the question the claim asks about them. No personal data: adapters, endpoints, codes, times."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from siphub.store.rows import NO_OWNER, DeliveryRow, Permitted

Place = tuple[str, str]
"""An adapter and an endpoint: what a partner is to the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """How one partner stands. There is a row only for one that something is to be said of.

    `state` is `closed`, `open` or `half_open`, since `since`. `failures` in a row, the first at `failing_since`; `code` is the last one's.
    `pauses` counts the pauses in a row. `next_at`: when it may be tried (`open`), until when the one try has time (`half_open`).
    `window` is how many deliveries may be out to it at once, None where nothing narrows that. `waiting`: deliveries wait without a bell.
    `tokens` is how many it may be sent at `tokens_at`, where it has a rate limit.
    """

    owner: str = NO_OWNER
    adapter: str
    endpoint: str
    state: str = "closed"
    failures: int = 0
    pauses: int = 0
    window: int | None = None
    waiting: bool = False
    tokens: float | None = None
    code: str | None = None
    since: datetime | None = None
    failing_since: datetime | None = None
    answered_at: datetime | None = None
    next_at: datetime | None = None
    tokens_at: datetime | None = None

    @property
    def place(self) -> Place:
        """Its adapter and endpoint."""
        return (self.adapter, self.endpoint)


@dataclass(frozen=True, slots=True)
class Load:
    """What is out to a partner: deliveries being sent, and those rung and not claimed yet, counted no further than was asked for."""

    sending: int
    unclaimed: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who may go now, by id; who must wait at its partner without a bell; and the rows that changed. Whoever is in neither keeps its bell."""

    go: Collection[str]
    wait: Collection[str] = ()
    changed: Sequence[PartnerRow] = ()


class Admit(Protocol):
    """The claim's question about partners, answered without I/O. What it names `strict` is judged over rows locked until the commit."""

    def strict(self, places: Collection[Place]) -> Collection[Place]:
        """Return those of the places whose row must be looked at."""

    def admit(
        self, permitted: Sequence[tuple[DeliveryRow, Permitted]], rows: Mapping[Place, PartnerRow], sending: Mapping[Place, int]
    ) -> Admitted:
        """Say who may go. `rows` and `sending` are those of the strict places, as they stand under the lock."""
