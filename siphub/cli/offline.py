"""The plugins without a hub: for commands that translate and read, which need no data folder and write nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from siphub.cli.hubs import heard, settings_for

if TYPE_CHECKING:
    from siphub.contract import PluginContext
    from siphub.registry import Registry
    from siphub.settings import Settings


class Forgetful:
    """A plugin's small store that lasts as long as the command."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def get(self, owner: str, key: str) -> bytes | None:
        """Return what is kept under a key, or None."""
        return self._kept.get((owner, key))

    def put(self, owner: str, key: str, value: bytes) -> None:
        """Keep a value, replacing an older one."""
        self._kept[owner, key] = value


def context_maker(settings: Settings) -> Callable[[str], PluginContext]:
    """Return what makes a plugin's context, by its name."""
    from siphub.contract import PluginContext, SystemClock
    from siphub.contract.http import Http
    from siphub.documents import render
    from siphub.mappings import Mappings, shipped
    from siphub.observe import Log

    clock = SystemClock()
    http = Http(ca_file=settings.ca_file)
    packs = Mappings([shipped(), settings.data / "mappings"], clock)

    def context(name: str) -> PluginContext:
        return PluginContext(
            plugin=name,
            clock=clock,
            log=Log(plugin=name),
            http=http,
            mappings=packs,
            state=Forgetful(),
            render=render,
            settings=_own(name, settings),
            secrets={key: value.get_secret_value() for key, value in settings.plugin_secrets.get(name, {}).items()},
        )

    return context


def _own(name: str, settings: Settings) -> Mapping[str, str]:
    """Return a plugin's own settings, as the hub in the data folder gives them to it where there is one that has a sample directory."""
    if not (settings.data / "partners").is_dir():
        return settings.plugin.get(name, {})
    from siphub.hub import own_settings

    return own_settings(name, settings)


@contextmanager
def plugins_only(data: Path | None, also: str = "") -> Iterator[Registry]:
    """Give the enabled plugins, and the one named on the command line where it is installed: naming it there enables it for this once."""
    from importlib.metadata import entry_points

    from siphub.registry import Registry

    settings = settings_for(data)
    if also not in settings.plugins and also in {point.name for point in entry_points(group="siphub")}:
        settings = settings.model_copy(update={"plugins": (*settings.plugins, also)})
    if data is None:
        settings = settings.model_copy(update={"plugin": {**sample_settings(), **settings.plugin}})
    with heard(), closing(Registry.load(settings.plugins, context_maker(settings))) as registry:
        yield registry


def sample_settings() -> Mapping[str, Mapping[str, str]]:
    """Return what a plugin needs to know to translate for the sample directory: who sends. Used without a hub only."""
    from siphub.model import people as p

    sender = f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun"
    return {plugin: {"senders": sender} for plugin in ("sdk", "forsakringskassan", "arbetsformedlingen")}
