"""BrokerContract: what every broker driver promises, shown by running it, and what it says it cannot, shown by seeing it fail.

A driver's test subclasses `BrokerContract` and gives the fixture `under_test`. There is no list of exceptions: a promise in `info.cannot`
that is kept after all fails the test just as a broken one does. Nothing here may be skipped for a driver.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from siphub.broker import PROMISES, Ack, Bell, Broker, connect, queue_name, topology_for
from siphub.errors import BrokerError, BrokerLost, Unroutable
from siphub.testing.broker_ears import ADAPTER, BrokerUnderTest, Ears, hub_process, new_bell
from siphub.testing.logs import heard_logs

QUEUE = queue_name(ADAPTER)
LIMIT = 3
TIMEOUT = timedelta(seconds=5)
POISON = (
    b"",
    b"not a bell",
    b"\xff\xfe\x00",
    b"null",
    b"[" * 3000,
    b"{" + b" " * 100_000 + b"}",
    b'{"v":1,"adapter":"folder","deliveries":[],"words":[]}',
    b'{"v":1,"adapter":"another","deliveries":["0b8f4bd6-3c66-4d6c-9a53-0d7a4a7f6a01"],"words":[]}',
    b'{"v":1,"adapter":"folder","deliveries":["0b8f4bd6-3c66-4d6c-9a53-0d7a4a7f6a01"],"words":[],"more":1}',
)
"""Bodies that are not bells for `QUEUE`."""


class BrokerContract:
    """The tests."""

    batch = 1000
    """Enough bells for a publish to be under way for a while."""
    patience = timedelta(seconds=30)
    """How long a kept promise may take."""
    quiet = timedelta(seconds=1)
    """How long nothing has to happen before we say that it does not."""

    @pytest.fixture
    def under_test(self) -> BrokerUnderTest:
        """Give the broker; every driver's test says how."""
        raise NotImplementedError

    @pytest.fixture
    def broker(self, under_test: BrokerUnderTest) -> Iterator[Broker]:
        """Give a driver with one queue declared."""
        broker = connect(under_test.url, name=under_test.hub)
        try:
            broker.declare(topology_for([ADAPTER], delivery_limit=LIMIT))
            yield broker
        finally:
            broker.close()

    @pytest.mark.parametrize("promise", PROMISES)
    def test_exactly_the_promises_it_names_are_broken(self, promise: str, broker: Broker, under_test: BrokerUnderTest) -> None:
        """A driver keeps each promise it does not name in `info.cannot`, and breaks each one it does."""
        claims = promise not in broker.info.cannot
        wait = self.patience if claims else self.quiet
        kept = getattr(self, f"keeps_{promise}")(broker, under_test, wait)
        assert kept == claims, f"{broker.info.name}: {promise} is {'kept' if kept else 'broken'}: {PROMISES[promise]}"

    # -- one method per promise: do it, and say whether it was kept. Anything unexpected is raised and fails the test.

    def keeps_unroutable_raises(self, broker: Broker, _: BrokerUnderTest, __: timedelta) -> bool:
        """Publish and listen where nobody declared a queue, with a good bell beside it."""
        try:
            broker.publish([new_bell(), new_bell("nobody")], TIMEOUT)
        except Unroutable as error:
            named = queue_name("nobody") in str(error)
        else:
            return False
        with pytest.raises(Unroutable, match=queue_name("nobody")):
            broker.consume(queue_name("nobody"), Ears().on_bell, 1)
        return named

    def keeps_vanished_queue_raises(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Delete the queue, publish; then publish again, which must work."""
        broker.publish([new_bell()], TIMEOUT)
        under_test.delete_queue(QUEUE)
        try:
            broker.publish([new_bell()], TIMEOUT)
        except Unroutable as error:
            named = QUEUE in str(error)
        else:
            return False
        bell, ears = new_bell(), Ears()
        broker.publish([bell], TIMEOUT)
        broker.consume(QUEUE, ears.on_bell, 1)
        return named and ears.until(lambda: ears.times(bell) == 1, wait)

    def keeps_loss_raises(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Publish batch after batch; when the first bell is heard, take the broker away. The batch under way must raise, and in time."""
        ears, raised, enough = Ears(), list[BrokerError](), threading.Event()
        broker.consume(QUEUE, ears.on_bell, 100)

        def publish() -> None:
            try:
                while not enough.is_set():
                    broker.publish([new_bell() for _ in range(self.batch)], TIMEOUT)
            except BrokerError as error:
                raised.append(error)

        thread = threading.Thread(target=publish, daemon=True)
        thread.start()
        assert ears.until(lambda: ears.total() > 0, TIMEOUT)
        under_test.lose()
        try:
            thread.join(min(wait, TIMEOUT + timedelta(seconds=2)).total_seconds())
            enough.set()
            thread.join(TIMEOUT.total_seconds() + 2)
            assert not thread.is_alive(), "publish did not come back within its time-out"
        finally:
            under_test.bring_back()
        return [type(error) for error in raised] == [BrokerLost]

    def keeps_taken_survives(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Let another process of this hub publish a bell and be killed, restart the broker, and listen."""
        bell, ears = new_bell(), Ears()
        with hub_process(under_test, "publish", bell):
            pass
        self._restart(under_test)
        broker.consume(QUEUE, ears.on_bell, 1)
        return ears.until(lambda: ears.times(bell) > 0, wait)

    def keeps_dead_consumer_redelivers(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Let another process of this hub take a bell and be killed before its ack, and listen."""
        bell, ears = new_bell(), Ears()
        with hub_process(under_test, "take", bell):
            pass
        broker.consume(QUEUE, ears.on_bell, 1)
        return ears.until(lambda: ears.times(bell) > 0, wait)

    def keeps_consumers_return(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Restart the broker under a consumer, and ring until it hears."""
        before, ears = new_bell(), Ears()
        consumer = broker.consume(QUEUE, ears.on_bell, 1)
        broker.publish([before], TIMEOUT)
        assert ears.until(lambda: ears.times(before) == 1, TIMEOUT)
        self._restart(under_test)
        until = time.monotonic() + wait.total_seconds()
        while time.monotonic() < until:
            bell = new_bell()
            try:
                broker.publish([bell], TIMEOUT)
            except BrokerError:
                time.sleep(0.05)
                continue
            if ears.until(lambda bell=bell: ears.times(bell) > 0, timedelta(seconds=0.5)):  # type: ignore[misc]
                return consumer.alive
        return False

    def keeps_restart_is_told(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Restart the broker under a consumer, and count how often it says that it began."""
        ears = Ears()
        broker.consume(QUEUE, ears.on_bell, 1, ears.on_restored)
        assert ears.until(lambda: ears.starts == 1, TIMEOUT)
        self._restart(under_test)
        return ears.until(lambda: ears.starts > 1, wait)

    def keeps_poison_spares_neighbours(self, broker: Broker, under_test: BrokerUnderTest, wait: timedelta) -> bool:
        """Put bodies that are no bells between good ones; the good ones are heard once, the others are logged once and gone."""
        bells, ears = [new_bell() for _ in range(len(POISON) + 1)], Ears()
        broker.publish(bells[:1], TIMEOUT)
        for body, bell in zip(POISON, bells[1:], strict=True):
            under_test.put(QUEUE, body)
            broker.publish([bell], TIMEOUT)
        with heard_logs() as heard:
            consumer = broker.consume(QUEUE, ears.on_bell, 50)
            all_good = ears.until(lambda: all(ears.times(bell) == 1 for bell in bells), wait)
            consumer.stop(TIMEOUT)
            again = Ears()
            broker.consume(QUEUE, again.on_bell, 50)
            nothing_left = not again.until(lambda: again.total() > 0, self.quiet)
        return all_good and nothing_left and len(heard.named("bell.poisoned")) == len(POISON)

    def keeps_ack_from_any_thread(self, broker: Broker, _: BrokerUnderTest, wait: timedelta) -> bool:
        """Answer each bell twice, each time in a new thread: first ack, then requeue, which must do nothing."""

        def answer(ack: Ack) -> None:
            for call in (ack.ack, ack.requeue, ack.ack):
                thread = threading.Thread(target=call)
                thread.start()
                thread.join()

        bells, ears = [new_bell() for _ in range(20)], Ears(answer)
        consumer = broker.consume(QUEUE, ears.on_bell, 2)
        broker.publish(bells, TIMEOUT)
        heard = ears.until(lambda: ears.total() == len(bells), wait)
        consumer.stop(TIMEOUT)
        again = Ears()
        broker.consume(QUEUE, again.on_bell, 10)
        return heard and not again.until(lambda: again.total() > 0, self.quiet)

    def keeps_prefetch_bounded(self, broker: Broker, _: BrokerUnderTest, wait: timedelta) -> bool:
        """Answer nothing: no more than the prefetch is heard. Answer one: one more is."""
        acks = list[Ack]()
        ears = Ears(acks.append)
        broker.consume(QUEUE, ears.on_bell, 4)
        broker.publish([new_bell() for _ in range(12)], TIMEOUT)
        full = ears.until(lambda: ears.total() == 4, wait)
        overfull = ears.until(lambda: ears.total() > 4, self.quiet)
        acks[0].ack()
        one_more = ears.until(lambda: ears.total() == 5, wait)
        return full and one_more and not overfull and not ears.until(lambda: ears.total() > 5, self.quiet)

    def keeps_requeue_redelivers(self, broker: Broker, _: BrokerUnderTest, wait: timedelta) -> bool:
        """Give a bell back, then hold it while the consumer is stopped: a second consumer hears it."""
        bell, acks = new_bell(), list[Ack]()
        first, second = Ears(acks.append), Ears()
        consumer = broker.consume(QUEUE, first.on_bell, 1)
        broker.publish([bell], TIMEOUT)
        assert first.until(lambda: first.total() == 1, TIMEOUT)
        acks[0].requeue()
        came_back = first.until(lambda: first.times(bell) == 2, wait)
        consumer.stop(timedelta(seconds=0.1))
        broker.consume(QUEUE, second.on_bell, 1)
        return came_back and second.until(lambda: second.times(bell) == 1, wait)

    def keeps_delivery_limited(self, broker: Broker, _: BrokerUnderTest, wait: timedelta) -> bool:
        """Give a bell back whenever it comes: it stops coming at the limit, and a neighbour is heard."""
        bell, neighbour = new_bell(), new_bell()
        ears = Ears(lambda ack: ack.requeue())
        broker.consume(QUEUE, ears.on_bell, 1)
        broker.publish([bell], TIMEOUT)
        often = ears.until(lambda: ears.times(bell) >= LIMIT, wait)
        endless = ears.until(lambda: ears.times(bell) > LIMIT + 1, self.quiet)
        broker.publish([neighbour], TIMEOUT)
        return often and not endless and ears.until(lambda: ears.times(neighbour) > 0, wait)

    # -- what every driver does, without exception

    def test_a_bell_arrives_as_it_was_rung(self, broker: Broker) -> None:
        """Given a bell with sixteen deliveries and words, the consumer hears an equal one."""
        bell = Bell(ADAPTER, tuple(str(uuid4()) for _ in range(16)), ("meeting.summoned", "norrby"))
        heard, ears = list[Bell](), Ears()

        def on_bell(bell: Bell, ack: Ack) -> None:
            heard.append(bell)
            ears.on_bell(bell, ack)

        broker.consume(QUEUE, on_bell, 1)
        broker.publish([], TIMEOUT)
        broker.publish([bell], TIMEOUT)
        assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
        assert heard == [bell]

    def test_publishing_from_many_threads_loses_nothing(self, broker: Broker) -> None:
        """Given eight threads that publish at once, every bell is heard exactly once."""
        batches = [[new_bell() for _ in range(25)] for _ in range(8)]
        ears = Ears()
        broker.consume(QUEUE, ears.on_bell, 50)
        threads = [threading.Thread(target=broker.publish, args=(batch, TIMEOUT)) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ears.until(lambda: ears.total() >= 200, self.patience)
        assert {ears.times(bell) for batch in batches for bell in batch} == {1}

    def test_a_consumer_tells_when_it_begins(self, broker: Broker) -> None:
        """Given a new consumer, on_restored is called once, for what rang before it was there; then it is alive, until it is stopped."""
        ears = Ears()
        consumer = broker.consume(QUEUE, ears.on_bell, 1, ears.on_restored)
        assert ears.until(lambda: ears.starts == 1, TIMEOUT)
        stood = consumer.alive
        assert stood
        assert broker.healthy()
        consumer.stop(TIMEOUT)
        consumer.stop(TIMEOUT)
        assert not consumer.alive
        assert ears.starts == 1

    def test_a_failing_worker_does_not_stop_the_consumer(self, broker: Broker) -> None:
        """Given a callback that raises on one bell, that bell comes again and the next is heard."""
        bells, failed = [new_bell(), new_bell()], list[Bell]()
        ears = Ears()

        def on_bell(bell: Bell, ack: Ack) -> None:
            if not failed:
                failed.append(bell)
                message = "a worker's bug"
                raise RuntimeError(message)
            ears.on_bell(bell, ack)

        broker.consume(QUEUE, on_bell, 1)
        broker.publish(bells, TIMEOUT)
        assert ears.until(lambda: all(ears.times(bell) == 1 for bell in bells), TIMEOUT)

    def test_a_closed_broker_says_so(self, broker: Broker) -> None:
        """Given a closed broker, publishing raises BrokerLost, its consumers are not alive, and closing again does nothing."""
        consumer = broker.consume(QUEUE, Ears().on_bell, 1)
        broker.close()
        broker.close()
        assert not consumer.alive
        assert not broker.healthy()
        with pytest.raises(BrokerLost):
            broker.publish([new_bell()], TIMEOUT)
        with pytest.raises(BrokerLost):
            broker.consume(QUEUE, Ears().on_bell, 1)

    @staticmethod
    def _restart(under_test: BrokerUnderTest) -> None:
        under_test.lose()
        time.sleep(0.3)
        under_test.bring_back()
