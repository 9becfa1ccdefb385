"""By what the reader knows a document: by the namespace of its root, whatever stands before it, in it, or in a value of it."""

from __future__ import annotations

import pytest

from siphub.contract import Invalid, Submission
from siphub.contract.neutral import to_partner
from siphub.mappings import Mappings
from siphub.model import sample
from siphub_municipal_xml import MunicipalXmlReader

OURS, OTHER = "urn:siphub:municipal-sip:1.0", "urn:siphub:norrby-sip:1.0"


@pytest.fixture(scope="session")
def kallelse(mappings: Mappings) -> str:
    """Give a kallelse as XML, from its root on."""
    body = to_partner(mappings.load("municipal-sip"), sample("meeting.summoned").to_document()).decode()
    return body.partition("?>\n")[2]


def handed_in(text: str, encoding: str = "utf-8") -> Submission:
    """Return a document as it is handed in."""
    return Submission(text.encode(encoding), "application/xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param("<!--" + " lång text " * 30_000 + "-->", id="a long comment"),
        pytest.param(f'<!-- <a xmlns="{OTHER}"> -->', id="another namespace in a comment"),
        pytest.param(f"<?style xmlns='{OTHER}'?>", id="another namespace in an instruction"),
        pytest.param("\n" * 9_000, id="many lines"),
    ],
)
def test_what_stands_before_the_root_neither_hides_nor_leads_astray(
    reader: MunicipalXmlReader, kallelse: str, before: str, encoding: str
) -> None:
    """Given something before the root, then the document is read as what its root says."""
    declared = {"utf-16": '<?xml version="1.0" encoding="UTF-16"?>'}.get(encoding, "")
    submission = handed_in(declared + before + kallelse, encoding)
    assert reader.recognises(submission)
    assert reader.read(submission) == sample("meeting.summoned")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((" xmlns=", f' xmlns:x="{OTHER}" xmlns='), id="another prefix of the root"),
        pytest.param(("<kuvert>", f'<kuvert xmlns:x="{OTHER}">'), id="another prefix within"),
    ],
)
def test_a_namespace_that_is_not_the_roots_does_not_count(reader: MunicipalXmlReader, kallelse: str, change: tuple[str, str]) -> None:
    """Given a further namespace that is declared and used by nobody, then the document is read by its root's."""
    submission = handed_in(kallelse.replace(*change, 1))
    assert reader.recognises(submission)
    assert reader.read(submission) == sample("meeting.summoned")


def test_a_root_with_a_prefix_is_known_by_what_the_prefix_stands_for(reader: MunicipalXmlReader) -> None:
    """Given a root whose prefix is bound to a pack's namespace, then it is recognised."""
    assert reader.recognises(handed_in(f'<sip:sipMeddelande xmlns:sip="{OURS}"/>'))
    assert reader.recognises(handed_in(f"<sip:sipMeddelande\n  a='>'\txmlns:sip = '{OURS}'></sip:sipMeddelande>"))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("<meddelande><!-- {ours} --></meddelande>", id="no namespace"),
        pytest.param('<!-- <a xmlns="{ours}"/> --><b/>', id="ours in a comment"),
        pytest.param("<?a xmlns='{ours}'?><b/>", id="ours in an instruction"),
        pytest.param("<b a=' xmlns=\"{ours}\" '/>", id="ours in a value"),
        pytest.param('<b xmlns:x="{ours}"/>', id="ours under a prefix that the root has not"),
        pytest.param('<b xmlns="urn:b"><a xmlns="{ours}"/></b>', id="ours on an element within"),
        pytest.param('<b xmlns="{ours}x"/>', id="a longer name"),
        pytest.param("<b><![CDATA[<sipMeddelande xmlns='{ours}'>]]></b>", id="ours in CDATA"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_of_another_root_is_not_recognised(reader: MunicipalXmlReader, document: str, encoding: str) -> None:
    """Given our namespace anywhere but in the root's own name, then the document is not ours, and is not read as ours either."""
    declared = {"utf-16": '<?xml version="1.0" encoding="UTF-16"?>'}.get(encoding, "")
    submission = handed_in(declared + document.format(ours=OURS), encoding)
    assert not reader.recognises(submission)
    with pytest.raises(Invalid) as refused:
        reader.read(submission)
    assert [one.code for one in refused.value.problems] == ["xml.unknown_format"]


@pytest.mark.parametrize(
    "document",
    [
        f'<!DOCTYPE a [<!ENTITY n "{OURS}">]><a xmlns="&n;"/>',
        f'<a xmlns="{OURS}',
        f'<a xmlns="{OURS}"',
        "",
        "text",
        "<!-- no end",
        f'<a xmlns="{OURS}" xmlns="{OURS}"/>',
        f'<a:b xmlns="{OURS}"/>',
        f'<a xmlns="{OURS}" ' + "".join(f"a{number}='' " for number in range(60_000)),
    ],
)
def test_what_cannot_be_parsed_is_not_recognised(reader: MunicipalXmlReader, document: str) -> None:
    """Given a document type, or no whole start tag, then recognising says no, quickly, and raises nothing."""
    assert not reader.recognises(handed_in(document))


def test_a_version_that_the_hub_does_not_have_is_said(reader: MunicipalXmlReader) -> None:
    """Given a version of the hub's own pack that it lacks, then the document is taken and refused by name; of another pack it is not taken."""
    submission = handed_in('<sipMeddelande xmlns="urn:siphub:municipal-sip:9.9"/>')
    assert reader.recognises(submission)
    with pytest.raises(Invalid) as refused:
        reader.read(submission)
    assert [one.code for one in refused.value.problems] == ["xml.unknown_version"]
    assert not reader.recognises(handed_in(f'<sipMeddelande xmlns="{OTHER}"/>'))
