"""Plugins are found, checked, and asked one at a time; whatever one of them does, it is named and nobody else is hurt."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siphub.broker import queue_name
from siphub.contract import (
    Adapter,
    AdapterInfo,
    Check,
    Cut,
    Delivered,
    DeliveryEvent,
    Outcome,
    Payload,
    PluginContext,
    Reader,
    ReaderInfo,
    Recipient,
    Submission,
    hookimpl,
)
from siphub.errors import PluginError, SettingsError, UnsupportedMedia
from siphub.model import Address, Directory, Message, sample, sample_directory
from siphub.registry import MAX_CALLS, Registry, survey
from siphub.registry.finding import NAME
from siphub.testing.logs import heard_logs

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SHORT = timedelta(seconds=0.2)
CANARY = "Prov Provsdotter"


class Box:
    """An adapter that puts what it gets in a list."""

    def __init__(self, name: str = "box", api: int = 1) -> None:
        self.info = AdapterInfo(name=name, media_type="application/json", api=api)
        self.sent: list[bytes] = []
        self.closed = 0

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:
        return Payload(cut.message_id.encode(), "application/json", "box@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:
        self.sent.append(payload.body)
        return Delivered()

    def check(self) -> Iterable[Check]:
        return ()

    def close(self) -> None:
        self.closed += 1


class Eyes:
    """A reader that recognises what a function says."""

    def __init__(self, name: str, sees: Callable[[bytes], object], api: int = 1) -> None:
        self.info = ReaderInfo(name=name, media_types=frozenset({"application/json"}), api=api)
        self._sees = sees

    def recognises(self, submission: Submission) -> bool:
        return cast("bool", self._sees(submission.body))

    def read(self, submission: Submission) -> Message:
        return sample("meeting.summoned")


def plugin(**hooks: Callable[..., object]) -> Any:
    """Return a plugin with these hooks."""
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def giving(*things: object) -> Callable[[PluginContext], object]:
    """Return a hook that gives adapters or readers."""

    def give(context: PluginContext) -> object:
        return list(things)

    return give


def adapting(*adapters: object) -> Any:
    """Return a plugin with these adapters."""
    return plugin(siphub_adapters=giving(*adapters))


def reading(*readers: object) -> Any:
    """Return a plugin with these readers."""
    return plugin(siphub_readers=giving(*readers))


def objecting(answer: Callable[[Cut, Recipient], object]) -> Any:
    """Return a plugin that says something about a disclosure."""

    def siphub_disclosure_objections(cut: Cut, recipient: Recipient) -> object:
        return answer(cut, recipient)

    return plugin(siphub_disclosure_objections=siphub_disclosure_objections)


def context_for(name: str) -> PluginContext:
    """Return a context; these plugins use nothing of it but its name."""
    nothing: Any = None
    return PluginContext(plugin=name, clock=nothing, log=nothing, http=nothing, mappings=nothing, state=nothing, render=nothing)


def load(limit: timedelta = SHORT, **plugins: object) -> Registry:
    """Load plugins given as objects."""
    given = {name.replace("_", "-"): one for name, one in plugins.items()}
    return Registry.load([], context_for, extra=given, limit=limit, start_limit=limit)


def refused(code: str, *said: str, **plugins: object) -> PluginError:
    """Load plugins, which must fail with a code and these words."""
    with pytest.raises(PluginError) as caught:
        load(SHORT, **plugins)
    assert caught.value.code == code
    for words in said:
        assert words in str(caught.value)
    return caught.value


def hang(*_: object, **__: object) -> Any:
    """Take longer than any limit here."""
    time.sleep(1.5)


def fail(*_: object, **__: object) -> Any:
    """Raise an error that holds what must not be shown."""
    raise ValueError(CANARY)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Give what installs a distribution with one entry point and one module, for this test."""

    def install(distribution: str, name: str, source: str, version: str = "1.2") -> None:
        folder = tmp_path / distribution
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        module = distribution.replace("-", "_")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[siphub]\n{name} = {module}\n")
        (folder / f"{module}.py").write_text(source)
        sys.path.insert(0, str(folder))

    before, modules = sys.path[:], set(sys.modules)
    yield install
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.startswith("probe_"):
            del sys.modules[name]


