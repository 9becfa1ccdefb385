"""A folder on a server as a drop: one bounded attempt at a time, and never half a file under a name that somebody collects.

A file is written aside as `.NAME.….part`, its size is looked at, the server is asked to put it on its disk where it can, and a rename lets
it appear: one that replaces (`posix-rename@openssh.com`) where the server has it, else a plain one, for which what has the name already is
looked at first. The permit is asked for twice: before the first byte, and directly before the rename. What a permit that ran out in between
has kept from appearing is held for a moment, so that the next attempt has only the rename to do: a slow line would never see one in time.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN

from siphub.contract import Check, Delivered, Outcome, PermitExpired, Retry, require_permit
from siphub_folder import Dropped, is_plain, plain
from siphub_sftp.lines import Line, Lines
from siphub_sftp.logins import Login
from siphub_sftp.outcomes import KNOWN, NotWritten, outcome_of, retry_of, said_no

PART: Final = re.compile(r"\.[^/]{1,120}\.[0-9a-f]{16}\.part")
"""What a file is called while we write it."""
FORGOTTEN: Final = timedelta(hours=1)
"""How old by the server's own clock a file being written is that no attempt can be at any more."""
HELD: Final = 20.0
"""How long what needs only the rename is held, in seconds."""
MOST_NAMES: Final = 50_000
Got = TypeVar("Got")


@dataclass(slots=True)
class Attempt:
    """How far an attempt to put files there has come."""

    connected: bool = False
    appearing: bool = False
    appeared: bool = False
    line: Line | None = None
    parts: dict[str, str] = field(default_factory=dict)
    """Where each file is being written, by its name."""
    written: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """What the drops of one plugin share: the lines, how long an attempt may take, what is held, and when a folder was last tidied."""

    lines: Lines
    timeout: timedelta
    held: dict[tuple[Login, str, bytes], Attempt] = field(default_factory=dict)
    tidied: dict[tuple[Login, str], float] = field(default_factory=dict)

    def close(self) -> None:
        """Take away what is held, and close the lines."""
        for (login, _, _), attempt in tuple(self.held.items()):
            self.lines.left.setdefault(login, set()).update(attempt.parts.values())
        self.held.clear()
        self.lines.close()


