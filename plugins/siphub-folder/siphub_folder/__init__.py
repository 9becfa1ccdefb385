"""Each message as a JSON file in the recipient's folder: the adapter to copy when you write your own.

    name        folder
    kinds       all
    media type  application/json
    receipts    none: a visible file counts as delivered
    idempotent  no: a collected file cannot be seen any more
    ordered     yes
    recall      by a further message
    max bytes   31457280
    mapping     none
    settings    root

Its record keeper puts the record copies of an organisation there in the same way, and reads the registry's confirmations; see `records`.
It must never show a half-written file, nor name one after anything but the hub's own key.
"""

from __future__ import annotations

from collections.abc import Iterable

from siphub.contract import (
    Adapter,
    AdapterInfo,
    Check,
    Cut,
    Delivered,
    Outcome,
    Payload,
    PluginContext,
    Recipient,
    RecordKeeper,
    hookimpl,
)
from siphub_folder.deliver import first_there, named, put, put_all, remove_all, removed
from siphub_folder.drop import Drop, Dropped, FolderDrop, is_plain, plain
from siphub_folder.held import Folder, Place
from siphub_folder.records import DropRecords, FolderRecords
from siphub_folder.settings import Settings
from siphub_folder.translate import MEDIA_TYPE, to_json

__all__ = [
    "Drop",
    "DropRecords",
    "Dropped",
    "Folder",
    "FolderAdapter",
    "FolderDrop",
    "FolderRecords",
    "Place",
    "Settings",
    "first_there",
    "is_plain",
    "named",
    "plain",
    "put",
    "put_all",
    "remove_all",
    "removed",
    "siphub_adapters",
    "siphub_record_keepers",
]


class FolderAdapter:
    """Files in folders below one root."""

    info = AdapterInfo(name="folder", media_type=MEDIA_TYPE, receipts="none", idempotent=False)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:  # noqa: ARG002 - every recipient gets the same form
        """Write the cut as JSON."""
        return Payload(to_json(cut), MEDIA_TYPE, plugin="siphub-folder@0.1.0")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Put one file into the recipient's folder."""
        return put(payload.body, self._settings.folder(recipient), named(key))

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Say Delivered where the file is still there; where it is not, it may have been collected."""
        found = first_there([named(key)], self._settings.folder(recipient))
        return None if found is None else Delivered(found)

    def check(self) -> Iterable[Check]:
        """Say which folders can be written."""
        return self._settings.check()

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say whether files can be put into a recipient's folder."""
        return FolderDrop(self._settings.folder(recipient)).check()

    def close(self) -> None:
        """Hold nothing, let go of nothing."""


@hookimpl
def siphub_adapters(context: PluginContext) -> Iterable[Adapter]:
    """Offer the adapter."""
    return [FolderAdapter(Settings.read(context.settings))]


@hookimpl
def siphub_record_keepers(context: PluginContext) -> Iterable[RecordKeeper]:
    """Offer the record keeper."""
    return [FolderRecords(Settings.read(context.settings))]
