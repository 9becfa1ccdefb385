"""What is handed in: a plan of about 7.6 KB for two units at other organisations, on the consent of the person it is about.

A case is led by the book to where its plan may be proposed, over the hub's own API. The measured messages are then the versions of its plan.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final
from urllib.parse import quote

from siphub.errors import SiphubError
from siphub.model import Address, Directory, Message, sample, sample_directory
from siphub.model import people as p
from siphub.model.messages.consent import ConsentWithdrawn
from siphub.model.messages.plan import PlanProposed
from siphub.testing.story import Story

UNITS: Final = (p.CARE_CENTRE, p.SOCIAL_SERVICES)
"""Whom every measured message is for: a region's unit and another municipality's."""
_TIMES = 10
"""How often the sample plan's activities are repeated, for 7.6 KB."""
_HANDS = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What a story needs of an answer, which nobody here looks at: a refusal has raised."""

    states: Mapping[str, tuple[str, str | None]]


def path_of(unit: str) -> str:
    """Return the path at the partner for a unit."""
    return f"/{quote(unit.lower())}/fhir/$process-message"


def directory_at(port: int) -> Directory:
    """Return the sample directory with every unit at a partner on this machine."""
    base = sample_directory("fhir")
    units = tuple(
        unit.model_copy(update={"address": Address(adapter="fhir", endpoint=f"http://127.0.0.1:{port}{path_of(unit.id)}")})
        for unit in base.units
    )
    return base.model_copy(update={"units": units})


def plan_template() -> str:
    """Return a proposed plan as JSON with `@MESSAGE@`, `@CASE@`, `@MARK@` and `"@VERSION@"` in it."""
    story = Story(_unsent)
    content = sample("plan.proposed", maximal=True).content
    assert isinstance(content, PlanProposed)  # noqa: S101 - the type's own content
    activities = tuple(one.model_copy(update={"id": f"{one.id}-{turn}"}) for turn in range(_TIMES) for one in content.plan.activities)
    plan = content.plan.model_copy(update={"activities": activities, "coordinator": story.convener, "notes": "@MARK@"})
    return _template(story.message(PlanProposed(plan=plan), UNITS))


def withdrawal_template() -> str:
    """Return the withdrawal of a case's whole consent as JSON with `@MESSAGE@` and `@CASE@` in it."""
    story = Story(_unsent)
    content = ConsentWithdrawn(extent="all", received_by=story.eva, at=story.now)
    return _template(story.message(content))


def _template(message: Message) -> str:
    document = message.to_document() | {"message_id": "@MESSAGE@", "case_id": "@CASE@"}
    if isinstance(message.content, PlanProposed):
        document["content"]["plan"] |= {"id": "@CASE@", "version": "@VERSION@"}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _unsent(message: Message) -> Told:
    raise NotImplementedError(message.type)


@contextmanager
def _handing_in(port: int, key: str) -> Iterator[Story]:
    """Give a story that is told to a hub over HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def send(message: Message) -> Told:
        connection.request(
            "POST", "/v1/messages", message.to_json(), {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        )
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 202:  # noqa: PLR2004 - Accepted
            said = json.loads(found)
            raise SiphubError(f"{message.type}: {said.get('detail')}", code=str(said.get("code", "bench.refused")))
        return Told({})

    try:
        yield Story(send)
    finally:
        connection.close()


def _led(port: int, key: str) -> str:
    """Lead a case to where its plan may be proposed; return its id."""
    with _handing_in(port, key) as story:
        story.requested()
        story.consented(UNITS)
        story.approved(UNITS)
        story.invited(UNITS)
        story.held(UNITS)
        return str(story.case_id)


def made(port: int, key: str, count: int) -> list[str]:
    """Lead so many cases, several at a time; return their ids."""
    with ThreadPoolExecutor(_HANDS) as hands:
        return list(hands.map(lambda _: _led(port, key), range(count)))
