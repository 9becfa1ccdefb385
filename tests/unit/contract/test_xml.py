"""XML from outside: what is taken, what is refused, and that a refusal says where and never what."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from siphub.contract.xml import MAX_DEPTH, parse_xml, serialise_xml
from siphub.errors import BadBody, TooLarge

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hemligt"


def refusal(body: bytes) -> BadBody:
    """Return what a body is refused with, having checked that nothing of it shows."""
    with pytest.raises(BadBody) as caught:
        parse_xml(body)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error) + repr(error) + repr(getattr(error, "problems", ""))
        error = error.__context__ or error.__cause__
    [problem] = caught.value.problems
    assert problem.code == caught.value.code
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "iso-8859-1", "ISO-8859-1", "windows-1252", "utf-16"])
def test_the_encodings_of_swedish_systems_are_read(encoding: str) -> None:
    """Given a document that declares its encoding, then its letters arrive as they were meant."""
    body = f'<?xml version="1.0" encoding="{encoding}"?>\n<plan>räksmörgås</plan>'.encode(encoding)
    assert parse_xml(body).text == "räksmörgås"


def test_utf8_needs_no_declaration_and_may_have_a_byte_order_mark() -> None:
    """A document without a declaration is UTF-8."""
    assert parse_xml("<plan>å</plan>".encode()).text == "å"
    assert parse_xml("<plan>å</plan>".encode("utf-8-sig")).text == "å"
    assert parse_xml("<plan>å</plan>".encode("utf-16")).text == "å"


@pytest.mark.parametrize("encoding", ["UTF-7", "utf-7", "UTF-16", "UTF-32", "ebcdic-cp-us", "utf-8-sig", "../../etc", "", "ISO-2022-JP"])
def test_other_encodings_are_refused_before_parsing(encoding: str) -> None:
    """A declared encoding outside the short list is refused, whatever the bytes are."""
    assert refusal(f'<?xml version="1.0" encoding="{encoding}"?><plan>{SECRET}</plan>'.encode()).code == "xml.encoding"


def test_a_declaration_that_contradicts_the_bytes_is_refused() -> None:
    """UTF-16 bytes that call themselves UTF-8, and UTF-8 bytes with a mark that call themselves Latin-1."""
    assert refusal(f'<?xml version="1.0" encoding="utf-8"?><plan>{SECRET}</plan>'.encode("utf-16")).code == "xml.encoding"
    assert refusal(f'<?xml version="1.0" encoding="iso-8859-1"?><plan>{SECRET}</plan>'.encode("utf-8-sig")).code == "xml.encoding"
    assert refusal(f"<plan>{SECRET}</plan>".encode("utf-32")).code == "xml.encoding"


def test_bytes_that_do_not_fit_the_encoding_are_refused_with_their_position() -> None:
    """The position is counted in characters of the document as far as it could be read."""
    error = refusal(b"<plan>\n  \xe5\xe4</plan>")
    assert (error.code, error.problems[0].position) == ("xml.encoding", "line 2 column 3")


@pytest.mark.parametrize(
    ("before", "position"),
    [
        ("", "line 1 column 1"),
        ('<?xml version="1.0"?>\n\n', "line 3 column 1"),
        ("<!-- <plan> --><?sheet href='x'?> ", "line 1 column 35"),
        ("<!---->\n", "line 2 column 1"),
    ],
)
@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE plan>",
        "<!doctype plan>",
        '<!DOCTYPE plan SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE plan [<!ENTITY a "hemligt"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE plan [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ],
)
def test_any_document_type_declaration_is_refused(before: str, position: str, declaration: str) -> None:
    """Wherever a DOCTYPE may stand, it is refused there, before a parser has seen it."""
    error = refusal(f"{before}{declaration}<plan>&a;</plan>".encode())
    assert (error.code, error.problems[0].position) == ("xml.doctype", position)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "plan",
        "<plan>",
        f"<{SECRET}></plan>",
        f"<plan>&{SECRET};</plan>",
        f"<plan {SECRET}='1' {SECRET}='2'/>",
        f"<{SECRET}:plan/>",
        f"<plan/><{SECRET}/>",
        f"<plan>\x00{SECRET}</plan>",
        f"<plan>&#0;{SECRET}</plan>",
        f"<plan><!DOCTYPE {SECRET}></plan>",
        f"<!-- {SECRET}",
        f"<?xml version='1.0'?{SECRET}><plan/>",
    ],
)
def test_what_is_not_well_formed_is_refused_with_a_position_and_without_content(body: str) -> None:
    """The parser's own words repeat names and entities; ours name the kind of mistake and where it is."""
    error = refusal(body.encode())
    assert error.code == "xml.not_well_formed"
    assert str(error.problems[0].position).startswith("line 1 column ")


