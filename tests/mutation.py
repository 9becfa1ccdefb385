"""Changes the policy in every small way that mutmut knows, in a copy of the project, and sees which changes no test of the policy notices.

mutmut makes the changes. The tests are collected once; for each change a child takes the tests that reach the changed function, until one
fails. At least nine of ten must be noticed before any is explained away; in the files named `STRICT` every one, or docs/mutants.md shows that
it changes nothing. It never changes the project's own code. Words limit it to some files: `make mutants ARGS=authority`, which then tries no guards.
"""

from __future__ import annotations

import argparse
import gc
import importlib.abc
import importlib.machinery
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import _lru_cache_wrapper
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.state import state

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/mutants.md"
COPIED = ("siphub", "plugins", "mappings", "tests", "docs", "conftest.py", "pyproject.toml")
POLICY = "siphub.policy."
STRICT = frozenset({"authority", "case", "disclosure"})
ENOUGH = 0.9
NOTICED = frozenset({"killed", "timeout"})
"""How a change must end to count; one that no test reaches, or whose tests ended in some third way, is left."""
RECORD = "stats"
"""What mutmut's doors are told while it is recorded who goes through them."""
HEAD = "| file | changes | noticed | shown to change nothing | left | commit |\n| --- | --- | --- | --- | --- | --- |\n"
IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"
"""That hypothesis is there before pytest, so that its dose can be set."""
TESTS = ("tests/unit/policy",)
LEFT_OUT = (
    "-m=not slow",
    # Long, and others see the same: what only these would notice is left, so no figure gets better by it.
    "--deselect=tests/unit/policy/test_machine.py",
    "--deselect=tests/unit/policy/test_work.py::test_whatever_is_described_is_opened",
    "--deselect=tests/unit/policy/test_work.py::test_whatever_is_opened_is_described",
    "--deselect=tests/unit/policy/test_reach_participants.py::test_every_entry_of_the_participant_is_taken",
)


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a file of the policy with all its changes behind mutmut's doors, which open one of them at a time."""

    names: Mapping[str, Sequence[str]] = {}

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the file with its changes, past any compiled copy."""
        made = mutate_file_contents(self.path, Path(self.path).read_text("utf-8"))
        Changed.names = {**Changed.names, fullname: [f"{fullname}.{name}" for name in made.mutant_names]}
        return compile(made.code, self.path, "exec")


class Opened:
    """Which change is open: mutmut's doors ask here instead of the environment, which is slow to ask ten thousand times a second."""

    change = ""

    @classmethod
    def ask(cls) -> str:
        """Return the change that is open, or `RECORD`; empty for none."""
        return cls.change


class Finder(importlib.abc.MetaPathFinder):
    """Finds the files of the policy that are to be changed, before anybody else does."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = frozenset(POLICY + name for name in files)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where the file is and that it is loaded changed; None for any other module."""
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if fullname in self.files else None
        if spec is not None and spec.origin is not None:
            spec.loader = Changed(fullname, spec.origin)
        return spec


