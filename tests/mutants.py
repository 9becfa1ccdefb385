"""Takes away one guard at a time, in a copy of the project, and sees that the test which stands for it fails.

The table is tests/guards.toml. A guard whose test still passes without it is not guarded; a guard whose test fails with it is broken.
It never changes the project's own files. `--only WORD` tries the guards whose name holds the word.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("siphub", "plugins", "mappings", "tests", "docs", "conftest.py", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard: the text that is taken away, what stands there instead, and the test that must notice."""

    name: str
    file: str
    find: str
    replace: str
    test: str


def guards(root: Path = ROOT) -> tuple[Guard, ...]:
    """Return the table of guards."""
    return tuple(Guard(**row) for row in tomllib.loads((root / "tests/guards.toml").read_text("utf-8"))["guard"])


def without(root: Path, guard: Guard) -> str:
    """Return the guard's file with the guard taken away.

    Raises:
        ValueError: The text is not there exactly once.
    """
    text = (root / guard.file).read_text("utf-8")
    if text.count(guard.find) != 1:
        raise ValueError(f"{guard.name}: what to take away stands {text.count(guard.find)} times in {guard.file}")
    return text.replace(guard.find, guard.replace)


def passes(copy: Path, test: str) -> bool:
    """Run one test in the copy, with the copy's own code before anything that is installed."""
    path = os.pathsep.join(map(str, [copy, *sorted((copy / "plugins").glob("*"))]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", test]
    done = subprocess.run(command, cwd=copy, env={**os.environ, "PYTHONPATH": path}, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # pytest's own words for "all passed" and "some failed"; anything else is no verdict
        raise RuntimeError(f"{test}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def tried(root: Path, guard: Guard) -> str | None:
    """Return what is wrong with a guard, or None if its test passes with it and fails without."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            _copy(root / name, copy / name)
        if not passes(copy, guard.test):
            return "its test fails with the guard in place"
        (copy / guard.file).write_text(without(root, guard), "utf-8")
        return "its test passes without the guard" if passes(copy, guard.test) else None


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif source.exists():
        shutil.copy(source, target)


def main() -> int:
    """Try the guards and say how each fared; 1 if one is not guarded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD")
    word = parser.parse_args().only
    wrong = 0
    for guard in (guard for guard in guards() if word in guard.name):
        finding = tried(ROOT, guard)
        wrong += finding is not None
        print(f"{'BAD ' if finding else 'good'}  {guard.name}{f': {finding}' if finding else f'  ({guard.test})'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
