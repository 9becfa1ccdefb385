"""The letter adapter: one whole letter and its note under the key's name, and nobody's name or address outside the letter."""

from __future__ import annotations

import io
import json
import logging
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

import siphub_letter
from siphub.contract import (
    Confirms,
    Cut,
    Delivered,
    MappingError,
    Permit,
    PluginContext,
    Recipient,
    Retry,
    SystemClock,
    Uncertain,
    permitted,
)
from siphub.documents import render
from siphub.errors import PermitExpired
from siphub.model import CATALOGUE, sample
from siphub.testing.samples import whole_cut
from siphub_folder import Settings
from siphub_letter import LetterAdapter

KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
GOLDEN = Path(__file__).parent / "golden"
ADDRESSEE = {"name": "Prov Provsdotter", "lines": ["Provgatan 1", "123 45 Norrby"]}


def to(endpoint: str, **options: str) -> Recipient:
    """Make a recipient with an outbox: the individual of a case."""
    return Recipient("individual", "2120009994", "Norrby kommun", "letter", endpoint, options=options)


def addressed(name: str = "meeting.summoned", **more: object) -> Cut:
    """Make the cut of a maximal sample for the individual, with an address."""
    cut = whole_cut(sample(name, maximal=True))
    return replace(cut, document={**cut.document, "recipients": ["individual"], "addressee": ADDRESSEE, **more})


