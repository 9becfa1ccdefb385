"""Whom a claim lets through to a partner: by how the partner stands, by its limits, and by its share of this worker's senders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Delivered
from siphub.flow.partners import Admission, Partners
from siphub.model import Address
from siphub.store import Admitted, DeliveryRow, PartnerRow, Permitted
from siphub.testing.crowd import FAR
from siphub.testing.store_rows import new_case, new_delivery, new_message
from siphub.testing.yard import Yard

PLACE = ("wire", f"wire:{FAR}")
OPTIONS: dict[str, str] = {}


@pytest.fixture
def yard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Yard]:
    """Return a hub whose worker has eight senders; the far partner's options are the test's parameter."""
    options: dict[str, str] = getattr(request, "param", {})
    with Yard(tmp_path / "hub", given={"senders": 8}) as running:
        running.changes[FAR] = {"address": Address(adapter=PLACE[0], endpoint=PLACE[1], options=options)}
        running.switch()
        yield running


def rows(number: int) -> list[DeliveryRow]:
    """Return deliveries for the far partner."""
    return [replace(new_delivery(new_message(new_case())), adapter=PLACE[0], endpoint=PLACE[1], attempts=1) for _ in range(number)]


def asked(yard: Yard, number: int, row: PartnerRow | None = None, sending: int = 0) -> tuple[Admission, Admitted]:
    """Ask for so many, with the partner as it stands."""
    admission = Admission(yard.ground.partners, yard.ground.directory(), yard.clock.at)
    strict = {PLACE: row} if row is not None else {}
    wanted = [(each, Permitted("consent", "meeting")) for each in rows(number)]
    return admission, admission.admit(wanted, strict, {PLACE: sending} if sending else {})


def stands(yard: Yard, **values: Any) -> PartnerRow:
    """Return how the partner stands."""
    given: dict[str, Any] = {"next_at": yard.clock.at + timedelta(minutes=1), **values}
    return PartnerRow(adapter=PLACE[0], endpoint=PLACE[1], **given)


def test_a_partner_that_is_away_is_sent_nothing(yard: Yard) -> None:
    """Given an open breaker, all wait without a bell, even when its pause is over: a probe is rung, never taken."""
    for minutes in (1, -1):
        _, found = asked(yard, 3, stands(yard, state="open", next_at=yard.clock.at + timedelta(minutes=minutes)))
        assert (len(found.go), len(found.wait)) == (0, 3)


def test_a_partner_that_is_probed_is_sent_one(yard: Yard) -> None:
    """Given a breaker that is half open, one goes, and none while another is on its way or when the probe's time is over."""
    _, found = asked(yard, 3, stands(yard, state="half_open"))
    assert (len(found.go), len(found.wait)) == (1, 2)
    assert not asked(yard, 3, stands(yard, state="half_open"), sending=1)[1].go
    assert not asked(yard, 3, stands(yard, state="half_open", next_at=yard.clock.at))[1].go


def test_a_partner_that_comes_back_is_sent_as_many_as_its_window(yard: Yard) -> None:
    """Given a window, what is being sent takes from it."""
    assert len(asked(yard, 5, stands(yard, window=3), sending=1)[1].go) == 2


def test_a_partner_takes_three_in_four_senders_and_the_rest_keeps_its_bell(yard: Yard) -> None:
    """Given a partner that is well, six of eight senders are its, and what is over waits here, for there will be a sender soon."""
    admission, found = asked(yard, 8)
    assert (len(found.go), len(found.wait), len(admission.soon)) == (6, 0, 2)
    assert set(admission.soon.values()) == {PLACE}


def test_a_slow_partner_takes_half_and_the_rest_waits_without_a_bell(yard: Yard) -> None:
    """Given a partner that takes long to answer, four of eight senders are its, whatever other slow ones have; what is over is not kept here."""
    partners = yard.ground.partners
    partners.heard(rows(1)[0], Delivered(), 2.0)
    admission, found = asked(yard, 8)
    assert (len(found.go), len(found.wait), len(admission.soon)) == (4, 4, 0)
    other = replace(rows(1)[0], endpoint="wire:other", id="other")
    partners.heard(other, Delivered(), 2.0)
    partners.began([other])
    assert len(asked(yard, 8)[1].go) == 3
    partners.ended(other)
    assert len(asked(yard, 8)[1].go) == 4


@pytest.mark.parametrize("yard", [{"max_per_minute": "180"}], indirect=True)
def test_a_rate_is_paid_for(yard: Yard) -> None:
    """Given a rate of three a second, three go and are written down; half a second later there is one more."""
    admission = Admission(yard.ground.partners, yard.ground.directory(), yard.clock.at)
    assert admission.strict({PLACE, ("once", "once:x")}) == {PLACE}
    _, found = asked(yard, 5, stands(yard))
    (paid,) = found.changed
    assert (len(found.go), paid.tokens, paid.tokens_at) == (3, 0.0, yard.clock.at)
    yard.clock.on(timedelta(seconds=0.5))
    assert len(asked(yard, 5, paid)[1].go) == 1


@pytest.mark.parametrize("yard", [{"max_concurrent": "2"}], indirect=True)
def test_what_others_send_counts_where_a_partner_asks_for_less(yard: Yard) -> None:
    """Given a limit of two and one on its way from another worker, one goes."""
    assert len(asked(yard, 5, stands(yard), sending=1)[1].go) == 1


def test_repeats_are_spaced_where_there_are_too_many(yard: Yard) -> None:
    """Given more repeats than were saved up, each further one waits two seconds longer; never longer than `retry_cap`."""
    partners: Partners = yard.ground.partners
    (row,) = rows(1)
    waits = [(partners.spaced(row, yard.clock.at) - yard.clock.at).total_seconds() for _ in range(200)]
    assert waits[:13] == [0.0] * 10 + [2.0, 4.0, 6.0]
    assert max(waits) == yard.ground.settings.retry_cap.total_seconds()
