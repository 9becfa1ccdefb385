"""The RabbitMQ driver keeps BrokerContract on a real server, with no promise left out; and what only RabbitMQ can do to it."""

from __future__ import annotations

import random
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from siphub.broker import Ack, Bell, Broker, connect, topology_for
from siphub.broker.topology import queue_name
from siphub.errors import BrokerLost, Unroutable
from siphub.testing.broker import QUEUE, TIMEOUT, BrokerContract
from siphub.testing.broker_ears import ADAPTER, BrokerUnderTest, Ears, new_bell
from siphub.testing.logs import heard_logs
from siphub.testing.ports import closed_port
from siphub.testing.rabbitmq import SETTLED, USERS, Rabbit
from siphub.testing.story import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
SOON = timedelta(seconds=0.5)


class Node:
    """A hub of its own at this process's RabbitMQ."""

    def __init__(self, rabbit: Rabbit) -> None:
        self.rabbit = rabbit
        self.url = rabbit.url
        self.hub = f"test-{uuid4().hex}"
        self.born = time.monotonic()

    def lose(self) -> None:
        time.sleep(max(0.0, self.born + SETTLED - time.monotonic()))
        self.rabbit.kill()

    def bring_back(self) -> None:
        self.rabbit.start()

    def physical(self, queue: str = QUEUE) -> str:
        return f"{self.hub}.{queue}"

    def delete_queue(self, queue: str) -> None:
        self.rabbit.delete_queue(self.physical(queue))

    def put(self, queue: str, body: bytes) -> None:
        self.rabbit.put(self.physical(queue), body)


@pytest.fixture
def node(rabbitmq: Rabbit) -> Iterator[Node]:
    """Give a hub's name of its own; its queue is deleted afterwards, so that a restart stays quick."""
    node = Node(rabbitmq)
    yield node
    node.delete_queue(QUEUE)


@pytest.fixture
def connected(node: Node) -> Iterator[Callable[..., Broker]]:
    """Return what makes drivers for this hub, closed at the end."""
    made = list[Broker]()

    def make(url: str = node.url) -> Broker:
        made.append(connect(url, name=node.hub))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


class TestRabbitMQ(BrokerContract):
    """RabbitMQ, amqp://."""

    @pytest.fixture
    def under_test(self, node: Node) -> BrokerUnderTest:
        """Give a hub of its own."""
        return node

    def test_its_datasheet(self) -> None:
        """Given amqp://, the driver names nothing that it cannot."""
        broker = connect("amqp://localhost/", name="datasheet")
        assert broker.info.name == "rabbitmq"
        assert broker.info.cannot == frozenset()

    def test_a_batch_larger_than_the_window_arrives_whole(self, broker: Broker) -> None:
        """Given two and a half windows of bells in one batch, every one is heard once."""
        bells, ears = [new_bell() for _ in range(2500)], Ears()
        broker.publish(bells, timedelta(seconds=30))
        broker.consume(QUEUE, ears.on_bell, 200)
        assert ears.until(lambda: ears.total() >= len(bells), self.patience)
        assert {ears.times(bell) for bell in bells} == {1}

    def test_answers_in_any_order_settle_each_bell_by_itself(self, broker: Broker, node: Node) -> None:
        """Given sixty bells answered in a random order from four threads, exactly those not acked come again to the next consumer."""
        tickets = dict[Bell, Ack]()

        def keep(bell: Bell, ack: Ack) -> None:
            tickets[bell] = ack

        bells = [new_bell() for _ in range(60)]
        consumer = broker.consume(QUEUE, keep, 60)
        broker.publish(bells, TIMEOUT)
        assert until(lambda: len(tickets) == 60)
        shuffled = random.Random(7).sample(bells, 60)
        acked, requeued = shuffled[:40], shuffled[40:50]
        consumer.begin_stop(timedelta(seconds=2))  # type: ignore[attr-defined]  # so that what is given back stays there
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda bell: tickets[bell].requeue() if bell in requeued else tickets[bell].ack(), shuffled[:50]))
        consumer.stop(TIMEOUT)
        ears = Ears()
        broker.consume(QUEUE, ears.on_bell, 60)
        assert ears.until(lambda: all(ears.times(bell) == 1 for bell in shuffled[40:]), TIMEOUT)
        assert not ears.until(lambda: any(ears.times(bell) for bell in acked), SOON)

    def test_a_bells_last_turn_is_told(self, broker: Broker) -> None:
        """Given a bell that is always given back, the log says when it comes for the last time, and then it is gone."""
        ears = Ears(lambda ack: ack.requeue())
        with heard_logs() as heard:
            broker.consume(QUEUE, ears.on_bell, 1)
            broker.publish([new_bell()], TIMEOUT)
            assert until(lambda: heard.named("bell.last_turn"))
        assert heard.named("bell.last_turn")[0]["limit"] == ears.total() - 1


