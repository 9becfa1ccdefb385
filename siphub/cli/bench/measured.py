"""The hub that is measured, in a process of its own or several: what `siphub up` runs, or `serve`, `relay`, `work` and `sweep`.

Told by a line of JSON on stdin what it is, it says by one on stdout where it listens; a further line asks for what its threads have cost. It ends
when stdin does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from siphub import observe
from siphub.cli.bench.profile import Sampler
from siphub.cli.collector import rarely_collected
from siphub.hub import Part, build
from siphub.settings import Settings
from siphub.web import serve


def settings_of(told: dict[str, Any]) -> Settings:
    """Return the settings of the hub to be measured: the defaults, but for where things are."""
    given = {"data": Path(told["data"]), "broker_url": told["broker"], "database_url": told["database"]}
    return Settings(**given, plugins=("fhir",), port=0, min_free_disk=1)


@contextmanager
def _running(settings: Settings, parts: Sequence[Part]) -> Iterator[int]:
    """Run some parts of a hub, and give the port where one of them is the API; 0 where none is."""
    with build(settings) as hub:
        hub.start(parts)
        server = serve(hub, settings.host, settings.port) if "serve" in parts else None
        try:
            with rarely_collected():
                yield server.port if server is not None else 0
        finally:
            if server is not None:
                server.stop()


def _main() -> None:
    told = json.loads(sys.stdin.readline())
    settings = settings_of(told)
    observe.configure(settings.log_level, settings.log_format)
    with _running(settings, told["parts"]) as port:
        _say({"port": port})
        sampler = Sampler()
        while line := sys.stdin.readline():
            asked = json.loads(line)
            if asked["do"] == "profile":
                sampler.start()
                _say({})
            else:
                _say(sampler.stop())


def _say(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
