"""The recipient's own registry number: learnt from what it writes, and repeated in everything that is sent to it about that case afterwards.

It is kept in the plugin's sealed state under the case's id, so that it is erased with the case, and for cases alone in which that
organisation has been written to: a number under any other id would be erased with nothing. It must never be repeated to anybody but the
organisation that named it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from siphub.contract import PluginContext
from siphub_sdk.message import SdkMessage, our_cases, their_number
from siphub_sdk.settings import SdkSettings, canonical

LABEL: Final = "Ert diarienummer"
_MOST: Final = 5
"""In how many cases one message may name its number."""
_NONE_YET: Final = b""


class References:
    """What the recipients call our cases."""

    def __init__(self, context: PluginContext, settings: SdkSettings) -> None:
        self._state, self._settings = context.state, settings

    def note(self, message: SdkMessage) -> None:
        """Keep the number that one of the agencies names, for the conversation and the cases it repeats in which we have written to it."""
        owner, number, theirs = self._settings.owner_at(message.recipient.address), their_number(message), message.sender.participant
        if owner is None or number is None or theirs is None or self._settings.number_of(theirs) is None:
            return
        for case in dict.fromkeys([message.conversation_id.lower(), *our_cases(message)][:_MOST]):
            if self._state.get(owner, _key(case, theirs)) is not None:
                self._state.put(owner, _key(case, theirs), number.encode())

    def written_to(self, body: bytes) -> None:
        """Note that the recipient of a translated message has been written to in its case: from now on its number may be kept."""
        attributes: dict[str, Any] = json.loads(body)["data"]["attributes"]
        owner, key = self._owner(attributes), _key(attributes["conversationId"], attributes["recipient"])
        if owner is not None and self._state.get(owner, key) is None:
            self._state.put(owner, key, _NONE_YET)

    def repeated(self, body: bytes) -> bytes:
        """Return a translated message with its recipient's number in its recipient's reference, where there is one."""
        document = json.loads(body)
        attributes: dict[str, Any] = document["data"]["attributes"]
        owner = self._owner(attributes)
        found = self._state.get(owner, _key(attributes["conversationId"], attributes["recipient"])) if owner else None
        if not found:
            return body
        attention: dict[str, Any] = attributes["recipientAttention"]
        number = {"root": "dnr", "extension": found.decode(), "label": LABEL}
        attention["referenceId"] = [*attention.get("referenceId", ()), number]
        return json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")

    def _owner(self, attributes: Mapping[str, Any]) -> str | None:
        return self._settings.owner_of(str(attributes["sender"]), _function(attributes))


def _key(case: str, participant: str) -> str:
    return f"reference/{case}/{canonical(participant)}"


def _function(attributes: Mapping[str, Any]) -> str:
    return str(attributes["senderAttention"]["subOrganization"]["extension"])