def test_a_queue_deleted_under_a_consumer_is_made_again(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a consumer whose queue somebody deletes, it is back at a new one by itself, says that it began again, and hears."""
    broker, ears, bell = connected(), Ears(), new_bell()
    broker.declare(topology_for([ADAPTER]))
    consumer = broker.consume(QUEUE, ears.on_bell, 1, ears.on_restored)
    assert ears.until(lambda: ears.starts == 1, TIMEOUT)
    node.delete_queue(QUEUE)
    assert ears.until(lambda: ears.starts == 2, TIMEOUT)
    broker.publish([bell], TIMEOUT)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
    assert consumer.alive
    assert broker.healthy()


def test_a_queue_with_other_arguments_is_used_as_it_is(connected: Callable[..., Broker]) -> None:
    """Given a queue that was made with another delivery limit, the driver says so once and uses it."""
    connected().declare(topology_for([ADAPTER], delivery_limit=3))
    other, ears, bell = connected(), Ears(), new_bell()
    with heard_logs() as heard:
        other.declare(topology_for([ADAPTER], delivery_limit=9))
        other.publish([bell], TIMEOUT)
    assert {line["queue"] for line in heard.named("queue.differs")} == {QUEUE}
    other.consume(QUEUE, ears.on_bell, 1)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)


def test_a_user_who_may_not_make_queues_can_use_those_that_are_there(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a user without the right to configure, a queue that is there works, and one that is not is named in the error."""
    narrow = connected(node.rabbit.url_of("narrow"))
    with pytest.raises(Unroutable, match=QUEUE):
        narrow.declare(topology_for([ADAPTER]))
    connected().declare(topology_for([ADAPTER]))
    bell, ears = new_bell(), Ears()
    narrow.declare(topology_for([ADAPTER]))
    narrow.publish([bell], TIMEOUT)
    narrow.consume(QUEUE, ears.on_bell, 1)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)


def test_a_user_who_may_not_write_is_told_so(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a user who may do nothing with the queue, publishing raises BrokerLost that says why, each time, and at once."""
    connected().declare(topology_for([ADAPTER]))
    deaf = connected(node.rabbit.url_of("deaf"))
    deaf.declare(topology_for([ADAPTER]))
    for _ in range(3):
        with pytest.raises(BrokerLost, match="may not do that"):
            deaf.publish([new_bell()], TIMEOUT)


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ((USERS["narrow"][0], "wrong-s3cret"), "refuses this user name and password"),
        (("siphub%2Ftests", "nowhere"), "no such virtual host"),
    ],
)
def test_a_refusal_says_why_and_no_secret(node: Node, connected: Callable[..., Broker], replaced: tuple[str, str], said: str) -> None:
    """Given a wrong password or virtual host, the error says which, and neither it nor any log line holds a password or the host."""
    broker = connected(node.rabbit.url_of("narrow").replace(*replaced))
    with heard_logs() as heard, pytest.raises(BrokerLost, match=said) as caught:
        broker.declare(topology_for([ADAPTER]))
    assert until(lambda: heard.named("broker.lost"))
    for text in (heard.text, repr(caught.value), repr(broker), "".join(traceback.format_exception(caught.value))):
        assert "s3cret" not in text
        assert "amqp://narrow" not in text


def test_over_tls_the_certificate_is_looked_at(node: Node, connected: Callable[..., Broker]) -> None:
    """Given amqps:// and a certificate of an unknown authority, nothing is sent; with the authority's file in the URL, bells arrive."""
    url, bell, ears = node.rabbit.url_of("hub", tls=True), new_bell(), Ears()
    with pytest.raises(BrokerLost, match="certificate is not trusted"):
        connected(url).declare(topology_for([ADAPTER]))
    trusting = connected(f"{url}?cacertfile={node.rabbit.ca_file}")
    trusting.declare(topology_for([ADAPTER]))
    trusting.publish([bell], TIMEOUT)
    trusting.consume(QUEUE, ears.on_bell, 1)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)


def test_of_several_hosts_one_that_answers_is_enough(node: Node, connected: Callable[..., Broker]) -> None:
    """Given two hosts of which one does not answer, the hub rings and listens at the other."""
    with closed_port() as dead:
        broker, bell, ears = connected(node.url.replace("@", f"@127.0.0.1:{dead},")), new_bell(), Ears()
        broker.declare(topology_for([ADAPTER]))
        broker.publish([bell], TIMEOUT)
        broker.consume(QUEUE, ears.on_bell, 1)
        assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)


