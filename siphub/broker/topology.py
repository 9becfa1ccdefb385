"""What the broker holds, as data: one queue per adapter, and the bells that lie in it.

A bell carries ids of deliveries and words to route them by. It must never carry personal data: ids are UUIDs, and a routing word has
no run of more than five digits, so that neither a person's nor an organisation's number can ride along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from siphub.errors import BrokerError

QUEUE_PREFIX = "siphub.deliver."
MAX_DELIVERIES = 16
"""The most deliveries one bell rings."""
MAX_WORDS = 8
MAX_BYTES = 4096
"""The largest bell in bytes; more is poison."""
DELIVERY_LIMIT = 20
"""How many times a bell may be given back before it is dropped. The store knows of every delivery and rings again."""

_VERSION = 1
_ADAPTER = re.compile(r"[a-z][a-z0-9-]{0,39}")
_WORD = re.compile(r"(?!.*[0-9]{6})[a-z0-9][a-z0-9._:-]{0,63}")


def queue_name(adapter: str) -> str:
    """Return the name of an adapter's queue, `siphub.deliver.<adapter>`.

    Raises:
        ValueError: An adapter cannot be called that: a-z, digits and hyphens, at most 40.
    """
    if not _ADAPTER.fullmatch(adapter):
        message = "an adapter's name is lower-case letters, digits and hyphens, at most 40"
        raise ValueError(message)
    return QUEUE_PREFIX + adapter


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One queue. `delivery_limit` is how many times a bell may be given back before the queue drops it."""

    name: str
    durable: bool = True
    delivery_limit: int = DELIVERY_LIMIT

    def arguments(self) -> dict[str, object]:
        """Return the queue's arguments for brokers that speak AMQP 0-9-1."""
        return {"x-queue-type": "quorum", "x-delivery-limit": self.delivery_limit} if self.durable else {}


@dataclass(frozen=True, slots=True)
class Topology:
    """Every queue of a hub."""

    queues: tuple[QueueSpec, ...] = ()

    def queue(self, name: str) -> QueueSpec | None:
        """Return a queue, or None where nobody planned it."""
        return next((queue for queue in self.queues if queue.name == name), None)


def topology_for(adapters: Iterable[str], *, delivery_limit: int = DELIVERY_LIMIT) -> Topology:
    """Return the topology of a hub with these adapters: a durable queue each."""
    return Topology(tuple(QueueSpec(queue_name(adapter), delivery_limit=delivery_limit) for adapter in sorted(set(adapters))))


@dataclass(frozen=True, slots=True)
class Bell:
    """A ring for one to sixteen deliveries of one adapter.

    Args:
        adapter: The adapter's name; it decides the queue.
        deliveries: Ids of deliveries, UUIDs in lower case with hyphens, each once.
        words: Up to eight words for whoever routes or counts bells (a message type, an endpoint's label). They are not read by the flow.

    Raises:
        ValueError: A part is not of that form. The value is not repeated.
    """

    adapter: str
    deliveries: tuple[str, ...]
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        queue_name(self.adapter)
        _check(1 <= len(self.deliveries) <= MAX_DELIVERIES, "a bell rings one to sixteen deliveries")
        _check(all(_is_id(one) for one in self.deliveries), "a bell's deliveries are UUIDs in lower case")
        _check(len(set(self.deliveries)) == len(self.deliveries), "a bell names each delivery once")
        _check(len(self.words) <= MAX_WORDS, "a bell has at most eight words")
        _check(all(_WORD.fullmatch(word) for word in self.words), "a bell's words are short codes without long numbers")

    @property
    def queue(self) -> str:
        """The queue this bell belongs to."""
        return queue_name(self.adapter)

    def to_bytes(self) -> bytes:
        """Return the bell as JSON in UTF-8, the same bytes for the same bell."""
        return json.dumps(
            {"v": _VERSION, "adapter": self.adapter, "deliveries": self.deliveries, "words": self.words}, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Bell:
        """Read a bell, strictly: no unknown, missing or repeated field, no coercion.

        Raises:
            BrokerError: `broker.bad_bell`; the bytes are not a bell. They are not repeated in the error.
        """
        try:
            return cls(**_fields(raw))
        except (ValueError, RecursionError):
            # The chain is cut on purpose: a decoder's error repeats the bytes, and nobody knows whose bytes these are.
            message = "these bytes are not a bell; they were not written by this version of siphub"
            raise BrokerError(message, code="broker.bad_bell") from None


def _check(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise ValueError(message)


def _is_id(one: str) -> bool:
    try:
        return str(UUID(one)) == one
    except ValueError:
        return False


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check(len({key for key, _ in pairs}) == len(pairs), "a field is there twice")
    return dict(pairs)


def _fields(raw: bytes) -> dict[str, Any]:
    _check(len(raw) <= MAX_BYTES, "too large for a bell")
    document = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_repeats)
    _check(isinstance(document, dict) and set(document) == {"v", "adapter", "deliveries", "words"}, "not the fields of a bell")
    version = document["v"]
    _check(type(version) is int and version == _VERSION, "another version")
    _check(isinstance(document["adapter"], str), "not a name")
    for key in ("deliveries", "words"):
        _check(isinstance(document[key], list) and all(isinstance(one, str) for one in document[key]), "not a list of strings")
    return {"adapter": document["adapter"], "deliveries": tuple(document["deliveries"]), "words": tuple(document["words"])}
