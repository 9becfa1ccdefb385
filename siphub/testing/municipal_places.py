"""Where a municipality has something for the hub: a folder, a folder on a server, or a tray of the sandbox, from both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from siphub.contract import Inbound, PollsAddresses, Recipient, Retry
from siphub.sandbox import Sandbox

A = TypeVar("A", bound=PollsAddresses)


class Quiet:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Mapping[str, object]]] = []

    def warning(self, event: str, /, **facts: object) -> None:
        """Keep it."""
        self.said.append((event, facts))


class Other(Protocol):
    """The municipality's side of a place."""

    source: str
    folder: Path

    def put(self, name: str, body: bytes) -> None:
        """Put something there."""

    def left(self) -> list[str]:
        """Return the names of what the hub would look at again."""

    def refused(self) -> dict[str, str]:
        """Return what was refused, with the codes."""


@dataclass
class Folder:
    """A folder, of ours or of a server's; `folder` is where it lies on this machine."""

    source: str
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        """Begin: a source that is a path is where it lies."""
        if self.source.startswith("/"):
            self.folder = Path(self.source)

    def put(self, name: str, body: bytes) -> None:
        """Write aside and rename, as a municipality should."""
        part = self.folder / f".{name}.part"
        part.write_bytes(body)
        part.replace(self.folder / name)

    def left(self) -> list[str]:
        """Return the files without a note."""
        names = {file.name for file in self.folder.iterdir()}
        return sorted(name for name in names if not name.endswith(".refused") and f"{name}.refused" not in names)

    def refused(self) -> dict[str, str]:
        """Return what the notes say, on their first line."""
        notes = self.folder.glob("*.refused")
        return {note.name.removesuffix(".refused"): note.read_text().partition("\n")[0] for note in notes}


@dataclass
class Web:
    """A tray of the sandbox's."""

    source: str
    sandbox: Sandbox
    folder: Path = field(default_factory=Path)

    def put(self, name: str, body: bytes) -> None:
        """Put it there."""
        self.sandbox.partners["soderby"].tray.put(name, body)

    def left(self) -> list[str]:
        """Return the list."""
        return self.sandbox.partners["soderby"].tray.names()

    def refused(self) -> dict[str, str]:
        """Return what the hub said."""
        return self.sandbox.partners["soderby"].tray.refused()


@dataclass
class Place(Generic[A]):
    """A place, the adapter that looks there, and what makes another one as after a restart."""

    make: Callable[[], A]
    recipient: Recipient
    other: Other
    log: Quiet

    def __post_init__(self) -> None:
        """Begin."""
        self.adapter = self.make()

    def fetched(self) -> list[Inbound]:
        """Return what is fetched now."""
        found = self.adapter.fetch(self.other.source, self.recipient)
        assert not isinstance(found, Retry)
        return list(found)

    def taken(self, inbound: Inbound, refused: str | None = None) -> None:
        """Say what became of it."""
        self.adapter.taken(self.other.source, self.recipient, inbound.partner_id, refused)