GOOD = """
from siphub.contract import hookimpl

@hookimpl
def siphub_delivery_changed(event):
    pass
"""
EXPLODES = "raise RuntimeError('imported')"


# -- finding


def test_installed_is_not_enabled(installed: Callable[..., None]) -> None:
    """Given two installed plugins of which one is enabled, the other is listed but never imported."""
    installed("probe-good", "probe-good", GOOD)
    installed("probe-bad", "probe-bad", EXPLODES)
    registry = Registry.load(["probe-good", "probe-good"], context_for)
    rows = {row.name: row for row in registry.listing()}
    assert (rows["probe-good"].enabled, rows["probe-good"].distribution, rows["probe-good"].version) == (True, "probe-good 1.2", "1.2")
    assert (rows["probe-bad"].enabled, rows["probe-bad"].installed, rows["probe-bad"].problem) == (False, True, None)
    assert "probe_good" in sys.modules
    assert "probe_bad" not in sys.modules


def test_a_plugin_that_cannot_be_imported_stops_the_start(installed: Callable[..., None]) -> None:
    """Given an enabled plugin whose import fails, start-up stops and names the plugin, its distribution, and the kind of error."""
    installed("probe-bad", "probe-bad", EXPLODES)
    with pytest.raises(PluginError, match=r"plugin probe-bad: importing it raised RuntimeError \(from probe-bad 1\.2\)") as caught:
        Registry.load(["probe-bad"], context_for)
    assert (caught.value.plugin, caught.value.code) == ("probe-bad", "plugin.import_failed")


def test_a_plugin_that_ends_the_process_at_import_only_stops_the_start(installed: Callable[..., None]) -> None:
    """Given a plugin that calls sys.exit when imported, it is named like any other."""
    installed("probe-bad", "probe-bad", "raise SystemExit(0)")
    with pytest.raises(PluginError, match="SystemExit"):
        Registry.load(["probe-bad"], context_for)


def test_a_plugin_that_is_not_installed_is_named_with_a_remedy(installed: Callable[..., None]) -> None:
    """Given a misspelt name in the settings, start-up stops and says which name was meant; given an unknown one, what to do."""
    installed("probe-good", "probe-good", GOOD)
    with pytest.raises(PluginError, match=r"did you mean probe-good\?") as caught:
        Registry.load(["prob-good"], context_for)
    assert caught.value.code == "plugin.not_installed"
    with pytest.raises(PluginError, match="take it out of the setting"):
        Registry.load(["xyzzy"], context_for)


def test_two_distributions_with_one_name_are_both_named(installed: Callable[..., None]) -> None:
    """Given two distributions with the same entry point, enabling it names both; not enabled, the listing shows it on both."""
    installed("probe-one", "probe-twin", GOOD, "1.0")
    installed("probe-two", "probe-twin", EXPLODES, "2.0")
    with pytest.raises(PluginError, match=r"probe-one 1\.0") as caught:
        Registry.load(["probe-twin"], context_for)
    assert caught.value.code == "plugin.duplicate"
    assert "probe-two 2.0" in str(caught.value)
    rows = [row for row in Registry.load([], context_for).listing() if row.name == "probe-twin"]
    assert [row.enabled for row in rows] == [False, False]
    assert all(row.problem is not None and "probe-one 1.0" in row.problem and "probe-two 2.0" in row.problem for row in rows)
    assert not {"probe_one", "probe_two"} & sys.modules.keys()


def test_a_given_plugin_does_not_hide_an_installed_one(installed: Callable[..., None]) -> None:
    """Given a plugin as an object under the name of an installed one, both are named."""
    installed("probe-good", "probe-good", GOOD)
    with pytest.raises(PluginError, match=r"probe-good 1\.2 and one from the caller"):
        Registry.load([], context_for, extra={"probe-good": adapting(Box())})


# -- checking


def test_a_misspelt_hook_stops_the_start() -> None:
    """Given a hook that does not exist, which pluggy alone would ignore, the plugin is named."""
    refused("plugin.bad_hook", "plugin typo:", "siphub_adapterz", typo=plugin(siphub_adapterz=giving()))


def test_a_hook_without_its_marker_stops_the_start() -> None:
    """Given a function with a hook's name that nobody marked, which would never be called, the plugin is named."""
    unmarked = SimpleNamespace(siphub_readers=hookimpl(giving()), siphub_disclosure_objections=giving())
    refused("plugin.bad_hook", "siphub_disclosure_objections is not marked with @hookimpl", quiet=unmarked)


