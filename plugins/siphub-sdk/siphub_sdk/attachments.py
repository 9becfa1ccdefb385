"""What is attached to a message: itself as PDF/A, and as data where both sides have agreed on that; and whose attached messages are read.

SDK obliges nobody to take anything but PDF, and has no structured message for a SIP. So data goes to, and is believed from, an organisation
with which the owner has an agreement, which the setting `agreements` holds and the directory entry names. It must never hold the person's
number, which has one place in a message, nor anything that the recipient's cut has not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from siphub.contract import Check, Cut, MappingError, Problem, Recipient, Render, Submission
from siphub_sdk.settings import SdkSettings, canonical
from siphub_sdk.wording import beside

PDF_NAME: Final = "sip.pdf"
DATA_NAME: Final = "sip.json"
"""The names of attachments: they say nothing of anybody."""
FORMAT: Final = "siphub.cut/1.0"
"""What the data calls itself: the recipient's cut in the shape of siphub's canonical message, without whom it is about."""
REFUSED: Final = "address.agreement_missing"
"""The code of an entry that asks for data without an agreement."""
_KNOWN: Final = frozenset({"pdf", "structured"})
_UNREAD: Final = "siphub-sdk-attached"
_ZONE: Final = ZoneInfo("Europe/Stockholm")


def attached(
    cut: Cut, recipient: Recipient, settings: SdkSettings, render: Render, further: Sequence[tuple[str, str]] = ()
) -> list[dict[str, str]]:
    """Return the files that the directory entry asks for, as the SDK API has them; the document says the text's further lines too.

    Raises:
        MappingError: `sdk.attachment_unknown`, a word that is none of ours; `sdk.agreement_missing`, `sdk.agreement_not_in_force`.
    """
    asked = set(recipient.options.get("attachment", "").replace(",", " ").split())
    if asked - _KNOWN or (not asked and "attachment" in recipient.options):
        raise MappingError(
            'the option attachment is "pdf", "structured", both with a comma between, or is not there', code="sdk.attachment_unknown"
        )
    files = [_file(PDF_NAME, "application/pdf", render(_on_paper(cut, further), "pdf"))] if "pdf" in asked else []
    return [*files, *([_file(DATA_NAME, "application/json", _data(cut, recipient, settings))] if "structured" in asked else [])]


def _on_paper(cut: Cut, further: Sequence[tuple[str, str]]) -> Cut:
    """Return the cut as its document is made of it: with the text's own words in the place of whom it is about and of the consent.

    A field of the content under a name that no message has is shown under that name (`siphub.documents`).
    """
    told = {part: value for part, value in cut.document.items() if part not in {"subject", "consent_statement"}}
    content = cut.document.get("content")
    said = {**(content if isinstance(content, Mapping) else {}), **dict(beside(cut, further))}
    return replace(cut, document={**told, "content": said})


def _data(cut: Cut, recipient: Recipient, settings: SdkSettings) -> bytes:
    name = recipient.options.get("agreement", "")
    found = settings.agreements.get(name)
    if found is None or not found.binds(cut.document.get("owner"), recipient.options.get("participant", "")):
        detail = "data is attached only where the entry's option agreement names one of the setting agreements, between this owner and this organisation"
        raise MappingError(detail, code="sdk.agreement_missing")
    if datetime.fromisoformat(str(cut.document["sent_at"])).astimezone(_ZONE).date() < found.since:
        raise MappingError("the agreement that the entry names is not in force yet", code="sdk.agreement_not_in_force")
    told = {part: value for part, value in cut.document.items() if part != "subject"}
    document = {"format": FORMAT, "agreement": name, "message": told}
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")


def _file(name: str, media_type: str, body: bytes) -> dict[str, str]:
    return {"fileName": name, "contentType": media_type, "content": base64.b64encode(body).decode("ascii")}


def refusal(recipient: Recipient, settings: SdkSettings) -> Problem | None:
    """Return why an entry that asks for data cannot be used, or None: no agreement with its participant has the name that it gives."""
    if "structured" not in recipient.options.get("attachment", ""):
        return None
    found = settings.agreements.get(recipient.options.get("agreement", ""))
    if found is not None and found.participant == canonical(recipient.options.get("participant", "")):
        return None
    detail = "the entry asks for data, and its option agreement names no agreement with its participant in the setting agreements: add it, or ask for none"
    return Problem(REFUSED, detail)


def checks(recipient: Recipient, settings: SdkSettings, day: date) -> list[Check]:
    """Return what doctor says of an entry that asks for data."""
    if "structured" not in recipient.options.get("attachment", ""):
        return []
    found = settings.agreements.get(recipient.options.get("agreement", ""))
    ok = found is not None and found.participant == canonical(recipient.options.get("participant", "")) and found.since <= day
    what = "an agreement in force with the entry's participant stands in the setting agreements under the name in its option agreement"
    return [Check(ok=ok, what=what if ok else f"this is not so, and what is for it is held: {what}")]


def fetched(body: bytes, media_type: str, settings: SdkSettings, sender: str | None, owner: str | None, day: date) -> Submission:
    """Return what was fetched, marked where a message attached to it is not to be read: without an agreement its text is a person's to read."""
    agreed = any(one.binds(owner, sender or "") and one.since <= day for one in settings.agreements.values())
    return Submission(body, media_type, _headers(agreed=agreed))


def _headers(*, agreed: bool) -> Mapping[str, str]:
    return {} if agreed else {_UNREAD: "unread"}


def is_read(submission: Submission) -> bool:
    """Say whether a message that is attached is read: what nobody has fetched was handed in by whoever answers for it."""
    return _UNREAD not in submission.headers
