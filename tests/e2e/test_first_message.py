"""The page for newcomers, followed to the letter: its commands are run in its order in an empty folder, and what it promises is looked for."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first-message.md"
PORT = "8480"


def commands() -> list[str]:
    """Return what the page tells a newcomer to type, but for the line that puts siphub on the path."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in typed if not line.startswith("export PATH")]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    """Given an empty folder, when every command of the page is typed, then each ends well, and the page's promises hold."""
    if not _free(int(PORT)):
        pytest.skip(f"somebody listens on {PORT}, the port that the page uses")
    wait = "for n in $(seq 200); do [ -f my-hub/up.lock ] && siphub submit /dev/null --data my-hub 2>&1 | grep -q body.unreadable && break; sleep 0.1; done"
    lines = commands()
    assert lines[0] == "siphub up --data my-hub &"
    script = "\n".join(
        ["set -eum", f"{lines[0]} ", wait, *(f"echo '$ {index}'; {line}" for index, line in enumerate(lines[1:], 1)), "wait"]
    )
    place = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "HOME": str(tmp_path)}
    done = subprocess.run(["/bin/bash", "-c", script], cwd=tmp_path, env=place, check=False, capture_output=True, text=True, timeout=100)
    said = done.stdout
    assert done.returncode == 0, done.stderr[-2000:]
    assert "request.json: valid, sip.requested" in said
    assert re.search(r"request.json +\S+ +SE2120009994-1001 +queued", said)
    assert re.search(r"sip.requested +SE2120009994-1001 +folder +delivered", said)
    assert len(list((tmp_path / "my-hub/partners/se2120009994-1001").glob("*.json"))) == 1
    first, _, second = said.partition("the answer is no")
    assert "basis.consent_missing" in first
    assert "basis.scope_missing" in second
    assert "still no" in second
