"""Which addresses are drops, places for files, and which drop each of them is. Every other address is asked over HTTPS.

    /srv/sip/norrby                        a folder on this machine, or on a share that is mounted here
    sftp://sftp.norrby.example/in          a folder on a server, as the login that the setting `logins` has for it

It must never show what lets us in to a server that it is not for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from siphub.contract import Check, PluginContext, Problem, Recipient
from siphub_folder import Drop, FolderDrop
from siphub_municipal_xml.access import OPTIONS
from siphub_municipal_xml.settings import MunicipalXmlSettings
from siphub_sftp import OPTION, SftpServers, is_sftp

SFTP_OPTIONS = (OPTION,)
"""What an entry whose address is on a server may say besides."""


class Drops:
    """The drops of all municipalities."""

    def __init__(self, context: PluginContext, settings: MunicipalXmlSettings) -> None:
        self._folders = settings.folders
        self._servers = SftpServers(context.plugin, settings.logins, context.secrets, settings.timeout)

    def at(self, recipient: Recipient) -> Drop | None:
        """Return an address's drop, or None where it is none."""
        if is_sftp(recipient.endpoint):
            return self._servers.at(recipient)
        return FolderDrop(self._folders.folder(recipient)) if _is_folder(recipient) else None

    def refusal(self, recipient: Recipient) -> Problem | None:
        """Return why nothing may be put into an address's drop, or None; in a folder nothing is shown that lets us in."""
        return self._servers.refusal(recipient) if is_sftp(recipient.endpoint) else None

    def check(self) -> Iterator[Check]:
        """Say which folders below the root can be written, and whether each login is let in at its server."""
        if self._folders.root is not None:
            yield from self._folders.check()
        yield from self._servers.check()

    def check_address(self, recipient: Recipient) -> Iterator[Check]:
        """Say what an address's drop is, and what of its options it has no use for."""
        kind = "on a server for files, which" if is_sftp(recipient.endpoint) else "a folder, and a folder"
        strange = sorted(set(recipient.options) & {*OPTIONS, *(() if is_sftp(recipient.endpoint) else SFTP_OPTIONS)})
        if strange:
            yield Check(ok=False, what=f"its address is {kind} has no {strange[0]}")
        elif is_sftp(recipient.endpoint):
            yield from self._servers.check_address(recipient)
        else:
            yield from FolderDrop(self._folders.folder(recipient)).check()

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask an address's server whether a file can be put there; nobody else is asked."""
        if is_sftp(recipient.endpoint) and self.refusal(recipient) is None:
            return self._servers.probe(recipient)
        return ()

    def close(self) -> None:
        """Close the lines to servers."""
        self._servers.close()


def _is_folder(recipient: Recipient) -> bool:
    """Say whether an address is a folder: a whole path, where others are URLs."""
    return recipient.endpoint.startswith("/")
