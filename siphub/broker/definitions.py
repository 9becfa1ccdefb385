"""What RabbitMQ holds for a hub, in RabbitMQ's own form: `rabbitmqctl import_definitions` makes it, and `siphub doctor` compares it.

It is made from the topology, so that the two cannot differ. It must never hold a password: the user in it cannot log in with one until an
administrator gives it one.
"""

from __future__ import annotations

import re
from typing import Any

from siphub.broker.topology import QUEUE_PREFIX, Topology

POLICY = "siphub-bells"
"""The name of the policy over a hub's queues is this and the hub's name."""
MOST_BELLS = 1_000_000
"""Above so many bells a queue takes no more: the relay hears of it and keeps them, while dropping the oldest would tell nobody."""


def rights(hub: str) -> dict[str, str]:
    """Return what a hub's user may do, as RabbitMQ's three patterns."""
    own = f"^{re.escape(hub)}\\.{re.escape(QUEUE_PREFIX)}"
    return {"configure": own, "write": r"^amq\.default$", "read": own}


def definitions(topology: Topology, *, hub: str, vhost: str, user: str) -> dict[str, Any]:
    """Return the definitions of one hub, for RabbitMQ 3.10 and newer.

    Args:
        topology: The hub's queues.
        hub: Its name at the broker.
        vhost: Its virtual host.
        user: Its user there.

    Returns:
        What `rabbitmqctl import_definitions` reads (RabbitMQ: "Schema Definition Export and Import").
    """
    queues = [queue for queue in topology.queues if queue.durable]
    return {
        "vhosts": [{"name": vhost}],
        # An empty hash is no password: nobody logs in with one.
        "users": [{"name": user, "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}],
        "permissions": [{"user": user, "vhost": vhost, **rights(hub)}],
        "policies": [
            {
                "vhost": vhost,
                "name": f"{POLICY} {hub}",
                "pattern": rights(hub)["configure"],
                "apply-to": "queues",
                "priority": 10,
                "definition": {
                    "delivery-limit": min((queue.delivery_limit for queue in queues), default=0),
                    "max-length": MOST_BELLS,
                    "overflow": "reject-publish",
                },
            }
        ],
        "queues": [
            {"name": f"{hub}.{queue.name}", "vhost": vhost, "durable": True, "auto_delete": False, "arguments": queue.arguments()}
            for queue in queues
        ],
        "exchanges": [],
        "bindings": [],
    }
