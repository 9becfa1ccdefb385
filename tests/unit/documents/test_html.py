"""The web form: meaning in the elements, nothing run, nothing fetched, and what people wrote is only ever text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from lxml import html

from siphub.contract import Cut
from siphub.documents import FORMS, blank, render
from siphub.model import CATALOGUE, sample
from siphub.testing.samples import whole_cut

PAGES = [
    *(pytest.param(render(whole_cut(sample(name, maximal=True)), "html"), id=name) for name in sorted(CATALOGUE)),
    *(pytest.param(blank(name, "html"), id=f"blank {name}") for name in FORMS),
]
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & &amp; </style></title> {{x}} ${y} \x00\x1b[31m\u202e"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_structure_a_reader_aloud_needs(page: bytes) -> None:
    """Given any page, then it says its language and title, has one main heading, skips no level, and its tables name their columns."""
    tree = html.document_fromstring(page.decode())
    assert tree.get("lang") == "sv"
    [title] = tree.findall(".//title")
    [heading] = tree.findall(".//h1")
    assert title.text == heading.text
    levels = [int(str(one.tag)[1]) for one in tree.iter("h1", "h2", "h3")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in tree.iter("table"):
        assert table.find("caption") is not None
        assert all(cell.get("scope") == "col" for cell in table.findall("./thead/tr/th"))
        assert all(cell.get("scope") == "row" for cell in table.findall("./tbody/tr/th"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_nothing_and_fetches_nothing(page: bytes) -> None:
    """Given any page, then it has no script, no link, no picture and no address, and forbids what it does not have."""
    tree = html.document_fromstring(page.decode())
    assert {one.tag for one in tree.iter()} & {"script", "link", "img", "iframe", "object", "form", "a"} == set()
    assert [name for one in tree.iter() for name in one.attrib if name.startswith("on") or name in {"src", "href", "style"}] == []
    assert b"url(" not in page
    assert b"@import" not in page
    assert b"default-src 'none'" in page


def test_what_people_wrote_is_text() -> None:
    """Given markup, quotes and controls in every field, then they stand there as written, but for what cannot be seen."""
    document = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["notes"] = HOSTILE
    document["content"]["plan"]["needs"] = [HOSTILE]
    document["content"]["plan"]["activities"][0]["what"] = HOSTILE
    document["addressee"] = {"name": HOSTILE, "lines": [HOSTILE]}
    page = render(Cut(document, "consent"), "html").decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
    assert "&amp;amp;" in page
    assert not set(page) & set("\x00\x1b\u202e")
    assert len(html.document_fromstring(page).findall(".//style")) == 1
