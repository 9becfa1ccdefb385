"""Finds plugins, checks them, holds them, and asks them: one at a time, within a time limit, each named in every failure.

Installed is not enabled: only plugins named in the settings are imported. Plugins may object, never permit: whatever goes wrong while
one is asked about a disclosure counts as an objection. Each plugin has a pluggy manager of its own, so that no plugin can wrap, outvote
or abort another. It must never hand a plugin anything that another plugin, or the hub, goes on to use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, get_args

from siphub.contract import (
    Adapter,
    AddressBook,
    BookError,
    Confirmation,
    Cut,
    DeliveryEvent,
    Edition,
    Erases,
    Outcome,
    PluginContext,
    Reader,
    Recipient,
    RecordKeeper,
    RecordPackage,
    Submission,
    TakesBack,
)
from siphub.errors import PluginError, UnsupportedMedia
from siphub.model import Directory
from siphub.observe import Log
from siphub.registry.finding import GROUP, Candidate, PluginListing, candidates, chosen, row, twice
from siphub.registry.held import (
    HeldAdapter,
    HeldBook,
    HeldKeeper,
    HeldReader,
    as_the_directory_says,
    checked_adapter,
    checked_book,
    checked_keeper,
    checked_reader,
    clash,
    own_copy,
    own_recipient,
    same_book,
)
from siphub.registry.plugin import MAX_CALLS, Plugin

__all__ = ["GROUP", "LIMIT", "MAX_CALLS", "START_LIMIT", "PluginListing", "Registry", "survey"]

LIMIT = timedelta(seconds=2)
"""How long one plugin may take over one question."""
START_LIMIT = timedelta(seconds=30)
"""How long one plugin may take to make its adapters or readers: it may compile schemas."""

RECORD_LIMIT = timedelta(seconds=30)
"""How long one record keeper may take over one package, or over the confirmations of one registry."""
MOST_CONFIRMATIONS = 5000
"""How many confirmations of one registry are taken at once."""

BOOK_LIMIT = timedelta(minutes=15)
"""How long one address book may take to be fetched whole."""

REASON = re.compile(r"[a-z0-9][a-z0-9._:-]{0,63}")

log = Log()


class Registry:
    """The enabled plugins. Made by `Registry.load`; every method may be called from any thread."""

    def __init__(self, enabled: Iterable[str], found: Mapping[str, list[Candidate]], limit: timedelta, start_limit: timedelta) -> None:
        self._found = found
        self._limit = limit
        self._start_limit = start_limit
        self._plugins = {name: chosen(name, found).open() for name in dict.fromkeys(enabled)}
        self._adapters: dict[str, HeldAdapter] = {}
        self._readers: dict[str, HeldReader] = {}
        self._keepers: dict[str, HeldKeeper] = {}
        self._books: dict[str, HeldBook] = {}

    @classmethod
    def load(
        cls,
        enabled: Sequence[str],
        context_for: Callable[[str], PluginContext],
        *,
        extra: Mapping[str, object] = MappingProxyType({}),
        limit: timedelta = LIMIT,
        start_limit: timedelta = START_LIMIT,
    ) -> Registry:
        """Import the enabled plugins, check them, and ask each for its adapters, readers, record keepers and address books.

        Args:
            enabled: Names of entry points in the group `siphub`. What is installed but not named here is not imported.
            context_for: Makes the context of one plugin, by name.
            extra: Plugins given as objects, by name; they are enabled.
            limit: How long one plugin may take over one question.
            start_limit: How long one plugin may take over its adapters, and over its readers.

        Raises:
            PluginError: Start-up stops; the error names the plugin, and where two are at odds, both owners. Codes: `plugin.not_installed`,
                `plugin.duplicate`, `plugin.bad_name`, `plugin.import_failed`, `plugin.bad_hook`, `plugin.api_mismatch`, `plugin.bad_adapter`,
                `plugin.bad_reader`, `plugin.bad_keeper`, `plugin.bad_book`, `plugin.failed`, `plugin.overran`.
        """
        registry = cls([*enabled, *extra], candidates(extra), limit, start_limit)
        try:
            for plugin in registry._plugins.values():
                registry._start(plugin, context_for(plugin.name))
        except BaseException:  # whatever ends it: the plugins that have begun are closed
            registry.close()
            raise
        return registry

    def _start(self, plugin: Plugin, context: PluginContext) -> None:
        for adapter in self._made(plugin, "siphub_adapters", context):
            self._hold_adapter(checked_adapter(plugin, adapter, self._limit))
        for reader in self._made(plugin, "siphub_readers", context):
            self._hold_reader(checked_reader(plugin, reader, self._limit))
        for keeper in self._made(plugin, "siphub_record_keepers", context):
            self._hold_keeper(checked_keeper(plugin, keeper, self._limit))
        for book in self._made(plugin, "siphub_address_books", context):
            self._hold_book(checked_book(plugin, book, self._limit))

    def _made(self, plugin: Plugin, hook: str, context: PluginContext) -> Iterable[object]:
        for answer in plugin.ask(hook, self._start_limit, context=context):
            yield from answer

    def _hold_adapter(self, held: HeldAdapter) -> None:
        if other := self._adapters.get(held.info.name):
            raise clash(f"adapter {held.info.name}", held.plugin, other.plugin)
        self._adapters[held.info.name] = held

    def _hold_reader(self, held: HeldReader) -> None:
        if other := self._readers.get(held.info.name):
            raise clash(f"reader {held.info.name}", held.plugin, other.plugin)
        self._readers[held.info.name] = held

    def _hold_keeper(self, held: HeldKeeper) -> None:
        if other := self._keepers.get(held.name):
            raise clash(f"record keeper {held.name}", held.plugin, other.plugin)
        self._keepers[held.name] = held

    def _hold_book(self, held: HeldBook) -> None:
        other = self._books.get(held.name)
        if other is None:
            self._books[held.name] = held
        elif not same_book(held, other, self._limit):
            raise clash(f"address book {held.name}", held.plugin, other.plugin, "let the settings of one of them name it, or both the same")
        else:  # plugins of one supplier's may share it: it is fetched once, by the first of them
            held.plugin.call("close", self._limit, held.book.close)

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """The enabled adapters, by name."""
        return MappingProxyType({name: held.adapter for name, held in self._adapters.items()})

    @property
    def readers(self) -> Mapping[str, Reader]:
        """The enabled readers, by name."""
        return MappingProxyType({name: held.reader for name, held in self._readers.items()})

    @property
    def keepers(self) -> Mapping[str, RecordKeeper]:
        """The enabled record keepers, by name."""
        return MappingProxyType({name: held.keeper for name, held in self._keepers.items()})

    @property
    def address_books(self) -> Mapping[str, AddressBook]:
        """The address books of the enabled plugins, by name."""
        return MappingProxyType({name: held.book for name, held in self._books.items()})

    def fetch_book(self, name: str, kept: Mapping[str, Any], told: Callable[[str], None]) -> Edition:
        """Let a plugin fetch an address book whole, and wait for it no longer than `BOOK_LIMIT`; raises KeyError for one that nobody has.

        Raises:
            BookError: It cannot be fetched, or is not to be believed.
            PluginError: `plugin.failed`, `plugin.overran`, `plugin.bad_answer`.
        """
        held = self._books[name]
        try:
            edition = held.plugin.call("fetch", BOOK_LIMIT, lambda: held.book.fetch(kept, told))
        except PluginError as error:
            if isinstance(error.__cause__, BookError):
                raise error.__cause__ from None
            raise
        if not isinstance(edition, Edition):
            raise held.plugin.error("fetch answered with something that is no Edition", code="plugin.bad_answer")
        return edition

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Hand one package to the record keeper an address names, and wait for it no longer than `RECORD_LIMIT`.

        Raises:
            PluginError: `plugin.no_keeper`, `plugin.failed`, `plugin.overran`, `plugin.bad_answer`.
        """
        held = self._keeper(address)
        own = own_recipient(address)
        outcome = held.plugin.call("offer", RECORD_LIMIT, lambda: held.keeper.offer(package, own))
        sound = isinstance(outcome, get_args(Outcome))
        if not sound:
            raise held.plugin.error("offer answered with something that is no outcome", code="plugin.bad_answer")
        return outcome

    def confirmations(self, address: Recipient) -> tuple[Confirmation, ...]:
        """Return what a registry has confirmed, at most `MOST_CONFIRMATIONS`.

        Raises:
            PluginError: As for `offer`.
        """
        held = self._keeper(address)
        own = own_recipient(address)
        found = held.plugin.call("confirmations", RECORD_LIMIT, lambda: tuple(islice(held.keeper.confirmations(own), MOST_CONFIRMATIONS)))
        if not all(isinstance(one, Confirmation) for one in found):
            raise held.plugin.error("confirmations gave something that is no Confirmation", code="plugin.bad_answer")
        return found

    def settle_record(self, package_id: str, address: Recipient) -> None:
        """Tell a record keeper that a confirmation is stored.

        Raises:
            PluginError: As for `offer`.
        """
        held = self._keeper(address)
        own = own_recipient(address)
        held.plugin.call("settle", RECORD_LIMIT, lambda: held.keeper.settle(package_id, own))

    def _keeper(self, address: Recipient) -> HeldKeeper:
        if held := self._keepers.get(address.adapter):
            return held
        known = ", ".join(sorted(self._keepers)) or "none"
        detail = f"no enabled plugin has a record keeper of this name (enabled record keepers: {known})"
        raise PluginError(address.adapter, detail, code="plugin.no_keeper")

    def adapter(self, name: str) -> Adapter:
        """Return an adapter.

        Raises:
            PluginError: `plugin.no_adapter`; no enabled plugin has it.
        """
        return self._held(name).adapter

    def erase(self, key: str, recipient: Recipient) -> bool:
        """Let a delivery's adapter take away what it has left on our side; say whether nothing is left. One that leaves nothing has nothing to do.

        What fails or overruns is logged, and counts as left.
        """
        held = self._adapters.get(recipient.adapter)
        if held is None or not isinstance(held.adapter, Erases):
            return True
        return self._asked(held, "erase", held.adapter.erase, key, recipient)

    def take_back(self, key: str, recipient: Recipient) -> bool:
        """Let a delivery's adapter take away what has not left yet; say whether it could look. What fails or overruns is logged."""
        held = self._adapters.get(recipient.adapter)
        if held is None or not isinstance(held.adapter, TakesBack):
            return True
        return self._asked(held, "take_back", held.adapter.take_back, key, recipient)

    def _asked(self, held: HeldAdapter, what: str, ask: Callable[[str, Recipient], bool], key: str, recipient: Recipient) -> bool:
        """Return what an adapter says of a key; no where it fails or overruns, which is logged."""
        own = own_recipient(recipient)
        try:
            return held.plugin.call(what, self._limit, lambda: bool(ask(key, own)))
        except PluginError as error:
            log.error("plugin.failed", plugin=held.plugin.name, adapter=held.info.name, exc_info=error)
            return False

    def made_by(self, adapter: str) -> str:
        """Return which plugin an adapter belongs to, as `name@version`: what the first attempt pins.

        Raises:
            PluginError: `plugin.no_adapter`.
        """
        plugin = self._held(adapter).plugin
        return f"{plugin.name}@{plugin.version}"

    def _held(self, adapter: str) -> HeldAdapter:
        if held := self._adapters.get(adapter):
            return held
        known = ", ".join(sorted(self._adapters)) or "none"
        detail = f"no enabled plugin has an adapter of this name; add its plugin to the setting `plugins` (enabled adapters: {known})"
        raise PluginError(adapter, detail, code="plugin.no_adapter")

    def reader_for(self, submission: Submission) -> Reader:
        """Return the one reader that recognises these bytes. A reader that fails or overruns does not recognise them; that is logged.

        Raises:
            UnsupportedMedia: `body.unsupported_media`: none does. `body.ambiguous`: two do, and both are named; we do not guess.
        """
        asked = [held for held in self._readers.values() if submission.media_type in held.info.media_types]
        known = [held for held in asked if self._recognises(held, submission)]
        if len(known) > 1:
            names = " and ".join(f"{held.info.name} of plugin {held.plugin.name}" for held in known)
            log.error("reader.disputed", count=len(known), reason="body.ambiguous")
            message = f"more than one reader takes these bytes for its own: {names}; disable one"
            raise UnsupportedMedia(message, code="body.ambiguous")
        if not known:
            message = "no enabled reader recognises these bytes under this media type"
            raise UnsupportedMedia(message)
        return known[0].reader

    def _recognises(self, held: HeldReader, submission: Submission) -> bool:
        try:
            return held.plugin.call("recognises", self._limit, lambda: bool(held.reader.recognises(submission)))
        except PluginError as error:
            log.error("reader.failed", plugin=held.plugin.name, reader=held.info.name, exc_info=error)
            return False

    @property
    def objectors(self) -> bool:
        """True where any plugin implements `siphub_disclosure_objections`: without one, nobody need be asked."""
        return bool(self._with("siphub_disclosure_objections"))

    def objections(self, cut: Cut, recipient: Recipient, basis: str, now: datetime) -> tuple[str, ...]:
        """Ask every plugin why this must not be sent; return reason codes, and nothing where all are content.

        A plugin that fails counts as `plugin.failed:<plugin>`, one that overruns as `plugin.overran:<plugin>`, one whose answer is
        neither None nor a reason code as `plugin.bad_answer:<plugin>`. Each gets a copy of its own, so that it cannot change what is sent.
        """
        reasons: list[str] = []
        for plugin in self._with("siphub_disclosure_objections"):
            own = {"cut": own_copy(cut), "recipient": own_recipient(recipient), "basis": basis, "now": now}
            try:
                answers = plugin.ask("siphub_disclosure_objections", self._limit, **own)
            except PluginError as error:
                log.error("plugin.failed", plugin=plugin.name, hook="siphub_disclosure_objections", exc_info=error)
                answers = [f"{error.code}:{plugin.name}"]
            reasons.extend(one if isinstance(one, str) and REASON.fullmatch(one) else f"plugin.bad_answer:{plugin.name}" for one in answers)
        return tuple(reasons)

    def resolve_address(self, address: str, directory: Directory) -> Recipient | None:
        """Ask every plugin where an address leads; None where nobody knows it. The recipient is the directory's, not the plugin's.

        Raises:
            PluginError: Hold the delivery. `plugin.failed`, `plugin.overran`; `plugin.address_disputed`: two answers differ, both plugins are
                named; `plugin.address_foreign`: the directory does not give that address to that unit.
        """
        found: Recipient | None = None
        first: Plugin | None = None
        for plugin in self._with("siphub_resolve_address"):
            for answer in plugin.ask("siphub_resolve_address", self._limit, address=address, directory=directory):
                given = as_the_directory_says(plugin, answer, directory)
                if first is not None and given != found:
                    raise plugin.error(
                        f"resolves an address otherwise than plugin {first.name} (from {first.owner})", code="plugin.address_disputed"
                    )
                found, first = given, plugin
        return found

    def delivery_changed(self, event: DeliveryEvent) -> None:
        """Tell every plugin of a change, after its commit. What goes wrong is logged and goes no further."""
        for plugin in self._with("siphub_delivery_changed"):
            try:
                plugin.ask("siphub_delivery_changed", self._limit, event=event)
            except PluginError as error:
                log.error("plugin.failed", plugin=plugin.name, hook="siphub_delivery_changed", exc_info=error)

    def commands(self, app: Any) -> tuple[str, ...]:
        """Let every plugin add its commands to a typer application; return a warning for each that could not."""
        warnings: list[str] = []
        for plugin in self._with("siphub_commands"):
            try:
                plugin.ask("siphub_commands", self._limit, app=app)
            except PluginError as error:
                warnings.append(str(error))
        return tuple(warnings)

    def _with(self, hook: str) -> list[Plugin]:
        return [plugin for plugin in self._plugins.values() if plugin.implements(hook)]

    def listing(self) -> tuple[PluginListing, ...]:
        """Return every plugin that is installed or enabled, by name. Those not enabled are not imported for it."""
        return tuple(self._listed(name, one) for name, ones in sorted(self._found.items()) for one in ones)

    def _listed(self, name: str, one: Candidate) -> PluginListing:
        plugin = self._plugins.get(name)
        adapters = (held.info.name for held in self._adapters.values() if held.plugin is plugin)
        readers = (held.info.name for held in self._readers.values() if held.plugin is plugin)
        return row(one, enabled=plugin is not None, adapters=adapters, readers=readers, problem=twice(self._found[name]))

    def close(self) -> None:
        """Close every adapter, record keeper and address book. One that fails or hangs is logged and left behind. May be called twice."""
        held_adapters, self._adapters = self._adapters, {}
        held_keepers, self._keepers = self._keepers, {}
        held_books, self._books = self._books, {}
        closing = [(held.plugin, held.info.name, held.adapter.close) for held in held_adapters.values()]
        closing += [(held.plugin, held.name, held.keeper.close) for held in held_keepers.values()]
        closing += [(held.plugin, held.name, held.book.close) for held in held_books.values()]
        for plugin, name, close in closing:
            try:
                plugin.call("close", self._limit, close)
            except PluginError as error:
                log.error("plugin.failed", plugin=plugin.name, adapter=name, exc_info=error)


