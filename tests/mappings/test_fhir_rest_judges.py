"""What goes to servers without messaging, judged by validators that are not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from siphub.contract import Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir.message import FORMS
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated

if TYPE_CHECKING:
    from siphub.testing.fhir_judges import FhirJudges


@pytest.mark.node
@pytest.mark.parametrize("form", ["transaction", "resource"])
def test_nothing_is_held_against_transactions_and_resources(fhir_judges: FhirJudges, form: str) -> None:
    """Given every message type, least and most, neither validator has anything against the transaction or the resource made of it."""
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir", None, {"form": form})
    for kind in FORMS:
        for maximal in (False, True):
            made = translated(whole_cut(sample(kind, maximal=maximal)), there, FhirSettings())
            assert fhir_judges.against(json.loads(made.body)) == [], kind
