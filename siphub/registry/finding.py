"""Which plugins there are: found through entry points, and not imported until one of them is enabled."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from siphub.errors import PluginError
from siphub.registry.plugin import Plugin

GROUP = "siphub"
"""The entry-point group plugins are found in."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""What plugins and adapters may be called: an adapter's name becomes a queue's."""


@dataclass(frozen=True, slots=True)
class PluginListing:
    """What an administrator sees of one plugin. `adapters` and `readers` are known only of enabled ones: others are not imported.

    `distribution` is the package that brings it; `problem` says what is wrong and what to do, or is None.
    """

    name: str
    distribution: str
    version: str
    installed: bool
    enabled: bool
    adapters: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that could be enabled: where it comes from, and how its implementation is got."""

    name: str
    owner: str
    version: str
    load: Callable[[], object]
    installed: bool = True

    def open(self) -> Plugin:
        """Import it. Only called for enabled plugins."""
        try:
            implementation = self.load()
        except (Exception, SystemExit) as error:  # a plugin's module may raise anything, and is named in the answer
            raise PluginError(
                self.name, f"importing it raised {type(error).__name__} (from {self.owner})", code="plugin.import_failed"
            ) from error
        return Plugin(self.name, self.owner, self.version, implementation)


def candidates(extra: Mapping[str, object]) -> dict[str, list[Candidate]]:
    """Return what is installed and what was given, by name, without importing any of it."""
    found: dict[str, list[Candidate]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(_installed(point))
    for name, implementation in extra.items():
        given = Candidate(name, "the caller", "0", lambda implementation=implementation: implementation, installed=False)  # type: ignore[misc]
        found.setdefault(name, []).append(given)
    return found


def _installed(point: EntryPoint) -> Candidate:
    if point.dist is None:
        return Candidate(point.name, "an unknown distribution", "0", point.load)
    said = point.dist.metadata  # read from the disk each time it is asked for
    return Candidate(point.name, f"{said['Name']} {said['Version']}", said["Version"], point.load)


def twice(candidates: Sequence[Candidate]) -> str | None:
    """Say what is wrong where there is more than one plugin of a name."""
    if len(candidates) < 2:  # noqa: PLR2004 - two of a name
        return None
    return f"two plugins have this name: one from {' and one from '.join(one.owner for one in candidates)}; uninstall one"


def chosen(name: str, found: Mapping[str, list[Candidate]]) -> Candidate:
    """Return the one plugin of a name."""
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        advice = f"did you mean {near[0]}?" if near else "install it, or take it out of the setting `plugins`"
        raise PluginError(name, f"is enabled but not installed; {advice}", code="plugin.not_installed")
    if problem := twice(found[name]):
        raise PluginError(name, problem, code="plugin.duplicate")
    if not NAME.fullmatch(name):
        raise PluginError(name, "a plugin's name is lower-case letters, digits and hyphens, at most 40", code="plugin.bad_name")
    return found[name][0]


def row(
    one: Candidate, *, enabled: bool = False, adapters: Iterable[str] = (), readers: Iterable[str] = (), problem: str | None = None
) -> PluginListing:
    """Return what is shown of a candidate."""
    return PluginListing(one.name, one.owner, one.version, one.installed, enabled, tuple(sorted(adapters)), tuple(sorted(readers)), problem)
