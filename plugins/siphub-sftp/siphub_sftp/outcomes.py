"""From what asyncssh and sockets raise to an outcome: the one place.

| what went wrong | before a file appears | from then on |
|---|---|---|
| the server is away, its name is unknown, it does not answer in time | Retry `partner.…` | Uncertain `partner.timeout` |
| the line is cut | Retry `partner.connection_cut` | Uncertain `partner.connection_cut` |
| another host key than is set | Retry `sftp.host_key_refused` | |
| it does not let us in | Retry `sftp.login_refused` | |
| it has no SFTP, or speaks another protocol | Retry `sftp.no_sftp`, `sftp.protocol_failed` | Uncertain `sftp.protocol_failed` |
| it says no: no such folder, not allowed, full, over the quota | Retry `sftp.…` | Retry: it has not done it |

Where one of the files that belong together has appeared and the next has not, it is Uncertain, whatever it was. Everything but a server
that is away is for an administrator, and the message is in order.
It must never repeat what a server said.
"""

from __future__ import annotations

import socket
from typing import Final

import asyncssh
from asyncssh.constants import FX_FAILURE

from siphub.contract import Outcome, Retry, SettingsError, Uncertain

KNOWN: Final = (OSError, asyncssh.Error, SettingsError)
"""What may go wrong without being a mistake of ours; a time-out is an OSError."""
_LOST: Final = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage)


class NotWritten(asyncssh.SFTPError):
    """The server took every byte, and has fewer."""

    def __init__(self) -> None:
        super().__init__(FX_FAILURE, "short")


def said_no(error: BaseException) -> bool:
    """Say whether a server has answered, and answered no: then the line is in order, and what was asked for has not been done."""
    return isinstance(error, asyncssh.SFTPError) and not isinstance(error, _LOST)


def outcome_of(error: BaseException, *, connected: bool, appearing: bool, appeared: bool) -> Outcome:
    """Say what an attempt led to that ended in an error.

    Args:
        error: One of `KNOWN`.
        connected: The server had let us in.
        appearing: It had been asked to let a file appear, and has not answered.
        appeared: A file that belongs to it has appeared, and not all have.
    """
    why = retry_of(error, connected=connected)
    return Uncertain(why.code) if appearing or appeared else why


def retry_of(error: BaseException, *, connected: bool) -> Retry:
    """Say why something cannot be done now."""
    if isinstance(error, SettingsError):
        return Retry(error.code)
    if isinstance(error, asyncssh.SFTPError):
        return _refused(error)
    return _broken(error) if connected else _unreached(error)


def _refused(error: asyncssh.SFTPError) -> Retry:
    match error:
        case NotWritten():
            return Retry("sftp.not_whole")
        case asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection():
            return Retry("partner.connection_cut")
        case asyncssh.SFTPBadMessage():
            return Retry("sftp.protocol_failed")
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath() | asyncssh.SFTPNotADirectory():
            return Retry("sftp.folder_missing")
        case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
            return Retry("sftp.not_allowed")
        case asyncssh.SFTPNoSpaceOnFilesystem():
            return Retry("sftp.disk_full")
        case asyncssh.SFTPQuotaExceeded():
            return Retry("sftp.quota_exceeded")
        case _:
            return Retry("sftp.refused")


def _unreached(error: BaseException) -> Retry:
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return Retry("sftp.host_key_refused")
        case asyncssh.PermissionDenied() | asyncssh.IllegalUserName():
            return Retry("sftp.login_refused")
        case asyncssh.ChannelOpenError():
            return Retry("sftp.no_sftp")
        case socket.gaierror():
            return Retry("partner.unresolved")
        case TimeoutError():
            return Retry("partner.connect_timeout")
        case ConnectionRefusedError():
            return Retry("partner.refused")
        case _:
            return _broken(error)


def _broken(error: BaseException) -> Retry:
    match error:
        case asyncssh.ConnectionLost() | ConnectionError():
            return Retry("partner.connection_cut")
        case TimeoutError():
            return Retry("partner.timeout")
        case OSError():
            return Retry("partner.unreachable")
        case _:
            return Retry("sftp.protocol_failed")