def test_a_hook_with_an_unknown_argument_stops_the_start() -> None:
    """Given a hook that asks for what there is not, the plugin is named."""

    def greedy(context: PluginContext, hub: object) -> list[object]:
        return [hub]

    refused("plugin.bad_hook", "plugin greedy:", "hub", greedy=plugin(siphub_adapters=greedy))


@pytest.mark.parametrize("implementation", [ModuleType("empty"), Box, object()])
def test_an_entry_point_without_hooks_stops_the_start(implementation: object) -> None:
    """Given an entry point that leads to an empty module, a class, or nothing of ours, the plugin is named."""
    refused("plugin.bad_hook", "leads to no hook", empty=implementation)


def test_another_version_of_the_contract_stops_the_start() -> None:
    """Given an adapter or a reader written for another major version, both numbers are said, even where the rest does not fit either."""
    refused(
        "plugin.api_mismatch", "plugin old:", "contract 2", "has 1", old=adapting(SimpleNamespace(info=AdapterInfo("box", "x/y", api=2)))
    )
    refused("plugin.api_mismatch", "reader eyes", "contract 7", "has 1", old=reading(Eyes("eyes", bool, api=7)))


def test_something_that_is_no_adapter_stops_the_start() -> None:
    """Given an object without a datasheet, without a method, or with a name no queue can have, the plugin is named, and what is missing."""
    refused("plugin.bad_adapter", "object.info is not an AdapterInfo", odd=adapting(object()))
    refused(
        "plugin.bad_adapter",
        "adapter half has no translate, deliver, check",
        odd=adapting(SimpleNamespace(info=AdapterInfo("half", "x/y"), close=1)),
    )
    refused("plugin.bad_adapter", "lower-case letters", odd=adapting(Box("../box")))
    refused("plugin.bad_reader", "object.info is not a ReaderInfo", odd=reading(object()))
    refused("plugin.bad_reader", "reader half has no recognises, read", odd=reading(SimpleNamespace(info=ReaderInfo("half", frozenset()))))


def test_two_adapters_of_one_name_are_refused_with_both_owners() -> None:
    """Given two plugins with an adapter of the same name, or a reader, both are named."""
    error = refused("plugin.duplicate", "adapter box", "plugin first", first=adapting(Box()), second=adapting(Box()))
    assert error.plugin == "second"
    refused("plugin.duplicate", "reader eyes", "plugin first", first=reading(Eyes("eyes", bool)), second=reading(Eyes("eyes", bool)))


def test_what_was_made_before_a_failure_is_closed() -> None:
    """Given a plugin that stops the start, the adapters of those before it are closed."""
    box = Box()
    refused("plugin.failed", good=adapting(box), bad=plugin(siphub_adapters=fail))
    assert box.closed == 1


@pytest.mark.parametrize("hook", ["siphub_adapters", "siphub_readers"])
def test_a_failure_at_start_names_the_plugin_and_not_what_it_said(hook: str) -> None:
    """Given a plugin that raises, ends the process, or hangs while it is asked for adapters or readers, start-up stops and names it."""

    def leave(context: PluginContext) -> list[object]:
        raise SystemExit(3)

    def late(context: PluginContext) -> Iterator[object]:
        yield from ()
        fail()

    def own(context: PluginContext) -> list[object]:
        raise SettingsError("the setting `folder` is missing")

    assert CANARY not in str(refused("plugin.failed", "plugin bad:", hook, "ValueError", bad=plugin(**{hook: fail_with_context})))
    refused("plugin.failed", "SystemExit", bad=plugin(**{hook: leave}))
    refused("plugin.failed", "ValueError", bad=plugin(**{hook: late}))
    refused("plugin.failed", "the setting `folder` is missing", bad=plugin(**{hook: own}))
    refused("plugin.overran", "plugin bad:", hook, "longer than 0.2 s", bad=plugin(**{hook: hang_with_context}))


def fail_with_context(context: PluginContext) -> Any:
    """Fail as a hook that takes the context."""
    fail()


def hang_with_context(context: PluginContext) -> Any:
    """Hang as a hook that takes the context."""
    hang()


