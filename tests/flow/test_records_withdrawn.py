"""What a withdrawal makes of records: the sender keeps what it stopped until it is recorded, a recipient is shown nothing anew, the owner all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
from pypdf import PdfReader

from siphub.contract import Check, Confirmation, Cut, Outcome, PluginContext, Recipient, RecordPackage, Uncertain
from siphub.errors import Conflict, NotThere
from siphub.flow import attempt as attempts
from siphub.flow import deliver, operate, records, track
from siphub.flow import directory as directories
from siphub.model import UnitContact
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import consent as c
from siphub.model.messages.around import CoordinatorChanged
from siphub.registry import Registry
from siphub.testing.clock import Hand
from siphub.testing.recorded import Recorded
from siphub.testing.small_plugins import giving, plugin
from siphub.testing.story import Story, until
from siphub_folder import FolderRecords, Settings

UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES, p.CARE_CENTRE)
MakeRecorded = Callable[..., Recorded]


def test_what_a_withdrawal_stopped_is_erased_when_it_is_recorded(make_recorded: MakeRecorded) -> None:
    """Given a kallelse withheld by a withdrawal, it is its sender's to read until its record is confirmed; then it is gone, and the rest is not."""
    world = make_recorded(registries=(p.MUNICIPALITY,), up=False, start=False)
    world.hub.start(["sweep"])
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    kallelse = str(story.sent[-1].message_id)
    story.withdrawn()
    caller = world.caller(p.MUNICIPALITY)
    assert track.message(world.hub.ground, caller, kallelse)["message"]
    world.registry(p.MUNICIPALITY).open()
    assert world.recorded(story)
    with pytest.raises(NotThere) as gone:
        track.message(world.hub.ground, caller, kallelse)
    assert gone.value.code == "message.erased"
    left = {entry["type"]: entry["message"] for entry in track.mailbox(world.hub.ground, caller, str(story.case_id))["sent"]}
    assert [name for name, message in left.items() if message is None] == ["meeting.summoned"]
    assert world.actions(story).count("message.erased") == 1
    row = next(row for row in world.deliveries(story) if row.message_type == "meeting.summoned")
    with pytest.raises(Conflict) as refused:
        operate.operate(world.hub.ground, row.id, "retry", by="test", channel="cli")
    assert refused.value.code == "message.erased"


def _tried(world: Recorded, story: Story) -> int:
    """Return how often the one copy of a case has been offered."""
    with world.hub.store.read() as work:
        (copy,) = [row for row in work.record_copies.of_case(story.owner, str(story.case_id)) if row.organisation == p.FORSAKRINGSKASSAN]
    return copy.attempts


def test_what_a_narrower_consent_leaves_out_is_not_shown_to_a_registry_any_more(make_recorded: MakeRecorded) -> None:
    """Given an agency that got the person's number, when that is taken back before its registry takes its copy, then the copy is without it."""
    world = make_recorded(registries=(p.FORSAKRINGSKASSAN,), up=False)
    story = world.story()
    story.ready([p.FK])
    story.invited([p.FK])
    assert world.settled(story)
    assert [document["subject"]["identity"]["value"] for document in world.files(p.FK, story)] == [story.person]
    content = c.ConsentWithdrawn(extent="scopes", scopes=("information_exchange",), received_by=story.eva, at=story.now)
    story.say(content)
    assert world.settled(story)
    tried = _tried(world, story)
    assert until(lambda: _tried(world, story) >= tried + 2)  # what was under way when it was taken back has met the closed registry
    registry = world.registry(p.FORSAKRINGSKASSAN).open()
    assert until(registry.metadata)
    (found,) = registry.metadata()
    assert (found["type"], found["basis"], "subject" in found) == ("meeting.invited", "consent", False)


def test_what_is_recorded_already_is_erased_by_the_withdrawal(make_recorded: MakeRecorded) -> None:
    """Given a kallelse that is recorded and still waits, when the consent is withdrawn, then its content goes in the same moment."""
    world = make_recorded(registries=(p.MUNICIPALITY,), start=False)
    world.hub.start(["sweep"])
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    kallelse = str(story.sent[-1].message_id)
    assert world.recorded(story)
    assert world.states(story, "meeting.summoned") == dict.fromkeys(UNITS, "queued")
    story.withdrawn()
    with pytest.raises(NotThere, match="erased"):
        track.message(world.hub.ground, world.caller(p.MUNICIPALITY), kallelse)


