"""The municipal XML: every message there and back, in every cut, code point for code point."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from siphub.contract import MappingError, SystemClock
from siphub.contract.neutral import from_partner, to_partner
from siphub.mappings import Mappings, Pack, checksums, readable, shipped
from siphub.model import CATALOGUE, Message, parse_message, sample
from siphub.model import people as p
from siphub.testing.golden import golden_samples
from siphub.testing.samples import everybody_protected, policy_cuts

FOLDER = shipped() / "municipal-sip" / "1.0"
SAMPLES = [pytest.param(message, file, id=file.stem) for message, file in golden_samples(FOLDER)]
XSD = "{http://www.w3.org/2001/XMLSchema}"
NS = {"m": "urn:siphub:municipal-sip:1.0"}


@pytest.fixture(scope="session")
def pack() -> Pack:
    """Give the pack as it is shipped."""
    return Mappings([shipped()], SystemClock()).load("municipal-sip", "1.0")


def read(pack: Pack, body: bytes) -> Message:
    """Return the message that a document stands for."""
    return parse_message(json.dumps(from_partner(pack, body)).encode())


@pytest.mark.parametrize(("message", "file"), SAMPLES)
def test_every_sample_is_valid_and_comes_back_equal(pack: Pack, message: Message, file: Path) -> None:
    """A message of every type, with as little and as much as it can say, is valid municipal XML and reads back as the same message."""
    body = to_partner(pack, message.to_document())
    assert pack.problems(body) == ()
    assert read(pack, body) == message
    assert from_partner(pack, body) == json.loads(message.to_json())


@pytest.mark.parametrize(("message", "file"), SAMPLES)
def test_golden_files_are_what_the_pack_makes(pack: Pack, message: Message, file: Path) -> None:
    """The example in golden/ is what the pack makes today, is valid as it stands, and reads back: line breaks between elements do no harm."""
    example = file.read_bytes()
    assert example == readable(to_partner(pack, message.to_document())), "look at the difference, then run python -m siphub.testing.golden"
    assert pack.problems(example) == ()
    assert read(pack, example) == message


def test_the_manifest_names_every_kind_and_file() -> None:
    """The manifest lists every message type there is, and the checksum of every file."""
    manifest = next(
        found for found, _ in Mappings([shipped()], SystemClock()).manifests() if (found.id, found.version) == ("municipal-sip", "1.0")
    )
    assert set(manifest.kinds) == set(CATALOGUE)
    assert manifest.files == checksums(FOLDER)
    assert set((FOLDER / "golden").iterdir()) == {file for _, file in golden_samples(FOLDER)}


@pytest.mark.parametrize("name", CATALOGUE)
def test_protection_stands_on_everybody(pack: Pack, name: str) -> None:
    """Whoever the model can call protected is protected in the XML too, and comes back so."""
    message = everybody_protected(sample(name, maximal=True))
    body = to_partner(pack, message.to_document())
    assert pack.problems(body) == ()
    assert read(pack, body) == message


def test_everything_a_consent_can_rest_on_is_carried(pack: Pack) -> None:
    """Each thing that can be said of who consents and on which ground comes back as it was."""
    document = sample("consent.given", maximal=True).to_document()
    document["content"]["given_by"] = {
        "kind": "guardian",
        "ground": "board_decision",
        "name": "Vera Vårdnadshavare",
        "guardians": ["guardian/1", "guardian/2"],
        "cannot_wait": "Mötet är i morgon.",
        "board_decision": {"ref": "SN 2026-9", "decided_on": "2026-11-01", "measure": "kontaktperson"},
        "matter": "barnets vård",
        "measure": "counselling",
        "suitability_by": {"name": "Eva Kontakt", "unit": p.CONTACT},
        "representative": "representative/1",
    }
    message = parse_message(json.dumps(document).encode())
    body = to_partner(pack, message.to_document())
    assert pack.problems(body) == ()
    assert read(pack, body) == message


CUTS = [pytest.param(cut, id=name) for name, cut in policy_cuts(minimal=False)]


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_is_valid_and_comes_back_equal(pack: Pack, cut: Any) -> None:
    """Whatever the policy leaves of a message is valid, and comes back as exactly that."""
    body = to_partner(pack, cut.document)
    assert pack.problems(body) == ()
    assert from_partner(pack, body) == cut.document


def test_people_of_the_case_are_addressed_in_their_place(pack: Pack) -> None:
    """Units and people of the case stay in the order they were named, each under its own element, and say nothing of who they are."""
    document = sample("followup.summoned").to_document()
    document["recipients"] = [p.HOME_CARE, "individual", p.CARE_CENTRE, "relative/12", "guardian/1", "representative/2", p.FK]
    message = parse_message(json.dumps(document).encode())
    body = to_partner(pack, message.to_document())
    assert pack.problems(body) == ()
    assert read(pack, body) == message
    addressed = etree.fromstring(body).find("m:kuvert/m:mottagare", NS)
    assert addressed is not None
    assert [etree.QName(one).localname for one in addressed] == ["enhet", "person", "enhet", "person", "person", "person", "enhet"]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("planned", "planerad"),
        ("ongoing", "pågående"),
        ("done", "utförd"),
        ("not_done", "inte utförd"),
        ("interrupted", "avbruten"),
        ("cancelled", "inställd"),
    ],
)
def test_an_activitys_status_is_the_national_word(pack: Pack, status: str, word: str) -> None:
    """Each status of an activity leaves as the word of the national set, and comes back as it was."""
    document = sample("activity.status").to_document()
    document["content"]["status"] = status
    body = to_partner(pack, document)
    assert etree.fromstring(body).findtext("m:insatsstatus/m:status", None, NS) == word
    assert from_partner(pack, body) == document


REQUIRED = {"schema_version", "message_id", "type", "case_id", "sent_at", "content"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_envelope_may_lack_whatever_a_cut_may_leave_out(pack: Pack, name: str) -> None:
    """Each field of the envelope but ids, type, time and content may be missing, alone or with all the others."""
    document = sample(name, maximal=True).to_document()
    optional = sorted(set(document) - REQUIRED)
    for gone in (*([field] for field in optional), optional):
        part = {field: value for field, value in document.items() if field not in gone}
        body = to_partner(pack, part)
        assert pack.problems(body) == ()
        assert from_partner(pack, body) == part


def texts(document: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Return where a document holds free text: every container and key whose model says Line or Text, found by trying."""
    found: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, (dict, list)):
                walk(value)
            elif isinstance(value, str) and takes_free_text(document, node, key):
                found.append((node, key))

    walk(document)
    return found


