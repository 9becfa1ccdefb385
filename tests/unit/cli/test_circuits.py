"""`partners …` and what `doctor` says of partners: who does not answer, since when, what waits, and a probe now."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.contract import Submission
from siphub.hub import Hub, build
from siphub.model import Caller, Message
from siphub.model import people as p
from siphub.policy.partners import partner_id
from siphub.settings import Settings
from siphub.store import Place
from siphub.testing.story import Story
from siphub.testing.world import Told

if TYPE_CHECKING:
    from tests.conftest import Done

Run = Callable[..., "Done"]
SINCE = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


@pytest.fixture
def hub(data_folder: Path) -> Iterator[Hub]:
    """Return a hub on the folder the commands look at, not started."""
    (data_folder / "siphub.toml").write_text("min_free_disk = 1\n")
    made = build(Settings(data=data_folder, min_free_disk=1))
    yield made
    made.stop()


@pytest.fixture
def away(hub: Hub) -> str:
    """Return the short name of home care's partner, which is away, with one delivery waiting."""
    place = _place(hub)
    story = Story(lambda message: _send(hub, message))
    story.ready((p.HOME_CARE,))
    story.summoned((p.HOME_CARE,))
    with hub.store.write() as work:
        waiting = [
            row.id for row in work.deliveries.of_case(story.owner, str(story.case_id)) if row.place == place and row.state == "queued"
        ]
        work.partners.park({place: waiting})
        row = work.partners.lock([place])[place]
        ill = replace(row, state="open", failures=9, code="partner.refused", failing_since=SINCE)
        work.partners.save([replace(ill, next_at=hub.ground.now() + timedelta(minutes=10))])
    assert waiting
    return partner_id(*place)


def _place(hub: Hub) -> Place:
    unit = hub.ground.directory().unit(p.HOME_CARE)
    assert unit is not None
    assert unit.address is not None
    return (unit.address.adapter, unit.address.endpoint)


def _send(hub: Hub, message: Message) -> Told:
    caller = Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "api")
    answer = hub.accept(Submission(message.to_json(), "application/json"), caller)
    return Told({found.recipient: (found.state, found.reason) for found in answer.recipients})


def test_every_partner_of_the_directory_is_listed(run: Run, hub: Hub, away: str) -> None:
    """Given one that is away, the list has it beside those that are well; `--away` has it alone."""
    every = run("partners", "list", "--json").facts
    assert {one["state"] for one in every} == {"closed", "open"}
    assert len(every) == len(hub.ground.directory().places())
    (found,) = run("partners", "list", "--away", "--json").facts
    assert (found["partner"], found["units"], found["state"], found["code"]) == (away, [p.HOME_CARE], "open", "partner.refused")
    assert found["waiting"] > 0
    shown = run("partners", "list", "--away").out
    assert away in shown
    assert "2026-11-21 06:30" in shown


def test_where_all_are_well_the_list_says_so(run: Run, hub: Hub) -> None:
    """Given no partner away, `--away` says that every one answers."""
    assert hub.partners()
    assert run("partners", "list", "--away").out == "Every partner answers.\n"


def test_one_partner_is_shown_by_any_of_its_names(run: Run, hub: Hub, away: str) -> None:
    """Given a partner, it is found by its short name, the beginning of it, its endpoint and its unit; what is nobody's is refused."""
    for name in (away, away[:8], _place(hub)[1], p.HOME_CARE):
        assert run("partners", "show", name, "--json").facts["partner"] == away
    said = run("partners", "show", away).out
    assert "open, 9 failures in a row, the last partner.refused" in said
    assert "not answered since 2026-11-21 06:30:00 UTC" in said
    assert "32 at once, for each worker" in said
    nobody = run("partners", "show", "nobody")
    assert (nobody.status, nobody.err.split(":")[1].strip()) == (1, "partner.not_there")


def test_a_probe_now_is_the_running_hubs_next_step(run: Run, hub: Hub, away: str, data_folder: Path) -> None:
    """Given a partner that is away, a probe moves its next try to now, once in the audit; one that answers is not probed."""
    before = hub.ground.now()
    assert "tries" in run("partners", "probe", away, "--by", "eva").out
    with hub.store.read() as work:
        row = work.partners.get(_place(hub))
    assert row is not None
    assert row.next_at is not None
    assert before <= row.next_at <= hub.ground.now()
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as database:
        links = database.execute("SELECT actor, facts FROM audit WHERE action = 'partner.probed'").fetchall()
    assert [(actor, json.loads(facts)) for actor, facts in links] == [("eva", {"partner": away})]
    well = run("partners", "probe", p.CONTACT)
    assert (well.status, well.err.split(":")[1].strip()) == (1, "partner.answers")


def test_the_doctor_says_who_does_not_answer(run: Run, hub: Hub, away: str) -> None:
    """Given a partner that is away, the doctor says since when, why, how many wait, and which command says more."""
    assert hub.partners()
    found = [one["what"] for one in run("doctor", "--json").facts if one["level"] == "look"]
    (said,) = [one for one in found if away in one]
    assert said.startswith(f"the partner {away} ({p.HOME_CARE}) has not answered since 2026-11-21 06:30 (partner.refused); ")
    assert said.endswith(f"deliveries wait: siphub partners show {away}")


def test_the_doctor_finds_what_the_hub_has_forgotten(run: Run, hub: Hub, away: str) -> None:
    """Given deliveries that wait for a partner whose row does not say so, the doctor says that it is a bug."""
    with hub.store.write() as work:
        row = work.partners.lock([_place(hub)])[_place(hub)]
        work.partners.save([replace(row, waiting=False, state="closed")])
    assert any("does not know of" in one["what"] for one in run("doctor", "--json").facts if one["level"] == "wrong"), away


def test_a_delivery_that_waits_for_its_partner_says_so(run: Run, away: str) -> None:
    """Given one that waits for a partner that is away, then the list and its own page say that, and where to look."""
    (one,) = [found for found in run("deliveries", "list", "--json").facts if found["waits"] == "partner"]
    assert (one["recipient"], one["state"]) == (p.HOME_CARE, "queued")
    assert "waits for its partner" in run("deliveries", "list").out
    said = run("deliveries", "show", one["delivery"]).out
    assert f"siphub partners show {p.HOME_CARE}" in said
    assert f"{away}: " in run("partners", "show", p.HOME_CARE).out


def test_a_delivery_that_waits_behind_another_says_so(run: Run, away: str, data_folder: Path) -> None:
    """Given one that is marked as waiting for what went before it, then its own page says that."""
    assert away
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as store, store:
        store.execute("UPDATE delivery SET waits = 'line' WHERE waits = 'partner'")
    (one,) = [found for found in run("deliveries", "list", "--json").facts if found["waits"] == "line"]
    assert "waits behind another" in run("deliveries", "list").out
    assert "what went before it" in run("deliveries", "show", one["delivery"]).out
