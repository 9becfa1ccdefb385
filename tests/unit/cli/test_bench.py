"""What `siphub bench` says before it measures, and what it prints of figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from siphub.cli.bench.course import Compared, Load, Report, Stopped, quantile
from siphub.cli.benchmark import show, spent
from siphub.testing import postgresql

LOAD = Load(delivered=50.0, accepted=20.0, cost=0.004, p50=0.01, p99=0.09)
BARE = Load(delivered=100.0, accepted=80.0, cost=0.001, p50=0.002, p99=0.03)
REPORT = Report(
    keeps="sqlite",
    broker="memory",
    senders=16,
    compared=(Compared(pause=0.2, hub=LOAD, bare=BARE, delivered=0.5, accepted=0.25, cost=4.0, of_limit=0.625),),
    stopped=Stopped(count=34, p50=0.05, p99=0.4, sent_before=12),
    profile={
        "deliveries": 100,
        "threads": {"siphub-web": 0.1, "siphub-sender": 0.3},
        "parts": {"siphub-sender": {"post": 3, "translate": 1}},
    },
)


@pytest.mark.parametrize("words", [("--store", "oracle"), ("--partners", "slow"), ("--partners", "3s"), ("--partners", "20ms,")])
def test_what_cannot_be_measured_is_wrong_use(siphub: Callable[..., Any], words: tuple[str, ...]) -> None:
    """Given a store or a partner that is not known, then it is refused with what is known, before anything is started."""
    done = siphub("bench", *words)
    assert done.status == 2
    assert "siphub: bench." in done.err


def test_without_postgresql_it_is_said_what_to_install(siphub: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a machine without PostgreSQL, when it is to be measured, then the answer is no, and says what to install."""
    monkeypatch.setattr(postgresql, "program", lambda _name: None)
    done = siphub("bench", "--store", "postgresql")
    assert done.status == 1
    assert "bench.not_installed" in done.err
    assert "apt-get install" in done.err


def test_figures_are_printed_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Given a report, then both chains, the share, the limit, the withdrawals and the profile can be read."""
    show(REPORT)
    out = capsys.readouterr().out
    assert "0.50 of the bare chain, 0.62 of the limit of its senders" in out
    assert "50 ms (p50) and 400 ms (p99) of 34 withdrawals" in out
    assert "SQLite with the broker inside the process" in out


def test_profile_is_for_one_delivery_and_names_the_costliest_first() -> None:
    """Given processor time of threads over a hundred deliveries, then it is divided by them, and the samples say at what."""
    assert spent(REPORT) == [("siphub-sender", "3.00", "post 75 %, translate 25 %"), ("siphub-web", "1.00", "")]


def test_quantile_is_a_value_that_was_measured() -> None:
    """Given values, then the 99th of a hundred is the hundredth, half is the middle, and of none it is nothing."""
    assert quantile([float(value) for value in range(1, 101)], 0.99) == 100.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([], 0.99) == 0.0
