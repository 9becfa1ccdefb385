"""A real SFTP server on loopback for tests: a folder of this machine behind asyncssh's own server, which breaks as it is told.

    with SftpServer(tmp_path) as server:                       # user sip, a key and a password; server.login() for a setting `logins`
        server.before["write"] = fails(asyncssh.SFTPNoSpaceOnFilesystem("full"))
        server.after["posix_rename"] = server.cuts             # it has been done, and the answer is lost

`python -m siphub.testing.sftp_server FOLDER` runs one to try things out by hand, and says what to set for it.

A trouble stands at an operation (`open write fsync close lstat stat statvfs rename posix_rename remove scandir`), before or after it is done, and is
called each time with what it is done to. It needs asyncssh, which comes with the plugin siphub-sftp. It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import asyncssh

USER, PASSWORD = "sip", "hemlig-1"  # a made-up user of a server that lives as long as a test
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: at which path, and how many bytes of files this server has taken before it, and takes by it."""

    path: str
    taken: int = 0
    size: int = 0


Trouble = Callable[[Call], Awaitable[None] | None]


@cache
def new_key(_whose: str) -> asyncssh.SSHKey:
    """Return somebody's key pair, the same as long as the process lives."""
    return asyncssh.generate_private_key("ssh-ed25519")


def key_text(key: asyncssh.SSHKey) -> str:
    """Return a private key as it lies in the folder of secrets."""
    return key.export_private_key().decode()


def fails(error: asyncssh.SFTPError, beyond: int = -1) -> Trouble:
    """Refuse an operation; with `beyond`, from the write on that would take the server beyond so many bytes, as a full disk does."""

    def refuse(call: Call) -> None:
        if call.taken + call.size > beyond:
            raise error

    return refuse


async def hangs(_call: Call) -> None:
    """Not answer for longer than any test waits."""
    await asyncio.sleep(3600)


