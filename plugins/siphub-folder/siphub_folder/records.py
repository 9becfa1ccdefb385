"""Record copies as files: a document and its metadata in, a confirmation beside them out.

    <package>.pdf         the document; there before the metadata is
    <package>.json        the metadata; once it is there the package is whole
    <package>.confirmed   put there by the registry: its own reference on the first line, with a line's end

A package that is there is never half there, a confirmation that is half there is none. Names are the package's id and nothing else.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from siphub.contract import Check, Confirmation, Delivered, Outcome, Recipient, RecordPackage, sane_reference
from siphub_folder.deliver import put_all
from siphub_folder.settings import Settings

CONFIRMED = ".confirmed"
_PACKAGE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_READ = 4096


class FolderRecords:
    """Record copies in folders below the plugin's root; the `records` address's endpoint is the folder."""

    name = "folder"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Put the document there, then the metadata, each whole or not at all. What has been confirmed is not put there again."""
        if not _PACKAGE.fullmatch(package.package_id):
            raise ValueError("a package's id must be a UUID in lower case")
        folder = self._settings.folder(address)
        if folder is not None and _said(folder / f"{package.package_id}{CONFIRMED}") is not None:
            return Delivered(package.metadata_name)
        return put_all({package.pdf_name: package.pdf, package.metadata_name: package.metadata}, folder)

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Read what the registry has put there. A missing folder has confirmed nothing."""
        folder = self._settings.folder(address)
        return _confirmations(folder) if folder is not None and folder.is_dir() else ()

    def settle(self, package_id: str, address: Recipient) -> None:
        """Take away what is left of a confirmed package, the confirmation last: until it is gone everything can be settled again."""
        folder = self._settings.folder(address)
        if folder is not None and _PACKAGE.fullmatch(package_id):
            for ending in (".pdf", ".json", CONFIRMED):
                (folder / f"{package_id}{ending}").unlink(missing_ok=True)

    def check(self) -> Iterable[Check]:
        """Say which folders can be written."""
        return self._settings.check()

    def close(self) -> None:
        """Hold nothing, let go of nothing."""


def _confirmations(folder: Path) -> Iterator[Confirmation]:
    for file in sorted(folder.glob(f"*{CONFIRMED}")):
        package_id = file.name.removesuffix(CONFIRMED)
        found = _said(file) if _PACKAGE.fullmatch(package_id) else None
        if found is not None:
            yield Confirmation(package_id, found[0], found[1])


def _said(file: Path) -> tuple[str, datetime] | None:
    """Return the reference on the first line and when it was written, or None: no file, no end of line yet, no UTF-8, no sane reference."""
    try:
        found = file.lstat()
        if not stat.S_ISREG(found.st_mode):
            return None
        with file.open("rb") as opened:
            line, end, _ = opened.read(_MOST_READ).partition(b"\n")
        reference = sane_reference(line.decode("utf-8")) if end else None
        return None if reference is None else (reference, datetime.fromtimestamp(found.st_mtime, UTC))
    except (OSError, UnicodeDecodeError):
        return None
