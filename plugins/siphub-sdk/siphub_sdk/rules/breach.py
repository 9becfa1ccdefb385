"""A broken rule, and the two ways to find one: an XML schema, and a table of XPaths that select what is wrong.

A place is told by the names that the schema declares and by numbers: a name that a document brings along could say anything.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Final, Literal

from lxml import etree

from siphub.contract import Invalid, Problem

Rules = Sequence[tuple[str, str]]
"""For each rule its id, and an XPath 1.0 from the root of a document that selects everything that breaks it."""
SCHEMA_RULE: Final = "xsd"
_REGULAR: Final = {"re": "http://exslt.org/regular-expressions"}
_MOST = 50


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule.

    Args:
        kind: SV, the schema, or BV, a business rule, as receipts have it.
        rule: `xsd`, the id of Digg's rule, or the name of one of its prose.
        where: A JSON pointer over element names.
    """

    kind: Literal["SV", "BV"]
    rule: str
    where: str

    @property
    def detail(self) -> Literal["structure", "invariant"]:
        """SDK's word for what is wrong."""
        return "structure" if self.kind == "SV" else "invariant"

    @property
    def code(self) -> str:
        """The code under which it is refused: `sdk.sv.structure` or `sdk.bv.invariant`."""
        return f"sdk.{self.kind.lower()}.{self.detail}"


def refuse_breaches(breaches: Sequence[Breach]) -> None:
    """Raise where there are any.

    Raises:
        Invalid: `sdk.sv.structure` or `sdk.bv.invariant`, as the first of them says, with a problem for each.
    """
    if breaches:
        problems = tuple(Problem(one.code, f"this breaks the rule {one.rule} of SDK", pointer=one.where) for one in breaches)
        raise Invalid("the SDK document is refused: the problems say which rules it breaks", code=breaches[0].code, problems=problems)


class Schema:
    """One of the schemas beside this package, compiled when it is first asked, once for each thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._compiled = threading.local()

    def breaches(self, root: etree._Element) -> list[Breach]:
        """Return what the schema has against the root of a document."""
        schema: etree.XMLSchema | None = getattr(self._compiled, "schema", None)
        if schema is None:
            with as_file(files("siphub_sdk") / "schema") as folder:
                schema = self._compiled.schema = etree.XMLSchema(etree.parse(folder / self._path))
        if schema.validate(root):
            return []
        places = dict.fromkeys(place(_at(root, entry.path), _names(self._path)) for entry in schema.error_log)
        return [Breach("SV", SCHEMA_RULE, where) for where in places][:_MOST]

    def broken(self, rules: Rules, root: etree._Element, namespaces: Mapping[str, str]) -> list[Breach]:
        """Return what of a table of rules a document breaks."""
        found = [(rule, node) for rule, path in rules for node in _nodes(root, path, namespaces)]
        return list(dict.fromkeys(Breach("BV", rule, place(node, _names(self._path))) for rule, node in found))[:_MOST]


@cache
def _names(path: str) -> frozenset[str]:
    """Return every name that a schema, and what lies beside it, declares."""
    with as_file(files("siphub_sdk") / "schema") as folder:
        nodes = [node for file in (folder / path).parent.rglob("*.xsd") for node in etree.parse(file).iter("{*}element")]
    return frozenset(name for node in nodes if (name := node.get("name")))


def _nodes(root: etree._Element, path: str, namespaces: Mapping[str, str]) -> list[etree._Element]:
    found = root.xpath(path, namespaces={**namespaces, **_REGULAR})
    return [node for node in found if etree.iselement(node)] if isinstance(found, list) else []


def _at(root: etree._Element, path: str | None) -> etree._Element:
    """Return the element that a validator's own path leads to; the root where it leads nowhere."""
    prefixes = {prefix: uri for node in root.iter(etree.Element) for prefix, uri in node.nsmap.items() if prefix}
    try:
        found = root.getroottree().xpath(path or "/*", namespaces=prefixes)
    except etree.XPathError:
        found = []
    return found[0] if isinstance(found, list) and found and etree.iselement(found[0]) else root


def place(node: etree._Element, names: frozenset[str]) -> str:
    """Return a pointer to an element; where several have one name, a number says which, and `*` stands for a name that no schema declares."""
    steps: list[str] = []
    for one in (node, *node.iterancestors()):
        name = etree.QName(one).localname
        tag = str(one.tag)
        before = len(list(one.itersiblings(tag, preceding=True)))
        several = before > 0 or next(one.itersiblings(tag), None) is not None
        steps.append((name if name in names else "*") + (f"/{before}" if several else ""))
    return "/" + "/".join(reversed(steps))
