"""What FHIR costs: to make a Bundle of a full plan and judge it, against a bare `json.dumps` of it, and to take a large one, against one parse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from siphub.contract import Cut, Recipient, Submission
from siphub.model import Message, parse_message, sample
from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber
from siphub_fhir import FhirDoor
from siphub_fhir.intake import opened
from siphub_fhir.message import bundle_of
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import MEDIA_TYPE, XML_TYPE, translated
from siphub_fhir.xml_out import to_xml

ACTIVITIES, GOALS, PARTICIPANTS = 10, 5, 8
TIMES, ROUNDS = 20, 60
ENTRIES, REQUESTS = 20_000, 3
FORMS: Mapping[str, dict[str, str]] = {
    "JSON": {},
    "a transaction": {"form": "transaction"},
    "a resource": {"form": "resource"},
    "XML": {"format": "xml"},
}
"""A message, the forms for servers without messaging, and the message as XML, which has no limit and is told beside them."""


def full_plan() -> Cut:
    """Return the cut of a recipient who sees all of a plan with ten activities, five goals and eight participants."""
    document: Any = sample("plan.established", maximal=True).to_document()
    plan = document["content"]["plan"]
    units = [f"SE{organisation}-{number}" for organisation in (p.MUNICIPALITY, p.REGION) for number in range(6001, 6005)]
    kinds = {p.MUNICIPALITY: "municipality", p.REGION: "region"}
    assert len(units) == PARTICIPANTS
    plan["goals"] = [{"id": f"g{number}", "text": f"Mål {number}: handla själv igen."} for number in range(GOALS)]
    plan["activities"] = [
        {
            "id": f"a{number}",
            "what": "Hemtjänst följer med till affären",
            "when": "tisdagar och fredagar",
            "ends_on": "2027-06-30",
            "responsible": {"kind": kinds[OrganisationNumber(unit[2:12])], "unit": unit, "name": f"Hanna Hemtjänst {unit[-1]}"},
            "goals": [f"g{number % GOALS}"],
            "follow_up": "vid uppföljningsmötet",
        }
        for number, unit in ((number, units[number % PARTICIPANTS]) for number in range(ACTIVITIES))
    ]
    return Cut(parse_message(json.dumps(document).encode()).to_document(), "consent")


def milliseconds(work: Callable[[], object], times: int = TIMES) -> float:
    """Return how long one call keeps a processor, as the mean of a few: what else the machine does is no part of it."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1000


def cost(cut: Cut, settings: FhirSettings, **options: str) -> tuple[float, float]:
    """Return how long a bare `json.dumps` of a form takes, and to make and judge it, in milliseconds: turn about, and the shortest of each."""
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir", None, options)
    document = json.loads(translated(cut, replace(there, options={**options, "format": "json"}), settings).body)
    pairs = [(milliseconds(lambda: json.dumps(document)), milliseconds(lambda: translated(cut, there, settings))) for _ in range(ROUNDS)]
    return min(one for one, _ in pairs), min(other for _, other in pairs)


@pytest.mark.bench
def test_a_full_plan_costs_little_more_than_its_json(write_result: Callable[[str, Mapping[str, object]], None], slack: int) -> None:
    """Given a full plan, then to translate and judge it takes at most three times `json.dumps` of the same and a millisecond, in each form of JSON."""
    cut, settings = full_plan(), FhirSettings()
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
    body = translated(cut, there, settings).body
    took = {name: cost(cut, settings, **options) for name, options in FORMS.items()}
    bare, whole = took["JSON"]
    limits = {name: 3 * one + 1 for name, (one, _) in took.items()}
    write_result(
        "fhir-cost",
        {
            "bytes": len(body),
            "entries": len(json.loads(body)["entry"]),
            "json.dumps": f"{bare:.3f} ms",
            "translate and validate": f"{whole:.3f} ms",
            "ratio": f"{whole / bare:.1f}",
            "limit (3 × and 1 ms)": f"{limits['JSON']:.3f} ms",
            **{f"as {name}": f"{took[name][1]:.3f} ms" for name in FORMS if name != "JSON"},
            **{f"part of the limit, {name}": f"{took[name][1] / limits[name]:.2f}" for name in FORMS if name != "XML"},
            "XML / JSON": f"{took['XML'][1] / whole:.1f}",
        },
    )
    assert {name: took[name][1] for name in FORMS if name != "XML" and took[name][1] > slack * limits[name]} == {}


@pytest.mark.bench
def test_a_large_document_costs_one_parse(write_result: Callable[[str, Mapping[str, object]], None], slack: int) -> None:
    """Given a message with thousands of small entries beside it, then what the door does after reading it takes less than to parse it once."""
    there = Recipient(p.CONTACT, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://hub.example/fhir/$process-message")
    message = bundle_of(Cut(sample("sip.requested").to_document(), "none"), there, FhirSettings().source, None)
    urls = (f"urn:uuid:{UUID(int=number)}" for number in range(1, ENTRIES + 1))
    message["entry"] += [{"fullUrl": url, "resource": {"resourceType": "Basic", "code": {"text": "x"}}} for url in urls]
    took = {"JSON": at_the_door(json.dumps(message).encode(), MEDIA_TYPE)}
    message["entry"] = message["entry"][: ENTRIES // 4]  # XML has a limit of parts
    took["XML"] = at_the_door(to_xml(message), XML_TYPE)
    figures = {f"{form}, {what}": f"{one:.0f} ms" for form, found in took.items() for what, one in found.items()}
    write_result("fhir-door", {"entries (XML a fourth)": ENTRIES, **figures})
    assert all(found["ids and answer"] < slack * found["parse"] for found in took.values())


def at_the_door(body: bytes, media_type: str) -> Mapping[str, float]:
    """Return how long it takes to parse a document once, to read it, and to do the rest of what its door does, in milliseconds; the shortest of a few."""
    context: Any = SimpleNamespace(settings={})
    door, found = FhirDoor(context), list[tuple[float, float, float]]()
    for _ in range(REQUESTS):
        submission = Submission(body, media_type)
        began = time.perf_counter()
        opened(submission)
        parsed = time.perf_counter()
        message = door.read(submission)
        read = time.perf_counter()
        assert isinstance(message, Message)
        door.ids(submission, message)
        door.taken(submission, message, {"recipients": [], "cautions": []}, media_type)
        found.append((parsed - began, read - parsed, time.perf_counter() - read))
    return dict(zip(("parse", "judge and read", "ids and answer"), (min(each) * 1000 for each in zip(*found, strict=True)), strict=True))
