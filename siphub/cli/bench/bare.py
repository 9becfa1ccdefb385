"""The bare chain: what the same work costs where nothing is promised but durability. It is the measure, and no part of the hub.

HTTP in → one row for the message, one for each delivery, one to be rung, in one commit → broker, confirmed → consumer → a FHIR Bundle of plain
dicts → POST → outcome, many in one commit → ack. No consent, no seal, no audit, no history, no order, no retry, no directory: whatever fails
raises. On PostgreSQL two processes with RabbitMQ between them, on SQLite one process with a queue in it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from siphub.cli.bench.wire import Answer, Client, Request, listening

SENDERS = 16
GROUP = 50
BATCH = 500
QUEUE = "bare.siphub.deliver.plain"
_HEADERS = b"Content-Type: application/fhir+json; fhirVersion=4.0\r\nAccept: application/fhir+json\r\nUser-Agent: bare\r\n"
Item = tuple[str, str, str, bytes]
"""A delivery: its id, the message's id, the unit it goes to, and the message."""


# ── translate ──


def bundle(document: Mapping[str, Any], unit: str, delivery: str) -> bytes:
    """Return a message Bundle for a plan."""
    plan = document["content"]["plan"]
    patient = {"reference": f"urn:uuid:{document['case_id']}"}
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "MessageHeader",
            "id": delivery,
            "eventCoding": {"system": "urn:bare:event", "code": document["type"]},
            "destination": [{"endpoint": f"urn:bare:{unit}"}],
            "source": {"endpoint": "urn:bare"},
            "sender": {"identifier": {"value": document["sender"]["unit"]}},
            "focus": [{"reference": f"urn:uuid:{plan['id']}"}],
        },
        {
            "resourceType": "Patient",
            "id": document["case_id"],
            "identifier": [{"system": "urn:oid:1.2.752.129.2.1.3.1", "value": document["subject"]["identity"]["value"]}],
            "name": [{"given": [document["subject"].get("given_name")], "family": document["subject"].get("family_name")}],
        },
        {
            "resourceType": "CarePlan",
            "id": plan["id"],
            "meta": {"versionId": str(plan["version"])},
            "status": "draft",
            "intent": "plan",
            "subject": patient,
            "created": plan["made_on"],
            "description": "\n".join(plan["needs"]),
            "goal": [{"reference": f"urn:uuid:{goal['id']}"} for goal in plan["goals"]],
            "activity": [{"detail": _detail(one)} for one in plan["activities"]],
            "note": [{"text": plan["notes"]}],
        },
        *({"resourceType": "Goal", "id": one["id"], "description": {"text": one["text"]}, "subject": patient} for one in plan["goals"]),
        *({"resourceType": "Organization", "id": one, "identifier": [{"value": one}]} for one in document["recipients"]),
    ]
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources]
    whole = {"resourceType": "Bundle", "id": delivery, "type": "message", "timestamp": document["sent_at"], "entry": entries}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _detail(activity: Mapping[str, Any]) -> dict[str, Any]:
    responsible = activity["responsible"]
    return {
        "status": "not-started",
        "description": activity["what"],
        "scheduledString": activity["when"],
        "goal": [{"reference": f"urn:uuid:{goal}"} for goal in activity["goals"]],
        "performer": [{"display": responsible.get("name"), "identifier": {"value": responsible.get("unit")}}],
    }


# ── in ──


def read(body: bytes) -> tuple[dict[str, Any], list[Item]]:
    """Return a message, and its deliveries."""
    document: dict[str, Any] = json.loads(body)
    if not isinstance(document["message_id"], str) or not isinstance(document["content"], dict):
        raise TypeError
    return document, [(str(uuid4()), document["message_id"], unit, body) for unit in document["recipients"]]


class Keeper(Protocol):
    """Whatever keeps messages."""

    async def keep(self, document: Mapping[str, Any], items: Sequence[Item], body: bytes) -> None:
        """Keep a message with its deliveries; return once they are durable."""


