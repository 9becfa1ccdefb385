"""Making queues at RabbitMQ, where the broker does not answer for one of them: pika's part is held back, and the broker is a real one."""

from __future__ import annotations

import threading
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


@pytest.mark.node
@pytest.mark.timeout(180)
@pytest.mark.parametrize("room", ["before", "after"])
def test_bells_whose_queue_was_made_while_the_broker_had_no_room_go_when_it_has(
    rabbitmq: Rabbit, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    """Given bells whose queue is made anew, here slowly, and a broker with no room meanwhile, then they go when there is room and a queue."""
    hub = f"test-{uuid4().hex}"
    broker, bell = connect(rabbitmq.url, name=hub), new_bell()
    broker.declare(topology_for([ADAPTER]))
    rabbitmq.delete_queue(f"{hub}.{QUEUE}")
    with pytest.raises(Unroutable):
        broker.publish([new_bell()], TIMEOUT)
    said, held = Channel.queue_declare, list[Callable[[], Any]]()
    monkeypatch.setattr(Channel, "queue_declare", lambda channel, **words: held.append(partial(said, channel, **words)))
    publishing = threading.Thread(target=broker.publish, args=([bell], TIMEOUT * 10))
    publishing.start()
    assert until(lambda: bool(held))
    io, publisher, _ = cast("Any", broker)._open
    made, job_made = publisher._made, threading.Event()

    def told(*words: Any) -> None:
        made(*words)
        job_made.set()

    monkeypatch.setattr(publisher, "_made", told)
    io.call(publisher._on_blocked)
    if room == "before":
        io.call(publisher._on_unblocked)
        io.call(held[0])
    else:
        io.call(held[0])
        assert job_made.wait(TIMEOUT.total_seconds())
        io.call(publisher._on_unblocked)
    publishing.join(TIMEOUT.total_seconds() * 2)
    assert not publishing.is_alive()
    monkeypatch.undo()
    ears = Ears()
    broker.consume(QUEUE, ears.on_bell, 1)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
    broker.close()
    rabbitmq.delete_queue(f"{hub}.{QUEUE}")