def test_a_recipient_gets_no_copy_of_what_it_may_not_see_any_more(make_recorded: MakeRecorded) -> None:
    """Given a kallelse that arrived and a registry that was away, when the consent is withdrawn meanwhile, then the region's copy of it is dropped."""
    world = make_recorded(up=False)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.withdrawn()
    assert world.settled(story)
    world.registry(p.REGION).open()
    assert until(lambda: {"record.dropped", "record.withdrawn"} & set(world.actions(story)))
    assert until(lambda: [found["type"] for found in world.registry(p.REGION).metadata()] == ["stop.notice"])


def test_the_owner_is_given_what_it_received_before_a_withdrawal(make_recorded: MakeRecorded) -> None:
    """Given an answer that reached the owner, and a registry that is away until all is withdrawn, then it gets the answer as it was received."""
    world = make_recorded(up=False)
    story = world.story()
    story.ready(UNITS)
    story.summoned(UNITS)
    assert world.settled(story)
    story.responded(p.CARE_CENTRE)
    assert world.settled(story)
    answer = str(story.sent[-1].message_id)
    story.withdrawn()
    assert world.settled(story)
    registry = world.registry(p.MUNICIPALITY).open()
    assert until(lambda: answer in {found["message_id"] for found in registry.metadata()})
    (found,) = [found for found in registry.metadata() if found["message_id"] == answer]
    assert (found["direction"], found["type"], found["sender"]["unit"]) == ("received", "meeting.response", p.CARE_CENTRE)
    pages = PdfReader(registry.folder / f"{found['package']}.pdf").pages
    assert "Hanna Handläggare" in " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_owner_is_given_what_a_withdrawal_called_back_in_flight(make_recorded: MakeRecorded) -> None:
    """Given the care centre's kallelse in flight to a unit of the owner, when all is withdrawn, then it is called back, and the owner still gets its copy."""
    world = make_recorded(start=False, permit="30s", lease="60s")
    ground = world.hub.ground
    story = world.story()
    story.ready(UNITS)
    centre = UnitContact(name="Lena Läkare", unit=p.CARE_CENTRE, phone="090-123 45 67")
    change = CoordinatorChanged(coordinator=centre, from_date=story.now.date(), agreed_with_individual=True)
    story.summoned([p.CARE_CENTRE])
    story.cancelled([p.CARE_CENTRE])
    story.say(change, [p.CARE_CENTRE])
    story.meeting_id = uuid4()
    story.say(story.kallelse().model_copy(update={"convener": centre}), [p.HOME_CARE], by=p.CARE_CENTRE)
    (row,) = [row for row in world.deliveries(story) if row.recipient == p.HOME_CARE]
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    story.withdrawn()
    deliver.record(ground, [attempts.attempt(ground, claimed, permit, ground.directory())])
    assert world.states(story, "meeting.summoned")[p.HOME_CARE] == "recalled"
    assert [copy.organisation for copy in world.copies(story) if copy.delivery_id == row.id] == [p.MUNICIPALITY]


Put = Callable[[], Outcome]
Around = Callable[[Story, Put], Outcome]
"""What happens around one offer, given the story and the offer itself."""


