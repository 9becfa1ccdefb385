"""Every entry of the delivery's state table is taken by what people, partners and time do, through the flow itself.

For each entry there is a way to its state and something that then happens, done to a hub over a real store that is stepped by hand; that it
was taken is read from the delivery's own history there. It must never be told that an entry need not be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

import pytest

from siphub.contract import Accepted, Delivered, Outcome, Permit, Receipt, Rejected, Retry, Uncertain
from siphub.flow import operate, receipts
from siphub.flow.attempt import monotonic
from siphub.model import people as p
from siphub.model.messages.around import CoordinatorChanged
from siphub.policy.lifecycle import DELIVERY
from siphub.store import DeliveryRow
from siphub.testing.story import Story
from siphub.testing.yard import Yard

UNIT = p.HOME_CARE


@dataclass
class Scene:
    """One kallelse to one unit on its way, and the attempt that is being made."""

    yard: Yard
    story: Story
    row_id: str = ""
    flying: list[tuple[DeliveryRow, Permit]] = field(default_factory=list)

    @property
    def row(self) -> DeliveryRow:
        """The delivery, as it is."""
        with self.yard.ground.store.read() as work:
            found = work.deliveries.by_id(self.row_id)
        assert found is not None
        return found

    def at(self) -> None:
        """Let the story know what time it is."""
        self.story.now = self.yard.clock.at


Act = Callable[[Scene], object]


def called(scene: Scene, **more: Any) -> None:
    """Call the unit; the delivery of that is what the rest is about."""
    scene.story.send(scene.story.message(scene.story.kallelse(), [UNIT], **more))
    (row,) = [row for row in scene.yard.of_case(scene.story.owner, scene.story.case_id) if row.message_type == "meeting.summoned"]
    scene.row_id = row.id


def call(scene: Scene) -> None:
    """Call the unit to a message that is good for an hour."""
    called(scene, expires_at=scene.yard.clock.at + timedelta(hours=1))


def call_for_a_day(scene: Scene) -> None:
    """Call the unit on a consent for a day, with a message that is good until further notice."""
    scene.story.consented([UNIT], valid_until=scene.yard.clock.at + timedelta(days=1))
    called(scene)


def call_without_consent(scene: Scene) -> None:
    """Call the unit once its consent is gone."""
    scene.story.consented([p.CARE_CENTRE])
    scene.story.withdrawn([UNIT])
    called(scene)


def call_without_address(scene: Scene) -> None:
    """Call the unit where nobody knows how to reach it."""
    scene.yard.at = {UNIT: None}
    scene.yard.switch()
    called(scene)


def call_once(scene: Scene) -> None:
    """Call the unit where its partner recognises no repeat."""
    scene.yard.at = {UNIT: "once"}
    scene.yard.switch()
    called(scene)


def tell_coordinator(scene: Scene) -> None:
    """Tell the unit who coordinates, which is about neither meeting nor plan; the delivery of that is what the rest is about."""
    scene.at()
    content = CoordinatorChanged(coordinator=scene.story.convener, from_date=scene.story.now.date(), agreed_with_individual=True)
    message = scene.story.message(content, [UNIT])
    scene.story.send(message)
    rows = scene.yard.of_case(scene.story.owner, scene.story.case_id)
    (scene.row_id,) = (row.id for row in rows if row.message_id == str(message.message_id))


def close(scene: Scene) -> None:
    """The case is closed."""
    scene.story.closed([UNIT])


def await_partner(scene: Scene) -> None:
    """The partner has no room for it."""
    with scene.yard.ground.store.write() as work:
        work.partners.park({scene.row.place: [scene.row_id]})


def claim(scene: Scene) -> None:
    """A worker claims it."""
    scene.flying = scene.yard.claim([scene.row_id])


def land(answer: Outcome, *, slept: bool = False) -> Act:
    """Return what ends the attempt: as the partner answers, or slept away; a moment later it may be tried again."""

    def act(scene: Scene) -> None:
        ((row, permit),) = scene.flying
        scene.yard.answer(lambda _: answer)
        scene.yard.record(scene.yard.attempt(row, Permit(monotonic() - 1) if slept else permit))
        scene.yard.clock.on(timedelta(minutes=5))

    return act


def receive(kind: Any) -> Act:
    """Return what the partner says of it."""

    def act(scene: Scene) -> None:
        code = "content.refused" if kind == "rejected" else None
        assert receipts.note(scene.yard.ground, scene.row.adapter, Receipt(scene.row.key, kind, scene.yard.clock.at, code))

    return act


def tend(action: operate.Action) -> Act:
    """Return what an operator does to it."""
    return lambda scene: operate.operate(scene.yard.ground, scene.row_id, action, by="eva", channel="cli")


def wait(*, sweep: bool = True, **time: int) -> Act:
    """Return what lets time pass, and the sweep look."""

    def act(scene: Scene) -> None:
        scene.yard.clock.on(timedelta(**time))
        scene.at()
        if sweep:
            scene.yard.sweep()

    return act


def withdraw(scene: Scene) -> None:
    """The individual takes it all back."""
    scene.story.withdrawn()


def reschedule(scene: Scene) -> None:
    """The meeting is moved, and the unit told."""
    scene.story.rescheduled([UNIT])


def lose_address(scene: Scene) -> None:
    """The directory does not know any more where the unit is."""
    scene.yard.at = {UNIT: None}
    scene.yard.switch()


def merge(scene: Scene) -> None:
    """The unit is merged into another of its organisation, and something is said in the case."""
    scene.yard.changes = {UNIT: {"closed_on": scene.yard.clock.at.date() - timedelta(days=1), "successor": p.CONTACT, "address": None}}
    scene.yard.switch()
    scene.story.approved([p.CONTACT])


BUSY, UNCLEAR, NO = Retry("partner.busy"), Uncertain("partner.timeout"), Rejected("partner.http_400")
TRIED = (call, claim, land(BUSY))
IN_DOUBT = (call, claim, land(UNCLEAR))
TRIED_ENOUGH = (*TRIED, claim, land(BUSY))
COORDINATOR_IN_DOUBT = (call, claim, land(Delivered()), tell_coordinator, claim, land(UNCLEAR))
WAYS: Mapping[str, tuple[Act, ...]] = {
    "": (),
    "queued": TRIED,
    "sending": (call, claim),
    "awaiting_receipt": (call, claim, land(Accepted())),
    "delivered": (call, claim, land(Delivered())),
    "read": (call, claim, land(Delivered()), receive("read")),
    "held": (*TRIED, tend("hold")),
    "rejected": (call, claim, land(NO)),
    "gave_up": TRIED_ENOUGH,
    "withheld": (call, withdraw),
    "superseded": (call, reschedule),
    "expired": (call, wait(hours=2)),
}
"""A way to every state that something can follow on."""
PARTICULAR: Mapping[tuple[str, str], tuple[Act, ...]] = {
    ("accept.hold", ""): (call_without_address,),
    ("accept.withhold", ""): (call_without_consent,),
    ("claim.withhold", "queued"): (call_for_a_day, wait(sweep=False, days=2), claim),
    ("lease.hold", "sending"): (call, *(claim, wait(minutes=2)) * 3),
    ("outcome.hold", "sending"): (call_once, claim, land(UNCLEAR)),
    ("outcome.gave_up", "sending"): TRIED_ENOUGH,
    ("recalled", "held"): (call, claim, withdraw, land(UNCLEAR)),
    ("recalled", "gave_up"): (*IN_DOUBT, claim, withdraw, land(BUSY)),
    ("recalled", "withheld"): (call_for_a_day, claim, land(UNCLEAR), wait(sweep=False, days=2), claim, withdraw),
    ("recalled", "superseded"): (*IN_DOUBT, reschedule, withdraw),
    ("recalled", "expired"): (*IN_DOUBT, wait(hours=2), withdraw),
    ("partner.gave_up", "queued"): (called, await_partner, wait(days=5)),
    ("operator.retry", "withheld"): (call, withdraw, lambda scene: scene.story.consented([UNIT]), tend("retry")),
}
"""Ways of their own: a doubt that stays, a consent for a day, a partner that recognises no repeat."""
HAPPENS: Mapping[str, tuple[Act, ...]] = {
    "accept.queue": (call,),
    "claim.permit": (claim,),
    "claim.hold": (lose_address, claim),
    "outcome.delivered": (land(Delivered()),),
    "outcome.accepted": (land(Accepted()),),
    "outcome.retry": (land(BUSY),),
    "outcome.retry_withdrawn": (withdraw, land(BUSY)),
    "outcome.superseded": (reschedule, land(BUSY)),
    "outcome.uncertain": (land(UNCLEAR),),
    "outcome.rejected": (land(NO),),
    "permit.expired": (land(Delivered(), slept=True),),
    "lease.expired": (wait(minutes=2),),
    **{f"receipt.{kind}": (receive(kind),) for kind in ("received", "read", "rejected")},
    "receipt.overdue": (wait(days=6),),
    "withdraw.withhold": (withdraw,),
    "supersede": (reschedule,),
    "recall_pending": (withdraw,),
    "recalled": (withdraw,),
    "unit.followed": (merge,),
    "expire": (wait(hours=2),),
    **{f"operator.{action}": (tend(action),) for action in get_args(operate.Action)},
}
"""What makes each event happen to a delivery in whatever state it can happen."""
ENTRIES = sorted((event, state) for event, steps in DELIVERY.items() for state in steps)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Return a hub without threads that gives up after two attempts."""
    with Yard(tmp_path_factory.mktemp("reach") / "hub", given={"retry_limit": 2, "tell_failures": False}) as open_yard:
        yield open_yard


