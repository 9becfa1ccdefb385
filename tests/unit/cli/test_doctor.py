"""`doctor`: each thing that would make the hub fail tomorrow is found, in words, and none of them hides another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.contract import Submission
from siphub.flow import operate
from siphub.flow.directory import switch
from siphub.flow.restored import settle
from siphub.hub import build
from siphub.model import Address, Caller, Directory, sample, sample_directory
from siphub.sandbox import make_certificates
from siphub.settings import Settings
from siphub.testing.store_rows import NOW, new_case

if TYPE_CHECKING:
    from tests.conftest import Done

Doctor = Callable[[], "Done"]


@pytest.fixture
def doctor(siphub: Callable[..., Done], data_folder: Path) -> Doctor:
    """Return the doctor, for a hub that has been started once with little disk asked for."""
    (data_folder / "siphub.toml").write_text("min_free_disk = 1\n")
    build(Settings(data=data_folder, min_free_disk=1)).stop()
    return lambda: siphub("doctor", "--data", data_folder, "--json")


def said(done: Done, level: str) -> list[str]:
    """Return the findings of one level."""
    return [one["what"] for one in done.facts if one["level"] == level]


def test_a_sound_hub_is_sound(doctor: Doctor, siphub: Callable[..., Done], data_folder: Path) -> None:
    """Given a hub after its first start, then nothing is wrong, exit 0, and what was looked at is said."""
    done = doctor()
    assert (done.status, said(done, "wrong")) == (0, [])
    fine = " ".join(said(done, "ok"))
    for looked_at in (
        "free in the data folder",
        "keys",
        "plugin folder",
        "mapping pack municipal-sip",
        "databases",
        "broker",
        "directory",
        "audit",
    ):
        assert looked_at in fine
    assert f"folder: {data_folder}/partners/" in fine
    assert "no root is set" not in fine
    assert "Nothing is wrong." in siphub("doctor", "--data", data_folder).out


def test_a_key_that_others_can_read(doctor: Doctor, data_folder: Path) -> None:
    """Given a key file with wide permissions, then it is wrong, with the command that mends it."""
    (data_folder / "keys" / "sender.key").chmod(0o644)
    done = doctor()
    assert done.status == 1
    assert any("chmod 600" in one and "sender.key" in one for one in said(done, "wrong"))


def test_credentials_that_others_can_read(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a folder of credentials that everybody can read, then it is wrong with the command; a group's right is the service manager's."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o750)
    (folder / "broker_url").write_text("memory://")
    (folder / "broker_url").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert doctor().status == 0
    (folder / "broker_url").chmod(0o444)
    assert f"{folder / 'broker_url'} can be read by others: chmod 600 {folder / 'broker_url'}" in said(doctor(), "wrong")


def test_a_master_key_that_is_gone(doctor: Doctor, data_folder: Path) -> None:
    """Given no master key, then it is wrong, the rest is still looked at, and none is made in its place."""
    (data_folder / "keys" / "master.key").unlink()
    done = doctor()
    assert done.status == 1
    assert any("master.key is gone" in one for one in said(done, "wrong"))
    assert any("mapping pack" in one for one in said(done, "ok"))
    assert not (data_folder / "keys" / "master.key").exists()


def test_a_master_key_of_another_hub(doctor: Doctor, data_folder: Path) -> None:
    """Given another hub's master key, then it is wrong: it does not open what is there."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    hub.store.seal_of_owner("2120009994")
    hub.stop()
    (data_folder / "keys" / "master.key").write_text("ab" * 32)
    done = doctor()
    assert done.status == 1
    assert any("does not open" in one for one in said(done, "wrong"))


def test_too_little_disk(doctor: Doctor, data_folder: Path) -> None:
    """Given a limit above what is free, then it is wrong: nothing would be accepted."""
    (data_folder / "siphub.toml").write_text("min_free_disk = '900000 GiB'\n")
    done = doctor()
    assert any("make room" in one for one in said(done, "wrong"))


