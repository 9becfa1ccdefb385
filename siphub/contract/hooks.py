"""The hooks a plugin may implement. Plugins may object, never permit.

Hooks are called one plugin at a time, with a time limit; an error or overrun counts as the table in docs/write-an-adapter.md says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from siphub.contract.adapter import Adapter, Cut, Recipient
    from siphub.contract.address_book import AddressBook
    from siphub.contract.context import PluginContext
    from siphub.contract.reader import Reader
    from siphub.contract.records import RecordKeeper
    from siphub.model import Directory

hookspec = pluggy.HookspecMarker("siphub")
hookimpl = pluggy.HookimplMarker("siphub")


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What happened to a delivery, told after the commit. Ids and codes only."""

    owner: str
    delivery_id: str
    message_id: str
    message_type: str
    adapter: str
    state: str
    reason: str | None
    at: datetime


@hookspec
def siphub_adapters(context: PluginContext) -> Iterable[Adapter]:
    """Return this plugin's adapters. Asked once, at start; an exception stops start-up and names the plugin."""
    raise NotImplementedError


@hookspec
def siphub_readers(context: PluginContext) -> Iterable[Reader]:
    """Return this plugin's readers. Asked once, at start; an exception stops start-up and names the plugin."""
    raise NotImplementedError


@hookspec
def siphub_record_keepers(context: PluginContext) -> Iterable[RecordKeeper]:
    """Return this plugin's record keepers. Asked once, at start; an exception stops start-up and names the plugin."""
    raise NotImplementedError


@hookspec
def siphub_address_books(context: PluginContext) -> Iterable[AddressBook]:
    """Return the address books this plugin can fetch. Asked once, at start; an exception stops start-up and names the plugin."""
    raise NotImplementedError


@hookspec
def siphub_disclosure_objections(cut: Cut, recipient: Recipient, basis: str, now: datetime) -> str | None:
    """Return a reason code why this must not be sent, or None. Asked before the claim, 2 s; an error or overrun is an objection."""


@hookspec
def siphub_resolve_address(address: str, directory: Directory) -> Recipient | None:
    """Return where an address leads, or None. Two different answers hold the delivery."""


@hookspec
def siphub_delivery_changed(event: DeliveryEvent) -> None:
    """Hear of a change after its commit. Whatever it raises is logged and goes no further."""


@hookspec
def siphub_commands(app: Any) -> None:
    """Add sub-commands to the command line. Asked only when one is typed, or for `--help --all`."""
