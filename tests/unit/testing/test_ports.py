"""The ports that tests give to servers: nobody else's while the server is away, and never two at once."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from siphub.testing.ports import closed_port, free_port

GIVEN_AWAY = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_port_is_none_that_the_machine_gives_away() -> None:
    """Given many ports, each is another one, free, and below those of outgoing connections: no client has it while its server is away."""
    found = [free_port() for _ in range(50)]
    assert len(set(found)) == 50
    if GIVEN_AWAY.exists():
        assert max(found) < int(GIVEN_AWAY.read_text("ascii").split()[0])


def test_one_that_somebody_has_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a port that somebody listens at, then the next one is given."""
    taken, after = free_port(), free_port()
    monkeypatch.setattr("siphub.testing.ports._next", iter([taken, after]))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() == after


def test_a_closed_port_refuses_and_stays_so() -> None:
    """Given a closed port, then nobody is there, and nobody else can be while it is held."""
    with closed_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
