"""The composition root: settings → keys, store, broker, registry, flow. Everything is assembled here and nowhere else.

`build` makes a hub without starting it; `start` begins to relay, deliver and sweep. `doors` lists every way in.
It must never hold a decision, and never read the environment: `siphub.settings` has done that.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Self, get_args

from siphub import mappings as packs
from siphub.broker import Broker, Confirming, Tokens, connect, require_promises
from siphub.broker.topology import topology_for
from siphub.contract import Clock, PluginContext, Submission, SystemClock
from siphub.contract.http import Http
from siphub.documents import render
from siphub.errors import BrokerError, SettingsError, StoreError, Unauthenticated
from siphub.flow import directory as directories
from siphub.flow import mapping_trial, operate, partner_desk, sweep, track
from siphub.flow.accept import Answer, accept
from siphub.flow.deliver import Left, Worker
from siphub.flow.ground import DirectoryNow, Ground, Points
from siphub.flow.hand_over import HandOver
from siphub.flow.missing import Missing
from siphub.flow.plugin_state import PluginState
from siphub.flow.poll import Poller
from siphub.flow.presence import Presence
from siphub.flow.relay import Relay
from siphub.flow.sweep import Archivist, Sweeper
from siphub.flow.wake import Wake
from siphub.model import Caller, sample_directory
from siphub.model.people import HOME_CARE, MUNICIPALITY
from siphub.observe import Log
from siphub.registry import Registry
from siphub.settings import Settings
from siphub.store import CredentialRow, Listening, Store, What, master
from siphub.store.keys import OTHER_MASTER, never_marked
from siphub.store.master import write_secret


@dataclass(frozen=True, slots=True)
class Door:
    """One way in. Every door makes a Caller whose `channel` is the door's name; a suite of scenarios runs through each."""

    name: str
    what: str


NAME: Final = "name"
"""Under which the store keeps the hub's name at the broker."""
DOORS: Final = (
    Door("api", "POST /v1/messages, canonical JSON"),
    Door("reader", "POST /v1/messages, whatever an enabled reader recognises, or the address that its standard prescribes"),
    Door("submit", "siphub submit FILE…, by HTTP to a running hub"),
    Door("poll", "what an adapter fetches from its partners"),
    Door("retry", "siphub deliveries retry|release: what was stopped is queued again"),
)

