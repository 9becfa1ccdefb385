"""A RabbitMQ of one's own for tests: Debian's programs on free ports of loopback, with all its files in one folder.

It can be killed, stopped, frozen and started again, and two at once do not meet: each has its own name server (epmd), node and cookie.
It must never touch a RabbitMQ that the machine runs, nor leave a process behind: whatever it started ends with it, or with the test run.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pika
from pika.exceptions import AMQPError

from siphub.sandbox.certificate import HERE, LIFETIME, Authority
from siphub.testing.ports import free_port
from siphub.testing.server_process import ServerProcess

PATIENCE = 60.0
"""Seconds for a node to come up on a busy machine; a quiet one needs three."""
SETTLED = 1.5
"""Seconds after which a queue outlives a kill: RabbitMQ 3.10 writes its first entries late, and without them it never has a leader again."""
VHOST = "siphub/tests"
_QUEUES = r"^[a-z0-9-]+\.siphub\.deliver\."
USERS: Mapping[str, tuple[str, str, str, str]] = {
    # What docs/rabbitmq.md tells an administrator to grant, and nothing more.
    "hub": ("s3cret/of:the@hub", _QUEUES, r"^amq\.default$", _QUEUES),
    # May use queues that are there, and make none.
    "narrow": ("s3cret-narrow", "^$", r"^amq\.default$", _QUEUES),
    # May not even do that.
    "deaf": ("s3cret-deaf", "^$", "^$", "^$"),
    # Looks at everything over the management API, and does nothing.
    "doctor": ("s3cret-doctor", "^$", "^$", "^$"),
    # Is known by its certificate; see `EXTERNAL`.
    "certified": ("", _QUEUES, r"^amq\.default$", _QUEUES),
}
"""User → password, and what it may configure, write and read."""
_TAGS = {"doctor": "monitoring,policymaker"}
MANAGEMENT = "rabbitmq_management"
"""The plugin with the management API; it listens on a port of its own."""
EXTERNAL = ("auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = EXTERNAL", "ssl_cert_login_from = common_name")
"""What RabbitMQ needs, beside the plugin rabbitmq_auth_mechanism_ssl, to know a user by the common name of a certificate."""
_PROGRAMS = Path("/usr/lib/rabbitmq/bin")
"""Where Debian and the RPMs keep the real programs; those on the path insist on the machine's own user and folders."""


def program(name: str) -> Path | None:
    """Return one of RabbitMQ's programs, or None where it is not installed."""
    own = _PROGRAMS / name
    found = str(own) if own.exists() else shutil.which(name)
    return Path(found).resolve() if found else None


def missing() -> str | None:
    """Return why there can be no RabbitMQ on this machine, or None where there can."""
    if program("rabbitmq-server") and shutil.which("erl") and shutil.which("epmd"):
        return None
    return "rabbitmq-server is not installed; on Debian and Ubuntu: apt-get install --no-install-recommends rabbitmq-server"