def intake(keeper: Keeper) -> Callable[[Request, Answer], None]:
    """Return what takes requests."""
    tasks = set[asyncio.Task[None]]()

    async def accept(request: Request, answer: Answer) -> None:
        document, items = read(request.body)
        await keeper.keep(document, items, request.body)
        answer(202, json.dumps({"message_id": document["message_id"], "recipients": [item[2] for item in items]}).encode())

    def take(request: Request, answer: Answer) -> None:
        task = asyncio.create_task(accept(request, answer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return take


# ── out ──


class Sender:
    """Translates and posts, so many at a time, and hands over what has arrived in groups."""

    def __init__(self, told: Mapping[str, Any], record: Callable[[Sequence[tuple[str, int]]], Any]) -> None:
        self._paths: Mapping[str, str] = told["paths"]
        self._client = Client(told["partner"], SENDERS)
        self._record = record
        self._ended: list[tuple[str, int]] = []
        self._recording: asyncio.Task[None] | None = None

    async def deliver(self, item: Item, tag: int) -> None:
        """Deliver one."""
        delivery, _, unit, body = item
        payload = bundle(json.loads(body), unit, delivery)
        status, _ = await self._client.post(self._paths[unit], payload, _HEADERS + b"Idempotency-Key: %s\r\n" % delivery.encode())
        if status != 200:  # noqa: PLR2004 - OK
            raise ConnectionError(status)
        self._ended.append((delivery, tag))
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())

    async def _record_all(self) -> None:
        while self._ended:
            group, self._ended = self._ended[:GROUP], self._ended[GROUP:]
            await self._record(group)
        self._recording = None


# ── SQLite: one process ──


class OnSqlite:
    """Keeps everything in one file, and hands deliveries over in the process."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._connection = sqlite3.connect(told["database"], isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        for statement in _TABLES:
            self._connection.execute(
                statement.replace("@SERIAL@", "INTEGER PRIMARY KEY").replace("@BYTES@", "BLOB").replace("@TIME@", "TEXT")
            )
        self._sender = Sender(told, self._recorded)
        self._waiting = asyncio.Queue[Item]()
        self._tasks = [asyncio.create_task(self._send_all()) for _ in range(SENDERS)]

    async def keep(self, document: Mapping[str, Any], items: Sequence[Item], body: bytes) -> None:
        """Keep a message with its deliveries."""
        connection, now = self._connection, datetime.now(UTC).isoformat()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (document["message_id"], document["case_id"], body, now))
        connection.executemany("INSERT INTO delivery VALUES (?, ?, ?, 'queued', ?)", [(item[0], item[1], item[2], now) for item in items])
        connection.execute("COMMIT")
        for item in items:
            self._waiting.put_nowait(item)

    async def _send_all(self) -> None:
        while True:
            await self._sender.deliver(await self._waiting.get(), 0)

    async def _recorded(self, group: Sequence[tuple[str, int]]) -> None:
        now = datetime.now(UTC).isoformat()
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("UPDATE delivery SET state = 'delivered', at = ? WHERE id = ?", [(now, one) for one, _ in group])
        self._connection.execute("COMMIT")


# ── PostgreSQL and RabbitMQ: two processes ──


class OnPostgresql:
    """Keeps messages over a few connections, one transaction each."""

    def __init__(self, url: str, wake: asyncio.Event, connections: int = 4) -> None:
        self._url, self._wake, self._count = url, wake, connections
        self._resting = asyncio.Queue[Any]()

    async def open(self) -> None:
        """Connect, and make the tables."""
        import psycopg

        for _ in range(self._count):
            self._resting.put_nowait(await psycopg.AsyncConnection.connect(self._url))
        connection = await self._resting.get()
        for statement in _TABLES:
            await connection.execute(
                statement.replace("@SERIAL@", "BIGSERIAL PRIMARY KEY").replace("@BYTES@", "BYTEA").replace("@TIME@", "TIMESTAMPTZ")
            )
        await connection.commit()
        self._resting.put_nowait(connection)

    async def keep(self, document: Mapping[str, Any], items: Sequence[Item], body: bytes) -> None:
        """Keep a message with its deliveries, and what is to be rung."""
        now, ids = datetime.now(UTC), [item[0] for item in items]
        units = [item[2] for item in items]
        connection = await self._resting.get()
        try:
            async with connection.pipeline():
                await connection.execute(
                    "INSERT INTO message VALUES (%s, %s, %s, %s)", (document["message_id"], document["case_id"], body, now)
                )
                await connection.execute(
                    "INSERT INTO delivery SELECT id, %s, unit, 'queued', %s FROM unnest(%s::text[], %s::text[]) AS new (id, unit)",
                    (document["message_id"], now, ids, units),
                )
                await connection.execute("INSERT INTO outbox (delivery) SELECT unnest(%s::text[])", (ids,))
                await connection.commit()
        finally:
            self._resting.put_nowait(connection)
        self._wake.set()


class Relay:
    """Rings what is in the outbox: a batch, confirmed as one, forgotten in one commit."""

    def __init__(self, url: str, wake: asyncio.Event) -> None:
        self._url, self._wake = url, wake
        self._all_confirmed = asyncio.Event()
        self._sent = 0
        self._out = set[int]()

    async def run(self, channel: Any) -> None:
        """Ring, for ever."""
        import psycopg

        channel.confirm_delivery(self._on_confirm)
        connection = await psycopg.AsyncConnection.connect(self._url)
        query = (
            "SELECT o.id, d.id, d.message, d.unit, m.body FROM outbox o JOIN delivery d ON d.id = o.delivery JOIN message m ON m.id = d.message"
            " ORDER BY o.id LIMIT %s FOR UPDATE OF o SKIP LOCKED"
        )
        while True:
            self._wake.clear()
            rows = await (await connection.execute(query, (BATCH,))).fetchall()
            if not rows:
                await connection.commit()
                await self._wake.wait()
                continue
            await self._publish(channel, rows)
            await connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", ([row[0] for row in rows],))
            await connection.commit()

    async def _publish(self, channel: Any, rows: Sequence[Any]) -> None:
        import pika

        self._all_confirmed.clear()
        for row in rows:
            headers = {"delivery": row[1], "message": row[2], "unit": row[3]}
            channel.basic_publish("", QUEUE, bytes(row[4]), pika.BasicProperties(delivery_mode=2, headers=headers), mandatory=True)
            self._sent += 1
            self._out.add(self._sent)
        await self._all_confirmed.wait()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        tag = method.delivery_tag
        self._out -= {one for one in self._out if one <= tag} if method.multiple else {tag}
        if not self._out:
            self._all_confirmed.set()


async def channel_to(url: str) -> Any:
    """Return an open channel of a connection of its own, with the queue declared."""
    import pika
    from pika.adapters.asyncio_connection import AsyncioConnection

    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def with_channel(channel: Any) -> None:
        arguments = {"x-queue-type": "quorum"}
        channel.queue_declare(QUEUE, durable=True, arguments=arguments, callback=lambda _: opened.set_result(channel))

    AsyncioConnection(
        pika.URLParameters(url),
        on_open_callback=lambda connection: connection.channel(on_open_callback=with_channel),
        on_open_error_callback=lambda _, error: opened.set_exception(error),
        on_close_callback=lambda _, error: None if opened.done() else opened.set_exception(error),
    )
    return await opened


class Worker:
    """Consumes, delivers, records and acks."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told
        self._sender = Sender(told, self._recorded)
        self._tasks = set[asyncio.Task[None]]()
        self._connection: Any = None
        self._channel: Any = None

    async def run(self) -> None:
        """Stand at the queue."""
        import psycopg

        self._connection = await psycopg.AsyncConnection.connect(self._told["database"])
        self._channel = await channel_to(self._told["broker"])
        self._channel.basic_qos(prefetch_count=200)
        self._channel.basic_consume(QUEUE, self._heard)

    def _heard(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        found = properties.headers
        item = (found["delivery"], found["message"], found["unit"], body)
        task = asyncio.create_task(self._sender.deliver(item, method.delivery_tag))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recorded(self, group: Sequence[tuple[str, int]]) -> None:
        ids = [one for one, _ in group]
        statement = "UPDATE delivery SET state = 'delivered', at = now() WHERE id = ANY(%s)"
        await self._connection.execute(statement, (ids,))
        await self._connection.commit()
        for _, tag in group:
            self._channel.basic_ack(tag)


_TABLES = (
    "CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, case_id TEXT, body @BYTES@, at @TIME@)",
    "CREATE TABLE IF NOT EXISTS delivery (id TEXT PRIMARY KEY, message TEXT, unit TEXT, state TEXT, at @TIME@)",
    "CREATE TABLE IF NOT EXISTS outbox (id @SERIAL@, delivery TEXT)",
    "CREATE INDEX IF NOT EXISTS delivery_message ON delivery (message)",
    "CREATE INDEX IF NOT EXISTS delivery_state ON delivery (state, at)",
)


async def _main(told: Mapping[str, Any]) -> None:
    """Run one role of the chain until stdin closes."""
    port = 0
    kept: list[object] = []
    match told["role"]:
        case "alone":
            server, port = await listening(intake(OnSqlite(told)))
            kept.append(server)
        case "intake":
            wake = asyncio.Event()
            keeper = OnPostgresql(told["database"], wake)
            await keeper.open()
            channel = await channel_to(told["broker"])
            kept.append(asyncio.create_task(Relay(told["database"], wake).run(channel)))
            server, port = await listening(intake(keeper))
            kept.append(server)
        case _:
            worker = Worker(told)
            await worker.run()
            kept.append(worker)
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(json.loads(sys.stdin.readline())))
