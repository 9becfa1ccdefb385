"""The systemd units: each starts a command there is, gets the secrets there are, stops later than the hub, and may touch nothing else."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from siphub.cli.command_line import application
from siphub.hub import PARTS
from siphub.settings import Settings

UNITS = sorted((Path(__file__).resolve().parents[2] / "deploy/systemd").glob("*.service"))
SECRETS = ("broker_url", "database_url", "keys_url", "master.key")
HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "RestrictNamespaces": "yes",
    "MemoryDenyWriteExecute": "yes",
    "LimitCORE": "0",
    "User": "siphub",
    "UMask": "0077",
}


def said(unit: Path) -> dict[str, list[str]]:
    """Return what a unit says: name → values."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_every_part_has_a_unit() -> None:
    """Given the units, then there is one for each part of a hub."""
    assert sorted(said(unit)["ExecStart"][0].split()[1] for unit in UNITS) == sorted(PARTS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_right(unit: Path) -> None:
    """Given a unit, then its command takes the options it is given, its secrets are settings, and it is shut in."""
    found = said(unit)
    _, part, *options = found["ExecStart"][0].split()
    command = typer.main.get_command(application()).commands[part]  # type: ignore[attr-defined]  # the root is a group
    known = {name for parameter in command.params for name in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert [line.partition(":")[0] for line in found["LoadCredential"]] == ["database_url", "keys_url", "broker_url", "master.key"]
    assert {name.replace(".", "_") for name in SECRETS} <= set(Settings.model_fields)
    assert timedelta(seconds=int(found["TimeoutStopSec"][0])) >= 2 * Settings().stop_within
    assert {name: found.get(name, [None])[0] for name in HARDENED} == HARDENED
    assert found["PartOf"] == found["WantedBy"] == ["siphub.target"]
