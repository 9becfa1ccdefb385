"""Narratives: every resource has one, made of its own elements and of nothing else, in which no text is markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from siphub.contract import Cut, Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.samples import cut_without, cuts_of, whole_cut
from siphub_fhir.message import FORMS
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated
from siphub_fhir.vocabulary import CODES, EXTENSIONS
from siphub_fhir.words import HEADINGS, STATUSES, on_the_clock

XHTML = "{http://www.w3.org/1999/xhtml}"
THERE = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
LABELS = {one.label for one in EXTENSIONS.values()} - {"", "-"}
CORE_LABELS = {
    *("Status", "Namn", "Skydd", "Roll", "Roller", "Relation", "Telefon", "E-post", "Personnummer", "Samordningsnummer", "Reservnummer"),
    *("Börjar", "Slutar", "Syfte", "Sänt", "Orsak", "Läge", "Begärd", "Ändrad", "Kommentar", "Resultat", "Underlag", "Inskriven"),
    *("Utskriven", "Från", "Gjord", "Insats", "Anteckning", "Gäller", "när", "till"),
}


def resources_of(cut: Cut) -> list[Any]:
    """Return the resources made of a cut."""
    return [entry["resource"] for entry in json.loads(translated(cut, THERE, FhirSettings()).body)["entry"]]


def leaves(node: Any) -> Iterator[Any]:
    """Yield every primitive value."""
    if isinstance(node, (dict, list)):
        for value in node.values() if isinstance(node, dict) else node:
            yield from leaves(value)
    else:
        yield node


@cache
def words_for(code: str) -> frozenset[str]:
    """Return the Swedish words for a code, in whichever system it stands."""
    found = {row.sv for row in CODES.values() if row.code == code}
    protection = {"sekretessmarkering": "Sekretessmarkering", "skyddadFolkbokforing": "Skyddad folkbokföring"}
    return frozenset(found | ({STATUSES[code]} if code in STATUSES else set()) | ({protection[code]} if code in protection else set()))


def clock(text: str) -> str | None:
    """Return an instant as it stands on a clock in Stockholm, worked out here in another way than in the plugin."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text) is None:
        return None
    local = datetime.fromisoformat(text).astimezone(ZoneInfo("Europe/Stockholm"))
    return f"{local.date().isoformat()} {local.hour:02}:{local.minute:02}"


def sayable(resource: Any) -> set[str]:
    """Return everything that a narrative of a resource may say: what its elements say, their words, and labels."""
    found = {HEADINGS[resource["resourceType"]], *LABELS, *CORE_LABELS, *(row.sv for row in CODES.values() if row.system == "preparation")}
    for leaf in leaves({name: value for name, value in resource.items() if name != "text"}):
        if isinstance(leaf, bool):
            found.add("ja" if leaf else "nej")
        else:
            found |= {str(leaf), *words_for(str(leaf)), clock(str(leaf)) or str(leaf)}
    return found


def taken_apart(resource: Any) -> list[str]:
    """Return the paragraphs of a narrative as text, and see that it has no markup but ours."""
    root = etree.fromstring(resource["text"]["div"])
    assert root.tag == f"{XHTML}div"
    assert {element.tag for element in root.iter()} == {f"{XHTML}{name}" for name in ("div", "p", "b")} - (
        set() if len(root) else {f"{XHTML}p"}
    )
    assert all(not element.attrib for element in root.iter() if element is not root)
    return ["".join(paragraph.itertext()) for paragraph in root]


def told_beyond(resource: Any) -> list[str]:
    """Return the paragraphs that say anything that the resource does not."""
    known = "|".join(re.escape(text) for text in sorted(sayable(resource), key=len, reverse=True))
    said = re.compile(rf"(?:{known}|[\s:;,–])*", re.DOTALL)
    return [paragraph for paragraph in taken_apart(resource) if not said.fullmatch(paragraph)]


@pytest.mark.parametrize("name", FORMS)
def test_a_narrative_says_what_its_resource_says_and_nothing_else(name: str) -> None:
    """Every resource of everything that leaves has a narrative, and each word of it is a label or comes from an element of the same resource."""
    for cut in cuts_of(name):
        for resource in resources_of(cut):
            assert resource["text"]["status"] in {"generated", "extensions"}
            assert told_beyond(resource) == [], resource["resourceType"]


def test_the_one_who_takes_apart_is_awake() -> None:
    """A narrative with a word of another resource, and one with markup of somebody's, are both found."""
    [plan] = [one for one in resources_of(whole_cut(sample("plan.established", maximal=True))) if one["resourceType"] == "CarePlan"]
    assert told_beyond(plan) == []
    sound = plan["text"]["div"]
    plan["text"]["div"] = sound.replace("</div>", "<p>Eva Kontakt</p></div>")
    assert told_beyond(plan) == ["Eva Kontakt"]
    plan["text"]["div"] = sound.replace("</div>", "<p><i>kursiv</i></p></div>")
    with pytest.raises(AssertionError):
        taken_apart(plan)