Part = Literal["serve", "relay", "work", "sweep"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""What a hub consists of. `siphub up` is all of them in one process; in service each is a process, or several."""


@dataclass(slots=True)
class Hub:
    """One hub. Use it as a context manager, or call `start` and `stop`."""

    settings: Settings
    ground: Ground
    mappings: packs.Mappings
    http: Http
    relay: Relay | None = None
    worker: Worker | None = None
    sweeper: Sweeper | None = None
    archivist: Archivist | None = None
    poller: Poller | None = None
    presence: Presence | None = None
    listening: Listening | None = None
    hand_over: HandOver | None = None
    parts: tuple[Part, ...] = PARTS
    _log: Log = field(default_factory=lambda: Log(worker="hub"))

    @property
    def doors(self) -> tuple[Door, ...]:
        """Every way in."""
        return DOORS

    @property
    def store(self) -> Store:
        """The store, for the commands that look after it."""
        return self.ground.store

    @property
    def registry(self) -> Registry:
        """The plugins."""
        return self.ground.registry

    def start(self, parts: Collection[Part] = PARTS, *, adapters: Sequence[str] | None = None) -> None:
        """Begin, in threads of this process. The API is the caller's to open, with `siphub.web.serve`.

        Args:
            parts: What this process does: relay, deliver, sweep; all of it unless told otherwise. `serve` alone begins nothing.
            adapters: Which adapters this process delivers for; all of them unless told otherwise.

        Raises:
            SettingsError: `settings.broker_weak`; the broker cannot promise what production needs.
        """
        self.parts = tuple(part for part in PARTS if part in parts)
        if self.settings.mode == "production":
            require_promises(self.ground.broker.info, whole=self.parts == PARTS)
        names = sorted(self.registry.adapters) if adapters is None else sorted(adapters)
        if {"relay", "work"} & set(parts):
            self._declare()
        if "work" in parts:
            self.worker = Worker(self.ground, names)
            self.worker.start()
            if self.ground.rings_again:
                self.hand_over = HandOver(self.ground, self.worker, relayed="relay" in parts)
                self.hand_over.start()
        if "relay" in parts:
            self.ground.wake.rings = True
            if self.store.shares_outbox or self.parts != PARTS:
                self.listening = self.store.listen(self.ground.wake.hear)
            self.relay = Relay(self.ground, self.worker.offer if self.worker is not None else None)
            self.relay.start()
        if "sweep" in parts:
            self.sweeper, self.archivist, self.poller = Sweeper(self.ground), Archivist(self.ground), Poller(self.ground)
            for thread in (self.sweeper, self.archivist, self.poller):
                thread.start()
        self.presence = Presence(self.ground, self.parts, names if "work" in parts else (), self._rings)
        self.presence.start()
        self.ground.wake.set()

    def _declare(self) -> None:
        try:
            self.ground.broker.declare(topology_for(self.registry.adapters))
        except BrokerError as error:
            self._log.warning("broker.unreachable", code=error.code)

    def _rings(self) -> bool:
        return self.relay is not None and self.relay.rings

    def stop(self, within: timedelta | None = None) -> Left:
        """Take no more, give back what was not begun, finish what is being sent, and let go of everything. May be called twice.

        Args:
            within: How long it may take; the setting `stop_within` unless given. A moment more passes while connections are closed.

        Returns:
            What of the deliveries in hand was given back, and what was left unfinished.
        """
        limit = within or self.settings.stop_within
        until = time.monotonic() + limit.total_seconds()
        sweepers = [thread for thread in (self.poller, self.archivist, self.sweeper) if thread is not None]
        for thread in sweepers:
            thread.tell_to_stop()
        if self.hand_over is not None:
            self.hand_over.stop()
        left = self.worker.stop(limit) if self.worker is not None else Left()
        if self.listening is not None:
            self.listening.stop()
        if self.relay is not None:
            self.relay.stop()
        for thread in sweepers:
            thread.stop(max(1.0, until - time.monotonic()))
        if self.presence is not None:
            self.presence.stop()
        self.poller = self.archivist = self.sweeper = self.worker = self.relay = self.presence = self.listening = self.hand_over = None
        self.ground.broker.close()
        self.registry.close()
        self.http.close()
        self.store.close()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ── what the doors ask ──

    def accept(self, submission: Submission, caller: Caller) -> Answer:
        """Take one message, or refuse it; see `siphub.flow.accept`."""
        return accept(self.ground, submission, caller)

    def caller(self, key: str, channel: str) -> Caller:
        """Return who an API key belongs to.

        Raises:
            Unauthenticated: Nobody's, or revoked.
        """
        with self.store.look() as work:
            found = work.credentials.by_hash(self.store.keyed_hash("credential", key.encode()))
        if found is None:
            raise Unauthenticated("this key is not known here; ask the hub's administrator for one")
        return Caller(found.owner, frozenset(found.units), frozenset(found.roles), channel)

    def ready(self) -> Mapping[str, bool]:
        """Say what stands and what does not, of the parts this process has: the store can be written, keys open, the broker answers, threads run."""
        found = {"store": _can_write(self.store)}
        if "serve" in self.parts:
            found["keys"] = _can_open(self.store)
        if {"relay", "work"} & set(self.parts):
            found["broker"] = self.ground.broker.healthy()
        if "relay" in self.parts:
            found["relay"] = self.relay is not None and self.relay.alive
        if "work" in self.parts:
            found["worker"] = self.worker is not None and self.worker.alive
        if "sweep" in self.parts:
            found["sweeper"] = self.sweeper is not None and self.sweeper.alive
            found["archivist"] = self.archivist is not None and self.archivist.alive
            found["poller"] = self.poller is not None and self.poller.alive
        return {**found, "sending": found["store"] and operate.switched(self.ground) == "running"}

    def sweep(self) -> None:
        """Sweep once, now."""
        sweep.sweep(self.ground)

    def partners(self) -> tuple[partner_desk.Partner, ...]:
        """Return how every partner stands, and how many deliveries wait for it."""
        return partner_desk.partners(self.ground)

    def counts(self) -> Mapping[str, int]:
        """Return how many deliveries are in each state."""
        return track.counts(self.ground)

    def unsettled(self) -> Mapping[str, int]:
        """Return how many deliveries are in each state that is not over, or ended badly; quick however many there are in all."""
        return track.unsettled(self.ground)


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    plugins: Mapping[str, object] | None = None,
    broker: Broker | None = None,
    before: Callable[[Ground], None] | None = None,
) -> Hub:
    """Assemble a hub; nothing is started.

    Args:
        settings: Read already.
        clock: The clock port; the machine's unless a test gives another.
        plugins: Further plugins given as objects, by name, beside those installed.
        broker: A broker made already, instead of the one `broker_url` names.
        before: Called with the ground before it is used, for tests that look on.

    Raises:
        SettingsError: A setting is wrong, or a secret is missing.
        PluginError: A plugin cannot be used; it is named.
    """
    clock = clock or SystemClock()
    data = settings.data
    data.mkdir(parents=True, exist_ok=True)
    secrets_folder = _private(data / "keys")
    fresh = not settings.keys_url and not (data / "keys.sqlite").exists()
    store = open_store(settings, clock, fresh=fresh)
    if store.keys_gone():
        raise _other_keys(store)
    _bring_up(store, settings)
    first = _recognised(store)
    kept = kept_name(store, settings, clock, first=first)
    http = Http(ca_file=settings.ca_file)
    shelves = packs.Mappings([packs.shipped(), data / "mappings"], clock, approvals=partial(mapping_trial.approvals, store))
    given = dict(plugins or {})
    registry = Registry.load([*settings.plugins, *given], lambda name: _context(name, settings, clock, http, shelves, store), extra=given)
    ground = Ground(
        settings=settings,
        store=store,
        registry=registry,
        broker=broker or connect(settings.broker_url, name=settings.name or kept, tokens=_tokens(settings, http)),
        clock=clock,
        directory=DirectoryNow(store),
        points=Points(settings.fault),
        name=settings.name or kept,
        wake=Wake(store.knock),
    )
    with store.read() as work:
        ground.missing = Missing.read(work)
    if settings.fault is not None and isinstance(ground.broker, Confirming):
        ground.broker.on_written = partial(ground.points.reach, "after_publish")
    if before is not None:
        before(ground)
    hub = Hub(settings, ground, shelves, http)
    if settings.mode == "test" and (first if settings.keys_url else fresh):
        _first_start(hub, secrets_folder)
    return hub


def open_store(settings: Settings, clock: Clock, *, fresh: bool = False, elsewhere: Mapping[What, str] | None = None) -> Store:
    """Open the store of a data folder as it is, for the commands that look after it; `build` upgrades it as well.

    Args:
        settings: Read already; the data folder must be there.
        clock: The clock port.
        fresh: The folder has never been used: its master key is made.
        elsewhere: URLs of databases that are not where the settings say: while a backup is brought back.

    Raises:
        SettingsError: `settings.master_key`; it is gone, or cannot be read.
    """
    data = settings.data
    given = settings.master_key and settings.master_key.get_secret_value()
    urls: dict[What, str] = {"content": settings.database, "keys": settings.keys_database, **(elsewhere or {})}
    key = master.read(given or None, data / "keys", fresh=fresh)
    return Store(urls["content"], urls["keys"], key, clock, busy_timeout=settings.database_timeout)


def _bring_up(store: Store, settings: Settings) -> None:
    """Bring the databases to this version's revision; in production on PostgreSQL a person does that, for other processes run on them.

    Raises:
        SettingsError: `store.behind`; they are at an older one.
    """
    if settings.mode == "production" and store.behind():
        store.close()
        raise SettingsError(
            "the databases are older than this siphub: take a backup, and run siphub db upgrade; intake goes on meanwhile",
            code="store.behind",
        )
    store.upgrade()


def _recognised(store: Store) -> bool:
    """Return whether the keys were never used before.

    Raises:
        SettingsError: `settings.master_key`; they were, under another master key. `settings.other_keys`; they are not this content's.
    """
    found = store.recognise()
    if found == "other":
        store.close()
        raise SettingsError(OTHER_MASTER, code="settings.master_key")
    if not store.same_keys():
        raise _other_keys(store)
    return found == "first"


def _other_keys(store: Store) -> SettingsError:
    store.close()
    return SettingsError(
        "this content was first used with other keys than those here, and nobody could open what these seal: on a second machine set keys_url "
        "to the keys' database and copy keys/master.key from the first; where the keys are lost, bring them back with siphub restore --keys",
        code="settings.other_keys",
    )


def never_used(settings: Settings) -> bool:
    """Return whether no hub was ever started with these settings: its keys' database is not there, or knows no master key."""
    if not settings.keys_url:
        return not (settings.data / "keys.sqlite").exists()
    return never_marked(settings.keys_url)


def add_key(store: Store, clock: Clock, *, organisation: str, name: str, roles: Sequence[str], units: Sequence[str] = ()) -> str:
    """Make an API key for an organisation and return it, once; only its keyed hash is kept."""
    key = f"siphub_{secrets.token_urlsafe(32)}"
    row = CredentialRow(
        owner=organisation,
        name=name,
        key_hash=store.keyed_hash("credential", key.encode()),
        units=tuple(units),
        roles=tuple(roles),
        created_at=clock.now(),
    )
    with store.write() as work:
        work.credentials.add(row)
        work.audit.append(organisation, "operator", "cli", "credential.added", {"name": name})
    return key


def kept_name(store: Store, settings: Settings, clock: Clock, *, first: bool = False) -> str:
    """Return the name the store has kept for this hub at the broker; at the `first` start, keep one that no other hub has."""
    with store.read() as work:
        name = work.switches.get(NAME)
    if name is None:
        with store.write() as work:
            name = work.switches.settle(NAME, settings.name or _name(settings.data, first=first), "first start", clock.now())
    return name


def _can_open(store: Store) -> bool:
    """Say whether the keys' database answers and the master key opens what is in it."""
    try:
        return not store.keys.problems()
    except StoreError:
        return False


def _can_write(store: Store) -> bool:
    try:
        with store.write() as work:
            work.switches.get("sending")
    except Exception:  # noqa: BLE001 - whatever it is, the store cannot be written, and that is the whole answer
        return False
    return True


def _context(name: str, settings: Settings, clock: Clock, http: Http, shelves: packs.Mappings, store: Store) -> PluginContext:
    return PluginContext(
        plugin=name,
        clock=clock,
        log=Log(plugin=name),
        http=http,
        mappings=shelves,
        state=PluginState(store, name, clock),
        render=render,
        settings=own_settings(name, settings),
        secrets={key: value.get_secret_value() for key, value in settings.plugin_secrets.get(name, {}).items()},
    )


def own_settings(name: str, settings: Settings) -> Mapping[str, str]:
    """Return a plugin's own settings; a test hub's sample directory has its folders below one root, unless the settings name another."""
    given = settings.plugin.get(name, {})
    sample = name == "folder" and settings.mode == "test" and not given.get("root")
    return {**given, "root": str(_partners(settings))} if sample else given


def _partners(settings: Settings) -> Path:
    return settings.data.absolute() / "partners"


def _tokens(settings: Settings, http: Http) -> Tokens | None:
    if not settings.broker_token_url:
        return None
    secret = settings.broker_client_secret.get_secret_value()
    return Tokens(http, settings.broker_token_url, settings.broker_client_id, secret, settings.broker_scopes)


def _name(data: Path, *, first: bool) -> str:
    """Return the name of a hub that has none yet. A hub of an earlier version is called by its folder's path, as its queues are."""
    stem = re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")[:40] or "hub"
    return f"{stem}-{secrets.token_hex(5) if first else sha256(str(data.absolute()).encode()).hexdigest()[:10]}"


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _first_start(hub: Hub, folder: Path) -> None:
    """A test hub in an empty folder can be tried at once: a sample directory on the folder adapter, and a key for each kind of user."""
    clock = hub.ground.clock
    if "folder" in hub.registry.adapters:
        directory = sample_directory("folder", str(_partners(hub.settings)))
        for unit in directory.units:
            if unit.address is not None:
                Path(unit.address.endpoint).mkdir(parents=True, exist_ok=True)
        directories.switch(hub.ground, directory, by="first start")
    made: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
        "sender.key": (MUNICIPALITY, ("send", "inbox"), ()),
        "agency.key": (MUNICIPALITY, ("send", "inbox"), (HOME_CARE,)),
        "admin.key": (MUNICIPALITY, ("operate",), ()),
    }
    # Names that are taken belong to another hub, whose keys' database was another one.
    for name, (organisation, roles, units) in made.items() if not any((folder / name).exists() for name in made) else ():
        write_secret(folder / name, add_key(hub.store, clock, organisation=organisation, name=name, roles=roles, units=units))
