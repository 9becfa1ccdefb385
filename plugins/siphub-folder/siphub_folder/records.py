"""Record copies as files: a document and its metadata in, a confirmation beside them out.

    <package>.pdf         the document; there before the metadata is
    <package>.json        the metadata; once it is there the package is whole
    <package>.confirmed   put there by the registry: its own reference on the first line, with a line's end

A package that is there is never half there, a confirmation that is half there is none. Names are the package's id and nothing else.
Where the files lie is a drop's matter: the same keeper serves a folder here and a server elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from siphub.contract import Check, Confirmation, Delivered, Outcome, PluginError, Recipient, RecordPackage, Retry, sane_reference
from siphub_folder.drop import Drop, FolderDrop
from siphub_folder.settings import Settings

CONFIRMED = ".confirmed"
_PACKAGE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_READ = 4096


class DropRecords:
    """Record copies in drops.

    Args:
        name: What the directory's `records` addresses call it.
        drop_at: The drop of such an address.
        patience: How long confirmations are read at a time: each may be a question over a line, and the hub waits for all of them together.
    """

    def __init__(self, name: str, drop_at: Callable[[Recipient], Drop], patience: timedelta = timedelta(seconds=10)) -> None:
        self._name, self._drop_at, self._patience = name, drop_at, patience
        self._last: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The name in the directory."""
        return self._name

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Put the document there, then the metadata, each whole or not at all. What has been confirmed is not put there again."""
        if not _PACKAGE.fullmatch(package.package_id):
            raise ValueError("a package's id must be a UUID in lower case")
        drop = self._drop_at(address)
        said = _said(drop, f"{package.package_id}{CONFIRMED}")
        if isinstance(said, Retry):
            return said
        if said is not None:
            return Delivered(package.metadata_name)
        return drop.put({package.pdf_name: package.pdf, package.metadata_name: package.metadata})

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Read what the registry has put there, for some seconds; the next time goes on behind it. Where nobody can look it is nothing."""
        drop = self._drop_at(address)
        names = drop.names()
        if isinstance(names, Retry):
            return ()
        found = [name for name in names if name.endswith(CONFIRMED) and _PACKAGE.fullmatch(name.removesuffix(CONFIRMED))]
        return self._told(drop, found, address.endpoint)

    def _told(self, drop: Drop, names: Sequence[str], place: str) -> Iterator[Confirmation]:
        """Yield what is told, from behind where the last reading of a place ended: what stays there keeps nothing behind it waiting."""
        until, last = time.monotonic() + self._patience.total_seconds(), self._last.get(place, "")
        for name in sorted(names, key=lambda one: (one <= last, one)):
            if time.monotonic() > until:
                return
            self._last[place] = name
            said = _said(drop, name)
            if isinstance(said, tuple):
                yield Confirmation(name.removesuffix(CONFIRMED), said[0], said[1])
        self._last.pop(place, None)

    def settle(self, package_id: str, address: Recipient) -> None:
        """Take away what is left of a confirmed package, the confirmation last: until it is gone everything can be settled again.

        Raises:
            PluginError: It cannot be taken away now.
        """
        if _PACKAGE.fullmatch(package_id):
            left = self._drop_at(address).remove(f"{package_id}{ending}" for ending in (".pdf", ".json", CONFIRMED))
            if left is not None:
                raise PluginError(self._name, "a confirmed package cannot be taken away now: it is settled again", code=left.code)

    def check(self) -> Iterable[Check]:
        """Say what would make this keeper fail tomorrow."""
        return ()

    def close(self) -> None:
        """Hold nothing, let go of nothing."""


class FolderRecords(DropRecords):
    """Record copies in folders below the plugin's root; the `records` address's endpoint is the folder."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("folder", lambda address: FolderDrop(settings.folder(address)))
        self._settings = settings

    def check(self) -> Iterable[Check]:
        """Say which folders can be written."""
        return self._settings.check()

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say whether packages can be put into an address's folder."""
        return FolderDrop(self._settings.folder(recipient)).check()


def _said(drop: Drop, name: str) -> tuple[str, datetime] | Retry | None:
    """Return the reference on the first line and when it was written, or None: no file, no end of line yet, no UTF-8, no sane reference."""
    found = drop.read(name, _MOST_READ)
    if found is None or isinstance(found, Retry):
        return found
    line, end, _ = found.body.partition(b"\n")
    try:
        reference = sane_reference(line.decode("utf-8-sig")) if end else None
    except UnicodeDecodeError:
        return None
    return None if reference is None else (reference, found.written_at)
