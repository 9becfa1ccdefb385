"""Arbetsförmedlingen's adapter: what every agency's adapter promises, and the line it adds."""

from __future__ import annotations

from typing import Any

import pytest

import siphub_arbetsformedlingen
from siphub.contract import Cut
from siphub.model import people as p
from siphub.testing.agencies import KINDS, AgencyContract, AgencyUnderTest
from siphub_sdk.settings import NAMES


class TestArbetsformedlingen(AgencyContract):
    """arbetsformedlingen keeps what the adapters of agencies promise."""

    @pytest.fixture
    def agency(self) -> AgencyUnderTest:
        """Give the plugin."""
        return AgencyUnderTest(siphub_arbetsformedlingen, p.AF, "af", "fk", NAMES)

    @pytest.mark.parametrize("name", KINDS)
    def test_it_is_told_to_look_for_the_consent_before_it_speaks(self, agency: AgencyUnderTest, adapter: Any, name: str) -> None:
        """Given each kind, then what rests on a consent says to look whether it is registered there, and nothing else does."""
        cut = agency.cut(name)
        consented = cut.basis == "consent"
        for known, said in (
            (None, "om det är det vet vi inte"),
            ("unknown", "om det är det vet vi inte"),
            ("yes", "enligt det vi har fått veta är samtycket registrerat hos er; kontrollera det"),
            ("no", "samtycket är enligt det vi har fått veta inte registrerat hos er; det hindrar inte"),
        ):
            stated = {"since": "2026-11-23T11:00:00Z", "direction": "both", **({"registered_at_af": known} if known else {})}
            text = agency.text(adapter, Cut({**cut.document, "consent_statement": stated}, cut.basis))
            assert (said in text) == consented
        assert ("kontrollera att samtycket är registrerat hos er" in agency.text(adapter, cut)) == consented
