"""A pack's schema as one page that people read: what each element, type and list of words is, in Swedish and in English.

The page is whole by itself: no script, no style sheet from elsewhere, no picture. It is made from the schema alone, so the two cannot
drift apart; `siphub mappings schema` prints it, and docs/ holds the one of `municipal-sip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from lxml import etree

from siphub.mappings.pack import Pack

_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_GROUPS: Final = (f"{_XSD}sequence", f"{_XSD}choice", f"{_XSD}all")
_BUILT_IN: Final = "xs:"
_FACETS: Final = {
    "pattern": "mönster · pattern",
    "length": "tecken · characters",
    "minLength": "minst tecken · least characters",
    "maxLength": "högst tecken · most characters",
    "minInclusive": "minst · least",
    "maxInclusive": "högst · most",
    "whiteSpace": "blanksteg · white space",
}
_STYLE: Final = (
    "body{font-family:system-ui,sans-serif;line-height:1.5;max-width:75rem;margin:auto;padding:1rem;color:#1b1b1b;background:#fff}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top}th{background:#eee}code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}"
    "nav ul{columns:20rem}a{color:#00508c}h2{border-top:2px solid #767676;padding-top:1rem}.en{color:#444}"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One element or attribute as the table of its type shows it."""

    name: str
    kind: str
    times: str
    said: etree._Element


def schema_page(pack: Pack) -> str:
    """Return the page of a pack's schema, HTML 5.

    Raises:
        MappingError: `mapping.not_found`, the pack has no schema.
    """
    schemas = pack.schema_trees()
    roots, complex_types, simple_types = (
        [found for schema in schemas for found in schema.findall(f"{_XSD}{kind}")] for kind in ("element", "complexType", "simpleType")
    )
    namespaces = " · ".join(schema.get("targetNamespace") or "ingen · none" for schema in schemas)
    body = [
        f"<h1>{escape(pack.id)} {escape(pack.version)}</h1>",
        _sentences(schemas[0]),
        f"<p>Namnrymd · Namespace: <code>{escape(namespaces)}</code></p>",
        _contents("Meddelanden · Messages", "element", roots),
        _contents("Delar · Parts", "typ", complex_types),
        _contents("Värden · Values", "typ", simple_types),
        *(_section("element", root, root.get("name", ""), _rows_of_element(root)) for root in roots),
        *(_section("typ", kind, kind.get("name", ""), _rows(kind)) for kind in complex_types),
        *(_value(kind) for kind in simple_types),
    ]
    title = f"{escape(pack.id)} {escape(pack.version)}: schemat · the schema"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="sv">\n<head>{head}</head>\n<body>\n<main>\n' + "\n".join(body) + "\n</main>\n</body>\n</html>\n"


def _contents(title: str, kind: str, found: Sequence[etree._Element]) -> str:
    items = "".join(f'<li><a href="#{kind}-{name}"><code>{name}</code></a></li>' for one in found if (name := escape(one.get("name", ""))))
    return f'<nav aria-label="{title}"><p>{title}</p><ul>{items}</ul></nav>'


def _section(kind: str, element: etree._Element, name: str, rows: Iterator[_Row]) -> str:
    shown = escape(name)
    return (
        f'<section aria-labelledby="{kind}-{shown}"><h2 id="{kind}-{shown}">{shown}</h2>\n{_sentences(element)}\n{_table(rows)}</section>'
    )


def _table(rows: Iterator[_Row]) -> str:
    heads = ("Fält · Field", "Värde · Value", "Antal · Times", "På svenska", "In English")
    cells = [
        f'<tr><th scope="row"><code>{escape(row.name)}</code></th><td>{row.kind}</td><td>{escape(row.times)}</td>'
        f'<td>{_told(row.said, "sv")}</td><td lang="en">{_told(row.said, "en")}</td></tr>'
        for row in rows
    ]
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(cells) + "\n</tbody></table>" if cells else ""


