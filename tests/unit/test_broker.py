"""What a broker's driver is chosen by, what lies in its queues, and how long a caller waits."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siphub.broker import PROMISES, SCHEMES, Bell, BrokerInfo, QueueSpec, connect, queue_name, require_promises, topology_for
from siphub.broker.kombu_link import Link, tls_options
from siphub.broker.kombu_publisher import Publisher
from siphub.errors import BrokerError, BrokerLost, SettingsError
from siphub.testing.story import until

ID = "0b8f4bd6-3c66-4d6c-9a53-0d7a4a7f6a01"
GOOD = {"v": 1, "adapter": "folder", "deliveries": [ID], "words": ["meeting.summoned"]}

bells = st.builds(
    Bell,
    adapter=st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True),
    deliveries=st.lists(st.uuids().map(str), min_size=1, max_size=16, unique=True).map(tuple),
    words=st.lists(st.from_regex(r"[a-z][a-z._:-]{0,63}", fullmatch=True), max_size=8).map(tuple),
)


@given(bells)
def test_a_bell_is_read_back_equal(bell: Bell) -> None:
    """Given any bell, its bytes are read back as an equal bell, and they are small."""
    assert Bell.from_bytes(bell.to_bytes()) == bell
    assert len(bell.to_bytes()) <= 2048


@given(st.binary(max_size=200) | bells.map(Bell.to_bytes).flatmap(lambda raw: st.integers(0, len(raw) - 1).map(lambda n: raw[:n])))
def test_other_bytes_are_refused_without_being_repeated(raw: bytes) -> None:
    """Given bytes that are no bell, or a bell cut short, reading raises one error with a code, that says nothing of them."""
    with pytest.raises(BrokerError, match="not a bell") as caught:
        Bell.from_bytes(raw)
    assert caught.value.code == "broker.bad_bell"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": 1.0},
        {"adapter": None},
        {"adapter": "../x"},
        {"adapter": "Folder"},
        {"deliveries": []},
        {"deliveries": "x"},
        {"deliveries": [1]},
        {"deliveries": [ID.upper()]},
        {"deliveries": [ID.replace("-", "")]},
        {"deliveries": [f"urn:uuid:{ID}"]},
        {"deliveries": [ID, ID]},
        {"deliveries": [str(UUID(int=n)) for n in range(17)]},
        {"words": {}},
        {"words": ["a"] * 9},
        {"words": ["Anna"]},
        {"words": ["199001019802"]},
        {"words": ["900101-9802"]},
        {"words": ["a\n"]},
        {"more": 1},
    ],
)
def test_a_bell_is_read_strictly(change: dict[str, object]) -> None:
    """Given a bell with one thing wrong, be it coercible, it is refused; the bell without it is read."""
    assert Bell.from_bytes(json.dumps(GOOD).encode()).deliveries == (ID,)
    with pytest.raises(BrokerError):
        Bell.from_bytes(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("field", GOOD)
def test_a_bell_has_every_field_once(field: str) -> None:
    """Given a bell with a field missing, or there twice, it is refused."""
    with pytest.raises(BrokerError):
        Bell.from_bytes(json.dumps({key: value for key, value in GOOD.items() if key != field}).encode())
    twice = json.dumps(GOOD)[:-1] + f', "{field}": {json.dumps(GOOD[field])}}}'
    with pytest.raises(BrokerError):
        Bell.from_bytes(twice.encode())


@pytest.mark.parametrize("word", ["199001019802", "900101-9802", "case-5566778899", "Eva", "eva kontakt", "", "x" * 65])
def test_a_bell_cannot_carry_a_number_of_a_person(word: str) -> None:
    """Given a routing word with a long number, or that is no code, no such bell can be made, and the error does not repeat the word."""
    with pytest.raises(ValueError, match="short codes without long numbers") as caught:
        Bell("folder", (ID,), (word,))
    assert not word or word not in str(caught.value)


@pytest.mark.req(94)
def test_the_topology_is_one_durable_queue_per_adapter() -> None:
    """Given adapters, each has one durable queue named after it, with a delivery limit."""
    topology = topology_for(["sdk", "folder", "sdk"], delivery_limit=7)
    assert topology.queues == (QueueSpec("siphub.deliver.folder", True, 7), QueueSpec("siphub.deliver.sdk", True, 7))
    assert topology.queue("siphub.deliver.sdk") == topology.queues[1]
    assert topology.queue("siphub.deliver.fhir") is None
    assert topology.queues[0].arguments() == {"x-queue-type": "quorum", "x-delivery-limit": 7}


@pytest.mark.parametrize("adapter", ["", "a.b", "a b", "å", "1a", "a" * 41, "folder\n"])
def test_a_queue_is_named_by_a_plain_adapter_name(adapter: str) -> None:
    """Given a name that could mean something to a broker, no queue is named after it."""
    with pytest.raises(ValueError, match="an adapter's name"):
        queue_name(adapter)


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("amqp://u:s3cret@/", "settings.broker_url", "a host is missing"),
        ("amqp://u:s3cret@one,,two/", "settings.broker_url", "a host is missing"),
        ("amqp://u:s3cret@host:port/", "settings.broker_url", "a port behind a colon"),
        ("amqp://u:s3cret@host:70000/", "settings.broker_url", "up to 65535"),
        ("amqp://s3cret@host/", "settings.broker_url", "goes with a password"),
        ("amqp://u:s3cret@host/a/b", "settings.broker_url", "%2F"),
        ("amqp://u:s3cret@host/?heartbeat=0", "settings.broker_url", "5 to 600"),
        ("amqp://u:my?s3cret=1@host/", "settings.broker_url", "known: auth_mechanism, cacertfile, certfile, heartbeat, keyfile"),
        ("amqp://u:s3cret@host/?s3cret", "settings.broker_url", "name=value"),
        ("amqp://u:s3cret@host/?cacertfile=ca.pem", "settings.broker_url", "is for amqps://"),
        ("amqps://u:s3cret@host/?cacertfile=/nowhere/s3cret.pem", "settings.broker_url", "cannot be read"),
        ("amqps://host/?auth_mechanism=s3cret", "settings.broker_url", "external, or left out"),
        ("amqps://host/?auth_mechanism=external", "settings.broker_url", "needs certfile and keyfile"),
        ("amqp://host/?auth_mechanism=external&certfile=a", "settings.broker_url", "auth_mechanism, certfile is for amqps://"),
        ("amqps://u:s3cret@host/?auth_mechanism=external&certfile=a", "settings.broker_url", "does not go with auth_mechanism"),
        ("memry://", "settings.broker_scheme", "did you mean memory://?"),
        ("amqb://u:s3cret@host/", "settings.broker_scheme", "did you mean amqp://?"),
        ("zzz://u:s3cret@host/", "settings.broker_scheme", "known: "),
        ("u:s3cret@host", "settings.broker_scheme", "not a URL"),
        ("u:s3cret://host", "settings.broker_scheme", "no driver for this scheme"),
        ("", "settings.broker_scheme", "not a URL"),
        ("filesystem://", "settings.broker_url", "whole path"),
        ("filesystem://bells", "settings.broker_url", "whole path"),
        ("pyamqp://u:s3cret@host:port/", "settings.broker_url", "cannot be read"),
        ("redis://u:s3cret@host/0", "settings.broker_driver", "not installed"),
        ("zookeeper://u:s3cret@host/", "settings.broker_driver", "not installed"),
    ],
)
def test_a_url_without_a_driver_is_refused_with_a_remedy(url: str, code: str, said: str) -> None:
    """Given a URL we cannot use, the error has a code, says what to do, and never repeats the URL's password."""
    with pytest.raises(SettingsError) as caught:
        connect(url, name="hub")
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "Hub", "a.b", "a" * 61, "hub\n"])
def test_a_hub_has_a_plain_name(name: str) -> None:
    """Given a hub's name that would change what a queue's name means, it is refused."""
    with pytest.raises(SettingsError) as caught:
        connect("memory://", name=name)
    assert caught.value.code == "settings.broker_name"


