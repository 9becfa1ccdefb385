"""The plan on paper: needs and goals in the individual's words, who does what, and whom to turn to (REQ-70 to REQ-80).

The same pages serve a plan that is known and an empty one to write on.
"""

from __future__ import annotations

from collections.abc import Iterator

from siphub.documents.facts import Facts, label
from siphub.documents.model import Block, Bullets, Field, Heading, Paragraph, Signature, Table

_PLAN = "content.plan"
_ACTIVITY = ("Vad", "När, och till när", "Vem", "Mål", "Uppföljning")
_WIDTHS = (5, 4, 5, 2, 4)
_KNOWN = frozenset({"id", "what", "when", "ends_on", "responsible", "goals", "follow_up"})


def plan(facts: Facts, *, paper: bool = False) -> Iterator[Block]:
    """Yield the parts of a plan.

    Args:
        facts: What is known of it.
        paper: Leave lines for what is not known; otherwise it is left out.
    """
    yield from _field(facts, "made_on", paper=paper)
    yield Heading("Behov och mål")
    yield from _needs(facts, paper=paper)
    yield from _goals(facts, paper=paper)
    yield Heading("Insatser: vem gör vad, och när")
    yield Paragraph("Här står både verksamheternas insatser och det som den enskilde och närstående gör själva.", small=True)
    yield _activities(facts, paper=paper)
    yield Heading("Ansvar och samordning")
    for key in ("overall_responsible", "main_responsible", "coordinator"):
        yield from _field(facts, key, lines=2, paper=paper)
    yield from _field(facts, "coordinator_chosen_by", paper=paper)
    yield from _field(facts, "care_contacts", lines=2, paper=paper)
    yield Heading("Vem vänder jag mig till?")
    yield from _contact(facts, paper=paper)
    yield from _field(facts, "crisis_plan", lines=4, paper=paper)
    yield Heading("Uppföljning")
    yield from _field(facts, "follow_up_on", paper=paper)
    yield from _others(facts, paper=paper)
    if paper:
        yield Signature(("Datum", "Den enskilde", "Samordnare"))


def _field(facts: Facts, key: str, *, lines: int = 1, paper: bool) -> Iterator[Block]:
    text = facts.text(f"{_PLAN}.{key}")
    if text or paper:
        yield Field(label(key), text, lines)


def _needs(facts: Facts, *, paper: bool) -> Iterator[Block]:
    needs = tuple(text for text in map(facts.only, facts.each(f"{_PLAN}.needs")) if text)
    if needs:
        yield Heading("Behov", 3)
        yield Bullets(needs)
    elif paper:
        yield Field("Behov i dag", None, 5)


def _goals(facts: Facts, *, paper: bool) -> Iterator[Block]:
    """Yield the goals with the short names that the activities point to."""
    goals = tuple(f"{facts.only(f'{path}.id') or ''}: {facts.only(f'{path}.text') or ''}" for path in facts.each(f"{_PLAN}.goals"))
    if goals:
        yield Heading("Mål, med egna ord", 3)
        yield Bullets(goals)
    elif paper:
        yield Field("Mål, med egna ord: vad är viktigt för mig?", None, 5)


def _activities(facts: Facts, *, paper: bool) -> Block:
    rows = tuple(_activity(facts, path) for path in facts.each(f"{_PLAN}.activities"))
    return Table("Insatser", _ACTIVITY, rows, empty=0 if rows or not paper else 8, widths=_WIDTHS)


def _activity(facts: Facts, path: str) -> tuple[str, ...]:
    def said(key: str) -> str:
        return facts.only(f"{path}.{key}") or ""

    number = said("id")
    what = "\n".join([f"{number}: {said('what')}" if number else said("what"), *_unforeseen(facts, path)])
    until = said("ends_on")
    times = "\n".join(part for part in (said("when"), f"till och med {until}" if until else "") if part)
    goals = ", ".join(text for text in map(facts.only, facts.each(f"{path}.goals")) if text)
    return what, times, _who(facts, f"{path}.responsible"), goals, said("follow_up")


def _who(facts: Facts, path: str) -> str:
    told = [facts.only(f"{path}.{key}") for key in ("name", "unit", "kind")]
    return "\n".join(part for part in told if part)


def _unforeseen(facts: Facts, path: str) -> Iterator[str]:
    """Yield the fields of an activity that have no column."""
    found = facts.raw(path)
    for key in found if isinstance(found, dict) else ():
        text = facts.text(f"{path}.{key}") if key not in _KNOWN else None
        if text:
            yield f"{label(str(key))}: {text}"


def _contact(facts: Facts, *, paper: bool) -> Iterator[Block]:
    """Yield whom to ask, which is the coordinator unless the plan says another (REQ-80)."""
    text = facts.text(f"{_PLAN}.questions_to")
    name, phone = (facts.only(f"{_PLAN}.coordinator.{key}") for key in ("name", "phone"))
    known = text or ", telefon ".join(part for part in (name, phone) if part)
    if known or paper:
        yield Field("Vid frågor, eller om något förändras", known or None, 2)


def _others(facts: Facts, *, paper: bool) -> Iterator[Block]:
    told = [*_field(facts, "housing", lines=2, paper=paper), *_field(facts, "notes", lines=3, paper=paper)]
    if told:
        yield Heading("Boende och övrigt")
        yield from told