def test_a_narrative_tells_what_a_person_needs() -> None:
    """The plan is told with its needs, activities, times and notes, the goal with its words, the person with name and number."""
    told = {one["resourceType"]: taken_apart(one) for one in resources_of(whole_cut(sample("plan.established", maximal=True)))}
    assert told["CarePlan"][:4] == ["Plan", "Samordnad individuell plan", "Status: aktiv", "Gjord: 2026-11-23"]
    assert (
        "Insats: Hemtjänst följer med till affären; när: tisdagar; till: 2027-06-30; planerad; Ansvarig: Kommun; "
        "Uppföljning: vid uppföljningsmötet" in told["CarePlan"]
    )
    assert "Behov: Stöd att komma ut; Trygghet på natten" in told["CarePlan"]
    assert told["Goal"] == ["Mål", "Sova hela natten.", "Status: aktiv"]
    assert told["Patient"] == ["Den enskilde", "Namn: Prov Provsdotter", "Personnummer: 201001032380", "Skydd: Sekretessmarkering"]


def test_times_are_told_as_a_clock_in_sweden_shows_them() -> None:
    """Noon in UTC is one o'clock in winter and two in summer; a meeting in another zone is told as it stands."""
    assert on_the_clock("2026-12-07T12:00:00Z") == "2026-12-07 13:00"
    assert on_the_clock("2026-07-07T12:00:00.5+00:00") == "2026-07-07 14:00"
    assert on_the_clock("2026-07-07") == "2026-07-07"
    document = sample("meeting.summoned").to_document()
    document["content"]["meeting"]["zone"] = "Europe/Helsinki"
    [appointment] = [one for one in resources_of(Cut(document, "consent")) if one["resourceType"] == "Appointment"]
    assert f"Börjar: {appointment['start']}" in taken_apart(appointment)


HOSTILE = '<script>alert("x")</script> & <!-- --> ]]> &lt;b&gt; <img src=x onerror="y">'


def test_no_text_of_anybody_becomes_markup() -> None:
    """Markup in every free text of a plan and of its people stands in the narratives as the text it is."""
    document: Any = sample("plan.revised", maximal=True).to_document()
    plan = document["content"]["plan"]
    for holder, names in (
        (document["content"], ("changes",)),
        (document["author"], ("name", "role")),
        (document["subject"], ("given_name", "family_name")),
        (plan, ("crisis_plan", "housing", "notes")),
        (plan["coordinator"], ("name", "role", "phone", "email")),
        *((goal, ("text",)) for goal in plan["goals"]),
        *((activity, ("what", "when", "follow_up")) for activity in plan["activities"]),
    ):
        holder.update(dict.fromkeys(names, HOSTILE))
    plan["needs"] = [HOSTILE, "x"]
    resources = resources_of(Cut(document, "consent"))
    assert [told_beyond(one) for one in resources] == [[]] * len(resources)
    [told] = ["\n".join(taken_apart(one)) for one in resources if one["resourceType"] == "CarePlan"]
    assert told.count(HOSTILE) == 1 + 3 + 3 * len(plan["activities"]) + 1


@pytest.mark.parametrize("words", ["2 <script>alert(1)</script>", "7 < 9 & mer", "2026-12-07T12:00 <b>x</b> Z", "2026-13-41T25:61:00Z"])
def test_a_text_that_begins_like_a_time_is_a_text(words: str) -> None:
    """A note or a reason that begins with a digit, as many do, is escaped like any other, and what only looks like a time is told as it stands."""
    document: Any = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["notes"] = words
    [plan] = [one for one in resources_of(Cut(document, "consent")) if one["resourceType"] == "CarePlan"]
    assert f"Anteckning: {words}" in taken_apart(plan)
    document = sample("sip.initiated", maximal=True).to_document()
    document["content"]["reason"] = words
    [task] = [one for one in resources_of(Cut(document, "consent")) if one["resourceType"] == "Task"]
    assert f"Orsak: {words}" in taken_apart(task)


def test_what_is_cut_is_in_no_narrative() -> None:
    """A cut without needs, notes and the person has none of them in any narrative."""
    message = sample("plan.established", maximal=True)
    cut = cut_without(message, "/content/plan/needs", "/content/plan/notes", "/subject")
    whole, less = (" ".join(one["text"]["div"] for one in resources_of(made)) for made in (whole_cut(message), cut))
    for words in ("Stöd att komma ut", "Vill bli kallad Prov", "Provsdotter", "201001032380"):
        assert words in whole
        assert words not in less
