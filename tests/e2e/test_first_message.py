"""The pages for newcomers, followed to the letter: their commands are run in their order in an empty folder, and what they promise is looked for."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from siphub.testing.ports import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"
PORT = "8480"
SANDBOX_PORT = "8490"
UP = "siphub up --data my-hub &"
ANSWERS = "for n in $(seq 200); do [ -f my-hub/up.lock ] && siphub submit /dev/null --data my-hub 2>&1 | grep -q body.unreadable && break; sleep 0.1; done"
LISTENS = "for n in $(seq 200); do curl -s {} >/dev/null && break; sleep 0.1; done"
HUB = "http://127.0.0.1:{port}/health/live"
SANDBOX = "--cacert journal/sandbox-ca.pem https://127.0.0.1:{port}/"


def commands(page: str) -> list[str]:
    """Return what a page tells a newcomer to type, but for the line that puts siphub on the path."""
    blocks = re.findall(r"```console\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in typed if not line.startswith("export PATH")]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def typed(lines: list[str], waits: dict[str, str], folder: Path) -> str:
    """Type these lines into a shell in a folder, with a wait after those that start something, and return what is said; each must end well."""
    script = ["set -eum"]
    for number, line in enumerate(lines):
        script += [f"echo '$ {number}'", line, *(wait for start, wait in waits.items() if line.startswith(start))]
    place = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "HOME": str(folder)}
    words = ["/bin/bash", "-c", "\n".join([*script, "wait"])]
    done = subprocess.run(words, cwd=folder, env=place, check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    """Given an empty folder, when every command of the page is typed, then each ends well, and the page's promises hold."""
    if not _free(int(PORT)):
        pytest.skip(f"somebody listens on {PORT}, the port that the page uses")
    lines = commands("first-message.md")
    assert lines[0] == UP
    said = typed(lines, {UP: ANSWERS}, tmp_path)
    assert "request.json: valid, sip.requested" in said
    assert re.search(r"request.json +\S+ +SE2120009994-1001 +queued", said)
    assert re.search(r"sip.requested +SE2120009994-1001 +folder +delivered", said)
    assert len(list((tmp_path / "my-hub/partners/se2120009994-1001").glob("*.json"))) == 1
    first, _, second = said.partition("the answer is no")
    assert "basis.consent_missing" in first
    assert "basis.scope_missing" in second
    assert "still no" in second


@pytest.mark.slow
def test_the_page_about_fhir_works_as_it_is_written(tmp_path: Path, need: Callable[[str | None], None]) -> None:
    """Given an empty folder and two free ports, when every command of the page is typed, then each ends well, and the page's promises hold."""
    need(None if shutil.which("curl", path=os.defpath) else "curl is not installed, which the page uses")
    ports = {PORT: str(free_port()), SANDBOX_PORT: str(free_port())}
    lines = [re.sub("|".join(ports), lambda found: ports[found[0]], line) for line in commands("first-fhir-message.md")]
    assert UP in lines
    here, there = (address.format(port=ports[port]) for address, port in ((HUB, PORT), (SANDBOX, SANDBOX_PORT)))
    said = typed(lines, {UP: LISTENS.format(here), "siphub sandbox": LISTENS.format(there)}, tmp_path)
    sent, _, after = said.partition('"resourceType":"Bundle"')
    assert "fhir to SE2120009994-1001: message Bundles to $process-message as JSON" in sent
    assert re.search(r"sip.requested +SE2120009994-1001 +fhir +delivered", sent)
    assert '"accepted": true' in sent
    received, _, refused = after.partition('"resourceType":"CapabilityStatement"')
    assert '"code":"ok"' in received
    assert '"text":"queued"' in received
    assert '"code":"fatal-error"' in refused
    assert re.search(r'"expression":\["Bundle.entry\[\d+\].resource.status"\]', refused)
    assert "not readable" in refused
    assert "delivery.partner.http_422" in refused