def words(pdf: bytes) -> str:
    """Return what stands in a letter."""
    return " ".join("\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root with one outbox."""
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.fixture
def adapter(root: Path) -> LetterAdapter:
    """Make the adapter over that root."""
    return LetterAdapter(render, Settings(root))


def test_the_hook_offers_an_adapter_that_can_confirm(root: Path) -> None:
    """Asked by the hub, the plugin gives one adapter named letter; a setting it does not know is refused in its own name."""
    tools: dict[str, Any] = {**dict.fromkeys(["http", "mappings", "state"]), "render": render, "clock": SystemClock()}

    def context(**settings: str) -> PluginContext:
        return PluginContext(plugin="letter", log=logging.getLogger("letter"), settings=settings, **tools)  # type: ignore[arg-type]  # it logs nothing

    [adapter] = siphub_letter.siphub_adapters(context(root=str(root)))
    assert isinstance(adapter, Confirms)
    assert adapter.info.name == "letter"
    with pytest.raises(ValueError, match="the plugin letter does not know the setting rot"):
        siphub_letter.siphub_adapters(context(rot="x"))


def test_a_letter_and_its_note_appear(root: Path, adapter: LetterAdapter) -> None:
    """Given an outbox, when a letter is delivered, then the PDF and its note are there under the key's name, for owner and group only."""
    payload = adapter.translate(addressed(), to("out"))
    assert adapter.deliver(payload, to("out"), KEY) == Delivered(f"{KEY}.pdf")
    assert sorted(file.name for file in (root / "out").iterdir()) == [f"{KEY}.json", f"{KEY}.pdf"]
    assert {oct(file.stat().st_mode & 0o777) for file in (root / "out").iterdir()} == {"0o640"}
    assert (root / "out" / f"{KEY}.pdf").read_bytes() == payload.body
    assert json.loads((root / "out" / f"{KEY}.json").read_bytes()) == {
        "letter": f"{KEY}.pdf",
        "message_id": str(sample("meeting.summoned", maximal=True).message_id),
        "message_type": "meeting.summoned",
        "case": "5b0f3f1e-7c64-4d7e-8f5c-2a9d3c1b0001",
        "recipient": "individual",
        "organisation": "2120009994",
    }


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_nothing_of_a_person_stands_outside_the_letter(root: Path, adapter: LetterAdapter, name: str) -> None:
    """Given any message, then neither the note, nor a file's name, nor the payload's headers and repr hold a word of its content or address."""
    cut = addressed(name)
    payload = adapter.translate(cut, to("out"))
    adapter.deliver(payload, to("out"), KEY)
    outside = "\n".join(
        [
            repr(payload),
            *payload.headers.values(),
            *(file.name for file in root.rglob("*")),
            (root / "out" / f"{KEY}.json").read_text("utf-8"),
        ]
    )
    for secret in ("Prov", "Provgatan", "123 45", "20100103", "Eva", "090-123"):
        assert secret not in outside


def test_the_address_stands_in_the_window(adapter: LetterAdapter) -> None:
    """Given an addressee, then the letter begins with the address; without one there is an empty window, and the letter is otherwise the same."""
    with_address = words(adapter.translate(addressed(), to("out")).body)
    assert with_address.startswith("Prov Provsdotter Provgatan 1 123 45 Norrby Kallelse till SIP-möte Du är välkommen")
    unknown = replace(addressed(), document={key: value for key, value in addressed().document.items() if key != "addressee"})
    assert words(adapter.translate(unknown, to("out")).body) == with_address.removeprefix("Prov Provsdotter Provgatan 1 123 45 Norrby ")
    assert "<address></address>" in adapter.translate(unknown, to("out", form="html")).body.decode()


def test_the_address_is_where_the_window_is(adapter: LetterAdapter) -> None:
    """Given a letter, then its address lies between 45 and 79 mm from the top edge of the first page, and 110 to 186 mm from the left."""
    seen: list[tuple[float, float]] = []

    def visit(text: str, at: list[float], *_rest: object) -> None:
        if text.strip() in {ADDRESSEE["name"], *ADDRESSEE["lines"]}:
            seen.append((at[4] / 72 * 25.4, 297 - at[5] / 72 * 25.4))

    page = PdfReader(io.BytesIO(adapter.translate(addressed(), to("out")).body)).pages[0]
    page.extract_text(visitor_text=visit)
    assert len(seen) == 3
    assert all(109.9 <= left <= 186 and 45 <= top <= 79 for left, top in seen)


def test_a_stop_notice_is_a_letter_too(adapter: LetterAdapter) -> None:
    """Given a recall, then the letter says that no more will come, and not why."""
    told = words(adapter.translate(addressed("stop.notice"), to("out")).body)
    assert "Du får inga fler meddelanden i det här ärendet" in told
    assert adapter.info.recall == "message"


def test_an_address_may_ask_for_a_page(root: Path, adapter: LetterAdapter) -> None:
    """Given the option `form = "html"`, then the letter is a page and is confirmed as one; another form holds the delivery."""
    payload = adapter.translate(addressed(), to("out", form="html"))
    assert payload.media_type == "text/html"
    assert adapter.deliver(payload, to("out"), KEY) == adapter.confirm(KEY, to("out")) == Delivered(f"{KEY}.html")
    assert (root / "out" / f"{KEY}.html").read_bytes().startswith(b"<!doctype html>")
    with pytest.raises(MappingError) as refused:
        adapter.translate(addressed(), to("out", form="docx"))
    assert refused.value.code == "mapping.unsupported_form"


def test_what_is_too_large_for_a_letter_is_held(adapter: LetterAdapter) -> None:
    """Given a plan of five hundred thousand characters, then the delivery is held with a code and without a word of the plan."""
    document = sample("plan.established", maximal=True).to_document()
    document["content"]["plan"]["needs"] = ["hemligt " * 1_250] * 50
    with pytest.raises(MappingError) as refused:
        adapter.translate(Cut(document, "own_data"), to("out"))
    assert refused.value.code == "mapping.unrepresentable"
    assert "hemligt" not in str(refused.value)


def test_an_expired_permit_leaves_neither_letter_nor_note(root: Path, adapter: LetterAdapter) -> None:
    """Given a permit that has run out, then nothing becomes visible and nothing is left aside."""
    payload = adapter.translate(addressed(), to("out"))
    with permitted(Permit(until=time.monotonic() - 1)), pytest.raises(PermitExpired):
        adapter.deliver(payload, to("out"), KEY)
    assert list((root / "out").iterdir()) == []


def test_a_letter_that_may_have_appeared_is_uncertain(root: Path, adapter: LetterAdapter) -> None:
    """Given that the note appears and the letter does not, then nobody claims anything; what is there can be asked about."""
    payload = adapter.translate(addressed(), to("out"))
    (root / "out" / f"{KEY}.pdf").mkdir()
    assert adapter.deliver(payload, to("out"), KEY) == Uncertain("folder.uncertain")
    assert adapter.confirm(KEY, to("out")) is None
    (root / "out" / f"{KEY}.pdf").rmdir()
    assert adapter.deliver(payload, to("out"), KEY) == adapter.confirm(KEY, to("out")) == Delivered(f"{KEY}.pdf")
    assert adapter.deliver(payload, to("missing"), KEY) == Retry("folder.missing")
    assert adapter.deliver(payload, to(".."), KEY) == Retry("folder.outside")
    assert adapter.confirm(KEY, to("..")) is None


def test_a_letter_is_taken_out_of_the_outbox_with_its_case(root: Path, adapter: LetterAdapter) -> None:
    """Given letters on paper and as pages, when one is erased, then letter and note are gone and the other's stay; what was taken is no matter."""
    other = "1c0f5f0c-6d5e-4a53-9f39-0d6a3a1f0c22"
    for key, form in ((KEY, "pdf"), (other, "html")):
        adapter.deliver(adapter.translate(addressed(), to("out", form=form)), to("out", form=form), key)
    assert adapter.erase(KEY, to("out"))
    assert sorted(file.name for file in (root / "out").iterdir()) == [f"{other}.html", f"{other}.json"]
    (root / "out" / f"{other}.html").unlink()
    assert adapter.erase(other, to("out"))
    assert list((root / "out").iterdir()) == []
    assert adapter.erase(other, to("out"))


def test_an_outbox_that_is_away_or_refuses_is_asked_again(root: Path, adapter: LetterAdapter) -> None:
    """Given an outbox that is not there, lies outside the root, or holds something that is no letter, then nothing is said to be gone."""
    assert not adapter.erase(KEY, to("missing"))
    assert not adapter.erase(KEY, to(".."))
    (root / "out" / f"{KEY}.pdf").mkdir()
    assert not adapter.erase(KEY, to("out"))


def test_check_says_which_outboxes_can_be_written(root: Path, adapter: LetterAdapter) -> None:
    """Given a root, then each outbox below it is spoken of."""
    assert [(check.ok, check.what) for check in adapter.check()] == [(True, f"{root / 'out'} can be written")]


@pytest.mark.parametrize(("name", "maximal"), [*product(("meeting.summoned", "plan.established", "stop.notice"), (False, True))])
def test_a_letter_says_what_its_golden_file_says(adapter: LetterAdapter, name: str, maximal: bool) -> None:
    """Given a sample, then its letter is the one that was read and found good; `rewrite_golden.py` writes them anew."""
    cut = whole_cut(sample(name, maximal=maximal))
    letter = adapter.translate(
        replace(cut, document={**cut.document, "recipients": ["individual"], "addressee": ADDRESSEE}), to("out", form="html")
    )
    assert letter.body == (GOLDEN / f"{name}.{'maximal' if maximal else 'minimal'}.html").read_bytes()
