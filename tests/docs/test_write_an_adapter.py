"""The tutorial's adapter is taken from the page as it stands and held to the contract every adapter keeps."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from siphub.contract import Recipient
from siphub.testing.adapters import AdapterContract, AdapterUnderTest

PAGE = Path(__file__).parents[2] / "docs" / "write-an-adapter.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]


class SpoolWitness:
    """Reads the partner's spool."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    def bytes_seen(self) -> int:
        """Return how long the spool is."""
        return self._spool.stat().st_size if self._spool.exists() else 0

    def effects(self, key: str) -> int:
        """Return how many lines there are under a key."""
        lines = self._spool.read_text("utf-8").splitlines() if self._spool.exists() else []
        return len([line for line in lines if line.startswith(key)])


@pytest.fixture
def tutorial() -> Iterator[types.ModuleType]:
    """Return the page's code as a module."""
    module = types.ModuleType("siphub_spool")
    sys.modules[module.__name__] = module
    exec(compile(CODE, str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page, which is what is under test
    yield module
    del sys.modules[module.__name__]


class TestSpool(AdapterContract):
    """The tutorial's adapter keeps every promise."""

    @pytest.fixture
    def under_test(self, tutorial: types.ModuleType, tmp_path: Path) -> AdapterUnderTest:
        """Return the adapter with a spool in a folder that is there, and one in a folder that is not."""

        def at(spool: Path) -> Recipient:
            return Recipient("SE2120009994-1002", "2120009994", "Norrby kommun", "spool", str(spool))

        spool = tmp_path / "spool.jsonl"
        return AdapterUnderTest(tutorial.SpoolAdapter(), at(spool), SpoolWitness(spool), at(tmp_path / "missing" / "spool.jsonl"))


def test_the_tutorials_code_has_types_that_hold(tmp_path: Path) -> None:
    """Given the page's code in a file of a plugin author's, then mypy --strict has nothing to say."""
    file = tmp_path / "siphub_spool.py"
    file.write_text(CODE, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent", str(file)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout


def test_every_hook_is_on_the_page() -> None:
    """Given the hooks of the contract, then the page names each with its arguments."""
    from siphub.contract import hooks

    text = PAGE.read_text("utf-8")
    for name in [name for name in dir(hooks) if name.startswith("siphub_")]:
        code = getattr(hooks, name).__code__
        assert f"{name}({', '.join(code.co_varnames[: code.co_argcount])})" in text
