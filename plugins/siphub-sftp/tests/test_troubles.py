"""What a server and a line can do wrong: nothing is ever half there, nothing is lost, and each has its code and its outcome."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from siphub.contract import Delivered, Outcome, Permit, PermitExpired, Recipient, Retry, Uncertain, permitted
from siphub.testing.sftp_server import Call, SftpServer, Trouble, fails, hangs, new_key
from siphub_folder import Drop, Dropped
from siphub_sftp import SftpServers

BODY = b"<sip>" + b"x" * 100_000
FILE = {"k.xml": BODY}
THERE = Delivered("k.xml")
SHORT = 1.0
"""How long an attempt at a server that hangs may take, in seconds; a test waits many times as long before it says that the limit is not kept."""
MakeServers = Callable[..., SftpServers]
To = Callable[..., Recipient]


def _put_there(server: SftpServer, body: bytes) -> Trouble:
    def put(call: Call) -> None:
        (server.root / call.path.lstrip("/")).write_bytes(body)

    return put


@pytest.mark.parametrize(
    ("operation", "error", "code"),
    [
        ("write", asyncssh.SFTPFailure("no"), "sftp.refused"),
        ("fsync", asyncssh.SFTPFailure("no"), "sftp.refused"),
        ("open", asyncssh.SFTPPermissionDenied("no"), "sftp.not_allowed"),
        ("open", asyncssh.SFTPNoSuchFile("no"), "sftp.folder_missing"),
        ("posix_rename", asyncssh.SFTPPermissionDenied("no"), "sftp.not_allowed"),
        ("posix_rename", asyncssh.SFTPFailure("no"), "sftp.refused"),
        ("close", asyncssh.SFTPFailure("no"), "sftp.refused"),
    ],
)
def test_a_server_that_says_no_has_nothing_of_it(
    server: SftpServer, drop: Drop, operation: str, error: asyncssh.SFTPError, code: str
) -> None:
    """Given a server that refuses at some point, a disk that is full among it, then it is tried again, and nothing is left, not even aside."""
    server.before[operation] = fails(error, beyond=50_000) if operation == "write" else fails(error)
    assert drop.put(FILE) == Retry(code)
    if operation != "close":
        assert server.files("in") == {}
    server.before.clear()
    assert drop.put(FILE) == THERE
    assert server.files("in")["k.xml"] == BODY
    assert server.connections == 1


def test_a_full_disk_is_called_by_its_name(server: SftpServer, drop: Drop) -> None:
    """Given a disk that fills up in the middle of a file, then the code says so, nothing is left, and with room again the file is there."""
    server.before["write"], server.full = fails(asyncssh.SFTPFailure("no"), beyond=50_000), asyncssh.SFTPVFSAttrs()
    assert drop.put(FILE) == Retry("sftp.disk_full")
    assert server.files("in") == {}
    server.before.clear()
    assert drop.put(FILE) == THERE


@pytest.mark.parametrize("beyond", [0, 1, 50_000, 99_000])
def test_a_line_cut_at_any_byte_leaves_nothing_that_is_collected(server: SftpServer, drop: Drop, beyond: int) -> None:
    """Given a line that is cut in the middle, then only half a file aside is there, and the next attempt takes that away and puts the whole one."""

    async def cut(call: Call) -> None:
        if call.taken + call.size > beyond:
            await server.cuts(call)

    server.before["write"] = cut
    assert drop.put(FILE) == Retry("partner.connection_cut")
    assert [name for name in server.files("in") if not name.startswith(".")] == []
    server.before.clear()
    assert drop.put(FILE) == THERE
    assert eventually(lambda: server.files("in") == FILE)


@pytest.mark.parametrize(
    ("operation", "outcome"),
    [
        ("open", Retry("partner.timeout")),
        ("write", Retry("partner.timeout")),
        ("fsync", Retry("partner.timeout")),
        ("close", Retry("partner.timeout")),
        ("lstat", Retry("partner.timeout")),
        ("posix_rename", Uncertain("partner.timeout")),
    ],
)
def test_a_server_that_hangs_holds_nobody(
    server: SftpServer, make_servers: MakeServers, recipient: To, operation: str, outcome: Outcome
) -> None:
    """Given a server that stops answering, then the attempt ends at its limit, as Uncertain only where a rename had been asked for."""
    drop = make_servers(seconds=SHORT).at(recipient(f"{server.url}/in"))
    assert eventually(lambda: drop.put(FILE) == THERE)  # the line stands: what hangs is not the greeting of a busy machine
    server.before[operation] = hangs
    began = time.monotonic()
    assert drop.put(FILE) == outcome
    assert time.monotonic() - began < 10 * SHORT
    server.before.clear()
    assert eventually(lambda: drop.put(FILE) == THERE)
    assert eventually(lambda: server.files("in") == FILE)


def test_a_port_that_takes_and_says_nothing_holds_nobody(make_servers: MakeServers, server: SftpServer, recipient: To) -> None:
    """Given a port that accepts and never greets, then the attempt ends at its limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        drop = make_servers(f"n sip@127.0.0.1:{port} {server.fingerprint}", seconds=SHORT, n_sftp_password="x").at(
            recipient(f"sftp://127.0.0.1:{port}/")
        )
        assert drop.put(FILE) == drop.names() == Retry("partner.connect_timeout")


