"""A document as a tagged PDF that keeps: PDF/A-2a for the archive and PDF/UA-1 for whoever has it read aloud, both at once.

The compiler is in this process and opens nothing: no file, no network, no package, no font but its own. What it gets is our one sheet
and the document as data; the same document always gives the same bytes, because its day comes from the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from siphub.documents.model import Block, Bullets, Choice, Document, Field, Heading, Paragraph, Signature, Table
from siphub.documents.printable import BOX, drawable
from siphub.errors import PluginError

if TYPE_CHECKING:
    from typst import PDFStandard

MAX_CHARACTERS = 400_000
"""The most a document may hold as JSON, some hundred pages: what bounds the time and memory of one rendering, well within a permit's second."""

_STANDARDS: list[PDFStandard] = ["a-2a", "ua-1"]
_WIDE = 36
_LONG = 220
_LONG_ROW = 700
_NARROW = 14
_NOTE = f"Tecken som skriften i den här utskriften saknar, till exempel bildtecken, står som {BOX}. Webbformen av dokumentet visar dem."


def as_pdf(document: Document) -> bytes:
    """Return the document as PDF.

    Raises:
        PluginError: `render.too_large`, or `render.failed` where the compiler takes it for impossible.
    """
    data = json.dumps(_whole(document), ensure_ascii=False, sort_keys=True)
    if len(data) > MAX_CHARACTERS:
        raise PluginError("hub", f"a document of more than {MAX_CHARACTERS} characters is not made into a PDF", code="render.too_large")
    return _compiled(data)


def _compiled(data: str) -> bytes:
    import typst

    sheet = _sheet()
    try:
        made = typst.compile(
            sheet, root=sheet.parent, format="pdf", ignore_system_fonts=True, sys_inputs={"document": data}, pdf_standards=_STANDARDS
        )
    except BaseException as error:
        # Its words may repeat what the document says, so they go no further. A panic of the compiler is no Exception, and no reason to end a thread.
        if isinstance(error, typst.TypstError) or type(error).__name__ == "PanicException":
            raise PluginError("hub", "the document could not be made into a PDF", code="render.failed") from None
        raise
    if not isinstance(made, bytes):
        raise PluginError("hub", "the document could not be made into a PDF", code="render.failed")
    return made


@cache
def _sheet() -> Path:
    """Return where the sheet lies. By its path: the compiler gives every sheet that comes as bytes a number of its own, and has 65 535."""
    return Path(str(files("siphub.documents") / "sheet.typ"))


def _whole(document: Document) -> Mapping[str, Any]:
    parts = [_block(block) for block in document.blocks]
    whole = {
        "title": drawable(document.title).replace("\n", " "),
        "dated": [document.dated.year, document.dated.month, document.dated.day],
        "reference": drawable(document.reference),
        "window": [drawable(line) for line in document.window.lines] if document.window else None,
        "blocks": parts,
    }
    if BOX in json.dumps(whole, ensure_ascii=False):
        parts.append({"kind": "paragraph", "text": [_NOTE], "small": True})
    return whole


def _block(block: Block) -> Mapping[str, Any]:
    match block:
        case Heading(text=text, level=level):
            return {"kind": "heading", "text": _lines(text), "level": level}
        case Paragraph(text=text, small=small):
            return {"kind": "paragraph", "text": _lines(text), "small": small}
        case Field(label=label, value=value, lines=lines):
            known = None if value is None else _lines(value)
            shape = {"lines": lines, "wide": len(label) > _WIDE, "long": len(value or "") > _LONG}
            return {"kind": "field", "label": _lines(label), "value": known, **shape}
        case Choice(label=label, options=options, chosen=chosen):
            boxes = [{"text": _lines(option), "chosen": option in chosen} for option in options]
            return {"kind": "choice", "label": _lines(label), "options": boxes}
        case Bullets(items=items):
            return {"kind": "bullets", "items": [_lines(item) for item in items]}
        case Table():
            return _table(block)
        case Signature(labels=labels):
            return {"kind": "signature", "labels": [_lines(label) for label in labels]}
        case _:
            assert_never(block)


def _table(table: Table) -> Mapping[str, Any]:
    return {
        "kind": "table",
        "caption": _lines(table.caption),
        "head": [_lines(name) for name in table.head],
        "rows": [{"cells": [_lines(cell, _NARROW) for cell in row], "long": _longest(row) > _LONG_ROW} for row in table.rows],
        "empty": table.empty,
        "widths": list(table.widths or [1] * len(table.head)),
    }


def _longest(row: Iterable[str]) -> int:
    return max((len(cell) for cell in row), default=0)


def _lines(text: str, run: int = 40) -> list[str]:
    """Return a text's lines, each as the fonts can draw it."""
    return [drawable(line, run) for line in text.splitlines()] or [""]
