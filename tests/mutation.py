"""Changes the policy in every small way that mutmut knows, in a copy of the project, and sees which changes no test of the policy notices.

At least nine of ten must be noticed; in the files named `STRICT` every one, or docs/mutants.md shows that it changes nothing. It never changes
the project's own files. Words limit it to some files: `make mutants ARGS=authority`, which then tries no guards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("siphub", "plugins", "mappings", "conftest.py", "pyproject.toml", "tests/unit/policy")
STRICT = frozenset({"authority", "case", "disclosure"})
ENOUGH = 0.9
SURVIVED = 0
"""What pytest ends with where no test failed."""


def copied(root: Path, copy: Path) -> None:
    """Copy what the tests of the policy need."""
    for name in COPIED:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(root / name, copy / name)


def run(copy: Path, files: Sequence[str]) -> None:
    """Let mutmut try everything, or only these files of the policy.

    Raises:
        RuntimeError: It could not even begin: its tests fail without any change.
    """
    names = [f"siphub.policy.{name}.*" for name in files]
    mutmut = Path(sys.executable).with_name("mutmut")
    done = subprocess.run([mutmut, "run", "--max-children", "1", *names], cwd=copy, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mutmut ended with {done.returncode}")


def ended(copy: Path) -> Mapping[str, Mapping[str, int]]:
    """Return how the tests ended for every change that was tried: file → name → exit status."""
    found = {}
    for meta in sorted((copy / "mutants/siphub/policy").glob("*.py.meta")):
        tried = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        found[meta.name.removesuffix(".py.meta")] = {name: status for name, status in tried.items() if status is not None}
    return {name: tried for name, tried in found.items() if tried}


def shown(name: str, tried: Mapping[str, int], equivalent: str) -> bool:
    """Say how a file fared, name what was not noticed, and return whether that is good enough."""
    survived = sorted(change for change, status in tried.items() if status == SURVIVED)
    unproven = [change for change in survived if f"`{change.removeprefix('siphub.policy.')}`" not in equivalent]
    killed = len(tried) - len(survived)
    good = killed >= ENOUGH * len(tried) and not (name in STRICT and unproven)
    print(
        f"{'good' if good else 'BAD '}  {name}: {killed} of {len(tried)} noticed, {len(survived) - len(unproven)} shown to change nothing"
    )
    for change in unproven:
        print(f"        {change}")
    return good


def main() -> int:
    """Try, and say how each file fared; 1 if one is not good enough."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copied(ROOT, copy)
        run(copy, sys.argv[1:])
        equivalent = (ROOT / "docs/mutants.md").read_text("utf-8")
        fared = [shown(name, tried, equivalent) for name, tried in ended(copy).items()]
        return 0 if all(fared) else 1


if __name__ == "__main__":
    sys.exit(main())
