"""A partner's bell: it brings nothing but the hub's own question, to whoever has the key for it, at most once a look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from siphub.flow.partner_bell import Bells, ring
from siphub.hub import add_key
from siphub.model import people as p
from siphub.sandbox import Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.sdk_world import SdkWorld, sdk_world
from siphub.testing.story import until
from siphub.web import serve
from tests.conftest import Door


@pytest.fixture
def world(tmp_path: Path, sandbox: Sandbox) -> Iterator[SdkWorld]:
    """Return a running hub whose agencies are asked for answers once an hour."""
    with SdkSandbox(certificates=sandbox.certificates) as sdk:
        made = sdk_world(sandbox, sdk, tmp_path)
        for settings in made.given["plugin"].values():
            settings["poll_seconds"] = "3600"
        with made as running:
            yield running


@pytest.fixture
def make_ring(world: SdkWorld) -> Iterator[Callable[..., int]]:
    """Return what rings over HTTP, with a key of the roles named, and returns the status."""
    door = Door(world.hub, serve(world.hub, "127.0.0.1", 0), urllib3.PoolManager(retries=False, timeout=30))

    def ring(adapter: str, *roles: str, body: bytes = b"") -> int:
        name = f"{adapter}-{time.monotonic_ns()}"
        key = add_key(world.hub.store, world.hub.ground.clock, organisation=p.MUNICIPALITY, name=name, roles=roles) if roles else ""
        return door.ask("POST", f"/v1/receipts/{adapter}", body, key=key).status

    yield ring
    door.pool.clear()
    door.server.stop()


def test_a_bell_makes_the_hub_ask_now(world: SdkWorld, make_ring: Callable[..., int]) -> None:
    """Given a receipt that nobody would ask for within the hour, when the message service rings, with whatever it sends along, then the hub asks, and believes what it finds."""
    assert until(lambda: all(_polled(world, name) for name in ("arbetsformedlingen", "forsakringskassan")))
    story = world.story()
    story.ready([p.AF])
    story.invited([p.AF])
    assert world.in_state(story, p.AF, "awaiting_receipt")
    world.service.refuse("af")
    time.sleep(1.5)
    assert world.newest(story, p.AF).state == "awaiting_receipt"
    key = world.newest(story, p.AF).key
    assert make_ring("arbetsformedlingen", "ring", body=b'{"messageId": "%s", "messageStatus": "ACCEPTED"}' % key.encode()) == 202
    assert world.in_state(story, p.AF, "rejected")


def _polled(world: SdkWorld, name: str) -> bool:
    adapter: Any = world.hub.ground.registry.adapters[name]
    return all(account.next_poll > 0 for account in adapter._accounts.all)


@pytest.mark.parametrize(
    ("adapter", "roles", "status"),
    [
        ("arbetsformedlingen", (), 401),
        ("arbetsformedlingen", ("send", "inbox", "operate"), 403),
        ("municipal-xml", ("ring",), 404),
        ("no-such", ("ring",), 404),
        ("forsakringskassan", ("ring", "send"), 202),
    ],
)
def test_who_may_ring_and_where(make_ring: Callable[..., int], adapter: str, roles: tuple[str, ...], status: int) -> None:
    """Given no key, keys without the role, an adapter that polls nothing and one that is not there, then nothing is rung, and each is said."""
    assert make_ring(adapter, *roles) == status


def test_a_storm_of_bells_is_one(world: SdkWorld) -> None:
    """Given many ringings within half a look, then one is written, and one more where the hub looked meanwhile; a process that begins afterwards has heard none of them."""
    ground = world.hub.ground
    caller = world.caller(p.MUNICIPALITY, "api")
    before = Bells(ground)
    assert not before.rang("forsakringskassan")
    began, times = time.monotonic(), set[datetime]()
    while time.monotonic() - began < ground.settings.sweep_every.total_seconds() / 2 and len(times) < 3:
        ring(ground, "forsakringskassan", caller)
        with ground.store.read() as work:
            row = work.switches.row("bell.forsakringskassan")
            assert row is not None
            times.add(row.at)
    assert len(times) in {1, 2}
    assert [before.rang("forsakringskassan") for _ in range(2)] == [True, False]
    assert not Bells(ground).rang("forsakringskassan")


def test_a_bell_that_rings_while_the_hub_asks_is_heard_too(world: SdkWorld) -> None:
    """Given a ringing that the hub has heard, when it rings again within the same look, as for a receipt that came while the hub asked, then that one is heard at the next."""
    ground = world.hub.ground
    caller = world.caller(p.MUNICIPALITY, "api")
    bells = Bells(ground)
    assert not bells.rang("forsakringskassan")
    for _ in range(2):
        ring(ground, "forsakringskassan", caller)
        assert bells.rang("forsakringskassan")
    assert not bells.rang("forsakringskassan")
