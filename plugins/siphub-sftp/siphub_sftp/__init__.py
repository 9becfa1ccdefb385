"""Files on servers over SFTP: drops for other adapters, and a record keeper for a registry that collects from a server.

    keeper      sftp
    endpoint    sftp://host[:port]/folder
    settings    logins, timeout_seconds

A file that is there is whole, a repeat has the same name, and a server that shows a host key that is not set is not spoken to.
It must never show a key or a password to a server that the administrator has not named for it.
"""

from collections.abc import Iterable

from siphub.contract import PluginContext, RecordKeeper, hookimpl
from siphub_sftp.logins import Login, read_logins
from siphub_sftp.records import SftpRecords
from siphub_sftp.servers import OPTION, SECRETS, SftpServers, is_sftp

__all__ = ["OPTION", "SECRETS", "Login", "SftpRecords", "SftpServers", "is_sftp", "read_logins", "siphub_record_keepers"]


@hookimpl
def siphub_record_keepers(context: PluginContext) -> Iterable[RecordKeeper]:
    """Offer the record keeper."""
    return [SftpRecords(context)]
