"""Whether the adapter of an address is here, and carries messages of this type: what it cannot be given is somebody's work from the start.

It must never send anything round an adapter's own word: what its datasheet does not list is held, whoever asks.
"""

from __future__ import annotations

from dataclasses import replace

from siphub.flow.ground import Ground
from siphub.policy.routing import Route


def carried(ground: Ground, route: Route, message_type: str) -> Route:
    """Return a route as it is, or held where no adapter of this hub carries that type to its address."""
    if route.state != "queued" or route.address is None:
        return route
    reason = why_not(ground, route.address.adapter, message_type)
    return route if reason is None else replace(route, state="held", reason=reason)


def why_not(ground: Ground, adapter: str, message_type: str) -> str | None:
    """Return the reason why an adapter cannot be given a message of a type, or None."""
    found = ground.registry.adapters.get(adapter)
    if found is None:
        return "adapter.not_enabled"
    return None if found.info.carries(message_type) else "adapter.kind_unsupported"
