"""What plugins give us, checked before it is held, and what we give them, copied before it is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from siphub.contract import API, Adapter, AdapterInfo, AddressBook, Cut, Reader, ReaderInfo, Recipient, RecordKeeper
from siphub.errors import PluginError
from siphub.model import Directory, Unit
from siphub.registry.finding import NAME
from siphub.registry.plugin import Plugin


@dataclass(frozen=True, slots=True)
class HeldAdapter:
    """An adapter, its datasheet as it was at start, and whose it is."""

    adapter: Adapter
    info: AdapterInfo
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class HeldReader:
    """A reader, its datasheet as it was at start, and whose it is."""

    reader: Reader
    info: ReaderInfo
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class HeldKeeper:
    """A record keeper, its name as it was at start, and whose it is."""

    keeper: RecordKeeper
    name: str
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class HeldBook:
    """An address book, its name as it was at start, and whose it is."""

    book: AddressBook
    name: str
    plugin: Plugin


def checked_adapter(plugin: Plugin, adapter: object, limit: timedelta) -> HeldAdapter:
    """Return an adapter that keeps to the contract's form.

    Raises:
        PluginError: `plugin.bad_adapter`, `plugin.api_mismatch`.
    """
    info = plugin.call("info", limit, lambda: getattr(adapter, "info", None))
    if not isinstance(info, AdapterInfo):
        raise plugin.error(f"{type(adapter).__name__}.info is not an AdapterInfo", code="plugin.bad_adapter")
    _require_api(plugin, f"adapter {info.name}", info.api)
    if not isinstance(adapter, Adapter):
        missing = [name for name in ("translate", "deliver", "check", "close") if not hasattr(adapter, name)]
        raise plugin.error(f"adapter {info.name} has no {', '.join(missing)}", code="plugin.bad_adapter")
    if not NAME.fullmatch(info.name):
        raise plugin.error("an adapter's name is lower-case letters, digits and hyphens, at most 40", code="plugin.bad_adapter")
    return HeldAdapter(adapter, info, plugin)


def checked_reader(plugin: Plugin, reader: object, limit: timedelta) -> HeldReader:
    """Return a reader that keeps to the contract's form.

    Raises:
        PluginError: `plugin.bad_reader`, `plugin.api_mismatch`.
    """
    info = plugin.call("info", limit, lambda: getattr(reader, "info", None))
    if not isinstance(info, ReaderInfo):
        raise plugin.error(f"{type(reader).__name__}.info is not a ReaderInfo", code="plugin.bad_reader")
    _require_api(plugin, f"reader {info.name}", info.api)
    if not isinstance(reader, Reader):
        missing = [name for name in ("recognises", "read") if not hasattr(reader, name)]
        raise plugin.error(f"reader {info.name} has no {', '.join(missing)}", code="plugin.bad_reader")
    return HeldReader(reader, info, plugin)


def checked_keeper(plugin: Plugin, keeper: object, limit: timedelta) -> HeldKeeper:
    """Return a record keeper that keeps to the contract's form.

    Raises:
        PluginError: `plugin.bad_keeper`.
    """
    missing = [one for one in ("offer", "confirmations", "settle", "check", "close") if not hasattr(type(keeper), one)]
    if missing:
        raise plugin.error(f"record keeper {type(keeper).__name__} has no {', '.join(missing)}", code="plugin.bad_keeper")
    name = plugin.call("name", limit, lambda: getattr(keeper, "name", None))
    if not isinstance(name, str) or not NAME.fullmatch(name) or not isinstance(keeper, RecordKeeper):
        raise plugin.error("a record keeper's name is lower-case letters, digits and hyphens, at most 40", code="plugin.bad_keeper")
    return HeldKeeper(keeper, name, plugin)


def checked_book(plugin: Plugin, book: object, limit: timedelta) -> HeldBook:
    """Return an address book that keeps to the contract's form.

    Raises:
        PluginError: `plugin.bad_book`.
    """
    missing = [one for one in ("fetch", "keys", "entry", "close") if not hasattr(type(book), one)]
    if missing:
        raise plugin.error(f"address book {type(book).__name__} has no {', '.join(missing)}", code="plugin.bad_book")
    name = plugin.call("name", limit, lambda: getattr(book, "name", None))
    if not isinstance(name, str) or not NAME.fullmatch(name) or not isinstance(book, AddressBook):
        raise plugin.error("an address book's name is lower-case letters, digits and hyphens, at most 40", code="plugin.bad_book")
    return HeldBook(book, name, plugin)


def _require_api(plugin: Plugin, what: str, api: int) -> None:
    if api != API:
        detail = f"{what} was written for plugin contract {api}, this siphub has {API}; install the version of the plugin that fits"
        raise plugin.error(detail, code="plugin.api_mismatch")


def same_book(mine: HeldBook, theirs: HeldBook, limit: timedelta) -> bool:
    """Say whether two plugins give the very same address book: by the same code, and from the same address."""
    here = mine.plugin.call("source", limit, lambda: mine.book.source)
    there = theirs.plugin.call("source", limit, lambda: theirs.book.source)
    return type(mine.book) is type(theirs.book) and here == there


def clash(what: str, mine: Plugin, theirs: Plugin, remedy: str = "enable one of them") -> PluginError:
    """Make the error for two plugins that give something of one name."""
    detail = f"{what} is also given by plugin {theirs.name} (from {theirs.owner}); {remedy}"
    return mine.error(detail, code="plugin.duplicate")


def own_copy(cut: Cut) -> Cut:
    """Return a cut that a plugin may scribble in without changing what is sent."""
    return replace(cut, document={key: _copied(value) for key, value in cut.document.items()})


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(inner) for inner in value]
    return value


def own_recipient(recipient: Recipient) -> Recipient:
    """Return a recipient whose options a plugin may change for itself."""
    return replace(recipient, options=dict(recipient.options))


def as_the_directory_says(plugin: Plugin, answer: object, directory: Directory) -> Recipient:
    """Return the directory's own recipient for the unit a plugin named, where both agree on how it is reached.

    Raises:
        PluginError: `plugin.bad_answer`, or `plugin.address_foreign`: the directory does not give that address to that unit.
    """
    if not isinstance(answer, Recipient):
        raise plugin.error("siphub_resolve_address answered with something that is no Recipient", code="plugin.bad_answer")
    unit = directory.unit(answer.unit)
    known = _recipient(unit) if unit is not None else None
    if known is None or replace(answer, label=known.label, options=dict(answer.options), owner=known.owner) != known:
        detail = "resolves an address to a unit that the directory does not reach there; correct the directory"
        raise plugin.error(detail, code="plugin.address_foreign")
    return known


def _recipient(unit: Unit) -> Recipient | None:
    if unit.address is None:
        return None
    return Recipient(
        unit=str(unit.id),
        organisation=str(unit.organisation),
        label=unit.public_label,
        adapter=unit.address.adapter,
        endpoint=unit.address.endpoint,
        mapping=unit.address.mapping,
        options=dict(unit.address.options),
    )
