"""Plugins are asked one at a time, within a time limit; whatever one of them does, it is named and nobody else is hurt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from siphub.contract import Cut, DeliveryEvent, Recipient, Submission, hookimpl
from siphub.errors import PluginError, UnsupportedMedia
from siphub.model import Address, Directory, sample, sample_directory
from siphub.registry import MAX_CALLS
from siphub.testing.logs import heard_logs
from siphub.testing.small_plugins import CANARY, Box, Eyes, adapting, fail, hang, load, objecting, plugin, reading

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def submission(body: bytes = b"{}", media_type: str = "application/json") -> Submission:
    """Return something handed in."""
    return Submission(body, media_type)


def test_exactly_one_reader_is_chosen() -> None:
    """Given readers, the one that recognises the bytes is chosen, among those that read the media type; where none does, 415."""
    registry = load(a=reading(Eyes("a", lambda body: body == b"a")), b=reading(Eyes("b", lambda body: body == b"b")))
    assert registry.reader_for(submission(b"b")) is registry.readers["b"]
    for nobodys in (submission(b"c"), submission(b"a", "application/xml")):
        with pytest.raises(UnsupportedMedia) as caught:
            registry.reader_for(nobodys)
        assert caught.value.code == "body.unsupported_media"


def test_two_readers_for_the_same_bytes_are_both_named() -> None:
    """Given two readers that recognise the same bytes, neither is guessed, and the error names both with their plugins."""
    registry = load(one=reading(Eyes("a", lambda _: True)), two=reading(Eyes("b", lambda _: 1)))
    with pytest.raises(UnsupportedMedia, match="a of plugin one and b of plugin two") as caught:
        registry.reader_for(submission())
    assert caught.value.code == "body.ambiguous"


@pytest.mark.parametrize("broken", [fail, hang])
def test_a_reader_that_breaks_on_hostile_bytes_does_not_break_the_door(broken: Callable[..., Any]) -> None:
    """Given a reader that raises or hangs while looking, another one can still be chosen; it is logged, without what it said."""
    registry = load(bad=reading(Eyes("bad", broken)), good=reading(Eyes("good", lambda body: body == b"{}")))
    with heard_logs() as heard:
        assert registry.reader_for(submission()) is registry.readers["good"]
        with pytest.raises(UnsupportedMedia):
            registry.reader_for(submission(b"else"))
    assert [line["plugin"] for line in heard.named("reader.failed")] == ["bad", "bad"]
    assert CANARY not in heard.text


# -- objecting


def cut() -> Cut:
    """Return a cut of a sample."""
    return Cut(sample("meeting.summoned").to_document(), "consent")


RECIPIENT = Recipient("SE2120000142-H", "2120000142", "Norrby kommun", "box", "https://norrby.example/sip", options={"secret": "norrby"})


def test_every_plugin_may_object_and_none_may_permit() -> None:
    """Given plugins that object, are content, raise, end the process, hang, and answer nonsense, all but the content one count as objections."""

    def leave(*_: object) -> object:
        raise SystemExit(0)

    registry = load(
        no=objecting(lambda *_: "unit.closed"),
        fine=objecting(lambda *_: None),
        raises=objecting(fail),
        leaves=objecting(leave),
        hangs=objecting(hang),
        permits=objecting(lambda *_: False),
        true=objecting(lambda *_: True),
        empty=objecting(lambda *_: ""),
        talks=objecting(lambda *_: f"{CANARY} does not want it"),
        none_at_all=adapting(Box()),
    )
    with heard_logs() as heard:
        reasons = registry.objections(cut(), RECIPIENT, "consent", NOW)
    assert reasons == (
        "unit.closed",
        "plugin.failed:raises",
        "plugin.failed:leaves",
        "plugin.overran:hangs",
        "plugin.bad_answer:permits",
        "plugin.bad_answer:true",
        "plugin.bad_answer:empty",
        "plugin.bad_answer:talks",
    )
    assert [line["plugin"] for line in heard.named("plugin.failed")] == ["raises", "leaves", "hangs"]
    assert CANARY not in heard.text


def test_without_objections_there_are_none() -> None:
    """Given plugins that are content, or have nothing to say, there is no objection."""
    registry = load(fine=objecting(lambda *_: None), other=adapting(Box()))
    assert registry.objectors
    assert registry.objections(cut(), RECIPIENT, "consent", NOW) == ()
    assert not load(other=adapting(Box())).objectors


def test_plugins_are_asked_one_at_a_time() -> None:
    """Given plugins that take a while, no two are asked at the same moment."""
    inside, most = [0], [0]

    def slowly(*_: object) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.03)
        inside[0] -= 1

    load(**{f"p{n}": objecting(slowly) for n in range(4)}).objections(cut(), RECIPIENT, "consent", NOW)
    assert most == [1]


def test_a_plugin_cannot_change_what_is_sent() -> None:
    """Given a plugin that scribbles in the cut and the recipient it was shown, neither changes, nor what the next plugin sees."""

    def scribble(cut: Cut, recipient: Recipient) -> None:
        document = cast("dict[str, Any]", cut.document)
        document["sender"]["unit"] = "SE5566778899-EVIL"
        document["recipients"].append("SE5566778899-EVIL")
        document["added"] = True
        cast("dict[str, str]", recipient.options)["secret"] = "another"

    seen: list[tuple[Cut, Recipient]] = []
    mine, before = cut(), sample("meeting.summoned").to_document()
    registry = load(first=objecting(scribble), second=objecting(lambda *both: seen.append(cast("Any", both))))
    assert registry.objections(mine, RECIPIENT, "consent", NOW) == ()
    assert mine.document == before
    assert seen == [(mine, RECIPIENT)]
    assert RECIPIENT.options == {"secret": "norrby"}


def test_a_wrapper_reaches_its_own_plugin_only() -> None:
    """Given a plugin that wraps the hook to answer None for everybody, the objections of others stand, before it and after it."""

    def swallow(cut: Cut) -> Any:
        yield

    wraps = SimpleNamespace(siphub_disclosure_objections=hookimpl(swallow, wrapper=True))
    registry = load(a=objecting(lambda *_: "no.a"), wraps=wraps, z=objecting(lambda *_: "no.z"))
    reasons = registry.objections(cut(), RECIPIENT, "consent", NOW)
    assert {"no.a", "no.z"} < set(reasons)
    assert "plugin.bad_answer:wraps" in reasons or "plugin.failed:wraps" in reasons


def test_a_plugin_that_hangs_again_and_again_is_not_asked_any_more() -> None:
    """Given a plugin whose calls never end, no more than MAX_CALLS threads are lost to it; after that it objects at once."""
    gate = threading.Event()
    registry = load(timedelta(milliseconds=2), stuck=objecting(lambda *_: gate.wait(30)))

    def lost() -> int:
        return sum(thread.name.startswith("stuck ") for thread in threading.enumerate())

    try:
        for _ in range(MAX_CALLS + 5):
            assert registry.objections(cut(), RECIPIENT, "consent", NOW) == ("plugin.overran:stuck",)
        assert lost() == MAX_CALLS
    finally:
        gate.set()
    assert wait_until(lambda: lost() == 0)


def wait_until(holds: Callable[[], bool]) -> bool:
    """Wait up to five seconds until something holds."""
    until = time.monotonic() + 5
    while time.monotonic() < until and not holds():
        time.sleep(0.01)
    return holds()


# -- resolving


def resolving(answer: Callable[[Directory], object]) -> Any:
    """Return a plugin that resolves every address."""

    def siphub_resolve_address(address: str, directory: Directory) -> object:
        return answer(directory)

    return plugin(siphub_resolve_address=siphub_resolve_address)


def told(directory: Directory, index: int = 0, **changes: Any) -> Recipient:
    """Return the recipient for one of the directory's units, with changes."""
    unit = directory.units[index]
    assert unit.address is not None
    return replace(
        Recipient(str(unit.id), str(unit.organisation), "as the plugin calls it", unit.address.adapter, unit.address.endpoint), **changes
    )


