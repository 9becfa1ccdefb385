"""Digg's rules for messages, envelopes and receipts: one mutant of Digg's own documents for each, refused by its rule, and by Digg's schematron too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree

from siphub.contract import Refused, Submission
from siphub.testing.schematron import Schematrons
from siphub_sdk import SdkReader
from siphub_sdk.rules import envelope, message, receipt

UBL: Final = {**receipt.NAMES, "ext": "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"}
Spoil = Callable[[etree._Element], object]
NAMES: Final = {**envelope.NAMES, **receipt.NAMES, "iso": "http://purl.oclc.org/dsdl/schematron"}
MESSAGE, FILED, ENVELOPE = "sdk/testdata/min.xml", "examples/sdk_kallelse_sip.xml", "sdk/example_xhe_unencrypted_payload.xml"
ACCEPTED, REJECTED = "sdk/Kvittens_AP-Accepterat.xml", "sdk/Kvittens_RE-AnnatFel.xml"
SCHEMATRONS: Final = {
    MESSAGE: "MessageConstraints.schematron.xml",
    FILED: "MessageConstraints.schematron.xml",
    ENVELOPE: "DIGG-XHE-Business-Rules.scmt",
    ACCEPTED: "DIGG-AppRes-Business-Rules.scmt",
    REJECTED: "DIGG-AppRes-Business-Rules.scmt",
}
SAID: Final = "Kanariefågel 4711"
"""What the mutants say: no problem may repeat it."""


def at(root: etree._Element, path: str) -> etree._Element:
    """Return the first element at a path."""
    found = root.xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    assert isinstance(found[0], etree._Element)
    return found[0]


def says(path: str, text: str) -> Spoil:
    """Put other words there."""
    return lambda root: setattr(at(root, path), "text", text)


def lacks(path: str) -> Spoil:
    """Take an element away."""

    def spoil(root: etree._Element) -> None:
        node = at(root, path)
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)

    return spoil


def twice(path: str) -> Spoil:
    """Let an element stand there twice."""
    return lambda root: at(root, path).addnext(deepcopy(at(root, path)))


def also(path: str, name: str, text: str = SAID) -> Spoil:
    """Put a further element after one; its name has one of the prefixes above."""

    def spoil(root: etree._Element) -> None:
        node = etree.Element(_tag(name))
        node.text = text
        at(root, path).addnext(node)

    return spoil


def marked(path: str, name: str, text: str | None = SAID) -> Spoil:
    """Give an element an attribute, or take it away."""

    def spoil(root: etree._Element) -> None:
        node = at(root, path)
        node.attrib.pop(name, None)
        if text is not None:
            node.set(name, text)

    return spoil


def _tag(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{NAMES[prefix]}}}{local}"


HEAD = "//m:messageHeader"
CRITERION = "//xha:BusinessScopeCriterion[xhb:BusinessScopeCriterionTypeCode='{}']"
PAYLOAD = "//xha:Payload"
SV, BV = "sdk.sv.structure", "sdk.bv.invariant"
MUTANTS: list[tuple[str, str, str, Spoil]] = [
    (MESSAGE, SV, "xsd", lacks(f"{HEAD}/m:conversationId")),
    (MESSAGE, SV, "xsd", lacks(f"{HEAD}/m:confidentiality")),
    (MESSAGE, SV, "xsd", says(f"{HEAD}/m:confidentiality", SAID)),
    (MESSAGE, SV, "xsd", says(f"{HEAD}/m:creationDateTime", SAID)),
    (MESSAGE, SV, "xsd", twice(f"{HEAD}/m:recipient")),
    (MESSAGE, SV, "xsd", also(f"{HEAD}/m:label", "m:nummer-19121212-1212")),
    (MESSAGE, SV, "xsd", says("//m:subOrganization/m:label", SAID * 16)),
    (MESSAGE, SV, "xsd", lacks("//m:documents")),
    (MESSAGE, SV, "xsd", lacks("//m:recipient/m:attention")),
    (MESSAGE, BV, "verifyNonEmptyElements", says(f"{HEAD}/m:label", " \n")),
    (MESSAGE, BV, "recipientIdvalue", says("//m:recipientID/m:root", SAID)),
    (MESSAGE, BV, "senderIdvalue", says("//m:senderID/m:root", SAID)),
    (MESSAGE, BV, "creationDateTime", says(f"{HEAD}/m:creationDateTime", "2019-08-22T07:27:15Z")),
    (MESSAGE, BV, "creationDateTime", says(f"{HEAD}/m:creationDateTime", "2019-08-22T09:27:15.433+02:00")),
    (MESSAGE, BV, "MessageId", says(f"{HEAD}/m:messageId", SAID)),
    (MESSAGE, BV, "conversationId", says(f"{HEAD}/m:conversationId", "3a94b4ed-a6d7-41e2-945d-b3fa91e8a6e9\n")),
    (MESSAGE, BV, "refToMessageId", also(f"{HEAD}/m:conversationId", "m:refToMessageId")),
    (MESSAGE, BV, "subjectlabel", says(f"{HEAD}/m:label", SAID * 16)),
    (FILED, BV, "contentFiles", says("//m:ContentFiles/m:content", "=" + SAID)),
    (MESSAGE, BV, "subOrgRoot", says("//m:subOrganization/m:organizationId/m:root", SAID)),
    (ENVELOPE, SV, "xsd", lacks("//xha:Header/xhb:ID")),
    (ENVELOPE, SV, "xsd", lacks("//xha:ToParty")),
    (ENVELOPE, SV, "xsd", lacks("//xhb:InstanceEncryptionIndicator")),
    (ENVELOPE, SV, "xsd", says("//xhb:InstanceEncryptionIndicator", SAID)),
    (ENVELOPE, SV, "xsd", also("//xha:Header", "m:message")),
    (ENVELOPE, BV, "R1-XHE", also("//xhb:CustomizationID", "xhb:ProfileID")),
    (ENVELOPE, BV, "R2-XHE", says("//xhb:HandlingServiceID", " ")),
    (ENVELOPE, BV, "R3-XHE", says("//xhb:CustomizationID", SAID)),
    (ENVELOPE, BV, "R4-XHE", lacks(CRITERION.format("DOCUMENTID"))),
    (ENVELOPE, BV, "R5-XHE", lacks(CRITERION.format("DOCUMENTID_SCHEME"))),
    (ENVELOPE, BV, "R6-XHE", lacks(CRITERION.format("PROCESSID"))),
    (ENVELOPE, BV, "R7-XHE", lacks(CRITERION.format("PROCESSID_SCHEME"))),
    (ENVELOPE, BV, "R8-XHE", lacks(CRITERION.format("FEDERATIONID"))),
    (ENVELOPE, BV, "R9-XHE", says("//xhb:XHEVersionID", "1.1")),
    (ENVELOPE, BV, "R10-XHE", marked("//xha:FromParty//xhb:ID", "schemeID", SAID)),
    (ENVELOPE, BV, "R12-XHE", says("//xhb:InstanceEncryptionIndicator", "true")),
    (ENVELOPE, BV, "R13-XHE", lambda root: setattr(at(root, "//m:messagePayload"), "tag", _tag("en:EncryptedData"))),
    (ENVELOPE, BV, "R14-XHE", lacks("//xhb:CustomizationID")),
    (ENVELOPE, BV, "R14-XHE", lacks("//xha:BusinessScope")),
    (ENVELOPE, BV, "R14-XHE", lacks("//xha:FromParty")),
    (ENVELOPE, BV, "R14-XHE", twice("//xha:FromParty/xha:PartyIdentification")),
    (ENVELOPE, BV, "R14-XHE", twice("//xha:ToParty")),
    (ENVELOPE, BV, "R14-XHE", twice(PAYLOAD)),
    (ENVELOPE, BV, "R14-XHE", lacks(f"{PAYLOAD}/xhb:DocumentTypeCode")),
    (ENVELOPE, BV, "R14-XHE", lacks(f"{PAYLOAD}/xhb:ContentTypeCode")),
    (ENVELOPE, BV, "R14-XHE", lacks(f"{PAYLOAD}/xha:PayloadContent")),
    (ACCEPTED, SV, "xsd", lacks("//cbc:IssueTime")),
    (ACCEPTED, SV, "xsd", says("//cbc:IssueDate", SAID)),
    (ACCEPTED, SV, "xsd", also("//cbc:ProfileID", "cbc:Note")),
    (ACCEPTED, SV, "xsd", twice("//cac:DocumentResponse")),
    (ACCEPTED, BV, "R1-APP", marked("/app:ApplicationResponse/cbc:ID", "schemeID")),
    (ACCEPTED, BV, "R2-APP", says("/app:ApplicationResponse/cbc:ID", " ")),
    (ACCEPTED, BV, "R3-APP", says("//cbc:CustomizationID", SAID)),
    (ACCEPTED, BV, "R4-APP", says("//cbc:ProfileID", SAID)),
    (ACCEPTED, BV, "R5-APP", says("//cbc:ResponseCode", SAID)),
    (REJECTED, BV, "R6-APP", says("//cac:LineResponse//cbc:ResponseCode", SAID)),
    (REJECTED, BV, "R7-APP", says("//cac:DocumentResponse/cac:Response/cbc:ResponseCode", "ACCEPTED")),
    (ACCEPTED, BV, "R8-APP", says("//cbc:ResponseCode", "REJECTED")),
    (REJECTED, BV, "R9-APP", lacks("//cac:LineResponse/cac:Response/cac:Status")),
    (ACCEPTED, BV, "R9-APP", marked("//cac:SenderParty/cbc:EndpointID", "schemeID", None)),
    (ACCEPTED, BV, "R9-APP", marked("//cac:ReceiverParty/cbc:EndpointID", "schemeID", None)),
]
"""Document, the code it is refused with, the rule that is named, and what is spoilt."""
RECEIPT_RULES: Final = tuple(f"R{number}-APP" for number in range(2, 10))
"""All but R1-APP, whose hundred places have a test of their own."""
STRICTER: list[tuple[str, str, str, Spoil]] = [
    (ENVELOPE, BV, "R11-XHE", marked("//xha:ToParty//xhb:ID", "schemeID", SAID)),
    (MESSAGE, BV, "text-or-file", lacks("//m:ContentText")),
    (FILED, BV, "base64", says("//m:ContentFiles/m:content", "AAAA" + SAID)),
    (ENVELOPE, BV, "message-id", says("//xha:Header/xhb:ID", SAID)),
    (ENVELOPE, BV, "sender", says("//xha:FromParty//xhb:ID", SAID)),
    (ENVELOPE, BV, "recipient", says("//xha:ToParty//xhb:ID", SAID)),
    (ENVELOPE, BV, "handling-service", says("//xhb:HandlingServiceID", SAID)),
]
"""The same for what the specification's prose asks and no schematron does."""


