"""The hub that is measured, in a process of its own: what `siphub up` runs, on a folder that is there for this alone.

Told by a line of JSON on stdin what it is, it says by one on stdout where it listens; a further line asks for what its threads have cost. It ends
when stdin does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from siphub import observe
from siphub.cli.bench.profile import Sampler
from siphub.cli.up import running
from siphub.settings import Settings


def settings_of(told: dict[str, Any]) -> Settings:
    """Return the settings of the hub to be measured: the defaults, but for where things are."""
    given = {"data": Path(told["data"]), "broker_url": told["broker"], "database_url": told["database"]}
    return Settings(**given, plugins=("fhir",), port=0, min_free_disk=1)


def _main() -> None:
    told = json.loads(sys.stdin.readline())
    settings = settings_of(told)
    observe.configure(settings.log_level, settings.log_format)
    with running(settings) as (_, server):
        _say({"port": server.port})
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
