"""What is shipped for RabbitMQ to import, taken in by a real server; and what `doctor` and `broker check` say where the server differs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import pika
import pytest

from siphub.broker import Broker, Remark, Surveys, connect, queue_name, topology_for
from siphub.contract.http import Http
from siphub.errors import BrokerError, BrokerLost
from siphub.hub import build
from siphub.settings import Settings
from siphub.testing.broker import TIMEOUT
from siphub.testing.broker_ears import Ears, new_bell
from siphub.testing.line import Line
from siphub.testing.logs import heard_logs
from siphub.testing.rabbitmq import MANAGEMENT, Rabbit
from siphub.testing.story import until

if TYPE_CHECKING:
    from tests.conftest import Done

pytestmark = [pytest.mark.node, pytest.mark.timeout(240)]
SHIPPED = Path(__file__).parents[2] / "deploy/rabbitmq/definitions.json"
ADAPTERS = ("arbetsformedlingen", "fhir", "folder", "forsakringskassan", "letter", "municipal-xml", "sdk")
TOPOLOGY = topology_for(ADAPTERS)
PASSWORD = "s3cret-siphub"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, rabbitmq_here: None) -> Iterator[Rabbit]:
    """Give a RabbitMQ with its management API, into which the shipped definitions were node."""
    with Rabbit(tmp_path_factory.mktemp("definitions"), [MANAGEMENT], ["collect_statistics_interval = 1000"]) as running:
        taken_in(running)
        running.control("set_permissions", "-p", "siphub", "doctor", "^$", "^$", "^$")
        yield running


def taken_in(node: Rabbit) -> None:
    """Import the shipped definitions, and give the user a password, as an administrator does."""
    node.control("import_definitions", str(SHIPPED))
    node.control("change_password", "siphub", PASSWORD)


@pytest.fixture
def changed(node: Rabbit) -> Iterator[Rabbit]:
    """Give it to a test that changes it; afterwards it is as after the import."""
    yield node
    taken_in(node)


def url_of(node: Rabbit, password: str = PASSWORD) -> str:
    """Return the URL of the shipped user."""
    return f"amqp://siphub:{quote(password, safe='')}@127.0.0.1:{node.port}/siphub"


@pytest.fixture
def broker(node: Rabbit) -> Iterator[Broker]:
    """Give the driver of a hub named siphub."""
    broker = connect(url_of(node), name="siphub")
    yield broker
    broker.close()


class _channel:  # noqa: N801 - used as a word
    """A channel of the hub's user, closed again."""

    def __init__(self, node: Rabbit) -> None:
        credentials = pika.PlainCredentials("siphub", PASSWORD)
        self._connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", node.port, "siphub", credentials))

    def __enter__(self) -> Any:
        return self._connection.channel()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def looked(broker: Broker, node: Rabbit | None = None) -> list[Remark]:
    """Return what is found over AMQP, or over a node's management API."""
    assert isinstance(broker, Surveys)
    return list(broker.survey(TOPOLOGY, (Http(), node.management_url) if node else None))


def found(broker: Broker, node: Rabbit, *words: str) -> bool:
    """Wait until the management API shows a remark with these words: it counts once a second."""
    return until(lambda: any(all(word in f"{one.level} {one.what}" for word in words) for one in looked(broker, node)), 30)


def test_the_shipped_file_has_the_queues_of_every_adapter_there_is(tmp_path: Path) -> None:
    """Given a hub with every plugin of this repository, the shipped file has exactly its queues."""
    plugins = tuple(folder.name.removeprefix("siphub-") for folder in (SHIPPED.parents[2] / "plugins").iterdir() if folder.is_dir())
    with build(Settings(data=tmp_path, plugins=plugins, min_free_disk=1)) as hub:
        names = {f"siphub.{queue_name(adapter)}" for adapter in hub.registry.adapters}
    assert (
        {queue["name"] for queue in json.loads(SHIPPED.read_text("utf-8"))["queues"]}
        == names
        == {f"siphub.{q.name}" for q in TOPOLOGY.queues}
    )


