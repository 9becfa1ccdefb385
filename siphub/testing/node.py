"""Programs of others over node, for tests: where their npm packages are, why there can be none here, and a process that runs one of our scripts.

The packages stand in `tests/npm`, by name, version and hash; `make test` installs each list beside the environment.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any


def missing(packages: str) -> str | None:
    """Return why a list of packages cannot be used here, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (folder(packages) / "installed.txt").exists():
        return f"the npm packages of tests/npm/{packages}.txt are not installed; make test does it where there is npm"
    return None


def started(packages: str, script: str) -> subprocess.Popen[str]:
    """Start a script of this package with a list of packages, spoken to in lines; it may be read again only once it has said something."""
    node = shutil.which("node")
    assert node is not None, missing(packages)
    modules = {"NODE_PATH": str(folder(packages) / "node_modules"), "PATH": str(Path(node).parent)}
    with as_file(files("siphub.testing") / script) as file:
        return subprocess.Popen([node, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=modules)  # noqa: S603 - a script of ours


def asked(process: subprocess.Popen[str], question: Mapping[str, Any]) -> Any:
    """Ask a script that answers each line with a line of JSON, and return its answer.

    Raises:
        RuntimeError: It failed, and says why, or it has ended.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline() or '{"failed": "node ended"}')
    if "failed" in answer:
        raise RuntimeError(answer["failed"])
    return answer


def program(packages: str, path: str) -> list[str]:
    """Return the words that start a program that one of the packages brings along.

    Args:
        packages: The list.
        path: The program's script, below `node_modules`.
    """
    node = shutil.which("node")
    assert node is not None, missing(packages)
    return [node, str(folder(packages) / "node_modules" / path)]


def folder(packages: str) -> Path:
    """Return where a list of packages is installed."""
    return Path(sys.prefix) / packages
