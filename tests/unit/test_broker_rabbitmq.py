"""What the RabbitMQ driver reads from a URL, what it makes of pika's errors, and how long it waits between attempts. No server is needed."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import exceptions as px
from pika.adapters.utils import connection_workflow as pw
from pika.credentials import ExternalCredentials

from siphub.broker import Tokens, connect
from siphub.broker.rabbitmq_io import pause_after
from siphub.broker.rabbitmq_place import Place, Tls, lost
from siphub.broker.rabbitmq_survey import certificates
from siphub.contract.http import Http
from siphub.errors import BrokerLost, SettingsError
from siphub.sandbox.certificate import Authority
from siphub.testing.rabbitmq import USERS


@pytest.mark.parametrize(
    ("url", "hosts", "user", "password", "vhost", "heartbeat"),
    [
        ("amqp://localhost", [("localhost", 5672)], "guest", "guest", "/", 15),
        ("amqp://u:p@h/", [("h", 5672)], "u", "p", "/", 15),
        ("AMQP://u:p@h:1234/sip", [("h", 1234)], "u", "p", "sip", 15),
        ("amqp://u%40x:p%2F%3A%40@h/%2F", [("h", 5672)], "u@x", "p/:@", "/", 15),
        ("amqp://u:p:q@h/a%2Fb?heartbeat=60", [("h", 5672)], "u", "p:q", "a/b", 60),
        ("amqp://u:p@[::1]:5673,two,10.0.0.3:5674/v", [("::1", 5673), ("two", 5672), ("10.0.0.3", 5674)], "u", "p", "v", 15),
        ("amqps://u:p@h/v", [("h", 5671)], "u", "p", "v", 15),
    ],
)
def test_a_url_is_read(url: str, hosts: list[tuple[str, int]], user: str, password: str, vhost: str, heartbeat: int) -> None:
    """Given a URL, its parts reach pika as they were meant, and each host is there."""
    parameters = Place.of(url, "hub").parameters("publisher")
    assert sorted((one.host, one.port) for one in parameters) == sorted(hosts)
    for one in parameters:
        assert (one.credentials.username, one.credentials.password) == (user, password)
        assert (one.virtual_host, one.heartbeat) == (vhost, heartbeat)
        assert one.client_properties == {"connection_name": "siphub hub publisher"}


def test_tls_is_verified() -> None:
    """Given amqps://, the certificate is required and has to be for the host; given amqp://, there is no TLS."""
    (parameters,) = Place.of("amqps://u:p@mq.example.org/", "hub").parameters("x")
    assert parameters.ssl_options.context.verify_mode is ssl.CERT_REQUIRED
    assert parameters.ssl_options.context.check_hostname
    assert parameters.ssl_options.server_hostname == "mq.example.org"
    assert Place.of("amqp://u:p@mq.example.org/", "hub").parameters("x")[0].ssl_options is None


def test_a_certificate_or_a_token_stands_for_the_password(tmp_path: Path) -> None:
    """Given auth_mechanism=external, pika shows the certificate alone; given tokens, the client's id with the token it was given."""
    Authority().issue(tmp_path / "hub.pem", tmp_path / "hub.key", "hub")
    query = f"auth_mechanism=external&certfile={tmp_path}/hub.pem&keyfile={tmp_path}/hub.key"
    (parameters,) = Place.of(f"amqps://h/?{query}", "hub").parameters("x")
    assert isinstance(parameters.credentials, ExternalCredentials)
    tokens = Tokens(Http(), "https://issuer.example.org/token", "siphub", "s3cret")
    (parameters,) = Place.of("amqp://h/", "hub", tokens).parameters("x", "a-token")
    assert (parameters.credentials.username, parameters.credentials.password) == ("siphub", "a-token")


@pytest.mark.parametrize("url", ["amqp://u:s3cret@h/", "amqps://h/?auth_mechanism=external&certfile=a&keyfile=b", "memory://"])
def test_tokens_go_with_nothing_else(url: str) -> None:
    """Given tokens and a password, a certificate or a broker that knows none, the hub says that they do not go together."""
    with pytest.raises(SettingsError) as caught:
        connect(url, name="hub", tokens=Tokens(Http(), "https://issuer.example.org/token", "siphub", "s3cret"))
    assert caught.value.code == "settings.broker_url"
    assert "broker_token_url" in str(caught.value)


def test_a_certificate_that_went_away_is_told_at_the_next_connection(tmp_path: Path) -> None:
    """Given certificate files that are gone when a hub connects again, the error says so, and the hub can go on trying."""
    ca = Authority().trust(tmp_path / "ca.pem")
    place = Place.of(f"amqps://u:p@h/?cacertfile={ca}", "hub")
    assert place.parameters("x")
    ca.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        place.parameters("x")


