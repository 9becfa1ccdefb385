"""What an administrator may set, what a directory may say, and what doctor says of both."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path

import asyncssh
import pytest

import siphub_sftp
from siphub.contract import Delivered, Recipient, Retry, SettingsError
from siphub.contract.origins import REFUSED
from siphub.testing.sftp_server import SftpServer, fails, key_text, new_key
from siphub_sftp import SftpServers, read_logins
from siphub_sftp.logins import Place, place_of
from siphub_sftp.outcomes import outcome_of
from siphub_sftp.settings import read_settings

KEY = "SHA256:" + "a" * 43
LOGINS = f"norrby sip@sftp.norrby.example {KEY}; soderby sip@a.example:2222 {KEY},{KEY[:-1]}b; both x@sftp.norrby.example {KEY}"
HERE = Path(__file__).parents[1]
MakeServers = Callable[..., SftpServers]
To = Callable[..., Recipient]


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("sftp://a.example/in", Place("a.example", 22, "/in")),
        ("sftp://A.example:2222/in/sip/", Place("a.example", 2222, "/in/sip")),
        ("sftp://a.example/", Place("a.example", 22, "/")),
        ("sftp://a.example/~/in", Place("a.example", 22, "in")),
        ("sftp://a.example/~", Place("a.example", 22, ".")),
        ("sftp://[::1]:22/Fr%C3%A5n%20oss", Place("::1", 22, "/Från oss")),
    ],
)
def test_an_endpoint_is_a_folder_on_a_server(endpoint: str, place: Place) -> None:
    """From the server's root, or from the user's own folder."""
    assert place_of(endpoint) == place


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://a.example/in",
        "sftp://a.example",
        "sftp:///in",
        "sftp://sip@a.example/in",
        "sftp://sip:hemlig@a.example/in",
        "sftp://a.example:0x/in",
        "sftp://a.example:99999/in",
        "sftp://a.example/in/../out",
        "sftp://a.example/in%2F..%2Fout",
        "sftp://a.example/in?x",
        "sftp://a.example/in#x",
        "sftp://a.example/in%0A",
        "sftp://a.example/%FF",
    ],
)
def test_what_is_no_endpoint_is_said_beforehand(endpoint: str, make_servers: MakeServers, recipient: To) -> None:
    """It is refused in the directory, with what one looks like and without repeating it; used all the same, nobody is asked."""
    servers = make_servers()
    refusal = servers.refusal(recipient(endpoint))
    assert refusal is not None
    assert (refusal.code, endpoint in refusal.detail) == (REFUSED, False)
    assert servers.at(recipient(endpoint)).names() == Retry(REFUSED)


def test_logins_are_read_with_their_server_and_its_keys() -> None:
    """A name, a user, a server with or without a port, and one or several fingerprints."""
    found = read_logins(LOGINS, "sftp")
    assert {name: (one.user, one.server, len(one.host_keys)) for name, one in found.items()} == {
        "norrby": ("sip", "sftp.norrby.example:22", 1),
        "soderby": ("sip", "a.example:2222", 2),
        "both": ("x", "sftp.norrby.example:22", 1),
    }


@pytest.mark.parametrize(
    "text",
    [
        "norrby",
        f"norrby a.example {KEY}",
        "norrby sip@a.example",
        "norrby sip@a.example SHA256:short",
        f"norrby sip@a.example {KEY}, {KEY}",
        f"norrby sip@a.example:0 {KEY}",
        f"norrby sip@a.example:65536 {KEY}",
        f"norrby sip:hemlig@a.example {KEY}",
        f"norrby sip@a.example {KEY}; norrby sip@b.example {KEY}",
        "norrby sip@a.example MD5:aa",
    ],
)
def test_a_login_that_cannot_be_read_stops_the_start(text: str) -> None:
    """With what one looks like, and without repeating it: a password may stand in it by mistake."""
    with pytest.raises(SettingsError, match="logins") as raised:
        read_settings({"logins": text})
    assert "hemlig" not in raised.value.detail


@pytest.mark.parametrize("given", [{"login": "x"}, {"timeout_seconds": "0"}, {"timeout_seconds": "13"}, {"timeout_seconds": "x"}])
def test_settings_that_are_wrong_are_refused(given: dict[str, str]) -> None:
    """A misspelt setting or a time-out that is none stops the start."""
    with pytest.raises(SettingsError):
        read_settings(given)


@pytest.mark.parametrize(
    ("endpoint", "options", "words"),
    [
        ("sftp://sftp.norrby.example/in", {"login": "norrby"}, None),
        ("sftp://SFTP.norrby.example:22/in", {"login": "both"}, None),
        ("sftp://a.example:2222/in", {}, None),
        ("sftp://sftp.norrby.example/in", {}, "several logins"),
        ("sftp://sftp.norrby.example/in", {"login": "soderby"}, "no login soderby"),
        ("sftp://a.example/in", {"login": "soderby"}, "no login soderby"),
        ("sftp://evil.example/in", {"login": "norrby"}, "no login norrby"),
        ("sftp://sftp.norrby.example.evil.example/in", {}, "no login"),
        ("sftp://sftp.norrby.example/in", {"login": "nobody"}, "no login nobody"),
    ],
)
def test_a_login_is_shown_to_its_server_only(
    make_servers: MakeServers, recipient: To, endpoint: str, options: dict[str, str], words: str | None
) -> None:
    """A directory chooses among what the administrator has set for that server, and can send nothing to another."""
    refusal = make_servers(LOGINS, norrby_sftp_password="x").refusal(recipient(endpoint, **options))
    assert (refusal is None) == (words is None)
    assert words is None or (refusal is not None and words in refusal.detail and refusal.code == REFUSED)


def test_doctor_says_as_whom_with_what_and_to_which_key(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Of an address, without asking anybody: the user, the fingerprint of our key, and that of the server's; never a secret."""
    [said] = make_servers().check_address(recipient(f"{server.url}/in"))
    assert said.ok
    assert all(word in said.what for word in ("/in", "as sip", server.fingerprint, server.client_key.get_fingerprint()))
    assert server.connections == 0
    password = make_servers(norrby_sftp_password="hemlig-1")
    [said] = password.check_address(recipient(f"{server.url}/in"))
    assert "a password" in said.what
    assert "hemlig" not in said.what


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"other": "x"}, "settings.secret_missing"),
        ({"norrby_sftp_key": "x"}, "sftp.key_wrong"),
        ({"norrby_sftp_key": new_key("us").export_private_key(passphrase="x", format_name="pkcs8-pem").decode()}, "sftp.key_wrong"),
        ({"norrby_sftp_key": new_key("us").export_public_key().decode()}, "sftp.key_wrong"),
    ],
    ids=["nothing", "no key", "with a password", "a public key"],
)
def test_what_cannot_let_us_in_sends_nothing(
    server: SftpServer, make_servers: MakeServers, recipient: To, given: dict[str, str], code: str
) -> None:
    """A secret that is missing or is no key is said by doctor, and is an outcome; nobody is asked."""
    servers, there = make_servers(**given), recipient(f"{server.url}/in")
    [said] = servers.check_address(there)
    assert said.what.endswith(f"({code})")
    assert servers.at(there).put({"a": b""}) == Retry(code)
    assert server.connections == 0


