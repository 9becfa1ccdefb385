"""The small sealed store a plugin gets: cursors and tokens, per plugin and owner, opened only by the plugin that put them there."""

from __future__ import annotations

from siphub.contract import Clock
from siphub.errors import PluginError
from siphub.store import Store

MOST = 64 * 1024


class PluginState:
    """One plugin's state."""

    def __init__(self, store: Store, plugin: str, clock: Clock) -> None:
        self._store, self._plugin, self._clock = store, plugin, clock

    def get(self, owner: str, key: str) -> bytes | None:
        """Return what is kept under a key, or None."""
        with self._store.read() as work:
            sealed = work.plugin_state.get(owner, self._plugin, key)
        return None if sealed is None else self._store.seal_of_owner(owner).open("plugin_state", f"{self._plugin}/{key}", sealed)

    def put(self, owner: str, key: str, value: bytes) -> None:
        """Keep a value of at most 64 KiB.

        Raises:
            PluginError: `plugin.state_too_large`.
        """
        if len(value) > MOST:
            raise PluginError(self._plugin, "its state is larger than 64 KiB", code="plugin.state_too_large")
        sealed = self._store.seal_of_owner(owner).seal("plugin_state", f"{self._plugin}/{key}", value)
        with self._store.write() as work:
            work.plugin_state.put(owner, self._plugin, key, sealed, self._clock.now())