def test_limits_of_size_depth_and_parts() -> None:
    """A document at a limit is taken, one above it is refused."""
    assert parse_xml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH) is not None
    assert refusal(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1)).code == "xml.too_deep"
    assert refusal(b"<a>" * 5000 + b"</a>" * 5000).code in {"xml.too_deep", "xml.not_well_formed"}
    assert refusal(b"<a>" + b"<b/>" * 100_000 + b"</a>").code == "xml.too_many_parts"
    assert parse_xml(b"<a>x</a>", max_bytes=8) is not None
    with pytest.raises(TooLarge):
        parse_xml(b"<a>xx</a>", max_bytes=8)


def test_one_long_text_is_taken_and_its_depth_is_bounded() -> None:
    """A text above libxml2's ten million bytes is read where the caller takes as much; such a document is bounded like any other."""
    long = b"x" * 10_000_001
    assert len(parse_xml(b"<a>" + long + b"</a>", max_bytes=11_000_000).text or "") == len(long)
    for depth in (MAX_DEPTH + 1, 300, 40_000):
        with pytest.raises(BadBody) as caught:
            parse_xml(b"<a>" * depth + long + b"</a>" * depth, max_bytes=11_000_000)
        assert caught.value.code in {"xml.too_deep", "xml.not_well_formed"}


def test_comments_and_instructions_do_not_split_text() -> None:
    """A number with a comment inside is read whole, not up to the comment."""
    assert parse_xml(b"<a>SE23<!-- x -->21<?y z?>00</a>").text == "SE232100"


def test_an_include_is_left_as_it_is() -> None:
    """XInclude is an element like any other: nothing is fetched."""
    root = parse_xml(b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/hostname" parse="text"/></a>')
    assert [child.tag for child in root] == ["{http://www.w3.org/2001/XInclude}include"]


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """Given any bytes at all, there is a root or a refusal with a position, and nothing else."""
    for candidate in (body, b"<a>" + body + b"</a>", b'<?xml version="1.0" encoding="iso-8859-1"?><a>' + body + b"</a>"):
        assert code(candidate) in {None, "xml.encoding", "xml.doctype", "xml.not_well_formed"}


@given(st.text(st.characters(exclude_categories={"Cs"}, exclude_characters="\r"), max_size=50))
def test_what_we_write_is_what_we_read(text: str) -> None:
    """Text goes out and comes back code point for code point; the same tree gives the same bytes."""
    root = etree.Element("a", z="1", b="2")
    try:
        root.text = text or None
    except ValueError:
        return  # XML 1.0 cannot carry most control characters, and lxml says so when the tree is built
    body = serialise_xml(root)
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<a z="1" b="2"')
    assert (parse_xml(body).text or "") == text
    assert serialise_xml(parse_xml(body)) == body


@pytest.mark.reference
def test_the_hostile_library_is_refused_and_the_simple_ones_are_read(reference: Path) -> None:
    """Files with a DTD are refused with a position, the simple ones are read, and memory does not grow by more than 64 MB."""
    tracemalloc.start()
    try:
        seen = {path.name: code(path.read_bytes()) for path in sorted((reference / "data/hostile/xml").glob("*.x*"))}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    refused = {name for name, found in seen.items() if found == "xml.doctype"}
    assert refused == {"dtd.xml", "external.xml", "quadratic.xml", "xmlbomb.xml"}
    assert {name for name, found in seen.items() if found is None} >= {"simple.xml", "simple-ns.xml"}
    assert peak < 64 * 1024 * 1024


@pytest.mark.reference
def test_the_naughty_strings_come_back_or_are_refused(reference: Path) -> None:
    """Each naughty string as text of a document: the same code points, or a refusal."""
    for text in json.loads((reference / "data/hostile/strings/blns.json").read_bytes()):
        root = etree.Element("a")
        try:
            root.text = text
        except ValueError:
            continue
        assert (parse_xml(serialise_xml(root)).text or "") == text


def code(body: bytes) -> str | None:
    """Return the code a body is refused with, None where it is read."""
    try:
        parse_xml(body)
    except BadBody as error:
        return error.code if str(error.problems[0].position).startswith("line ") else "no position"
    return None
