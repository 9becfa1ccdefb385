"""What must not lie with whom: the individual's own words are for the contact alone, and an invitation tells of nothing but itself.

It looks at every byte that came, refused or not, as the partner would read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from siphub.cli.demo.play import QUESTIONS, WORDS, Play
from siphub.cli.demo.script import CONTACT, INVITED, RECIPIENTS, SISTER, UNITS, Who
from siphub.model import people as p
from siphub.model.identifiers import PersonRef
from siphub.sandbox import Letter
from siphub.sandbox.pdf_text import text_of

_NAMES: Final = ("Provsdotter", "Eva Kontakt", "Hanna Handläggare", "biståndshandläggare", "enhetschef")
"""Names and titles of people; an agency reads the convener's organisation and telephone number."""
_RELATIVES: Final = "Exempelsson"
"""The relatives' name, which stands in the window of their own letters."""
_NUMBERS: Final = (p.SUBJECT_NUMBER, p.SUBJECT_NUMBER[2:], f"{p.SUBJECT_NUMBER[:8]}-{p.SUBJECT_NUMBER[8:]}")


def overheard(play: Play, unit: Who, bodies: Sequence[bytes]) -> Iterator[str]:
    """Yield in words what a unit or person has got that they should never have, and what the contact should have and has not."""
    name = RECIPIENTS[unit][0]
    texts = [_readable(body) for body in bodies]
    heard = _in_any(WORDS, texts)
    if heard != (unit == CONTACT):
        yield f"the individual's own words {'reached' if heard else 'did not reach'} {name}"
    if unit in INVITED:
        yield from (f"{kind} reached {name}" for kind, words in _forbidden(play, unit).items() if _in_any(words, texts))


def read_at_home(play: Play, person: PersonRef, letters: Sequence[Letter]) -> Iterator[str]:
    """Yield in words what a relative reads that they should never: the number in any letter, and in all but the plan what no agency reads."""
    if person != SISTER:
        return
    name = RECIPIENTS[person][0]
    copies = [_readable(letter.body) for letter in letters if letter.message_type.startswith("plan.")]
    others = [_readable(letter.body) for letter in letters if not letter.message_type.startswith("plan.")]
    yield from (f"{kind} reached {name}" for kind, words in _forbidden(play, person).items() if _in_any(words, others))
    if _in_any(_NUMBERS, copies):
        yield f"a person's number reached {name}"


def _in_any(words: Sequence[str], texts: Sequence[str]) -> bool:
    """Say whether any of the words stands in any text, wherever a line is broken."""
    return any(_on_one_line(word) in _on_one_line(text) for text in texts for word in words)


def _on_one_line(text: str) -> str:
    return "".join(text.split())


def _forbidden(play: Play, agency: Who) -> dict[str, Sequence[str]]:
    """Return what an agency or a relative must not read: who else takes part, what is planned, what others are asked, who the person is."""
    others = [unit for unit in UNITS if unit != agency]
    organisations = {UNITS[unit][1] for unit in others} - {UNITS[CONTACT][1]}
    plan = play.tale.plan(play.script.units)
    return {
        "other participants": (*others, *(UNITS[unit][0] for unit in others), *sorted(organisations)),
        "what is planned": (*(goal.text for goal in plan.goals), *(activity.what for activity in plan.activities)),
        "another agency's question": [text for unit, text in QUESTIONS.items() if unit != agency],
        "a person's name": _NAMES if agency == SISTER else (*_NAMES, _RELATIVES),
        "a person's number, outside the field for it,": _NUMBERS,
    }


def _readable(body: bytes) -> str:
    """Return a body as text without escapes, a letter as what stands in it; without the one field of SDK where a person's number belongs."""
    if body.startswith(b"%PDF-"):
        return text_of(body)
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    data = document.get("data") if isinstance(document, dict) else None
    attributes = data.get("attributes", {}) if isinstance(data, dict) else {}
    attributes.get("recipientAttention", {}).pop("referenceId", None)
    return json.dumps(document, ensure_ascii=False)
