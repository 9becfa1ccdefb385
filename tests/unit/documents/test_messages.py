"""Every message as a document: whatever its recipient may see is there, in Swedish, in all three forms."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from html import unescape
from typing import Any

import pytest
from pypdf import PdfReader

from siphub.contract import Cut
from siphub.documents import As, render
from siphub.documents.swedish import STOCKHOLM, clock, day, instant
from siphub.documents.words import CODES
from siphub.model import CATALOGUE, sample, sample_directory
from siphub.model import people as p
from siphub.policy import disclosure
from siphub.testing.samples import cut_without, whole_cut

FORMS: tuple[As, ...] = ("text", "html", "pdf")


def read(document: bytes, form: As) -> str:
    """Return what a person reads: one line, tags and styles gone."""
    match form:
        case "text":
            text = document.decode()
        case "html":
            text = unescape(re.sub(r"<[^>]*>", " ", document.decode().partition("<body>")[2]))
        case _:
            text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages)
    return " ".join(text.split())


def bare(text: str) -> str:
    """Return a text without what breaking a line adds or takes away."""
    return re.sub(r"[\s\u200b\u00ad-]", "", text)


def leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document with its path."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from leaves(value, f"{at}.{key}")
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from leaves(value, at)
    else:
        yield at, node


def in_swedish(path: str, value: Any) -> str:
    """Return how a value ought to be written, found without the code under test where that can be."""
    key = path.rpartition(".")[2]
    if isinstance(value, bool):
        return "ja" if value else "nej"
    if path.endswith("identity.value"):
        return f"{value[:8]}-{value[8:]}"
    if value in CODES.get(key, {}):
        return CODES[key][value]
    if path.endswith(".ends_at"):
        return clock(datetime.fromisoformat(value).astimezone(STOCKHOLM))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", str(value)):
        return instant(datetime.fromisoformat(value))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
        return day(date.fromisoformat(value))
    if re.fullmatch(r"(relative|guardian|representative)/\d+|individual", str(value)):
        kind, _, place = str(value).partition("/")
        return f"{CODES['kind'][kind]} {place}"
    return str(value).removeprefix("agreement:")


@pytest.mark.parametrize("maximal", [False, True], ids=["minimal", "maximal"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_everything_in_a_cut_is_in_its_document(name: str, form: As, maximal: bool) -> None:
    """Given a message of any type, when it is made into a document, then each of its values can be read there."""
    cut = whole_cut(sample(name, maximal=maximal))
    shown = bare(read(render(cut, form), form))
    # Of a place with an address it goes without saying that it is a place.
    said = [(path, value) for path, value in leaves(cut.document) if not path.endswith("place.kind")]
    assert [path for path, value in said if bare(in_swedish(path, value)) not in shown] == []


@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_was_cut_away_is_shown(form: As) -> None:
    """Given a kallelse without its subject, agenda and units, then not one of them can be read, and nothing says that they were there."""
    message = sample("meeting.summoned", maximal=True)
    cut = cut_without(message, "/subject", "/content/agenda", "/content/participating_units")
    shown = read(render(cut, form), form)
    for secret in ("Provsdotter", "20100103", "Stöd i vardagen", "Det här ska vi prata om", "Deltagande enheter"):
        assert secret not in shown


@pytest.mark.parametrize("form", FORMS)
def test_an_agency_s_cut_makes_a_decent_invitation(form: As) -> None:
    """Given the minimal profile of a state agency, then there is an invitation with time, place and a public label, and no name."""
    message = sample("meeting.invited", maximal=True)
    rule = disclosure.rule_for("meeting.invited", ("agency",))
    assert rule is not None
    cut = disclosure.cut(message, rule, recipient=p.FK, covered=disclosure.Covered("consent", frozenset()), directory=sample_directory())
    shown = read(render(cut, form), form)
    for told in ("Inbjudan till SIP-möte", "Stadshuset, rum 3", "Norrby kommun", "090-123 45 67", "Frågor om sjukpenning"):
        assert told in shown
    for secret in ("Provsdotter", "20100103", "Eva Kontakt", "Praktik"):
        assert secret not in shown


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_cut_without_anything_but_its_type_is_still_a_document(name: str) -> None:
    """Given a cut from which everything was taken, then there is a document with its title, and no error."""
    bare_cut = Cut({"type": name, "message_id": "m"}, "consent")
    for form in FORMS:
        assert render(bare_cut, form)


def test_a_field_that_nobody_foresaw_is_shown_under_its_own_name() -> None:
    """Given a type and fields of a later version, then what they say is there, and no JSON path."""
    document = {
        "type": "sip.something",
        "message_id": "m",
        "content": {"new_field": "Nytt", "list_of": [{"odd_one": "Ett"}, {"odd_one": "Två"}]},
    }
    shown = read(render(Cut(document, "consent"), "text"), "text")
    assert "New field: Nytt" in shown
    assert "Odd one: Ett" in shown
    assert "Två" in shown
    assert "content" not in shown


def test_a_meeting_without_an_end_is_taken_to_last_an_hour_and_says_so() -> None:
    """Given no end, then the assumed one is marked; given one, then it is written as a span."""
    assert "måndag 7 december 2026 kl. 12.00 (antas sluta 13.00)" in read(render(whole_cut(sample("meeting.summoned")), "text"), "text")
    given = read(render(whole_cut(sample("meeting.summoned", maximal=True)), "text"), "text")
    assert "måndag 7 december 2026 kl. 12.00–13.00" in given
    assert "antas" not in given


def test_a_meeting_in_another_zone_is_written_in_that_zone() -> None:
    """Given a meeting in Haparanda's neighbour, then its times are the ones people there go by, and the zone is named."""
    document = sample("meeting.summoned").to_document()
    document["content"]["meeting"]["zone"] = "Europe/Helsinki"
    assert "kl. 13.00 (antas sluta 14.00) (tidszon Europe/Helsinki)" in read(render(Cut(document, "consent"), "text"), "text")


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../../etc/passwd", ""])
def test_a_zone_that_nobody_knows_is_taken_for_ours(zone: str) -> None:
    """Given a zone that does not exist, then the time is written as in Sweden rather than not at all."""
    document = sample("meeting.summoned").to_document()
    document["content"]["meeting"]["zone"] = zone
    assert "kl. 12.00 (antas sluta 13.00)" in read(render(Cut(document, "consent"), "text"), "text")