def test_doctor_connects_with_each_login(server: SftpServer, make_servers: MakeServers) -> None:
    """It says which key the server shows, which login cannot be used and why, and which secret no login has."""
    logins = f"{server.login()}; away sip@127.0.0.1:9 {server.fingerprint}"
    found = list(make_servers(logins, away_sftp_password="x", old_sftp_key="x", **server.secrets()).check())
    assert [one.ok for one in found] == [True, False, False]
    assert server.fingerprint in found[0].what
    assert "partner.refused" in found[1].what
    assert "old_sftp_key" in found[2].what


def test_a_probe_writes_renames_and_leaves_nothing(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Asked whether a file can be put there, it does so aside; a folder that is missing, or a rename that is refused, is said."""
    servers, there = make_servers(), recipient(f"{server.url}/in")
    assert [one.ok for one in servers.probe(there)] == [True]
    assert "posix_rename" in server.asked
    [missing] = servers.probe(recipient(f"{server.url}/missing"))
    assert "sftp.folder_missing" in missing.what
    server.before["posix_rename"] = fails(asyncssh.SFTPPermissionDenied("no"))
    [said] = servers.probe(there)
    assert (said.ok, "sftp.not_allowed" in said.what) == (False, True)
    server.before["posix_rename"] = fails(asyncssh.SFTPOpUnsupported("no"))
    [said] = servers.probe(there)
    assert (said.ok, "cannot replace" in said.what) == (True, True)
    assert server.files("in") == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncssh.SFTPNoSpaceOnFilesystem("x"), "sftp.disk_full"),
        (asyncssh.SFTPQuotaExceeded("x"), "sftp.quota_exceeded"),
        (asyncssh.SFTPWriteProtect("x"), "sftp.not_allowed"),
        (asyncssh.SFTPNotADirectory("x"), "sftp.folder_missing"),
        (asyncssh.SFTPBadMessage("x"), "sftp.protocol_failed"),
        (asyncssh.SFTPConnectionLost("x"), "partner.connection_cut"),
        (asyncssh.ConnectionLost("x"), "partner.connection_cut"),
        (asyncssh.ProtocolError("x"), "sftp.protocol_failed"),
        (OSError("x"), "partner.unreachable"),
        (TimeoutError(), "partner.timeout"),
    ],
    ids=repr,
)
def test_each_word_of_a_server_has_one_of_ours(error: Exception, code: str) -> None:
    """Also those of later versions of the protocol; nothing of what the server said is in it."""
    assert outcome_of(error, connected=True, appearing=False, appeared=False) == Retry(code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncssh.ChannelOpenError(1, "x"), "sftp.no_sftp"),
        (asyncssh.KeyExchangeFailed("x"), "sftp.protocol_failed"),
        (asyncssh.IllegalUserName("x"), "sftp.login_refused"),
        (TimeoutError(), "partner.connect_timeout"),
    ],
    ids=repr,
)
def test_each_way_not_to_get_in_has_its_code(error: Exception, code: str) -> None:
    """Before anything could be sent."""
    assert outcome_of(error, connected=False, appearing=False, appeared=False) == Retry(code)


def test_a_name_that_nobody_knows_is_said(make_servers: MakeServers, recipient: To) -> None:
    """A server whose name cannot be found is tried again."""
    servers = make_servers(f"n sip@nowhere.invalid {KEY}", n_sftp_password="x")
    assert servers.at(recipient("sftp://nowhere.invalid/in")).names() == Retry("partner.unresolved")


def test_a_server_without_sftp_is_said(make_servers: MakeServers, recipient: To, server: SftpServer) -> None:
    """Given a server that lets us in and has no SFTP, then it is tried again."""
    server.down()
    server.offers_sftp = False
    server.up()
    assert make_servers().at(recipient(f"{server.url}/in")).names() == Retry("sftp.no_sftp")


def test_nothing_of_a_secret_is_repeated(server: SftpServer, make_servers: MakeServers) -> None:
    """No repr of what holds a login or a server shows a key."""
    text = key_text(server.client_key)
    assert text.splitlines()[1] not in repr(make_servers()) + repr(read_logins(LOGINS, "sftp"))


def test_the_hub_finds_it_by_its_name() -> None:
    """The entry point sftp leads to this package."""
    [point] = [point for point in entry_points(group="siphub") if point.name == "sftp"]
    assert point.load() is siphub_sftp


def test_every_rule_of_quality_has_a_status_and_a_reason() -> None:
    """quality.toml says of each rule done, todo or exempt, and why."""
    rules = tomllib.loads((HERE / "quality.toml").read_text("utf-8"))
    assert rules
    assert all(rule["status"] in {"done", "todo", "exempt"} and rule["why"] for rule in rules.values())


def test_the_operators_page_lists_every_setting_and_code() -> None:
    """README.md has a row for each setting, and says what each code of ours means."""
    page = (HERE / "README.md").read_text("utf-8")
    assert all(f"| `{name}` |" in page for name in ("logins", "timeout_seconds"))
    source = "".join((HERE / "siphub_sftp" / f"{name}.py").read_text("utf-8") for name in ("outcomes", "lines"))
    codes = {word.strip('"),') for word in source.split('"') if word.startswith("sftp.")}
    assert codes
    assert not [code for code in codes if f"`{code}`" not in page]


def test_a_server_for_trials_says_what_to_set(tmp_path: Path, recipient: To) -> None:
    """Run as a program over a folder, it takes what is put there by what it says."""
    command = [sys.executable, "-m", "siphub.testing.sftp_server", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        logins, password, endpoint = (running.stdout.readline().strip() for _ in range(3))
        given = read_logins(logins.removeprefix("logins = ").strip('"'), "x")
        servers = SftpServers("x", given, {"norrby_sftp_password": password.partition(": ")[2]}, timedelta(seconds=20))
        assert servers.at(recipient(endpoint.partition(": ")[2])).put({"a": b"1"}) == Delivered("a")
        servers.close()
        running.kill()
    assert (tmp_path / "a").read_bytes() == b"1"


def test_asyncssh_is_not_loaded_before_a_server_is_spoken_to() -> None:
    """Whoever has no server pays nothing: the plugin and its settings are there without the library."""
    code = f"import sys, siphub_sftp; siphub_sftp.read_logins({LOGINS!r}, 'x'); sys.exit('asyncssh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
