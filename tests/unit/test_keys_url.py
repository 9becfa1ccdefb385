"""Keys in a database that several machines share: one master key, made once and copied, whoever comes first."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.contract import SystemClock
from siphub.errors import SettingsError, StoreError
from siphub.hub import build, open_store
from siphub.setting_values import place_of
from siphub.settings import Settings, read
from siphub.store import Store
from siphub.store.engine import Database
from siphub.testing.postgresql import Postgres

if TYPE_CHECKING:
    from tests.conftest import Done

OWNER = "2120009994"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return where two machines find content and keys: in SQLite files beside their data folders, or on PostgreSQL."""
    if request.param == "sqlite":
        yield {"database_url": f"sqlite:///{tmp_path / 'content.db'}", "keys_url": f"sqlite:///{tmp_path / 'shared.db'}"}
        return
    server: Postgres = request.getfixturevalue("postgresql")
    made = {"database_url": server.database(), "keys_url": server.database()}
    yield made
    for url in made.values():
        server.drop(url)


@pytest.fixture
def machines(tmp_path: Path, urls: dict[str, str]) -> list[Path]:
    """Return the data folders of two machines of one hub, each with its secrets, and without a master key."""
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        (folder / "keys").mkdir(parents=True, mode=0o700)
        for name, url in urls.items():
            (folder / "keys" / name).write_text(url)
            (folder / "keys" / name).chmod(0o600)
    return made


def settings(folder: Path) -> Settings:
    """Read a machine's settings."""
    return read({"data": folder, "min_free_disk": 1})


def own_keys(folder: Path) -> list[str]:
    """Return the API keys that a first start has made there."""
    return sorted(file.name for file in (folder / "keys").glob("*.key") if file.name != "master.key")


def test_no_start_makes_a_master_key(machines: list[Path]) -> None:
    """Given a keys_url and no master key, then a hub does not start and makes none: another machine may be doing the same."""
    with pytest.raises(SettingsError, match="siphub keys master") as raised:
        build(settings(machines[0]))
    assert raised.value.code == "settings.master_key"
    assert not (machines[0] / "keys" / "master.key").exists()


def test_two_machines_with_one_master_key_are_one_hub(machines: list[Path], siphub: Callable[..., Done]) -> None:
    """Given a master key made on one machine and copied, both open what either has sealed, and only the first start makes keys to try."""
    one, two = machines
    assert "siphub keys master" in siphub("keys", "list", "--data", one).err
    made = siphub("keys", "master", "--data", one, "--json")
    assert (made.status, made.facts) == (0, {"file": str(one / "keys" / "master.key")})
    assert (one / "keys" / "master.key").stat().st_mode & 0o777 == 0o600
    shutil.copy(one / "keys" / "master.key", two / "keys" / "master.key")
    with build(settings(one)) as first, build(settings(two)) as second:
        sealed = first.store.seal_of_case(OWNER, "case", create=True).seal("message", "m", b"word")
        assert second.store.seal_of_case(OWNER, "case").open("message", "m", sealed) == b"word"
        assert second.caller((one / "keys" / "sender.key").read_text().strip(), "api").organisation == OWNER
    assert (own_keys(one), own_keys(two)) == (["admin.key", "agency.key", "sender.key"], [])
    assert siphub("keys", "list", "--data", two).status == 0


def test_another_master_key_is_refused_before_anything_is_sealed(machines: list[Path], siphub: Callable[..., Done]) -> None:
    """Given a hub that has started and sealed nothing, another machine's own master key neither starts a hub nor is made."""
    one, two = machines
    siphub("keys", "master", "--data", one)
    build(settings(one)).stop()
    refused = siphub("keys", "master", "--data", two)
    assert (refused.status, "key.master_used" in refused.err) == (1, True)
    (two / "keys" / "master.key").write_text("ab" * 32)
    with pytest.raises(SettingsError, match="another one") as raised:
        build(settings(two))
    assert raised.value.code == "settings.master_key"
    said = siphub("doctor", "--data", two, "--json").facts
    assert any(found["level"] == "wrong" and "first used with another one" in found["what"] for found in said)


