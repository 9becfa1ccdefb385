"""What FHIR costs: to make a Bundle of a full plan and judge it, against a bare `json.dumps` of it, and to take a large one, against one parse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
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
OTHERS = {"JSON": {}, "a transaction": {"form": "transaction"}, "a resource": {"form": "resource"}, "XML": {"format": "xml"}}
"""Told beside it: the same once more, what the forms for servers without messaging take, and the message as XML."""


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
    """Return how long one call takes, as the mean of a few."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times * 1000


def quickest(cut: Cut, settings: FhirSettings, **options: str) -> float:
    """Return how long it takes to make and judge the same in another form or format, in milliseconds."""
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir", None, options)
    return min(milliseconds(lambda: translated(cut, there, settings), times=3) for _ in range(ROUNDS))


@pytest.mark.bench
def test_a_full_plan_costs_little_more_than_its_json(write_result: Callable[[str, Mapping[str, object]], None]) -> None:
    """Given a full plan, then to translate and judge it takes at most three times `json.dumps` of the same Bundle and a millisecond."""
    cut, settings = full_plan(), FhirSettings()
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
    body = translated(cut, there, settings).body
    bundle = json.loads(body)
    # Turn about, and the shortest of each: what the machine does besides strikes neither alone.
    pairs = [(milliseconds(lambda: json.dumps(bundle)), milliseconds(lambda: translated(cut, there, settings))) for _ in range(ROUNDS)]
    bare, whole = min(one for one, _ in pairs), min(other for _, other in pairs)
    took = {name: quickest(cut, settings, **options) for name, options in OTHERS.items()}
    write_result(
        "fhir-cost",
        {
            "bytes": len(body),
            "entries": len(bundle["entry"]),
            "json.dumps": f"{bare:.3f} ms",
            "translate and validate": f"{whole:.3f} ms",
            "ratio": f"{whole / bare:.1f}",
            "limit (3 × and 1 ms)": f"{3 * bare + 1:.3f} ms",
            **{f"as {name}": f"{one:.3f} ms" for name, one in took.items()},
            "XML / JSON": f"{took['XML'] / took['JSON']:.1f}",
        },
    )
    assert whole <= 3 * bare + 1


@pytest.mark.bench
def test_a_large_document_costs_one_parse(write_result: Callable[[str, Mapping[str, object]], None]) -> None:
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
    assert all(found["ids and answer"] < found["parse"] for found in took.values())


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