def test_an_answer_lost_after_the_rename_is_uncertain_and_can_be_looked_for(server: SftpServer, drop: Drop) -> None:
    """Given a line that is cut when the file has appeared, then nobody knows; who looks finds it whole, and a repeat leaves one file."""
    server.after["posix_rename"] = server.cuts
    assert drop.put(FILE) == Uncertain("partner.connection_cut")
    server.after.clear()
    found = drop.read("k.xml", 200_000)
    assert isinstance(found, Dropped)
    assert (found.body, found.whole) == (BODY, True)
    assert drop.put(FILE) == THERE
    assert eventually(lambda: server.files("in") == FILE)


def test_a_server_that_keeps_less_than_it_took_is_found_out(server: SftpServer, drop: Drop) -> None:
    """Given a server that answers well and cuts the file short, then nothing appears."""
    server.after["close"] = _put_there(server, b"<sip>")
    assert drop.put(FILE) == Retry("sftp.not_whole")
    assert server.files("in") == {}


def test_of_two_that_belong_together_the_second_refused_is_uncertain(server: SftpServer, drop: Drop) -> None:
    """Given a server that lets the document appear and not its metadata, then some of it is there: it is not said that nothing is."""

    def second(call: Call) -> None:
        if call.path.endswith("json"):
            raise asyncssh.SFTPFailure("no")

    server.before["posix_rename"] = second
    assert drop.put({"a.pdf": b"1", "a.json": b"2"}) == Uncertain("sftp.refused")
    assert server.files("in") == {"a.pdf": b"1"}


# ── who it is, and who we are ──


def test_another_host_key_is_not_spoken_to(server: SftpServer, make_servers: MakeServers, recipient: To, tmp_path: Path) -> None:
    """Given another server on the same port, then it is refused before it has seen a user or a password, and the one that is meant is taken again."""
    servers = make_servers(norrby_sftp_password="hemlig-1")
    drop = servers.at(recipient(f"{server.url}/in"))
    assert drop.put(FILE) == THERE
    port = server.port
    server.down()
    other = SftpServer(tmp_path, host_key=new_key("another"), port=port)
    seen: list[str] = []
    other.users = ()
    other.before["open"] = lambda call: seen.append(call.path)
    assert drop.put(FILE) == Retry("sftp.host_key_refused")
    [said] = [check for check in servers.check() if not check.ok]
    assert other.fingerprint in said.what
    assert "sftp.host_key_refused" in said.what
    assert (other.tried, seen) == ([], [])
    other.close()
    server.up()
    assert drop.put(FILE) == THERE


@pytest.mark.parametrize(
    ("user", "given"),
    [("nobody", {}), ("sip", {"norrby_sftp_password": "fel"})],
    ids=["wrong user", "wrong password"],
)
def test_whom_the_server_does_not_let_in(
    server: SftpServer, make_servers: MakeServers, recipient: To, user: str, given: dict[str, str]
) -> None:
    """A user it does not know, or a wrong password, is for an administrator, and the message is tried again."""
    drop = make_servers(server.login(user=user), **given).at(recipient(f"{server.url}/in"))
    assert drop.put(FILE) == drop.names() == Retry("sftp.login_refused")


