"""The lines to servers: one for each login, held for a while, on an event loop in a thread of its own.

A line is opened only to a server that shows a host key whose fingerprint is set; nothing of this machine's user is asked for: no key of an
agent, no known_hosts, no configuration. It must never be handed on once an answer to it may be lost.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import asyncssh

from siphub.contract import PermitExpired, SettingsError
from siphub_sftp.logins import Login
from siphub_sftp.outcomes import said_no

IDLE: Final = 30.0
"""How long a line is held that nobody uses, in seconds."""
CLEARING: Final = 2.0
"""How long anything that is put in order afterwards may take, in seconds."""
_HOST_KEYS: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")
Got = TypeVar("Got")


@dataclass(slots=True, eq=False)
class Line:
    """An open line."""

    connection: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    host_key: str
    """The fingerprint that the server has shown."""
    replaces: bool = True
    """The server renames over what has the name already (`posix-rename@openssh.com`); false once it has said that it cannot."""
    syncs: bool = True
    """The server puts a file on its disk when it is asked (`fsync@openssh.com`); false once it has said that it cannot."""
    users: int = 0
    retired: bool = False
    handles: list[asyncio.TimerHandle] = field(default_factory=list)


class Lines:
    """Every line of one plugin."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._lines: dict[Login, Line] = {}
        self._opening: dict[Login, asyncio.Lock] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.left: dict[Login, set[str]] = {}
        """Files being written that an attempt of ours could not take away again; no attempt uses them any more."""
        self.shown: dict[Login, str] = {}
        """The fingerprint that each server has shown last."""

    # ── from any thread ──

    def run(self, work: Coroutine[Any, Any, Got]) -> Got:
        """Run something on the loop, with the permit of the thread that asks, and wait for it. It bounds itself.

        Raises:
            ConnectionAbortedError: The lines were closed meanwhile.
        """
        try:
            return asyncio.run_coroutine_threadsafe(work, self._started()).result()
        except CancelledError:
            raise ConnectionAbortedError("closed") from None

    def close(self) -> None:
        """Close every line and end the thread; whoever waits for an answer is told. May be called again, and may be followed by a use."""
        with self._starting:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._closed(), loop).result(3 * CLEARING)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2 * CLEARING)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="sftp", daemon=True)
                self._thread.start()
            return self._loop

    # ── on the loop ──

    @asynccontextmanager
    async def line(self, login: Login) -> AsyncIterator[Line]:
        """Give a line to use: the one that stands, or a new one. What may have cost an answer retires it."""
        line = await self._standing(login)
        line.users += 1
        try:
            yield line
        except (
            BaseException
        ) as error:  # a line that is given up in the midst of a question, by a time-out too, may have its answer coming yet
            if not (said_no(error) or isinstance(error, PermitExpired)):
                self.retire(login, line)
            raise
        finally:
            line.users -= 1
            self._rest(login, line)

    def retire(self, login: Login, line: Line) -> None:
        """Give a line to nobody any more; it is closed when the last who uses it is done."""
        line.retired = True
        if self._lines.get(login) is line:
            del self._lines[login]

    def later(self, work: Callable[[], Coroutine[Any, Any, None]], seconds: float = 0.0) -> None:
        """Do something beside, or after a while. What goes wrong there is nobody's answer."""

        async def done() -> None:
            await asyncio.sleep(seconds)
            with suppress(OSError, asyncssh.Error, SettingsError):
                await work()

        task = asyncio.get_running_loop().create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cleared(self, login: Login, line: Line | None, parts: list[str]) -> None:
        """Take files away that were being written; what cannot be taken away now is `left` for the next line."""
        waiting = self.left.setdefault(login, set())
        waiting.update(parts)
        if line is None or line.retired:
            return
        with suppress(OSError, asyncssh.Error):
            async with asyncio.timeout(CLEARING):
                for part in sorted(waiting):
                    await _removed(line, part)
                    waiting.discard(part)

    async def _standing(self, login: Login) -> Line:
        async with self._opening.setdefault(login, asyncio.Lock()):
            line = self._lines.get(login)
            if line is not None and line.connection.is_closed():
                self.retire(login, line)
                line = None
            if line is None:
                line = self._lines[login] = await self._opened(login)
                if self.left.get(login):
                    self.later(lambda: self._tidied(login))
            for handle in line.handles:
                handle.cancel()
            line.handles.clear()
            return line

    async def _opened(self, login: Login) -> Line:
        client = _Client(login.host_keys)
        try:
            connection = await asyncssh.connect(login.host, login.port, client_factory=lambda: client, **self._options(login))
        finally:
            self.shown[login] = client.shown
        try:
            return Line(connection, await connection.start_sftp_client(path_errors="surrogateescape"), client.shown)
        except BaseException:  # whatever ends it: nobody else holds the connection
            connection.abort()
            raise

    def _options(self, login: Login) -> dict[str, Any]:
        key, password = private_key(self._secrets, login), self._secrets.get(f"{login.name}_sftp_password") or None
        ways = (*(("publickey",) if key else ()), *(("password", "keyboard-interactive") if password else ()))
        if not ways:
            raise SettingsError(f"the login {login.name} has neither a key nor a password", code="settings.secret_missing")
        return {
            "username": login.user,
            "client_keys": [key] if key else None,
            "password": password,
            "preferred_auth": ways,
            "known_hosts": lambda *_: ((), (), ()),  # none: the client above decides, and an empty list would read this user's own
            "server_host_key_algs": _HOST_KEYS,
            "x509_trusted_certs": None,
            "config": None,
            "agent_path": None,
            "gss_host": None,
            "keepalive_interval": IDLE / 2,
        }

    async def _tidied(self, login: Login) -> None:
        async with self.line(login) as line:
            await self.cleared(login, line, [])

    def _rest(self, login: Login, line: Line) -> None:
        if line.users:
            return
        if line.retired:
            line.connection.abort()
        else:
            line.handles.append(asyncio.get_running_loop().call_later(IDLE, self._done_with, login, line))

    def _done_with(self, login: Login, line: Line) -> None:
        if not line.users:
            self.retire(login, line)
            line.connection.close()

    async def _closed(self) -> None:
        """Take away what is left first: a task that is cancelled takes its line with it."""
        lines = tuple(self._lines.items())
        await asyncio.gather(*(self.cleared(login, line, []) for login, line in lines))
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._opening.clear()
        for login, line in lines:
            self.retire(login, line)
            line.connection.close()
        with suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(CLEARING / 2):
                for _, line in lines:
                    await line.connection.wait_closed()
        await _ended(asyncio.all_tasks() - {asyncio.current_task()})


