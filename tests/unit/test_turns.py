"""What a look of the sweep cannot do now keeps it from nothing: more of that than one look takes, and yet all behind it has its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from siphub.errors import Sealed
from siphub.flow import expiry, notify, retention, sweep, timers
from siphub.flow.ground import Ground
from siphub.policy.retention import Keep
from siphub.store import CaseRow, DeadlineRow, DeliveryRow, ReceiptRow
from siphub.store.rows import NO_OWNER
from siphub.testing.store_rows import NOW, OWNER, UNIT, add_line, change, claim, new_grant
from siphub.testing.yard import Yard

BATCH, ALL, LOOKS = 2, 5, 3
DAY = timedelta(days=1)
Line = tuple[CaseRow, DeliveryRow]
Fill = Callable[[Ground, list[Line]], None]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Return a hub without threads, at a time when everything in these tests is overdue, with a decision to erase."""
    decided = {OWNER: {"keep": DAY, "decision": "KS 2026-1"}}
    with Yard(tmp_path / "hub", given={"retention": decided}) as opened:
        opened.clock.at = NOW + 90 * DAY
        yield opened


def lines(ground: Ground) -> list[Line]:
    """Put cases into the store, each with one delivery."""
    with ground.store.write() as work:
        made = [add_line(work, 1) for _ in range(ALL)]
    return [(case, row) for case, (row,) in made]


def sent(ground: Ground, those: list[Line]) -> None:
    """Let the leases of all run out."""
    claim(ground.store, *(row.id for _, row in those))


def run_out(ground: Ground, those: list[Line]) -> None:
    """Let a consent in each run out."""
    with ground.store.write() as work:
        for case, _ in those:
            work.grants.replace(OWNER, case.case_id, [replace(new_grant(case), until=NOW)])


def due(ground: Ground, those: list[Line]) -> None:
    """Put two deadlines that have passed and one that is near into each."""
    with ground.store.write() as work:
        for case, _ in those:
            passed = DeadlineRow(OWNER, case.case_id, "payment", "n1", UNIT, NOW, NOW)
            work.deadlines.add([passed, replace(passed, about="n2"), replace(passed, about="n3", due_at=NOW + 99 * DAY)])


def ended(state: str) -> Fill:
    """Return what lets the delivery of each end so."""

    def end(ground: Ground, those: list[Line]) -> None:
        with ground.store.write() as work:
            for _, row in those:
                work.deliveries.change(row.id, change(state, "queued"))

    return end


def over(ground: Ground, those: list[Line]) -> None:
    """Close all."""
    with ground.store.write() as work:
        for case, _ in those:
            work.cases.save(replace(case, version=2, state="CLOSED", ended_at=NOW))


def erased(ground: Ground, those: list[Line]) -> None:
    """Erase the content of all."""
    with ground.store.write() as work:
        for case, _ in those:
            work.erasure.case(OWNER, case.case_id, at=NOW, forget_at=NOW)


def _named(words: tuple[Any, ...], those: list[Line]) -> set[str]:
    told = {word.id if isinstance(word, DeliveryRow) else word for word in words if isinstance(word, DeliveryRow | str)}
    return {case.case_id for case, row in those if told & {case.case_id, row.id}}


@pytest.mark.parametrize(
    ("module", "one", "limit", "look", "fill", "answer"),
    [
        (sweep, "_expire_lease", "BATCH", sweep.expire_leases, sent, Sealed("gone")),
        (expiry, "_expire", "BATCH", expiry.expire_consents, run_out, Sealed("gone")),
        (timers, "_look", "BATCH", timers.look_at_deadlines, due, Sealed("gone")),
        (notify, "_tell", "BATCH", notify.tell_failures, ended("rejected"), Sealed("gone")),
        (notify, "_tell_overdue", "BATCH", notify.tell_overdue, ended("awaiting_receipt"), Sealed("gone")),
        (retention, "erase", "BATCH", retention.run, over, Keep("retention.on_its_way")),
        (retention, "_complete", "LEFT", retention.finish, erased, False),
    ],
    ids=lambda given: given if isinstance(given, str) and given not in {"BATCH", "LEFT"} else "",
)
def test_what_cannot_be_done_keeps_nothing_from_its_turn(
    yard: Yard,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    one: str,
    limit: str,
    look: Callable[[Ground], int],
    fill: Fill,
    answer: Any,
) -> None:
    """Given five of which none can be done, then looks that take two each have tried all of them after three, and then begin anew."""
    those, tried = lines(yard.ground), list[str]()
    fill(yard.ground, those)

    def cannot(*words: Any) -> Any:
        tried.extend(_named(words, those))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, one, cannot)
    monkeypatch.setattr(module, limit, BATCH)
    for _ in range(LOOKS if fill is not due else 3 * LOOKS):
        look(yard.ground)
    assert set(tried) == {case.case_id for case, _ in those}
    tried.clear()
    for _ in range(LOOKS if fill is not due else 3 * LOOKS):
        look(yard.ground)
    assert set(tried) == {case.case_id for case, _ in those}


def test_receipts_that_are_nobodys_keep_none_from_its_delivery(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more receipts that are about no delivery, or another adapter's, than one look takes, a receipt that came before its send was recorded is matched."""
    (case, row), *_ = lines(yard.ground)
    keys = (row.key, *(f"strange-{n}" for n in range(1, ALL)))
    strange = [ReceiptRow(NO_OWNER, "another", key, "read", None, NOW, NOW) for key in keys]
    claim(yard.ground.store, row.id)
    with yard.ground.store.write() as work:
        for receipt in (*strange, ReceiptRow(NO_OWNER, "folder", row.key, "read", None, NOW, NOW + DAY)):
            work.receipts.add(receipt)
        work.deliveries.change(row.id, change("delivered", "sending"))
    monkeypatch.setattr(sweep, "BATCH", BATCH)
    assert sum(sweep.match_receipts(yard.ground) for _ in range(LOOKS)) == 1
    with yard.ground.store.read() as work:
        found = work.deliveries.by_id(row.id)
        assert found is not None
        assert found.state == "read"
        assert case.case_id == found.case_id
        assert len(work.receipts.unmatched(9)) == ALL
