"""A case decided on paper: the policy alone, without store, broker or partner, for tests of its rules.

It takes a story's messages and does with them what intake does: decide, route, remember who is in the case. It must never soften a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from siphub.model import Caller, Directory, Message, Organisation, Unit, sample_directory
from siphub.model import people as p
from siphub.model.case import SipCase
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.policy import case as policy
from siphub.policy import recall
from siphub.policy.disclosure import Covered, judge
from siphub.policy.refusal import Refusal
from siphub.policy.routing import Route, joining, routes
from siphub.testing.story import Story

PROVIDER = OrganisationNumber("5560009994")
PRIVATE = UnitId("SE5560009994-5001")
ASSOCIATION = OrganisationNumber("8020009992")
OUTSIDE = UnitId("8020009992/ombud")
RECALLS = frozenset({"meeting.cancelled", "plan.closed"})


def wide_directory() -> Directory:
    """Return the sample directory with a private care provider and an association as well."""
    base = sample_directory()
    more = (
        Organisation(number=PROVIDER, name="Omsorg AB", kind="private_provider", public_label="Omsorg AB"),
        Organisation(number=ASSOCIATION, name="Ombuden", kind="other", public_label="Ombuden"),
    )
    address = base.units[0].address
    units = tuple(
        Unit(id=unit, organisation=organisation, name="Enheten", public_label="Enheten", address=address)
        for unit, organisation in ((PRIVATE, PROVIDER), (OUTSIDE, ASSOCIATION))
    )
    return base.model_copy(update={"organisations": (*base.organisations, *more), "units": (*base.units, *units)})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one message: a refusal, or effects and routes."""

    refusal: Refusal | None = None
    effects: tuple[policy.Effect, ...] = ()
    routes: tuple[Route, ...] = ()

    @property
    def code(self) -> str | None:
        """The refusal's code, or None where the message was taken."""
        return self.refusal.code if self.refusal else None

    @property
    def states(self) -> Mapping[str, tuple[str, str | None]]:
        """Recipient → (state, reason)."""
        return {route.recipient: (route.state, route.reason) for route in self.routes}

    @property
    def reached(self) -> frozenset[str]:
        """The recipients it may be sent to."""
        return frozenset(route.recipient for route in self.routes if route.state == "queued")

    @property
    def work(self) -> tuple[str, ...]:
        """The types of the work items it opens."""
        return tuple(effect.type for effect in self.effects if isinstance(effect, policy.OpenWork))


@dataclass
class Desk:
    """One case. `story` makes its messages; `last` is what became of the newest."""

    now: datetime = p.NOON
    directory: Directory = field(default_factory=wide_directory)
    case: SipCase | None = None
    last: Verdict = field(default_factory=Verdict)
    story: Story = field(init=False)

    def __post_init__(self) -> None:
        self.story = Story(self.send, now=self.now)

    @property
    def open(self) -> SipCase:
        """The case; there must be one."""
        assert self.case is not None
        return self.case

    @property
    def state(self) -> str:
        """The case's state."""
        return self.open.state

    def caller_for(self, message: Message) -> Caller:
        """Return a caller that speaks for the sender's whole organisation."""
        return Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "desk")

    def ask(self, message: Message, caller: Caller | None = None) -> Refusal | policy.Decision:
        """Decide, and change nothing."""
        return policy.decide(self.case, message, caller or self.caller_for(message), self.directory, self.now)

    def send(self, message: Message) -> Verdict:
        """Decide, route, and keep what follows."""
        decided = self.ask(message)
        if isinstance(decided, Refusal):
            self.last = Verdict(refusal=decided)
            return self.last
        found = () if message.type in RECALLS else routes(message, decided.case, self.directory, self.now)
        members = (*decided.case.units, *joining(message, found))
        self.case = decided.case.model_copy(update={"units": tuple(dict.fromkeys(members))})
        self.last = Verdict(effects=decided.effects, routes=found)
        return self.last

    def did(self, say: Callable[[], object]) -> tuple[dict[str, Any], tuple[policy.Effect, ...]]:
        """Say something that is taken, and return which fields of the case it changed, but for the case's version, and what it asked for."""
        before = self.open
        say()
        assert self.last.refusal is None
        assert self.open.version == before.version + 1
        names = (name for name in SipCase.model_fields if name != "version" and getattr(self.open, name) != getattr(before, name))
        return {name: getattr(self.open, name) for name in names}, self.last.effects

    def refused(self, say: Callable[[], object]) -> Refusal | None:
        """Say something that is not taken, and return why not; the case is as it was."""
        before = self.case
        say()
        assert self.case == before
        return self.last.refusal

    def holds(self, route: Route) -> bool:
        """Say whether a delivery routed earlier would be permitted now."""
        return self.basis_now(route) is not None

    def basis_now(self, route: Route) -> str | None:
        """Return the basis a delivery routed earlier would be permitted on now, as the claim asks, or None."""
        judged = judge(route.need, self.open.grants, route.asserted, self.now)
        return judged.basis if isinstance(judged, Covered) else None

    def later(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time
        self.story.now = self.now

    def scopes_of(self, party: str) -> dict[str, str]:
        """Return what a party is granted and is still in force: scope → direction."""
        return {grant.scope: grant.direction for grant in self.open.grants if grant.party == party and grant.holds(self.now)}

    def notice(self, unit: str, about: tuple[UUID, int]) -> Message:
        """Return the stop notice a unit would get about a meeting or plan, given as (id, version)."""
        return recall.notice(self.open, unit, about, message_id=uuid4(), now=self.now)
