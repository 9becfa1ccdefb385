"""The five forms on paper: what the source documents have is there, blank, and filled in with what a cut knows."""

from __future__ import annotations

import pytest

from siphub.documents import FORMS, As, blank, prefilled
from siphub.documents.facts import Facts
from siphub.documents.forms import document_of
from siphub.documents.model import Block, Choice, Field, Signature, Table
from siphub.model import sample
from siphub.testing.samples import whole_cut


def pages(name: str, filled_from: str = "") -> tuple[Block, ...]:
    """Return a form's blocks, blank or filled in from a maximal sample."""
    return document_of(name, Facts(whole_cut(sample(filled_from, maximal=True)).document if filled_from else {}))[1]


def lines(blocks: tuple[Block, ...]) -> dict[str, int]:
    """Return how many empty lines each field has."""
    return {block.label: block.lines for block in blocks if isinstance(block, Field) and block.value is None}


def values(blocks: tuple[Block, ...]) -> dict[str, str]:
    """Return what is filled in."""
    return {block.label: block.value for block in blocks if isinstance(block, Field) and block.value is not None}


def ticked(blocks: tuple[Block, ...]) -> dict[str, set[str]]:
    """Return the boxes that are ticked."""
    return {block.label: set(block.chosen) for block in blocks if isinstance(block, Choice)}


@pytest.mark.req(91)
def test_there_are_five_forms() -> None:
    """The source documents have five: request, leaflet, consent, preparation and plan (REQ-91)."""
    assert set(FORMS) == {"request", "leaflet", "consent", "preparation", "plan"}


@pytest.mark.req(91)
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("form", ["text", "html", "pdf"])
def test_a_blank_form_is_always_the_same(name: str, form: As) -> None:
    """Given a blank form, then it can be made in every form, twice with the same bytes."""
    assert blank(name, form) == blank(name, form)


@pytest.mark.req(12)
@pytest.mark.parametrize("name", FORMS)
def test_a_form_says_which_county_it_is_for(name: str) -> None:
    """Given a county, then the form says at its head whom it is for; without one it is for everywhere."""
    assert blank(name, "text", "Västerbotten").count("För dig som bor i Västerbotten.".encode()) == 1
    assert "För dig som bor i" not in blank(name, "text").decode()


@pytest.mark.parametrize("name", FORMS)
def test_a_blank_form_knows_nothing(name: str) -> None:
    """Given a blank form, then nothing is filled in and no box is ticked."""
    blocks = pages(name)
    assert values(blocks) == {}
    assert set().union(*ticked(blocks).values()) == set()


@pytest.mark.req(33, 34, 35, 68, 91)
def test_the_request_has_what_the_form_has() -> None:
    """S4: to and from, number, ways to reach, five free texts with room to write, and who helped (REQ-33, REQ-34, REQ-35)."""
    blank_lines = lines(pages("request"))
    assert {"Från (namn)", "Telefon", "E-post", "Personnummer för den som planen gäller", "Datum"} <= set(blank_lines)
    assert any(label.startswith("Till min kontakt") for label in blank_lines)
    assert [count for count in blank_lines.values() if count > 1] == [4, 6, 6, 6, 2]


@pytest.mark.req(48, 91)
def test_the_request_has_a_map_of_who_is_around_the_individual() -> None:
    """S4: rows for names, what they are, how to reach them and whether they come; filled in from a request, with rows left (REQ-48)."""
    [empty] = [block for block in pages("request") if isinstance(block, Table)]
    assert (empty.rows, empty.empty) == ((), 6)
    [filled] = [block for block in pages("request", "sip.requested") if isinstance(block, Table)]
    assert filled.empty == 4
    assert filled.rows == (
        ("Siv Provsdotter", "syster", "070-174 06 06", "ja"),
        ("Hanna Hemtjänst, Hemtjänsten i Norrby", "undersköterska", "090-765 43 21, hanna.hemtjanst@example.org", "vet inte"),
    )


@pytest.mark.req(53, 54, 55, 56, 91)
def test_the_leaflet_has_what_the_leaflets_have() -> None:
    """S0 and S1: coordinator, day, time, place, contact person with telephone, six lines for units, evaluation date (REQ-53 to REQ-56)."""
    assert lines(pages("leaflet")) == {
        "Namn": 1,
        "Kontaktuppgifter": 1,
        "Dag": 1,
        "Tid": 1,
        "Plats": 1,
        "Kontaktperson": 1,
        "Kontaktpersonens telefon": 1,
        "Skriv en enhet på varje rad": 6,
        "Datum för utvärdering": 1,
    }


@pytest.mark.req(25, 38, 42, 43, 45, 46, 91)
def test_the_consent_has_what_the_form_has() -> None:
    """S1: obtained by, yes and no to the exchange of information, a date; and the scopes and parties a consent consists of (REQ-38 to REQ-46)."""
    blocks = pages("consent")
    asked = [block for block in blocks if isinstance(block, Choice) and block.options == ("Ja", "Nej")]
    assert len(asked) == 5
    assert [block.label for block in asked if "förberett" in block.label] == [
        "Jag samtycker till att det jag har förberett visas för dem som kallas"
    ]
    assert "uppgifter om mina behov" in asked[0].label
    assert {"Datum", "Samtycke inhämtat av (namn och verksamhet)"} <= set(lines(blocks))
    [parties] = [block for block in blocks if isinstance(block, Table)]
    assert parties.empty == 6


