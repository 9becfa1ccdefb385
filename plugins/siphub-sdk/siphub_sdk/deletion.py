"""What is taken away at the message service: our own messages, with their case, or some days after their receipt has been recorded.

The API deletes one message at a time, in statuses that the service decides. Only what this hub made, and has a recorded end of, is ever
deleted; what others sent stays, because it is a public record whose original lies there. What cannot be deleted stops nothing: it is logged
with its code, told by `check`, and tried again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from siphub.contract import Check, PluginContext, Uncertain
from siphub_sdk.instants import instant
from siphub_sdk.listed_accounts import MAIN
from siphub_sdk.outcomes import UNSENT, address_in
from siphub_sdk.service import Service
from siphub_sdk.settings import SdkSettings
from siphub_sdk.translate import made_here

_LAST: Final = "delete"
_NOBODY: Final = "-"
_PAUSE: Final = 3600.0
"""Seconds after a refusal in which a poll deletes nothing more."""
_AT_ONCE: Final = 20
"""The most that one poll deletes: answers are not to wait for it."""


class Deletion:
    """Deletes at the message service."""

    def __init__(self, context: PluginContext, settings: SdkSettings, service: Service, adapter: str) -> None:
        self._context, self._settings, self._service, self._adapter = context, settings, service, adapter
        self._key = _LAST if settings.account in {"", MAIN} else f"{_LAST}/{settings.account}"
        self._not_before = 0.0
        self._left = _AT_ONCE

    def began(self) -> None:
        """Note that a poll begins."""
        self._left = _AT_ONCE

    def erase(self, message_id: str, address: str) -> bool:
        """Delete a message of ours to a functional address, whatever its age; say whether nothing of it is there any more.

        One that the service has yet to send stays until it has: it may be what calls a meeting off.
        """
        if self._settings.keeps_all:
            return True
        found = self._service.get(message_id)
        if found == HTTPStatus.NOT_FOUND:
            return True
        if isinstance(found, Uncertain):
            return self._said(found.code)
        if not isinstance(found, Mapping) or not made_here(found) or address_in(found, "recipientAttention") != address:
            return self._said("sdk.delete_not_ours")
        if found.get("messageStatus") in UNSENT:
            return self._said("sdk.delete_early")
        return self._said(self._service.delete(message_id))

    def take_back(self, message_id: str, address: str) -> bool:
        """Delete a message of ours to a functional address that the service has yet to send; say whether it could be asked."""
        if self._settings.keeps_all:
            return True
        found = self._service.get(message_id)
        if isinstance(found, Uncertain):
            return self._said(found.code)
        if not isinstance(found, Mapping) or found.get("messageStatus") not in UNSENT:
            return True
        if made_here(found) and address_in(found, "recipientAttention") == address:
            self._said(self._service.delete(message_id))
        return True

    def in_time(self, message_id: str, attributes: Mapping[str, Any]) -> None:
        """Delete a message of ours whose receipt is recorded, where the settings say after how long, and it is that old."""
        if not self._is_due(attributes) or self._left <= 0 or time.monotonic() < self._not_before:
            return
        self._left -= 1
        # A service may leave the generating system out of its lists, and another client of ours write under the same name.
        whole = attributes if "generatingSystem" in attributes else self._service.get(message_id)
        if isinstance(whole, Mapping) and made_here(whole) and not self._said(self._service.delete(message_id)):
            self._not_before = time.monotonic() + _PAUSE

    def check(self) -> Iterable[Check]:
        """Say whether deleting is allowed, as far as it can be known."""
        if self._settings.keeps_all:
            return
        why = self._service.may_delete() or self._last()
        if why:
            yield Check(
                ok=False,
                what=f"the message service deletes nothing for us ({why}): give the client the scope {self._settings.delete_scope}, or set"
                " delete_after_days to never; messages of erased cases stay there until then",
            )

    def _is_due(self, attributes: Mapping[str, Any]) -> bool:
        after = self._settings.delete_after
        if after is None:
            return False
        written = instant(str(attributes.get("creationDateTime")))
        return written is not None and self._context.clock.now() - written >= after

    def _said(self, code: str | None) -> bool:
        """Log what kept a message from being deleted, and keep it for `check`; say whether nothing did."""
        if code is not None:
            self._context.log.warning("delete.failed", adapter=self._adapter, code=code)
        refused = code if code in REFUSALS else None
        if (code is None or refused) and self._last() != refused:
            self._context.state.put(_NOBODY, self._key, (refused or "").encode())
        return code is None

    def _last(self) -> str | None:
        return (self._context.state.get(_NOBODY, self._key) or b"").decode() or None


REFUSALS: Final = frozenset({"sdk.delete_forbidden", "sdk.token_refused"})
"""What an administrator has to do something about."""
