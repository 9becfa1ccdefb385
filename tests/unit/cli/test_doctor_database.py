"""`doctor` on PostgreSQL: what would lose what the hub has promised is said, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.cli.doctor import Finding
from siphub.cli.doctor_database import servers
from siphub.hub import Hub, build
from siphub.settings import Settings
from siphub.testing.postgresql import Postgres
from siphub.testing.story import until

pytestmark = pytest.mark.node


@pytest.fixture
def on(data_folder: Path, postgresql: Postgres) -> Iterator[Hub]:
    """Return a hub whose content is on PostgreSQL; the server's settings are as before when the test is over."""
    url = postgresql.database()
    with build(Settings(data=data_folder, min_free_disk=1, database_url=url)) as hub:
        yield hub
    for name in ("fsync", "full_page_writes", "synchronous_standby_names", "synchronous_commit"):
        postgresql.configure(**{name: "" if name == "synchronous_standby_names" else "on"})
    assert until(lambda: postgresql.run("SHOW fsync") == [("on",)])
    postgresql.drop(url)


def said(hub: Hub) -> list[tuple[str, str]]:
    """Return what is found, by level and the words that matter."""
    found: list[Finding] = list(servers(hub))
    return [(one.level, one.what.partition(" 1")[2].partition(" ")[2]) for one in found]


def test_a_server_that_may_lose_what_was_promised_is_said(on: Hub, postgresql: Postgres) -> None:
    """Given a server without a standby, then that is for somebody to look at; without fsync or whole pages, it is wrong."""
    ((level, what),) = said(on)
    assert (level, what.startswith("waits for no standby"), "set synchronous_standby_names" in what) == ("look", True, True)
    postgresql.configure(fsync="off", full_page_writes="off", synchronous_commit="off")
    assert until(lambda: postgresql.run("SHOW fsync") == [("off",)])
    found = said(on)
    assert [level for level, _ in found] == ["wrong", "wrong", "look"]  # what a commit of ours waits for, we have said ourselves
    assert "fsync off" in found[0][1]
    assert "full_page_writes off" in found[1][1]


def test_a_standby_that_is_waited_for_and_is_not_there_is_wrong(on: Hub, postgresql: Postgres) -> None:
    """Given a standby that is waited for, then nothing is accepted while it is not connected, and all is well while it is."""
    postgresql.configure(synchronous_standby_names="*")
    assert until(lambda: postgresql.run("SHOW synchronous_standby_names") == [("*",)])
    ((level, what),) = said(on)
    assert (level, "nothing is accepted until one is" in what) == ("wrong", True)
    with Postgres(follows=postgresql):
        hidden = "waits for a standby; 1 connected, and this user may not see whether the right one is: GRANT pg_read_all_stats"
        assert until(lambda: said(on) == [("ok", hidden)])
        user = postgresql.run("SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper")[0][0]
        postgresql.run(f'GRANT pg_read_all_stats TO "{user}"')
        assert until(lambda: said(on) == [("ok", "waits for a standby; 1 connected, and 1 of them waited for")])
        postgresql.configure(synchronous_standby_names="another")
        assert until(lambda: [(level, "none of the 1 connected" in what) for level, what in said(on)] == [("wrong", True)])
        postgresql.configure(synchronous_standby_names="")
        assert until(lambda: postgresql.run("SHOW synchronous_standby_names") == [("",)])
        postgresql.run(f'REVOKE pg_read_all_stats FROM "{user}"')
    postgresql.configure(synchronous_standby_names="")
    assert until(lambda: postgresql.run("SHOW synchronous_standby_names") == [("",)])


def test_what_the_server_would_not_wait_for_we_do(on: Hub, postgresql: Postgres) -> None:
    """Given a server whose users do not wait for the disk, then the hub's commits do."""
    postgresql.configure(synchronous_commit="off")
    assert until(lambda: postgresql.run("SHOW synchronous_commit") == [("off",)])
    with build(Settings(data=on.settings.data, min_free_disk=1, database_url=on.settings.database_url)) as other:
        server = other.store.server("content")
        assert server is not None
        assert server.commits == "on"
