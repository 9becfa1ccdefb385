"""Where a partner's OperationOutcome points, as far as it may be told to whoever operates the hub.

Kept are R4's own names of types and elements, with positions: `Bundle.entry[2].resource.participant[0].actor`. A place ends before the first
word that is none of these, such as a function with a value in it. It must never let a word of the partner's own through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from siphub_fhir.r4 import names

_ASIDE: Final = re.compile(r"/\*[^*]*\*/|\.ofType\([A-Za-z]*\)|\.resolve\(\)")
"""What servers put between the names: whose resource it is, or of which type."""
_STEP: Final = re.compile(r"([A-Za-z]+)(?:\[x\])?(?:\[[0-9]{1,3}\])?")
_LONGEST: Final = 160


def places_of(issue: Mapping[str, Any]) -> list[str]:
    """Return the places that an issue names in `expression`, or where it has none in the older `location`, each once."""
    for name in ("expression", "location"):
        given = issue.get(name)
        found = [place_in(one) for one in given if isinstance(one, str)] if isinstance(given, list) else []
        if any(found):
            return list(dict.fromkeys(filter(None, found)))
    return []


def place_in(expression: str) -> str:
    """Return what of a FHIRPath may be told; empty where nothing may."""
    told: list[str] = []
    for word in _ASIDE.sub("", expression[: 10 * _LONGEST]).split("."):
        step = _STEP.fullmatch(word)
        if step is None or step[1] not in names() or len(".".join([*told, word])) > _LONGEST:
            break
        told.append(word)
    return ".".join(told)