def test_an_address_leads_where_the_directory_says() -> None:
    """Given a plugin that names a unit as the directory reaches it, the directory's own recipient is the answer, also where two agree."""
    directory = sample_directory()
    registry = load(a=resolving(told), quiet=resolving(lambda _: None), b=resolving(lambda d: told(d, label="otherwise")))
    found = registry.resolve_address("norrby", directory)
    assert found is not None
    assert (found.unit, found.label) == (directory.units[0].id, directory.units[0].public_label)
    assert load(quiet=resolving(lambda _: None)).resolve_address("norrby", directory) is None


def test_two_answers_hold_the_delivery() -> None:
    """Given two plugins that lead an address to different units, both are named."""
    registry = load(one=resolving(told), two=resolving(lambda d: told(d, 1)))
    with pytest.raises(PluginError, match="plugin two: resolves an address otherwise than plugin one") as caught:
        registry.resolve_address("norrby", sample_directory())
    assert caught.value.code == "plugin.address_disputed"


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://evil.example"},
        {"adapter": "sdk"},
        {"organisation": "5566778899"},
        {"unit": "SE5566778899-EVIL"},
        {"mapping": "sip@9"},
        {"options": {"secret": "another"}},
    ],
)
def test_an_address_the_directory_does_not_give_holds_the_delivery(changes: dict[str, Any]) -> None:
    """Given a plugin that changes anything about how a unit is reached, the delivery is held."""
    with pytest.raises(PluginError) as caught:
        load(a=resolving(lambda d: told(d, **changes))).resolve_address("norrby", sample_directory())
    assert caught.value.code == "plugin.address_foreign"


