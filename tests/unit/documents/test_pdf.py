"""The PDF: tagged, for the archive and for reading aloud, the same bytes every time, and deaf to whatever people write."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typst
from pypdf import PdfReader

from siphub.contract import Cut
from siphub.documents import FORMS, As, as_pdf, blank, render
from siphub.documents.glyphs import GLYPHS
from siphub.documents.model import Document, Field, Paragraph
from siphub.documents.printable import BOX, drawable
from siphub.errors import PluginError
from siphub.model import CATALOGUE, sample
from siphub.model import people as p
from siphub.testing.samples import whole_cut
from siphub.testing.watching import watched

PDFA, PDFUA = "{http://www.aiim.org/pdfa/ns/id/}", "{http://www.aiim.org/pdfua/ns/id/}"
HOSTILE = [
    '#import "@preview/cetz:0.3.0": *',
    '#read("/etc/passwd")',
    '#panic("x")',
    "$ 1/0 $",
    "@label <label>",
    "*fet* _kursiv_ `kod` = rubrik",
    "\\u{41} \\ \\\\ \\n",
    "<script>alert(1)</script>",
    "sys.inputs.document ]] } ) #{",
    '""" \'\'\' \\" {"title": 1}',
    "// inte en kommentar /* eller */",
    "https://example.org/a#b",
]
UNUSUAL = {
    "emoji": "👩‍👩‍👧 glad 😀",
    "right to left": "שלום \u200f\u0645\u0631\u062d\u0628\u0627\u200e \u202eomvänt\u202c \u2067isolat\u2069",
    "controls": "a\x00b\x07c\x1b[0m\x85d\x7fe",
    "line ends": "rad ett\r\nrad två\rrad tre\u2028rad fyra",
    "half a character": "a\ud83db",
    "combining": "e\u0301 o\u0308 Z\u0351\u036b\u0343\u036a\u0302",
    "private use": "\ue000\U000f0000",
    "Chinese": "中文 名字",
    "invisible": "a\u00adb\u200bc\ufeffd\u2060e",
    "no space": "x" * 10_000,
    "long": "ord " * 2_500,
    "lines": "\n" * 3_000 + "slut",
}


def reader(document: bytes) -> PdfReader:
    """Open a PDF, strictly."""
    return PdfReader(io.BytesIO(document), strict=True)


def text_of(document: bytes) -> str:
    """Return the text that can be copied out of a PDF, without what breaking lines adds."""
    return re.sub(r"[\s\u200b\u00ad-]", "", "".join(page.extract_text() for page in reader(document).pages))


def one_field(value: str) -> bytes:
    """Return a document with this text everywhere a text can be."""
    document = sample("plan.established", maximal=True).to_document()
    plan = document["content"]["plan"]
    plan["notes"], plan["needs"], plan["activities"][0]["what"] = value, [value], value
    document["subject"]["family_name"] = value[:200]
    document["addressee"] = {"name": value[:200], "lines": [value[:200]] * 9}
    return render(Cut(document, "consent"), "pdf")


def tags(document: bytes) -> Iterator[Any]:
    """Yield every element of the structure tree."""

    def below(node: Any) -> Iterator[Any]:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for child in node:
                yield from below(child)
        elif isinstance(node, dict):
            if "/S" in node:
                yield node
            if "/K" in node:
                yield from below(node["/K"])

    root: Any = reader(document).trailer["/Root"]
    yield from below(root["/StructTreeRoot"]["/K"])


MADE = [
    *(pytest.param(render(whole_cut(sample(name, maximal=True)), "pdf"), id=name) for name in sorted(CATALOGUE)),
    *(pytest.param(blank(name, "pdf"), id=f"blank {name}") for name in FORMS),
]


@pytest.mark.parametrize("made", MADE)
def test_a_pdf_says_that_it_is_tagged_and_keeps(made: bytes) -> None:
    """Given any document, then it is marked as tagged, in Swedish, has a title shown as such, and claims PDF/A-2a and PDF/UA-1."""
    root: Any = reader(made).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert str(root["/Lang"]).startswith("sv")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader(made).metadata.title  # type: ignore[union-attr]  # a document without metadata fails here, and should
    xmp = ET.fromstring(root["/Metadata"].get_object().get_data())  # noqa: S314 - we have just written it ourselves
    found = {one.tag: one.text for one in xmp.iter()} | {name: value for one in xmp.iter() for name, value in one.attrib.items()}
    assert (found[f"{PDFA}part"], found[f"{PDFA}conformance"], found[f"{PDFUA}part"]) == ("2", "A", "1")


@pytest.mark.parametrize("made", MADE)
def test_a_pdf_runs_nothing_and_leads_nowhere(made: bytes) -> None:
    """Given any document, then it has no script, no form, no attachment and no link, and brings its own fonts."""
    document = reader(made)
    root: Any = document.trailer["/Root"]
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root)
    assert "/JavaScript" not in root.get("/Names", {})
    assert document.attachments == {}
    for page in document.pages:
        assert not page.get("/Annots")
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]  # pypdf types a page's resources as any object
            [inner] = font.get_object()["/DescendantFonts"]
            descriptor = inner.get_object()["/FontDescriptor"].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_the_tags_say_what_is_what() -> None:
    """Given a plan, then its structure has one main heading, headings below it, a list and a table whose head cells are head cells."""
    kinds = [str(one["/S"]) for one in tags(render(whole_cut(sample("plan.established", maximal=True)), "pdf"))]
    assert kinds.count("/H1") == 1
    assert {"/H2", "/H3", "/L", "/LI", "/Table", "/TR", "/TH", "/TD", "/P"} <= set(kinds)
    assert kinds.count("/TH") == 5


