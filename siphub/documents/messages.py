"""From a recipient's cut to its document: what matters first, what is left at the end, and nothing lost.

Nothing is looked up and nothing is added to what the cut says, but the Swedish words and, where a meeting has no end, the assumed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

from siphub.contract import Cut
from siphub.documents.facts import Facts, label, moment
from siphub.documents.model import Block, Document, Field, Heading, Paragraph, Window
from siphub.documents.plan import plan
from siphub.documents.swedish import STOCKHOLM
from siphub.documents.words import TITLES, TO_A_PERSON

UNDATED = date(2026, 11, 1)
"""The day of a document whose cut has none, and of a blank form: PDF/A wants one, and today's would change the bytes."""

_HEAD = ("subject", "sender", "author", "registry_number")
_MEETING = (
    "content.meeting",
    "content.purpose",
    "content.convener",
    "content.respond_by",
    "content.duty_holder",
    "content.duty_basis",
    "content.coordinator",
    "content.participating_units",
    "content.agenda",
    "content.questions",
    "content.digital_option",
    "content.interpreter_language",
    "content.individual_attendance",
    "content.relatives_present",
    "content.evaluation_on",
    "content.preparation_ref",
    "content.reason",
)
_ORDER: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("meeting.summoned", "meeting.invited", "meeting.rescheduled", "followup.summoned", "meeting.reminder"), _MEETING),
    "meeting.held": (
        "content.held_on",
        "content.starts_at",
        "content.ends_at",
        "content.individual",
        "content.attended_units",
        "content.outcome",
        "content.interpreter_used",
    ),
    "meeting.response": (
        "content.response",
        "content.responder",
        "content.proposed_times",
        "content.reason",
        "content.substitute_unit",
        "content.substitute_name",
    ),
    "sip.requested": (
        "content.requester",
        "content.receiving_unit",
        "content.receiving_contact",
        "content.requested_on",
        "content.interpreter_language",
        "content.recorded_by",
        "content.preparation.my_contacts",
        "content.preparation.my_experience",
        "content.preparation.needs_and_wishes",
        "content.preparation.how_i_want_it",
        "content.preparation.coordinator_wish",
        "content.network",
    ),
    "stop.notice": ("content.about", "content.phone", "content.case_reference"),
}
"""What of a message is said first, in this order. What is not named here follows in the message's own order."""

_OWN_WORDS = {
    "meeting": "Tid och plats",
    "phone": "Frågor besvaras på telefon",
}


def document(cut: Cut) -> Document:
    """Return the document that a recipient's cut makes."""
    facts = Facts(cut.document)
    kind = str(cut.document.get("type", ""))
    title, lead = TITLES.get(kind, ("Meddelande om samordnad individuell plan", ""))
    if facts.to_a_person():
        lead = TO_A_PERSON.get(kind, lead)
    blocks: list[Block] = [Paragraph(lead)] if lead else []
    blocks += _fields(facts, _HEAD)
    blocks += _BUILDERS.get(kind, _listed)(facts)
    blocks += _content(facts)
    blocks += _aside(facts)
    return Document(title, tuple(blocks), dated=dated(facts), reference=reference(facts), window=window(cut.document.get("addressee")))


def dated(facts: Facts) -> date:
    """Return the day a document carries: the one on which its message was sent."""
    sent = moment(facts.raw("sent_at"))
    return sent.astimezone(STOCKHOLM).date() if isinstance(sent, datetime) else UNDATED


def reference(facts: Facts) -> str:
    """Return what stands at the foot of every page."""
    case = facts.raw("case_id")
    return f"Samordnad individuell plan · ärende {case}" if case else "Samordnad individuell plan"


def window(addressee: object) -> Window | None:
    """Return the address window of a letter: filled where the cut has an address, empty where it is a letter to nobody known, else none."""
    if not isinstance(addressee, Mapping):
        return None
    lines = addressee.get("lines")
    told = [addressee.get("name"), *(lines if isinstance(lines, list | tuple) else ())]
    return Window(tuple(str(line) for line in told if line))


def _listed(facts: Facts) -> Iterator[Block]:
    yield from _fields(facts, _ORDER.get(str(facts.raw("type")), ()))


def _plan(facts: Facts) -> Iterator[Block]:
    yield from _fields(facts, ("content.changes", "content.reason", "content.approved_by_individual"))
    yield from plan(facts)


_BUILDERS: Mapping[str, Callable[[Facts], Iterator[Block]]] = dict.fromkeys(("plan.proposed", "plan.established", "plan.revised"), _plan)


def _fields(facts: Facts, paths: tuple[str, ...]) -> Iterator[Block]:
    for path in paths:
        text = facts.text(path)
        if text:
            yield Field(_OWN_WORDS.get(path.rpartition(".")[2], label(path)), text)


def _content(facts: Facts) -> Iterator[Block]:
    """Yield the rest of the content, each field of it whole where none of it has been said, else what is left of it."""
    content = facts.raw("content")
    left = set(facts.left())
    for key in content if isinstance(content, Mapping) else ():
        path = f"content.{key}"
        leaves = facts.leaves(path)
        if leaves and left.issuperset(leaves) and not _a_number(path):
            yield from _fields(facts, (path,))
        else:
            yield from _fields(facts, tuple(leaf for leaf in leaves if leaf in left and not _a_number(leaf)))


def _a_number(path: str) -> bool:
    return path.endswith(("id", "version", "zone"))


def _aside(facts: Facts) -> Iterator[Block]:
    """Yield what only another system or an archivist asks for, in small print at the end."""
    left = [(path, facts.only(path)) for path in facts.left()]
    told = [f"{_long_label(path)}: {text}" for path, text in left if text]
    if told:
        yield Heading("Uppgifter om meddelandet")
        yield Paragraph(" · ".join(told), small=True)


def _long_label(path: str) -> str:
    """Name a field that stands alone together with what it belongs to: *Mötet, version*."""
    steps = [step for step in path.split(".") if step != "content" and not step.isdecimal()]
    return ", ".join([label(steps[0]), *(label(step).lower() for step in steps[1:])]) if steps else path