class Between:
    """Record copies in folders below a root, with something done around each offer once it is said what."""

    name = "between"

    def __init__(self, root: Path) -> None:
        self._folders = FolderRecords(Settings(root))
        self.around: Callable[[Put], Outcome] = lambda put: put()

    def offer(self, package: RecordPackage, address: Recipient) -> Outcome:
        """Offer it, with what is around it."""
        return self.around(lambda: self._folders.offer(package, address))

    def confirmations(self, address: Recipient) -> Iterable[Confirmation]:
        """Say what the folder says."""
        return self._folders.confirmations(address)

    def settle(self, package_id: str, address: Recipient) -> None:
        """Clear the folder."""
        self._folders.settle(package_id, address)

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Hold nothing."""


def _called(
    make_recorded: MakeRecorded, tmp_path: Path, around: Around, to: Sequence[UnitId] = (p.CARE_CENTRE,)
) -> tuple[Recorded, Story, Hand]:
    """Return a world whose region, which has a registry, has been sent a kallelse; nothing runs but what a test calls."""
    hand, keeper = Hand(), Between(tmp_path)
    plugins = {"between": plugin(siphub_record_keepers=giving(keeper))}
    world = make_recorded(registries=(p.REGION,), keeper="between", plugins=plugins, start=False, clock=hand, permit="30s", lease="60s")
    ground, story = world.hub.ground, world.story()
    keeper.around = partial(around, story)
    story.ready(UNITS)
    story.summoned(to)
    (row,) = [row for row in world.deliveries(story) if row.recipient == p.CARE_CENTRE]
    ((claimed, permit),) = deliver.claim(ground, [row.id], ground.directory())
    deliver.record(ground, [attempts.attempt(ground, claimed, permit, ground.directory())])
    assert world.states(story, "meeting.summoned")[p.CARE_CENTRE] == "delivered"
    return world, story, hand


def _states(world: Recorded, story: Story) -> list[str]:
    return [copy.state for copy in world.copies(story) if copy.organisation == p.REGION]


def _withdrawn_before_it_appears(story: Story, put: Put) -> Outcome:
    story.withdrawn()
    return put()


def _withdrawn_in_doubt(story: Story, put: Put) -> Outcome:
    put()
    story.withdrawn()
    return Uncertain("partner.connection_cut")


def _cut_off_and_withdrawn_later(_: Story, put: Put) -> Outcome:
    put()
    return Uncertain("partner.connection_cut")


@pytest.mark.parametrize("around", [_withdrawn_before_it_appears, _withdrawn_in_doubt, _cut_off_and_withdrawn_later])
def test_a_copy_that_a_withdrawal_met_on_its_way_is_taken_back(make_recorded: MakeRecorded, tmp_path: Path, around: Around) -> None:
    """Given a copy that may lie at a registry when a withdrawal comes, then it is taken away there, twice, not offered again, and audited as that."""
    world, story, hand = _called(make_recorded, tmp_path, around)
    ground, registry = world.hub.ground, world.registry(p.REGION)
    records.offer_due(ground)
    if around is _cut_off_and_withdrawn_later:
        story.withdrawn()
    assert (_states(world, story), len(registry.metadata())) == (["withdrawn"], 1)
    assert (records.take_back(ground), registry.metadata()) == (0, [])
    hand.on(records.ATTEMPT)
    records.offer_due(ground)
    assert (records.take_back(ground), registry.metadata()) == (1, [])
    assert _states(world, story) == ["taken_back"]
    assert [name for name in world.actions(story) if name.startswith("record.")] == ["record.withdrawn", "record.taken_back"]
    hand.on(records.REFUSED)
    assert records.take_back(ground) == 0


def test_what_a_dead_process_put_there_after_all_is_taken_away(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a copy that appears after it was looked for once, then the second look, when no attempt can be under way any more, takes it away."""
    world, _, hand = _called(make_recorded, tmp_path, _withdrawn_in_doubt)
    ground, registry = world.hub.ground, world.registry(p.REGION)
    records.offer_due(ground)
    late = {file.name: file.read_bytes() for file in registry.folder.iterdir()}
    records.take_back(ground)
    for name, content in late.items():
        (registry.folder / name).write_bytes(content)
    assert (records.take_back(ground), len(registry.metadata())) == (0, 1)
    hand.on(records.ATTEMPT)
    assert (records.take_back(ground), registry.metadata()) == (1, [])


