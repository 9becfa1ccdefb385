"""Försäkringskassan's adapter: what every agency's adapter promises, and the lines it adds."""

from __future__ import annotations

from typing import Any

import pytest

import siphub_forsakringskassan
from siphub.model import people as p
from siphub.testing.agencies import KINDS, AgencyContract, AgencyUnderTest
from siphub_sdk.settings import NAMES


class TestForsakringskassan(AgencyContract):
    """forsakringskassan keeps what the adapters of agencies promise."""

    @pytest.fixture
    def agency(self) -> AgencyUnderTest:
        """Give the plugin."""
        return AgencyUnderTest(siphub_forsakringskassan, p.FK, "fk", "af", NAMES)

    @pytest.mark.parametrize("name", KINDS)
    def test_every_message_says_what_it_is_for_and_what_it_rests_on(self, agency: AgencyUnderTest, adapter: Any, name: str) -> None:
        """Given each kind, then purpose and legal basis stand beneath our reference, and what says nothing of a person says that."""
        for maximal in (False, True):
            cut = agency.cut(name, maximal=maximal)
            lines = agency.text(adapter, cut).splitlines()
            place = next(number for number, line in enumerate(lines) if line.startswith("* **Vår referens:**"))
            assert lines[place + 1].startswith("* **Syfte:** att ")
            consented = "den enskildes samtycke (10 kap. 1 § offentlighets- och sekretesslagen"
            assert (consented if cut.basis == "consent" else "lämnar inga uppgifter") in lines[place + 2]
            assert lines[place + 2].startswith("* **Rättslig grund:** ")
