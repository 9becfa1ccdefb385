"""Plugins are found, checked and held; whatever is wrong with one of them stops the start, and is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siphub.broker import queue_name
from siphub.contract import Adapter, AdapterInfo, PluginContext, Reader, ReaderInfo, hookimpl
from siphub.errors import PluginError, SettingsError
from siphub.registry import Registry, survey
from siphub.registry.finding import NAME
from siphub.testing.logs import heard_logs
from siphub.testing.small_plugins import CANARY, SHORT, Box, Eyes, adapting, context_for, fail, giving, hang, load, plugin, reading


def refused(code: str, *said: str, **plugins: object) -> PluginError:
    """Load plugins, which must fail with a code and these words."""
    with pytest.raises(PluginError) as caught:
        load(SHORT, **plugins)
    assert caught.value.code == code
    for words in said:
        assert words in str(caught.value)
    return caught.value


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


def test_a_plugin_has_a_plain_name() -> None:
    """Given a plugin whose name would not do in a log, a reason code or a setting, start-up stops."""
    with pytest.raises(PluginError, match="lower-case letters") as caught:
        Registry.load([], context_for, extra={"Två ord": adapting(Box())})
    assert caught.value.code == "plugin.bad_name"


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
