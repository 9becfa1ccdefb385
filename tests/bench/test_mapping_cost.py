"""What a mapping pack costs for one delivery: a plan of ten kilobytes as validated XML, against its bare parts in the same run."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from siphub.contract import SystemClock
from siphub.contract.neutral import NAMESPACE, written
from siphub.mappings import Mappings, shipped
from siphub.model import parse_message, sample

ACTIVITIES = 36
TIMES, ROUNDS = 10, 60
LIMIT = 1.5


def plan() -> Mapping[str, object]:
    """Return a plan whose XML has ten kilobytes."""
    document: Any = sample("plan.established", maximal=True).to_document()
    found = document["content"]["plan"]
    found["activities"] = [found["activities"][number % 4] | {"id": f"b{number}"} for number in range(ACTIVITIES)]
    return parse_message(json.dumps(document).encode()).to_document()


def tree_of(document: Mapping[str, object]) -> etree._Element:
    """Build the neutral tree as plainly as can be: no check of a name or a character."""
    root = etree.Element(f"{{{NAMESPACE}}}message", {"is": "object"}, {None: NAMESPACE})
    grow(root, document)
    return root


def grow(parent: etree._Element, document: Mapping[str, object]) -> None:
    """Add a child for each field."""
    for name, value in document.items():
        put(etree.SubElement(parent, f"{{{NAMESPACE}}}{name}"), value)


def put(element: etree._Element, value: object) -> None:
    """Put a value into an element."""
    if isinstance(value, str):
        element.text = value
    elif isinstance(value, Mapping):
        element.set("is", "object")
        grow(element, value)
    elif isinstance(value, list):
        element.set("is", "array")
        for part in value:
            put(etree.SubElement(element, f"{{{NAMESPACE}}}item"), part)
    else:
        element.set("is", "boolean" if isinstance(value, bool) else "number")
        element.text = str(value).lower()


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long one call keeps a processor, as the mean of a few: what else the machine does is no part of it."""
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - began) / TIMES * 1000


def waited(work: Callable[[], object]) -> float:
    """Return how long one call takes by the clock on the wall, as the mean of a few: what another process does counts too."""
    began = time.monotonic()
    for _ in range(TIMES):
        work()
    return (time.monotonic() - began) / TIMES * 1000


@pytest.mark.bench
def test_a_pack_costs_little_more_than_its_bare_parts(
    write_result: Callable[[str, Mapping[str, object]], None], slack: int, tmp_path: Path
) -> None:
    """Given a plan of ten kilobytes, then canonical to validated bytes takes at most 1.5 times a bare tree, its XSLT and its XSD."""
    document, pack = plan(), Mappings([shipped()], SystemClock()).load("municipal-sip", "1.0")
    shutil.copytree(shipped() / "municipal-sip", tmp_path / "municipal-sip")
    copy = Mappings([tmp_path], SystemClock()).load("municipal-sip", "1.0")
    made = written(pack, document)
    assert made.problems == ()
    assert len(made.body) >= 10_000
    sheet, schema = etree.XSLT(etree.XML(pack.files["out.xsl"])), etree.XMLSchema(etree.XML(pack.files["schema/municipal-sip.xsd"]))
    tree, result = tree_of(document), etree.fromstring(made.body)
    assert schema.validate(result)
    work: dict[str, Callable[[], object]] = {
        "tree": lambda: tree_of(document),
        "XSLT": lambda: sheet(tree),
        "XSD": lambda: schema.validate(result),
        "whole": lambda: written(pack, document),
    }
    # Turn about, and the shortest of each: what the machine does besides strikes none alone.
    turns = [{name: milliseconds(one) for name, one in work.items()} for _ in range(ROUNDS)]
    best = {name: min(turn[name] for turn in turns) for name in work}
    here, elsewhere = (min(waited(lambda: written(one, document)) for _ in range(ROUNDS)) for one in (pack, copy))  # noqa: B023 - called at once
    bare = best["tree"] + best["XSLT"] + best["XSD"]
    write_result(
        "mapping-cost",
        {
            "bytes": len(made.body),
            **{f"bare {name}": f"{best[name]:.3f} ms" for name in ("tree", "XSLT", "XSD")},
            "canonical to validated bytes": f"{best['whole']:.3f} ms",
            "ratio": f"{best['whole'] / bare:.2f}",
            "limit": LIMIT,
        },
    )
    write_result(
        "mapping-process", {"bytes": len(made.body), "in the hub": f"{here:.3f} ms", "in a process of its own": f"{elsewhere:.3f} ms"}
    )
    assert best["whole"] <= slack * LIMIT * bare
