"""Documents people read: a recipient's cut, and the five paper forms, as text, HTML or PDF, in Swedish.

    message ──policy──▶ cut ──▶ Document (headings, fields, lists, tables) ──▶ text │ HTML │ PDF/A-2a + PDF/UA-1

It sees a cut and never a message, so it cannot show what was cut away, and it must leave nothing out of what was not. The same input gives
the same bytes. What people wrote is text everywhere: no part of it is read as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from siphub.contract import Cut
from siphub.documents.facts import Facts
from siphub.documents.forms import FORMS, Form, document_of
from siphub.documents.messages import UNDATED, dated, document, reference
from siphub.documents.model import Document, Paragraph

__all__ = ["FORMS", "MEDIA_TYPES", "As", "Form", "blank", "prefilled", "render"]

As = Literal["text", "html", "pdf"]
MEDIA_TYPES: Mapping[As, str] = {"text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}


def render(cut: Cut, form: As) -> bytes:
    """Return a recipient's cut as a document.

    Raises:
        PluginError: `render.too_large` or `render.failed`, for PDF.
    """
    return _written(document(cut), form)


def blank(name: str, form: As, area: str | None = None) -> bytes:
    """Return one of `FORMS` with nothing filled in.

    Args:
        name: Which.
        form: As what.
        area: The county or region it is for, where it is not for everywhere (REQ-12).

    Raises:
        KeyError: There is no such form.
    """
    title, blocks = document_of(name, Facts({}))
    if area is not None:
        blocks = (Paragraph(f"För dig som bor i {area}."), *blocks)
    return _written(Document(title, blocks, dated=UNDATED, reference="Samordnad individuell plan (SIP)"), form)


def prefilled(name: str, cut: Cut, form: As) -> bytes:
    """Return one of `FORMS` with what a cut knows filled in, and lines for the rest.

    Raises:
        KeyError: There is no such form.
        PluginError: `render.too_large` or `render.failed`, for PDF.
    """
    facts = Facts(cut.document)
    title, blocks = document_of(name, facts)
    return _written(Document(title, blocks, dated=dated(facts), reference=reference(facts)), form)


def _written(written: Document, form: As) -> bytes:
    match form:
        case "text":
            from siphub.documents.as_text import as_text

            return as_text(written)
        case "html":
            from siphub.documents.as_html import as_html

            return as_html(written)
        case "pdf":
            from siphub.documents.as_pdf import as_pdf

            return as_pdf(written)