@pytest.mark.req(36, 37, 91)
def test_the_preparation_has_five_questions_and_thirteen_lines() -> None:
    """S0's questions and S1's lines for what I want to talk about (REQ-36, REQ-37)."""
    blank_lines = lines(pages("preparation"))
    assert len([label for label in blank_lines if label.endswith("?")]) == 5
    assert blank_lines["Mina egna ord"] == 13


@pytest.mark.req(70, 73, 74, 76, 78, 79, 80, 91)
def test_an_empty_plan_has_room_for_everything_a_plan_must_say() -> None:
    """Needs, goals, activities with every column, responsibility, coordinator, follow-up, and whom to turn to (REQ-70 to REQ-80)."""
    blocks = pages("plan")
    [activities] = [block for block in blocks if isinstance(block, Table)]
    assert activities.empty == 8
    assert {"Behov i dag", "Krisplan", "Boende", "Övrigt", "Samordnare", "Huvudansvarig", "Datum för uppföljning"} <= set(lines(blocks))
    assert any(isinstance(block, Signature) for block in blocks)


@pytest.mark.req(19, 27)
def test_a_leaflet_is_filled_in_from_a_kallelse() -> None:
    """Given a kallelse, then day, time, place, coordinator, contact, units and evaluation date are written, and lines are left for more units."""
    blocks = pages("leaflet", "meeting.summoned")
    assert values(blocks) == {
        "Namn": "Eva Kontakt",
        "Kontaktuppgifter": "090-123 45 67, eva.kontakt@example.org, SE2120009994-1001",
        "Dag": "måndag 7 december 2026",
        "Tid": "kl. 12.00–13.00",
        "Plats": "Stadshuset, rum 3",
        "Kontaktperson": "Eva Kontakt",
        "Kontaktpersonens telefon": "090-123 45 67",
        "Datum för utvärdering": "1 mars 2027",
    }
    assert lines(blocks) == {"Fler enheter": 4}


def test_a_request_is_filled_in_from_a_request() -> None:
    """Given a request that came in, then its paper says the same, and has lines only for what was left out."""
    blocks = pages("request", "sip.requested")
    assert values(blocks)["Från (namn)"] == "Siv Provsdotter"
    assert values(blocks)["Hur upplever jag det?"] == "Jag får berätta samma sak om och om igen."
    assert values(blocks)["Personnummer för den som planen gäller"] == "20100103-2380"
    assert ticked(blocks)["Jag som ber om en SIP är"] == {"närstående"}
    assert lines(blocks) == {}


def test_a_plan_is_filled_in_from_a_plan() -> None:
    """Given a plan, then its paper has its activities and no empty rows, and lines for nothing that is known."""
    blocks = pages("plan", "plan.established")
    [activities] = [block for block in blocks if isinstance(block, Table)]
    assert (len(activities.rows), activities.empty) == (4, 0)
    assert values(blocks)["Planen gäller (namn)"] == "Prov Provsdotter"
    assert lines(blocks) == {}


@pytest.mark.parametrize(("kind", "exchange", "mode"), [("consent.given", {"Ja"}, {"Muntligt"}), ("consent.refused", {"Nej"}, set())])
def test_a_consent_is_ticked_as_it_was_given(kind: str, exchange: set[str], mode: set[str]) -> None:
    """Given a yes to a meeting only, or a no, then the boxes say that and not more: what was not asked stays empty."""
    cut = whole_cut(sample(kind))
    document = {**cut.document, "content": {**sample(kind).to_document()["content"]}}
    boxes = ticked(document_of("consent", Facts(document))[1])
    asked = {label: chosen for label, chosen in boxes.items() if label.startswith("Jag samtycker")}
    if kind == "consent.given":
        assert asked["Jag samtycker till att ett möte hålls"] == exchange
        assert sum(bool(chosen) for chosen in asked.values()) == 1
    else:
        assert next(iter(asked.values())) == exchange
    assert boxes["Så lämnades samtycket"] == mode


@pytest.mark.parametrize("form", ["text", "html", "pdf"])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_can_be_filled_in_from_every_cut_it_is_made_for(name: str, form: As) -> None:
    """Given the cuts a form takes, minimal and maximal, then it can be made of each; one of another kind leaves it blank rather than wrong."""
    for kind in sorted(FORMS[name].from_types):
        for maximal in (False, True):
            try:
                cut = whole_cut(sample(kind, maximal=maximal))
            except KeyError:  # a type of a later version
                continue
            assert prefilled(name, cut, form) == prefilled(name, cut, form)
    assert prefilled(name, whole_cut(sample("ack.read")), form)


def test_a_form_that_is_not_there_is_an_error() -> None:
    """Given a name that no form has, then it is a KeyError, for the caller to say which there are."""
    with pytest.raises(KeyError):
        blank("certificate", "text")
