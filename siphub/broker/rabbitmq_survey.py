"""Looks at a RabbitMQ and says how it differs from what a hub wants there. It makes nothing and changes nothing.

Two ways: over AMQP as the hub's own user, which sees the hub's queues and no more; and over the management API, where an administrator
has given an address for it, which sees policies, rights, replicas and alarms too.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import pika
from cryptography import x509
from pika.exceptions import AMQPError, ChannelClosedByBroker, UnroutableError

from siphub.broker.base import Remark
from siphub.broker.rabbitmq_place import Place, Tls, lost, reply_code
from siphub.contract.http import Http, HttpFailure
from siphub.errors import BrokerError, SettingsError

PATIENCE = 10.0
"""Seconds that RabbitMQ may take to tell of all queues."""
SOON = timedelta(days=30)
"""A certificate that ends within so long is said."""
OLDEST = (3, 10)
"""The oldest RabbitMQ a hub is tested with."""
_OK, _NOT_THERE, _REFUSED = 200, 404, frozenset({401, 403})
_GONE, _DIFFERS = 404, 406


def over_amqp(place: Place, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    """Look at a hub's queues as its own user.

    Raises:
        BrokerLost: The broker does not answer, or refuses the hub; the error says which.
    """
    try:
        connection = _connected(place)
    except (AMQPError, OSError) as error:
        raise lost(error) from error
    found, at = list[Remark](), ["the exchange amq.default"]

    def look() -> None:
        with suppress(AMQPError, OSError):
            found.extend(_writes(connection, wanted))
            for queue in wanted["queues"]:
                at[0] = f"queue {queue['name']}"
                found.extend(_queue(connection, queue))
            at.clear()
            connection.close()

    # In a thread of its own: pika waits for an answer for ever, and a queue without a leader gives none.
    thread = threading.Thread(target=look, name="siphub-survey", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    yield from tuple(found)
    if at:
        yield Remark("wrong", f"{at[0]} does not answer: a queue without a leader does not; delete it, and the hub makes it anew")
    elif not found:
        yield Remark("ok", f"RabbitMQ has the {len(wanted['queues'])} queues of this hub as they should be, and each has a consumer")


def certificates(tls: Tls | None, now: datetime) -> Iterator[Remark]:
    """Look at the certificate files of the URL: one that runs out ends every connection from the next one on."""
    for file in filter(None, (tls.certificate, tls.ca) if tls else ()):
        for one in x509.load_pem_x509_certificates(Path(file).read_bytes()):
            left = one.not_valid_after_utc - now
            if left < SOON:
                verb = "runs out" if left > timedelta(0) else "ran out"
                level: Literal["look", "wrong"] = "look" if left > timedelta(0) else "wrong"
                yield Remark(
                    level, f"a certificate in {Path(file).name}, named in broker_url, {verb} on {one.not_valid_after_utc:%Y-%m-%d}"
                )


def _connected(place: Place) -> Any:
    token = place.tokens.current().text if place.tokens else None
    error: BaseException | None = None
    for parameters in place.parameters("doctor", token):
        try:
            return pika.BlockingConnection(parameters)
        except (AMQPError, OSError) as one:
            error = one
    raise error or OSError("no host")


def _writes(connection: Any, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    """Publish to a queue that is not there: who may write gets it back."""
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish("", f"{wanted['policies'][0]['name']} probe", b"", mandatory=True)
    except UnroutableError:
        return
    except ChannelClosedByBroker:
        yield Remark("wrong", r"this hub's user may not write: the pattern is to be ^amq\.default$")


def _queue(connection: Any, queue: Mapping[str, Any]) -> Iterator[Remark]:
    name = queue["name"]
    try:
        seen = connection.channel().queue_declare(name, passive=True).method
    except ChannelClosedByBroker as error:
        if reply_code(error) == _GONE:
            yield _missing(name)
        else:
            yield Remark("wrong", f"queue {name}: {lost(error).detail}")
        return
    try:
        connection.channel().queue_declare(name, durable=queue["durable"], arguments=dict(queue["arguments"]))
    except ChannelClosedByBroker as error:
        if reply_code(error) == _DIFFERS:
            yield Remark("wrong", f"queue {name} was made with other arguments: delete it when it is empty, and the hub makes it anew")
        else:
            yield Remark("look", f"this hub's user may not make the queue {name}: were it deleted, an administrator would have to make it")
    if not seen.consumer_count:
        yield _deaf(name, seen.message_count)


def _missing(name: str) -> Remark:
    return Remark("wrong", f"queue {name} is not there: a hub that starts makes it, and so does importing siphub broker definitions")


def _deaf(name: str, waiting: int) -> Remark:
    return Remark("look", f"nobody listens at the queue {name}, and {waiting} bells wait there: siphub work starts a worker")


class _Hidden(BrokerError):
    """The user may not see this."""

    code = "broker.management"


class Management:
    """RabbitMQ's management API.

    Args:
        http: The hub's own HTTP.
        url: `https://user:password@host:15671`; the user needs the tags `monitoring` and `policymaker`, and access to the virtual host.

    Raises:
        SettingsError: `settings.broker_url`; the URL cannot be read.
    """

    def __init__(self, http: Http, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.username:
            raise SettingsError("broker_management_url: write it as https://user:password@host:15671", code="settings.broker_url")
        self._http = http
        self._base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/api"
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        self._headers = {"Authorization": f"Basic {b64encode(who.encode()).decode()}"}

    def get(self, *path: str) -> Any:
        """Return what stands at a path as JSON, or None where nothing does.

        Raises:
            BrokerError: `broker.management`; it is not reached, refuses the user, or answers something else.
        """
        try:
            answer = self._http.get("/".join([self._base, *(quote(part, safe="") for part in path)]), self._headers)
        except SettingsError as error:
            raise _unmanaged(error.detail) from None
        if isinstance(answer, HttpFailure):
            raise _unmanaged(f"it is not reached ({answer.code})")
        if answer.status in _REFUSED:
            raise _Hidden(
                f"{_AT}: it refuses this user, or the user lacks the tags monitoring and policymaker, or access to the virtual host"
            )
        if answer.status == _NOT_THERE:
            return None
        try:
            if answer.status == _OK and not answer.truncated:
                return json.loads(answer.body)
        except ValueError:
            pass
        raise _unmanaged(f"it answers with status {answer.status} and no JSON")


_AT = "RabbitMQ's management API at broker_management_url"


def _unmanaged(why: str) -> BrokerError:
    return BrokerError(f"{_AT}: {why}", code="broker.management")


def over_management(management: Management, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    """Look at everything of a hub's at RabbitMQ: version, queues, policies, rights, replicas and alarms.

    Raises:
        BrokerError: `broker.management`.
    """
    found = [*_server(management), *_queues(management, wanted), *_policies(management, wanted), *_rights(management, wanted)]
    yield from found
    if not found:
        yield Remark("ok", f"RabbitMQ has the {len(wanted['queues'])} queues, the policy and the rights of this hub as they should be")


def _server(management: Management) -> Iterator[Remark]:
    version = str(management.get("overview")["rabbitmq_version"])
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        yield Remark("wrong", f"RabbitMQ is {version}: a hub needs {'.'.join(map(str, OLDEST))} or newer")
    for node in management.get("nodes"):
        for alarm in ("mem_alarm", "disk_free_alarm"):
            if node.get(alarm):
                what = "memory" if alarm == "mem_alarm" else "disk"
                yield Remark("wrong", f"the node {node['name']} is short of {what}: RabbitMQ takes no bells until it has room")
        if node.get("partitions"):
            yield Remark("wrong", f"the node {node['name']} is cut off from {len(node['partitions'])} others of its cluster")


def _queues(management: Management, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    vhost = wanted["vhosts"][0]["name"]
    listed = management.get("queues", vhost)
    if listed is None:
        yield Remark("wrong", f"there is no virtual host {vhost}: import siphub broker definitions, or make it")
        return
    there = {str(one["name"]): one for one in listed}
    for queue in wanted["queues"]:
        seen = there.get(queue["name"])
        yield from [_missing(queue["name"])] if seen is None else _differences(queue, seen)
    own = re.compile(wanted["policies"][0]["pattern"])
    for name in sorted(name for name in there if own.match(name) and name not in {queue["name"] for queue in wanted["queues"]}):
        yield Remark("look", f"queue {name} is of an adapter this hub does not have ({there[name].get('messages', 0)} bells): delete it")


def _differences(queue: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Remark]:
    name, arguments = queue["name"], seen.get("arguments", {})
    for key, value in queue["arguments"].items():
        if arguments.get(key) != value:
            yield Remark(
                "wrong", f"queue {name} has {key} {arguments.get(key, 'unset')}, not {value}: delete it, and the hub makes it anew"
            )
    if not seen.get("durable"):
        yield Remark("wrong", f"queue {name} does not outlive a restart: delete it, and the hub makes it anew")
    silent = sorted(set(seen.get("members", ())) - set(seen.get("online", ())))
    if silent:
        yield Remark("look", f"queue {name}: {len(silent)} of its {len(seen['members'])} replicas are away")
    if not seen.get("consumers"):
        yield _deaf(name, seen.get("messages", 0))


def _policies(management: Management, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    for policy in wanted["policies"]:
        seen = management.get("policies", policy["vhost"], policy["name"])
        if seen is None:
            yield Remark(
                "look", f"the policy {policy['name']} is not there, so nothing bounds the queues: import siphub broker definitions"
            )
            continue
        for key in ("pattern", "definition"):
            if seen[key] != policy[key]:
                yield Remark("look", f"the policy {policy['name']} has another {key}: compare it with siphub broker definitions")


def _rights(management: Management, wanted: Mapping[str, Any]) -> Iterator[Remark]:
    for right in wanted["permissions"]:
        try:
            seen = management.get("permissions", right["vhost"], right["user"])
        except _Hidden:
            return  # RabbitMQ shows rights to the tag administrator alone, and nobody should need that to look
        if seen is None:
            yield Remark("wrong", f"the user {right['user']} may not use the virtual host {right['vhost']}")
            continue
        needed = {"write": ["amq.default"], "read": [queue["name"] for queue in wanted["queues"]]}
        for kind, names in {**needed, "configure": needed["read"]}.items():
            if not all(re.search(seen[kind], name) for name in names):
                level: Literal["look", "wrong"] = "look" if kind == "configure" else "wrong"
                yield Remark(level, f"the user {right['user']} may not {kind} what this hub needs: the pattern is to be {right[kind]}")
            elif re.search(seen[kind], "somebody-elses-queue"):
                yield Remark("look", f"the user {right['user']} may {kind} more than this hub needs: {right[kind]} is enough")
