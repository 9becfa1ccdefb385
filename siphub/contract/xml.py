"""The one XML parser for bytes from outside: no DTD, no entities, no network, no file, bounded in size, depth and number of parts.

It takes bytes only, decides the encoding itself from a short list, and never lets the parser choose one. What it refuses it names by code
and position, never by content: an error holds no fragment of the document.
"""

from __future__ import annotations

import codecs
import re

from lxml import etree

from siphub.errors import BadBody, Problem, TooLarge

MAX_BYTES = 8 * 1024 * 1024
"""The largest document taken unless the caller says otherwise, in bytes."""

MAX_DEPTH = 64
"""How deep elements may be nested unless the caller says otherwise; the root has depth 1."""

MAX_PARTS = 100_000
"""How many elements, attributes and other pieces of markup a document may have: what bounds the memory of a parsed one."""

_LONGEST_TEXT = 10_000_000
"""The longest text that libxml2 takes unless it is told to take larger ones, in bytes; a shorter document holds none."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*(["'])([^"'<>]{0,40})\1""")
_UNMARKED = {"utf-8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1", "windows-1252": "cp1252"}
_UTF16 = {"utf-16", "utf-16le", "utf-16be"}
_START_TAG = re.compile(r"""(<[^\s!?/<>"'](?:[^<>"'/]++|/(?!>)|"[^"]*+"|'[^']*+')*+)/?>""")
_WHITE_SPACE = " \t\r\n"
_ERROR_NAMES = {value: name for name, value in vars(etree.ErrorTypes).items() if isinstance(value, int)}


def parse_xml(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_parts: int = MAX_PARTS) -> etree._Element:
    """Return the root element. Comments and processing instructions are left out, so that no text is split by them.

    UTF-8, US-ASCII, ISO-8859-1, Windows-1252 and, with a byte order mark, UTF-16 are read.

    Args:
        body: The document as it came.
        max_bytes: The largest size, in bytes.
        max_depth: The deepest nesting; the parser's own limit of 256 stands above it, for a document of at most ten million bytes.
        max_parts: The most pieces of markup, counted generously: every `<` and `=` is one.

    Raises:
        TooLarge: `body.too_large`.
        BadBody: `xml.encoding`, `xml.doctype`, `xml.not_well_formed`, `xml.too_deep` or `xml.too_many_parts`;
            one problem with the position as "line L column C".
    """
    if len(body) > max_bytes:
        message = f"the document is larger than {max_bytes} bytes"
        raise TooLarge(message)
    text = _decode(body)
    _refuse_doctype(text)
    if text.count("<") + text.count("=") > max_parts:
        raise _refusal("xml.too_many_parts", f"the document has more than {max_parts} pieces of markup", 1, 1)
    root = _parse(text.encode())
    _refuse_depth(root, max_depth)
    return root


def root_name(body: bytes, *, max_bytes: int = MAX_BYTES) -> tuple[str | None, str]:
    """Return the namespace, or None, and the local name of a document's root, read from the root's own start tag and from nothing else.

    For whoever has to say what a document is before it is read: what stands before the root, in it or in a value of it is not looked at.

    Args:
        body: The document as it came; the encodings are those of `parse_xml`.
        max_bytes: The largest size, in bytes.

    Raises:
        TooLarge: `body.too_large`.
        BadBody: `xml.encoding`, `xml.doctype`, or `xml.not_well_formed`: there is no whole start tag, or it is none.
    """
    if len(body) > max_bytes:
        message = f"the document is larger than {max_bytes} bytes"
        raise TooLarge(message)
    text = _decode(body)
    begin = _refuse_doctype(text)
    tag = _START_TAG.match(text, begin)
    if tag is None:
        raise _refusal("xml.not_well_formed", "the document has no root element", *_position(text, begin))
    root = etree.QName(_parse(f"{tag[1]}/>".encode()))
    return root.namespace, root.localname


def serialise_xml(root: etree._Element) -> bytes:
    """Return the document as UTF-8 with a declaration; the same tree always gives the same bytes."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", xml_declaration=False, with_tail=False)


def hardened_parser(*, large: bool = False) -> etree.XMLParser:
    """Return a parser that reads UTF-8 and opens nothing. Use `parse_xml` for what comes from outside: this one does not refuse a DOCTYPE.

    Args:
        large: One text may be longer than libxml2's ten million bytes. That lifts its limit of depth too: for whoever has bounded the document.

    `collect_ids=False` must never be among its options: with it libxml2 opens the external subset of a document, whatever `load_dtd` says.
    """
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=large,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )


def _parse(body: bytes) -> etree._Element:
    try:
        root = etree.fromstring(body, hardened_parser(large=len(body) > _LONGEST_TEXT))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        name = _ERROR_NAMES.get(error.code, "unknown")
    else:
        if root.getroottree().docinfo.internalDTD is None:
            return root
        line, column, name = 1, 1, "DTD"
    # Outside the handler on purpose: the parser's own message repeats parts of the document and must not travel along as a context.
    raise _refusal("xml.not_well_formed", f"the document is not well-formed XML ({name})", line, column)


def _decode(body: bytes) -> str:
    declared = _declared(body)
    encoding, start = next(((name, len(bom)) for bom, name in _BOMS if body.startswith(bom)), (_UNMARKED.get(declared, ""), 0))
    if start and declared and not (declared in _UTF16 if encoding.startswith("utf-16") else declared == "utf-8"):
        encoding = ""
    unmarked = not start and b"\0" in body[:4]
    if not encoding or unmarked or body.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _refusal(
            "xml.encoding", "the document must be UTF-8, US-ASCII, ISO-8859-1, Windows-1252, or UTF-16 with a byte order mark", 1, 1
        )
    try:
        return body[start:].decode(encoding)
    except UnicodeDecodeError as error:
        before = body[start : start + error.start].decode(encoding, "replace")
    raise _refusal("xml.encoding", "the document has bytes that its encoding does not allow", *_position(before, len(before)))


def _declared(body: bytes) -> str:
    """Return the declared encoding in lower case, `utf-8` where none is declared and there is no byte order mark."""
    marked = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    head = (body[:400].replace(b"\0", b"") if marked else body[:200]).lstrip(codecs.BOM_UTF8 + codecs.BOM_UTF16_LE)
    found = _DECLARED.match(head)
    if found:
        return found.group(2).decode("ascii", "replace").lower()
    return "" if marked else "utf-8"


def _refuse_doctype(text: str) -> int:
    """Walk over what may stand before the root and refuse a DOCTYPE there, before any parser has seen it; return where the root should be."""
    place = 0
    while True:
        while place < len(text) and text[place] in _WHITE_SPACE:
            place += 1
        if text.startswith("<?", place):
            end = text.find("?>", place)
        elif text.startswith("<!--", place):
            end = text.find("-->", place + 4)
        else:
            break
        if end < 0:
            return place
        place = text.index(">", end) + 1
    if text[place : place + 9].upper() == "<!DOCTYPE":
        raise _refusal("xml.doctype", "a document type declaration is not accepted; send the document without it", *_position(text, place))
    return place


def _refuse_depth(root: etree._Element, max_depth: int) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > max_depth:
            raise _refusal("xml.too_deep", f"elements are nested deeper than {max_depth}", element.sourceline or 1, 1)


def _position(text: str, place: int) -> tuple[int, int]:
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)


def _refusal(code: str, detail: str, line: int, column: int) -> BadBody:
    return BadBody(detail, code=code, problems=(Problem(code, detail, position=f"line {max(line, 1)} column {max(column, 1)}"),))