class Judge:
    """Stands in for pytest's loop over the tests: records who reaches what, and then judges change after change in children."""

    def __init__(self, files: Sequence[str], children: int, seconds: float, only: str | None, told: Path | None) -> None:
        self.files, self.children, self.seconds, self.only, self.told = tuple(files), children, seconds, only, told
        self.fates: dict[str, str] = {}
        self.waiting: Counter[str] = Counter()
        self.tests: defaultdict[str, list[int]] = defaultdict(list)
        self.took: list[float] = []
        self.early: frozenset[str] = frozenset()
        self.last: dict[str, list[int]] = defaultdict(list)
        self.failed = False
        self.running: dict[int, tuple[str, str, int]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every change, or only the one this process was started for."""
        if self.only is not None:
            os._exit(0 if self.first_failing(session, nearest(session, file_of(self.only))) is None else 1)
        self.early = frozenset(state()._stats)
        self.record(session)
        gc.freeze()
        changes = [name for names in Changed.names.values() for name in names]
        self.waiting.update(map(file_of, changes))
        for change in sorted(changes, key=lambda change: (self.files.index(file_of(change)), self.cost(change))):
            while len(self.running) >= self.children:
                self.reap()
            self.begin(session, change)
        while self.running:
            self.reap()
        return True

    def record(self, session: pytest.Session) -> None:
        """Take every test once with nothing changed.

        Raises:
            RuntimeError: One of them fails.
        """
        file = None
        for index, item in enumerate(session.items):
            if item.path != file:
                file = item.path
                forget()
            state()._stats.clear()
            began = time.process_time()
            if self.first_failing(session, [index]) is not None:
                raise RuntimeError(f"{item.nodeid} fails with nothing changed")
            self.took.append(time.process_time() - began)
            for function in state()._stats:
                self.tests[function].append(index)
        near = {file: frozenset(index for index, item in enumerate(session.items) if is_near(item, file)) for file in self.files}
        for function, reached in self.tests.items():
            mine = near[file_of(function)]
            reached.sort(key=lambda index: (index not in mine, self.took[index]))

    def first_failing(self, session: pytest.Session, order: Sequence[int]) -> int | None:
        """Take tests in this order until one fails, and return its place; None if none does."""
        for index in order:
            session.config.hook.pytest_runtest_protocol(item=session.items[index], nextitem=None)
            if self.failed:
                return index
        return None

    def cost(self, change: str) -> float:
        """Return what the tests that reach it took together, in seconds."""
        return sum(self.took[index] for index in self.tests[function_of(change)])

    def begin(self, session: pytest.Session, change: str) -> None:
        """Start the child that judges a change; one that no test reaches is told at once."""
        function = function_of(change)
        reached = self.tests[function]
        early = function in self.early
        if not reached and not early:
            self.end(change, "no tests")
            return
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            limit = int(time.process_time() + 20 * (5 + self.cost(change)))
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            if early:
                command = [sys.executable, __file__, "--only", change, file_of(change)]
                os.execv(sys.executable, command)  # noqa: S606 - our own program with fixed arguments
            Opened.change = change
            forget()
            noticed = self.first_failing(session, self.order(function))
            os.write(write, str(noticed).encode())
            os._exit(0 if noticed is None else 1)
        os.close(write)
        self.running[pid] = (change, function, read)

    def order(self, function: str) -> Sequence[int]:
        """Return the tests for a change in a function: those that noticed others in it, those of the file's name, the quick; so many seconds' worth."""
        reached, last = self.tests[function], self.last[function]
        first = [index for index in last if index in set(reached)]
        order = [*first, *(index for index in reached if index not in set(first))]
        until = accumulate(self.took[index] for index in order)
        return [index for index, spent in zip(order, until, strict=True) if spent <= self.seconds]

    def reap(self) -> None:
        """Wait for a child, and write down how it ended."""
        pid, status = os.wait()
        change, function, read = self.running.pop(pid)
        with os.fdopen(read, "rb") as told:
            word = told.read().decode()
        fates = {0: "survived", 1: "killed", -signal.SIGXCPU: "timeout"}
        if word.isdigit():
            last = self.last[function]
            last[:] = [int(word), *(index for index in last if index != int(word))][:12]
        self.end(change, fates.get(os.waitstatus_to_exitcode(status), "suspicious"))

    def end(self, change: str, fate: str) -> None:
        """Keep how a change ended; where it was the last of its file, write the file's down, so that a run that is stopped has told something."""
        self.fates[change] = fate
        if fate not in NOTICED:
            print(f"\n{fate}: {change}", flush=True)
        self.waiting[file_of(change)] -= 1
        if self.waiting[file_of(change)] == 0 and self.told is not None:
            through = {name: found for name, found in self.fates.items() if self.waiting[file_of(name)] == 0}
            self.told.write_text(json.dumps(through), "utf-8")
            print(f"\nthrough: {file_of(change)}", flush=True)


def function_of(change: str) -> str:
    """Return the function that a change is in, as mutmut's doors name it."""
    return change.rpartition("__mutmut_")[0]


def file_of(change: str) -> str:
    """Return the file that a change is in, without its ending."""
    return change.split(".")[2]


def is_near(item: pytest.Item, file: str) -> bool:
    """Say whether a test is one of the file's own by its name: it is the likeliest to notice a change in it."""
    return file.rstrip("s") in item.path.stem


def nearest(session: pytest.Session, file: str) -> Sequence[int]:
    """Return the places of all tests, the file's own first."""
    return sorted(range(len(session.items)), key=lambda index: not is_near(session.items[index], file))


def forget() -> None:
    """Empty what the project keeps once it is worked out, so that it is worked out with the change."""
    for module in [found for name, found in sys.modules.items() if name.startswith(POLICY)]:
        for kept in vars(module).values():
            if isinstance(kept, _lru_cache_wrapper):
                kept.cache_clear()


def judged(files: Sequence[str], children: int, seconds: float, only: str | None = None, told: Path | None = None) -> None:
    """Write down how every change in these files ended, one file after another.

    Raises:
        RuntimeError: The tests did not get so far.
    """
    settings.register_profile("mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")
    trampoline.get_mutant_under_test = Opened.ask
    Opened.change = only or RECORD
    sys.meta_path.insert(0, Finder(files))
    judge = Judge(files, children, seconds, only, told)
    words = [
        "-q",
        "-s",
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-W",
        IMPORTED,
        *LEFT_OUT,
        *TESTS,
    ]
    os.chdir(ROOT)
    ended = pytest.main(words, plugins=[judge])
    if ended != 0:
        raise RuntimeError(f"pytest ended with {ended}")


def explained(page: str, file: str) -> frozenset[str]:
    """Return the changes in a file that the page shows to change nothing."""
    return frozenset(POLICY + name for name in re.findall(rf"^\| `({file}\.\S+)` \|", page, re.MULTILINE))


def told(file: str, fates: Mapping[str, str], page: str) -> bool:
    """Say how a file fared, name what is left, and return whether that is good enough."""
    left, shown = unnoticed(fates), explained(page, file)
    unproven, idle = sorted(left - shown), sorted(shown - left)
    good = len(fates) - len(left) >= ENOUGH * len(fates) and not idle and not (file in STRICT and unproven)
    print(
        f"{'good' if good else 'BAD '}  {file}: {len(fates) - len(left)} of {len(fates)} noticed, {len(left & shown)} shown to change nothing"
    )
    for change in unproven:
        print(f"        {change}: {fates[change]}")
    for change in idle:
        print(f"        {change}: stands on the page, but it was noticed or there is none")
    return good


def unnoticed(fates: Mapping[str, str]) -> frozenset[str]:
    """Return the changes that nothing noticed."""
    return frozenset(change for change, fate in fates.items() if fate not in NOTICED)


def figures(page: str, fared: Mapping[str, Mapping[str, str]], commit: str) -> str:
    """Return the page with the rows of these files written anew; the table is its last part."""
    head, table = page.split(HEAD)
    rows = {row.split("`")[1]: row for row in table.splitlines() if row.startswith("| `")}
    for file, fates in fared.items():
        left = unnoticed(fates)
        shown = left & explained(page, file)
        cells = (f"`{file}`", len(fates), len(fates) - len(left), len(shown), len(left - shown), commit)
        rows[file] = f"| {' | '.join(map(str, cells))} |"
    return head + HEAD + "".join(f"{rows[file]}\n" for file in sorted(rows))


def commit_of(root: Path) -> str:
    """Return the commit that is judged, with a `+` where the policy or its tests have changes of their own."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "siphub", "tests/unit/policy") else "")


def tried(files: Sequence[str], children: int, seconds: float) -> Mapping[str, str]:
    """Judge a copy of the project as it is now, so that it can be worked on meanwhile, and return how every change ended.

    Where the run is stopped, it is what was told of the files that were through.

    Raises:
        RuntimeError: The tests did not get so far.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            whole(ROOT / name, copy / name)
        path = os.pathsep.join(map(str, [copy, *sorted((copy / "plugins").glob("*"))]))
        told = copy / "fates.json"
        how = ["--fates", str(told), "--children", str(children), "--seconds", str(seconds)]
        command = [sys.executable, str(copy / "tests/mutation.py"), *how, *files]
        with suppress(KeyboardInterrupt):
            subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False)
        if not told.exists():
            raise RuntimeError("the run ended before any file was through")
        fates: Mapping[str, str] = json.loads(told.read_text("utf-8"))
        return fates


