"""Warns when the figures of a long dose in docs/results are older than the code they speak of.

Each table there has a column `commit`. The last row's commit must hold the last change to the flow, the policy, the store and the broker.
It only warns: a long dose takes long, and a change of a comment needs none. It never fails and never writes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ("siphub/flow", "siphub/policy", "siphub/store", "siphub/broker")


def last_commit(page: str) -> str | None:
    """Return the commit of the last row of a page's last table, or None if there is none."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    heads = [row for row in rows if "commit" in row]
    return rows[-1][heads[-1].index("commit")].strip("`") if heads and rows[-1] is not heads[-1] else None


def stale(folder: Path, root: Path = ROOT) -> list[str]:
    """Return a sentence for each page of results that is older than the code it measures."""
    changed = _git(root, "log", "-1", "--format=%h", "--", *MEASURED)
    if not changed:
        return []
    found = []
    for page in sorted(folder.glob("*.md")):
        commit = last_commit(page.read_text("utf-8"))
        if commit is None or _git(root, "merge-base", "--is-ancestor", changed, commit.removesuffix("+")) is None:
            found.append(f"warning: {page.name} speaks of {commit or 'no commit'}, and the code it measures changed in {changed}")
    return found


def _git(root: Path, *words: str) -> str | None:
    """Return what git says, or None if it says no, or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


if __name__ == "__main__":
    for sentence in stale(ROOT / "docs" / "results"):
        print(sentence, file=sys.stderr)