def spoilt(reference: Path, name: str, spoil: Spoil) -> etree._Element:
    """Return one of Digg's documents with one thing wrong."""
    root = etree.parse(reference / "standards" / name).getroot()
    spoil(root)
    return root


def named(rows: list[tuple[str, str, str, Spoil]]) -> list[str]:
    """Return a name for each mutant."""
    return [f"{Path(name).stem}-{rule}-{number}" for number, (name, _, rule, _) in enumerate(rows)]


def refused(root: etree._Element) -> Refused:
    """Return why a document is refused."""
    with pytest.raises(Refused) as caught:
        SdkReader().read(Submission(etree.tostring(root, encoding="UTF-8"), "application/xml"))
    return caught.value


@pytest.mark.reference
@pytest.mark.parametrize(("name", "code", "rule", "spoil"), [*MUTANTS, *STRICTER], ids=[*named(MUTANTS), *named(STRICTER)])
def test_a_mutant_is_refused_by_the_rule_it_breaks(reference: Path, name: str, code: str, rule: str, spoil: Spoil) -> None:
    """Given one of Digg's documents with one thing wrong, then it is refused with the class of its rule, the rule and the place are named, and nothing is repeated."""
    error = refused(spoilt(reference, name, spoil))
    assert error.code == code
    assert f"the rule {rule} of SDK" in " ".join(problem.detail for problem in error.problems)
    assert all((problem.pointer or "").startswith("/") for problem in error.problems)
    said = repr(error) + "".join(f"{problem}" for problem in error.problems)
    assert not [word for word in ("Kanarie", "19121212") if word in said]


