"""A world in which Försäkringskassan and Arbetsförmedlingen are reached by SDK: a message service with both behind it, and adapters for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from siphub.model import Address
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.sandbox import Sandbox
from siphub.sandbox.sdk import Agency, MessageService
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.store import DeliveryRow
from siphub.testing.story import Story, until
from siphub.testing.world import World

BY_SDK: Final[Mapping[UnitId, str]] = {p.FK: "fk", p.AF: "af"}
SENDERS: Final = (
    f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun; "
    f"{p.NEIGHBOUR} 0203:soderby.example sdk:sip:0203:soderby.example Söderby kommun"
)
OWN: Final[Mapping[UnitId, str]] = {p.FK: "forsakringskassan", p.AF: "arbetsformedlingen"}
"""The adapter of each agency, and the only one that writes to it."""
NUMBERS: Final = {"fk": p.FORSAKRINGSKASSAN, "af": p.ARBETSFORMEDLINGEN}


@dataclass
class SdkWorld(World):
    """A hub and its partners, among them the agencies behind a message service.

    Args:
        sdk: The message service.
        adapters: The adapter for each agency's unit: its own unless said.
        options: Further options of the agencies' directory entries.
        optioned: The units whose entries have them.
    """

    sdk: SdkSandbox | None = None
    adapters: Mapping[UnitId, str] = field(default_factory=lambda: dict(OWN))
    options: Mapping[str, str] = field(default_factory=dict)
    optioned: Collection[UnitId] = tuple(BY_SDK)

    @property
    def service(self) -> MessageService:
        """The message service."""
        assert self.sdk is not None
        return self.sdk.service

    def agency(self, unit: str) -> Agency:
        """Return the agency behind a unit."""
        return self.service.agencies[BY_SDK[UnitId(unit)]]

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached: FK and AF at their functional addresses."""
        if unit not in BY_SDK:
            return super().address(unit)
        agency = self.agency(unit)
        options = {"participant": agency.participant, **(self.options if unit in self.optioned else {})}
        return Address(adapter=self.adapters[unit], endpoint=agency.address, options=options)

    def newest(self, story: Story, unit: UnitId, message_type: str = "meeting.invited") -> DeliveryRow:
        """Return the newest delivery of a type to a unit."""
        return [row for row in self.deliveries(story) if (row.message_type, row.recipient) == (message_type, unit)][-1]

    def in_state(self, story: Story, unit: UnitId, state: str, within: float = 20.0) -> bool:
        """Wait until the newest invitation to a unit is in a state."""
        return until(lambda: self.newest(story, unit).state == state, within)


def sdk_world(
    sandbox: Sandbox,
    sdk: SdkSandbox,
    folder: Path,
    adapters: Mapping[UnitId, str] | None = None,
    also: Sequence[str] = (),
    options: Mapping[str, str] = MappingProxyType({}),
    optioned: Collection[UnitId] = tuple(BY_SDK),
    settings: Mapping[str, str] = MappingProxyType({}),
    **given: Any,
) -> SdkWorld:
    """Return a world with FK and AF on SDK; further settings of the hub by name.

    Args:
        sandbox: The municipalities and the region.
        sdk: The message service.
        folder: Where everything is kept.
        adapters: The adapter for each agency's unit; each of them is enabled, and knows only the agencies that it is for.
        also: Further adapters that are enabled and fetch at the same service; they know no agency.
        options: Further options of the agencies' directory entries.
        optioned: The units whose entries have them.
        settings: Further settings of the plugins.
        given: Settings of the hub.
    """
    chosen = adapters or OWN
    plugins = {
        name: {
            "service": sdk.url,
            "token_url": sdk.token_url,
            "client_id": sdk.service.client[0],
            "senders": SENDERS,
            "agencies": "; ".join(
                f"{sdk.service.agencies[BY_SDK[unit]].participant} {NUMBERS[BY_SDK[unit]]}" for unit, one in chosen.items() if one == name
            ),
            "timeout_seconds": "2",
            "poll_seconds": "0",
            **settings,
        }
        for name in dict.fromkeys((*chosen.values(), *also))
    }
    secrets = {name: {"client_secret": sdk.service.client[1], "submit_key": sdk.access_point.key} for name in plugins}
    everything = {"plugins": ["folder", "municipal-xml", *plugins], "plugin": plugins, "plugin_secrets": secrets, **given}
    return SdkWorld(
        sandbox, folder / "folders", folder / "hub", given=everything, sdk=sdk, adapters=chosen, options=options, optioned=optioned
    )
