"""Rules of the house that no linter knows. Each is a function over source text, with an example that it must catch."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted([*ROOT.glob("siphub/**/*.py"), *ROOT.glob("plugins/*/siphub_*/**/*.py")])
TESTS = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")])
REAL = [file for file in TESTS if file.relative_to(ROOT).parts[:2] in {("tests", "flow"), ("tests", "contract"), ("tests", "chaos")}]
TEXTS = sorted(
    file
    for pattern in ("siphub/**/*", "plugins/**/*", "mappings/**/*", "tests/**/*", "docs/**/*", "deploy/**/*", ".ci/*", "*")
    for file in ROOT.glob(pattern)
    if file.is_file() and "__pycache__" not in file.parts and file.suffix not in {".png", ".gz", ".pyc"} and file.name != ".git"
)

Rule = Callable[[str], Iterator[str]]


def patches_our_own(source: str) -> Iterator[str]:
    """Find what replaces parts of our own modules: pytest's monkeypatch, a mocker, an assignment into an imported module."""
    tree = ast.parse(source)
    ours = {name for node in ast.walk(tree) for name in _imported_from_us(node)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"setattr", "delattr", "setitem", "delitem"}
            and not isinstance(node.ctx, ast.Store)
        ):
            yield f"line {node.lineno}: {node.attr} replaces a part; use a fake that works, or a setting"
        if isinstance(node, ast.arg) and node.arg == "mocker":
            yield f"line {node.lineno}: a mocker"
        for target in _stored(node):
            if isinstance(target.value, ast.Name) and target.value.id in ours:
                yield f"line {target.lineno}: {target.value.id}.{target.attr} of ours is replaced"


def _imported_from_us(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name.startswith("siphub"))
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("siphub"):
        yield from (alias.asname or alias.name for alias in node.names)


def _stored(node: ast.AST) -> Iterator[ast.Attribute]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    yield from (target for target in targets if isinstance(target, ast.Attribute))


def reads_the_environment(source: str) -> Iterator[str]:
    """Find looks at the environment."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in {"environ", "getenv"}
        ):
            yield f"line {node.lineno}: os.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "os" and {alias.name for alias in node.names} & {"environ", "getenv"}:
            yield f"line {node.lineno}: from os import …"


def reaches_into_a_plugin(source: str) -> Iterator[str]:
    """Find imports from inside another plugin: only what its `__all__` names, from its front door, may be used."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            inside = [alias.name for alias in node.names if alias.name.startswith("siphub_") and "." in alias.name]
            yield from (f"line {node.lineno}: import {name}" for name in inside)
        if isinstance(node, ast.ImportFrom) and (module := node.module or "").startswith("siphub_"):
            named = set() if "." in module else _public(module)
            yield from (f"line {node.lineno}: {alias.name} from {module}" for alias in node.names if alias.name not in named)


def _public(plugin: str) -> set[str]:
    for front in ROOT.glob(f"plugins/*/{plugin.partition('.')[0]}/__init__.py"):
        for node in ast.parse(front.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
                return set(ast.literal_eval(node.value))
    return set()


def says_nothing(source: str) -> Iterator[str]:
    """Find tests without the sentence of what they show."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node):
            yield f"line {node.lineno}: {node.name} has no sentence"


def names_a_machine(text: str) -> Iterator[str]:
    """Find paths of one machine, and addresses to download from."""
    places = "|".join(["/" + "work/", "/" + "tmp/", "/" + "root/", "/" + "home/", "files." + "pythonhosted", "https?://" + "pypi"])
    yield from (f"line {number}: {line.strip()[:80]}" for number, line in enumerate(text.splitlines(), 1) if re.search(places, line))


def _findings(rule: Rule, files: list[Path]) -> list[str]:
    return [f"{file.relative_to(ROOT)} {finding}" for file in files for finding in rule(file.read_text("utf-8", errors="replace"))]


def test_the_tests_of_flow_contracts_and_crashes_replace_nothing_of_ours() -> None:
    """Given the tests that prove behaviour, then none of them patches a module of ours."""
    assert _findings(patches_our_own, REAL) == []


def test_settings_are_the_only_ones_that_look_at_the_environment() -> None:
    """Given the code, then only siphub/settings.py looks at the environment."""
    assert _findings(reads_the_environment, [file for file in CODE if file != ROOT / "siphub/settings.py"]) == []


def test_a_plugin_uses_another_by_its_front_door() -> None:
    """Given each plugin, then it imports from another plugin only what that one's `__all__` names."""
    for folder in ROOT.glob("plugins/*/siphub_*"):
        own = re.compile(rf"\b{folder.name}\b(?!/)")
        found = _findings(reaches_into_a_plugin, sorted(folder.glob("**/*.py")))
        assert [finding for finding in found if not own.search(finding)] == []


def test_every_test_says_what_it_shows() -> None:
    """Given the tests, then each has a sentence, for whoever sees it fail."""
    assert _findings(says_nothing, TESTS) == []


def test_no_file_names_a_machine_or_a_download() -> None:
    """Given every text of the project, then it names no path of one machine and no address to download from."""
    assert _findings(names_a_machine, TEXTS) == []


def test_no_room_is_called_by_a_word_that_says_nothing() -> None:
    """Given the code, then no module is called utils, helpers, common, manager or misc."""
    vague = re.compile(r"(utils?|helpers?|common|managers?|misc)")
    assert [
        file for file in CODE if vague.fullmatch(file.stem) or any(vague.fullmatch(part) for part in file.relative_to(ROOT).parts)
    ] == []


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (patches_our_own, "def test(monkeypatch):\n    monkeypatch.setattr('siphub.flow.deliver.cut', None)"),
        (patches_our_own, "def test(mocker):\n    pass"),
        (patches_our_own, "from siphub import flow\nflow.deliver = None"),
        (patches_our_own, "import siphub.flow.deliver as deliver\ndeliver.cut = None"),
        (patches_our_own, "import pytest\nwith pytest.MonkeyPatch.context() as patch:\n    patch.delattr('siphub.hub.build')"),
        (reads_the_environment, "import os\nos.environ['A']"),
        (reads_the_environment, "import os\nos.getenv('A')"),
        (reads_the_environment, "from os import environ"),
        (reaches_into_a_plugin, "import siphub_folder.deliver"),
        (reaches_into_a_plugin, "from siphub_folder.deliver import write"),
        (reaches_into_a_plugin, "from siphub_folder import _private"),
        (says_nothing, "class TestIt:\n    def test_it(self): pass"),
        (names_a_machine, "see /" + "tmp/notes"),
        (names_a_machine, "https://" + "pypi.org/simple"),
    ],
)
def test_each_rule_catches_its_example(rule: Rule, bad: str) -> None:
    """Given a small text that breaks a rule, then the rule finds it."""
    assert list(rule(bad))


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (patches_our_own, "def test(monkeypatch):\n    monkeypatch.setenv('SIPHUB_PORT', '1')\n    thing.value = 2"),
        (reads_the_environment, "import os\nos.replace('a', 'b')"),
        (reaches_into_a_plugin, "from siphub.contract import Adapter"),
        (says_nothing, "def test_it():\n    '''Given it, then it.'''"),
        (names_a_machine, "https://example.se/sip and deliver/work.py"),
    ],
)
def test_each_rule_leaves_the_innocent_alone(rule: Rule, good: str) -> None:
    """Given a small text that keeps a rule, then the rule finds nothing."""
    assert list(rule(good)) == []