def takes_free_text(document: dict[str, Any], node: Any, key: Any) -> bool:
    """Say whether the model takes a text there that no code, id or date could be."""
    before, node[key] = node[key], "å \t free text!"
    try:
        parse_message(json.dumps(document).encode())
    except Exception:  # noqa: BLE001 - whatever it says, it does not take it
        return False
    finally:
        node[key] = before
    return True


REPRESENTABLE = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))))
)
AWKWARD = st.sampled_from(
    [
        "  led",
        "trail \t",
        "a\r\nb\rc\n",
        "\te\u0301 \u200d👩‍👩‍👧",
        "]]>",
        "<!-- & -->",
        "&#13;",
        "=" * 180,
        "\u0085\u2028x",
        "\ufeffx",
        "\U0010fffdx",
        '\'"<a b="c">',
    ]
)


@pytest.mark.parametrize("name", ["sip.requested", "meeting.summoned", "plan.established", "consent.given", "meeting.response"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_free_text_survives_code_point_for_code_point(pack: Pack, name: str, data: st.DataObject) -> None:
    """Any text the model takes and XML can carry comes back equal from every field of free text, and the document is valid."""
    document = sample(name, maximal=True).to_document()
    places = texts(document)
    assert len(places) > 3
    for node, key in places:
        text = data.draw(st.one_of(AWKWARD, REPRESENTABLE))[:200]
        node[key] = text if text.strip() else "x" + text[:199]
    message = parse_message(json.dumps(document).encode())
    body = to_partner(pack, message.to_document())
    assert pack.problems(body) == ()
    assert read(pack, body) == message
    assert read(pack, readable(body)) == message


@pytest.mark.parametrize("character", ["\x01", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_carry_is_refused_by_name(pack: Pack, character: str) -> None:
    """A control character or a non-character stops the translation with its pointer; it is never dropped, and the text is not repeated."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["content"]["agenda"][1] = f"hemligt{character}"
    with pytest.raises(MappingError) as caught:
        to_partner(pack, document)
    assert caught.value.code == "mapping.unrepresentable"
    assert "/content/agenda/1" in caught.value.detail
    assert "hemligt" not in caught.value.detail


def test_a_field_the_pack_does_not_know_stops_the_translation(pack: Pack) -> None:
    """A field that no template names is an error, never left out in silence: in the envelope, in the content, and deep down."""
    for path in ((), ("content",), ("content", "meeting"), ("content", "meeting", "place"), ("sender",)):
        document = sample("meeting.summoned", maximal=True).to_document()
        node: Any = document
        for step in path:
            node = node[step]
        node["brand_new"] = "x"
        with pytest.raises(MappingError) as caught:
            to_partner(pack, document)
        assert caught.value.code == "mapping.transform_failed"


def test_a_type_the_pack_does_not_know_stops_the_translation(pack: Pack) -> None:
    """A message type without an element is an error."""
    document = sample("meeting.summoned").to_document() | {"type": "meeting.dreamt_of"}
    with pytest.raises(MappingError):
        to_partner(pack, document)


def test_an_unmapped_code_stops_the_translation(pack: Pack) -> None:
    """A code without a row in codes.csv is an error, never a default."""
    document = sample("meeting.response").to_document()
    document["content"]["response"] = "perhaps"
    with pytest.raises(MappingError) as caught:
        to_partner(pack, document)
    assert caught.value.code == "mapping.unmapped"


VALID = FOLDER / "golden" / "meeting.summoned.maximal.xml"
WRONG = [
    ("<version>1</version>", "<version>0</version>"),
    ("<version>1</version>", "<version>10001</version>"),
    ("<version>1</version>", "<version>+1</version>"),
    ("<version>1</version>", ""),
    ("<borjar>2026-12-07T11:00:00Z</borjar>", "<borjar>2026-12-07T11:00:00</borjar>"),
    ("<borjar>2026-12-07T11:00:00Z</borjar>", "<borjar>2026-13-07T11:00:00Z</borjar>"),
    ("<utvarderas>2027-03-01</utvarderas>", "<utvarderas>2027-02-30</utvarderas>"),
    ("<utvarderas>2027-03-01</utvarderas>", "<utvarderas>2027-03-01Z</utvarderas>"),
    ("<kvittensBegard>true</kvittensBegard>", "<kvittensBegard>1</kvittensBegard>"),
    ("<kvittensBegard>true</kvittensBegard>", "<kvittensBegard>ja</kvittensBegard>"),
    ("<telefon>090-123 45 67</telefon>", "<telefon>ring mig</telefon>"),
    ("<slag>annan plats</slag>", "<slag>other</slag>"),
    ("<skyldig>huvudman</skyldig>", "<skyldig>Huvudman</skyldig>"),
    ("<skyldighetsgrund>agreement:barn-2024.1<", "<skyldighetsgrund>SoL10:9<"),
    ("<syfte>sip</syfte>", "<syfte>Diagnos F20</syfte>"),
    ("<antalNarstaende>1<", "<antalNarstaende>21<"),
    ("<personnummer>201001032380<", "<personnummer>20100103-2380<"),
    ("<personnummer>201001032380<", "<personnummer>1001032380<"),
    ("<enhet>SE2120009994-1002</enhet>", "<enhet>SE2120009994-</enhet>"),
    ("<agare>2120009994</agare>", "<agare>212000-9994</agare>"),
    ("<meddelandeId>b707a7b0-", "<meddelandeId>b707a7b0"),
    ("<tolksprak>finska</tolksprak>", "<tolksprak> \t </tolksprak>"),
    ("<tolksprak>finska</tolksprak>", f"<tolksprak>{'x' * 201}</tolksprak>"),
    ("<tolksprak>finska</tolksprak>", "<tolksprak>finska</tolksprak><tolksprak>finska</tolksprak>"),
    ("<tolksprak>finska</tolksprak>", "<tolksprak>finska<b/></tolksprak>"),
    ("<tolksprak>finska</tolksprak>", "<diagnos>F20</diagnos>"),
    ("<tolksprak>finska</tolksprak>", "text"),
    ('schemaVersion="1.0"', 'schemaVersion="2.0"'),
    ('schemaVersion="1.0"', ""),
    ('schemaVersion="1.0"', 'schemaVersion="1.0" extra="x"'),
    ("urn:siphub:municipal-sip:1.0", "urn:siphub:municipal-sip:1.1"),
    ("</kallelse>", "</kallelse><kallelse/>"),
]


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_the_schema_is_strict_about_what_is_there(pack: Pack, right: str, wrong: str) -> None:
    """A wrong id, number, time, code, word, length or element is refused, and no word of the document is repeated."""
    text = VALID.read_text("utf-8")
    assert right in text
    problems = pack.problems(text.replace(right, wrong, 1).encode())
    assert problems
    assert not [problem for problem in problems if "F20" in problem or "ring mig" in problem or "diagnos" in problem]


def test_the_schema_is_closed_and_documented_in_both_languages() -> None:
    """The schema has no wildcard and no built-in type without limits, and says what each element, type and list is in Swedish and English."""
    schema = etree.parse(str(FOLDER / "schema" / "municipal-sip.xsd")).getroot()
    assert not [*schema.iter(f"{XSD}any", f"{XSD}anyAttribute")]
    assert not [found for found in schema.iter(f"{XSD}element") if (found.get("type") or "").startswith("xs:")]
    named = [*schema.iter(f"{XSD}complexType", f"{XSD}simpleType")]
    fields = [field for kind in schema.iter(f"{XSD}all") for field in kind]
    for found in (*(kind for kind in named if kind.get("name")), *fields):
        said = {
            text.get("{http://www.w3.org/XML/1998/namespace}lang"): text.text
            for text in found.findall(f"{XSD}annotation/{XSD}documentation")
        }
        assert set(said) == {"sv", "en"}, found.get("name")
        assert all(said.values())


def test_no_element_and_no_word_is_left_unsaid() -> None:
    """Each element and attribute is said in both languages, of its own or of its type, and each word that something may be in English."""
    schema = etree.parse(str(FOLDER / "schema" / "municipal-sip.xsd")).getroot()
    types = {f"sip:{kind.get('name')}": kind for kind in schema if kind.tag in {f"{XSD}complexType", f"{XSD}simpleType"}}
    for found in schema.iter(f"{XSD}element", f"{XSD}attribute"):
        of = [found, *(kind for name, kind in types.items() if name == found.get("type")), *found.findall(f"{XSD}complexType")]
        assert any(_languages(one) == {"sv", "en"} for one in of), found.get("name")
    words = [word for word in schema.iter(f"{XSD}enumeration") if word.get("value") != "1.0"]
    assert len(words) > 150
    assert [word.get("value") for word in words if _languages(word) != {"en"}] == []


def _languages(found: etree._Element) -> set[str | None]:
    said = found.findall(f"{XSD}annotation/{XSD}documentation")
    return {text.get("{http://www.w3.org/XML/1998/namespace}lang") for text in said if (text.text or "").strip()}


def test_schema_and_code_table_have_the_same_words() -> None:
    """Every list of words in the schema is exactly one table of codes.csv, and every table is one list."""
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as file:
        tables: dict[str, list[str]] = {}
        for row in csv.DictReader(file):
            tables.setdefault(row["table"], []).append(row["partner"])
    schema = etree.parse(str(FOLDER / "schema" / "municipal-sip.xsd")).getroot()
    lists = [
        [word.get("value") for word in kind.iter(f"{XSD}enumeration")]
        for kind in schema.iter(f"{XSD}simpleType")
        if (kind.get("name") or "").endswith("Kod")
    ]
    assert sorted(words for words in lists if words) == sorted(tables.values())


def test_code_tables_hold_every_code_of_the_model() -> None:
    """Each coded field of the model has a row for each of its codes, and no table has a code the model does not know."""
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["table"], row["canonical"]) for row in csv.DictReader(file)}
    sheet = etree.parse(str(FOLDER / "out.xsl")).getroot()
    marks = [found.get(f"{{urn:siphub:canonical:1}}{mark}") for found in sheet.iter() for mark in ("codes", "beside")]
    marked = {mark.partition(" ")[0] for mark in marks if mark}
    assert marked == {table for table, _ in rows}
    codes = {code for name in CATALOGUE for code in literals(CATALOGUE[name].model())}
    structural = {"1.0", *CATALOGUE, "personnummer", "samordningsnummer", "reservnummer"}
    assert {code for _, code in rows} == codes - structural


def literals(kind: Any, seen: frozenset[Any] = frozenset()) -> set[str]:
    """Return every word that a Literal in a model, or in what it is made of, allows."""
    if kind in seen:
        return set()
    inner = [field.annotation for field in kind.model_fields.values()] if hasattr(kind, "model_fields") else list(get_args(kind))
    words = {word for word in inner if isinstance(word, str)}
    return words.union(*(literals(part, seen | {kind}) for part in inner if not isinstance(part, str)))


def test_order_within_an_element_does_not_matter(pack: Pack) -> None:
    """A partner that writes the fields in another order is understood all the same."""
    root = etree.fromstring(VALID.read_bytes())
    for element in root.iter():
        if len(element) > 1 and element is not root and len({child.tag for child in element}) > 1:
            element[:] = list(reversed(element))
    body = etree.tostring(root)
    assert pack.problems(body) == ()
    assert read(pack, body) == sample("meeting.summoned", maximal=True)


def test_prefixes_offsets_and_comments_do_not_matter(pack: Pack) -> None:
    """A partner that uses a prefix, an offset from UTC, CDATA, comments and white space around numbers is understood all the same."""
    text = VALID.read_text("utf-8")
    text = text.replace("<borjar>2026-12-07T11:00:00Z<", "<borjar> 2026-12-07T12:00:00+01:00 <").replace("<version>1<", "<version>\n1 <")
    text = text.replace("Stadshuset, rum 3", "Stads<!-- x --><![CDATA[huset, rum]]> 3")
    text = text.replace("<", "<s:").replace("<s:/", "</s:").replace("<s:?", "<?").replace("<s:!", "<!").replace(" xmlns=", " xmlns:s=")
    assert pack.problems(text.encode()) == ()
    assert read(pack, text.encode()) == sample("meeting.summoned", maximal=True)


def test_the_pack_names_no_internet_address() -> None:
    """Nothing in the pack points to the internet but the names of the two languages it is written in."""
    for file in Path(FOLDER).rglob("*"):
        if file.is_file():
            text = (
                file.read_text("utf-8").replace("http://www.w3.org/2001/XMLSchema", "").replace("http://www.w3.org/1999/XSL/Transform", "")
            )
            assert "http" not in text.replace("HTTPS", "")