def test_a_plugin_that_is_not_installed(doctor: Doctor, data_folder: Path) -> None:
    """Given a plugin in the settings that nobody has installed, then it is wrong, and the databases are still looked at."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["folder", "fax"]\n')
    done = doctor()
    assert any("fax" in one for one in said(done, "wrong"))
    assert any("databases are whole" in one for one in said(done, "ok"))


def test_a_plugin_that_is_installed_and_not_enabled(doctor: Doctor, data_folder: Path) -> None:
    """Given a plugin that the settings do not name, then it is worth a look, and no more."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["folder"]\n')
    done = doctor()
    assert done.status == 0
    assert any("municipal-xml is installed and not enabled" in one for one in said(done, "look"))


def test_a_directory_with_an_adapter_that_is_not_enabled(doctor: Doctor, data_folder: Path) -> None:
    """Given units on an adapter that was switched off, then each is wrong."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["municipal-xml"]\n')
    done = doctor()
    assert sum("no such adapter" in one for one in said(done, "wrong")) == len(sample_directory().units)


def test_deliveries_of_an_adapter_that_is_not_enabled_any_more(doctor: Doctor, data_folder: Path) -> None:
    """Given a delivery that waits for an adapter whose plugin was switched off, then it is wrong, with the adapter's name."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    message = sample("sip.requested")
    hub.accept(Submission(message.to_json(), "application/json"), Caller(message.owner, frozenset(), frozenset({"send"}), "api"))
    hub.stop()
    assert not any("deliveries wait for the adapter" in one for one in said(doctor(), "wrong"))
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["municipal-xml"]\n')
    assert any("deliveries wait for the adapter folder" in one for one in said(doctor(), "wrong"))


def test_an_empty_directory(doctor: Doctor, data_folder: Path) -> None:
    """Given no units, then it is wrong: nothing can be sent to anybody."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    switch(hub.ground, Directory(), by="test")
    hub.stop()
    assert any("the directory is empty" in one for one in said(doctor(), "wrong"))


def test_a_damaged_database(doctor: Doctor, data_folder: Path) -> None:
    """Given a database without one of its tables, then it is wrong, and the hub is not built on it."""
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as database:
        database.execute("DROP TABLE outbox")
    done = doctor()
    assert any("no table outbox" in one for one in said(done, "wrong"))


def test_a_database_of_a_newer_version(doctor: Doctor, data_folder: Path) -> None:
    """Given a database that a newer siphub has made its own, then the doctor says to install that, and not to upgrade the database."""
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("UPDATE schema_floor SET revision = '9999'")
        database.commit()
    found = [one for one in said(doctor(), "wrong") if "9999" in one]
    assert found == ["the content database is at revision 9999, which is newer than this siphub; install the newer one"]


def test_an_audit_chain_that_was_altered(doctor: Doctor, data_folder: Path) -> None:
    """Given a link of the audit that somebody has changed, then the chain is wrong from there."""
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 1")
        database.commit()
    assert any("audit chain" in one for one in said(doctor(), "wrong"))


def test_sending_that_is_stopped(doctor: Doctor, data_folder: Path) -> None:
    """Given the switch thrown, then it is worth a look, with the command that lets sending go on."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    operate.switch(hub.ground, "stopped", by="test")
    hub.stop()
    assert any("siphub start" in one for one in said(doctor(), "look"))


