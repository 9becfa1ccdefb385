"""The packages of the npm registry that tests judge with: pinned by name, version and hash, and installed beside the environment.

Each list `tests/npm/NAME.txt` becomes the folder `ENVIRONMENT/NAME`, one package a line: name, version, and the hash of what the registry
gives for it. What a package needs stands in the list too; where it needs another version than the one beside it, `itself/node_modules/name`.
No script of a package runs. It must never leave behind a folder that has anything else in it than the list says.

    python tests/npm_packages.py .venv              install what is not there yet
    python tests/npm_packages.py .venv --pin NAME   for maintainers: install NAME's packages by version alone, and write their hashes down
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

LISTS = Path(__file__).parent / "npm"
STAMP = "installed.txt"


def installed(folder: Path) -> dict[str, str]:
    """Return `place@version` of every package that npm has fetched into a folder, with its hash; what a package brings along counts with it."""
    fetched = json.loads((folder / "node_modules" / ".package-lock.json").read_text("utf-8"))["packages"]
    return {
        f"{path.removeprefix('node_modules/')}@{package['version']}": package["integrity"]
        for path, package in fetched.items()
        if not package.get("inBundle")
    }


def pinned(text: str) -> dict[str, str]:
    """Return `place@version` of every package of a list with its hash, empty where it has none yet."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {f"{name}@{version}": "".join(rest) for name, version, *rest in rows}


def fetch(folder: Path, words: list[str]) -> None:
    """Let npm fetch packages into a folder.

    Raises:
        subprocess.CalledProcessError: npm could not.
    """
    quietly = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", *words, *quietly, "--prefix", str(folder)], check=True, stdin=subprocess.DEVNULL)


def lock(packages: dict[str, str]) -> tuple[str, str]:
    """Return the two files by which npm fetches exactly these packages into these places: package.json and package-lock.json."""
    root: dict[str, dict[str, str]] = {"dependencies": {}}
    found: dict[str, dict[str, object]] = {"": root}  # type: ignore[dict-item]  # a narrower value than the others
    for place, integrity in packages.items():
        path, _, version = place.rpartition("@")
        found[f"node_modules/{path}"] = {"version": version, "integrity": integrity, "dependencies": {}}
    for place in packages:
        path, _, version = place.rpartition("@")
        parent, _, name = path.rpartition("/node_modules/")
        needs = found[f"node_modules/{parent}" if parent else ""]["dependencies"]
        assert isinstance(needs, dict)
        needs[name] = version
    return json.dumps(root), json.dumps({"lockfileVersion": 3, "requires": True, "packages": found})


def install(file: Path, folder: Path) -> str | None:
    """Install a list unless it is there, and return what went wrong, or None."""
    text = file.read_text("utf-8")
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text("utf-8") == text:
        return None
    print(f"Installing the npm packages of {file.name} for the tests.", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, written in zip(("package.json", "package-lock.json"), lock(pinned(text)), strict=True):
        (folder / name).write_text(written, "utf-8")
    try:
        fetch(folder, ["ci"])
    except (OSError, subprocess.CalledProcessError) as error:
        return f"npm could not fetch them: {error}"
    wrong = sorted(set(installed(folder).items()) ^ set(pinned(text).items()))
    if wrong:
        shutil.rmtree(folder)
        return f"what npm fetched is not what the list says: {', '.join(name for name, _ in wrong)}"
    stamp.write_text(text, "utf-8")
    return None


def pin(file: Path, folder: Path) -> None:
    """Write a list anew: its remarks as they are, its packages by version, with the hashes that the registry gives for them today."""
    text = file.read_text("utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fetch(folder, ["install", "--no-save", "--no-package-lock", *(name for name in pinned(text) if "/node_modules/" not in name)])
    remarks = [line for line in text.splitlines() if line.startswith("#")]
    rows = sorted((*name.rsplit("@", 1), found) for name, found in installed(folder).items())
    file.write_text("\n".join([*remarks, *(" ".join(row) for row in rows)]) + "\n", "utf-8")


def main(environment: Path, *words: str) -> None:
    """Install every list, or pin one anew. What cannot be installed is said, and is no failure: its tests are skipped, or fail where CI=true."""
    if words[:1] == ("--pin",):
        pin(LISTS / f"{words[1]}.txt", environment / words[1])
        return
    for file in sorted(LISTS.glob("*.txt")):
        wrong = install(file, environment / file.stem)
        if wrong is not None:
            print(f"{file.name}: {wrong}. The tests that need them are skipped, or fail where CI=true.", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