def test_a_unit_without_an_address_holds_the_delivery() -> None:
    """Given a plugin that leads to a unit the directory cannot reach, the delivery is held."""
    directory = sample_directory()
    answer = told(directory)
    nowhere = directory.model_copy(update={"units": tuple(unit.model_copy(update={"address": None}) for unit in directory.units)})
    with pytest.raises(PluginError, match="correct the directory"):
        load(a=resolving(lambda _: answer)).resolve_address("norrby", nowhere)
    assert isinstance(directory.units[0].address, Address)


@pytest.mark.parametrize(("answer", "code"), [(fail, "plugin.failed"), (hang, "plugin.overran"), (lambda _: "norrby", "plugin.bad_answer")])
def test_a_failure_to_resolve_holds_the_delivery(answer: Callable[..., Any], code: str) -> None:
    """Given a plugin that raises, hangs or answers nonsense, the delivery is held, though another plugin knew the way."""
    with pytest.raises(PluginError) as caught:
        load(good=resolving(told), bad=resolving(answer)).resolve_address("norrby", sample_directory())
    assert (caught.value.code, caught.value.plugin) == (code, "bad")


# -- telling


EVENT = DeliveryEvent("2120000142", "d", "m", "meeting.summoned", "box", "delivered", None, NOW)


def test_everybody_hears_of_a_change_whatever_others_do() -> None:
    """Given plugins that raise and hang when told, the others are told, nothing is raised, and the failures are logged without words."""
    heard_by: list[str] = []

    def note(event: DeliveryEvent) -> None:
        heard_by.append(event.state)

    def bad(event: DeliveryEvent) -> None:
        fail()

    def slow(event: DeliveryEvent) -> None:
        hang()

    registry = load(a=plugin(siphub_delivery_changed=bad), b=plugin(siphub_delivery_changed=slow), c=plugin(siphub_delivery_changed=note))
    with heard_logs() as heard:
        registry.delivery_changed(EVENT)
    assert heard_by == ["delivered"]
    assert [line["plugin"] for line in heard.named("plugin.failed")] == ["a", "b"]
    assert CANARY not in heard.text


def test_a_plugin_whose_commands_fail_is_a_warning() -> None:
    """Given a plugin that fails while adding commands, the others' commands are there, and the warning names it."""
    app: list[str] = []

    def add(app: list[str]) -> None:
        app.append("command")

    def bad(app: list[str]) -> None:
        fail()

    warnings = load(bad=plugin(siphub_commands=bad), good=plugin(siphub_commands=add)).commands(app)
    assert app == ["command"]
    assert len(warnings) == 1
    assert warnings[0].startswith("plugin bad: siphub_commands raised ValueError")


# -- erasing


class Leaving(Box):
    """An adapter that has left something, and answers as told when it is to take it away."""

    def __init__(self, name: str, answer: Callable[..., object]) -> None:
        super().__init__(name)
        self.erase = answer


@pytest.mark.parametrize(
    ("answer", "gone"), [(lambda *_: True, True), (lambda *_: False, False), (lambda *_: None, False), (fail, False), (hang, False)]
)
def test_what_could_not_be_erased_is_left(answer: Callable[..., object], *, gone: bool) -> None:
    """Given an adapter that answers yes or no, or raises or hangs, then only a yes says that nothing is left; what broke is logged, unsaid."""
    registry = load(leaving=adapting(Leaving("leaving", answer)))
    with heard_logs() as heard:
        assert registry.erase("key", Recipient("u", "o", "U", "leaving", "here")) is gone
    assert [line["adapter"] for line in heard.named("plugin.failed")] == (["leaving"] if answer in {fail, hang} else [])
    assert CANARY not in heard.text


def test_an_adapter_that_leaves_nothing_has_nothing_to_erase() -> None:
    """Given an adapter without that method, or one that is not enabled any more, then nothing is left that could be taken away."""
    registry = load(box=adapting(Box("box")))
    assert [registry.erase("key", Recipient("u", "o", "U", name, "here")) for name in ("box", "none")] == [True, True]
