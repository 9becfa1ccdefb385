"""The packs beside municipal-sip that prove the mechanism with other shapes: RIV-TA's GetCarePlans, and an actualisation with a document."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from lxml import etree

from siphub.contract import Cut, MappingError, SystemClock
from siphub.contract.neutral import to_partner
from siphub.documents import render
from siphub.mappings import Mappings, Pack, findings, shipped, tried
from siphub.model import sample
from siphub.testing.samples import cut_without, everybody_protected, policy_cuts

CORE = {"c": "urn:riv:clinicalprocess:logistics:logistics:3"}
PUBLIC = "data/swedish/rivta-getcareplans/clinicalprocess_logistics_logistics_3.0/interactions/GetCarePlansInteraction/GetCarePlansResponder_2.0.xsd"
PLANS = ("plan.established", "plan.revised")


def pack_named(name: str) -> Pack:
    """Return a pack as it is shipped."""
    return Mappings([shipped()], SystemClock()).load(name)


@pytest.fixture(scope="session")
def care_plans() -> Pack:
    """Give the pack of RIV-TA's GetCarePlans 2.0."""
    return pack_named("rivta-getcareplans")


@pytest.fixture(scope="session")
def actualisations() -> Pack:
    """Give the pack of actualisations."""
    return pack_named("lifecare-style")


@pytest.mark.parametrize("name", ["rivta-getcareplans", "lifecare-style"])
def test_every_sample_is_valid_and_golden(name: str) -> None:
    """Each sample a pack has a form for is valid by its schema, and its golden file is what the pack makes."""
    assert list(findings(pack_named(name))) == []


class TestCarePlans:
    @pytest.mark.reference
    def test_what_is_sent_is_valid_by_the_public_schema(self, reference: Path, care_plans: Pack) -> None:
        """Samples, samples with everybody protected, and every cut that our own schema lets out are valid by RIV-TA's."""
        public = etree.XMLSchema(etree.parse(str(reference / PUBLIC)))
        documents = [sample(name, maximal=maximal).to_document() for name in PLANS for maximal in (False, True)]
        documents += [everybody_protected(sample(name, maximal=True)).to_document() for name in PLANS]
        documents += [cut.document for _, cut in policy_cuts() if cut.message_type in PLANS]  # type: ignore[misc]  # a cut is a mapping
        let_out = [trial.body for document in documents if not (trial := tried(care_plans, document)).problems]
        assert len(let_out) > 6
        for body in let_out:
            assert body is not None
            public.assertValid(etree.fromstring(body))

    def test_the_plan_is_its_text(self, care_plans: Pack) -> None:
        """The content is the plan as people read it, Swedish times stand without a zone, and the type is SIP."""
        document = sample("plan.established", maximal=True).to_document()
        text = render(Cut(document, "consent"), "text")
        root = etree.fromstring(to_partner(care_plans, document, {"text": text}))
        assert b64decode(root.findtext(".//c:value", None, CORE) or "") == text
        assert "Hemtjänst följer med till affären" in text.decode()
        assert root.findtext(".//c:documentTime", None, CORE) == "20261123120000"
        assert root.findtext(".//c:typeOfCarePlanEnum", None, CORE) == "SIP"
        assert [found.text for found in root.iterfind(".//c:extension", CORE)] == ["SE2321009991-3001"]

    def test_a_protected_persons_plan_is_not_for_the_journal_on_the_web(self, care_plans: Pack) -> None:
        """Where anybody is protected the plan is not approved for the patient; where nobody is, it is."""
        for document, said in (
            (sample("plan.established").to_document(), "true"),
            (everybody_protected(sample("plan.established", maximal=True)).to_document(), "false"),
        ):
            body = tried(care_plans, document).body
            assert etree.fromstring(body or b"").findtext(".//c:approvedForPatient", None, CORE) == said

    def test_other_messages_have_no_form(self, care_plans: Pack) -> None:
        """A kallelse to a unit with this pack is refused by its type."""
        with pytest.raises(MappingError) as caught:
            to_partner(care_plans, sample("meeting.summoned").to_document(), {"text": b"x"})
        assert caught.value.code == "mapping.unsupported_type"

    def test_too_long_a_text_is_refused(self, care_plans: Pack) -> None:
        """The contract takes 100 kB: a longer plan does not hold to the schema."""
        document = sample("plan.established").to_document()
        assert tried(care_plans, document, {"text": b"x" * 100_000}).ok
        assert tried(care_plans, document, {"text": b"x" * 100_001}).code == "mapping.invalid_output"


class TestActualisations:
    def test_the_message_is_the_attached_document(self, actualisations: Pack) -> None:
        """The kallelse becomes an actualisation of its type, with the PDF that people read."""
        document = sample("meeting.summoned", maximal=True).to_document()
        root = etree.fromstring(to_partner(actualisations, document, {"pdf": b"%PDF-1.7 ..."}))
        assert (root.findtext("Type"), root.findtext("Reason")) == ("SIP-KALL", "Kallelse till SIP-möte")
        assert (root.findtext(".//MediaType"), b64decode(root.findtext(".//Content") or "")) == ("application/pdf", b"%PDF-1.7 ...")

    def test_without_a_person_there_is_no_actualisation(self, actualisations: Pack) -> None:
        """A cut without the individual's number does not hold to the schema: it is held, and nobody's number is made up."""
        cut = cut_without(sample("meeting.summoned", maximal=True), "/subject")
        assert tried(actualisations, cut.document).code == "mapping.invalid_output"