def test_every_scheme_is_one_of_kombus() -> None:
    """Given the schemes we know, kombu has a transport for each."""
    from kombu.transport import TRANSPORT_ALIASES

    assert set(SCHEMES) <= set(TRANSPORT_ALIASES)


def test_tls_to_redis_looks_at_the_certificate() -> None:
    """Given rediss://, the certificate is required, which is not kombu's default; other schemes are left alone."""
    assert tls_options("rediss") == {"ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}
    assert tls_options("memory") == {}


def test_importing_the_room_imports_no_driver() -> None:
    """Given siphub.broker imported, kombu is not: it takes long, and the command line often does without."""
    words = [sys.executable, "-c", "import sys, siphub.broker; sys.exit('kombu' in sys.modules or 'pika' in sys.modules)"]
    assert subprocess.run(words, check=False).returncode == 0


def test_a_driver_can_only_break_known_promises() -> None:
    """Given a word that is no promise, a datasheet cannot name it."""
    assert BrokerInfo("x", frozenset(PROMISES)).cannot == set(PROMISES)
    with pytest.raises(ValueError, match="not promises of a broker: speed"):
        BrokerInfo("x", frozenset({"speed"}))


class Line:
    """A connection that does nothing; it counts how many were opened and closed."""

    opened = 0

    def __init__(self) -> None:
        type(self).opened += 1
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def lines() -> list[Line]:
    """Give a list of the connections a publisher opened."""
    return []


@pytest.fixture
def publisher(lines: list[Line]) -> Any:
    """Give a publisher whose connections are `lines`."""

    def open_link() -> Link:
        lines.append(Line())
        return cast("Link", lines[-1])

    publisher = Publisher(open_link)
    yield publisher
    publisher.close()


def test_a_thread_that_hangs_is_left_behind(publisher: Publisher, lines: list[Line]) -> None:
    """Given work that hangs, its caller gets BrokerLost in time, those waiting behind it too, and the next caller a new connection."""
    let_go, done = threading.Event(), list[str]()

    def hang(*_: object) -> None:
        behind.start()
        let_go.wait(60)

    def wait(work: Callable[..., None], seconds: float) -> None:
        with pytest.raises(BrokerLost):
            publisher.run(work, timedelta(seconds=seconds))
        done.append("heard")

    # Whoever waits behind is there before the first one's time is up: a second is long, even on a busy machine.
    behind = threading.Thread(target=wait, args=(lambda *_: done.append("late"), 0.1))
    wait(hang, 1)
    behind.join()
    publisher.run(lambda *_: done.append("next"), timedelta(seconds=20))  # it is done at once, while the first still hangs
    assert not let_go.is_set()
    let_go.set()
    assert until(lambda: lines[0].closed), "the connection left behind is closed once its thread is let go"
    assert done == ["heard", "heard", "next"], "work whose time was up was done after all"
    assert len(lines) == 2


def test_work_is_done_or_said_to_be_late(publisher: Publisher) -> None:
    """Given next to no time, each piece of work is either done or its caller hears that it was late; none is passed over in silence."""
    publisher.run(lambda *_: None, timedelta(seconds=5))
    for n in range(3000):
        done = list[int]()
        try:
            publisher.run(lambda *_, n=n, done=done: done.append(n), timedelta(microseconds=n % 60))
        except BrokerLost:
            continue
        assert done == [n]


def test_a_stale_connection_is_replaced_once(publisher: Publisher, lines: list[Line]) -> None:
    """Given a connection that broke while nothing was sent, the work is done on a new one; given a new one that fails, the caller hears."""

    def works_on(line: object) -> Any:
        def work(link: Link, _: float) -> None:
            if link is not line:
                raise BrokerLost("gone")

        return work

    publisher.run(lambda *_: None, timedelta(seconds=5))
    publisher.run(lambda link, _: works_on(lines[-1])(link, _) if len(lines) > 1 else works_on(None)(link, _), timedelta(seconds=5))
    assert [line.closed for line in lines] == [True, False]
    with pytest.raises(BrokerLost, match="gone"):
        publisher.run(works_on(None), timedelta(seconds=5))
    assert len(lines) == 3


def test_a_bug_in_the_work_reaches_its_caller(publisher: Publisher) -> None:
    """Given work that raises anything, its own caller gets that, and the next piece of work is done."""
    with pytest.raises(ZeroDivisionError):
        publisher.run(lambda *_: cast("None", 1 / 0), timedelta(seconds=5))
    done = list[str]()
    publisher.run(lambda *_: done.append(str(uuid4())), timedelta(seconds=5))
    assert len(done) == 1


@pytest.mark.parametrize("promise", PROMISES)
def test_production_refuses_a_driver_that_breaks_any_promise(promise: str) -> None:
    """Given a driver outside the process that breaks one promise, whichever it is, it is refused, and the promise is named."""
    with pytest.raises(SettingsError, match=promise) as caught:
        require_promises(BrokerInfo("weak", frozenset({promise})), whole=True)
    assert caught.value.code == "settings.broker_weak"


@pytest.mark.parametrize(("url", "whole", "fit"), [("amqp://h/", False, True), ("memory://", True, True), ("memory://", False, False)])
def test_the_embedded_broker_serves_a_hub_of_one_process(url: str, whole: bool, fit: bool) -> None:
    """Given memory://, it is taken where everything is in one process, and refused where not; RabbitMQ is always taken."""
    broker = connect(url, name="hub")
    if fit:
        require_promises(broker.info, whole=whole)
    else:
        with pytest.raises(SettingsError, match="taken_survives"):
            require_promises(broker.info, whole=whole)
    broker.close()


def test_inside_the_process_excuses_only_what_cannot_happen_there() -> None:
    """Given an embedded driver that would let poison take its neighbours along, it is refused for that alone."""
    with pytest.raises(SettingsError, match="cannot promise poison_spares_neighbours, and") as caught:
        require_promises(BrokerInfo("inside", frozenset({"poison_spares_neighbours", "loss_raises"}), inside=True), whole=True)
    assert "loss_raises" not in str(caught.value)
