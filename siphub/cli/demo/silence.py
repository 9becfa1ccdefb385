"""What must not lie with whom: the individual's own words are for the contact alone, and an agency hears of nothing but its own invitation.

It looks at every byte that came, refused or not, as the partner would read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from siphub.cli.demo.play import QUESTIONS, WORDS, Play
from siphub.cli.demo.script import CONTACT, INVITED, UNITS
from siphub.model import people as p
from siphub.model.identifiers import UnitId

_NAMES: Final = ("Provsdotter", "Eva Kontakt", "Hanna Handläggare", "biståndshandläggare", "enhetschef")
"""Names and titles of people; an agency reads the convener's organisation and telephone number."""
_NUMBERS: Final = (p.SUBJECT_NUMBER, p.SUBJECT_NUMBER[2:], f"{p.SUBJECT_NUMBER[:8]}-{p.SUBJECT_NUMBER[8:]}")


def overheard(play: Play, unit: UnitId, bodies: Sequence[bytes]) -> Iterator[str]:
    """Yield in words what a unit has got that it should never have, and what the contact should have and has not."""
    name = UNITS[unit][0]
    texts = [_readable(body) for body in bodies]
    heard = _in_any(WORDS, texts)
    if heard != (unit == CONTACT):
        yield f"the individual's own words {'reached' if heard else 'did not reach'} {name}"
    if unit in INVITED:
        yield from (f"{kind} reached {name}" for kind, words in _forbidden(play, unit).items() if _in_any(words, texts))


def _in_any(words: Sequence[str], texts: Sequence[str]) -> bool:
    return any(word in text for text in texts for word in words)


def _forbidden(play: Play, agency: UnitId) -> dict[str, Sequence[str]]:
    """Return what an agency must not read: who else takes part, what is planned, what others are asked, who the person is."""
    others = [unit for unit in UNITS if unit != agency]
    organisations = {UNITS[unit][1] for unit in others} - {UNITS[CONTACT][1]}
    plan = play.tale.plan(play.script.units)
    return {
        "other participants": (*others, *(UNITS[unit][0] for unit in others), *sorted(organisations)),
        "what is planned": (*(goal.text for goal in plan.goals), *(activity.what for activity in plan.activities)),
        "another agency's question": [text for unit, text in QUESTIONS.items() if unit != agency],
        "a person's name": _NAMES,
        "a person's number, outside the field for it,": _NUMBERS,
    }


def _readable(body: bytes) -> str:
    """Return a body as text without escapes, and without the one field of an SDK message where a person's number belongs."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    data = document.get("data") if isinstance(document, dict) else None
    attributes = data.get("attributes", {}) if isinstance(data, dict) else {}
    attributes.get("recipientAttention", {}).pop("referenceId", None)
    return json.dumps(document, ensure_ascii=False)