def test_what_a_registry_took_in_before_it_was_taken_back_counts(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a withdrawn copy that its registry has filed and confirms, then the confirmation counts and is cleared away: it was received in time."""
    world, story, hand = _called(make_recorded, tmp_path, _withdrawn_in_doubt)
    ground, registry = world.hub.ground, world.registry(p.REGION)
    records.offer_due(ground)
    registry.confirm()
    assert records.collect(ground) == 1
    assert (_states(world, story), list(registry.folder.iterdir())) == (["confirmed"], [])
    hand.on(records.REFUSED)
    assert records.take_back(ground) == 0


def test_a_copy_is_not_handed_over_when_a_withdrawal_came_while_it_was_made(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a withdrawal while a copy is drawn, then its registry is not offered it."""
    asked: list[Story] = []

    def around(story: Story, put: Put) -> Outcome:
        asked.append(story)
        return put()

    world, story, _ = _called(make_recorded, tmp_path, around)
    ground = world.hub.ground

    def drawn_slowly(cut: Cut, form: Literal["text", "html", "pdf"]) -> bytes:
        drawn = ground.render(cut, form)
        story.withdrawn()
        return drawn

    records.offer_due(replace(ground, render=drawn_slowly))
    assert (asked, _states(world, story)) == ([], ["withdrawn"])


def test_what_is_taken_back_lets_the_message_go(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a kallelse that a withdrawal stopped for another unit, when its last open copy is taken back, then its content goes, as when it is confirmed."""
    world, story, hand = _called(make_recorded, tmp_path, _withdrawn_in_doubt, (p.CARE_CENTRE, p.HOME_CARE))
    ground = world.hub.ground
    with ground.store.write() as work:
        for copy in work.record_copies.of_case(story.owner, str(story.case_id)):
            if copy.organisation != p.REGION:
                work.record_copies.confirm(copy, "KS 1", hand.now())
    records.offer_due(ground)
    records.take_back(ground)
    assert world.actions(story).count("message.erased") == 0
    hand.on(records.ATTEMPT)
    assert records.take_back(ground) == 1
    assert world.actions(story).count("message.erased") == 1


def test_a_withdrawn_copy_of_whoever_has_no_registry_any_more_blocks_nothing(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a withdrawn copy, when its organisation's registry is taken out of the directory, then there is nowhere to look, and it waits no more."""
    world, story, _ = _called(make_recorded, tmp_path, _withdrawn_in_doubt)
    ground = world.hub.ground
    records.offer_due(ground)
    bare = tuple(one.model_copy(update={"records": None}) for one in ground.directory().organisations)
    directories.switch(ground, ground.directory().model_copy(update={"organisations": bare}), by="test")
    assert records.take_back(ground) == 1
    assert _states(world, story) == ["taken_back"]


def _no_context(name: str) -> PluginContext:
    raise KeyError(name)


def test_a_keeper_that_is_not_enabled_for_a_while_is_no_registry_less(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given a withdrawn copy whose registry the directory still names, when its keeper is not enabled, then it waits, and is taken away when it is."""
    world, story, hand = _called(make_recorded, tmp_path, _withdrawn_in_doubt)
    ground = world.hub.ground
    records.offer_due(ground)
    registry = world.registry(p.REGION)
    without = replace(ground, registry=Registry.load((), _no_context))
    assert (records.take_back(without), _states(world, story), len(registry.metadata())) == (0, ["withdrawn"], 1)
    records.take_back(ground)
    hand.on(records.ATTEMPT)
    assert (records.take_back(ground), registry.metadata()) == (1, [])


def test_what_may_lie_at_the_owners_registry_stays_there(make_recorded: MakeRecorded, tmp_path: Path) -> None:
    """Given an answer whose copy may lie at the owner's own registry, when it may not be drawn any more, then nothing is taken away there, and the case is not recorded."""
    hand, keeper = Hand(), Between(tmp_path)
    plugins = {"between": plugin(siphub_record_keepers=giving(keeper))}
    world = make_recorded(
        registries=(p.MUNICIPALITY,), keeper="between", plugins=plugins, start=False, clock=hand, permit="30s", lease="60s"
    )
    ground, story = world.hub.ground, world.story()
    keeper.around = partial(_cut_off_and_withdrawn_later, story)
    story.requested()
    records.offer_due(ground)
    (copy,) = world.copies(story)
    with ground.store.write() as work:
        work.erasure.message(story.owner, copy.message_row, hand.now())  # as good as any reason for which it is not drawn again
    hand.on(records.REFUSED)
    records.offer_due(ground)
    records.take_back(ground)
    (copy,) = world.copies(story)
    assert (copy.state, copy.reason) == ("refused", "message.erased")
    assert len(world.registry(p.MUNICIPALITY).metadata()) == 1
