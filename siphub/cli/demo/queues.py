"""Takes the demo's queues away from a RabbitMQ that it was lent. A hub in service never deletes a queue; a demo leaves nothing behind.

It must never touch a queue under another name than the one it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from siphub.broker import queue_name


def taken_away(url: str, name: str, adapters: Iterable[str]) -> None:
    """Delete the queues of a hub by its name; a broker that cannot be reached, or does not let us, keeps them."""
    if not url.startswith(("amqp:", "amqps:")):
        return
    import pika
    from pika.exceptions import AMQPError, ChannelClosed

    from siphub.broker.rabbitmq_place import Place

    place = Place.of(url, name)
    with suppress(AMQPError, OSError):
        connection = pika.BlockingConnection(place.parameters("demo"))
        for adapter in sorted(adapters):
            with suppress(ChannelClosed):
                connection.channel().queue_delete(place.physical(queue_name(adapter)))
        connection.close()
