"""A hub over real parts and its partners: SQLite on disk, the embedded broker, partner municipalities over TLS, agencies in folders.

For tests of the whole flow. It must never replace a part of the hub: partners are the sandbox's, and nothing is patched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from siphub.contract import Clock, Submission
from siphub.flow import directory as directories
from siphub.flow.accept import Answer
from siphub.hub import PARTS, Hub, Part, build
from siphub.model import Address, Caller, Directory, Message, sample_directory
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.sandbox import Entry, Letter, MailRoom, Sandbox
from siphub.settings import FILE, Settings, read
from siphub.store import DeliveryRow, master
from siphub.testing.databases import lay_content
from siphub.testing.story import Story, until

PARTNERS: Mapping[str, str] = {
    p.CONTACT: "norrby-bistand",
    p.HOME_CARE: "norrby-hemtjanst",
    p.SOCIAL_SERVICES: "soderby-socialtjanst",
    p.CARE_CENTRE: "region-vardcentral",
}
AGENCIES = (p.FK, p.AF)
QUICK = {
    "lease": "2s",
    "sweep_every": "100ms",
    "poll_every": "100ms",
    "ring_timeout": "1s",
    "retry_base": "50ms",
    "retry_cap": "400ms",
    "senders": 4,
    "min_free_disk": 1,
    "plugins": ("folder", "municipal-xml", "letter"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, as a story reads it."""

    states: Mapping[str, tuple[str, str | None]]
    answer: Answer | None = None


def make_master_key(settings: Settings) -> None:
    """Do what a person does before the first start of a hub whose keys stand in a database of their own; nothing where it is done."""
    file = settings.data / "keys" / master.FILE
    if settings.keys_url and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        master.make(file)


