"""The demo rings through a real RabbitMQ where one is given, and ends the same when that is killed in the middle."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from siphub.testing.rabbitmq import SETTLED, Rabbit
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
SIPHUB = str(Path(sys.executable).with_name("siphub"))


def consumers(rabbitmq: Rabbit) -> int:
    """Count how often the consumers of a hub have come to RabbitMQ."""
    return len(re.findall(r"client-provided name: siphub \S+ consumer", rabbitmq.said()))


def begun(rabbitmq: Rabbit) -> subprocess.Popen[str]:
    """Start the demo, and return when its hub listens at RabbitMQ."""
    before = consumers(rabbitmq)
    environment = {**os.environ, "SIPHUB_BROKER_URL": rabbitmq.url}
    process = subprocess.Popen([SIPHUB, "demo", "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert until(lambda: consumers(rabbitmq) > before, 60), process.communicate()
    return process


def ended(process: subprocess.Popen[str]) -> Any:
    """Return what the demo says at its end, as data."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads(out)


def test_over_rabbitmq_the_ledgers_and_the_hub_agree(rabbitmq: Rabbit) -> None:
    """Given the URL of a RabbitMQ and nothing else, the demo rings through it, and what partners hold is what the hub says."""
    assert ended(begun(rabbitmq))["agreement"] is True


def test_rabbitmq_killed_in_the_middle_changes_nothing(rabbitmq: Rabbit) -> None:
    """Given a RabbitMQ that is killed while the demo plays and started again, the demo ends as it always does."""
    process = begun(rabbitmq)
    time.sleep(SETTLED)
    rabbitmq.kill()
    still_playing = process.poll() is None
    rabbitmq.start()
    assert ended(process)["agreement"] is True
    assert still_playing