class Rabbit:
    """One node. Use it as a context manager; it is up inside.

    Args:
        folder: An empty folder of its own.
        plugins: RabbitMQ's plugins to enable.
        settings: Further lines of its `rabbitmq.conf`.
    """

    def __init__(self, folder: Path, plugins: Sequence[str] = (), settings: Sequence[str] = ()) -> None:
        self._folder = folder
        self._epmd: ServerProcess | None = None
        self._node: ServerProcess | None = None
        self.port, self.tls_port, self.management_port, self._dist_port, self._epmd_port = (free_port() for _ in range(5))
        self.ca_file, self.authority = folder / "ca.pem", Authority()
        self.authority.trust(self.ca_file)
        self.shows(HERE)
        self._env = _environment(folder, self._epmd_port, self._dist_port)
        (folder / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        api = ("management.tcp.ip = 127.0.0.1", f"management.tcp.port = {self.management_port}") if MANAGEMENT in plugins else ()
        _write_settings(folder, self.port, self.tls_port, (*api, *settings))

    def __enter__(self) -> Self:
        words = [shutil.which("epmd") or "epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)]
        self._epmd = ServerProcess(words, self._env, self._folder / "epmd.log")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._epmd is not None:
            self._epmd.end()

    # ── where it is ──

    @property
    def url(self) -> str:
        """Where a hub finds it."""
        return self.url_of("hub")

    def url_of(self, user: str, *, tls: bool = False) -> str:
        """Return the URL for one of `USERS`."""
        port = self.tls_port if tls else self.port
        return f"amqp{'s' if tls else ''}://{user}:{_quoted(USERS[user][0])}@127.0.0.1:{port}/{_quoted(VHOST)}"

    @property
    def management_url(self) -> str:
        """Return where the management API answers, with a user who may look; only where the plugin is enabled."""
        return f"http://doctor:{_quoted(USERS['doctor'][0])}@127.0.0.1:{self.management_port}"

    # ── what can be done to it ──

    def shows(self, names: Sequence[str], ends: timedelta = LIFETIME) -> None:
        """Give it a certificate for these names; where it runs, from the next connection on."""
        self.authority.issue(self._folder / "server.pem", self._folder / "server.key", "siphub tests", names, ends)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        server = program("rabbitmq-server")
        assert server is not None, missing()
        self._node = ServerProcess([str(server)], self._env, self._folder / "node.log")
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._node.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"RabbitMQ did not come up:\n{(self._folder / 'node.log').read_text('utf-8', 'replace')[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone. Queues younger than `SETTLED` may not survive that."""
        if self._node is not None:
            self._node.end()
            self._node = None

    def stop(self) -> None:
        """Stop it as an administrator does."""
        if self._node is not None:
            self._node.end(signal.SIGTERM, PATIENCE)
            self._node = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hold its connections and say nothing, as behind a line that swallows everything."""
        assert self._node is not None
        self._node.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._node.send(signal.SIGCONT)

    def said(self) -> str:
        """Return the server's own log."""
        return "".join(file.read_text("utf-8", "replace") for file in sorted((self._folder / "log").glob("*.log")))

    def control(self, *words: str) -> str:
        """Run `rabbitmqctl` and return what it says."""
        ctl = program("rabbitmqctl")
        assert ctl is not None, missing()
        done = subprocess.run([str(ctl), *words], env=self._env, check=True, capture_output=True, text=True, timeout=PATIENCE)  # noqa: S603
        return done.stdout

    def queues(self) -> list[str]:
        """Return the names of all queues, as the broker knows them."""
        return self.control("-q", "list_queues", "--no-table-headers", "-p", VHOST, "name").split()

    def delete_queue(self, queue: str) -> None:
        """Delete a queue."""
        self._with_channel(lambda channel: channel.queue_delete(queue))

    def purge(self, queue: str) -> None:
        """Take every bell out of a queue that is with nobody."""
        self._with_channel(lambda channel: channel.queue_purge(queue))

    def restore(self) -> None:
        """Make the virtual host and what its users may do as they were at the start."""
        self.control("import_definitions", str(self._folder / "definitions.json"))

    def put(self, queue: str, body: bytes) -> None:
        """Put any bytes in a queue."""
        self._with_channel(lambda channel: channel.basic_publish("", queue, body, mandatory=True))

    def waiting(self, queue: str) -> int | None:
        """Return how many messages of a queue are with nobody, or None where there is no such queue."""
        found = self._counts(queue)
        return None if found is None else int(found.message_count)

    def consumers(self, queue: str) -> int | None:
        """Return how many listen at a queue, as the broker sees it, or None where there is no such queue or nobody can be asked."""
        found = self._counts(queue)
        return None if found is None else int(found.consumer_count)

    def _counts(self, queue: str) -> Any:
        try:
            return self._with_channel(lambda channel: channel.queue_declare(queue, passive=True)).method
        except (OSError, AMQPError):
            return None

    def _with_channel(self, work: Callable[[Any], Any]) -> Any:
        connection = pika.BlockingConnection(self._parameters())
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            return work(channel)
        finally:
            connection.close()

    def _parameters(self) -> pika.ConnectionParameters:
        credentials = pika.PlainCredentials("hub", USERS["hub"][0])
        return pika.ConnectionParameters("127.0.0.1", self.port, VHOST, credentials, socket_timeout=2, stack_timeout=5)

    def _answers(self) -> bool:
        try:
            # pika would tell of every failed attempt; a port that is not open is the ordinary case.
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            pika.BlockingConnection(self._parameters()).close()
        except (OSError, AMQPError):
            return False
        return True


def _quoted(text: str) -> str:
    return "".join(char if char.isalnum() or char == "-" else f"%{ord(char):02X}" for char in text)


def _environment(folder: Path, epmd_port: int, dist_port: int) -> dict[str, str]:
    erlang = Path(shutil.which("erl") or "/usr/bin/erl").parent
    return {
        "PATH": f"{erlang}:/usr/sbin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_NODENAME": f"siphub-{epmd_port}@localhost",
        "RABBITMQ_DIST_PORT": str(dist_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        # The distribution would listen on every address; and schedulers that spin while they wait steal the test's processors.
        # Certificates are read anew for each connection: tests change them.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -ssl bypass_pem_cache true "
        "+sbwt none +sbwtdcpu none +sbwtdio none",
    }


def _write_settings(folder: Path, port: int, tls_port: int, further: Sequence[str]) -> None:
    (folder / "rabbitmq-env.conf").touch()
    definitions = {
        # Without a password nobody logs in with one.
        "users": [
            {"name": name, "tags": _TAGS.get(name, ""), **({"password": user[0]} if user[0] else {"password_hash": ""})}
            for name, user in USERS.items()
        ],
        "vhosts": [{"name": VHOST}],
        "permissions": [
            {"user": name, "vhost": VHOST, "configure": configure, "write": write, "read": read}
            for name, (_, configure, write, read) in USERS.items()
        ],
    }
    (folder / "definitions.json").write_text(json.dumps(definitions))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\n"
        f"listeners.ssl.1 = 127.0.0.1:{tls_port}\n"
        f"ssl_options.cacertfile = {folder}/ca.pem\n"
        f"ssl_options.certfile = {folder}/server.pem\n"
        f"ssl_options.keyfile = {folder}/server.key\n"
        "ssl_options.verify = verify_peer\n"
        f"load_definitions = {folder}/definitions.json\n"
        "disk_free_limit.absolute = 1MB\n" + "".join(f"{line}\n" for line in further)
    )
