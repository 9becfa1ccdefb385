"""The message service's SDK API, one request at a time: send, get, list, delete. Every failure is a value.

It must never put anything but ids, status words and our own functional addresses into an address.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from siphub.contract import Check, HttpAnswer, HttpFailure, NoToken, Outcome, Payload, PluginContext, Retry, SettingsError, Uncertain
from siphub_sdk import outcomes
from siphub_sdk.access import Access
from siphub_sdk.listing import LIST_BYTES, Listed, read_list
from siphub_sdk.outcomes import address_in
from siphub_sdk.settings import SdkSender, SdkSettings, canonical
from siphub_sdk.translate import made_here

_PATH: Final = "/sdk/messages"
_WITNESSES: Final = ("WAITING_FOR_RECEIPT", "ACCEPTED", "REJECTED")
"""In which statuses another message of ours is looked for: none that asking for it would change."""
_MOST: Final = 3
"""So many of one status are asked for; a large one may be above what is fetched."""
Found = Mapping[str, Any] | int | Uncertain | None
"""What the service says of one message."""
_MOST_FILTERS: Final = 5
"""With more functional addresses than these a list is asked for once for all of them: an account for each of many owners has none but theirs."""
_NEAR: Final = 75
"""Per cent of what is read of a list, above which doctor warns."""
_CLEAR_OUT: Final = (
    "receipts and answers beyond what is read are not heard; set delete_after_days, or have old messages deleted at the service"
)


class Service:
    """What the adapter asks of the message service."""

    def __init__(self, context: PluginContext, settings: SdkSettings, ours: Collection[SdkSender] = ()) -> None:
        """Ask at the account in the settings; what lies there is ours where it is of or to any of `ours`, another account's too."""
        self._context, self._settings = context, settings
        self._ours = tuple(ours or settings.senders.values())
        self._access = Access(settings, context)
        self._deleting = Access(settings, context, settings.delete_scope)
        self._filters = len({one.address for one in self._ours}) <= _MOST_FILTERS

    def send(self, payload: Payload, message_id: str) -> Outcome:
        """POST a message once.

        Raises:
            PermitExpired: Nothing was sent.
        """
        try:
            result = self._asked("POST", _PATH, with_id(payload.body, message_id), {"Content-Type": payload.media_type, **payload.headers})
        except (NoToken, SettingsError) as error:
            return Retry(error.code)
        return outcomes.of_sending(result, message_id, self._context.clock.now())

    def ready(self) -> str | None:
        """Return the code of what keeps a token from us, or None."""
        try:
            self._access.header()
        except (NoToken, SettingsError) as error:
            return error.code
        return None

    def may_delete(self) -> str | None:
        """Return the code of what keeps a token for deleting from us, or None."""
        try:
            self._deleting.header()
        except (NoToken, SettingsError) as error:
            return error.code
        return None

    def delete(self, message_id: str) -> str | None:
        """Delete a message; return the code of what kept it there, or None where nothing of it is left."""
        try:
            result = self._asked("DELETE", f"{_PATH}/{quote(message_id, safe='')}", None, {}, self._deleting)
        except (NoToken, SettingsError) as error:
            return error.code
        if not isinstance(result, HttpAnswer) or result.status != HTTPStatus.NOT_FOUND:
            return outcomes.of_deleting(result)
        found = self.get(message_id)
        return None if found == HTTPStatus.NOT_FOUND else found.code if isinstance(found, Uncertain) else "sdk.delete_refused"

    def get(self, message_id: str) -> Found:
        """Return a message's attributes; a status where the service answered and gave none; Uncertain where it cannot be asked now; else None.

        The status is 404 where it surely has no such message, and 200 where there is one above the limit of what is fetched. A 404 that does
        not say by itself that it is the service's counts where the service shows another message of ours at the same kind of address, and
        then says 404 to this one again.
        """
        found = self._got(message_id)
        if found != outcomes.UNPROVEN or not self._shows_one():
            return found
        again = self._got(message_id)
        return HTTPStatus.NOT_FOUND if again == outcomes.UNPROVEN else again

    def _shows_one(self) -> bool:
        """Say whether the service lists a message that we sent, and gives it when asked for it alone."""
        for status in _WITNESSES:
            listed = self.listed(status)
            if listed is None:
                return False
            found = [str(one["messageId"]) for one in listed if self._settings.is_ours(str(one.get("sender")))][:_MOST]
            if any(isinstance(self._got(one), Mapping) for one in found):
                return True
        return False

    def _got(self, message_id: str) -> Found:
        """Ask for a message once; a 404 that proves nothing is Uncertain."""
        try:
            result = self._asked("GET", f"{_PATH}/{quote(message_id, safe='')}", None, {})
        except (NoToken, SettingsError) as error:
            return Uncertain(error.code)
        away = outcomes.of_asking(result, self._context.clock.now())
        if away is not None or isinstance(result, HttpFailure):
            return away
        if result.status == HTTPStatus.NOT_FOUND:
            return outcomes.of_absence(result, message_id) or HTTPStatus.NOT_FOUND
        document = outcomes.document_of(result)
        if result.status == HTTPStatus.OK and not result.truncated:
            found = outcomes.attributes_of(document.get("data")) if isinstance(document, Mapping) else None
            return found if found is not None and outcomes.same(found["messageId"], message_id) else None
        return result.status if result.truncated or not result.body or document is not None else None

    def listed(self, status: str) -> list[Mapping[str, Any]] | None:
        """Return the attributes, without documents, of our messages in a status; None where the service cannot be asked, or says no list.

        What other clients have there is never kept. Of a list above the limit, what stands within it is returned.
        """
        found = self._lists(status)
        return None if found is None else list({str(one["messageId"]): one for listed in found for one in listed.messages}.values())

    def check_lists(self) -> Iterable[Check]:
        """Say how much of what is read of a list the longest one takes, and which cannot be read, or not to its end."""
        longest, at = 0, ""
        for status in (*sorted(outcomes.ARRIVED), *sorted(outcomes.ENDED)):
            lists = self._lists(status)
            if lists is None:
                yield Check(ok=False, what=f"the message service does not list its messages in {status}: receipts or answers are not heard")
            elif not all(one.whole for one in lists):
                yield Check(ok=False, what=f"the message service's list in {status} is too long to be read to its end: {_CLEAR_OUT}")
            else:
                longest, at = max([(longest, at), *((one.size, status) for one in lists)])
        share = longest * 100 // LIST_BYTES
        if share:
            said = f"the message service's longest list, in {at}, takes {share} % of what is read of one"
            yield Check(ok=share < _NEAR, what=said if share < _NEAR else f"{said}: {_CLEAR_OUT}")

    def _lists(self, status: str) -> list[Listed] | None:
        """Ask for a list; where it is too long to be read to its end, ask for each of our functional addresses too, as it is written here."""
        everything = self._list(status, {})
        if not isinstance(everything, Listed):
            return None
        side = "recipientAttention" if status in outcomes.ARRIVED else "senderAttention"
        found = [everything]
        for address in sorted({sender.address for sender in self._ours}) if not everything.whole and self._filters else ():
            one = self._list(status, {f"filter[{side}.subOrganization.extension]": address})
            if isinstance(one, Listed):
                found.append(one)
        return found

    def _list(self, status: str, further: Mapping[str, str]) -> Listed | int | None:
        """Ask for one list; return a status where the service gives none, None where it cannot be asked or that is no list."""
        query = urlencode({"filter[messageStatus]": status, **further})
        try:
            result = self._asked("GET", f"{_PATH}?{query}", None, {}, most=LIST_BYTES)
        except (NoToken, SettingsError):
            return None
        if isinstance(result, HttpFailure):
            return None
        if result.status == HTTPStatus.NOT_FOUND:
            return Listed()  # the OpenAPI's answer where nothing meets the filter
        if result.status != HTTPStatus.OK:
            return result.status
        found = read_list(result.body, lambda one: one.get("messageStatus") == status and self._is_ours(status, one), cut=result.truncated)
        if found is not None and not found.whole:
            self._context.log.warning("poll.failed", adapter=self._context.plugin, code="sdk.list_too_long", status=status)
        return found

    def _is_ours(self, status: str, attributes: Mapping[str, Any]) -> bool:
        """Say whether a listed message is to one of our functions, or from one of our organisations, as far as it says."""
        senders = self._ours
        if status in outcomes.ARRIVED:
            return canonical(address_in(attributes, "recipientAttention")) in {canonical(one.address) for one in senders}
        sender = attributes.get("sender")
        return canonical(sender) in {canonical(one.participant) for one in senders} if isinstance(sender, str) else made_here(attributes)

    def _asked(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], access: Access | None = None, most: int = 0
    ) -> HttpAnswer | HttpFailure:
        if not self._settings.service:
            raise SettingsError("sdk: the setting service is missing", code="settings.missing")
        access = access or self._access
        token = access.header()
        sent = {"Accept": "application/json", **headers, **token}
        http = self._context.http.keeping(most) if most else self._context.http
        result = http.request(method, self._settings.service + path, body, sent, self._settings.timeout)
        if isinstance(result, HttpAnswer) and result.status == HTTPStatus.UNAUTHORIZED:
            access.forget(token)
        return result


def with_id(body: bytes, message_id: str) -> bytes:
    """Return a translated message with its messageId: the same body and id always give the same bytes."""
    document = json.loads(body)
    document["data"]["attributes"]["messageId"] = message_id
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
