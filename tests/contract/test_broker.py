"""The portable broker driver keeps BrokerContract: embedded, and over a folder, which can be taken away from outside."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import kombu
import pytest
from kombu.transport import memory

from siphub.broker import connect, kombu_folder, topology_for
from siphub.errors import BrokerLost
from siphub.testing.broker import QUEUE, TIMEOUT, BrokerContract
from siphub.testing.broker_ears import ADAPTER, BrokerUnderTest, Ears, new_bell
from siphub.testing.logs import heard_logs


def _put(connection: kombu.Connection, queue: str, body: bytes) -> None:
    with connection:
        producer = kombu.Producer(connection.channel(), auto_declare=False)
        producer.publish(body, exchange="", routing_key=queue, content_type="application/octet-stream", content_encoding="binary")


class Embedded:
    """`memory://`. Its broker is this process; all that can be done to it from outside is to empty kombu's queues."""

    url = "memory://"

    def __init__(self) -> None:
        self.hub = f"test-{uuid4().hex}"

    def lose(self) -> None:
        for queue in [name for name in memory.Channel.queues if name.startswith(self.hub)]:
            memory.Channel.queues.pop(queue, None)

    def bring_back(self) -> None:
        pass

    def delete_queue(self, queue: str) -> None:
        del memory.Channel.queues[f"{self.hub}.{queue}"]

    def put(self, queue: str, body: bytes) -> None:
        _put(kombu.Connection(self.url), f"{self.hub}.{queue}", body)


class Folder:
    """`filesystem://`. Renaming its folder takes it away from everybody at once."""

    def __init__(self, path: Path) -> None:
        self.hub = f"test-{uuid4().hex}"
        self._path = path / "bells"
        self._away = path / "away"
        self.url = f"filesystem://{self._path}"

    def lose(self) -> None:
        self._path.rename(self._away)

    def bring_back(self) -> None:
        self._away.rename(self._path)

    def delete_queue(self, queue: str) -> None:
        for file in self._path.glob(f"*.{self.hub}.{queue}.msg"):
            file.unlink()

    def put(self, queue: str, body: bytes) -> None:
        options = {"data_folder_in": str(self._path), "data_folder_out": str(self._path), "control_folder": str(self._path)}
        _put(kombu.Connection(transport=kombu_folder.Transport, transport_options=options), f"{self.hub}.{queue}", body)

    def put_file(self, body: bytes) -> None:
        # This name comes before those of whole messages.
        (self._path / f"00_{uuid4()}.{self.hub}.{QUEUE}.msg").write_bytes(body)


class TestEmbedded(BrokerContract):
    """The embedded broker, memory://."""

    @pytest.fixture
    def under_test(self) -> Iterator[BrokerUnderTest]:
        """Give a hub of its own in the process-wide broker, emptied afterwards."""
        embedded = Embedded()
        yield embedded
        embedded.lose()

    def test_its_datasheet(self) -> None:
        """Given memory://, what it cannot is what rests on a broker outside this process, and nothing else."""
        broker = connect("memory://", name="datasheet")
        assert broker.info.name == "portable+memory"
        assert broker.info.cannot == {"loss_raises", "restart_is_told", "taken_survives", "dead_consumer_redelivers"}

    def test_two_hubs_in_one_process_do_not_hear_each_other(self) -> None:
        """Given two hubs on memory:// with the same adapter, each hears its own bells only, though kombu's queues are process-wide."""
        one, two = (connect("memory://", name=f"test-{uuid4().hex}") for _ in range(2))
        ears = Ears(), Ears()
        try:
            for broker, hears in zip((one, two), ears, strict=True):
                broker.declare(topology_for([ADAPTER]))
                broker.consume(QUEUE, hears.on_bell, 1)
            mine = new_bell()
            one.publish([mine], TIMEOUT)
            assert ears[0].until(lambda: ears[0].times(mine) == 1, TIMEOUT)
            assert not ears[1].until(lambda: ears[1].total() > 0, timedelta(seconds=0.3))
        finally:
            one.close()
            two.close()


class TestFolder(BrokerContract):
    """A folder, filesystem://."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> BrokerUnderTest:
        """Give a folder."""
        return Folder(tmp_path)

    def test_its_datasheet(self, tmp_path: Path) -> None:
        """Given filesystem://, a taken bell is a deleted file, and a queue nobody can miss."""
        broker = connect(f"filesystem://{tmp_path}/bells", name="datasheet")
        assert broker.info.name == "portable+filesystem"
        assert broker.info.cannot == {"vanished_queue_raises", "dead_consumer_redelivers"}

    def test_a_file_that_is_no_envelope_spares_its_neighbours(self, tmp_path: Path) -> None:
        """Given files that kombu itself cannot unpack, they are logged and gone, the connection stays, and held bells are not lost."""
        folder = Folder(tmp_path)
        broker = connect(folder.url, name=folder.hub)
        broker.declare(topology_for([ADAPTER]))
        bells, ears = [new_bell(), new_bell()], Ears()
        try:
            for garbage in (b"", b"\xff", b"[]", b"{}", b'{"properties": {"delivery_tag": "x", "body_encoding": "base64"}, "body": "%"}'):
                folder.put_file(garbage)
            broker.publish(bells, TIMEOUT)
            with heard_logs() as heard:
                broker.consume(QUEUE, ears.on_bell, 10, ears.on_restored)
                assert ears.until(lambda: all(ears.times(bell) == 1 for bell in bells), TIMEOUT)
            assert len(heard.named("bell.poisoned")) == 5
            assert ears.starts == 1
        finally:
            broker.close()

    def test_a_folder_that_went_away_is_not_made_anew(self, tmp_path: Path) -> None:
        """Given a folder whose disk is gone, publishing raises BrokerLost and makes no empty folder in its place."""
        folder = Folder(tmp_path)
        broker = connect(folder.url, name=folder.hub)
        broker.declare(topology_for([ADAPTER]))
        try:
            folder.lose()
            assert not broker.healthy()
            with pytest.raises(BrokerLost):
                broker.publish([new_bell()], TIMEOUT)
            folder.bring_back()
            broker.publish([new_bell()], TIMEOUT)
            assert broker.healthy()
        finally:
            broker.close()


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """Give a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_broker_that_takes_the_connection_and_says_nothing_is_lost_in_time(mute: socket.socket) -> None:
    """Given a mute broker, two publishes at once each raise BrokerLost within their own time-out, and so does the next one."""
    broker = connect(f"pyamqp://user:s3cret@127.0.0.1:{mute.getsockname()[1]}//", name="mute")
    with pytest.raises(BrokerLost):
        broker.declare(topology_for([ADAPTER]))
    took = list[float]()

    def publish() -> None:
        began = time.monotonic()
        with pytest.raises(BrokerLost) as caught:
            broker.publish([new_bell()], timedelta(seconds=0.5))
        took.append(time.monotonic() - began)
        assert "s3cret" not in f"{caught.value!r}{broker!r}"

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish()
    assert len(took) == 3
    assert max(took) < 5 * 0.5  # and time for a busy machine
    consumer = broker.consume(QUEUE, Ears().on_bell, 1)
    assert not consumer.alive
    assert not broker.healthy()
    mute.close()
    broker.close()