class SftpServer:
    """The server.

    Args:
        root: The folder that its users see as the root.
        host_key: Its host key.
        users: Those it lets in by the key `client_key` or the password `PASSWORD`.
        port: Where it listens; 0 for any.
    """

    def __init__(self, root: Path, *, host_key: asyncssh.SSHKey | None = None, users: tuple[str, ...] = (USER,), port: int = 0) -> None:
        self.root, self.users, self.port = root, users, port
        self.host_key = host_key or new_key("server")
        self.client_key = new_key("us")
        self.before: dict[str, Trouble] = {}
        self.after: dict[str, Trouble] = {}
        self.taken = 0
        """How many bytes of files have come in, whole or not."""
        self.full: asyncssh.SFTPVFSAttrs | None = None
        """What it says of its disk, where that is not the truth: `asyncssh.SFTPVFSAttrs()` is one without a free byte."""
        self.offers_sftp = True
        self.connections = 0
        self.asked: list[str] = []
        """Every operation that was asked for, in order."""
        self.tried: list[str] = []
        """Every user who has tried to be let in, in order."""
        self.open: set[asyncssh.SSHServerConnection] = set()
        """The connections that stand."""
        self._sessions: list[_Files] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listening: asyncssh.SSHAcceptor | None = None
        self.up()

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its host key."""
        return self.host_key.get_fingerprint()

    @property
    def url(self) -> str:
        """Its address, without a folder."""
        return f"sftp://127.0.0.1:{self.port}"

    def login(self, name: str = "norrby", user: str = USER) -> str:
        """Return an entry of a setting `logins` for it."""
        return f"{name} {user}@127.0.0.1:{self.port} {self.fingerprint}"

    def secrets(self, name: str = "norrby") -> dict[str, str]:
        """Return what lies in the folder of secrets for such a login: its private key."""
        return {f"{name}_sftp_key": key_text(self.client_key)}

    def files(self, folder: str = ".") -> dict[str, bytes]:
        """Return every file of one of its folders, also those being written."""
        return {file.name: file.read_bytes() for file in sorted((self.root / folder).iterdir()) if file.is_file()}

    def up(self) -> None:
        """Listen, again on the same port after it was down."""
        self._listening = self._run(self._listen())
        self.port = self._listening.get_port()

    def down(self) -> None:
        """Listen no more, and cut every connection."""
        if self._listening is not None:
            self._loop.call_soon_threadsafe(self._listening.close)
            self._run(self._listening.wait_closed())
            self._listening = None
        self.cut_all()

    def cut_all(self) -> None:
        """Cut every connection that stands."""
        self._run(self._cut())

    async def cuts(self, _call: Call) -> None:
        """Be a trouble: cut every connection, so that what comes next is not done, and the answer is lost."""
        await self._cut()
        raise asyncssh.SFTPConnectionLost("cut")

    def close(self) -> None:
        """End it all."""
        self.down()
        self._run(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── on the loop ──

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Doorkeeper(self),
            server_host_keys=[self.host_key],
            sftp_factory=self._session if self.offers_sftp else None,
            allow_scp=False,
        )

    def _session(self, channel: asyncssh.SSHServerChannel[bytes]) -> _Files:
        self._sessions.append(_Files(channel, self))
        return self._sessions[-1]

    async def _cut(self) -> None:
        for connection in tuple(self.open):
            connection.abort()

    async def _ended(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE / 2):
                await asyncio.gather(*tasks, return_exceptions=True)
        for session in self._sessions:
            session.exit()


class _Doorkeeper(asyncssh.SSHServer):
    """Lets in whom the server knows."""

    def __init__(self, server: SftpServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.connections += 1
        self._server.open.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's
        if self._connection is not None:
            self._server.open.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        self._server.tried.append(username)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in self._server.users and key == self._server.client_key.convert_to_public()

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username in self._server.users and password == PASSWORD


class _Files(asyncssh.SFTPServer):
    """The files below the root, and the troubles."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], server: SftpServer) -> None:
        super().__init__(channel, chroot=bytes(server.root))
        self._server = server
        self._names: dict[Any, str] = {}

    def exit(self) -> None:
        """Let go of what a cut line has left open."""
        for file in self._names:
            file.close()
        self._names.clear()

    async def _done(self, operation: str, path: str, work: Callable[[], Any], size: int = 0) -> Any:
        call = Call(path, self._server.taken, size)
        self._server.asked.append(operation)
        await _troubled(self._server.before.get(operation), call)
        self._server.taken += size
        found = work()
        await _troubled(self._server.after.get(operation), call)
        return found

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        file = await self._done("open", path.decode(), partial(super().open, path, pflags, attrs))
        self._names[file] = path.decode()
        return file

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        found: int = await self._done("write", self._names[file_obj], partial(super().write, file_obj, offset, data), len(data))
        return found

    async def fsync(self, file_obj: object) -> None:
        await self._done("fsync", self._names[file_obj], partial(super().fsync, file_obj))

    async def close(self, file_obj: object) -> None:
        await self._done("close", self._names[file_obj], partial(super().close, file_obj))
        del self._names[file_obj]

    async def lstat(self, path: bytes) -> Any:
        return await self._done("lstat", path.decode(), partial(super().lstat, path))

    async def stat(self, path: bytes) -> Any:
        return await self._done("stat", path.decode(), partial(super().stat, path))

    async def statvfs(self, path: bytes) -> Any:
        await self._done("statvfs", path.decode(), lambda: None)
        return self._server.full or super().statvfs(path)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._done("rename", newpath.decode(), partial(super().rename, oldpath, newpath))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._done("posix_rename", newpath.decode(), partial(super().posix_rename, oldpath, newpath))

    async def remove(self, path: bytes) -> None:
        await self._done("remove", path.decode(), partial(super().remove, path))

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._done("scandir", path.decode(), lambda: None)
        async for name in super().scandir(path):
            yield name


async def _troubled(trouble: Trouble | None, call: Call) -> None:
    found = trouble(call) if trouble is not None else None
    if found is not None:
        await found


def main(arguments: list[str]) -> None:
    """Run a server over a folder until the process is ended, and say what to set for it."""
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not folder.is_dir():
        sys.exit(
            "python -m siphub.testing.sftp_server FOLDER: a folder that is there, whose files the server gives and takes, until Ctrl-C"
        )
    with SftpServer(folder.resolve()) as server:
        sys.stdout.write(f'logins = "{server.login()}"\nnorrby_sftp_password: {PASSWORD}\nendpoint: {server.url}/\n')
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