def test_every_rule_has_its_mutant() -> None:
    """Given the tables of rules, then each rule has a mutant above, but one that the schema states too."""
    rules = {
        rule for table in (message.SCHEMATRON, envelope.SCHEMATRON, receipt.SCHEMATRON, message.PROSE, envelope.PROSE) for rule, _ in table
    }
    assert rules - {rule for _, _, rule, _ in [*MUTANTS, *STRICTER]} == {"conversationIdMustExist"}


@pytest.mark.reference
def test_the_schemas_are_the_published_ones(reference: Path) -> None:
    """Given the schemas beside the plugin, then each is byte for byte the one in the reference library."""
    shipped = Path(message.__file__).parents[1] / "schema"
    sources = {"message": "sdk", "receipt": "sdk/kvittens-fixed", "xhe": "sdk/xhe"}
    for folder, source in sources.items():
        files = sorted((shipped / folder).rglob("*.xsd"))
        assert files
        for file in files:
            assert file.read_bytes() == (reference / "standards" / source / file.relative_to(shipped / folder)).read_bytes()


# ── by a schematron engine that is not ours ──


@pytest.mark.reference
@pytest.mark.node
@pytest.mark.parametrize(("name", "rule", "spoil"), [(name, rule, spoil) for name, code, rule, spoil in MUTANTS if code == BV])
def test_diggs_own_schematron_says_the_same(reference: Path, schematrons: Schematrons, name: str, rule: str, spoil: Spoil) -> None:
    """Given a mutant that breaks a rule, then Digg's schematron, read by an engine we did not write, finds that very rule broken."""
    assert schematrons.broken(reference / "standards/sdk" / SCHEMATRONS[name], etree.tostring(spoilt(reference, name, spoil)), rule)[rule]