def test_the_user_in_it_cannot_log_in_before_it_has_a_password(changed: Rabbit) -> None:
    """Given the file just imported, then its user is refused with an empty password and with any."""
    changed.control("import_definitions", str(SHIPPED))
    for password in ("", "siphub", "guest"):
        broker = connect(url_of(changed, password), name="siphub")
        with pytest.raises(BrokerLost, match="refuses this user name and password"):
            broker.declare(TOPOLOGY)
        broker.close()


def test_a_hub_finds_everything_as_it_wants_it(node: Rabbit, broker: Broker) -> None:
    """Given the file imported and a password set, a hub named siphub rings and listens there, and nobody has anything to remark."""
    with heard_logs() as heard:
        broker.declare(TOPOLOGY)
    assert not heard.named("queue.differs")
    assert {one.what.split("`")[0][:14] for one in looked(broker)} == {"nobody listens"}
    ears, bell = Ears(), new_bell()
    for queue in TOPOLOGY.queues:
        broker.consume(queue.name, ears.on_bell, 1)
    broker.publish([bell], TIMEOUT)
    assert ears.until(lambda: ears.times(bell) == 1, TIMEOUT)
    assert [one.level for one in looked(broker)] == ["ok"]
    assert found(broker, node, "ok", f"{len(ADAPTERS)} queues, the policy and the rights")
    assert [one.level for one in looked(broker, node)] == ["ok"]


def test_a_queue_that_is_gone_or_other(changed: Rabbit, broker: Broker) -> None:
    """Given a queue deleted, one with another limit, and one of an adapter that is no more, each is told both ways, and nothing is made."""
    with _channel(changed) as channel:
        channel.queue_delete("siphub.siphub.deliver.fhir")
        channel.queue_delete("siphub.siphub.deliver.sdk")
        channel.queue_declare("siphub.siphub.deliver.sdk", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 5})
        channel.queue_declare("siphub.siphub.deliver.fax", durable=True, arguments={"x-queue-type": "quorum"})
    try:
        wrong = " ".join(one.what for one in looked(broker) if one.level == "wrong")
        assert "siphub.siphub.deliver.fhir is not there" in wrong
        assert "siphub.siphub.deliver.sdk was made with other arguments" in wrong
        assert found(broker, changed, "wrong", "deliver.fhir is not there")
        assert found(broker, changed, "wrong", "deliver.sdk has x-delivery-limit 5, not 20")
        assert found(broker, changed, "look", "deliver.fax is of an adapter this hub does not have")
        assert "siphub.siphub.deliver.fhir" not in changed.control("-q", "list_queues", "-p", "siphub", "name")
    finally:
        with _channel(changed) as channel:
            for adapter in ("sdk", "fax"):
                channel.queue_delete(f"siphub.siphub.deliver.{adapter}")