def test_of_two_first_starts_with_different_keys_one_wins(machines: list[Path]) -> None:
    """Given two machines that each bring a master key and start at once, then one is the hub and the other is refused."""
    for number, folder in enumerate(machines):
        (folder / "keys" / "master.key").write_text(f"{number + 1:02d}" * 32)
    ready, ends = threading.Barrier(2), list[str]()

    def start(folder: Path) -> None:
        ready.wait()
        try:
            build(settings(folder)).stop()
            ends.append("started")
        except SettingsError as error:
            ends.append(error.code)

    threads = [threading.Thread(target=start, args=(folder,)) for folder in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["settings.master_key", "started"]


def test_the_master_key_may_lie_with_the_services_credentials(
    machines: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, siphub: Callable[..., Done]
) -> None:
    """Given the master key in $CREDENTIALS_DIRECTORY alone, then the hub starts with it, doctor finds it, and no second is made."""
    credentials = tmp_path / "credentials"
    siphub("keys", "master", "--data", machines[0], "--out", credentials / "master.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    build(settings(machines[0])).stop()
    assert not (machines[0] / "keys" / "master.key").exists()
    assert "key.master_there" in siphub("keys", "master", "--data", machines[0]).err
    found = siphub("doctor", "--data", machines[0], "--json").facts
    assert not [one for one in found if one["level"] == "wrong" and "master" in one["what"]]


def test_the_embedded_hub_takes_its_credentials_too(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no keys_url and a master key in $CREDENTIALS_DIRECTORY, then the first start makes none of its own."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "master.key").write_text("cd" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    build(settings(data_folder)).stop()
    assert not (data_folder / "keys" / "master.key").exists()


def test_a_second_machine_with_keys_of_its_own_is_refused(machines: list[Path]) -> None:
    """Given a second machine on the same content that makes keys of its own, it does not start: nobody else could open what it seals."""
    one, two = machines
    for folder in machines:
        (folder / "keys" / "keys_url").unlink()
    build(settings(one)).stop()
    with pytest.raises(SettingsError, match="keys_url") as raised:
        build(settings(two))
    assert raised.value.code == "settings.other_keys"
    apart = open_store(settings(two), SystemClock())
    apart.upgrade()
    apart.close()
    with pytest.raises(SettingsError, match="keys_url"):
        build(settings(two))
    build(settings(one)).stop()


def test_keys_that_are_gone_are_not_made_anew(data_folder: Path) -> None:
    """Given content whose keys' file is gone, then the hub does not start with new keys, which would open nothing that is there."""
    build(settings(data_folder)).stop()
    (data_folder / "keys.sqlite").unlink()
    with pytest.raises(SettingsError, match="siphub restore --keys") as raised:
        build(settings(data_folder))
    assert raised.value.code == "settings.other_keys"
    assert not (data_folder / "keys.sqlite").exists()


@pytest.mark.parametrize("text", ["not hex", "abcd", ""])
def test_a_master_key_that_is_none(data_folder: Path, text: str) -> None:
    """Given a file that holds no 32 bytes in hex, then the hub says so and shows nothing of it."""
    (data_folder / "keys").mkdir()
    (data_folder / "keys" / "master.key").write_text(text)
    with pytest.raises(SettingsError, match="32 bytes in hex"):
        build(settings(data_folder))


def test_keys_and_content_are_apart(machines: list[Path], urls: dict[str, str], siphub: Callable[..., Done]) -> None:
    """Given keys on the content's server, doctor asks for a look; in files of their own it is content."""
    siphub("keys", "master", "--data", machines[0])
    build(settings(machines[0])).stop()
    found = {one["what"]: one["level"] for one in siphub("doctor", "--data", machines[0], "--json").facts}
    [(what, level)] = [one for one in found.items() if one[0].startswith("keys and content")]
    assert (level, "one database server" in what) == (("look", True) if "postgresql" in urls["keys_url"] else ("ok", False))


@pytest.mark.node
def test_one_database_for_both_is_found_out_whatever_the_urls_say(postgresql_url: str) -> None:
    """Given one database under two URLs, the settings see it where the words are the same, and the store where they are not."""
    with pytest.raises(SettingsError, match="keys_url: the database that database_url names"):
        read({"database_url": postgresql_url, "keys_url": postgresql_url.replace("postgresql:", "postgresql+psycopg:")})
    store = Store(postgresql_url, f"{postgresql_url}?application_name=keys", bytes(32), SystemClock())
    assert store.apart() == "same database"
    store.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql://a:b@Db.example.org/sip", "postgresql+psycopg://c:d@db.example.org:5432/sip"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_urls_of_one_database(one: str, other: str) -> None:
    """Given two ways to write one database's URL, they name one place; another port or name is another."""
    assert place_of(one) == place_of(other)
    assert place_of(one) != place_of(f"{other}2")


@pytest.mark.parametrize("name", ["master_key", "plugin_secrets"])
def test_secrets_stand_in_files_only(data_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Given a secret in siphub.toml or in the environment, it is refused without being shown."""
    (data_folder / "siphub.toml").write_text(f'{name} = "hemligt"\n')
    with pytest.raises(SettingsError, match=r"siphub\.toml") as raised:
        settings(data_folder)
    (data_folder / "siphub.toml").unlink()
    monkeypatch.setenv(f"SIPHUB_{name.upper()}", "hemligt")
    with pytest.raises(SettingsError, match="environment") as again:
        settings(data_folder)
    assert "hemligt" not in f"{raised.value}{again.value}"


@pytest.mark.parametrize("url", ["postgresql://hub:hemligt@", "hemligt"])
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    """Given something that is no database's URL, the error says how to write one, and nothing of what was given."""
    with pytest.raises(StoreError) as raised:
        Database(url).write().__enter__()
    assert "hemligt" not in str(raised.value)


def _without_driver(*_: Any, **__: Any) -> Any:
    raise ModuleNotFoundError


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no driver for PostgreSQL, the error says what to install."""
    monkeypatch.setattr("siphub.store.postgresql_engine.create_engine", _without_driver)
    with pytest.raises(StoreError, match=r"siphub\[postgresql\]"):
        Database("postgresql://db.example.org/sip")
