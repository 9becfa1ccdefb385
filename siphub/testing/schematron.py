"""A schematron engine that is not ours, for tests: node-schematron over node, with XPath 3.1 by FontoXPath.

It reads the schematrons that others publish, as they are; only abstract patterns, which it does not know, are written out before it gets
them, and an assertion without an id gets its pattern's. It runs in one process for a whole test session, asked line by line.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Final, Self

from lxml import etree

from siphub.testing import node

PACKAGES: Final = "schematron"
"""The list of npm packages in tests/npm, and their folder in the environment."""
_ISO = "{http://purl.oclc.org/dsdl/schematron}"


def missing() -> str | None:
    """Return why there can be no schematrons here, or None."""
    return node.missing(PACKAGES)


class Schematrons:
    """The engine in a process of its own, to be used in a `with` statement."""

    def __enter__(self) -> Self:
        self._process = node.started(PACKAGES, "schematron.cjs")
        node.asked(self._process, {"ready": True})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def broken(self, schematron: Path, document: bytes, *rules: str) -> Counter[str]:
        """Return the ids of the assertions of a schematron that fail for a document, each with the number of its nodes where they do.

        Args:
            schematron: Where it is.
            document: An XML document in UTF-8.
            rules: Only the patterns with one of these assertions are asked, where a table of hundreds of others would take its time.
        """
        asked = {"schematron": _written_out(schematron, rules), "document": document.decode("utf-8")}
        return Counter(node.asked(self._process, asked)["broken"])


@cache
def _written_out(file: Path, rules: tuple[str, ...]) -> str:
    """Return a schematron with each use of an abstract pattern in its place, and an id at every assertion."""
    root = etree.parse(file).getroot()
    abstract = {pattern.get("id"): pattern for pattern in root.iterfind(f"{_ISO}pattern[@abstract='true']")}
    for pattern in root.iterfind(f"{_ISO}pattern[@is-a]"):
        given = {param.get("name"): str(param.get("value")) for param in pattern.iterfind(f"{_ISO}param")}
        pattern[:] = [deepcopy(rule) for rule in abstract[pattern.get("is-a")].iterfind(f"{_ISO}rule")]
        for part in pattern.iter(etree.Element):
            for name, value in part.items():
                part.set(name, _filled(str(value), given))
        del pattern.attrib["is-a"]
    for pattern in abstract.values():
        root.remove(pattern)
    for pattern in root.findall(f"{_ISO}pattern"):
        for one in pattern.iter(f"{_ISO}assert"):
            one.set("id", one.get("id") or str(pattern.get("id")))
            one[:] = []  # its words may ask for more than the engine knows, and are not looked at
            one.text = str(one.get("id"))
        if rules and not {one.get("id") for one in pattern.iter(f"{_ISO}assert")} & set(rules):
            root.remove(pattern)
    return etree.tostring(root, encoding="unicode")


def _filled(text: str, given: dict[str | None, str]) -> str:
    for name, value in given.items():
        text = text.replace(f"${name}", value)
    return text