def test_sending_that_is_stopped_since_a_restore(doctor: Doctor, data_folder: Path) -> None:
    """Given a restore that is not settled, then the doctor names the one command that lets sending go on, and not the one that is refused."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    settle(hub.store, NOW, NOW + timedelta(hours=1), by="test")
    hub.stop()
    done = doctor()
    assert any("siphub start --after-restore" in one for one in said(done, "wrong"))
    assert not any("stopped by an operator" in one["what"] for one in done.facts)


def test_record_copies_that_nobody_has_confirmed(doctor: Doctor, data_folder: Path) -> None:
    """Given a message of an owner without a registry, then it is worth a look whose copy waits; given a registry no plugin reaches, it is wrong."""
    hub = build(Settings(data=data_folder, min_free_disk=1))
    message = sample("sip.requested")
    hub.accept(Submission(message.to_json(), "application/json"), Caller(message.owner, frozenset(), frozenset({"send"}), "api"))
    hub.stop()
    assert any(f"record copies of {message.owner}" in one and "no records address" in one for one in said(doctor(), "look"))
    with closing(sqlite3.connect(data_folder / "siphub.sqlite")) as database:
        fax = '{"adapter": "fax", "endpoint": "1", "mapping": null, "options": {}}'
        database.execute("UPDATE organisation SET records = ? WHERE number = ?", (fax, message.owner))
        database.execute("UPDATE directory_version SET version = version + 1")
        database.commit()
    found = said(doctor(), "wrong")
    assert any("no enabled plugin has the record keeper fax" in one for one in found)
    assert any("no such record keeper" in one for one in found)


def test_closed_cases_that_nobody_has_decided_about(doctor: Doctor, data_folder: Path) -> None:
    """Given a case that is over, and no decision in the settings, then it is worth a look, with the table to write."""
    assert not any("wait for a decision" in one for one in said(doctor(), "look"))
    case = replace(new_case(), state="CLOSED", ended_at=NOW)
    hub = build(Settings(data=data_folder, min_free_disk=1))
    with hub.store.write() as work:
        work.cases.add(case)
    hub.stop()
    assert any(f"1 closed cases of {case.owner} wait for a decision" in one for one in said(doctor(), "look"))


def test_a_certificate_that_runs_out_soon(doctor: Doctor, data_folder: Path, tmp_path: Path) -> None:
    """Given a CA that holds for days, then it is worth a look; given a file that is none, then it is wrong."""
    ca = make_certificates(tmp_path).ca
    (data_folder / "siphub.toml").write_text(f'min_free_disk = 1\nca_file = "{ca}"\n')
    assert any("runs out on" in one for one in said(doctor(), "look"))
    ca.write_text("no certificate")
    assert any("cannot be read as certificates" in one for one in said(doctor(), "wrong"))


def test_a_fault_in_the_settings(doctor: Doctor, data_folder: Path) -> None:
    """Given a crash test's fault left behind, then it is wrong."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nfault = "after_commit:sleep=0.1:1000"\n')
    assert any("fault is set" in one for one in said(doctor(), "wrong"))


@pytest.mark.parametrize(("mode", "level"), [("test", "look"), ("production", "wrong")])
def test_a_broker_that_cannot_promise_enough(doctor: Doctor, data_folder: Path, mode: str, level: str) -> None:
    """Given a broker that breaks promises, then it is worth a look while testing, wrong in production, and the promises are named."""
    (data_folder / "siphub.toml").write_text(f'min_free_disk = 1\nmode = "{mode}"\nbroker_url = "filesystem://{data_folder}/bells"\n')
    assert any("cannot promise dead_consumer_redelivers" in one and "settings.broker_weak" in one for one in said(doctor(), level))


def test_no_hub_at_all(siphub: Callable[..., Done], tmp_path: Path) -> None:
    """Given an empty folder, then that is the one finding, and the folder stays empty."""
    done = siphub("doctor", "--data", tmp_path, "--json")
    assert done.status == 1
    assert [one["level"] for one in done.facts] == ["wrong"]
    assert list(tmp_path.iterdir()) == []


