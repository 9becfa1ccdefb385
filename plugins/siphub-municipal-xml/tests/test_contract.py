"""The contracts of adapters and readers, against a municipality in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from siphub.contract import Recipient, Refused, Submission
from siphub.mappings import shipped
from siphub.model import sample
from siphub.sandbox import Ledger, Sandbox
from siphub.testing.adapters import AdapterContract, AdapterUnderTest
from siphub.testing.golden import golden_samples
from siphub.testing.readers import ReaderContract, ReaderUnderTest
from siphub.testing.watching import watched
from siphub_municipal_xml import MunicipalXml, MunicipalXmlReader

PACK = shipped() / "municipal-sip" / "1.0"
GOLDEN = [(Submission(file.read_bytes(), "application/xml"), message) for message, file in golden_samples(PACK)]


@dataclass(frozen=True)
class Book:
    """A municipality's ledger as the contract's witness."""

    ledger: Ledger

    def bytes_seen(self) -> int:
        """Return how many bytes of deliveries came."""
        return self.ledger.bytes_seen

    def effects(self, key: str) -> int:
        """Return how often something was taken under a key."""
        return len([entry for entry in self.ledger.effects() if entry.key == key])


class TestAdapter(AdapterContract):
    """municipal-xml keeps what adapters promise."""

    @pytest.fixture
    def under_test(self, adapter: MunicipalXml, sandbox: Sandbox, recipient: Callable[..., Recipient]) -> AdapterUnderTest:
        """Give the adapter with Norrby, and a port where nobody listens."""
        there, nowhere = recipient(sandbox.endpoint("norrby")), recipient("https://127.0.0.1:9/norrby/sip")
        owing = recipient(there.endpoint, receipt="file", answers=sandbox.answers_at("norrby"))
        settings = ("pack", "version", "timeout_seconds", "root", "clients", "logins")
        return AdapterUnderTest(adapter, there, Book(sandbox.ledger("norrby")), nowhere, settings, owing)


def without(text: str, start: str, end: str) -> str:
    """Return a document without one element."""
    return text[: text.index(start)] + text[text.index(end) + len(end) :]


SUMMONS = (PACK / "golden" / "meeting.summoned.maximal.xml").read_text("utf-8")


def xml(text: str) -> Submission:
    """Hand in a document."""
    return Submission(text.encode(), "text/xml")


class TestReader(ReaderContract):
    """municipal-xml keeps what readers promise."""

    @pytest.fixture
    def under_test(self, reader: MunicipalXmlReader) -> ReaderUnderTest:
        """Give the reader with every golden file, some that lack something, and some that are hostile."""
        partial = [
            xml(without(SUMMONS, "<agare>", "</agare>")),
            xml(without(SUMMONS, "<denEnskilde>", "</denEnskilde>")),
            xml(without(without(SUMMONS, "<avsandare>", "</avsandare>"), "<sammankallande>", "</sammankallande>")),
        ]
        hostile = [
            xml(
                SUMMONS.replace("<sip", "<!DOCTYPE sipMeddelande [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><sip", 1).replace(
                    "Boende", "&e;"
                )
            ),
            xml(SUMMONS.replace("Boende", "&e;")),
            xml(SUMMONS.replace("municipal-sip:1.0", "municipal-sip:9.9")),
            xml(SUMMONS.replace("Boende", "<x>" * 300 + "</x>" * 300)),
            xml(SUMMONS.replace("finska", "x" * 100_000)),
            xml(SUMMONS.replace("UTF-8", "UTF-7")),
            xml(SUMMONS.replace("201001032380", "201001032381")),
            xml(SUMMONS.replace("<borjar>2026-12-07T11:00:00Z", "<borjar>2026-12-07T24:00:00Z")),
            xml(
                SUMMONS.replace(
                    "<sipMeddelande",
                    '<sipMeddelande xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x file:///etc/passwd"',
                    1,
                ).replace("Boende", " ")
            ),
        ]
        return ReaderUnderTest(reader, GOLDEN, partial, hostile)


def test_a_draft_says_what_is_missing(reader: MunicipalXmlReader) -> None:
    """Without owner and subject a summons becomes a draft that names both, and keeps the rest as it came."""
    text = without(without(SUMMONS, "<agare>", "</agare>"), "<denEnskilde>", "</denEnskilde>")
    draft = reader.read(xml(text))
    assert getattr(draft, "missing", None) == ("/owner", "/subject")
    whole = sample("meeting.summoned", maximal=True).to_document()
    assert getattr(draft, "content", None) == {name: value for name, value in whole.items() if name not in {"owner", "subject"}}


def test_other_encodings_are_read(reader: MunicipalXmlReader) -> None:
    """A document in UTF-16 or Windows-1252 is recognised and read as the same message."""
    message = sample("meeting.summoned", maximal=True)
    for encoding in ("utf-16", "windows-1252"):
        submission = Submission(SUMMONS.replace("UTF-8", encoding).encode(encoding), "application/xml")
        assert reader.recognises(submission)
        assert reader.read(submission) == message


@pytest.mark.reference
def test_the_attack_corpus_is_refused_and_opens_nothing(reference: Path, reader: MunicipalXmlReader) -> None:
    """Every XML attack of the reference library, handed in with the right media type, is refused: none is this format."""
    hostile = reference / "data" / "hostile"
    bodies = [file.read_bytes() for file in (hostile / "xml").iterdir()]
    bodies += [b"<" + part.partition(b"<")[2] for part in (hostile / "xml-xxe" / "xxe.txt").read_bytes().split(b"* XXE")]
    declarations = re.findall(r"(?s)<!DOCTYPE [^\[>]*(?:\[.*?\]\s*)?>", (hostile / "xml-xxe" / "xxe.txt").read_text("utf-8"))
    bodies += [SUMMONS.replace("<sip", f"{declaration}<sip", 1).encode() for declaration in declarations]
    assert len(bodies) > 20
    for body in bodies:
        submission = Submission(body, "application/xml")
        with watched() as opened:
            reader.recognises(submission)
            with pytest.raises(Refused):
                reader.read(submission)
        assert opened == []
