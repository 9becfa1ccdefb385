"""The docs are held to the code: generated parts are up to date, links lead somewhere, each page is found from the index."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("adapters/*.md")])
PAGES = [*DOCS, ROOT / "README.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _loaded(path: str) -> ModuleType:
    """Load one of the project's scripts, which are no package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page that are sentences: no code, no tables, no headings."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("|", "#", "<!--", "```")):
            yield number, re.sub(r"`[^`]*`", "code", line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Given a page, then each of its links inside the project names a file that is there, and a heading in it."""
    for link in LINK.findall(page.read_text("utf-8")):
        place, _, anchor = link.partition("#")
        if not re.match(r"[a-z]+:", link):
            target = (page.parent / place).resolve() if place else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_line_holds_one_sentence(page: Path) -> None:
    """Given a page, then no line of prose goes on after a full stop, so that a change of one sentence is a change of one line."""
    assert [(number, line) for number, line in prose(page.read_text("utf-8")) if re.search(r"[a-zåäö)][.!?] [A-ZÅÄÖ]", line)] == []


def test_every_page_is_found_from_the_index() -> None:
    """Given the pages, then the index links to each."""
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "docs/index.md").read_text("utf-8"))}
    assert {page.relative_to(ROOT / "docs").as_posix() for page in DOCS} - {"index.md"} <= linked


def test_the_generated_parts_are_up_to_date() -> None:
    """Given settings and errors as they are, when the pages are checked, then nothing is to be written."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/generate.py"), "--check"], check=False, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_page_that_has_drifted_is_written_anew_and_nothing_else() -> None:
    """Given a page with an old generated part, when it is rendered, then that part is made anew and the rest is left alone."""
    generate = _loaded("docs/generate.py")
    page = "before\n<!-- generated: settings -->\nold\n<!-- end -->\nafter\n"
    rendered = generate.rendered(page)
    assert rendered.startswith("before\n<!-- generated: settings -->\n| setting |")
    assert rendered.endswith("<!-- end -->\nafter\n")
    assert "| `permit` | time span | `1 s` |" in rendered
    assert "old" not in rendered.splitlines()


def test_codes_are_found_where_they_are_given() -> None:
    """Given code that names codes in the ways we write them, then each is found, and other text is not."""
    source = 'Problem("person.unknown", "x")\nConflict("a sentence", code="message.out_of_order")\nRetry("partner.http_503")\nlog.info("delivery.sent")'
    assert sorted(_loaded("docs/generate.py").codes_in(ast.parse(source))) == ["message.out_of_order", "partner.http_503", "person.unknown"]


def test_figures_older_than_the_code_are_warned_about(tmp_path: Path) -> None:
    """Given figures at one commit, when the flow changes in a later one, then a warning names the page; before that there is none."""
    results = _loaded("docs/results.py")

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.se", "-c", "commit.gpgsign=false", *words]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    flow, pages = tmp_path / "siphub/flow/deliver.py", tmp_path / "docs/results"
    flow.parent.mkdir(parents=True)
    pages.mkdir(parents=True)
    git("init", "--quiet")
    flow.write_text("one\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    commit = git("rev-parse", "--short", "HEAD")
    (pages / "races.md").write_text(f"# Races\n\n| day | commit | leaks |\n| --- | --- | --- |\n| 2026-11-01 | {commit} | 0 |\n")
    assert results.stale(pages, tmp_path) == []
    flow.write_text("two\n")
    git("commit", "--quiet", "-am", "two")
    assert [finding.split()[1] for finding in results.stale(pages, tmp_path)] == ["races.md"]


def test_every_guard_in_the_table_can_be_taken_away_and_has_its_test() -> None:
    """Given the table of guards, then each guard's text stands once in its file, and its test exists."""
    mutants = _loaded("tests/mutants.py")
    for guard in mutants.guards():
        assert mutants.without(ROOT, guard) != (ROOT / guard.file).read_text("utf-8")
        file, _, test = guard.test.partition("::")
        assert f"def {test.rpartition('::')[2].partition('[')[0]}(" in (ROOT / file).read_text("utf-8"), guard.name
