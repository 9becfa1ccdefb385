"""The ground under every value of the model: frozen, strict, closed, and silent about what it holds.

It must never let a field's content reach a repr, a log line or a validation error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


class Value(BaseModel):
    """A frozen value: no unknown fields, no coercion, no content in its repr or its errors."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False, ser_json_inf_nan="null"
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__


def _as_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_as_utc)]
"""A point in time: any offset in, UTC kept, microseconds at most."""


def _storable(text: str) -> str:
    if "\x00" in text:
        message = "text must not contain the character NUL"
        raise ValueError(message)
    if not text.strip():
        message = "text must not be only white space"
        raise ValueError(message)
    return text


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
"""A short text: a name, a place, a label. Kept code point for code point."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_storable)]
"""A longer free text. Kept code point for code point."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:-]{0,63}$")]
"""A coded value of ours or of a code system: lower case, digits, and . _ : -"""

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()/-]{3,30}$")]
"""A telephone number as people write it."""