def test_an_address_where_our_key_may_not_be_shown(doctor: Doctor, data_folder: Path) -> None:
    """Given an entry with a key whose servers the settings do not name any more, then it is wrong, with its place and its code."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["folder", "fhir"]\n')
    first, *units = sample_directory().units
    there = Address(adapter="fhir", endpoint="https://region.example/fhir", options={"form": "resource", "secret": "journal"})
    named = Settings(
        data=data_folder, min_free_disk=1, plugins=("folder", "fhir"), plugin={"fhir": {"clients": "journal https://region.example"}}
    )
    hub = build(named)
    switch(hub.ground, sample_directory().model_copy(update={"units": (first.model_copy(update={"address": there}), *units)}), by="test")
    hub.stop()
    [wrong] = [one for one in said(doctor(), "wrong") if one.startswith("the directory, ")]
    assert "/address/endpoint: the setting clients of fhir names no server" in wrong
    assert wrong.endswith(" (address.origin_refused)")


def test_what_the_directorys_addresses_ask_of_their_adapter(doctor: Doctor, data_folder: Path) -> None:
    """Given units at FHIR servers, then the form and format of each is said, and an option that is wrong, with the unit's name."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["folder", "fhir"]\n')
    options = ({"form": "transaction"}, {"form": "batch"}, {"form": "resource", "acces5": "journal"})
    units = sample_directory().units
    moved = [
        unit.model_copy(update={"address": Address(adapter="fhir", endpoint=f"https://region.example/{number}", options=given)})
        for number, (unit, given) in enumerate(zip(units, options, strict=False))
    ]
    hub = build(Settings(data=data_folder, min_free_disk=1, plugins=("folder", "fhir")))
    switch(hub.ground, sample_directory().model_copy(update={"units": (*moved, *units[len(moved) :])}), by="test")
    hub.stop()
    done = doctor()
    assert f"fhir to {moved[0].id}: transaction Bundles as JSON, let in by nothing" in said(done, "ok")
    wrong = said(done, "wrong")
    assert f"fhir to {moved[1].id}: the option form of a fhir entry is message or transaction or resource (settings.option_wrong)" in wrong
    assert f"fhir to {moved[2].id}: fhir has no option acces5; it has form, format, access, secret" in wrong


def test_where_answers_are_fetched_and_since_when_they_cannot_be(doctor: Doctor, data_folder: Path) -> None:
    """Given two units with places for their answers, then it is said that they are fetched, or since when and why one is not, with the unit's name."""
    (data_folder / "siphub.toml").write_text('min_free_disk = 1\nplugins = ["folder", "municipal-xml"]\n')
    place = data_folder / "norrby"
    (place / "svar").mkdir(parents=True)
    first, second, *units = sample_directory().units
    here = Address(adapter="municipal-xml", endpoint=str(place), options={"receipt": "file", "answers": "svar"})
    moved = (first.model_copy(update={"address": here}), second.model_copy(update={"address": None}), *units)
    hub = build(Settings(data=data_folder, min_free_disk=1, plugins=("folder", "municipal-xml")))
    switch(hub.ground, sample_directory().model_copy(update={"units": moved}), by="test")
    hub.stop()
    fine = said(doctor(), "ok")
    assert "answers are fetched from 2 places of units" in fine
    assert f"municipal-xml to {first.id}: its answers are fetched from {place}/svar" in fine
    assert f"municipal-xml to {first.id}: counts as delivered when <key>.receipt says so" in fine
    hub = build(Settings(data=data_folder, min_free_disk=1, plugins=("folder", "municipal-xml")))
    with hub.store.write() as work:
        work.poll_leases.note("-", "municipal-xml", f"{place}/svar", "folder.unreadable", NOW)
        work.poll_leases.note("-", "municipal-xml", "/nobody/s", "folder.unreadable", NOW)
    hub.stop()
    since = f"{NOW:%Y-%m-%d %H:%M}"
    assert [one for one in said(doctor(), "wrong") if "fetched" in one] == [
        f"answers of {first.id} cannot be fetched from {place}/svar since {since} (folder.unreadable)"
    ]
