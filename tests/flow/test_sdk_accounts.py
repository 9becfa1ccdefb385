"""Two municipalities with an account each at a message service of their own, through the whole hub: neither sees, stops or answers for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from siphub.flow import track
from siphub.flow.letters import recipient_of
from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber
from siphub.sandbox import Fault, Sandbox
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.testing.sdk_world import SdkWorld, sdk_world
from siphub.testing.story import Story, until

WHOSE = {p.MUNICIPALITY: p.CONTACT, p.NEIGHBOUR: p.SOCIAL_SERVICES}
NOT_ONE = {"service": "", "token_url": "", "client_id": ""}


@pytest.fixture
def services(sandbox: Sandbox) -> Iterator[dict[OrganisationNumber, SdkSandbox]]:
    """Run a message service for each, which knows one client alone."""
    with SdkSandbox(certificates=sandbox.certificates) as ours, SdkSandbox(certificates=sandbox.certificates) as theirs:
        theirs.service.client = ("soderby-siphub", "another-secret")
        yield {p.MUNICIPALITY: ours, p.NEIGHBOUR: theirs}


@pytest.fixture
def make_accounts_world(tmp_path: Path, sandbox: Sandbox, services: dict[OrganisationNumber, SdkSandbox]) -> Callable[..., SdkWorld]:
    """Return what makes a world with an account for each owner that is named."""

    def make(*owners: OrganisationNumber) -> SdkWorld:
        entries = [
            f"a{owner} {owner} {services[owner].url} {services[owner].token_url} {services[owner].service.client[0]}" for owner in owners
        ]
        world = sdk_world(sandbox, services[p.MUNICIPALITY], tmp_path, settings={**NOT_ONE, "accounts": "; ".join(entries)})
        for secrets in world.given["plugin_secrets"].values():
            secrets.update({f"client_secret_a{owner}": services[owner].service.client[1] for owner in owners})
        return world

    return make


@pytest.fixture
def world(make_accounts_world: Callable[..., SdkWorld]) -> Iterator[SdkWorld]:
    """Return a running hub with an account for each."""
    with make_accounts_world(*WHOSE) as running:
        yield running


def invited(world: SdkWorld, owner: OrganisationNumber) -> Story:
    """Return an owner's case with an invitation to FK on its way."""
    story = world.story(owner=owner, contact=WHOSE[owner])
    story.ready([p.FK])
    story.invited([p.FK])
    return story


def desk(world: SdkWorld) -> list[tuple[str, str, str]]:
    """Return what waits, of which owner, on whose desk."""
    return sorted((item.type, item.owner, item.unit) for item in track.desk(world.hub.ground))


def test_neither_owners_message_receipt_or_deletion_meets_the_others(
    world: SdkWorld, services: dict[OrganisationNumber, SdkSandbox]
) -> None:
    """Given an invitation of each, then each is at its own account alone and delivered by the receipt there; a copy of the first one's that the second one's service calls refused changes nothing, is shown to both, and stays when the first one's is deleted."""
    stories = {owner: invited(world, owner) for owner in WHOSE}
    for owner, story in stories.items():
        assert world.in_state(story, p.FK, "delivered")
        key = world.newest(story, p.FK).key
        assert {one: running.service.kept(key) for one, running in services.items()} == {one: int(one == owner) for one in services}
    mine, theirs = services[p.MUNICIPALITY].service, services[p.NEIGHBOUR].service
    row = world.newest(stories[p.MUNICIPALITY], p.FK)
    theirs.refuse("fk")
    assert theirs.take(mine.agencies["fk"].ledger.body(row.key)).status == 201
    shown = [("inbound.not_theirs", p.MUNICIPALITY, p.CONTACT), ("inbound.not_theirs", p.NEIGHBOUR, p.NEIGHBOUR)]
    assert until(lambda: desk(world) == sorted(shown))
    assert world.newest(stories[p.MUNICIPALITY], p.FK).state == "delivered"
    assert world.hub.ground.registry.erase(row.key, recipient_of(row, world.hub.ground.directory()))
    assert (mine.kept(row.key), theirs.kept(row.key)) == (0, 1)


def test_an_answer_at_one_account_is_none_in_the_others_case(world: SdkWorld, services: dict[OrganisationNumber, SdkSandbox]) -> None:
    """Given FK's answer to the first one's invitation at the second one's account, to either's function, then it is no answer, and waits on the second one's desk; at its own it is one."""
    story = invited(world, p.MUNICIPALITY)
    assert world.in_state(story, p.FK, "delivered")
    key, fk = world.newest(story, p.FK).key, world.agency(p.FK)
    for place in ("norrby", "soderby"):
        services[p.NEIGHBOUR].service.write(
            sender=(fk.participant, fk.address, fk.label),
            recipient=(f"0203:{place}.example", f"sdk:sip:0203:{place}.example"),
            text="Svar: nej",
            conversation_id=str(story.case_id),
            refToMessageId=key,
        )
    assert until(lambda: desk(world) == [("inbound.unthreaded", p.NEIGHBOUR, p.NEIGHBOUR)] * 2)
    assert "meeting.response" not in world.types(p.CONTACT, story)
    services[p.MUNICIPALITY].service.reply("fk", key, "Svar: ja")
    assert until(lambda: "meeting.response" in world.types(p.CONTACT, story))


def test_an_owner_without_an_account_is_held_and_goes_by_no_other(
    make_accounts_world: Callable[..., SdkWorld], services: dict[OrganisationNumber, SdkSandbox]
) -> None:
    """Given accounts that do not name the second one, then its invitation is held by the code and is its own people's work, and the first one's account has seen nothing of it."""
    with make_accounts_world(p.MUNICIPALITY) as world:
        story = invited(world, p.NEIGHBOUR)
        assert world.in_state(story, p.FK, "held")
        assert world.newest(story, p.FK).reason == "address.no_account"
        assert desk(world) == [("delivery.address.no_account", p.NEIGHBOUR, p.SOCIAL_SERVICES)]
        assert services[p.MUNICIPALITY].service.traffic.bytes_seen == 0
        assert world.in_state(invited(world, p.MUNICIPALITY), p.FK, "delivered")


def test_one_account_that_is_away_stops_nobody_else(world: SdkWorld, services: dict[OrganisationNumber, SdkSandbox]) -> None:
    """Given a service that gives the first one no token, then the second one's invitation to the same agency is delivered all the same, and the first one's when it does."""
    services[p.MUNICIPALITY].service.token_faults.add(Fault("status", status=503))
    waits = invited(world, p.MUNICIPALITY)
    assert until(lambda: world.newest(waits, p.FK).attempts >= 1)
    assert world.in_state(invited(world, p.NEIGHBOUR), p.FK, "delivered", 40)
    services[p.MUNICIPALITY].service.clear()
    assert world.in_state(waits, p.FK, "delivered", 40)
    assert services[p.MUNICIPALITY].service.kept(world.newest(waits, p.FK).key) == 1
