"""Making queues at RabbitMQ, where the broker does not answer for one of them: pika's part is held back, and the broker is a real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest
from pika.channel import Channel

from siphub.broker import Bell, connect, topology_for
from siphub.broker.topology import queue_name
from siphub.errors import BrokerLost, Unroutable
from siphub.testing.broker import QUEUE, TIMEOUT
from siphub.testing.broker_ears import ADAPTER, Ears, new_bell
from siphub.testing.story import until

if TYPE_CHECKING:
    from siphub.testing.rabbitmq import Rabbit


@pytest.mark.node
@pytest.mark.timeout(180)
def test_a_queue_of_which_nothing_is_heard_takes_one_channel_however_often_it_is_asked_for(
    rabbitmq: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a queue without a leader, here one whose declaration gets to the broker late, then no question before takes another channel."""
    said, held = Channel.queue_declare, list[Callable[[], Any]]()

    def mute(channel: Channel, queue: str, **words: Any) -> Any:
        say = partial(said, channel, queue, **words)
        return held.append(say) if queue.endswith("mute") else say()

    monkeypatch.setattr(Channel, "queue_declare", mute)
    hub = f"test-{uuid4().hex}"
    broker, bell, ears = connect(rabbitmq.url, name=hub), new_bell(), Ears()
    with suppress(BrokerLost, Unroutable):
        broker.declare(topology_for([ADAPTER, "mute"]))
    channels = partial(rabbitmq.control, "-q", "list_channels", "--no-table-headers", "confirm")
    assert until(lambda: sorted(channels().split()) == ["false", "true"])
    for _ in range(5):
        assert not broker.healthy()
    with pytest.raises(Unroutable):
        broker.publish([Bell("mute", new_bell().deliveries)], TIMEOUT)
    broker.publish([bell], TIMEOUT)
    broker.consume(QUEUE, ears.on_bell, 1)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
    assert until(lambda: sorted(channels().split()) == ["false", "false", "true"]), "the consumer has one of its own"
    monkeypatch.undo()
    cast("Any", broker)._open[0].call(held[0])
    assert until(broker.healthy)
    assert until(lambda: sorted(channels().split()) == ["false", "true"])
    assert len(held) == 1
    broker.close()
    for queue in (QUEUE, queue_name("mute")):
        rabbitmq.delete_queue(f"{hub}.{queue}")
