"""What the chain does in a second, beside a bare chain in the same run; a small dose in the suite, the whole by `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from siphub.testing import postgresql, rabbitmq

SIPHUB = str(Path(sys.executable).with_name("siphub"))


def measured(store: str, config: pytest.Config, folder: Path) -> Mapping[str, Any]:
    """Run `siphub bench` in the dose that was asked for, and return what it found; it leaves nothing in the folder for what is temporary."""
    words = [
        *("--store", store, "--seconds", config.getoption("--bench-seconds"), "--rounds", config.getoption("--bench-rounds")),
        *("--cases", config.getoption("--bench-cases"), "--partners", config.getoption("--bench-partners")),
    ]
    done = subprocess.run(
        [SIPHUB, "bench", *map(str, words), "--json"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ({"TMPDIR": str(folder)} if store == "sqlite" else {}),  # PostgreSQL's user may not look into ours
    )
    assert done.returncode == 0
    assert list(folder.iterdir()) == []
    found: Mapping[str, Any] = json.loads(done.stdout)["stores"][0]
    return found


def looked_at(found: Mapping[str, Any], write_result: Callable[[str, Mapping[str, object]], None]) -> None:
    """Write the figures down; whatever they are, each must be one: something was delivered, and nothing lost or refused."""
    assert found["troubles"] == []
    for one in found["compared"]:
        hub, bare = one["hub"], one["bare"]
        for load in (hub, bare):
            assert load["delivered"] > 0
            assert load["accepted"] > 0
            assert 0 < load["p50"] <= load["p99"]
        write_result("bench", row_of(found, one))
    stopped = found["stopped"]
    assert 0 < stopped["p50"] <= stopped["p99"]
    figures = {"store": found["keeps"], "withdrawals": stopped["count"], "p50": ms(stopped["p50"]), "p99": ms(stopped["p99"])}
    write_result("bench-withdrawals", {**figures, "sent before": stopped["sent_before"]})
    deliveries = found["profile"]["deliveries"]
    threads = sorted(found["profile"]["threads"].items(), key=lambda item: -item[1])
    assert threads[0][1] > 0
    told = ", ".join(f"{name} {1000 * seconds / deliveries:.2f}" for name, seconds in threads if 1000 * seconds / deliveries >= 0.05)
    write_result("bench-profile", {"store": found["keeps"], "ms of processor time for a delivery, by thread": told})


def ms(seconds: float) -> str:
    """Return a time as it is written down."""
    return f"{1000 * seconds:.0f} ms"


def row_of(found: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, object]:
    """Return one kind of partner as a row: the bare chain's figure, then the hub's, then the hub's share of it."""
    hub, bare = one["hub"], one["bare"]
    return {
        "store": found["keeps"],
        "partners": ms(one["pause"]) if one["pause"] else "fast",
        "delivered/s": f"{bare['delivered']:.0f} / {hub['delivered']:.0f}",
        "share": f"{one['delivered']:.2f}",
        "of the senders' limit": "-" if one["of_limit"] is None else f"{one['of_limit']:.2f}",
        "accepted/s": f"{bare['accepted']:.0f} / {hub['accepted']:.0f}",
        "share of that": f"{one['accepted']:.2f}",
        "CPU a delivery": f"{1000 * bare['cost']:.2f} / {1000 * hub['cost']:.2f} ms",
        "times": f"{one['cost']:.1f}",
        "half load, p50": f"{ms(bare['p50'])} / {ms(hub['p50'])}",
        "half load, p99": f"{ms(bare['p99'])} / {ms(hub['p99'])}",
    }


@pytest.mark.bench
@pytest.mark.slow
def test_chain_on_sqlite(pytestconfig: pytest.Config, tmp_path: Path, write_result: Callable[[str, Mapping[str, object]], None]) -> None:
    """Given the embedded hub and a bare chain, when both are handed the same plans, then both deliver them all, and the figures are written down."""
    looked_at(measured("sqlite", pytestconfig, tmp_path), write_result)


@pytest.mark.bench
@pytest.mark.slow
@pytest.mark.node
def test_chain_on_postgresql(
    pytestconfig: pytest.Config, tmp_path: Path, write_result: Callable[[str, Mapping[str, object]], None]
) -> None:
    """Given PostgreSQL and RabbitMQ, which the measurement starts for itself, then the same."""
    if reason := postgresql.missing() or rabbitmq.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    looked_at(measured("postgresql", pytestconfig, tmp_path), write_result)
