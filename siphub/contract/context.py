"""What the hub gives a plugin: its own settings and a few tools. Never the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from lxml import etree

    from siphub.contract.adapter import Cut
    from siphub.contract.http import Http


class Clock(Protocol):
    """The one clock port. UTC always."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class Log(Protocol):
    """A structured log: a constant event name, facts as keys. Facts not on the allow-list are redacted."""

    def info(self, event: str, /, **facts: object) -> None:
        """Log something that happened."""

    def warning(self, event: str, /, **facts: object) -> None:
        """Log something an administrator should look at."""

    def error(self, event: str, /, **facts: object) -> None:
        """Log something that is broken."""


class State(Protocol):
    """A small sealed store for cursors and tokens, per plugin and owner. Values up to 64 KiB."""

    def get(self, owner: str, key: str) -> bytes | None:
        """Return what is kept under a key, or None."""

    def put(self, owner: str, key: str, value: bytes) -> None:
        """Keep a value, replacing an older one."""


class MappingPack(Protocol):
    """A mapping pack as loaded and checked: see docs/mappings.md."""

    @property
    def id(self) -> str:
        """The pack's id, such as `municipal-sip`."""

    @property
    def version(self) -> str:
        """The pack's version, such as `1.0`."""

    @property
    def wants(self) -> frozenset[str]:
        """What its `out` sheet needs besides the message: `text` or `pdf`, a document for people; `local-times`, Swedish time too."""

    def carries(self, message_type: str) -> bool:
        """Say whether the pack has a form for a message type."""

    def transform(self, name: str, document: bytes) -> bytes:
        """Run one of the pack's XSLT 1.0 sheets (`out`, `in`) over an XML document, without access to disk or network."""

    def write(self, neutral: etree._Element) -> tuple[bytes, tuple[str, ...]]:
        """Run the sheet `out` over neutral XML, put the partner's words into the result, and return it as bytes with what the schema says."""

    def problems(self, document: bytes) -> tuple[str, ...]:
        """Return what the pack's schema says against an XML document; empty means valid. No content of the document is repeated."""

    def code(self, table: str, value: str) -> str:
        """Translate a code; an unmapped one raises MappingError, never a default."""

    def canonical(self, table: str, value: str) -> str:
        """Translate a partner's code back; an unmapped one raises MappingError."""


class Mappings(Protocol):
    """The mapping packs of this hub."""

    def load(self, pack: str, version: str | None = None) -> MappingPack:
        """Return a checked pack; without a version, the newest valid one. Raises MappingError, or Busy where it cannot be checked now."""

    def has(self, pack: str, version: str) -> bool:
        """Say whether there is a version that may be used today, at the cost of a look; loading it may still fail."""


class Render(Protocol):
    """Makes a document in Swedish that people read, from a cut: see docs/forms.md."""

    def __call__(self, cut: Cut, form: Literal["text", "html", "pdf"]) -> bytes:
        """Return the document; the same cut gives the same bytes. `pdf` is tagged, PDF/A-2a and PDF/UA-1.

        Raises:
            PluginError: `render.too_large` or `render.failed`, for PDF.
        """


@dataclass(frozen=True, slots=True)
class PluginContext:
    """One plugin's tools. `settings` and `secrets` are this plugin's own."""

    plugin: str
    clock: Clock
    log: Log
    http: Http
    mappings: Mappings
    state: State
    render: Render
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
