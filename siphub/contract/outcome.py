"""What one attempt to deliver led to: five values, matched exhaustively. Exceptions are for bugs and broken worlds.

Delivered   the partner has it, for good
Accepted    the partner took it and will send a receipt
Retry       it definitely did not arrive; try again, not before `after` where given
Rejected    it definitely did not arrive, and never will as it is
Uncertain   nobody knows: the line broke after the first byte, or the answer leaves it open
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Delivered:
    """The partner has it, for good. `partner_id` is the partner's own name for it."""

    partner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The partner took it; a receipt follows. `partner_id` is the partner's own name for it."""

    partner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not arrive and may be tried again. `code` says why (`partner.unavailable`, `partner.http_503`, …)."""

    code: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The partner refuses it as it is. `code` says why.

    `detail` is what its answer says, in codes and places of its standard. The hub keeps it with the attempt and shows it to whoever
    operates it, so it never carries personal data, nor any words of the partner's that could.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may or may not have arrived. `code` says what broke (`partner.timeout`, `partner.connection_cut`, …).

    `after` is how long the partner asked to be left alone: before that it is neither sent to again nor asked.
    """

    code: str
    after: timedelta | None = None


Outcome = Delivered | Accepted | Retry | Rejected | Uncertain
