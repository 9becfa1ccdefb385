"""The servers of one plugin: which drop an address is, whether what lets us in may be shown there, and what `siphub doctor` says of it.

In the folder of secrets, as `plugin.PLUGIN.NAME_sftp_key` the private key of the login NAME (OpenSSH or PEM, without a password), as
`plugin.PLUGIN.NAME_sftp_password` its password; either, or both where a server wants both. Each login is for the one server that the setting
`logins` names, so that a directory can send a password nowhere else. asyncssh is loaded when a server is first spoken to, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from siphub.contract import Check, Outcome, Problem, Recipient, Retry, SettingsError
from siphub.contract.origins import REFUSED
from siphub_folder import Drop, Dropped
from siphub_sftp.logins import SCHEME, Login, Place, place_of

if TYPE_CHECKING:
    from siphub_sftp.drop import Shared

OPTION: Final = "login"
"""The option of a directory entry that names a login; where a server has one login only, it need not be named."""
AT_ONCE: Final = 16
"""How many servers are knocked at at the same time: one that is away takes the whole of its time-out."""
SECRETS: Final = ("_sftp_key", "_sftp_password")
"""How the names of a login's secrets end."""


class SftpServers:
    """Every server that a plugin may put files on.

    Args:
        plugin: The plugin's name, for messages.
        logins: Its setting `logins`, read.
        secrets: Its secrets.
        timeout: For one attempt, connecting included.
    """

    def __init__(self, plugin: str, logins: Mapping[str, Login], secrets: Mapping[str, str], timeout: timedelta) -> None:
        self._plugin, self._logins, self._secrets, self._timeout = plugin, logins, secrets, timeout
        self._shared: Shared | None = None
        self._lock = Lock()

    def at(self, recipient: Recipient) -> Drop:
        """Return an address's drop; where nothing may be shown there, one that says so and asks nobody."""
        found = self._found(recipient)
        if isinstance(found, Problem):
            return _Refused(found)
        from siphub_sftp.drop import SftpDrop

        login, place = found
        return SftpDrop(self._sharing(), login, place.folder)

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why nothing may be sent to an address, or None."""
        found = self._found(recipient)
        return found if isinstance(found, Problem) else None

    def check(self) -> Iterator[Check]:
        """Connect to the server of each login, and say what it lets us in by and which host key it shows."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(self._knocked, self._logins.values())
        for name in sorted(self._secrets):
            login_name = name.removesuffix("_sftp_key").removesuffix("_sftp_password")
            if name.endswith(SECRETS) and login_name not in self._logins:
                yield Check(ok=False, what=f"{name}: the setting logins has no login {login_name}, so that it is sent nowhere")

    def check_address(self, recipient: Recipient) -> Iterator[Check]:
        """Say as whom, with what and to which host key an address is sent. Asks nobody, and never raises."""
        found = self._found(recipient)
        if isinstance(found, Problem):
            yield Check(ok=False, what=f"{found.detail} ({found.code})")
            return
        login, place = found
        try:
            with_what = self._with_what(login)
        except SettingsError as error:
            yield Check(ok=False, what=f"{error.detail} ({error.code})")
            return
        keys = " or ".join(sorted(login.host_keys))
        yield Check(
            ok=True, what=f"gets files in {place.folder} at {login.server} as {login.user} with {with_what}; its host key is {keys}"
        )

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask the server of an address whether a file can be put there, and take it away again."""
        return self.at(recipient).check()

    def close(self) -> None:
        """Close the lines. May be called again."""
        if self._shared is not None:
            self._shared.close()

    def _sharing(self) -> Shared:
        from siphub_sftp.drop import Shared
        from siphub_sftp.lines import Lines

        with self._lock:
            if self._shared is None:
                self._shared = Shared(Lines(self._secrets), self._timeout)
            return self._shared

    def _found(self, recipient: Recipient) -> tuple[Login, Place] | Problem:
        try:
            place = place_of(recipient.endpoint)
        except SettingsError as error:
            return Problem(REFUSED, error.detail)
        name = recipient.options.get(OPTION)
        there = [login for login in self._logins.values() if login.is_for(place)]
        if name is None and len(there) > 1:
            return Problem(
                REFUSED, f"the setting logins of {self._plugin} has several logins for the endpoint's server: name one in the entry"
            )
        chosen = [login for login in there if name in (None, login.name)]
        if not chosen:
            what = f"the setting logins of {self._plugin} has no login {name or ''}".rstrip()
            return Problem(REFUSED, f"{what} for the endpoint's server: mend the entry, or add it there")
        return chosen[0], place

    def _with_what(self, login: Login) -> str:
        """Return what lets us in, with the fingerprint of our key, which the server's people have to know.

        Raises:
            SettingsError: There is nothing, or a key that is none.
        """
        from siphub_sftp.lines import private_key

        key, password = private_key(self._secrets, login), self._secrets.get(f"{login.name}_sftp_password")
        if key is None and not password:
            raise SettingsError(f"the login {login.name} has neither a key nor a password", code="settings.secret_missing")
        ways = [*([f"our key {key.get_fingerprint()}"] if key else []), *(["a password"] if password else [])]
        return " and ".join(ways)

    def _knocked(self, login: Login) -> Check:
        from siphub_sftp.drop import SftpDrop

        shared = self._sharing()
        found = SftpDrop(shared, login, ".").knock()
        shown = shared.lines.shown.get(login)
        if isinstance(found, Retry):
            said = f": it shows the host key {shown}, which is not set" if found.code == "sftp.host_key_refused" else ""
            return Check(ok=False, what=f"the login {login.name} cannot be used at {login.server} ({found.code}){said}")
        return Check(ok=True, what=f"{login.server} lets {login.user} in and shows the host key {shown}")


class _Refused:
    """A drop at which nothing may be shown: everything is tried again until an administrator has mended it."""

    def __init__(self, why: Problem) -> None:
        self._why = why

    def put(self, files: Mapping[str, bytes]) -> Outcome:  # noqa: ARG002 - a Drop
        return Retry(self._why.code)

    def names(self) -> Retry:
        return Retry(self._why.code)

    def read(self, name: str, limit: int) -> Dropped | Retry | None:  # noqa: ARG002 - a Drop
        return Retry(self._why.code)

    def remove(self, names: Iterable[str]) -> Retry | None:  # noqa: ARG002 - a Drop
        return Retry(self._why.code)

    def check(self) -> Iterable[Check]:
        return [Check(ok=False, what=f"{self._why.detail} ({self._why.code})")]


def is_sftp(endpoint: str) -> bool:
    """Say whether an endpoint is a server's over SFTP."""
    return endpoint[: len(SCHEME)].lower() == SCHEME
