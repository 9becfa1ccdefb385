"""`doctor` and servers for files: how we are let in, which host key is set, and whether a file can be put there, of units and of record copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from siphub.flow.directory import switch
from siphub.hub import build
from siphub.model import Address, sample_directory
from siphub.model import people as p
from siphub.settings import Settings
from siphub.testing.sftp_server import SftpServer

if TYPE_CHECKING:
    from tests.conftest import Done


def test_what_a_server_lets_us_do_is_said_of_units_and_of_record_copies(
    siphub: Callable[..., Done], data_folder: Path, tmp_path: Path
) -> None:
    """Given a unit and a registry that collect from a server, then doctor tries each folder, and says which one is missing."""
    (tmp_path / "server" / "in").mkdir(parents=True)
    directory = sample_directory()
    with SftpServer(tmp_path / "server") as server:
        settings = "".join(f'[plugin.{name}]\nlogins = "{server.login()}"\n' for name in ("municipal-xml", "sftp"))
        (data_folder / "siphub.toml").write_text(f'min_free_disk = 1\nplugins = ["folder", "municipal-xml", "sftp"]\n{settings}')
        build(Settings(data=data_folder, min_free_disk=1)).stop()
        for plugin in ("municipal-xml", "sftp"):
            (data_folder / "keys" / f"plugin.{plugin}.norrby_sftp_key").write_text(server.secrets()["norrby_sftp_key"])
        units = [
            unit.model_copy(update={"address": Address(adapter="municipal-xml", endpoint=f"{server.url}/in")})
            if unit.id == p.HOME_CARE
            else unit
            for unit in directory.units
        ]
        records = Address(adapter="sftp", endpoint=f"{server.url}/registry")
        owners = [one.model_copy(update={"records": records}) if one.number == p.MUNICIPALITY else one for one in directory.organisations]
        hub = build(
            Settings(
                data=data_folder,
                min_free_disk=1,
                plugins=("folder", "municipal-xml", "sftp"),
                plugin={name: {"logins": server.login()} for name in ("municipal-xml", "sftp")},
            )
        )
        switch(hub.ground, directory.model_copy(update={"units": tuple(units), "organisations": tuple(owners)}), by="test")
        hub.stop()
        done = siphub("doctor", "--data", data_folder, "--json")
        left = server.files("in")
    found = [one for one in done.facts if server.url.removeprefix("sftp://") in one["what"]]
    fine = [one["what"] for one in found if one["level"] == "ok"]
    assert [one for one in fine if one.startswith(f"municipal-xml to {p.HOME_CARE}: files can be put into /in")]
    assert [
        one for one in fine if one.startswith(f"sftp (records) to {p.MUNICIPALITY}: gets files in /registry") and server.fingerprint in one
    ]
    assert [one["what"] for one in found if one["level"] == "wrong"] == [
        f"sftp (records) to {p.MUNICIPALITY}: nothing can be put into /registry at 127.0.0.1:{server.port} (sftp.folder_missing)"
    ]
    assert left == {}