def test_the_same_cut_gives_the_same_bytes_in_another_process() -> None:
    """Given a cut, when it is made here, twice, and in another process with another seed, then not a byte differs."""
    program = (
        "import sys; from siphub.documents import render; from siphub.model import sample; from siphub.testing.samples import whole_cut; "
    )
    program += "sys.stdout.buffer.write(render(whole_cut(sample('plan.established', maximal=True)), 'pdf'))"
    made = render(whole_cut(sample("plan.established", maximal=True)), "pdf")
    assert render(whole_cut(sample("plan.established", maximal=True)), "pdf") == made
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, timeout=60, env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    )
    assert done.stdout == made


def test_a_document_is_dated_by_its_message() -> None:
    """Given a message, then its document carries the day it was sent, whatever today is; a blank form carries its edition's."""
    metadata: Any = reader(render(whole_cut(sample("meeting.summoned")), "pdf")).metadata
    assert metadata["/CreationDate"].startswith("D:20261123")
    edition: Any = reader(blank("plan", "pdf")).metadata
    assert edition["/CreationDate"].startswith("D:20261101")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_wrote_is_never_read_as_markup(text: str) -> None:
    """Given typst's own language in every text, then it stands there letter by letter and does nothing."""
    assert text_of(one_field(text)).count(re.sub(r"[\s-]", "", text)) >= 3


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL)
def test_no_text_can_break_a_document(text: str) -> None:
    """Given emoji, other scripts, controls, half characters and texts of 10 000 characters, then there is a PDF, and it opens."""
    made = one_field(text)
    assert len(reader(made).pages) >= 1
    assert "Boende" in text_of(made)


@pytest.mark.parametrize("seed", range(6))
def test_no_mixture_of_characters_can_break_a_document(seed: int) -> None:
    """Given characters of the whole of Unicode at random, then there is always a PDF: each is drawn, or a box stands for it."""
    dice = random.Random(seed)
    for planes in (0x3000, 0x10000, 0x110000):
        assert one_field("".join(chr(dice.randrange(1, planes)) for _ in range(300)))


def test_what_cannot_be_drawn_is_a_box_and_a_note_says_so() -> None:
    """Given a name in Chinese, then boxes stand for it, the document says where it can be read, and the web form has it."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["subject"]["family_name"] = "中文"
    assert f"{BOX}{BOX}" in text_of(render(Cut(document, "consent"), "pdf"))
    assert "Webbformenavdokumentet" in text_of(render(Cut(document, "consent"), "pdf"))
    assert "中文" in render(Cut(document, "consent"), "html").decode()
    assert "Webbformen" not in text_of(render(whole_cut(sample("meeting.summoned")), "pdf"))


@pytest.mark.parametrize("text", ["Åsa Öberg-Ågren é ü", "Đorđe Šćepanović", "Юлия", "Γιώργος", "Sámi ŧŋđčšž", "€ § – ” ’ … • ½"])
def test_names_of_europe_are_drawn(text: str) -> None:
    """Given Latin letters with any mark, Sámi, Cyrillic and Greek, then no box stands for any of them."""
    assert drawable(text) == text
    assert text_of(one_field(text)).count(re.sub(r"[\s-]", "", text)) >= 3


def test_the_table_of_characters_is_what_the_compiler_has() -> None:
    """Given every character of the table, then the compiler draws each under both standards; the table is in order and has no overlap."""
    assert all(first <= last < following for (first, last), (following, _) in pairwise(GLYPHS))
    characters = [chr(point) for first, last in GLYPHS for point in range(first, last + 1)]
    for start in range(0, len(characters), 1_000):
        blocks = tuple(Paragraph(f"a{one}b {one}") for one in characters[start : start + 1_000])
        assert reader(as_pdf.as_pdf(Document("Alla tecken", blocks, dated=p.DAY))).pages


def test_a_document_that_is_too_large_is_refused_and_not_begun() -> None:
    """Given more than four hundred thousand characters, then it is refused with a code and without a word of it."""
    with pytest.raises(PluginError) as refused:
        as_pdf.as_pdf(Document("Stor", (Field("a", "hemligt " * 60_000),), dated=p.DAY))
    assert refused.value.code == "render.too_large"
    assert "hemligt" not in str(refused.value)


def test_what_the_compiler_says_of_a_text_goes_no_further() -> None:
    """Given data that the compiler cannot use, then there is a code, and neither the text nor the compiler's words are in the error or behind it."""
    with pytest.raises(PluginError) as refused:
        as_pdf._compiled('{"title": "hemligt"}')
    assert refused.value.code == "render.failed"
    assert "hemligt" not in str(refused.value)
    assert refused.value.__suppress_context__
    assert isinstance(refused.value.__context__, typst.TypstError)


def test_making_a_document_opens_nothing() -> None:
    """Once it has warmed up, a document is made without opening a file, a connection or a process."""
    cut = whole_cut(sample("plan.established", maximal=True))
    forms: tuple[As, ...] = ("text", "html", "pdf")
    for form in forms:
        render(cut, form)
    with watched() as opened:
        for form in forms:
            render(cut, form)
    assert opened == []
