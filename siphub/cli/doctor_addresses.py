"""What `siphub doctor` says of the directory's addresses: what each makes its adapter do, as the adapter itself says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from siphub.cli.address_book import listings_of
from siphub.cli.doctor import Finding, ok, wrong

if TYPE_CHECKING:
    from siphub.hub import Hub


def addresses(hub: Hub) -> Iterator[Finding]:
    """Ask every adapter that can say so about each address it serves; units about which it says the same stand in one line."""
    from siphub.contract import ChecksAddresses
    from siphub.flow import directory as directories

    said: dict[tuple[str, bool, str], list[str]] = {}
    for unit in directories.current(hub.ground).units:
        address = unit.address
        if address is None or address.adapter not in hub.registry.adapters:
            continue
        adapter: object = hub.registry.adapters[address.adapter]
        if not isinstance(adapter, ChecksAddresses):
            continue
        for check in adapter.check_address(directories.place(unit.id, unit.organisation, unit.public_label, address)):
            said.setdefault((address.adapter, check.ok, check.what), []).append(unit.id)
    for (adapter_name, well, what), units in said.items():
        yield (ok if well else wrong)(f"{adapter_name} to {', '.join(units)}: {what}")


def sources(hub: Hub) -> Iterator[Finding]:
    """Look at where answers are fetched from, and since when they cannot be."""
    from siphub.flow import directory as directories

    units: dict[tuple[str, str], list[str]] = {}
    for unit in directories.current(hub.ground).units:
        for there, name in directories.sources_of(unit, hub.registry.adapters):
            units.setdefault((there.adapter, name), []).append(unit.id)
    with hub.store.read() as work:
        silent = [row for row in work.poll_leases.failing() if (row.adapter, row.endpoint) in units]
    for row in silent:
        whose = ", ".join(units[row.adapter, row.endpoint])
        yield wrong(f"answers of {whose} cannot be fetched from {row.endpoint} since {row.failing_since:%Y-%m-%d %H:%M} ({row.code})")
    if units and not silent:
        yield ok(f"answers are fetched from {len(units)} places of units")


def address_books(hub: Hub) -> Iterator[Finding]:
    """Look at whether the addresses that have to stand in an address book do, by the copy there is of it."""
    for listing in listings_of(hub.ground, hub.ground.directory()):
        yield Finding(listing.level, listing.what)
