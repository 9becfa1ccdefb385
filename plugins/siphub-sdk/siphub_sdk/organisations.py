"""The organisations that have an adapter of their own over SDK, with rules that no other adapter keeps.

An organisation number is public, and by it an entry of the directory is known to lead there. It must never hold an address: none is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from siphub.contract import Problem, Recipient
from siphub_sdk.settings import SdkSettings

REFUSED: Final = "address.other_adapter"
"""The code of an address that leads to such an organisation by another adapter than its own."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """One agency: the adapter that is for it, its organisation number, its name."""

    adapter: str
    number: str
    name: str


FORSAKRINGSKASSAN: Final = Organisation("forsakringskassan", "2021005521", "Försäkringskassan")
ARBETSFORMEDLINGEN: Final = Organisation("arbetsformedlingen", "2021002114", "Arbetsförmedlingen")
WITH_RULES: Final[Mapping[str, Organisation]] = MappingProxyType({one.number: one for one in (FORSAKRINGSKASSAN, ARBETSFORMEDLINGEN)})
"""By organisation number."""


def refusal(adapter: str, settings: SdkSettings, recipient: Recipient) -> Problem | None:
    """Return why an adapter may send nothing to an address, or None: it leads to an organisation that has an adapter of its own.

    It leads there by the unit's organisation, and by the organisation that the setting `agencies` gives to the entry's participant: an entry
    of one agency's unit with another's participant is neither's adapter's to write to.
    """
    leads_to = (recipient.organisation, settings.number_of(recipient.options.get("participant", "")) or "")
    own = next((WITH_RULES[number] for number in leads_to if number in WITH_RULES and WITH_RULES[number].adapter != adapter), None)
    if own is None:
        return None
    detail = (
        f"{own.name} is written to by the adapter {own.adapter} alone, which keeps its rules: enable that plugin, and name its adapter here"
    )
    return Problem(REFUSED, detail)