class SftpDrop:
    """One folder on one server, as one login."""

    def __init__(self, shared: Shared, login: Login, folder: str) -> None:
        self._shared, self._lines, self._login, self._folder = shared, shared.lines, login, folder

    # ── what a drop does ──

    def put(self, files: Mapping[str, bytes]) -> Outcome:
        """Put files there; see `siphub_folder.Drop`."""
        return self._lines.run(self._put({plain(name): body for name, body in files.items()}))

    def names(self) -> tuple[str, ...] | Retry:
        """Return the names of the files, of the first 50 000; see `siphub_folder.Drop`."""
        return self._asked(self._names)

    def read(self, name: str, limit: int) -> Dropped | Retry | None:
        """Return a file; see `siphub_folder.Drop`."""
        path = self._path(plain(name))
        return self._asked(lambda line: _read(line, path, limit, self._folder))

    def remove(self, names: Iterable[str]) -> Retry | None:
        """Take files away; see `siphub_folder.Drop`."""
        paths = [self._path(plain(name)) for name in names]
        return self._asked(lambda line: _removed(line, paths, self._folder))

    def check(self) -> Iterable[Check]:
        """Ask the server whether a file can be put there, and take it away again; see `siphub_folder.Drop`."""
        found = self._asked(self._tried)
        if isinstance(found, Retry):
            return [Check(ok=False, what=f"nothing can be put into {self._folder} at {self._login.server} ({found.code})")]
        return [Check(ok=True, what=f"files can be put into {self._folder} at {self._login.server}{found}")]

    def knock(self) -> Retry | None:
        """Be let in, and ask for nothing more."""
        return self._asked(_nothing)

    # ── one attempt ──

    def _asked(self, work: Callable[[Line], Coroutine[Any, Any, Got]]) -> Got | Retry:
        return self._lines.run(self._answered(work))

    async def _answered(self, work: Callable[[Line], Coroutine[Any, Any, Got]]) -> Got | Retry:
        connected = False
        try:
            async with asyncio.timeout(self._shared.timeout.total_seconds()), self._lines.line(self._login) as line:
                connected = True
                return await work(line)
        except KNOWN as error:
            return retry_of(error, connected=connected)

    async def _put(self, files: Mapping[str, bytes]) -> Outcome:
        key = (self._login, self._folder, _digest(files))
        attempt = self._shared.held.pop(key, None) or Attempt()
        attempt.connected = False
        try:
            async with asyncio.timeout(self._shared.timeout.total_seconds()), self._lines.line(self._login) as attempt.line:
                attempt.connected = True
                await self._let_appear(attempt.line, files, attempt)
        except PermitExpired:
            if attempt.written:
                self._hold(key, attempt)
            raise
        except KNOWN as error:
            return outcome_of(error, connected=attempt.connected, appearing=attempt.appearing, appeared=attempt.appeared)
        finally:
            if attempt.parts and self._shared.held.get(key) is not attempt:
                await self._lines.cleared(self._login, attempt.line, list(attempt.parts.values()))
        return Delivered(list(files)[-1])

    async def _let_appear(self, line: Line, files: Mapping[str, bytes], attempt: Attempt) -> None:
        if not (attempt.written and await self._still_there(line, files, attempt)):
            require_permit()
            for name, body in files.items():
                attempt.parts[name] = self._path(f".{_cut(name)}.{secrets.token_hex(8)}.part")
                self._tidy_beside(await _written_aside(line, attempt.parts[name], body))
            attempt.written = True
        for name, body in files.items():
            await self._appears(line, name, body, attempt)
            attempt.appeared = True

    async def _appears(self, line: Line, name: str, body: bytes, attempt: Attempt) -> None:
        """Let one file appear, in one step where the server can."""
        if line.replaces:
            _permit_for(attempt)
            try:
                await self._renamed(line.sftp.posix_rename, name, attempt)
            except asyncssh.SFTPOpUnsupported:
                line.replaces = False
        if name in attempt.parts:
            await self._appears_plainly(line, name, body, attempt)

    async def _appears_plainly(self, line: Line, name: str, body: bytes, attempt: Attempt) -> None:
        """Do it at a server that renames to a free name only: the same file there is as good as ours, another one is taken away first."""
        has = await self._is(line, name, body)
        if has is True:
            return
        _permit_for(attempt)
        if has is False:
            with suppress(asyncssh.SFTPNoSuchFile):  # somebody has just taken it
                await line.sftp.remove(self._path(name))
        try:
            await self._renamed(line.sftp.rename, name, attempt)
        except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):
            if not await self._is(line, name, body):  # else somebody was quicker with the same file
                raise

    async def _renamed(self, rename: Callable[[str, str], Awaitable[None]], name: str, attempt: Attempt) -> None:
        """Ask for a rename; `appearing` is true while nobody knows whether it has happened."""
        attempt.appearing = True
        try:
            await rename(attempt.parts[name], self._path(name))
        except asyncssh.SFTPError as error:
            attempt.appearing = not said_no(error)
            raise
        attempt.appearing = False
        del attempt.parts[name]

    async def _is(self, line: Line, name: str, body: bytes) -> bool | None:
        """Say whether a name has these bytes, or others; None where nobody has it."""
        found = await _read(line, self._path(name), len(body), self._folder)
        return None if found is None else found.whole and found.body == body

    async def _still_there(self, line: Line, files: Mapping[str, bytes], attempt: Attempt) -> bool:
        """Say whether what is held is whole still; where it is not, everything is written anew."""
        try:
            sizes = [(await line.sftp.lstat(attempt.parts[name])).size for name in files]
        except (KeyError, asyncssh.SFTPNoSuchFile):
            sizes = []
        if sizes == [len(body) for body in files.values()]:
            return True
        await self._lines.cleared(self._login, line, list(attempt.parts.values()))
        attempt.parts.clear()
        attempt.written = False
        return False

    def _hold(self, key: tuple[Login, str, bytes], attempt: Attempt) -> None:
        """Keep what needs only the rename for the next attempt; where there is none, it is taken away."""
        self._shared.held[key] = attempt

        async def let_go() -> None:
            if self._shared.held.get(key) is attempt:
                del self._shared.held[key]
                async with asyncio.timeout(self._shared.timeout.total_seconds()), self._lines.line(self._login) as line:
                    await self._lines.cleared(self._login, line, list(attempt.parts.values()))

        self._lines.later(let_go, HELD)

    # ── looking ──

    async def _names(self, line: Line) -> tuple[str, ...]:
        found: list[str] = []
        async for name, attributes in _entries(line, self._folder):
            if is_plain(name) and _is_file(attributes):
                found.append(name)
        return tuple(sorted(found))

    async def _tried(self, line: Line) -> str:
        before, after = (self._path(f".siphub.{secrets.token_hex(8)}.part") for _ in range(2))
        try:
            await _written_aside(line, before, b"siphub")
            await self._tried_rename(line, before, after)
        finally:
            await self._lines.cleared(self._login, line, [before, after])
        return "" if line.replaces else "; this server cannot replace a file in one step, so a changed one is gone for a moment first"

    async def _tried_rename(self, line: Line, before: str, after: str) -> None:
        if line.replaces:
            try:
                await line.sftp.posix_rename(before, after)
            except asyncssh.SFTPOpUnsupported:
                line.replaces = False
            else:
                return
        await line.sftp.rename(before, after)

    def _tidy_beside(self, written: datetime | None) -> None:
        """Look after files that workers have left which died while they wrote: once in a while, beside the attempt."""
        key = (self._login, self._folder)
        if written is None or self._shared.tidied.get(key, 0.0) > time.monotonic():
            return
        self._shared.tidied[key] = time.monotonic() + FORGOTTEN.total_seconds()
        self._lines.later(lambda: self._tidied(written - FORGOTTEN))

    async def _tidied(self, before: datetime) -> None:
        async with asyncio.timeout(self._shared.timeout.total_seconds()), self._lines.line(self._login) as line:
            async for name, attributes in _entries(line, self._folder):
                if PART.fullmatch(name) and _is_file(attributes) and (_written_at(attributes) or before) < before:
                    self._lines.left.setdefault(self._login, set()).add(self._path(name))
            await self._lines.cleared(self._login, line, [])

    def _path(self, name: str) -> str:
        return f"{'' if self._folder == '/' else self._folder}/{name}"