def survey(
    enabled: Sequence[str], context_for: Callable[[str], PluginContext], *, extra: Mapping[str, object] = MappingProxyType({})
) -> tuple[PluginListing, ...]:
    """Return the listing also where `Registry.load` would stop, with each plugin's own problem. For `siphub plugins` and `siphub doctor`.

    Each enabled plugin is loaded alone and closed again; where all are well alone, once more together, which finds names given twice.
    """
    found = candidates(extra)
    chosen_names = list(dict.fromkeys([*enabled, *extra]))
    rows = {name: _alone(name, found, context_for, extra) for name in chosen_names}
    if all(one.problem is None for ones in rows.values() for one in ones):
        try:
            Registry.load(enabled, context_for, extra=extra).close()
        except PluginError as error:
            rows[error.plugin] = tuple(replace(one, problem=str(error)) for one in rows[error.plugin])
    for name in found.keys() - rows.keys():
        rows[name] = tuple(row(one, problem=twice(found[name])) for one in found[name])
    return tuple(one for name in sorted(rows) for one in rows[name])


def _alone(
    name: str, found: Mapping[str, list[Candidate]], context_for: Callable[[str], PluginContext], extra: Mapping[str, object]
) -> tuple[PluginListing, ...]:
    try:
        registry = Registry.load([name], context_for, extra={name: extra[name]} if name in extra else {})
    except PluginError as error:
        missing = PluginListing(name, "", "", installed=False, enabled=True, problem=str(error))
        return tuple(row(one, enabled=True, problem=str(error)) for one in found.get(name, [])) or (missing,)
    listed = tuple(one for one in registry.listing() if one.name == name)
    registry.close()
    return listed