def main() -> int:
    """Judge, say how each file fared and write it on the page; 1 if one is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="files of the policy, without their ending; all unless given")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="how many changes are judged at a time")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="how many seconds' worth of tests a change is given; all unless given"
    )
    parser.add_argument("--fates", type=Path, help="judge here, and write how each change ended: what a process does in the copy")
    parser.add_argument("--only", help="judge this one change here, and tell by the exit status: what a process does for this one")
    given = parser.parse_args()
    files = given.files or sorted(path.stem for path in (ROOT / "siphub/policy").glob("[!_]*.py"))
    if given.only or given.fates:
        judged(files, given.children, given.seconds, given.only, given.fates)
        return 0
    commit = commit_of(ROOT)
    fates = tried(files, given.children, given.seconds)
    fared = {file: {name: fate for name, fate in fates.items() if file_of(name) == file} for file in files}
    stopped = [file for file, found in fared.items() if not found]
    fared = {file: found for file, found in fared.items() if found}
    page = PAGE.read_text("utf-8")
    PAGE.write_text(figures(page, fared, commit), "utf-8")
    good = [told(file, found, page) for file, found in fared.items()]
    print("".join(f"BAD   {file}: the run ended before it was through\n" for file in stopped), end="")
    return 0 if all(good) and not stopped else 1


if __name__ == "__main__":
    sys.exit(main())
