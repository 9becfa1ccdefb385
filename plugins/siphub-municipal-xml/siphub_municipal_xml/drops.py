"""Which addresses are drops, places for files, and which drop each of them is. Every other address is asked over HTTPS.

    /srv/sip/norrby          a folder on this machine, or on a share that is mounted here

It must never show what lets us in to a server that it is not for.
"""

from __future__ import annotations

from collections.abc import Iterator

from siphub.contract import Check, Recipient
from siphub_folder import Drop, FolderDrop
from siphub_folder import Settings as Folders
from siphub_municipal_xml.access import OPTIONS


class Drops:
    """The drops of all municipalities."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def at(self, recipient: Recipient) -> Drop | None:
        """Return an address's drop, or None where it is none."""
        return FolderDrop(self._folders.folder(recipient)) if _is_folder(recipient) else None

    def check(self) -> Iterator[Check]:
        """Say which folders below the root can be written."""
        if self._folders.root is not None:
            yield from self._folders.check()

    def check_address(self, recipient: Recipient) -> Iterator[Check]:
        """Say what an address's drop is, and what of its options it has no use for."""
        strange = sorted(set(recipient.options) & set(OPTIONS))
        if strange:
            yield Check(ok=False, what=f"its address is a folder, and a folder has no {strange[0]}")
        else:
            yield from FolderDrop(self._folders.folder(recipient)).check()


def _is_folder(recipient: Recipient) -> bool:
    """Say whether an address is a folder: a whole path, where others are URLs."""
    return recipient.endpoint.startswith("/")
