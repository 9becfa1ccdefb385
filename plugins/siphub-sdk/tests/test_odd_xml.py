"""Documents that say the same in another way, or nothing in a way that looks like something: our reader and Digg's schematron judge them alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree

from siphub.contract import Draft, Refused, Submission
from siphub.testing.schematron import Schematrons
from siphub_sdk import SdkReader

Form = Callable[[str], bytes]
NOTE: Final = "Vi deltar på mötet ÅÄÖ"
MESSAGE: Final = f"""<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"><m:message><m:messageHeader
><m:creationDateTime>2026-01-15T09:30:00.000Z</m:creationDateTime><m:messageId>6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01</m:messageId
><m:conversationId>6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a02</m:conversationId><m:label>Svar</m:label><m:confidentiality>true</m:confidentiality
><m:recipient><m:recipientID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:norrby.example</m:extension></m:recipientID
><m:attention><m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root
><m:extension>sdk:sip:0203:norrby.example</m:extension></m:organizationId></m:subOrganization></m:attention></m:recipient
><m:sender><m:senderID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:af.example</m:extension></m:senderID
><m:attention><m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root
><m:extension>sdk:sip:0203:af.example</m:extension></m:organizationId></m:subOrganization></m:attention></m:sender></m:messageHeader
><m:messageBody><m:documents><m:documentID>1</m:documentID><m:ContentText><m:characterSequence>{NOTE}</m:characterSequence></m:ContentText
></m:documents></m:messageBody></m:message></m:messagePayload>"""


def with_note(note: str) -> Form:
    """Return what writes the message with another text."""
    return lambda message: message.replace(NOTE, note).encode()


SAME: Final[dict[str, Form]] = {
    "cdata": with_note(f"<![CDATA[{NOTE}]]>"),
    "cdata-in-parts": with_note(f"{NOTE[:5]}<![CDATA[{NOTE[5:9]}]]>{NOTE[9:]}"),
    "references": with_note("".join(f"&#{ord(character)};" for character in NOTE)),
    "another-prefix": lambda message: (
        message.replace("m:", "sdk:").replace("xmlns:sdk:", "xmlns:").replace("xmlns:m=", "xmlns:sdk=").encode()
    ),
    "no-prefix": lambda message: message.replace("xmlns:m=", "xmlns=").replace("<m:", "<").replace("</m:", "</").encode(),
    "mark": lambda message: b"\xef\xbb\xbf" + message.encode(),
    "utf-16": lambda message: ('<?xml version="1.0" encoding="UTF-16"?>' + message).encode("utf-16"),
    "latin-1": lambda message: ('<?xml version="1.0" encoding="ISO-8859-1"?>' + message).encode("iso-8859-1"),
    "instruction": lambda message: b"<?xml version='1.0'?><?note nothing?>" + message.encode(),
}
BROKEN: Final[dict[str, Form]] = {
    "nothing": with_note(""),
    "blank-cdata": with_note("<![CDATA[ \n ]]>"),
    "empty-cdata": with_note("<![CDATA[]]>"),
    "blank-references": with_note("&#32;&#9;&#10;"),
    "a-remark-alone": with_note("<!-- nothing -->"),
    "an-instruction-alone": with_note("<?note nothing?>"),
    "time-in-cdata": lambda message: message.replace("2026-01-15T09:30:00.000Z", "<![CDATA[2026-01-15T09:30:00Z]]>").encode(),
    "root-by-references": lambda message: message.replace("functionalAddress", "functionalAddres&#83;", 1).encode(),
}


def read(body: bytes) -> Any:
    """Return what the reader makes of a document: a draft, or the code of the refusal."""
    try:
        return SdkReader().read(Submission(body, "application/xml"))
    except Refused as error:
        return error.code


def in_utf_8(body: bytes) -> bytes:
    """Return a document as another judge can be given it."""
    return etree.tostring(etree.fromstring(body), encoding="UTF-8")


@pytest.mark.parametrize("form", SAME.values(), ids=SAME)
def test_what_says_the_same_is_read_the_same(form: Form) -> None:
    """Given the same message in another encoding, with other prefixes, or its text in CDATA or references, then the same draft comes of it."""
    plain, other = read(MESSAGE.encode()), read(form(MESSAGE))
    assert isinstance(plain, Draft)
    assert (other.content, other.missing) == (plain.content, plain.missing)


@pytest.mark.parametrize("form", BROKEN.values(), ids=BROKEN)
def test_what_looks_like_something_and_is_not_is_refused(form: Form) -> None:
    """Given an element that holds nothing but what looks like something, or a value that is wrong in disguise, then it is refused as a rule that is broken."""
    assert read(form(MESSAGE)) == "sdk.bv.invariant"


@pytest.mark.reference
@pytest.mark.node
@pytest.mark.parametrize("form", [*SAME.values(), *BROKEN.values()], ids=[*SAME, *BROKEN])
def test_diggs_own_schematron_judges_it_alike(reference: Path, schematrons: Schematrons, form: Form) -> None:
    """Given each of these, then Digg's schematron, read by an engine we did not write, finds something wrong exactly where we do."""
    body = form(MESSAGE)
    broken = schematrons.broken(reference / "standards/sdk/MessageConstraints.schematron.xml", in_utf_8(body))
    assert bool(broken) == (read(body) == "sdk.bv.invariant")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (with_note("<m:a>" * 300 + "</m:a>" * 300)(MESSAGE), "xml.not_well_formed"),
        (b"x" * (43 * 1024 * 1024), "body.too_large"),
        (with_note("\x01")(MESSAGE), "xml.not_well_formed"),
        (with_note("&#1;")(MESSAGE), "xml.not_well_formed"),
        (MESSAGE.encode("utf-16-le")[:-1], "xml.encoding"),
        (('<?xml version="1.0" encoding="UTF-7"?>' + MESSAGE).encode(), "xml.encoding"),
        (('<?xml version="1.0" encoding="UTF-8"?>' + MESSAGE).encode("iso-8859-1"), "xml.encoding"),
    ],
    ids=["deep", "too-large", "control", "control-reference", "half-a-character", "utf-7", "wrong-encoding"],
)
def test_what_is_hostile_or_broken_is_refused_with_its_code(body: bytes, code: str) -> None:
    """Given a deep tree, more than SDK takes, characters that XML has not, or an encoding that is not what it says, then it is refused by its code, and nothing is repeated."""
    with pytest.raises(Refused) as caught:
        SdkReader().read(Submission(body, "application/xml"))
    assert caught.value.code == code
    assert NOTE not in repr(caught.value)


def test_a_text_above_the_parsers_own_limit_is_read() -> None:
    """Given a text of eleven million characters, which is within SDK's 30 MB, then it is read whole."""
    found = SdkReader().read(Submission(with_note("x" * 11_000_000)(MESSAGE), "application/xml"))
    assert isinstance(found, Draft)
    assert "x" * 11_000_000 in str(found.content["sdk"])
