"""What an installation has chosen where the law leaves a choice: a value, made of the settings and handed to the policy.

Every default about disclosure is the strictest choice there is. It must never widen what an outside party may be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

EXCEPTIONS: Final = frozenset({"osl_25_12", "osl_26_9", "osl_25_13"})
"""The exceptions from secrecy that an organisation may switch on for itself; between a region and a municipality only (LIFECYCLE section 3)."""


@dataclass(frozen=True, slots=True)
class LocalRules:
    """The choices.

    Args:
        exceptions: Sending organisation → the exceptions it has switched on.
        relatives: Whether a relative may come to a meeting only when the individual has chosen it (`opt_in`), or, as the statute says,
            unless the individual objects (`not_objecting`, REQ-47). An objection always wins, and a copy is always opt-in.
        relative_requests: Whether a relative may ask for a SIP on the individual's behalf (`request`), or only propose one (`proposal`,
            REQ-29): neither tells anybody but the contact.
    """

    exceptions: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    relatives: Literal["opt_in", "not_objecting"] = "opt_in"
    relative_requests: Literal["request", "proposal"] = "request"

    def switched_on(self, organisation: str) -> frozenset[str]:
        """Return the exceptions an organisation has switched on."""
        return self.exceptions.get(organisation, frozenset())


STRICT: Final = LocalRules()
"""Nothing is switched on."""
