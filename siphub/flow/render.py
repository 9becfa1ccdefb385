"""A cut as a document people can read: plain text or HTML, from the recipient's cut alone, never from the message.

Everything is escaped; nothing is interpreted. PDF comes with *The whole SIP*; until then asking for it is answered with a clear error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Literal

from siphub.contract import Cut
from siphub.errors import PluginError


def render(cut: Cut, form: Literal["text", "html", "pdf"]) -> bytes:
    """Return the document, UTF-8.

    Raises:
        PluginError: `render.unsupported`, for PDF.
    """
    lines = list(_lines(cut.document, ""))
    match form:
        case "text":
            return "".join(f"{name}: {value}\n" for name, value in lines).encode()
        case "html":
            rows = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in lines)
            return f"<!doctype html><meta charset='utf-8'><title>SIP</title><table>{rows}</table>".encode()
        case "pdf":
            raise PluginError("hub", "this hub has no renderer for PDF", code="render.unsupported")


def _lines(node: object, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _lines(value, f"{at}.{key}" if at else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node, start=1):
            yield from _lines(value, f"{at}[{index}]")
    else:
        yield at, str(node)