@pytest.mark.parametrize(("event", "state"), ENTRIES, ids=[f"{event} in {state or 'nothing'}" for event, state in ENTRIES])
def test_every_entry_of_the_delivery_is_taken(yard: Yard, event: str, state: str) -> None:
    """Given a way to each state, when what makes each event happen happens, then the delivery's history has it, and the state that follows."""
    yard.at, yard.changes = {}, {}
    yard.switch()
    scene = Scene(yard, Story(yard.send, now=yard.clock.at))
    scene.story.ready([UNIT])
    for act in PARTICULAR.get((event, state)) or (*WAYS[state], *HAPPENS[event]):
        act(scene)
    told = (state, event) in yard.events(scene.row)
    # What a partner says again is no news, and nothing is written of it.
    assert told or (event.startswith("receipt.") and DELIVERY[event][state] == state == scene.row.state)


def test_what_the_claim_finds_too_old_has_expired(yard: Yard) -> None:
    """Given a message that ran out in the queue, when it is claimed before anybody swept, then its history says that it expired."""
    yard.at, yard.changes = {}, {}
    yard.switch()
    scene = Scene(yard, Story(yard.send, now=yard.clock.at))
    scene.story.ready([UNIT])
    for act in (call, wait(sweep=False, hours=2), claim):
        act(scene)
    assert (yard.events(scene.row)[-1], scene.row.state) == (("queued", "expire"), "expired")


def test_the_end_of_a_case_stops_what_waits_in_doubt_and_then_calls_it_back(yard: Yard) -> None:
    """Given a word about the coordinator that may have arrived and waits to be tried again, when the case ends, then it is stopped, and recalled."""
    yard.at, yard.changes = {}, {}
    yard.switch()
    scene = Scene(yard, Story(yard.send, now=yard.clock.at))
    scene.story.ready([UNIT])
    for act in (*COORDINATOR_IN_DOUBT, close):
        act(scene)
    assert yard.events(scene.row)[-2:] == [("queued", "supersede"), ("superseded", "recalled")]
