"""What becomes of what others wrote in R4: every document of the reference library, read or refused, and the same after both of R4's forms.

`python -m tests.mappings.fhir_corpora REFERENCE` writes docs/fhir-corpora.md, where REFERENCE is the folder of the reference library; with
`--check` nothing is written, and the answer is no (1) where the page is another. It must never show a word of a document.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from siphub.contract import BadBody, Draft, Invalid, Recipient, Refused, Submission
from siphub.model import Message, sample
from siphub.model import people as p
from siphub.testing.samples import whole_cut
from siphub_fhir.message import FORMS
from siphub_fhir.reader import FhirReader
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated
from siphub_fhir.vocabulary import numbering, system
from siphub_fhir.xml_in import from_xml
from siphub_fhir.xml_out import to_xml

PAGE: Final = Path(__file__).parents[2] / "docs" / "fhir-corpora.md"
CORPORA: Final[Mapping[str, str]] = {
    "r4-hl7-json": "HL7's examples, JSON",
    "r4-hl7-xml": "HL7's examples, XML",
    "r4-pacio-messages": "PACIO, messages",
    "r4-medcom-messages": "MedCom, messages (Denmark)",
    "r4-nhs-booking": "NHS booking and referral (England)",
    "r4-gematik-appointments": "gematik ISiK, appointments (Germany)",
    "r4-careplans/eltss": "eLTSS (USA)",
    "r4-careplans/uscore": "US Core",
    "r4-careplans/mcc": "MCC eCare plan (USA)",
    "r4-careplans/xshare": "xShare (EU)",
    "r4-synthea": "Synthea",
}
"""Each corpus: its folder, or its folder and what its file names begin with, and whose it is."""

NO_SIP: Final = frozenset(
    {
        *("fhir.nothing_for_us", "fhir.not_to_ours", "fhir.no_answer", "fhir.unknown_event", "fhir.no_sip"),
        *("fhir.several_meetings", "fhir.several_patients", "fhir.entered_in_error"),
    }
)
"""The codes of what is sound R4 and has nothing for a SIP, or nothing that could be told apart."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document: a draft or a message, or the problems it was refused for, and whether both of R4's forms kept it.

    `pointed` is what becomes of an answer once it names something of ours: the message type, or the code it is refused with.
    """

    corpus: str
    file: str
    taken: Draft | Message | None
    problems: tuple[tuple[str, str], ...]
    same: bool | None
    pointed: str | None = None


def outcomes(reference: Path) -> Iterator[Outcome]:
    """Yield what becomes of every document of every corpus."""
    for corpus in CORPORA:
        folder, _, prefix = corpus.partition("/")
        for file in sorted((reference / "data/fhir" / folder).glob(f"{prefix}*")):
            if file.suffix in {".json", ".xml"}:
                yield _outcome(corpus, file)


def _outcome(corpus: str, file: Path) -> Outcome:
    body = file.read_bytes()
    taken, problems = read(body, file.suffix[1:])
    return Outcome(corpus, file.name, taken, problems, kept(body, file.suffix[1:]), pointed(body, file.suffix[1:]))


def pointed(body: bytes, form: str) -> str | None:
    """Return what becomes of an answer or news that names something of ours, or None for any other document."""
    try:
        resource = from_xml(body, decimal=json.loads) if form == "xml" else json.loads(body)
    except (Invalid, BadBody):
        return None
    ours = _NAMING.get(str(resource.get("resourceType"))) if isinstance(resource, dict) else None
    if ours is None:
        return None
    taken, problems = read(json.dumps({**resource, **ours}).encode(), "json")
    return f"`{taken.content['type']}`" if isinstance(taken, Draft) else f"`{problems[0][0]}` at `{problems[0][1]}`"


_MEETING: Final = {
    "system": numbering("meeting"),
    "value": f"{p.MUNICIPALITY}/{sample('meeting.summoned').case_id}/{uuid5(NAMESPACE_URL, 'm')}",
}
_NAMING: Final[Mapping[str, Any]] = {
    "AppointmentResponse": {"appointment": {"identifier": _MEETING}},
    "Task": {"code": {"coding": [{"system": system("category"), "code": "sip-request"}]}},
    "Communication": {"category": [{"coding": [{"system": system("category"), "code": "meeting-held"}]}]},
}
"""What an answer, a Task or a Communication says to be about something of ours."""


def read(body: bytes, form: str) -> tuple[Any, tuple[tuple[str, str], ...]]:
    """Return what the reader makes of a document, or what it refuses it for."""
    try:
        return FhirReader().read(Submission(body, f"application/fhir+{form}")), ()
    except Refused as refused:
        return None, tuple((problem.code, problem.pointer or problem.position or "") for problem in refused.problems)


def exact(body: bytes) -> Any:
    """Return JSON with the digits of its numbers kept."""
    return json.loads(body, parse_float=Decimal)


def even(node: Any) -> Any:
    """Return a resource with its narrative as canonical XML, and without the nulls and empty lists that FHIR does not know."""
    if isinstance(node, dict):
        return {name: canonical(value) if name == "div" else even(value) for name, value in node.items() if value not in (None, [])}
    return [even(one) for one in node] if isinstance(node, list) else node


def canonical(narrative: str) -> bytes:
    """Return a narrative as canonical XML."""
    return etree.tostring(etree.fromstring(narrative), method="c14n", with_comments=False)


def kept(body: bytes, form: str) -> bool | None:
    """Say whether a resource is the same after R4's other form and back; None where it has no other form, because it is none of R4's."""
    try:
        resource = from_xml(body) if form == "xml" else exact(body)
        return bool(even(from_xml(to_xml(resource))) == even(resource))
    except (Invalid, BadBody):
        return None


def our_own() -> tuple[int, int]:
    """Return how many Bundles of ours are read, each as JSON and as XML, and how many of them give the message that they were made of."""
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
    found = []
    for name, maximal in product(FORMS, (False, True)):
        message = sample(name, maximal=maximal)
        body = translated(whole_cut(message), there, FhirSettings()).body
        found += [read(body, "json")[0] == message, read(to_xml(json.loads(body)), "xml")[0] == message]
    return len(found), sum(found)


def page(found: Sequence[Outcome]) -> str:
    """Return the page about what became of every document."""
    rows = [_row(name, [one for one in found if one.corpus == corpus]) for corpus, name in CORPORA.items()]
    own, equal = our_own()
    matrix = [
        ["corpus", "documents", "read", "no SIP", "not R4", "same in both forms"],
        *rows,
        _row("all of them", found),
        ["our own messages, JSON and XML", str(own), str(own), "0", "0", f"{equal} give the same message"],
    ]
    parts = [matrix, _by_code(found), _taken(found), _answers(found), _unsound(found)]
    return _HEAD.format(*(_table(part) for part in parts))


def _row(name: str, found: Sequence[Outcome]) -> list[str]:
    taken = sum(one.taken is not None for one in found)
    none = sum(_is_no_sip(one) for one in found)
    judged = [one.same for one in found if one.same is not None]
    return [name, str(len(found)), str(taken), str(none), str(len(found) - taken - none), f"{sum(judged)} of {len(judged)}"]


def _is_no_sip(one: Outcome) -> bool:
    return one.taken is None and {code for code, _ in one.problems} <= NO_SIP


def _by_code(found: Sequence[Outcome]) -> list[list[str]]:
    counted = Counter(code for one in found for code in {code for code, _ in one.problems})
    return [["code", "documents"], *([f"`{code}`", str(number)] for code, number in sorted(counted.items()))]


def _taken(found: Sequence[Outcome]) -> list[list[str]]:
    rows = [["document", "type", "activities", "goals", "participants", "missing"]]
    for one in found:
        if isinstance(one.taken, Draft):
            content: Any = one.taken.content["content"]
            plans = [content.get("plan", {}), *content.get("further_plans", [])]
            numbers = [sum(len(plan.get(name, [])) for plan in plans) for name in ("activities", "goals")]
            counts = [*numbers, len(content.get("participants", [])), len(one.taken.missing)]
            rows.append([f"{one.corpus.partition('/')[0]}/{one.file}", str(one.taken.content.get("type", "–")), *map(str, counts)])
    return rows


def _answers(found: Sequence[Outcome]) -> list[list[str]]:
    rows = [["document", "as it stands", "when it names something of ours"]]
    for one in found:
        if one.pointed is not None:
            alone = "read" if one.taken is not None else f"`{one.problems[0][0]}` at `{one.problems[0][1]}`"
            rows.append([f"{one.corpus.partition('/')[0]}/{one.file}", alone, one.pointed])
    return rows


def _unsound(found: Sequence[Outcome]) -> list[list[str]]:
    rows = [["document", "problems", "the first of them"]]
    for one in found:
        if one.taken is None and not _is_no_sip(one):
            code, pointer = one.problems[0]
            rows.append([f"{one.corpus.partition('/')[0]}/{one.file}", str(len(one.problems)), f"`{code}` at `{pointer}`"])
    return rows


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rest))


_HEAD: Final = """# What others write in FHIR

What the reader `fhir` makes of real R4 documents that others wrote: every document of the collections named here, and every sample of ours.
Made by `python -m tests.mappings.fhir_corpora`; a test fails when this page is another than the code.

Read is what becomes a draft, or for our own a message.
No SIP is what is sound R4 and has neither a care plan nor a meeting for a SIP; not R4 is what R4's own definitions forbid, each with its place.
The same in both forms is what is equal after JSON, XML and JSON again, or XML, JSON and XML; what has elements that R4 has not has no other form and is not counted.

{}

## Refused, by code

{}

## Read

The type is what the document could be in a message, where it says so; missing is how many fields a message needs and the document has not.

{}

## Answers and news

An AppointmentResponse, a Task or a Communication is for us where it names something of ours.
None of these does; so each is tried a second time, naming a meeting of ours, with the code of our request, or in our category of a meeting that was held.

{}

## Not R4

{}
"""


if __name__ == "__main__":
    text = page(list(outcomes(Path(sys.argv[1]))))
    if "--check" in sys.argv[2:]:
        sys.exit(0 if PAGE.read_text("utf-8") == text else 1)
    PAGE.write_text(text, "utf-8")
