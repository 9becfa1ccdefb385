"""Settings are read once, from four places, into a frozen value; what is unknown or wrong is refused by name, and no value is repeated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pydantic
import pytest

from siphub.errors import SettingsError
from siphub.setting_values import Fault, Retention
from siphub.settings import Settings, read, table

SECRET = "hemligt-losenord"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    """Start in an empty data folder without credentials of the machine's own."""
    monkeypatch.setenv("SIPHUB_DATA", str(data_folder))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def put(folder: Path, name: str, text: str) -> Path:
    """Write a file, and the folder it stands in."""
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_without_anything_given_the_defaults_hold(data_folder: Path) -> None:
    """Given an empty folder, when settings are read, then the embedded hub's defaults hold."""
    settings = read()
    assert (settings.data, settings.mode, settings.broker_url) == (data_folder, "test", "memory://")
    assert settings.plugins == ("folder", "municipal-xml")
    assert (settings.senders, settings.lease, settings.permit) == (16, timedelta(seconds=30), timedelta(seconds=1))
    assert settings.max_body == 2 * 1024 * 1024
    assert settings.database == f"sqlite:///{data_folder}/siphub.sqlite"


def test_the_stronger_place_wins(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a setting in all four places, when each is taken away in turn, then the next strongest holds."""
    put(data_folder, "siphub.toml", "port = 1\n")
    assert read().port == 1
    put(data_folder / "keys", "port", "2\n")
    assert read().port == 2
    monkeypatch.setenv("SIPHUB_PORT", "3")
    assert read().port == 3
    assert read({"port": 4, "host": None}).port == 4


def test_credentials_of_the_service_win_over_the_data_folders(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a secret in both folders of secrets, when settings are read, then $CREDENTIALS_DIRECTORY holds."""
    put(data_folder / "keys", "database_url", "sqlite:///one")
    put(tmp_path / "credentials", "database_url", f"postgresql+psycopg://hub:{SECRET}@db/sip")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert read().database == f"postgresql+psycopg://hub:{SECRET}@db/sip"


def test_the_file_may_stand_elsewhere_and_name_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given SIPHUB_CONFIG and no data folder named elsewhere, then the file's data folder holds, and its secrets are read."""
    put(tmp_path / "there" / "keys", "broker_url", "amqp://there")
    file = put(tmp_path / "etc", "hub.toml", f'data = "{tmp_path / "there"}"\n')
    monkeypatch.delenv("SIPHUB_DATA")
    monkeypatch.setenv("SIPHUB_CONFIG", str(file))
    assert (read().data, read().broker_url) == (tmp_path / "there", "amqp://there")


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given SIPHUB_CONFIG that names nothing, when settings are read, then that is said."""
    monkeypatch.setenv("SIPHUB_CONFIG", str(tmp_path / "nothing.toml"))
    with pytest.raises(SettingsError, match="SIPHUB_CONFIG"):
        read()


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("lease", "45 s", timedelta(seconds=45)),
        ("lease", "2min", timedelta(minutes=2)),
        ("retry_cap", "1.5 h", timedelta(hours=1.5)),
        ("permit", "500 ms", timedelta(milliseconds=500)),
        ("retry_cap", "2 d", timedelta(days=2)),
        ("max_body", "3 MiB", 3 * 2**20),
        ("min_free_disk", "1 GiB", 2**30),
        ("plugins", "folder, mine", ("folder", "mine")),
        ("fault", "deliver.before_send:kill", Fault("deliver.before_send", "kill")),
        ("fault", "relay.published:stop:3", Fault("relay.published", "stop", nth=3)),
        ("fault", "accept.commit:sleep=1.5:2", Fault("accept.commit", "sleep", nth=2, pause=timedelta(seconds=1.5))),
    ],
)
def test_values_are_written_as_people_write_them(monkeypatch: pytest.MonkeyPatch, name: str, written: str, meant: object) -> None:
    """Given a value as text, in the environment or on the command line, then it means what a person means by it."""
    assert getattr(read({name: written}), name) == meant
    monkeypatch.setenv(f"SIPHUB_{name.upper()}", written)
    assert getattr(read(), name) == meant


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("lease", "soon"),
        ("lease", "0 s"),
        ("max_body", "much"),
        ("mode", "live"),
        ("port", "70000"),
        ("senders", "0"),
        ("fault", "kill"),
        ("fault", "point:explode"),
        ("fault", "point:kill:0"),
        ("retry_base", "1 h"),
        ("permit", "30 s"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, written: str) -> None:
    """Given a value that cannot be, when settings are read, then the error names the setting and does not repeat the value."""
    with pytest.raises(SettingsError, match=rf"^{name}: ") as caught:
        read({name: written})
    assert caught.value.code == "settings.wrong"


def test_production_refuses_a_fault() -> None:
    """Given production, when a fault for crash tests is set, then the hub does not start."""
    assert read({"fault": "relay.published:kill"}).fault is not None
    with pytest.raises(SettingsError, match="fault"):
        read({"fault": "relay.published:kill", "mode": "production"})


def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a misspelt name in the environment, then it is refused, and the nearest name is offered."""
    monkeypatch.setenv("SIPHUB_RETRY_LIMT", SECRET)
    with pytest.raises(SettingsError, match=r"retry_limt: no such setting \(in the environment\)\. Did you mean retry_limit\?") as caught:
        read()
    assert SECRET not in str(caught.value)
    assert caught.value.code == "settings.unknown"


def test_an_unknown_name_elsewhere_is_refused(data_folder: Path) -> None:
    """Given a misspelt name in the file, or on the command line, then it is refused, with its place."""
    with pytest.raises(SettingsError, match="on the command line"):
        read({"prot": 1})
    put(data_folder, "siphub.toml", "[plugins_of_mine]\na = 1\n")
    with pytest.raises(SettingsError, match=r"plugins_of_mine: no such setting \(in siphub\.toml\)"):
        read()


def test_a_file_that_is_not_toml_is_refused_with_its_place(data_folder: Path) -> None:
    """Given a broken file, when settings are read, then the line is named and the content is not."""
    put(data_folder, "siphub.toml", f'host = "a"\nport = {SECRET}\n')
    with pytest.raises(SettingsError, match="line 2") as caught:
        read()
    assert SECRET not in str(caught.value)


def test_plugin_tables_reach_the_plugin_as_words(data_folder: Path) -> None:
    """Given a plugin's table with text, a number and a boolean, then they are words; a table within it is refused by name."""
    put(data_folder, "siphub.toml", '[plugin.folder]\nroot = "/srv/out"\nlimit = 3\nfast = true\n')
    assert read().plugin == {"folder": {"root": "/srv/out", "limit": "3", "fast": "true"}}
    put(data_folder, "siphub.toml", "[plugin.folder.deep]\na = 1\n")
    with pytest.raises(SettingsError, match=r"plugin\.folder\.deep"):
        read()


def test_plugin_secrets_are_files_only(data_folder: Path) -> None:
    """Given a secret of a plugin, then it is read from its file, hides in every repr, and is refused in the TOML file."""
    put(data_folder / "keys", "plugin.municipal-xml.token", f"{SECRET}\n")
    put(data_folder / "keys", "sender.key", "not a setting, and left alone")
    settings = read()
    assert settings.plugin_secrets["municipal-xml"]["token"].get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.shown()}"
    put(data_folder, "siphub.toml", f'[plugin_secrets.folder]\ntoken = "{SECRET}"\n')
    with pytest.raises(SettingsError, match="plugin_secrets") as caught:
        read()
    assert SECRET not in str(caught.value)