def _cut(name: str) -> str:
    """Return as much of a name as leaves room beside it: a file system counts bytes."""
    return name.encode()[:120].decode(errors="ignore")


def _permit_for(attempt: Attempt) -> None:
    """Ask for the permit before the first file appears; those that belong to it follow."""
    if not attempt.appeared:
        require_permit()


async def _nothing(line: Line) -> None:
    """Ask for nothing."""


async def _written_aside(line: Line, part: str, body: bytes) -> datetime | None:
    """Write a file that nobody collects, and look whether the server has all of it; return when by the server's clock."""
    file = await line.sftp.open(part, "xb")
    try:
        await file.write(body)
        await _on_disk(line, file)
    except asyncssh.SFTPError as error:
        with suppress(asyncssh.SFTPError):
            await file.close()
        if isinstance(error, asyncssh.SFTPFailure) and await _is_full(line, part, len(body)):
            raise asyncssh.SFTPNoSpaceOnFilesystem("full") from error
        raise
    await file.close()
    found = await line.sftp.lstat(part)
    if found.size != len(body):
        raise NotWritten
    return _written_at(found)


async def _on_disk(line: Line, file: asyncssh.SFTPClientFile) -> None:
    """Have the server put a file on its disk, where it can."""
    if line.syncs:
        try:
            await file.fsync()
        except asyncssh.SFTPOpUnsupported:
            line.syncs = False


async def _is_full(line: Line, path: str, size: int) -> bool:
    """Say whether a disk is full, where the server can tell: version 3 of the protocol, which all speak, has one word for all that fails."""
    try:
        disk = await line.sftp.statvfs(path.rpartition("/")[0] or "/")
    except asyncssh.SFTPError:
        return False
    return disk.bavail * disk.frsize < size


async def _read(line: Line, path: str, limit: int, folder: str) -> Dropped | None:
    try:
        found = await line.sftp.lstat(path)
    except asyncssh.SFTPNoSuchFile:
        await line.sftp.stat(folder)  # raises where the folder is what is missing
        return None
    if not _is_file(found):
        return None
    body = b""
    if limit:
        try:
            file = await line.sftp.open(path, "rb")
        except asyncssh.SFTPNoSuchFile:
            return None
        try:
            body = await file.read(limit + 1)
        except asyncssh.SFTPError:
            await file.close()
            raise
        await file.close()
    whole = len(body) <= limit and (limit > 0 or not found.size)
    return Dropped(bytes(body[:limit]), _written_at(found) or datetime.now(UTC), whole)


async def _removed(line: Line, paths: Iterable[str], folder: str) -> None:
    await line.sftp.stat(folder)
    for path in paths:
        try:
            await line.sftp.remove(path)
        except asyncssh.SFTPNoSuchFile:
            continue


async def _entries(line: Line, folder: str) -> AsyncIterator[tuple[str, asyncssh.SFTPAttrs]]:
    """Yield what lies in a folder, at most 50 000 entries of it."""
    seen = 0
    async for entry in line.sftp.scandir(folder):
        yield str(entry.filename), entry.attrs
        seen += 1
        if seen == MOST_NAMES:
            return


def _is_file(attributes: asyncssh.SFTPAttrs) -> bool:
    return attributes.type in (FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN)


def _written_at(attributes: asyncssh.SFTPAttrs) -> datetime | None:
    return None if attributes.mtime is None else datetime.fromtimestamp(attributes.mtime, UTC)


def _digest(files: Mapping[str, bytes]) -> bytes:
    found = sha256()
    for name, body in files.items():
        found.update(f"{name}\0{len(body)}\0".encode())
        found.update(body)
    return found.digest()
