"""What `doctor` says of the PostgreSQL servers: whether they keep what the hub promises, also when one of them is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from siphub.cli.doctor import Finding, look, ok, wrong

if TYPE_CHECKING:
    from siphub.hub import Hub
    from siphub.store import What
    from siphub.store.postgresql_engine import Server

_WHOSE = {"content": "the content's", "keys": "the keys'"}
_SURE = frozenset({"on", "remote_apply"})


def servers(hub: Hub) -> Iterator[Finding]:
    """Look at the server of the content and at that of the keys."""
    seen: set[str] = set()
    both: tuple[What, ...] = ("content", "keys")
    for what in both:
        server = hub.store.server(what)
        place = hub.store.url(what).rpartition("/")[0]
        if server is not None and place not in seen:
            seen.add(place)
            yield from _of_server(what, server)


def _of_server(what: str, server: Server) -> Iterator[Finding]:
    whose = f"{_WHOSE[what]} PostgreSQL {server.version.partition(' ')[0]}"
    if not server.fsync:
        yield wrong(f"{whose} has fsync off: a power cut loses what was accepted, and breaks the database; switch it on")
    if not server.whole_pages:
        yield wrong(f"{whose} has full_page_writes off: a power cut can break the database beyond mending; switch it on")
    if server.commits not in _SURE:
        yield wrong(
            f"{whose} has synchronous_commit {server.commits}: a commit is answered before it is safe; see who sets it for this user"
        )
    if not server.standby_names:
        yield look(
            f"{whose} waits for no standby: what was accepted in the last moments before a failover would be lost; set synchronous_standby_names"
        )
    elif not server.standbys:
        yield wrong(f"{whose} waits for a standby, and none is connected: nothing is accepted until one is")
    elif server.waited_for is None:
        yield ok(
            f"{whose} waits for a standby; {server.standbys} connected, and this user may not see whether the right one is: GRANT pg_read_all_stats"
        )
    elif not server.waited_for:
        yield wrong(
            f"{whose} waits for a standby, and none of the {server.standbys} connected is one that synchronous_standby_names names:"
            " nothing is accepted until one is"
        )
    else:
        yield ok(f"{whose} waits for a standby; {server.standbys} connected, and {server.waited_for} of them waited for")
    yield from _of_archive(whose, server)


def _of_archive(whose: str, server: Server) -> Iterator[Finding]:
    if not server.archives:
        return
    since = f"{server.archived_at:%Y-%m-%d %H:%M}" if server.archived_at else "never"
    yield (wrong if server.archiving_fails else ok)(
        f"{whose} archives its log, last {since}{', and its last attempt failed' if server.archiving_fails else ''}"
    )