def _toml(value: object) -> str:
    """Return a value as it stands in a file of settings."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


@dataclass
class World:
    """A hub and its partners."""

    sandbox: Sandbox
    folders: Path
    data: Path
    given: dict[str, Any] = field(default_factory=dict)
    plugins: Mapping[str, object] = field(default_factory=dict)
    clock: Clock | None = None
    hub: Hub = field(init=False)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hub.stop()

    def settings(self) -> Settings:
        """Return what every process of this hub is set to."""
        return read({"data": self.data, **self.table()})

    def table(self, **more: object) -> dict[str, Any]:
        """Return the same but for the data folder as a file of settings has it, with more settings for one process alone."""
        rooted = {name: {"root": str(self.folders)} for name in ("folder", "letter", "municipal-xml")}
        plugin = {name: {**rooted.get(name, {}), **own} for name, own in {**rooted, **self.given.get("plugin", {})}.items()}
        return {"mode": "test", "ca_file": str(self.sandbox.ca_file), **QUICK, **self.given, **more, "plugin": plugin}

    def write(self, **more: object) -> None:
        """Put the settings into the data folder, for a process that is started there."""
        lines = (f"{name} = {_toml(value)}\n" for name, value in self.table(**more).items())
        (self.data / FILE).write_text("".join(lines), "utf-8")

    def open(self, *, start: bool = True) -> None:
        """Build the hub on its data folder, with the world's directory."""
        settings = self.settings()
        make_master_key(settings)
        lay_content(settings)
        self.hub = build(settings, plugins=self.plugins, clock=self.clock)
        directories.switch(self.hub.ground, self.directory(), by="test")
        if start:
            self.hub.start()

    def again(self, parts: Collection[Part] = PARTS) -> None:
        """Stop the hub and start it anew on the same data; all of it unless parts are named."""
        self.hub.stop()
        self.open(start=False)
        self.hub.start(parts)

    def directory(self) -> Directory:
        """Return the sample directory with the municipalities and the region at the sandbox, the agencies in folders, and outboxes for letters."""
        base = sample_directory()
        units = tuple(unit.model_copy(update={"address": self.address(unit.id)}) for unit in base.units)
        organisations = tuple(found.model_copy(update={"letters": self.outbox(found.number)}) for found in base.organisations)
        return base.model_copy(update={"units": units, "organisations": organisations})

    def outbox(self, organisation: str) -> Address | None:
        """Return where an organisation's letters go, or None where this hub writes none."""
        if "letter" not in {**QUICK, **self.given}["plugins"]:
            return None
        folder = self.folders / f"letters-{organisation}"
        folder.mkdir(parents=True, exist_ok=True)
        return Address(adapter="letter", endpoint=str(folder))

    def letters(self, story: Story) -> list[Letter]:
        """Return a case's letters in the outbox of its owner, oldest first."""
        outbox = MailRoom(self.folders / f"letters-{story.owner}")
        return [letter for letter in outbox.letters() if letter.case_id == str(story.case_id)]

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached."""
        if unit in PARTNERS:
            return Address(adapter="municipal-xml", endpoint=self.sandbox.endpoint(PARTNERS[unit]))
        folder = self.folders / unit.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return Address(adapter="folder", endpoint=str(folder))

    def caller(self, organisation: str, channel: str = "api") -> Caller:
        """Return a caller that speaks for a whole organisation."""
        return Caller(organisation, frozenset(), frozenset({"send", "inbox"}), channel)

    def send(self, message: Message) -> Told:
        """Hand a message in, as its sender's organisation."""
        answer = self.hub.accept(Submission(message.to_json(), "application/json"), self.caller(message.sender.organisation))
        return Told({found.recipient: (found.state, found.reason) for found in answer.recipients}, answer)

    def story(self, send: Callable[[Message], Any] | None = None, **more: Any) -> Story:
        """Return a new case."""
        return Story(send or self.send, **more)

    def deliveries(self, story: Story) -> tuple[DeliveryRow, ...]:
        """Return the case's deliveries as the store has them."""
        with self.hub.store.read() as work:
            return work.deliveries.of_case(story.owner, str(story.case_id))

    def settled(self, story: Story, within: float = 20.0) -> bool:
        """Wait until nothing of a case is queued or being sent."""
        return until(lambda: not [row for row in self.deliveries(story) if row.state in {"queued", "sending"}], within)

    def resting(self) -> bool:
        """Say whether nothing is being sent, rung or about to be rung: what there is waits for its time, for a partner, or behind what does."""
        with self.hub.store.read() as work:
            out = work.outbox.take(10_000) or work.deliveries.due(self.hub.ground.now(), 1)
            return not out and not work.deliveries.page(states={"sending"})

    def states(self, story: Story, message_type: str) -> dict[str, str]:
        """Return the newest state of one type's deliveries, by recipient."""
        return {row.recipient: row.state for row in self.deliveries(story) if row.message_type == message_type}

    def got(self, unit: str, story: Story) -> tuple[Entry, ...]:
        """Return what a unit's partner has taken of a case."""
        return tuple(entry for entry in self.sandbox.ledger(PARTNERS[unit]).effects() if entry.case_id == str(story.case_id))

    def types(self, unit: str, story: Story) -> list[str]:
        """Return the types a unit has taken of a case, in order; from its ledger, or from its folder."""
        if unit in PARTNERS:
            return [entry.message_type or "" for entry in self.got(unit, story)]
        return [str(document["type"]) for document in self.files(unit, story)]

    def files(self, unit: str, story: Story) -> list[dict[str, Any]]:
        """Return the documents in an agency's folder that belong to a case, oldest first."""
        folder = Path(self.address(UnitId(unit)).endpoint)
        found = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)]
        return [document for document in found if document["case_id"] == str(story.case_id)]

    def bodies(self, unit: str, story: Story) -> list[bytes]:
        """Return the bytes a unit has taken of a case."""
        ledger = self.sandbox.ledger(PARTNERS[unit])
        return [ledger.body(entry.key) for entry in self.got(unit, story)]
