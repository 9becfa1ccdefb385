"""What the hub itself must remember to run: switches, plugins' sealed state, and who polls which partner. Nothing here is about a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, or_, select, update

from siphub.errors import StoreError
from siphub.store.columns import Topic, insert_missing
from siphub.store.rows import NO_OWNER
from siphub.store.rows_operation import SilentRow, SwitchRow
from siphub.store.sealing import OVERHEAD
from siphub.store.tables_operation import plugin_state, poll_lease, switch

STATE_LIMIT = 64 * 1024
"""The largest value a plugin may keep, in bytes before sealing."""


class Switches(Topic):
    """The operator's switches. `sending` = `stopped` stops every claim."""

    def get(self, name: str) -> str | None:
        """Return a switch's value, or None where nobody has ever set it."""
        row = self.row(name)
        return None if row is None else row.value

    def row(self, name: str) -> SwitchRow | None:
        """Return a switch with who set it, and when."""
        return self._first(SwitchRow, select(switch).where(switch.c.owner == NO_OWNER, switch.c.name == name))

    def settle(self, name: str, value: str, by: str, at: datetime) -> str:
        """Set a switch that nobody has set yet; return what it is now, whoever was first."""
        insert_missing(self._connection, switch, {"owner": NO_OWNER, "name": name, "value": value, "by": by, "at": at})
        return self.get(name) or value

    def set(self, name: str, value: str, by: str, at: datetime) -> None:
        """Set a switch."""
        values = {"value": value, "by": by, "at": at}
        if not insert_missing(self._connection, switch, {"owner": NO_OWNER, "name": name, **values}):
            self._connection.execute(update(switch).where(switch.c.owner == NO_OWNER, switch.c.name == name).values(values))


class PluginState(Topic):
    """Small values of plugins, sealed by the caller with the owner's seal."""

    def get(self, owner: str, plugin: str, key: str) -> bytes | None:
        """Return what is kept, still sealed, or None."""
        return self._connection.scalar(select(plugin_state.c.sealed).where(*self._one(owner, plugin, key)))

    def put(self, owner: str, plugin: str, key: str, sealed: bytes, at: datetime) -> None:
        """Keep a value, replacing an older one.

        Raises:
            StoreError: It is larger than 64 KiB before sealing.
        """
        if len(sealed) > STATE_LIMIT + OVERHEAD:
            raise StoreError(f"plugin {plugin} may keep at most {STATE_LIMIT} bytes under one key")
        values = {"sealed": sealed, "at": at}
        if not insert_missing(self._connection, plugin_state, {"owner": owner, "plugin": plugin, "key": key, **values}):
            self._connection.execute(update(plugin_state).where(*self._one(owner, plugin, key)).values(values))

    @staticmethod
    def _one(owner: str, plugin: str, key: str) -> tuple[Any, ...]:
        return (plugin_state.c.owner == owner, plugin_state.c.plugin == plugin, plugin_state.c.key == key)


class PollLeases(Topic):
    """One poller per endpoint at a time, and how far it has come."""

    def acquire(self, owner: str, adapter: str, endpoint: str, *, holder: str, until: datetime, now: datetime) -> bool:
        """Take or renew the lease of an endpoint until a time; return False while another holds it."""
        insert_missing(self._connection, poll_lease, {"owner": owner, "adapter": adapter, "endpoint": endpoint})
        free = or_(poll_lease.c.holder.is_(None), poll_lease.c.holder == holder, poll_lease.c.until <= now)
        mine = (*self._one(owner, adapter, endpoint), free)
        return self._connection.execute(update(poll_lease).where(*mine).values(holder=holder, until=until)).rowcount == 1

    def release(self, owner: str, adapter: str, endpoint: str, *, holder: str) -> None:
        """Give the lease back, if we still hold it."""
        mine = (*self._one(owner, adapter, endpoint), poll_lease.c.holder == holder)
        self._connection.execute(update(poll_lease).where(*mine).values(holder=None, until=None))

    def cursor(self, owner: str, adapter: str, endpoint: str) -> str | None:
        """Return how far the polling has come, or None before its first answer."""
        cursor: str | None = self._connection.scalar(select(poll_lease.c.cursor).where(*self._one(owner, adapter, endpoint)))
        return cursor

    def save_cursor(self, owner: str, adapter: str, endpoint: str, cursor: str | None) -> None:
        """Note how far the polling has come, in the transaction that stored what came."""
        insert_missing(self._connection, poll_lease, {"owner": owner, "adapter": adapter, "endpoint": endpoint})
        self._connection.execute(update(poll_lease).where(*self._one(owner, adapter, endpoint)).values(cursor=cursor))

    def note(self, owner: str, adapter: str, endpoint: str, code: str | None, at: datetime) -> None:
        """Note why an endpoint cannot be asked, from now on unless it could not before; None where it can."""
        insert_missing(self._connection, poll_lease, {"owner": owner, "adapter": adapter, "endpoint": endpoint})
        since = None if code is None else func.coalesce(poll_lease.c.failing_since, literal(at, poll_lease.c.failing_since.type))
        mine = self._one(owner, adapter, endpoint)
        self._connection.execute(update(poll_lease).where(*mine).values(code=code, failing_since=since))

    def failing(self) -> tuple[SilentRow, ...]:
        """Return the endpoints that cannot be asked, the first that could not first."""
        columns = (poll_lease.c.adapter, poll_lease.c.endpoint, poll_lease.c.code, poll_lease.c.failing_since)
        query = select(*columns).where(poll_lease.c.code.is_not(None)).order_by(poll_lease.c.failing_since)
        return self._all(SilentRow, query)

    @staticmethod
    def _one(owner: str, adapter: str, endpoint: str) -> tuple[Any, ...]:
        return (poll_lease.c.owner == owner, poll_lease.c.adapter == adapter, poll_lease.c.endpoint == endpoint)
