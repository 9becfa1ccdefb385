"""Several hosts: one dies, the hub goes on at the other, with two real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from siphub.broker import Bell, Broker, connect, topology_for
from siphub.errors import BrokerLost
from siphub.testing.broker import QUEUE, TIMEOUT
from siphub.testing.broker_ears import ADAPTER, Ears, new_bell
from siphub.testing.line import Line
from siphub.testing.rabbitmq import Rabbit
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
RETURN = timedelta(seconds=30)


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory, rabbitmq_here: None) -> Iterator[Rabbit]:
    """Give a RabbitMQ that a test may kill for good."""
    with Rabbit(tmp_path_factory.mktemp("mortal")) as running:
        yield running


def test_when_one_host_dies_the_hub_goes_on_at_the_other(mortal: Rabbit, rabbitmq: Rabbit) -> None:
    """Given two hosts, when the one with both connections is killed, within thirty seconds bells are taken and heard at the other."""
    # Two servers that are no cluster do not share bells: the second can be reached only once the first is dead.
    with Line(rabbitmq.port, state="down") as second:
        url = mortal.url.replace(f":{mortal.port}/", f":{mortal.port},127.0.0.1:{second.port}/")
        broker, ears, bells = connect(url, name=f"test-{uuid4().hex}"), Ears(), [new_bell() for _ in range(50)]
        try:
            broker.declare(topology_for([ADAPTER]))
            consumer = broker.consume(QUEUE, ears.on_bell, 10, ears.on_restored)
            broker.publish(bells[:25], TIMEOUT)
            assert ears.until(lambda: ears.total() == 25, TIMEOUT)
            second.back()
            mortal.kill()
            died = time.monotonic()
            assert until(lambda: _taken(broker, bells[25:]), RETURN.total_seconds())
            assert ears.until(lambda: all(ears.times(bell) >= 1 for bell in bells), RETURN)
            assert time.monotonic() - died < RETURN.total_seconds()
            assert consumer.alive
            assert ears.starts == 2  # what rang at the dead one is rung again from the store
            assert broker.healthy()
        finally:
            broker.close()


def _taken(broker: Broker, bells: list[Bell]) -> bool:
    try:
        broker.publish(bells, TIMEOUT)
    except BrokerLost:
        return False
    return True
