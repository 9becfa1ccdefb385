"""Record before eraser: what it takes to say yes, and that each missing thing alone is a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from siphub.policy.lifecycle import OPEN, TERMINAL
from siphub.policy.reasons import REASONS
from siphub.policy.retention import CaseFacts, CopyFacts, Erase, Keep, RetentionRule, erasable, withheld_erasable

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEEP = timedelta(days=90)
OWNER = "2120000993"
RULE = RetentionRule(OWNER, KEEP, "KS 2026/117")
OVER = CaseFacts("CLOSED", NOW - KEEP, ["delivered", "gave_up", "held", "awaiting_receipt"])
CONFIRMED = CopyFacts(OWNER, confirmed=True)
UNCONFIRMED = CopyFacts("2321000990", confirmed=False)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_all_of_it_is_a_yes(state: str) -> None:
    """Given a case that is over since long enough, a decision, and confirmed copies, then it is erased, by that decision."""
    assert erasable(replace(OVER, state=state), [CONFIRMED, CONFIRMED], RULE, NOW) == Erase("KS 2026/117")
    assert erasable(replace(OVER, state=state), [], RULE, NOW) == Erase("KS 2026/117")


@pytest.mark.parametrize(
    ("case", "copies", "rule", "reason"),
    [
        *[(replace(OVER, state=state), [CONFIRMED], RULE, "retention.open") for state in OPEN],
        (replace(OVER, ended_at=None), [CONFIRMED], RULE, "retention.open"),
        (OVER, [CONFIRMED], None, "retention.no_decision"),
        (OVER, [CONFIRMED], replace(RULE, decision=""), "retention.no_decision"),
        (replace(OVER, ended_at=NOW - KEEP + timedelta(microseconds=1)), [CONFIRMED], RULE, "retention.not_yet"),
        (replace(OVER, deliveries=["delivered", "queued"]), [CONFIRMED], RULE, "retention.on_its_way"),
        (replace(OVER, deliveries=["sending"]), [CONFIRMED], RULE, "retention.on_its_way"),
        (OVER, [CONFIRMED, UNCONFIRMED], RULE, "retention.unconfirmed"),
    ],
)
def test_each_missing_thing_is_a_no(case: CaseFacts, copies: list[CopyFacts], rule: RetentionRule | None, reason: str) -> None:
    """Given all but one, then it is kept, for that reason, which stands on the list with a sentence in both languages."""
    assert erasable(case, copies, rule, NOW) == Keep(reason)
    assert REASONS[reason].sv != REASONS[reason].en


@pytest.mark.parametrize("state", ["queued", "sending", "held", "awaiting_receipt", "delivered", "read", "gave_up", "handled_manually"])
def test_a_withheld_message_that_anybody_has_or_may_get_stays(state: str) -> None:
    """Given a message that a withdrawal stopped for one and not for another, then it stays as long as its case."""
    assert withheld_erasable([("withheld", "withdrawn"), ("superseded", None)], [CONFIRMED])
    assert not withheld_erasable([("withheld", "withdrawn"), (state, None)], [CONFIRMED])


def test_a_withheld_message_stays_until_it_is_recorded() -> None:
    """Given one without copies, with one unconfirmed, or withheld for want of a consent, then it stays."""
    stopped: list[tuple[str, str | None]] = [("withheld", "withdrawn")]
    assert not withheld_erasable(stopped, [])
    assert not withheld_erasable(stopped, [CONFIRMED, UNCONFIRMED])
    assert not withheld_erasable([("withheld", "basis.consent_missing")], [CONFIRMED])
    assert not withheld_erasable([], [CONFIRMED])
