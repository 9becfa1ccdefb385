"""What a narrative may hold: R4's rules txt-1 and txt-2, by an allow-list of XHTML's elements and attributes.

Nothing of a foreign narrative is ever read or shown; one with script in it is refused all the same, because whoever made it is not to be
trusted with the rest. Comments say nothing and are passed over. It must never repeat a word of a narrative.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from siphub.contract import BadBody, Invalid, Problem

_ELEMENTS: Final = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "area",
        "b",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "map",
        "ol",
        "p",
        "pre",
        "q",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "ul",
        "var",
    ]
)
_ATTRIBUTES: Final = frozenset(
    [
        "abbr",
        "accesskey",
        "align",
        "alt",
        "axis",
        "border",
        "cellhalign",
        "cellpadding",
        "cellspacing",
        "cellvalign",
        "char",
        "charoff",
        "charset",
        "cite",
        "class",
        "colspan",
        "coords",
        "datetime",
        "dir",
        "frame",
        "headers",
        "height",
        "href",
        "hreflang",
        "id",
        "lang",
        "longdesc",
        "name",
        "nohref",
        "rel",
        "rev",
        "rowspan",
        "rules",
        "scope",
        "shape",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "tabindex",
        "title",
        "type",
        "usemap",
        "valign",
        "value",
        "width",
    ]
)
"""XHTML's own for these elements, without those that hold a script."""
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})
_SCRIPTED: Final = ("javascript:", "vbscript:", "data:text/html")


def narrative_problem(value: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with a narrative's div, once."""
    from siphub_fhir.xml_out import narrative_of  # a hub that reads no narrative does not load the parser

    try:
        root = narrative_of(value, pointer)
    except Invalid as invalid:
        yield invalid.problems[0]
        return
    except BadBody:
        yield Problem("fhir.narrative", "the narrative is no well-formed XHTML", pointer=pointer)
        return
    if not all(_allowed(element) for element in root.iter()):
        yield Problem("fhir.narrative", "txt-1: the narrative has an element or an attribute that R4 does not allow", pointer=pointer)
    elif not "".join(root.itertext()).strip() and not any(str(one.tag).endswith("}img") for one in root.iter()):
        yield Problem("fhir.narrative", "txt-2: the narrative says nothing", pointer=pointer)


def _allowed(element: Any) -> bool:
    space, _, name = str(element.tag).rpartition("}")
    if space != "{http://www.w3.org/1999/xhtml" or name not in _ELEMENTS:
        return False
    return all(
        (str(key) in _ATTRIBUTES or key == _LANGUAGE) and not (key in _LINKS and "".join(str(value).split()).lower().startswith(_SCRIPTED))
        for key, value in element.attrib.items()
    )
