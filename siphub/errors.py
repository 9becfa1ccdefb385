"""Every error siphub raises, in one tree, each with a stable code.

    SiphubError
    ├── Refused                 the caller asked for something we will not do (an HTTP 4xx, exit code 1)
    │   ├── BadBody             the bytes could not be read                        400
    │   ├── Unauthenticated     no or unknown credentials                          401
    │   ├── Forbidden           known caller, not allowed                          403
    │   ├── NotThere            not there, or not yours: the same answer           404
    │   ├── NotAcceptable       no answer in a form that the caller takes          406
    │   ├── Conflict            another body under a used id, or out of order      409
    │   ├── TooLarge            above a limit                                      413
    │   ├── UnsupportedMedia    no reader for this media type                      415
    │   └── Invalid             readable, but not a valid message                  422
    ├── Busy                    try again later (an HTTP 503 with Retry-After)
    ├── BrokerError
    │   ├── BrokerLost          the broker went away, or did not answer in time
    │   └── Unroutable          no queue takes this bell
    ├── StoreError
    │   ├── StoreBusy           the database did not give its lock in time
    │   │   └── StoreConflict   two transactions waited for each other, and this one gave way
    │   ├── StoreLost           the database cannot be reached, or did not answer in time
    │   └── Sealed              content that cannot be opened: wrong key, or altered bytes
    ├── BackupError             a backup that cannot be made, or must not be restored
    ├── BookError               an address book that cannot be fetched, or must not take its copy's place
    ├── PluginError             a plugin broke its contract; names the plugin
    ├── MappingError            a mapping pack is missing, altered or wrong
    ├── SettingsError           a setting is missing or wrong
    ├── NoToken                 a token server gives a client no access token, or cannot be asked
    └── PermitExpired           the permission to send ran out before the first byte

A code is a promise: it is listed in docs/errors.md and never changes its meaning.
No message, argument or repr of an error carries personal data: name the thing and the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what was handed in.

    `pointer` is a JSON pointer (RFC 6901) into the message; `position` is "line L column C" or "byte N"
    for bytes that could not be read at all. `detail` is a sentence without personal data.
    """

    code: str
    detail: str
    pointer: str | None = None
    position: str | None = None


class SiphubError(Exception):
    """The root: everything siphub raises on purpose.

    Args:
        detail: What is wrong and what to do about it, without personal data.
        code: The stable code; each class has a default.
    """

    code: str = "siphub.error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Refused(SiphubError):
    """The caller asked for something we will not do."""

    code = "request.refused"
    status = 400

    def __init__(self, detail: str, *, code: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail, code=code)
        self.problems = problems


class BadBody(Refused):
    """The bytes could not be read; a problem carries the position."""

    code = "body.unreadable"
    status = 400


class Unauthenticated(Refused):
    """No credentials, or credentials we do not know."""

    code = "caller.unauthenticated"
    status = 401


class Forbidden(Refused):
    """A known caller who may not do this."""

    code = "caller.forbidden"
    status = 403


class NotThere(Refused):
    """Not there, or not yours: deliberately the same answer (G15)."""

    code = "case.not_there"
    status = 404


class NotAcceptable(Refused):
    """There is no answer in a form that the caller takes."""

    code = "answer.not_acceptable"
    status = 406


class Conflict(Refused):
    """Another body under a used id, or an earlier version after a later one."""

    code = "message.id_reused"
    status = 409


class TooLarge(Refused):
    """Above a limit of size."""

    code = "body.too_large"
    status = 413


class UnsupportedMedia(Refused):
    """No enabled reader takes this media type."""

    code = "body.unsupported_media"
    status = 415


class Invalid(Refused):
    """Readable, but not a message we accept; each problem has a pointer and a code."""

    code = "message.invalid"
    status = 422


class Busy(SiphubError):
    """The hub cannot take more just now; nothing was accepted."""

    code = "hub.busy"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: timedelta = timedelta(seconds=5)) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class BrokerError(SiphubError):
    """Something about the broker."""

    code = "broker.error"


class BrokerLost(BrokerError):
    """The broker went away or did not answer within the time-out."""

    code = "broker.lost"


class Unroutable(BrokerError):
    """No queue takes this bell."""

    code = "broker.unroutable"


class StoreError(SiphubError):
    """Something about the database."""

    code = "store.error"


class StoreBusy(StoreError):
    """The database did not give its lock in time; nothing was written."""

    code = "store.busy"


class StoreConflict(StoreBusy):
    """Two transactions waited for each other, and the database took this one back; nothing was written, and at once it goes through."""

    code = "store.conflict"


class StoreLost(StoreError):
    """The database cannot be reached, or did not answer in time; what was being written may be written or not, and a repeat finds out."""

    code = "store.lost"


class Sealed(StoreError):
    """Content that cannot be opened: the key is wrong or gone, or the bytes were altered."""

    code = "store.sealed"


class BackupError(SiphubError):
    """A backup that cannot be made, or must not be restored as things are; nothing was changed."""

    code = "backup.failed"


class BookError(SiphubError):
    """An address book that cannot be fetched, or must not take the place of the copy there is."""

    code = "book.error"


class PluginError(SiphubError):
    """A plugin broke its contract.

    Args:
        plugin: The plugin's name, for the administrator.
    """

    code = "plugin.broken"

    def __init__(self, plugin: str, detail: str, *, code: str | None = None) -> None:
        super().__init__(f"plugin {plugin}: {detail}", code=code)
        self.plugin = plugin


class MappingError(SiphubError):
    """A mapping pack is missing, altered, or maps something it does not know."""

    code = "mapping.broken"


class SettingsError(SiphubError):
    """A setting is missing or wrong."""

    code = "settings.wrong"


class NoToken(SiphubError):
    """There is no access token to be had now; nothing of a message was sent. `code` says why."""

    code = "token.none"


class PermitExpired(SiphubError):
    """The permission to send ran out before the first byte; nothing was sent."""

    code = "permit.expired"