def _rows_of_element(element: etree._Element) -> Iterator[_Row]:
    inline = element.find(f"{_XSD}complexType")
    if inline is not None:
        yield from _rows(inline)


def _rows(kind: etree._Element, before: str = "") -> Iterator[_Row]:
    """Yield what a type holds: its attributes, then its elements, those of a list under the list's own name."""
    for attribute in kind.findall(f"{_XSD}attribute") + kind.findall(f"{_XSD}simpleContent/{_XSD}extension/{_XSD}attribute"):
        times = "1" if attribute.get("use") == "required" else "0–1"
        yield _Row(f"{before}@{attribute.get('name')}", _kind(attribute.get("type")), times, attribute)
    content = kind.find(f"{_XSD}simpleContent/{_XSD}extension")
    if content is not None:
        yield _Row(f"{before}text()", _kind(content.get("base")), "1", content)
    for group in (group for name in _GROUPS for group in kind.findall(name)):
        yield from _grouped(group, before)


def _grouped(group: etree._Element, before: str) -> Iterator[_Row]:
    for one in group:
        if one.tag in _GROUPS:
            yield from _grouped(one, before)
        elif one.tag == f"{_XSD}element":
            name, inline = f"{before}{one.get('name')}", one.find(f"{_XSD}complexType")
            shared = group if group.tag == f"{_XSD}choice" else one
            yield _Row(name, _kind(one.get("type")) if inline is None else "lista · list", _times(one, shared), one)
            if inline is not None:
                yield from _rows(inline, f"{name}/")


def _times(element: etree._Element, group: etree._Element) -> str:
    least = "0" if group is not element else element.get("minOccurs", "1")
    most = max((element.get("maxOccurs", "1"), group.get("maxOccurs", "1")), key=lambda one: (one == "unbounded", one))
    most = "∞" if most == "unbounded" else most
    return least if least == most else f"{least}–{most}"


def _kind(name: str | None) -> str:
    if name is None:
        return ""
    local = escape(name.rpartition(":")[2])
    return f"<code>{escape(name)}</code>" if name.startswith(_BUILT_IN) else f'<a href="#typ-{local}"><code>{local}</code></a>'


def _value(kind: etree._Element) -> str:
    """Return the section of a type of text: the words it may be, or what it must look like."""
    name = escape(kind.get("name", ""))
    facets = [
        f"<li>{_FACETS[local]}: <code>{escape(one.get('value', ''))}</code></li>"
        for one in kind.iter()
        if isinstance(one.tag, str) and (local := etree.QName(one).localname) in _FACETS
    ]
    words = [f"<li><code>{escape(one.get('value', ''))}</code>{_meant(one)}</li>" for one in kind.iter(f"{_XSD}enumeration")]
    listed = f"<ul>{''.join(facets + words)}</ul>" if facets or words else ""
    return f'<section aria-labelledby="typ-{name}"><h2 id="typ-{name}">{name}</h2>\n{_sentences(kind)}\n{listed}</section>'


def _meant(word: etree._Element) -> str:
    """Return what a word is in English, where the schema says."""
    said = _said(word, "en")
    return f' <span class="en" lang="en">{said}</span>' if said else ""


def _sentences(element: etree._Element) -> str:
    both = (("sv", f"<p>{_said(element, 'sv')}</p>"), ("en", f'<p class="en" lang="en">{_said(element, "en")}</p>'))
    return "".join(shown for language, shown in both if _said(element, language))


def _told(element: etree._Element, language: str) -> str:
    """Return what the schema says of an element or attribute: by itself, else of its type."""
    name = (element.get("type") or element.get("base") or "").rpartition(":")[2]
    types = (one for one in element.getroottree().getroot() if one.get("name") == name and one.tag != f"{_XSD}element")
    return next((said for one in (element, *types) if (said := _said(one, language))), "")


def _said(element: etree._Element, language: str) -> str:
    found = element.findall(f"{_XSD}annotation/{_XSD}documentation")
    return escape(" ".join(" ".join((one.text or "").split()) for one in found if one.get(_LANG) == language))
