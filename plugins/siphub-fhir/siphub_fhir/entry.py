"""What a directory entry asks of this plugin by its options: in which form and format, and by which way in.

| option | is |
|---|---|
| `form` | `message`: a message Bundle to `$process-message`, whose whole address is the endpoint; `transaction`: a transaction Bundle to the server's base address; `resource`: one resource, created or put under the base address |
| `format` | `json` or `xml` |
| `access` | a way in by its name: see `access` |
| `secret` | a fixed token by its name |

The first of each is meant where an entry does not say. It must never guess what a misspelt value meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from siphub.contract import Recipient, SettingsError

Form = Literal["message", "transaction", "resource"]
Format = Literal["json", "xml"]
VALUES: Final[Mapping[str, tuple[str, ...]]] = {"form": get_args(Form), "format": get_args(Format)}
NAMES: Final = (*VALUES, "access", "secret")
OF_THE_HUB: Final = frozenset({"max_concurrent", "max_per_minute", "receipt_within"})
"""Options that the hub itself reads, whatever the adapter."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory entry."""

    form: Form = "message"
    format: Format = "json"


def read_entry(recipient: Recipient) -> Entry:
    """Read an entry's options; one that this plugin does not have changes nothing.

    Raises:
        SettingsError: `settings.option_wrong`; one has a value that it cannot have.
    """
    options = recipient.options
    for name, values in VALUES.items():
        if name in options and options[name] not in values:
            raise SettingsError(f"the option {name} of a fhir entry is {' or '.join(values)}", code="settings.option_wrong")
    return Entry(cast("Form", options.get("form", "message")), cast("Format", options.get("format", "json")))


def strange_in(recipient: Recipient) -> tuple[str, ...]:
    """Return the options of an entry that nobody reads: mostly they are misspelt."""
    return tuple(sorted(set(recipient.options) - {*NAMES, *OF_THE_HUB}))