@pytest.mark.parametrize(("ends", "said"), [(3, [("look", "runs out")]), (-1, [("wrong", "ran out")]), (90, [])])
def test_a_certificate_that_ends_soon_is_said(tmp_path: Path, ends: int, said: list[tuple[str, str]]) -> None:
    """Given the hub's certificate for the broker, doctor says when it has little time left or none, with its file and the day."""
    Authority().issue(tmp_path / "hub.pem", tmp_path / "hub.key", "hub", ends=timedelta(days=ends))
    found = list(certificates(Tls(certificate=str(tmp_path / "hub.pem"), key=str(tmp_path / "hub.key")), datetime.now(UTC)))
    assert [(one.level, "runs out" if "runs out" in one.what else "ran out") for one in found] == said
    assert all(one.what.startswith("a certificate in hub.pem, named in broker_url, r") for one in found)
    assert list(certificates(None, datetime.now(UTC))) == []


def test_a_queue_has_the_hubs_name() -> None:
    """Given two hubs on one broker, the same queue has two names there, and each hub knows its own again."""
    one, two = (Place.of("amqp://h/", name) for name in ("one", "two"))
    assert one.physical("siphub.deliver.folder") == "one.siphub.deliver.folder"
    assert one.physical("siphub.deliver.folder") != two.physical("siphub.deliver.folder")
    assert one.logical(one.physical("siphub.deliver.folder")) == "siphub.deliver.folder"


def test_no_repr_shows_a_secret() -> None:
    """Given a URL with a password, neither the driver nor its place show it, nor the user or the host."""
    broker = connect("amqp://someone:s3cret@mq.example.org/sip", name="hub")
    assert repr(broker) == "RabbitBroker(Place(amqp://…, hub))"


def test_nothing_is_opened_before_the_first_use() -> None:
    """Given a driver that is made and closed, no thread has begun."""
    before = threading.active_count()
    broker = connect("amqp://u:p@localhost:1/", name="hub")
    assert threading.active_count() == before
    broker.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            pw.AMQPConnectionWorkflowFailed([OSError(), pw.AMQPConnectorSocketConnectError(ConnectionRefusedError())]),
            "nobody listens there",
        ),
        (px.AMQPConnectionError(pw.AMQPConnectionWorkflowFailed([TimeoutError()])), "not reached"),
        (pw.AMQPConnectorTransportSetupError(ssl.SSLCertVerificationError()), "certificate is not trusted"),
        (pw.AMQPConnectorAMQPHandshakeError(px.ProbableAuthenticationError("x")), "refuses this user name and password"),
        (px.AuthenticationError("EXTERNAL"), "does not offer this way to log in"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] s3cret"), "does not take the certificate"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] s3cret"), "TLS failed"),
        (px.IncompatibleProtocolError("SSLError(1, '[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] s3cret')"), "or wants one"),
        (px.IncompatibleProtocolError("ConnectionResetError(104, 's3cret')"), "the hub shows, or wants one, or does not speak AMQP"),
        (px.IncompatibleProtocolError("StreamLostError('Transport indicated EOF')"), "the hub shows, or wants one, or does not speak AMQP"),
        (px.IncompatibleProtocolError("s3cret"), "what answers there does not speak AMQP"),
        (px.ConnectionClosedByBroker(530, "vhost s3cret"), "no such virtual host"),
        (px.ConnectionClosedByBroker(320, "s3cret"), "code 320"),
        (px.ChannelClosedByBroker(403, "s3cret"), "may not do that"),
        (px.AMQPHeartbeatTimeout("x"), "fallen silent"),
        (px.StreamLostError("s3cret"), "the connection broke"),
        (px.UnexpectedFrameError("s3cret"), "UnexpectedFrameError"),
    ],
)
def test_pikas_errors_become_ours(error: BaseException, said: str) -> None:
    """Given an error of pika, wrapped as pika wraps it, ours says what is wrong in plain words, with the cause kept and its text not shown."""
    found = lost(error)
    assert isinstance(found, BrokerLost)
    assert said in str(found)
    assert "s3cret" not in str(found)
    assert found.__cause__ is not None


@given(st.integers(min_value=0, max_value=10_000))
def test_the_pause_between_attempts_is_bounded(losses: int) -> None:
    """Given any number of losses in a row, the pause lies between a twentieth of a second and five seconds."""
    assert 0.05 <= pause_after(losses) <= 5


def test_the_rights_in_the_docs_are_those_the_tests_run_with() -> None:
    """Given the page for administrators, then the hub of the tests has exactly the rights that it says are enough."""
    page = (Path(__file__).parents[2] / "docs/rabbitmq.md").read_text("utf-8")
    rights = " ".join(f"'{right}'" for right in USERS["hub"][1:])
    assert f"set_permissions -p siphub siphub {rights}" in page


def test_without_pika_the_remedy_is_named() -> None:
    """Given a machine without pika, an amqp:// URL is refused with what to install."""
    script = (
        "import sys; sys.modules['pika'] = None\n"
        "from siphub.broker import connect\n"
        "from siphub.errors import SettingsError\n"
        "try: connect('amqp://u:s3cret@h/', name='hub')\n"
        "except SettingsError as error: print(error.code, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("settings.broker_driver")
    assert "siphub[rabbitmq]" in done.stdout