def test_what_is_shown_masks_passwords() -> None:
    """Given URLs with passwords, when the settings are shown, then the rest of the URL is there and the password is not."""
    settings = Settings(broker_url=f"amqp://hub:{SECRET}@mq:5671/sip", database_url=f"postgresql+psycopg://db/sip?password={SECRET}")
    shown = settings.shown()
    assert shown["broker_url"] == "amqp://hub:…@mq:5671/sip"
    assert shown["database_url"] == "postgresql+psycopg://db/sip"
    assert SECRET not in f"{settings!r}{shown}"
    assert shown["lease"] == "30 s"


def test_settings_are_frozen_and_look_at_nothing_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the environment, when a value is made directly, then only what it is given counts, and it cannot be changed."""
    monkeypatch.setenv("SIPHUB_PORT", "9")
    settings = Settings(host="::1")
    assert settings.port == 8480
    with pytest.raises(pydantic.ValidationError):
        settings.port = 1  # type: ignore[misc]  # that it is refused is what we test
    with pytest.raises(pydantic.ValidationError):
        Settings(prot=1)  # type: ignore[call-arg]  # the same


def test_every_setting_has_a_row_with_a_sentence() -> None:
    """Given the table, then every setting is in it, with a type and a help that ends as a sentence."""
    rows = table()
    assert [row.name for row in rows] == list(Settings.model_fields)
    assert all(row.help.endswith(".") and row.type for row in rows)


def test_exceptions_are_a_table_of_organisations(data_folder: Path) -> None:
    """Given a table of exceptions in the file, then each organisation has its own; an unknown one, or no organisation, is refused by name."""
    put(data_folder, "siphub.toml", '[exceptions]\n2321009991 = ["osl_25_12", "osl_26_9"]\n')
    assert read({"data": data_folder}).exceptions == {"2321009991": ("osl_25_12", "osl_26_9")}
    for wrong in ('2321009991 = ["osl_99_1"]', '"232100-9991" = ["osl_25_12"]'):
        put(data_folder, "siphub.toml", f"[exceptions]\n{wrong}\n")
        with pytest.raises(SettingsError, match="exceptions"):
            read({"data": data_folder})


def test_retention_is_a_table_for_each_owner(data_folder: Path) -> None:
    """Given tables of retention, when settings are read, then each owner has its time and its decision, or none yet."""
    put(
        data_folder,
        "siphub.toml",
        '[retention.2120009994]\nkeep = "90 d"\ndecision = "KS 2026/117"\n[retention.2320000016]\nkeep = "1 d"\n',
    )
    settings = read()
    assert settings.retention == {
        "2120009994": Retention(keep=timedelta(days=90), decision="KS 2026/117"),
        "2320000016": Retention(keep=timedelta(days=1)),
    }
    assert settings.shown()["retention"] == "2120009994, 2320000016"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[retention.212000999]\nkeep = "90 d"\n', "retention.212000999"),
        ('[retention.2120009994]\ndecision = "KS 1"\n', "retention.2120009994.keep"),
        ('[retention.2120009994]\nkeep = "0 d"\n', "retention.2120009994.keep"),
        (f'[retention.2120009994]\nkeep = "90 d"\ndecision = "{SECRET}\\n"\n', "retention.2120009994.decision"),
        ('[retention.2120009994]\nkeep = "90 d"\nkept = "1 d"\n', "retention.2120009994.kept"),
        ('submission_keep = "89 d"\n', "submission_keep"),
        ('consent_warning = "6 d"\n', "consent_warning"),
    ],
)
def test_a_wrong_retention_is_refused_by_name(data_folder: Path, text: str, named: str) -> None:
    """Given a retention that is not one, or answers kept for less than 90 days, then it is refused, and no value is repeated."""
    put(data_folder, "siphub.toml", text)
    with pytest.raises(SettingsError, match=named) as refused:
        read()
    assert SECRET not in str(refused.value)


def test_tokens_need_somebody_to_ask_for_them(tmp_path: Path) -> None:
    """Given a token endpoint without a client, the hub does not start; given one with its secret in a file, it does, and no text shows it."""
    given = {"data": tmp_path, "broker_token_url": "https://issuer.example.org/token", "broker_client_id": "siphub"}
    with pytest.raises(SettingsError, match="broker_token_url: needs broker_client_id, and the file broker_client_secret"):
        read(given)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "broker_client_secret").write_text("s3cret\n")
    settings = read(given)
    assert settings.broker_client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings) + str(settings.shown())
