"""The tutorial's adapter is taken from the page as it stands and held to the contract every adapter keeps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from siphub.testing.adapters import AdapterContract

PAGE = Path(__file__).parents[2] / "docs" / "write-an-adapter.md"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a plugin author's folder with the page's code and test as they stand."""
    code, test = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [project] = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for name, text in (("siphub_spool/__init__.py", code), ("tests/test_spool.py", test), ("pyproject.toml", project)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def python(*words: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment's, with a folder to import from."""
    where = {**os.environ, "PYTHONPATH": str(path or "")}
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=where, capture_output=True, text=True, check=False, timeout=300)


def test_the_tutorials_adapter_keeps_every_promise(plugin: Path) -> None:
    """Given the page's code and the page's test in a plugin author's folder, when they run pytest there, then every promise is kept."""
    done = python("pytest", "-q", "-p", "no:cacheprovider", cwd=plugin, path=plugin)
    assert done.returncode == 0, done.stdout
    promises = [name for name in dir(AdapterContract) if name.startswith("test_")]
    counted = {word: int(number) for number, word in re.findall(r"([0-9]+) (passed|skipped)", done.stdout)}
    assert counted.get("passed", 0) > counted.get("skipped", 0)
    assert sum(counted.values()) == len(promises)


def test_the_tutorials_code_has_types_that_hold(plugin: Path) -> None:
    """Given the page's code and test in files of a plugin author's, then mypy --strict has nothing to say."""
    files = (str(plugin / "siphub_spool"), str(plugin / "tests"))
    done = python("mypy", "--strict", "--cache-dir", str(plugin / "cache"), "--follow-imports", "silent", *files, cwd=PAGE.parents[1])
    assert done.returncode == 0, done.stdout


def test_every_hook_is_on_the_page() -> None:
    """Given the hooks of the contract, then the page names each with its arguments."""
    from siphub.contract import hooks

    text = PAGE.read_text("utf-8")
    for name in [name for name in dir(hooks) if name.startswith("siphub_")]:
        code = getattr(hooks, name).__code__
        assert f"{name}({', '.join(code.co_varnames[: code.co_argcount])})" in text