def test_a_broker_that_stops_answering_is_said_to(node: Rabbit) -> None:
    """Given a broker that says nothing more while it is asked about its queues, the queue is named, and the command comes back."""
    with Line(node.port) as line:
        broker = connect(url_of(node).replace(f":{node.port}/", f":{line.port}/"), name="siphub")
        looked(broker)
        line.silent_after(line.passed * 16 // 10)
        said = [one.what for one in looked(broker) if one.level == "wrong"]
        broker.close()
    assert [what for what in said if re.match(r"queue siphub\.siphub\.deliver\.[a-z-]+ does not answer", what)] == said != []


def test_policies_and_rights_that_differ(changed: Rabbit, broker: Broker) -> None:
    """Given a policy that is gone, and rights too wide or too narrow, each is told, with what is to be set."""
    changed.control("clear_policy", "-p", "siphub", "siphub-bells siphub")
    changed.control("set_permissions", "-p", "siphub", "siphub", ".*", "^$", r"^siphub\.siphub\.deliver\.")
    assert any(one.level == "wrong" and "may not write" in one.what for one in looked(broker))
    said = {(one.level, one.what) for one in looked(broker, changed)}
    assert not [what for _, what in said if "the user siphub may" in what]  # whom RabbitMQ does not show rights sees none
    changed.control("set_user_tags", "doctor", "administrator")
    said = {(one.level, one.what) for one in looked(broker, changed)}
    changed.control("set_user_tags", "doctor", "monitoring", "policymaker")
    assert any(level == "look" and "policy siphub-bells siphub is not there" in what for level, what in said)
    assert any(level == "look" and "may configure more than this hub needs" in what for level, what in said)
    assert any(
        level == "wrong" and r"may not write what this hub needs: the pattern is to be ^amq\.default$" in what for level, what in said
    )


def test_an_alarm(node: Rabbit, broker: Broker) -> None:
    """Given a node that is short of memory, it is wrong, and named."""
    node.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        assert found(broker, node, "wrong", "is short of memory")
    finally:
        node.control("set_vm_memory_high_watermark", "0.6")


def test_an_api_that_cannot_be_asked_says_why(node: Rabbit, broker: Broker) -> None:
    """Given a wrong password, a user without the tag, or nobody there, the error says which, and shows no secret."""
    for url, said in (
        (node.management_url.replace("s3cret%2Ddoctor", "wrong").replace("s3cret-doctor", "wrong"), "refuses this user"),
        (f"http://siphub:{PASSWORD}@127.0.0.1:{node.management_port}", "lacks the tags monitoring and policymaker"),
        ("http://doctor:s3cret@127.0.0.1:1", "not reached"),
    ):
        with pytest.raises(BrokerError, match=said) as caught:
            list(cast("Surveys", broker).survey(TOPOLOGY, (Http(), url)))
        assert caught.value.code == "broker.management"
        assert "s3cret" not in str(caught.value)


class TestCommands:
    @pytest.fixture
    def data(self, data_folder: Path, node: Rabbit) -> Path:
        """Give the folder of a hub named siphub that was started once."""
        (data_folder / "keys").mkdir(mode=0o700)
        (data_folder / "siphub.toml").write_text('min_free_disk = 1\nname = "siphub"\nplugins = ["folder"]\n')
        for name, text in {"broker_url": url_of(node), "broker_management_url": node.management_url}.items():
            (data_folder / "keys" / name).write_text(text)
            (data_folder / "keys" / name).chmod(0o600)
        build(Settings(data=data_folder, min_free_disk=1)).stop()
        return data_folder

    def test_definitions_are_those_of_this_hub(self, data: Path, siphub: Callable[..., Done], tmp_path: Path) -> None:
        """Given a hub, its definitions are printed, with the virtual host and user of its URL, or written to a file."""
        printed = siphub("broker", "definitions", "--data", data)
        shipped = json.loads(SHIPPED.read_text("utf-8"))
        assert printed.status == 0
        assert printed.facts == {**shipped, "queues": [one for one in shipped["queues"] if one["name"].endswith(".folder")]}
        done = siphub("broker", "definitions", "--data", data, "--vhost", "other", "--user", "eva", "--out", tmp_path / "made.json")
        assert "import_definitions" in done.out
        made = json.loads((tmp_path / "made.json").read_text("utf-8"))
        assert {made["vhosts"][0]["name"], made["queues"][0]["vhost"], made["permissions"][0]["vhost"]} == {"other"}
        assert {made["users"][0]["name"], made["permissions"][0]["user"]} == {"eva"}

    def test_check_and_doctor_say_the_same(self, data: Path, siphub: Callable[..., Done], changed: Rabbit) -> None:
        """Given a queue that is gone, `broker check` and `doctor` say so and end with 1; given everything there, check ends with 0."""
        with _channel(changed) as channel:
            channel.queue_delete("siphub.siphub.deliver.folder")
        for words in (("broker", "check"), ("doctor",)):
            done = siphub(*words, "--data", data, "--json")
            assert done.status == 1
            assert any("deliver.folder is not there" in one["what"] for one in done.facts if one["level"] == "wrong"), words
        taken_in(changed)
        # The management plug-in shows what it counts a while later.
        assert until(lambda: siphub("broker", "check", "--data", data).status == 0, 30)
        done = siphub("broker", "check", "--data", data)
        assert "nobody listens at the queue siphub.siphub.deliver.folder" in done.out


def test_a_file_that_cannot_be_written_is_named(data_folder: Path, siphub: Callable[..., Done]) -> None:
    """Given a place for the definitions that is not there, then the file is named with the reason."""
    build(Settings(data=data_folder, min_free_disk=1)).stop()
    done = siphub("broker", "definitions", "--data", data_folder, "--out", data_folder / "away" / "made.json")
    assert (done.status, "file.unwritable" in done.err, "made.json" in done.err) == (2, True, True)