def test_a_follow_up_has_the_shape_of_a_kallelse() -> None:
    """Given a summons to a follow-up, then it says when, where, which plan and which questions."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["type"] = "followup.summoned"
    document["content"] |= {"plan_id": "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001", "plan_version": 2, "questions": ["Hur går det?"]}
    shown = read(render(Cut(document, "consent"), "text"), "text")
    for told in ("Kallelse till uppföljning av SIP", "Frågor att förbereda: Hur går det?", "kl. 12.00–13.00", "Planens version: 2"):
        assert told in shown


def test_units_are_called_what_the_hub_calls_them() -> None:
    """Given names for units, then they stand instead of the numbers, and the list of names itself is not shown."""
    document = sample("meeting.summoned", maximal=True).to_document()
    document["names"] = {p.HOME_CARE: "Hemtjänsten i Norrby", p.MUNICIPALITY: "Norrby kommun", p.FK: "Inte nämnd"}
    shown = read(render(Cut(document, "consent"), "text"), "text")
    assert "Hemtjänsten i Norrby" in shown
    assert "Norrby kommun" in shown
    assert p.HOME_CARE not in shown
    assert "Inte nämnd" not in shown


def test_the_address_window_is_there_only_where_it_is_a_letter() -> None:
    """Given an addressee, then the address comes first; given an empty one, then there is a window and nothing in it; given none, no window."""
    cut = whole_cut(sample("stop.notice"))
    to = {"name": "Prov Provsdotter", "lines": ["Provvägen 1", "999 99 Norrby"]}
    letter = replace(cut, document={**cut.document, "addressee": to})
    assert read(render(letter, "text"), "text").startswith("Prov Provsdotter Provvägen 1 999 99 Norrby Inga fler meddelanden")
    assert "<address></address>" in render(replace(cut, document={**cut.document, "addressee": {}}), "html").decode()
    assert "<address>" not in render(cut, "html").decode()


def test_all_stop_notices_read_alike() -> None:
    """Given a notice, then it tells nobody why: the words are the same, whatever ended."""
    cut = whole_cut(sample("stop.notice"))
    shown = read(render(cut, "text"), "text")
    assert "Ni får inga fler meddelanden i det här ärendet" in shown
    for why in ("samtycke", "avlid", "avslut", "inställ", "återtag"):
        assert why not in shown.lower()


def test_a_plan_shows_who_does_what() -> None:
    """Given a whole plan, then needs, goals, each activity with its goal, and whom to turn to can be read."""
    shown = read(render(whole_cut(sample("plan.established", maximal=True)), "text"), "text")
    for told in (
        "g1: Handla själv igen.",
        "Vad: a1: Hemtjänst följer med till affären",
        "När, och till när: tisdagar till och med 30 juni 2027",
        "Mål: g1, g2",
        "den enskilde",
        "Vid frågor, eller om något förändras: Hanna Hemtjänst",
        "Krisplan: Ring vårdcentralen, annars 112.",
    ):
        assert told in shown
