"""What a document is made of, before anybody says whether it becomes text, HTML or PDF.

A block says what something is, never how it looks. A value that is None is not known: on paper it becomes lines to write on.
Nothing here is interpreted: a text is a text, whatever it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title: level 2 for a part, 3 for a part of a part."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One or more sentences; `small` for what a reader may pass over."""

    text: str
    small: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """Something named and its value; None leaves `lines` empty lines to write on."""

    label: str
    value: str | None
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """Boxes to tick; `chosen` are those that are ticked already."""

    label: str
    options: tuple[str, ...]
    chosen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list, in no order that matters."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below named columns; `empty` rows are added for writing in. `caption` names it for those who do not see it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: int = 0
    widths: tuple[int, ...] = ()
    """The columns' parts of the width; equal where there are none."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Lines side by side at the end: a date, a name."""

    labels: tuple[str, ...]


Block = Heading | Paragraph | Field | Choice | Bullets | Table | Signature


@dataclass(frozen=True, slots=True)
class Window:
    """The address that shows through an envelope's window; empty where it is not known or must not be printed."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """A whole document.

    Args:
        title: What it is called: its heading, and its name in the metadata.
        blocks: What it says, in order.
        dated: The day it carries. A fixed day, never today's: the same content gives the same bytes.
        reference: What the foot of every page says to the left, so that loose sheets find each other.
        window: Where it is a letter, what the envelope's window shows.
    """

    title: str
    blocks: tuple[Block, ...]
    dated: date
    reference: str = ""
    window: Window | None = None

    def __repr__(self) -> str:
        return f"Document({len(self.blocks)} blocks)"
