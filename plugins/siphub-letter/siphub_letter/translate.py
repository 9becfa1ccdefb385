"""From a cut to a letter, and the note beside it. Pure: the same cut always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from siphub.contract import Cut, MappingError, Payload, PluginError, Recipient, Render

PDF = "application/pdf"
_FORMS: Mapping[str, tuple[Literal["pdf", "html"], str]] = {"pdf": ("pdf", PDF), "html": ("html", "text/html")}
_ENDINGS = {media_type: form for form, media_type in _FORMS.values()}
_MESSAGE, _TYPE, _CASE = "siphub-message-id", "siphub-message-type", "siphub-case"
_TOLD = {_MESSAGE: "message_id", _TYPE: "type", _CASE: "case_id"}


def letter(cut: Cut, recipient: Recipient, render: Render) -> Payload:
    """Return the letter: with the addressee in the envelope's window, or with an empty window to write in.

    Raises:
        MappingError: `mapping.unsupported_form`: the address asks for another form than `pdf` or `html`;
            `mapping.unrepresentable`: it is too large for a letter, or cannot be drawn.
    """
    asked = recipient.options.get("form", "pdf")
    if asked not in _FORMS:
        raise MappingError("a letter's form is pdf or html: correct the option form of this address", code="mapping.unsupported_form")
    form, media_type = _FORMS[asked]
    windowed = replace(cut, document={"addressee": {}, **cut.document})
    headers = {header: str(cut.document.get(field, "")) for header, field in _TOLD.items()}
    try:
        body = render(windowed, form)
    except PluginError as error:
        raise MappingError("this message cannot be made into a letter: read it at the hub", code="mapping.unrepresentable") from error
    return Payload(body, media_type, plugin="siphub-letter@0.1.0", headers=headers)


def ending(payload: Payload) -> str:
    """Return how the letter's file name ends."""
    return _ENDINGS[payload.media_type]


def note(payload: Payload, recipient: Recipient, key: str) -> bytes:
    """Return the note beside the letter, for the mail room's list: which message, in which case, to whom by reference; no name, no address."""
    told = {
        "letter": f"{key}.{ending(payload)}",
        "message_id": payload.headers[_MESSAGE],
        "message_type": payload.headers[_TYPE],
        "case": payload.headers[_CASE],
        "recipient": recipient.unit,
        "organisation": recipient.organisation,
    }
    return (json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