def forbidden(reference: Path) -> Iterator[str]:
    """Yield each place that R1 of the receipts forbids."""
    root = etree.parse(reference / "standards/sdk/DIGG-AppRes-Business-Rules.scmt").getroot()
    for rule in root.iterfind(".//iso:rule", NAMES):
        if rule.find("iso:assert[@id='R1-APP']", NAMES) is not None:
            yield from (path.strip() for path in str(rule.get("context")).split("|"))


def there(root: etree._Element, path: str) -> None:
    """Put into a receipt what a path names, a child or an attribute of what is there already."""
    inner, _, attribute = path.removesuffix("]").partition("[@")
    parent, _, name = inner.rpartition("/")
    if attribute:
        at(root, inner).set(attribute, SAID)
        return
    prefix, local = name.split(":")
    etree.SubElement(at(root, parent), f"{{{UBL[prefix]}}}{local}").text = SAID


@pytest.mark.reference
def test_what_receipts_may_not_hold_is_refused_place_by_place(reference: Path) -> None:
    """Given each place that Digg's R1-APP forbids in a receipt, then we refuse it, by the schema or by that rule."""
    places = list(forbidden(reference))
    assert len(places) > 100
    for path in places:
        root = etree.parse(reference / "standards" / REJECTED).getroot()
        there(root, path)
        assert root.xpath(path, namespaces=UBL), path
        assert {problem.detail for problem in refused(root).problems} & {
            f"this breaks the rule {rule} of SDK" for rule in ("xsd", "R1-APP")
        }


@pytest.mark.reference
@pytest.mark.node
def test_diggs_schematrons_have_nothing_against_what_we_read(reference: Path, schematrons: Schematrons) -> None:
    """Given each of Digg's documents, then its own schematron finds something in it exactly where we refuse it for a rule."""
    tables: dict[str, Any] = {"messagePayload": MESSAGE, "XHE": ENVELOPE, "ApplicationResponse": ACCEPTED}
    codes: dict[str, str] = {}
    found: dict[str, bool] = {}
    for file in (*sorted((reference / "standards/sdk").rglob("*.xml")), reference / "standards" / FILED):
        root = etree.parse(file, etree.XMLParser(recover=True)).getroot()
        table = tables.get(etree.QName(root).localname)
        if table is not None:
            asked = RECEIPT_RULES if table == ACCEPTED else ()
            found[file.name] = bool(schematrons.broken(reference / "standards/sdk" / SCHEMATRONS[table], file.read_bytes(), *asked))
            codes[file.name] = code_of(file.read_bytes())
    assert {name for name, code in codes.items() if code == BV} == {name for name, broken in found.items() if broken} == {"TF2.4.2.xml"}
    assert len(codes) == 14 - 1


def code_of(body: bytes) -> str:
    """Return the code with which a document is refused, or what it was read as."""
    try:
        return type(SdkReader().read(Submission(body, "application/xml"))).__name__
    except Refused as error:
        return error.code
