"""`up` and `sandbox` as processes: what they say, how they stop, and that two hubs never share a folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from siphub.model import people as p
from siphub_sdk.settings import read_settings

SIPHUB = str(Path(sys.executable).with_name("siphub"))
Running = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], Any]]]


def _status(url: str, path: str = "/health/live") -> int:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        return pool.request("GET", url + path).status


class TestUp:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_answers_and_stops_when_told(self, running: Running, tmp_path: Path, number: signal.Signals) -> None:
        """Given an empty folder, then the hub answers, says where its keys are and never what they are, and ends with 0 when told to stop."""
        with running("up", "--data", tmp_path / "hub", "--port", 0) as (process, greeting):
            assert _status(greeting["url"]) == 200
            assert {Path(file).name for file in greeting["keys"]} == {"sender.key", "agency.key", "admin.key"}
            for file in greeting["keys"]:
                assert Path(file).stat().st_mode & 0o777 == 0o600
                assert Path(file).read_text().strip() not in json.dumps(greeting)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
            assert (process.returncode, out) == (0, "")
            assert "Traceback" not in err

    def test_a_second_one_on_the_same_folder_is_refused(self, running: Running, tmp_path: Path) -> None:
        """Given a hub on a folder, when another is started there, then it exits 1 and says which process has it; when the first is killed, it may."""
        with running("up", "--data", tmp_path, "--port", 0) as (first, _):
            second = subprocess.run(
                [SIPHUB, "up", "--data", str(tmp_path), "--port", "0"], check=False, capture_output=True, text=True, timeout=60
            )
            assert (second.returncode, second.stdout) == (1, "")
            assert second.stderr.startswith("siphub: hub.running:")
            assert f"process {first.pid}" in second.stderr
            first.kill()
            first.wait(timeout=30)
            with running("up", "--data", tmp_path, "--port", 0) as (_, greeting):
                assert _status(greeting["url"]) == 200

    def test_in_production_a_weak_broker_is_refused(self, tmp_path: Path) -> None:
        """Given a broker that cannot promise everything, then a hub in production does not start, and says which promises are broken."""
        (tmp_path / "siphub.toml").write_text(f'mode = "production"\nmin_free_disk = 1\nbroker_url = "filesystem://{tmp_path}/bells"\n')
        command = [SIPHUB, "up", "--data", str(tmp_path), "--port", "0"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("siphub: settings.broker_weak:")
        assert "dead_consumer_redelivers, vanished_queue_raises" in done.stderr

    def test_in_production_the_embedded_broker_serves_one_process(self, running: Running, tmp_path: Path) -> None:
        """Given nothing but production, then the hub of one process comes up with the broker inside it."""
        (tmp_path / "siphub.toml").write_text('mode = "production"\nmin_free_disk = 1\n')
        with running("up", "--data", tmp_path, "--port", 0) as (_, greeting):
            assert greeting["mode"] == "production"
            assert _status(greeting["url"]) == 200

    def test_a_taken_port_is_wrong_use(self, running: Running, tmp_path: Path) -> None:
        """Given a port that a hub has, when another wants it, then exit 2, with what to do, and no traceback."""
        with running("up", "--data", tmp_path / "one", "--port", 0) as (_, greeting):
            port = greeting["url"].rpartition(":")[2]
            command = [SIPHUB, "up", "--data", str(tmp_path / "two"), "--port", port]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
            assert done.returncode == 2
            assert "settings.address_taken" in done.stderr
            assert "Traceback" not in done.stderr

    def test_its_greeting_for_a_person(self, tmp_path: Path) -> None:
        """Given no --json, then the greeting says where it listens, where its data and keys are, and how to stop it."""
        process = subprocess.Popen(
            [SIPHUB, "up", "--data", str(tmp_path), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4)]
        process.terminate()
        process.communicate(timeout=30)
        assert said[0].startswith("siphub 0.1.0 listens on http://127.0.0.1:")
        assert [line.split()[0] for line in said[1:]] == ["data", "keys", "stop"]
        assert "siphub_" not in "".join(said)


class TestSandbox:
    def test_partners_listen_until_told(self, running: Running, tmp_path: Path) -> None:
        """Given two partners, then each has an address and a ledger over TLS that its CA vouches for, and SIGTERM ends it with 0."""
        with running("sandbox", "--partner", "a", "--partner", "b", "--folder", tmp_path) as (process, greeting):
            assert set(greeting["endpoints"]) == {"a", "b"}
            base = greeting["endpoints"]["a"].removesuffix("/a/sip")
            with urllib3.PoolManager(retries=False, timeout=10, ca_certs=greeting["ca_file"]) as pool:
                assert pool.request("GET", f"{base}/_ledger/a").json()["entries"] == []
                assert pool.request("PUT", f"{base}/_answers/a/1.xml", body=b"<a/>").status == 200
                assert pool.request("GET", greeting["answers"]["a"]).json() == {"answers": ["1.xml"]}
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode == 0

    def test_sdk_listens_beside_them(self, running: Running, tmp_path: Path) -> None:
        """Given --sdk, then the settings for the plugin lead to a message service that gives a token and to an address book that is a file."""
        with running("sandbox", "--partner", "a", "--folder", tmp_path, "--sdk") as (process, greeting):
            sdk = greeting["sdk"]
            with urllib3.PoolManager(retries=False, timeout=10, ca_certs=greeting["ca_file"]) as pool:
                login = urllib3.make_headers(basic_auth=f"{sdk['client_id']}:{sdk['client_secret']}")
                token = pool.request("POST", sdk["token_url"], headers=login, body="grant_type=client_credentials").json()["access_token"]
                asked = pool.request("GET", f"{sdk['service']}/sdk/messages", headers={"Authorization": f"Bearer {token}"})
                page = pool.request("GET", f"{sdk['address_book']}/organizations").json()
            assert asked.status == 404  # nothing was sent yet
            own = read_settings({name: sdk[name] for name in ("service", "token_url", "client_id", "senders", "agencies", "address_book")})
            assert (set(own.senders), set(own.agencies.values())) == ({p.MUNICIPALITY}, {p.FORSAKRINGSKASSAN, p.ARBETSFORMEDLINGEN})
            assert page["data"] == json.loads(Path(sdk["address_book_file"]).read_text("utf-8"))["organizations"][: len(page["data"])]
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode == 0
