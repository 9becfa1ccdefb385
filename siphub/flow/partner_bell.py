"""A partner's bell: somebody says that answers lie ready, and the hub asks for them at its next look instead of after its pause.

Whoever rings is known by a key, and nothing that comes with the ringing is read: what is believed is what the hub then fetches itself.
It must never ask a partner more often than the hub looks, however often anybody rings.
"""

from __future__ import annotations

from datetime import datetime

from siphub.contract import AsksAtOnce
from siphub.errors import NotThere
from siphub.flow.ground import Ground
from siphub.model import Caller

_NAME = "bell.{adapter}"
_RUNG, _HEARD = "rung", "heard"


def ring(ground: Ground, adapter: str, caller: Caller) -> None:
    """Note that an adapter's partners have something for us; ringing again before anybody has heard it changes nothing.

    Raises:
        NotThere: `adapter.no_bell`; there is no such adapter here, or none that fetches from one place of its own.
    """
    if not isinstance(ground.registry.adapters.get(adapter), AsksAtOnce):
        raise NotThere("no adapter of this name has a bell: it fetches nothing, or is not enabled", code="adapter.no_bell")
    name, now = _NAME.format(adapter=adapter), ground.now()
    with ground.store.read() as work:
        row = work.switches.row(name)
    if row is not None and row.value == _RUNG and abs(now - row.at) < ground.settings.sweep_every:
        return
    with ground.store.write() as work:
        work.switches.set(name, _RUNG, caller.organisation, now)


class Bells:
    """What one process has heard of the bells: each ringing once, and none from before it began."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._heard: dict[str, datetime | None] = {}

    def rang(self, adapter: str) -> bool:
        """Say whether it rang since this was last asked, and have what rings from now on count anew: it may be about what came meanwhile."""
        name = _NAME.format(adapter=adapter)
        with self._ground.store.look() as work:
            row = work.switches.row(name)
        at = row.at if row is not None else None
        new = adapter in self._heard and at != self._heard[adapter]
        self._heard[adapter] = self._answered(name) if new else at
        return new

    def _answered(self, name: str) -> datetime | None:
        with self._ground.store.write() as work:
            row = work.switches.row(name)
            if row is not None and row.value == _RUNG:
                work.switches.set(name, _HEARD, row.by, row.at)
        return row.at if row is not None else None
