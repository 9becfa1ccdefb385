"""A hub whose threads stand still, moved by hand: what is due is sent once, and every source is asked once."""

from __future__ import annotations

from collections.abc import Iterable

from siphub.contract import Retry
from siphub.flow import attempt as attempts
from siphub.flow import deliver, poll
from siphub.flow.ground import Ground


def send(ground: Ground, deliveries: Iterable[str]) -> None:
    """Claim these deliveries, by their ids, make one attempt at each, and record what came of it."""
    for row, permit in deliver.claim(ground, list(deliveries), ground.directory()):
        deliver.record(ground, [attempts.attempt(ground, row, permit, ground.directory())])


def ask(ground: Ground) -> dict[str, int | Retry]:
    """Ask every source of the directory; return how much was taken at each, or why it could not be asked."""
    return {source.name: poll.poll_source(ground, source) for source in poll.sources(ground.directory(), ground.registry.adapters)}
