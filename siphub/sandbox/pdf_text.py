"""What stands in a PDF, for whoever must find words in a letter: the texts of all its pages, in the order in which they are drawn.

It reads what our compiler writes (whole objects, deflated pages, fonts that say which characters their glyphs stand for) and is no reader
for any PDF: what it cannot name becomes �, and is never left out silently.
"""

from __future__ import annotations

import re
import zlib
from codecs import BOM_UTF16_BE
from collections.abc import Iterator, Mapping
from typing import Final

_OBJECT: Final = re.compile(rb"(?:^|\n)(\d+) 0 obj(.*?)\nendobj", re.DOTALL)
_STREAM: Final = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_DRAWN: Final = re.compile(
    rb"/(?P<font>\w+) [\d.]+ Tf|(?P<said>/ActualText)?(?:(?P<text>\()|<(?P<hex>[0-9A-Fa-f]+)>)|(?P<end>\bET\b)", re.DOTALL
)
_INSIDE: Final = re.compile(rb"\\.|[()]|[^\\()]+", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_GLYPH: Final = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")

Objects = Mapping[bytes, bytes]
Font = dict[int, str]


def text_of(pdf: bytes) -> str:
    """Return the texts of a PDF, one line for each piece that is drawn."""
    objects = dict(_OBJECT.findall(pdf))
    pages = [body for body in objects.values() if b"/Type/Page/" in body]
    drawn = "".join(text for page in pages for text in _of_page(page, objects))
    return drawn.replace("\n\N{SOFT HYPHEN}\n", "").replace("\N{ZERO WIDTH SPACE}", "")


def _of_page(page: bytes, objects: Objects) -> Iterator[str]:
    """Yield what one page draws, piece by piece."""
    resources = objects[_named(b"Resources", page)]
    fonts = {name: _font(objects[number], objects) for name, number in re.findall(rb"/(\w+) (\d+) 0 R", _fonts_in(resources))}
    content, font, at = _stream(objects[_named(b"Contents", page)]), Font(), 0
    while found := _DRAWN.search(content, at):
        at = found.end()
        if found["font"]:
            font = fonts[found["font"]]
        elif found["end"]:
            yield "\n"
        else:
            told, at = _string(content, found)
            if found["said"]:
                # What is said here instead of what is drawn: the hyphen at a line's end is none in the word.
                at = content.index(b"EMC", at)
            yield _said(told) if found["said"] else _told(told, font)


def _string(content: bytes, found: re.Match[bytes]) -> tuple[bytes, int]:
    """Return a string's bytes, and where it ends."""
    if found["hex"]:
        return bytes.fromhex(found["hex"].decode()), found.end()
    end = _closed(content, found.start("text"))
    return _plain(content[found.end() : end - 1]), end


def _closed(content: bytes, start: int) -> int:
    """Return where a text in parentheses ends; within it, those that come in pairs are characters like others."""
    depth = 0
    for found in _INSIDE.finditer(content, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return len(content)


def _fonts_in(resources: bytes) -> bytes:
    found = re.search(rb"/Font<<(.*?)>>", resources, re.DOTALL)
    return found[1] if found else b""


def _font(font: bytes, objects: Objects) -> Font:
    """Return which characters a font's glyphs stand for."""
    table = _stream(objects[_named(b"ToUnicode", font)])
    return {int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in _GLYPH.findall(table)}


def _said(text: bytes) -> str:
    return text.decode("utf-16" if text.startswith(BOM_UTF16_BE) else "latin-1")


def _told(glyphs: bytes, font: Font) -> str:
    numbers = (int.from_bytes(glyphs[at : at + 2], "big") for at in range(0, len(glyphs), 2))
    return "".join(font.get(number, "\N{REPLACEMENT CHARACTER}") for number in numbers)


def _plain(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: _unescaped(found[1]), text)


def _unescaped(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if escape[:1].isdigit() else _ESCAPES.get(escape, escape)


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    data = found[1] if found else b""
    return zlib.decompress(data) if b"/FlateDecode" in body.partition(b"stream")[0] else data


def _named(key: bytes, body: bytes) -> bytes:
    """Return the number of the object that a key refers to; the PDF is not one of ours where there is none."""
    found = re.search(rb"/%b (\d+) 0 R" % key, body)
    if found is None:
        message = "this PDF is not written as the hub writes them"
        raise ValueError(message)
    return found[1]
