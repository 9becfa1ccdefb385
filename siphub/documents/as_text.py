"""A document as plain text, for screens and mail that know nothing else."""

from __future__ import annotations

from textwrap import wrap
from typing import assert_never

from siphub.documents.model import Block, Bullets, Choice, Document, Field, Heading, Paragraph, Signature, Table
from siphub.documents.printable import without_controls

WIDTH = 78
LINE = "." * 60


def as_text(document: Document) -> bytes:
    """Return the document as UTF-8 text."""
    parts = [*(["\n".join(document.window.lines)] if document.window and document.window.lines else [])]
    parts += [f"{document.title}\n{'=' * min(len(document.title), WIDTH)}", *(_block(block) for block in document.blocks)]
    if document.reference:
        parts.append(document.reference)
    return (without_controls("\n\n".join(parts)) + "\n").encode()


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"{text}\n{('-' if level == 2 else '·') * min(len(text), WIDTH)}"  # noqa: PLR2004 - two levels, two underlinings
        case Paragraph(text=text):
            return _wrapped(text)
        case Field(label=label, value=None, lines=lines):
            return "\n\n".join([f"{label}:", *[LINE] * lines])
        case Field(label=label, value=value):
            return _wrapped(f"{label}: {value}")
        case Choice(label=label, options=options, chosen=chosen):
            return "\n".join([_wrapped(label), *(f"  [{'x' if option in chosen else ' '}] {option}" for option in options)])
        case Bullets(items=items):
            return "\n".join(_wrapped(f"* {item}", "  ") for item in items)
        case Table():
            return _table(block)
        case Signature(labels=labels):
            return "\n\n".join(f"{label}: {LINE}" for label in labels)
        case _:
            assert_never(block)


def _table(table: Table) -> str:
    """Write each row as named lines: columns of long texts are no help on a narrow screen."""
    rows = [*table.rows, *([tuple(LINE for _ in table.head)] * table.empty)]
    told = ["\n".join(_wrapped(f"{name}: {cell}", "  ") for name, cell in zip(table.head, row, strict=True) if cell) for row in rows]
    return "\n\n".join([f"{table.caption}:", *told])


def _wrapped(text: str, indent: str = "") -> str:
    """Break long lines between words; a line break in the text stays."""
    return "\n".join(
        "\n".join(wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)) for line in text.splitlines()
    )
