"""A document as one HTML page: meaning in the elements, everything escaped, nothing fetched, nothing run, and a style that prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import assert_never

from siphub.documents.model import Block, Bullets, Choice, Document, Field, Heading, Paragraph, Signature, Table, Window
from siphub.documents.printable import without_controls

_STYLE = """
:root { color: #1a1a1a; background: #fff; font: 1.125rem/1.5 Georgia, "Times New Roman", serif; }
body { margin: 0 auto; max-width: 44rem; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #767676; padding-bottom: .2rem; }
h3 { font-size: 1.1rem; margin: 1.25rem 0 .25rem; }
p, dd, td, th, li { overflow-wrap: anywhere; white-space: pre-line; }
.small, footer { font-size: .9rem; color: #404040; }
dl { margin: .5rem 0; display: grid; grid-template-columns: minmax(9rem, 1fr) 2.4fr; gap: .35rem 1rem; }
dt { font-weight: bold; }
dd { margin: 0; }
.line { display: block; height: 2.1rem; border-bottom: 1px solid #404040; }
.boxes { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 2rem; }
.boxes span { font-size: 1.3em; }
table { border-collapse: collapse; width: 100%; margin: .75rem 0; font-size: 1rem; }
caption { text-align: left; font-weight: bold; padding: .25rem 0; }
th, td { border: 1px solid #767676; padding: .35rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #efefef; }
td:empty { height: 3rem; }
address { font-style: normal; min-height: 7rem; margin: 0 0 2rem 55%; }
.sign { display: grid; grid-auto-flow: column; gap: 2rem; margin-top: 2rem; }
footer { margin-top: 2.5rem; border-top: 1px solid #767676; padding-top: .5rem; }
@media (max-width: 34rem) { dl, .sign { display: block; } }
@page { size: A4; margin: 20mm; }
@media print {
  :root { font-size: 12pt; }
  body { max-width: none; padding: 0; }
  h2, h3, caption, dt { break-after: avoid; }
  tr, dd, li { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""
_LINE = '<span class="line" role="img" aria-label="Tom rad att skriva på"></span>'


def as_html(document: Document) -> bytes:
    """Return the document as a UTF-8 page that needs nothing beside itself."""
    body = [*_window(document.window), f"<h1>{_text(document.title)}</h1>"]
    for kind, blocks in groupby(document.blocks, type):
        together = list(blocks)
        body += _fields(together) if kind is Field else map(_block, together)
    foot = f"<footer>{_text(document.reference)}</footer>\n" if document.reference else ""
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(document.title)}</title>\n<style>{_STYLE}</style>"
    )
    main = "\n".join(body)
    return f'<!doctype html>\n<html lang="sv">\n<head>\n{head}\n</head>\n<body>\n<main>\n{main}\n</main>\n{foot}</body>\n</html>\n'.encode()


def _text(text: str) -> str:
    return escape(without_controls(text))


def _window(window: Window | None) -> Iterable[str]:
    if window is not None:
        yield f"<address>{'<br>'.join(_text(line) for line in window.lines)}</address>"


def _fields(fields: Iterable[Block]) -> list[str]:
    """Write fields that follow each other as one list of names and values."""
    rows = [
        f"<dt>{_text(field.label)}</dt><dd>{_LINE * field.lines if field.value is None else _text(field.value)}</dd>"
        for field in fields
        if isinstance(field, Field)
    ]
    return ["<dl>", *rows, "</dl>"]


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level}>{_text(text)}</h{level}>"
        case Paragraph(text=text, small=small):
            return f'<p class="small">{_text(text)}</p>' if small else f"<p>{_text(text)}</p>"
        case Field():
            return "\n".join(_fields([block]))
        case Choice():
            return _choice(block)
        case Bullets(items=items):
            return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in items)}</ul>"
        case Table():
            return _table(block)
        case Signature(labels=labels):
            return f'<div class="sign">{"".join(f"<p>{_LINE}{_text(label)}</p>" for label in labels)}</div>'
        case _:
            assert_never(block)


def _choice(choice: Choice) -> str:
    boxes = "".join(f"<li><span>{'☒' if option in choice.chosen else '☐'}</span> {_text(option)}</li>" for option in choice.options)
    return f'<p>{_text(choice.label)}</p><ul class="boxes">{boxes}</ul>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in table.head)
    rows = [
        f'<tr><th scope="row">{_text(first)}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in rest)}</tr>' for first, *rest in table.rows
    ]
    rows += [f"<tr>{'<td></td>' * len(table.head)}</tr>"] * table.empty
    return f"<table><caption>{_text(table.caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
