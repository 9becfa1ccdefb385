"""The neutral XML: any document there and back, and nothing that XML cannot carry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from siphub.contract import BadBody, MappingError
from siphub.contract.neutral import document_from_xml, document_to_xml, from_partner, put_words, to_partner, written
from siphub.model import CATALOGUE, sample

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="".join(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))))
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
NUMBERS = st.integers(min_value=-(10**17), max_value=10**17)
VALUES = st.recursive(
    st.one_of(TEXT, NUMBERS, st.booleans(), st.none()), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEYS, VALUES))
def test_any_document_comes_back_equal(document: dict[str, object]) -> None:
    """Empty and single lists, nested lists, numbers, booleans, nulls, absent fields and every representable text survive, each as what it was."""
    back = document_from_xml(document_to_xml(document))
    assert back == document
    assert repr(back) == repr(document)  # True is not 1


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_sample_comes_back_equal(name: str) -> None:
    """The documents that packs translate come back equal."""
    document = sample(name, maximal=True).to_document()
    assert document_from_xml(document_to_xml(document)) == document


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"a": "x\x00"}, "/a"),
        ({"a": {"b": ["", "\x1b"]}}, "/a/b/1"),
        ({"a": "\ud83d"}, "/a"),
        ({"a": "\ufffe"}, "/a"),
        ({"a": {"not a name": "x"}}, "/a"),
        ({"a": {"": "x"}}, "/a"),
        ({"a": 1.5}, "/a"),
        ({"a": b"x"}, "/a"),
    ],
)
def test_what_xml_cannot_carry_is_refused_with_its_pointer(document: dict[str, object], pointer: str) -> None:
    """A control character, a lone surrogate, a key that is no name, a fraction: refused, with the place."""
    with pytest.raises(MappingError) as caught:
        document_to_xml(document)
    assert caught.value.code == "mapping.unrepresentable"
    assert caught.value.detail.startswith(f"{pointer} ")


@pytest.mark.parametrize(
    "body",
    [
        b'<message xmlns="urn:siphub:canonical:1"/>',
        b'<message is="array"/>',
        b'<message is="object"><a>1</a><a>2</a></message>',
        b'<message is="object"><a><b/></a></message>',
        b'<message is="object"><a is="number">1.5</a></message>',
        b'<message is="object"><a is="number"></a></message>',
        b'<message is="object"><a is="boolean">ja</a></message>',
        b'<message is="object"><a is="date">2026-01-01</a></message>',
        b'<message is="object">lost<a>1</a></message>',
        b'<message is="object"><a>1</a>lost</message>',
        b'<message is="object"><a is="array"><item>1</item>lost</a></message>',
    ],
)
def test_what_is_not_neutral_xml_is_a_mistake_of_the_sheet(body: bytes) -> None:
    """A field that stands twice, a text with elements in it or beside fields, a kind that does not exist or fit: a mapping error, never a guess."""
    with pytest.raises(MappingError) as caught:
        document_from_xml(body)
    assert caught.value.code == "mapping.broken"


def test_hostile_bytes_are_refused() -> None:
    """Neutral XML is read by the hardened parser as well."""
    with pytest.raises(BadBody):
        document_from_xml(b'<!DOCTYPE message [<!ENTITY a "b">]><message is="object"><a>&a;</a></message>')


class Upside:
    """A pack that works: one field, and words for codes."""

    id, version = "upside", "1.0"
    wants: frozenset[str] = frozenset()

    def carries(self, message_type: str) -> bool:
        """Have a form for one type."""
        return message_type == "question"

    def transform(self, name: str, document: bytes) -> bytes:
        """Wrap the field going out, unwrap it coming in; both mark it."""
        text = document.decode()
        inner = (
            text[text.index("<answer") : text.rindex("</message>")].partition(">")[2].partition("<")[0]
            if name == "out"
            else text.partition("<svar>")[2].partition("<")[0]
        )
        mark = 'xmlns:c="urn:siphub:canonical:1" c:codes="answer"'
        out = f"<rot><svar {mark}>{inner}</svar></rot>"
        return (out if name == "out" else f'<message is="object"><answer {mark}>{inner}</answer></message>').encode()

    def write(self, neutral: etree._Element) -> tuple[bytes, tuple[str, ...]]:
        """Do the same in one go, and find one thing wrong."""
        root = etree.fromstring(self.transform("out", etree.tostring(neutral)))
        put_words(self, root)
        return etree.tostring(root), ("line 1: odd",)

    def problems(self, document: bytes) -> tuple[str, ...]:
        """Have no schema."""
        return ()

    def code(self, table: str, value: str) -> str:
        """Know two words."""
        return {("answer", "yes"): "ja", ("answer", "no"): "nej"}[table, value]

    def canonical(self, table: str, value: str) -> str:
        """Know them back."""
        return {("answer", "ja"): "yes", ("answer", "nej"): "no"}[table, value]


def test_marked_codes_are_translated_and_the_marks_taken_away() -> None:
    """Out: the partner sees its own word and no trace of ours. In: the canonical code."""
    body = to_partner(Upside(), {"type": "question", "answer": "yes"})
    assert body.endswith(b"<rot><svar>ja</svar></rot>")
    assert from_partner(Upside(), body) == {"answer": "yes"}
    assert written(Upside(), {"type": "question", "answer": "yes"}).problems == ("line 1: odd",)


def test_a_type_without_a_form_is_refused_before_any_sheet_runs() -> None:
    """A message type that the pack does not carry is no translation at all."""
    with pytest.raises(MappingError) as caught:
        to_partner(Upside(), {"type": "statement", "answer": "yes"})
    assert caught.value.code == "mapping.unsupported_type"


class Demanding(Upside):
    """A pack that wants the message as text too, and Swedish times."""

    wants = frozenset({"text", "local-times"})

    def transform(self, name: str, document: bytes) -> bytes:
        """Give back what came."""
        return document


def test_a_pack_gets_what_it_wants() -> None:
    """Swedish times, winter and summer, and the document for people in base64; text that looks like an element stays text; without the document it is refused."""
    document = {"type": "question", "a": "2026-11-23T11:00:00Z", "b": ["2026-06-30T22:30:00.5Z"], "c": "<a>2026-11-23T11:00:00Z</a>"}
    body = to_partner(Demanding(), document, {"text": "Å".encode()}).decode()
    assert '<a local="2026-11-23T12:00:00">2026-11-23T11:00:00Z</a>' in body
    assert '<item local="2026-07-01T00:30:00">2026-06-30T22:30:00.5Z</item>' in body
    assert body.count("local=") == 2
    assert '<rendered form="text" media_type="text/plain">w4U=</rendered></message>' in body
    with pytest.raises(MappingError) as caught:
        to_partner(Demanding(), document)
    assert caught.value.code == "mapping.not_rendered"


@pytest.mark.parametrize("text", ["2026-99-99T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-23T11:00:60Z"])
def test_a_text_that_looks_like_a_moment_and_is_none_stays_a_text(text: str) -> None:
    """Where a pack wants Swedish times, a free text may say what it likes: it gets none, and the message goes on."""
    body = document_to_xml({"note": text}, local_times=True).decode()
    assert f"<note>{text}</note>" in body