def test_each_plugin_gets_its_own_context() -> None:
    """Given two plugins, each is asked with the context made for its name."""
    seen: list[str] = []

    def note(context: PluginContext) -> list[object]:
        seen.append(context.plugin)
        return []

    load(one=plugin(siphub_adapters=note), two=plugin(siphub_readers=note))
    assert seen == ["one", "two"]


# -- holding


def test_adapters_are_got_by_name() -> None:
    """Given enabled adapters, each is got by its name, with the plugin and version the first attempt pins; another raises with a remedy."""
    box, crate = Box(), Box("crate")
    registry = load(boxes=adapting(box, crate), eyes=reading(Eyes("eyes", bool)))
    assert registry.adapter("box") is box
    assert dict(registry.adapters) == {"box": box, "crate": crate}
    assert list(registry.readers) == ["eyes"]
    assert registry.made_by("crate") == "boxes@0"
    assert isinstance(registry.adapter("box"), Adapter)
    assert isinstance(registry.readers["eyes"], Reader)
    with pytest.raises(PluginError, match=r"add its plugin to the setting `plugins` \(enabled adapters: box, crate\)") as caught:
        registry.adapter("fhir")
    assert caught.value.code == "plugin.no_adapter"
    listed = {row.name: row for row in registry.listing()}
    assert (listed["boxes"].adapters, listed["boxes"].readers, listed["boxes"].installed) == (("box", "crate"), (), False)
    assert listed["eyes"].readers == ("eyes",)


def test_closing_closes_every_adapter_whatever_one_does() -> None:
    """Given adapters that raise and hang while closing, the others are closed, once, and the failures are logged."""
    good, bad, slow = Box("good"), Box("bad"), Box("slow")
    bad.close = fail  # type: ignore[method-assign]
    slow.close = hang  # type: ignore[method-assign]
    registry = load(all=adapting(bad, slow, good))
    with heard_logs() as heard:
        registry.close()
        registry.close()
    assert good.closed == 1
    assert [line["adapter"] for line in heard.named("plugin.failed")] == ["bad", "slow"]
    assert CANARY not in heard.text


@given(st.text(max_size=45) | st.from_regex(r"[a-z0-9.-]{0,42}"))
def test_an_adapters_name_can_always_be_a_queues(name: str) -> None:
    """Given any name, the registry takes it for an adapter exactly where the broker takes it for a queue."""
    try:
        queue_name(name)
    except ValueError:
        assert not NAME.fullmatch(name)
    else:
        assert NAME.fullmatch(name)


# -- reading


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
    assert load(fine=objecting(lambda *_: None), other=adapting(Box())).objections(cut(), RECIPIENT, "consent", NOW) == ()


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
    registry = load(timedelta(milliseconds=2), hangs=objecting(lambda *_: gate.wait(30)))
    before = threading.active_count()
    try:
        for _ in range(MAX_CALLS + 5):
            assert registry.objections(cut(), RECIPIENT, "consent", NOW) == ("plugin.overran:hangs",)
        assert threading.active_count() - before == MAX_CALLS
    finally:
        gate.set()
    assert wait_until(lambda: threading.active_count() == before)


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


# -- surveying


def test_a_survey_shows_every_problem_at_once(installed: Callable[..., None]) -> None:
    """Given broken, missing and good plugins, the survey lists all with each one's own problem, where loading would stop at the first."""
    installed("probe-bad", "probe-bad", EXPLODES)
    installed("probe-idle", "probe-idle", EXPLODES)
    box = Box()
    rows = {row.name: row for row in survey(["probe-bad", "missing"], context_for, extra={"good": adapting(box)})}
    assert rows["good"].adapters == ("box",)
    assert rows["good"].problem is None
    assert "RuntimeError" in (rows["probe-bad"].problem or "")
    assert (rows["missing"].installed, rows["missing"].enabled) == (False, True)
    assert "not installed" in (rows["missing"].problem or "")
    assert (rows["probe-idle"].enabled, rows["probe-idle"].problem) == (False, None)
    assert box.closed == 1


def test_a_survey_finds_what_only_shows_together() -> None:
    """Given two plugins that are well alone but give an adapter of one name, the survey says so."""
    rows = {row.name: row for row in survey([], context_for, extra={"one": adapting(Box()), "two": adapting(Box())})}
    assert rows["one"].problem is None
    assert "also given by plugin one" in (rows["two"].problem or "")
