"""Each message as a letter on paper: a PDF in the outbox that a mail room empties, for people, and for units without a system.

    name        letter
    kinds       all
    media type  application/pdf: or text/html, where an address says `form = "html"`
    receipts    none: a letter that lies in the outbox counts as delivered
    idempotent  no: a letter that has been taken away cannot be seen any more
    ordered     yes
    recall      by a further message
    max bytes   31457280
    mapping     none
    settings    root

Name and address stand inside the letter only: never in the name of a file, and never in the note beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from siphub.contract import Adapter, AdapterInfo, Check, Cut, Delivered, Outcome, Payload, PluginContext, Recipient, Render, hookimpl
from siphub_folder import FolderDrop, Settings, first_there, named, put_all, remove_all
from siphub_letter.translate import PDF, ending, letter, note

__all__ = ["LetterAdapter", "siphub_adapters"]


class LetterAdapter:
    """Letters in outboxes below one root."""

    info = AdapterInfo(name="letter", media_type=PDF, receipts="none", idempotent=False)

    def __init__(self, render: Render, settings: Settings) -> None:
        self._render = render
        self._settings = settings

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        """Write the cut as a letter.

        Raises:
            MappingError: The address asks for a form that no letter has.
        """
        return letter(cut, recipient, self._render)

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        """Put one letter into the outbox, with a note beside it that appears first: whoever sees a letter sees its note."""
        files = {named(key): note(payload, recipient, key), named(key, ending(payload)): payload.body}
        return put_all(files, self._settings.folder(recipient))

    def confirm(self, key: str, recipient: Recipient) -> Outcome | None:
        """Say Delivered where the letter is still there; where it is not, the mail room may have taken it."""
        found = first_there([named(key, "pdf"), named(key, "html")], self._settings.folder(recipient))
        return None if found is None else Delivered(found)

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Take the letter and then its note out of the outbox, where the mail room has not."""
        return remove_all([named(key, "pdf"), named(key, "html"), named(key)], self._settings.folder(recipient))

    def check(self) -> Iterable[Check]:
        """Say which outboxes can be written."""
        return self._settings.check()

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say whether letters can be put into an outbox."""
        return FolderDrop(self._settings.folder(recipient)).check()

    def close(self) -> None:
        """Hold nothing, let go of nothing."""


@hookimpl
def siphub_adapters(context: PluginContext) -> Iterable[Adapter]:
    """Offer the adapter."""
    return [LetterAdapter(context.render, Settings.read(context.settings, context.plugin))]
