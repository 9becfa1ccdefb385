"""Makes people of a message protected, names them, and lets meetings take place at home, for tests that try every order.

What is chosen is asked of a function, as in `siphub.testing.chance`. It must never look at what the hub does with protected people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from siphub.model import Message, Value, parse_message
from siphub.testing.chance import RELATIVE_NAME, Pick

HOME = "Provgatan 71"
"""Where the individual lives."""
Path = tuple[str | int, ...]


def people_at(value: Value, at: Path = ()) -> Iterator[Path]:
    """Yield the path of everybody who stands in a value."""
    for name in type(value).model_fields:
        inner = getattr(value, name)
        for index, each in enumerate(inner if isinstance(inner, tuple) else (inner,)):
            if isinstance(each, Value):
                path = (*at, name, index) if isinstance(inner, tuple) else (*at, name)
                if "protection" in type(each).model_fields:
                    yield path
                yield from people_at(each, path)


def shielded(message: Message, pick: Pick, *, subject: bool) -> Message:
    """Return a message in which one of its people is protected; as it is where nobody of that sort stands in it.

    Args:
        message: Any.
        pick: Chooses whom.
        subject: It is the individual, from when on nearly nothing is told to anybody; otherwise one of the others.
    """
    found = [path for path in people_at(message) if subject == (path == ("subject",))]
    if not found:
        return message
    document = json.loads(message.to_json())
    person: Any = document
    for step in pick(found):
        person = person[step]
    person["protection"] = "confidentiality_flag"
    person.pop("address_lines", None)
    return parse_message(json.dumps(document).encode())


def naming_a_relative(message: Message) -> Message:
    """Return a message whose plan, if it has one, names a relative in plain words."""
    document = json.loads(message.to_json())
    plan = document["content"].get("plan")
    if plan is None:
        return message
    plan["notes"] = f"{RELATIVE_NAME} hjälper till."
    return parse_message(json.dumps(document).encode())


def at_home(message: Message) -> Message:
    """Return a message whose meeting, if it has one, is in the individual's home."""
    document = json.loads(message.to_json())
    meeting = document["content"].get("meeting")
    if meeting is None:
        return message
    meeting["place"] = {"kind": "home", "text": HOME}
    return parse_message(json.dumps(document).encode())
