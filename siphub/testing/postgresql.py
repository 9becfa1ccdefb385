"""A PostgreSQL of one's own for tests: a new cluster on a free port of loopback, with all its files in one folder.

It can be killed, stopped, frozen, started again, and followed by a standby that can be promoted. It syncs what it commits, as in service,
and sorts text as Swedish does, as a county's database may: nothing in the hub may count on the order of bytes.
It must never touch a cluster that the machine runs, nor leave a process or a folder behind.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from siphub.testing.ports import free_port
from siphub.testing.server_process import ServerProcess, as_user

PATIENCE = 60.0
"""Seconds for a server to come up on a busy machine; a quiet one needs less than one."""
PASSWORD = "s3cret/of:the@hub"  # noqa: S105 - of a server that lives as long as a test
"""The hub's, with all that a URL must quote."""
_ADMIN = "administrator"
_HUB = "hub"
_USER = "postgres"
"""Whose processes they are where we are root, for PostgreSQL refuses to run as root: the user that Debian's package makes."""
_SETTINGS: Mapping[str, object] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 200,
    "shared_buffers": "64MB",
    "log_line_prefix": "%m %d ",
    "wal_keep_size": "512MB",
}
_STARTING = "PostgreSQL did not come up"


def program(name: str) -> Path | None:
    """Return one of PostgreSQL's programs, or None where it is not installed; Debian keeps those of the server off the path."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda file: int(file.parts[-3]))
    found = str(kept[-1]) if kept else shutil.which(name)
    return Path(found).resolve() if found else None


def missing() -> str | None:
    """Return why there can be no PostgreSQL on this machine, or None where there can."""
    if not (program("initdb") and program("postgres")):
        return "PostgreSQL is not installed; on Debian and Ubuntu: apt-get install --no-install-recommends postgresql"
    if os.geteuid() == 0 and not _known(_USER):
        return f"PostgreSQL refuses to run as root, and there is no user {_USER} on this machine: run the tests as another user"
    return None


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


class Postgres:
    """One server. Use it as a context manager; it is up inside.

    Args:
        settings: Further settings of the server, by PostgreSQL's names.
        follows: Another server that this one is to be a streaming standby of, instead of one with nothing in it.
    """

    def __init__(self, settings: Mapping[str, object] | None = None, *, follows: Postgres | None = None) -> None:
        self.port = free_port()
        self._follows = follows
        self._user = _USER if os.geteuid() == 0 else None
        # Not under pytest's folders: those are closed to every user but ours.
        self._folder = Path(tempfile.mkdtemp(prefix="siphub-postgresql-"))
        self._data = self._folder / "data"
        self._given = {**_SETTINGS, **(settings or {})}
        self._server: ServerProcess | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        try:
            self._make()
            self.configure(**self._given, port=self.port)
            self.start()
            if self._follows is None:
                self.run(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(_HUB), sql.Literal(PASSWORD)))
        except BaseException:  # whatever ends it: a half-made server does not stay
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    # ── where it is ──

    def url(self, database: str, *, port: int | None = None) -> str:
        """Return where a hub finds one of the databases; `port` for a way there by somebody else."""
        return f"postgresql://{_HUB}:{_quoted(PASSWORD)}@127.0.0.1:{port or self.port}/{database}"

    def admin(self, database: str = "postgres") -> str:
        """Return what `psycopg.connect` needs to be the administrator, and to replicate."""
        return make_conninfo(host="127.0.0.1", port=self.port, user=_ADMIN, password=PASSWORD, dbname=database, connect_timeout=30)

    def database(self, *, like: str = "template1") -> str:
        """Make a database, with what stands in another if `like` names one that nobody uses, and return its URL."""
        name = f"hub_{next(self._numbers)}"
        made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        self.run(made.format(sql.Identifier(name), sql.Identifier(_HUB), sql.Identifier(like)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database away, and whoever is connected to it."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name_of(url))))

    def empty(self, url: str) -> None:
        """Take every row out of a database whose schema stays: much quicker than making another one."""
        tables = self.run("SELECT relname FROM pg_stat_user_tables WHERE relname != 'alembic_version'", name_of(url))
        with psycopg.connect(self.admin(name_of(url)), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no reference is looked at
            deletes = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for (name,) in tables]
            connection.execute(sql.SQL("; ").join(deletes))

    def run(self, statement: sql.Composed | str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, and return its rows."""
        with psycopg.connect(self.admin(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode() if isinstance(statement, str) else statement)
            return cursor.fetchall() if cursor.description else []

    # ── what can be done to it ──

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        words = [_need("postgres"), "-D", str(self._data)]
        self._server = ServerProcess(words, _ENVIRONMENT, self._log, user=self._user, remains=self._folder)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._server.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{_STARTING}:\n{self.said()[-4000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9, every process of it, and wait until they are gone."""
        if self._server is not None:
            others = _children(self._server.process.pid)
            self._server.end()
            for number in others:
                _kill(number)
            self._server = None

    def stop(self) -> None:
        """Stop it as an administrator does who does not wait for its clients."""
        if self._server is not None:
            self._server.end(signal.SIGINT, PATIENCE)
            self._server = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hold its connections and say nothing, as behind a line that swallows everything."""
        assert self._server is not None
        numbers = [self._server.process.pid, *_children(self._server.process.pid)]
        for number in numbers:
            os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            for number in numbers:
                os.kill(number, signal.SIGCONT)

    def configure(self, **settings: object) -> None:
        """Change settings by PostgreSQL's names. A running server takes those that it can without a restart."""
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        if self._server is not None:
            self._server.process.send_signal(signal.SIGHUP)

    def promote(self) -> None:
        """Make a standby the primary, and wait until it takes writes."""
        self.run("SELECT pg_promote(true, 60)")

    def said(self) -> str:
        """Return the server's log."""
        return self._log.read_text("utf-8", "replace")

    # ── how it is made ──

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _make(self) -> None:
        if self._user is not None:
            shutil.chown(self._folder, self._user, self._user)
        if self._follows is not None:
            source = make_conninfo(self._follows.admin(), dbname=None, application_name=f"standby_{self.port}")
            self._tool("pg_basebackup", "-D", str(self._data), "-R", "-d", source, "-c", "fast")
            return
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # in a folder that is its user's own
        words = ["-D", str(self._data), "-U", _ADMIN, f"--pwfile={secret}", "-A", "scram-sha-256", "-E", "UTF8", "-N"]
        self._tool("initdb", *words, "--locale=C", "--locale-provider=icu", "--icu-locale=sv-SE")

    def _tool(self, name: str, *words: str) -> None:
        command = [_need(name), *words]
        done = subprocess.run(  # noqa: S603 - PostgreSQL's programs
            command,
            env=_ENVIRONMENT,
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            **as_user(self._user),
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}


def name_of(url: str) -> str:
    """Return the database that a URL names."""
    return url.rpartition("/")[2]


def _need(name: str) -> str:
    found = program(name)
    assert found is not None, missing()
    return str(found)


def _quoted(text: str) -> str:
    return "".join(char if char.isalnum() or char == "-" else f"%{ord(char):02X}" for char in text)


def _ps(*words: str) -> list[str]:
    return subprocess.run(["ps", *words], check=False, capture_output=True, text=True).stdout.split()  # noqa: S603, S607 - fixed words


def _children(parent: int) -> list[int]:
    """Return a process's children: PostgreSQL gives each a session of its own."""
    return [int(word) for word in _ps("-o", "pid=", "--ppid", str(parent))]


def runs(number: int) -> bool:
    """Say whether a process is there, and not one that has ended and that nobody has asked yet how."""
    return any(not word.startswith("Z") for word in _ps("-o", "stat=", "-p", str(number)))


def _kill(number: int) -> None:
    """Kill a process, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while runs(number) and time.monotonic() < deadline:
        time.sleep(0.01)