def test_nothing_of_this_machines_user_is_asked_for(
    server: SftpServer, make_servers: MakeServers, recipient: To, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a user's own key that the server would take, and a known_hosts that names the server, then neither counts."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    server.client_key.write_private_key(home / "id_ed25519")
    server.host_key.write_public_key(home / "host")
    (home / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {(home / 'host').read_text()}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    wrong = make_servers(norrby_sftp_password="fel").at(recipient(f"{server.url}/in"))
    assert wrong.put(FILE) == Retry("sftp.login_refused")
    elsewhere = server.login().replace(server.fingerprint, new_key("another").get_fingerprint())
    assert make_servers(elsewhere).at(recipient(f"{server.url}/in")).put(FILE) == Retry("sftp.host_key_refused")


@pytest.mark.parametrize("given", [{"norrby_sftp_password": "hemlig-1"}, {}], ids=["password", "key"])
def test_a_key_or_a_password_lets_us_in(server: SftpServer, make_servers: MakeServers, recipient: To, given: dict[str, str]) -> None:
    """Either is enough where the server takes it."""
    assert make_servers(**given).at(recipient(f"{server.url}/in")).put(FILE) == THERE


# ── a server that renames plainly ──


@pytest.fixture
def plain_server(server: SftpServer) -> SftpServer:
    """Make the server one that knows no rename that replaces, and no fsync."""
    for operation in ("posix_rename", "fsync"):
        server.before[operation] = fails(asyncssh.SFTPOpUnsupported("no"))
    return server


def test_a_plain_rename_does_as_well(plain_server: SftpServer, drop: Drop) -> None:
    """The file is there; the same again asks for no rename; another under the name takes its place."""
    assert [drop.put(FILE) for _ in range(2)] == [THERE, THERE]
    assert plain_server.asked.count("rename") == 1
    assert drop.put({"k.xml": b"new"}) == THERE
    assert plain_server.files("in") == {"k.xml": b"new"}


def test_another_worker_that_was_quicker_is_as_good(plain_server: SftpServer, drop: Drop) -> None:
    """Given the same file that appears between our look and our rename, then it is there, once."""
    plain_server.before["rename"] = _put_there(plain_server, BODY)
    assert drop.put(FILE) == THERE
    assert plain_server.files("in") == FILE


def test_a_stranger_in_the_files_place_is_not_ours(plain_server: SftpServer, drop: Drop) -> None:
    """Given other bytes that appear under the name at that moment, then it is tried again, and takes their place."""
    plain_server.before["rename"] = _put_there(plain_server, b"other")
    assert drop.put(FILE) == Retry("sftp.refused")
    plain_server.before.pop("rename")
    assert drop.put(FILE) == THERE
    assert plain_server.files("in") == FILE


def test_what_is_collected_between_two_attempts_comes_again_under_its_name(plain_server: SftpServer, drop: Drop) -> None:
    """Given a lost answer and a partner that has collected the file, then the repeat has the same name, by which the partner knows it."""
    plain_server.after["rename"] = plain_server.cuts
    assert drop.put(FILE) == Uncertain("partner.connection_cut")
    (plain_server.root / "in" / "k.xml").unlink()
    plain_server.after.clear()
    assert drop.read("k.xml", 0) is None
    assert drop.put(FILE) == THERE
    assert eventually(lambda: plain_server.files("in") == FILE)


def test_what_is_collected_between_the_look_and_taking_it_away(plain_server: SftpServer, drop: Drop) -> None:
    """Given an older file under the name that the partner takes just before we do, then ours appears all the same."""
    (plain_server.root / "in" / "k.xml").write_bytes(b"old")
    plain_server.before["remove"] = lambda call: (plain_server.root / call.path.lstrip("/")).unlink()
    assert drop.put(FILE) == THERE
    assert plain_server.files("in") == FILE


# ── the permit ──


def test_after_the_permit_not_one_byte_leaves(server: SftpServer, drop: Drop) -> None:
    """Given a permit that has run out before we begin, then the server is asked to make no file, also aside."""
    drop.names()
    with permitted(Permit(time.monotonic() - 1)), pytest.raises(PermitExpired):
        drop.put(FILE)
    assert (server.taken, "open" in server.asked) == (0, False)


@dataclass(frozen=True)
class Ending(Permit):
    """A permit that is good for the first byte, and has run out when it is asked for again."""

    until: float = 0.0
    asked: list[str] = field(default_factory=list)

    def require(self) -> None:
        """Be good once."""
        self.asked.append("")
        if len(self.asked) > 1:
            raise PermitExpired("it ran out")


def test_a_permit_that_ends_while_we_write_shows_nothing(server: SftpServer, drop: Drop) -> None:
    """Given a permit that ends before the rename, nothing is visible; with a new one the rename is all that is left to do."""
    with permitted(Ending()), pytest.raises(PermitExpired):
        drop.put(FILE)
    assert [name for name in server.files("in") if not name.startswith(".")] == []
    server.asked.clear()
    with permitted(Permit(time.monotonic() + 60)):
        assert drop.put(FILE) == THERE
    assert "write" not in server.asked
    assert server.files("in") == FILE


def test_what_waited_and_is_not_whole_any_more_is_written_anew(server: SftpServer, drop: Drop) -> None:
    """Given that somebody has emptied what was written aside, or taken it away, then the next attempt writes it again."""
    harms: tuple[Callable[[Path], object], ...] = (lambda file: file.write_bytes(b""), lambda file: file.unlink())
    for harm in harms:
        with permitted(Ending()), pytest.raises(PermitExpired):
            drop.put(FILE)
        [aside] = [file for file in (server.root / "in").iterdir() if file.name.startswith(".")]
        harm(aside)
        assert drop.put(FILE) == THERE
        assert server.files("in") == FILE


def test_other_bytes_than_those_that_waited_are_written_anew(server: SftpServer, drop: Drop) -> None:
    """Given that the message was cut otherwise meanwhile, then what appears is what is sent now."""
    with permitted(Ending()), pytest.raises(PermitExpired):
        drop.put(FILE)
    assert drop.put({"k.xml": b"less"}) == THERE
    assert server.files("in")["k.xml"] == b"less"


def test_what_waits_for_a_permit_that_never_comes_is_taken_away(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Given a delivery that is withdrawn while its file was written aside, then the end of the hub leaves nothing of it there."""
    servers = make_servers()
    drop = servers.at(recipient(f"{server.url}/in"))
    with permitted(Ending()), pytest.raises(PermitExpired):
        drop.put(FILE)
    assert len(server.files("in")) == 1
    servers.close()
    assert server.files("in") == {}


def test_what_goes_on_beside_keeps_the_end_from_taking_nothing_away(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Given a look for old files that is under way, and a server that takes its time, then what waits is taken away all the same."""

    async def slowly(_call: Call) -> None:
        await asyncio.sleep(0.2)

    server.before = {"scandir": slowly, "remove": slowly}
    servers = make_servers()
    with permitted(Ending()), pytest.raises(PermitExpired):
        servers.at(recipient(f"{server.url}/in")).put(FILE)
    assert eventually(lambda: "scandir" in server.asked)
    servers.close()
    assert server.files("in") == {}


# ── lines and what is left ──


def test_old_files_of_dead_workers_go_and_nothing_else(server: SftpServer, drop: Drop) -> None:
    """Given what a worker left that died two hours ago, what one is writing, and what is not ours, then the first alone is taken away."""
    import os

    old, young, others = (f".k.xml.{digit * 16}.part" for digit in "0a"), f".k.xml.{'b' * 16}.part", (".k.part", ".profile", "old.xml")
    gone = list(old)
    for name in (*gone, young, *others):
        file = server.root / "in" / name
        file.write_bytes(b"x")
        if name != young:
            os.utime(file, (time.time() - 7200,) * 2)
    assert drop.put(FILE) == THERE
    assert eventually(lambda: not set(gone) & set(server.files("in")))
    assert set(server.files("in")) == {young, *others, "k.xml"}


def test_many_at_once_share_one_line(server: SftpServer, drop: Drop) -> None:
    """Given sixteen deliveries at the same moment, then each has its file, over one connection."""
    outcomes: dict[int, Outcome] = {}
    threads = [
        threading.Thread(target=lambda number=number: outcomes.__setitem__(number, drop.put({f"{number}.xml": BODY})))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == {number: Delivered(f"{number}.xml") for number in range(16)}
    assert server.files("in") == {f"{number}.xml": BODY for number in range(16)}
    assert server.connections == 1


def test_a_server_that_comes_back_is_found_again(server: SftpServer, drop: Drop) -> None:
    """Given a server that goes away and comes back, then each attempt says how it is, with no delay after it is back."""
    assert drop.put(FILE) == THERE
    server.down()
    assert drop.put(FILE) in {Retry("partner.refused"), Retry("partner.connection_cut")}
    assert drop.read("k.xml", 0) == Retry("partner.refused")
    server.up()
    assert drop.put(FILE) == THERE


def test_after_close_a_new_line_is_opened(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Closing twice does no harm, and nothing stays connected."""
    servers = make_servers()
    drop = servers.at(recipient(f"{server.url}/in"))
    assert drop.put(FILE) == THERE
    servers.close()
    servers.close()
    assert eventually(lambda: not server.open)
    assert drop.put(FILE) == THERE


def test_whoever_waits_is_told_when_it_is_closed(server: SftpServer, make_servers: MakeServers, recipient: To) -> None:
    """Given threads that wait for a server that does not greet, or does not answer, when the lines are closed then none of them waits on."""
    told: list[object] = []

    def ask(drop: Drop) -> None:
        try:
            told.append(drop.names())
        except ConnectionAbortedError as error:
            told.append(error)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mute, slow = make_servers(f"n sip@127.0.0.1:{port} {server.fingerprint}", n_sftp_password="x"), make_servers()
        server.before["scandir"] = hangs
        waiting = [mute.at(recipient(f"sftp://127.0.0.1:{port}/"))] * 2 + [slow.at(recipient(f"{server.url}/in"))]
        for drop in waiting:
            threading.Thread(target=ask, args=(drop,), daemon=True).start()
        silent.settimeout(20)
        with silent.accept()[0]:
            assert eventually(lambda: "scandir" in server.asked)
            mute.close()
            slow.close()
            assert eventually(lambda: len(told) == len(waiting))
    assert all(isinstance(one, (ConnectionAbortedError, Retry)) for one in told)


def eventually(true: Callable[[], bool]) -> bool:
    """Wait until something is so, at most twenty seconds; what is done beside an attempt may come after it."""
    until = time.monotonic() + 20
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()
