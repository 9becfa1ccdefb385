"""What `siphub doctor` says of the directory's addresses: what each makes its adapter or record keeper do, as that itself says, and looks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from siphub.cli.address_book import listings_of
from siphub.cli.doctor import Finding, look, ok, wrong

if TYPE_CHECKING:
    from siphub.contract import Check, Recipient
    from siphub.hub import Hub
    from siphub.model import Directory


AT_ONCE: Final = 16
"""How many partners are asked at the same time: one that is away takes the whole of its time-out."""


def addresses(hub: Hub) -> Iterator[Finding]:
    """Ask every adapter and record keeper that can say so about each address it serves, and let it look; those about which it says the same stand in one line."""
    from siphub.flow import directory as directories

    for name, well, what, units in told_of(hub, directories.current(hub.ground), probing=True):
        yield (ok if well else wrong)(f"{name} to {', '.join(units)}: {what}")


def told_of(hub: Hub, directory: Directory, *, probing: bool = False) -> tuple[tuple[str, bool, str, tuple[str, ...]], ...]:
    """Return what is said of a directory's addresses: by whom, whether it is well, in words, and of which units or organisations.

    Args:
        hub: Whose adapters and record keepers are asked.
        directory: The addresses, imported or not.
        probing: Whether they also look themselves, which may take their time-outs.
    """
    said: dict[tuple[str, bool, str], dict[str, None]] = {}  # each unit once
    asked = list(_asked(hub, directory))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (_, name, there), found in zip(asked, pool.map(partial(_found, probing), asked), strict=True):
            for check in found:
                said.setdefault((name, check.ok, check.what), {})[there.unit or there.organisation] = None
    return tuple((*one, tuple(units)) for one, units in said.items())


def _asked(hub: Hub, directory: Directory) -> Iterator[tuple[object, str, Recipient]]:
    """Yield each address with who serves it: units by an adapter, an organisation's record copies by a record keeper."""
    from siphub.flow.sources import place

    registry = hub.registry
    for unit in directory.units:
        address = unit.address
        if address is not None and address.adapter in registry.adapters:
            yield (
                registry.adapters[address.adapter],
                address.adapter,
                place(unit.id, unit.organisation, unit.public_label, address),
            )
    for one in directory.organisations:
        records = one.records
        if records is not None and records.adapter in registry.keepers:
            there = place("", one.number, one.public_label, records)
            yield registry.keepers[records.adapter], f"{records.adapter} (records)", there


def _found(probing: bool, asked: tuple[object, str, Recipient]) -> list[Check]:
    from siphub.contract import ChecksAddresses, ProbesAddresses

    server, _, there = asked
    checked = list(server.check_address(there)) if isinstance(server, ChecksAddresses) else []
    return checked + (list(server.probe(there)) if probing and isinstance(server, ProbesAddresses) else [])


def sources(hub: Hub) -> Iterator[Finding]:
    """Look at where answers are fetched from, and since when they cannot be."""
    from siphub.flow import directory as directories
    from siphub.flow.sources import sources_of

    units: dict[tuple[str, str], list[str]] = {}
    for unit in directories.current(hub.ground).units:
        for there, name in sources_of(unit, hub.registry.adapters):
            units.setdefault((there.adapter, name), []).append(unit.id)
    with hub.store.read() as work:
        silent = [row for row in work.poll_leases.failing() if (row.adapter, row.endpoint) in units]
    for row in silent:
        whose = ", ".join(units[row.adapter, row.endpoint])
        yield wrong(f"answers of {whose} cannot be fetched from {row.endpoint} since {row.failing_since:%Y-%m-%d %H:%M} ({row.code})")
    if units and not silent:
        yield ok(f"answers are fetched from {len(units)} places of units")


def receipts(hub: Hub) -> Iterator[Finding]:
    """Look at whose receipts are waited for by a time of their own, and whether that does anything."""
    from siphub.flow import directory as directories
    from siphub.policy.partners import RECEIPT_WITHIN, receipt_within

    for unit in directories.current(hub.ground).units:
        address = unit.address
        adapter = hub.registry.adapters.get(address.adapter) if address is not None else None
        if address is None or adapter is None or receipt_within(address.options) is None:
            continue
        if adapter.info.receipts in {"none", "immediate"}:
            yield look(f"{unit.id} has receipt_within, and {address.adapter} waits for no receipt: it does nothing, take it away")
        else:
            yield ok(f"receipts of {unit.id} are waited for {address.options[RECEIPT_WITHIN]}")


def left_behind(hub: Hub) -> Iterator[Finding]:
    """Look at where answers were fetched from before the directory was changed: what lies there is read by nobody."""
    from siphub.contract import Retry
    from siphub.flow.sources import unread

    for one, found in unread(hub.ground):
        whose = f"answers of {one.there.unit} are no longer fetched from {one.name} since {one.since:%Y-%m-%d %H:%M}"
        if isinstance(found, Retry):
            yield look(f"{whose}, and nobody can look whether some lie there ({found.code}): ask them")
        elif found:
            yield wrong(f"{whose}, and some lie there unread: put back what the entry said, or read them and take them away")


def address_books(hub: Hub) -> Iterator[Finding]:
    """Look at whether the addresses that have to stand in an address book do, by the copy there is of it."""
    for listing in listings_of(hub.ground, hub.ground.directory()):
        yield Finding(listing.level, listing.what)