def test_a_broker_without_room_is_lost_in_time_and_found_again(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a memory alarm, publishing raises BrokerLost in time, bells that lie there are still heard and acked, and then all goes on."""
    broker, there, held, after = connected(), [new_bell(), new_bell()], list[Ack](), new_bell()
    broker.declare(topology_for([ADAPTER]))
    ears = Ears(held.append)
    broker.publish(there, TIMEOUT)
    node.rabbit.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        assert until(lambda: _in_time(lambda: broker.publish([new_bell()], SOON), SOON, "no room"))
        broker.consume(QUEUE, ears.on_bell, 1)
        assert ears.until(lambda: ears.times(there[0]) == 1, TIMEOUT)
        held[0].ack()
        assert ears.until(lambda: ears.times(there[1]) == 1, TIMEOUT)
    finally:
        node.rabbit.control("set_vm_memory_high_watermark", "0.6")
    assert until(lambda: _taken(broker, after))


def test_bells_that_come_while_queues_are_made_go_over_the_one_channel_whose_confirms_count(
    node: Node, connected: Callable[..., Broker]
) -> None:
    """Given queues that are still being made at a new connection, and bells for another one meanwhile, no second channel is opened."""
    broker, others = connected(), [f"other-{n}" for n in range(20)]
    making = threading.Thread(target=broker.declare, args=(topology_for([ADAPTER, *others]),))
    making.start()
    while making.is_alive():
        with suppress(BrokerLost, Unroutable):
            broker.publish([new_bell()], timedelta(milliseconds=20))
    bells = [new_bell() for _ in range(3)]
    broker.publish(bells, TIMEOUT)
    confirming = partial(node.rabbit.control, "-q", "list_channels", "--no-table-headers", "confirm")
    assert until(lambda: confirming().split() == ["true"])
    ears = Ears()
    broker.consume(QUEUE, ears.on_bell, 100)
    assert ears.until(lambda: all(ears.times(bell) == 1 for bell in bells), TIMEOUT)
    for other in others:
        node.delete_queue(queue_name(other))


def test_a_broker_that_falls_silent_is_lost_in_time_and_found_again(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a broker that holds the line and says nothing, publishing and closing come back in time; when it speaks, all goes on."""
    broker, silent, bell, ears = connected(), connected(), new_bell(), Ears()
    for one in (broker, silent):
        one.declare(topology_for([ADAPTER]))
        one.consume(QUEUE, ears.on_bell, 10)
    with node.rabbit.frozen():
        for _ in range(3):
            assert _in_time(lambda: broker.publish([new_bell()], SOON), SOON, "not done in time")
        began = time.monotonic()
        assert not broker.healthy()
        silent.close()
        assert time.monotonic() - began < 10
    assert until(lambda: _taken(broker, bell))
    assert ears.until(lambda: ears.times(bell) > 0, TIMEOUT)


@pytest.mark.slow
def test_a_worker_that_takes_long_costs_no_heartbeat(node: Node, connected: Callable[..., Broker]) -> None:
    """Given a worker that holds up its consumer's thread for three heartbeats, the line stays, and its answer counts."""
    broker, bells, begun = connected(f"{node.url}?heartbeat=5"), [new_bell(), new_bell()], threading.Event()
    ears = Ears()

    def slow(bell: Bell, ack: Ack) -> None:
        if not begun.is_set():
            begun.set()
            time.sleep(16)
        ears.on_bell(bell, ack)

    broker.declare(topology_for([ADAPTER]))
    with heard_logs() as heard:
        broker.consume(QUEUE, slow, 1)
        broker.publish(bells, TIMEOUT)
        assert ears.until(lambda: all(ears.times(bell) == 1 for bell in bells), timedelta(seconds=30))
    assert not heard.named("broker.lost")


def test_a_server_that_takes_the_connection_and_says_nothing_is_lost_in_time() -> None:
    """Given a mute server, publishes raise BrokerLost within their own time-outs, a consumer waits, and closing does not."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        broker = connect(f"amqp://user:s3cret@127.0.0.1:{mute.getsockname()[1]}/", name="mute")
        with pytest.raises(BrokerLost):
            broker.declare(topology_for([ADAPTER]))
        for _ in range(2):
            assert _in_time(lambda: broker.publish([new_bell()], SOON), SOON, "the broker")
        consumer = broker.consume(QUEUE, Ears().on_bell, 1)
        assert not consumer.alive
        began = time.monotonic()
        broker.close()
        assert time.monotonic() - began < 5


def _in_time(publish: Callable[[], None], timeout: timedelta, said: str) -> bool:
    """Say whether publishing raised BrokerLost in time with these words; it may have worked instead, never taken longer."""
    began = time.monotonic()
    try:
        publish()
    except BrokerLost as error:
        assert time.monotonic() - began < 5 * timeout.total_seconds()  # and time for a busy machine
        return said in str(error)
    return False


def _taken(broker: Broker, bell: Bell) -> bool:
    try:
        broker.publish([bell], TIMEOUT)
    except BrokerLost:
        return False
    return True