class _Client(asyncssh.SSHClient):
    """Decides whether a server is the one that is meant."""

    def __init__(self, host_keys: frozenset[str]) -> None:
        self._host_keys = host_keys
        self.shown = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 - asyncssh's
        """Take a key whose fingerprint is set, and no other."""
        self.shown = key.get_fingerprint()
        return self.shown in self._host_keys


async def _ended(tasks: Collection[asyncio.Task[Any] | None]) -> None:
    """Let nobody wait for what the loop does no more."""
    for task in filter(None, tasks):
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLEARING):
            await asyncio.gather(*filter(None, tasks), return_exceptions=True)


async def _removed(line: Line, path: str) -> None:
    """Take a file away; where the server says no, it is gone, or stays whatever we do."""
    try:
        await line.sftp.remove(path)
    except asyncssh.SFTPError as error:
        if not said_no(error):
            raise


def private_key(secrets: Mapping[str, str], login: Login) -> asyncssh.SSHKey | None:
    """Return a login's private key, or None where it has none.

    Raises:
        SettingsError: `sftp.key_wrong`; it is none, or has a password.
    """
    text = secrets.get(f"{login.name}_sftp_key")
    if not text:
        return None
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        pass  # told below, outside the handler
    raise SettingsError(
        f"the private key of the login {login.name} cannot be used: check that {login.name}_sftp_key is one, and has no password",
        code="sftp.key_wrong",
    )


def _known(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Let what a lost line breaks in asyncssh's own parts be: whoever waited for an answer has been told."""
    if not isinstance(context.get("exception"), (OSError, asyncssh.Error)):
        loop.default_exception_handler(context)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_known)
    try:
        loop.run_forever()
    finally:
        loop.close()
