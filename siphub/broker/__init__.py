"""The broker room: the doorbell between the relay and the workers, behind one protocol, whichever product rings.

`connect` picks the driver by the URL's scheme and imports only that one. It must never show the URL: it may hold a password.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import cast

from siphub.broker.base import (
    PROMISES,
    Ack,
    Broker,
    BrokerInfo,
    Confirming,
    Consumer,
    OnBell,
    OnRestored,
    Remark,
    Surveys,
    require_promises,
)
from siphub.broker.definitions import definitions
from siphub.broker.tokens import Tokens
from siphub.broker.topology import Bell, QueueSpec, Topology, queue_name, topology_for
from siphub.errors import SettingsError

__all__ = [
    "PROMISES",
    "SCHEMES",
    "Ack",
    "Bell",
    "Broker",
    "BrokerInfo",
    "Confirming",
    "Consumer",
    "OnBell",
    "OnRestored",
    "QueueSpec",
    "Remark",
    "Surveys",
    "Tokens",
    "Topology",
    "connect",
    "definitions",
    "queue_name",
    "require_promises",
    "topology_for",
]

_PORTABLE = "siphub.broker.portable:PortableBroker"
_KOMBU = "memory filesystem redis rediss sentinel sqla sqlalchemy mongodb pyamqp sqs azureservicebus gcpubsub pgmq etcd consul zookeeper"
_RABBITMQ = "siphub.broker.rabbitmq:RabbitBroker"
SCHEMES = MappingProxyType(dict.fromkeys(_KOMBU.split(), _PORTABLE) | {"amqp": _RABBITMQ, "amqps": _RABBITMQ})
"""Scheme of a broker URL → the driver, as `module:class`; a driver is called with the URL and the hub's name."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


def connect(url: str, *, name: str, tokens: Tokens | None = None) -> Broker:
    """Return the driver for a URL. Nothing is opened yet: `declare` does that.

    Args:
        url: `amqp://user:password@host/vhost`, `memory://`, `filesystem:///folder`, `redis://…`; see `SCHEMES`.
        name: The hub's name, a-z, digits and hyphens, at most 60. Queues are kept apart by it, so two hubs on one broker need two names.
        tokens: Where access tokens come from, for a RabbitMQ that asks for OAuth2.

    Raises:
        SettingsError: `settings.broker_scheme`, `settings.broker_driver`, `settings.broker_name`, `settings.broker_url`.
    """
    if not _NAME.fullmatch(name):
        message = "a hub's name is lower-case letters, digits and hyphens, at most 60"
        raise SettingsError(message, code="settings.broker_name")
    scheme = _scheme(url)
    if scheme not in SCHEMES:
        near = difflib.get_close_matches(scheme, SCHEMES, n=1)
        advice = f"did you mean {near[0]}://?" if near else f"known: {', '.join(sorted(SCHEMES))}"
        # What stands before "://" is shown only when it can be nothing but a scheme.
        shown = f"{scheme}://" if re.fullmatch(r"[a-z]{1,20}", scheme) else "this scheme"
        message = f"broker_url: no driver for {shown}; {advice}"
        raise SettingsError(message, code="settings.broker_scheme")
    if tokens is None:
        return _load(SCHEMES[scheme])(url, name)
    if SCHEMES[scheme] != _RABBITMQ:
        message = "broker_token_url: access tokens are for amqp:// and amqps://"
        raise SettingsError(message, code="settings.broker_url")
    return _load(SCHEMES[scheme])(url, name, tokens)


def _scheme(url: str) -> str:
    head, mark, _ = url.partition("://")
    if not mark:
        message = "broker_url: not a URL; it begins with a scheme, such as memory://"
        raise SettingsError(message, code="settings.broker_scheme")
    return head.partition("+")[0].lower()


def _load(target: str) -> Callable[..., Broker]:
    module, _, attribute = target.partition(":")
    try:
        room = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pika":
            raise
        message = "broker_url: RabbitMQ needs the package pika; install siphub[rabbitmq]"
        raise SettingsError(message, code="settings.broker_driver") from None
    return cast("Callable[..., Broker]", getattr(room, attribute))
