"""The page about what others write is what the reader does with it today."""

from __future__ import annotations

from pathlib import Path

import pytest

from siphub_fhir.xml_in import from_xml
from tests.mappings.fhir_corpora import CORPORA, NO_SIP, PAGE, Outcome, even, exact, our_own, outcomes, page

pytestmark = pytest.mark.reference


@pytest.fixture(scope="session")
def found(reference: Path) -> list[Outcome]:
    """Give what becomes of every document."""
    return list(outcomes(reference))


def test_the_page_is_what_the_reader_does(found: list[Outcome]) -> None:
    """docs/fhir-corpora.md is what `python -m tests.mappings.fhir_corpora` writes today."""
    assert PAGE.read_text("utf-8") == page(found)


def test_no_document_is_forgotten(reference: Path, found: list[Outcome]) -> None:
    """Every file of every collection but R4's own schemas is in one corpus, and only in one."""
    listed = [(one.corpus.partition("/")[0], one.file) for one in found]
    there = [
        (folder.name, file.name)
        for folder in (reference / "data/fhir").iterdir()
        for file in folder.iterdir()
        if folder.name != "r4-schema" and file.suffix in {".json", ".xml"}
    ]
    assert sorted(listed) == sorted(there)
    assert {one.corpus for one in found} == set(CORPORA)


def test_every_refusal_has_a_code_and_a_place(found: list[Outcome]) -> None:
    """Each document is read, or refused with codes and pointers; what is R4 is the same in both of its forms."""
    for one in found:
        assert (one.taken is None) == bool(one.problems), one.file
        assert all(code.startswith("fhir.") and where.startswith("/") for code, where in one.problems), one.file
        if one.taken is not None or {code for code, _ in one.problems} <= NO_SIP:
            assert one.same is True, one.file


def test_an_answer_is_read_once_it_names_something_of_ours(found: list[Outcome]) -> None:
    """Every answer is refused where it should name something of ours; with that named, it is read, or refused for a status that is no answer."""
    answers = [one for one in found if one.pointed is not None]
    assert {one.problems[0] for one in answers} == {("fhir.not_to_ours", "/appointment"), ("fhir.not_to_ours", "/code")}
    assert {one.pointed for one in answers if one.pointed and "at" not in one.pointed} >= {"`meeting.response`", "`sip.requested`"}
    assert {one.pointed for one in answers if one.pointed and " at " in one.pointed} <= {"`fhir.no_answer` at `/status`"}


def test_our_own_messages_come_back() -> None:
    """Every sample, as JSON and as XML, gives the message it was made of."""
    made, equal = our_own()
    assert made == equal > 100


def test_the_pairs_of_hl7_are_the_same_in_both_forms(reference: Path) -> None:
    """HL7's examples read from XML are what their JSON says. Their XML was collected without narrative, and with another `meta`."""
    data = reference / "data/fhir"
    files = sorted((data / "r4-hl7-xml").glob("*.xml"))
    assert len(files) > 40
    for file in files:
        found, wanted = from_xml(file.read_bytes()), exact((data / "r4-hl7-json" / f"{file.stem}.json").read_bytes())
        assert even({**found, "meta": 0, "text": 0}) == even({**wanted, "meta": 0, "text": 0}), file.name
