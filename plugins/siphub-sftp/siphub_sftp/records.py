"""The record keeper `sftp`: record copies on a server, in the form and with the confirmations of the keeper `folder`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from siphub.contract import Check, PluginContext, Problem, Recipient
from siphub_folder import DropRecords
from siphub_sftp.servers import SftpServers
from siphub_sftp.settings import read_settings

NAME: Final = "sftp"


class SftpRecords(DropRecords):
    """Record copies at the servers of `[plugin.sftp]`; the `records` address's endpoint is the folder there."""

    def __init__(self, context: PluginContext) -> None:
        settings = read_settings(context.settings)
        self._servers = SftpServers(NAME, settings.logins, context.secrets, settings.timeout)
        super().__init__(NAME, self._servers.at)

    def check(self) -> Iterable[Check]:
        """Connect to each server, and say what it shows."""
        found = list(self._servers.check())
        return found or [Check(ok=False, what="the setting logins is empty: no record copy can be handed over")]

    def refusal(self, address: Recipient) -> Problem | None:
        """Return why an organisation's copies may not go to an address, or None."""
        return self._servers.refusal(address)

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say as whom, with what and to which host key an organisation's copies go. Asks nobody, and never raises."""
        return self._servers.check_address(recipient)

    def probe(self, recipient: Recipient) -> Iterable[Check]:
        """Ask the server whether a package can be put there."""
        return self._servers.probe(recipient) if self._servers.refusal(recipient) is None else ()

    def close(self) -> None:
        """Close the lines. May be called again."""
        self._servers.close()
