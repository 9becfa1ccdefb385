"""From a cut to the bytes of a file. Pure: the same cut always gives the same bytes."""

from __future__ import annotations

import json

from siphub.contract import Cut

MEDIA_TYPE = "application/json"


def to_json(cut: Cut) -> bytes:
    """Return the canonical document as UTF-8 JSON that a person can read."""
    return (json.dumps(cut.document, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False, default=dict) + "\n").encode()
