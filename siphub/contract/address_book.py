"""An address book outside the hub: which addresses a network has, whose they are, and what they are for.

A plugin that can fetch one gives it by the hook `siphub_address_books`; the hub keeps a copy, compares the directory with it, and proposes.
It must never decide who is sent to: the directory belongs to its administrator. What it returns is public, and holds nothing about persons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from siphub.contract.adapter import Recipient


@dataclass(frozen=True, slots=True)
class ListedCode:
    """What kind of function an address is for: a code, the code system it is from, and what that calls it (empty where nobody says)."""

    system: str
    code: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ListedOrganisation:
    """An organisation in the book. `number` is its organisation number, ten digits, or empty where the book has none that is one."""

    participant: str
    number: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """An address in the book.

    Args:
        participant: Its organisation, as the network names it.
        address: The address itself; the two together name it.
        label: What the book calls it.
        number: Its organisation's number, as in `ListedOrganisation`.
        organisation: Its organisation's name.
        active: False where the book says that it is not to be used now.
        codes: What it is for.
        times: How often it stands in the book, where not alike.
    """

    participant: str
    address: str
    label: str = ""
    number: str = ""
    organisation: str = ""
    active: bool = True
    codes: tuple[ListedCode, ...] = ()
    times: int = 1


@dataclass(frozen=True, slots=True)
class Edition:
    """The whole book as it was fetched.

    Args:
        addresses: Every address, in the book's order, each once.
        organisations: Every organisation, those without an address too.
        left_out: How many entries could not be read, by code.
        kept: What the book wants to be given the next time; plain JSON values.
        unchanged: The book has said that nothing has changed since then.
    """

    addresses: tuple[ListedAddress, ...]
    organisations: tuple[ListedOrganisation, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False


@runtime_checkable
class AddressBook(Protocol):
    """One address book. Adapters name it in `AdapterInfo.address_book`: their entries' addresses have to stand in it."""

    @property
    def name(self) -> str:
        """Its name, unique in a hub: lower-case letters, digits and hyphens, at most 40."""

    @property
    def source(self) -> str:
        """Where it is fetched, for people: an address without anything secret in it."""

    def fetch(self, kept: Mapping[str, Any], told: Callable[[str], None]) -> Edition:
        """Fetch the whole book, or say that it has not changed.

        Args:
            kept: What the last edition from the same source wanted kept; empty where there is none.
            told: To be called with a line for a person as it goes on.

        Raises:
            BookError: It cannot be fetched, or is not to be believed; nothing of it is used.
        """

    def keys(self, entries: Sequence[Recipient]) -> Sequence[tuple[str, str]]:
        """Return each directory entry's participant and address, empty where it does not say. Asks nobody."""

    def entry(self, listed: ListedAddress) -> tuple[str, Mapping[str, str]]:
        """Return how a directory entry would name an address: its endpoint and its options. Asks nobody."""

    def close(self) -> None:
        """Let go of connections."""
