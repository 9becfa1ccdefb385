"""The composition root: settings → keys, store, broker, registry, flow. Everything is assembled here and nowhere else.

`build` makes a hub without starting it; `start` begins to relay, deliver and sweep. `doors` lists every way in.
It must never hold a decision, and never read the environment: `siphub.settings` has done that.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from siphub import mappings as packs
from siphub.broker import Broker, Tokens, connect, require_promises
from siphub.broker.topology import topology_for
from siphub.contract import Clock, PluginContext, Submission, SystemClock
from siphub.contract.http import Http
from siphub.documents import render
from siphub.errors import BrokerError, SettingsError, Unauthenticated
from siphub.flow import directory as directories
from siphub.flow import operate, sweep, track
from siphub.flow.accept import Answer, accept
from siphub.flow.deliver import Worker
from siphub.flow.ground import DirectoryNow, Ground, Points
from siphub.flow.plugin_state import PluginState
from siphub.flow.relay import Relay
from siphub.flow.sweep import Archivist, Sweeper
from siphub.model import Caller, sample_directory
from siphub.model.people import HOME_CARE, MUNICIPALITY
from siphub.observe import Log
from siphub.registry import Registry
from siphub.settings import Settings
from siphub.store import CredentialRow, Store, master
from siphub.store.keys import OTHER_MASTER, never_marked
from siphub.store.master import write_secret


@dataclass(frozen=True, slots=True)
class Door:
    """One way in. Every door makes a Caller whose `channel` is the door's name; a suite of scenarios runs through each."""

    name: str
    what: str


DOORS: Final = (
    Door("api", "POST /v1/messages, canonical JSON"),
    Door("reader", "POST /v1/messages, whatever an enabled reader recognises"),
    Door("submit", "siphub submit FILE…, by HTTP to a running hub"),
    Door("poll", "what an adapter fetches from its partners"),
    Door("retry", "siphub deliveries retry|release: what was stopped is queued again"),
)


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

    def start(self, *, adapters: Sequence[str] | None = None) -> None:
        """Begin to relay, deliver and sweep in threads of this process.

        Args:
            adapters: Which adapters this process delivers for; all of them unless told otherwise.

        Raises:
            SettingsError: `settings.broker_weak`; the broker cannot promise what production needs.
        """
        if self.settings.mode == "production":
            require_promises(self.ground.broker.info, whole=True)
        names = sorted(self.registry.adapters) if adapters is None else sorted(adapters)
        try:
            self.ground.broker.declare(topology_for(self.registry.adapters))
        except BrokerError as error:
            self._log.warning("broker.unreachable", code=error.code)
        self.worker = Worker(self.ground, names)
        self.relay = Relay(self.ground, self.worker.offer)
        self.sweeper = Sweeper(self.ground)
        self.archivist = Archivist(self.ground)
        self.worker.start()
        self.relay.start()
        self.sweeper.start()
        self.archivist.start()
        self.ground.wake.set()

    def stop(self) -> None:
        """Take no more, finish what is being sent, and let go of everything. May be called twice."""
        for thread in (self.archivist, self.sweeper):
            if thread is not None:
                thread.stop()
        if self.worker is not None:
            self.worker.stop()
        if self.relay is not None:
            self.relay.stop()
        self.archivist = self.sweeper = self.worker = self.relay = None
        self.ground.broker.close()
        self.registry.close()
        self.http.close()
        self.store.close()

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
        with self.store.read() as work:
            found = work.credentials.by_hash(self.store.keyed_hash("credential", key.encode()))
        if found is None:
            raise Unauthenticated("this key is not known here; ask the hub's administrator for one")
        return Caller(found.owner, frozenset(found.units), frozenset(found.roles), channel)

    def ready(self) -> Mapping[str, bool]:
        """Say what stands and what does not: the store can be written, the broker answers, every thread runs."""
        return {
            "store": _can_write(self.store),
            "broker": self.ground.broker.healthy(),
            "relay": self.relay is not None and self.relay.alive,
            "worker": self.worker is not None and self.worker.alive,
            "sweeper": self.sweeper is not None and self.sweeper.alive,
            "archivist": self.archivist is not None and self.archivist.alive,
            "sending": operate.switched(self.ground) == "running",
        }

    def sweep(self) -> None:
        """Sweep once, now."""
        sweep.sweep(self.ground)

    def counts(self) -> Mapping[str, int]:
        """Return how many deliveries are in each state."""
        return track.counts(self.ground)


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
    store.upgrade()
    first = _recognised(store)
    http = Http(ca_file=settings.ca_file)
    shelves = packs.Mappings([packs.shipped(), *([data / "mappings"] if (data / "mappings").is_dir() else [])], clock)
    given = dict(plugins or {})
    registry = Registry.load([*settings.plugins, *given], lambda name: _context(name, settings, clock, http, shelves, store), extra=given)
    ground = Ground(
        settings=settings,
        store=store,
        registry=registry,
        broker=broker or connect(settings.broker_url, name=_name(data), tokens=_tokens(settings, http)),
        clock=clock,
        directory=DirectoryNow(store),
        points=Points(settings.fault),
    )
    if before is not None:
        before(ground)
    hub = Hub(settings, ground, shelves, http)
    if settings.mode == "test" and (first if settings.keys_url else fresh):
        _first_start(hub, secrets_folder)
    return hub


def open_store(settings: Settings, clock: Clock, *, fresh: bool = False) -> Store:
    """Open the store of a data folder as it is, for the commands that look after it; `build` upgrades it as well.

    Args:
        settings: Read already; the data folder must be there.
        clock: The clock port.
        fresh: The folder has never been used: its master key is made.

    Raises:
        SettingsError: `settings.master_key`; it is gone, or cannot be read.
    """
    data = settings.data
    given = settings.master_key and settings.master_key.get_secret_value()
    return Store(settings.database, settings.keys_database, master.read(given or None, data / "keys", fresh=fresh), clock)


def _recognised(store: Store) -> bool:
    """Return whether the keys were never used before.

    Raises:
        SettingsError: `settings.master_key`; they were, under another master key.
    """
    found = store.recognise()
    if found == "other":
        store.close()
        raise SettingsError(OTHER_MASTER, code="settings.master_key")
    return found == "first"


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
        settings=settings.plugin.get(name, {}),
        secrets={key: value.get_secret_value() for key, value in settings.plugin_secrets.get(name, {}).items()},
    )


def _tokens(settings: Settings, http: Http) -> Tokens | None:
    if not settings.broker_token_url:
        return None
    secret = settings.broker_client_secret.get_secret_value()
    return Tokens(http, settings.broker_token_url, settings.broker_client_id, secret, settings.broker_scopes)


def _name(data: Path) -> str:
    """Return this hub's name at the broker: two hubs on one broker differ, one hub keeps its name."""
    stem = re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")[:40] or "hub"
    return f"{stem}-{sha256(str(data.absolute()).encode()).hexdigest()[:10]}"


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _first_start(hub: Hub, folder: Path) -> None:
    """A test hub in an empty folder can be tried at once: a sample directory on the folder adapter, and a key for each kind of user."""
    clock = hub.ground.clock
    if "folder" in hub.registry.adapters:
        partners = hub.settings.data / "partners"
        directory = sample_directory("folder", str(partners.absolute()))
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
