"""Writes the generated parts of docs/*.md: what stands between `<!-- generated: NAME -->` and `<!-- end -->`.

It makes them from the code, so the two cannot drift apart; with `--check` it writes nothing and fails when a page is out of date.
It must never touch a line outside its markers. A new block is a function in `BLOCKS`; it is made only if a page asks for it.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MARKED = re.compile(r"(?P<open><!-- generated: (?P<name>[a-z]+) -->\n).*?(?P<close><!-- end -->)", re.DOTALL)
CODE = re.compile(r"[a-z]+(\.[a-z0-9_]+)+")
CARRIES_CODE = frozenset({"Problem", "Rejected", "Retry", "Uncertain", "Refusal", "Objection", "Unreadable", "_refusal", "refuse"})


def settings() -> str:
    """Return the table of settings."""
    from siphub.settings import table

    rows = [(f"`{row.name}`", row.type, f"`{row.default}`" if row.default else "", row.help) for row in table()]
    return _table(("setting", "type", "default", "what it is"), rows)


def errors() -> str:
    """Return the tree of errors with their default codes."""
    from siphub.errors import SiphubError

    def below(kind: type[SiphubError], depth: int) -> Iterator[tuple[str, ...]]:
        summary = (kind.__doc__ or "").strip().splitlines()[0]
        yield (f"{'· ' * depth}`{kind.__name__}`", f"`{kind.code}`", str(getattr(kind, "status", "")), summary)
        for child in kind.__subclasses__():
            if child.__module__ == SiphubError.__module__:
                yield from below(child, depth + 1)

    return _table(("error", "code", "HTTP", "what it means"), list(below(SiphubError, 0)))


def codes() -> str:
    """Return every code that is written somewhere in the code, with the modules that use it."""
    found: dict[str, set[str]] = {}
    for file in sorted([*ROOT.glob("siphub/**/*.py"), *ROOT.glob("plugins/*/siphub_*/**/*.py")]):
        if file.name != "errors.py":
            for code in codes_in(ast.parse(file.read_text("utf-8"))):
                found.setdefault(code, set()).add(_module(file))
    rows = [(f"`{code}`", ", ".join(f"`{module}`" for module in sorted(found[code]))) for code in sorted(found)]
    return _table(("code", "comes from"), rows)


def codes_in(tree: ast.AST) -> Iterator[str]:
    """Yield the codes a module gives to errors, problems and outcomes, and the default codes of its own kinds of error."""
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        yield from (found for part in kind.body if isinstance(part, ast.Assign) for found in _default_code(part))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        named = [word.value for word in call.keywords if word.arg == "code"]
        first = call.args[:1] if isinstance(call.func, ast.Name) and call.func.id in CARRIES_CODE else []
        for value in [*named, *first]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
                yield value.value


def _default_code(part: ast.Assign) -> Iterator[str]:
    target, value = part.targets[0], part.value
    if isinstance(target, ast.Name) and target.id == "code" and isinstance(value, ast.Constant) and CODE.fullmatch(str(value.value)):
        yield str(value.value)


def promises() -> str:
    """Return what a broker promises, and which drivers that have been tried break it."""
    from siphub.broker import PROMISES, connect

    tried = [connect(url, name="docs").info for url in ("amqp://localhost/", "memory://", "filesystem:///bells")]
    names = ("`amqp://`", "`memory://`", "`filesystem://`")
    rows = [(f"`{promise}`", said, *("no" if promise in info.cannot else "yes" for info in tried)) for promise, said in PROMISES.items()]
    return _table(("promise", "what it says", *names), rows)


def reasons() -> str:
    """Return every reason why something is refused, withheld or held."""
    from siphub.policy.reasons import REASONS

    rows = [(f"`{code}`", reason.guard or "", reason.en, reason.sv) for code, reason in sorted(REASONS.items())]
    return _table(("code", "guard", "in English", "in Swedish"), rows)


def reasoncodes() -> str:
    """Return the codes of the reasons, for the page that promises to list every code."""
    from siphub.policy.reasons import REASONS

    return ", ".join(f"`{code}`" for code in sorted(REASONS)) + "."


def law() -> str:
    """Return every legal code, and the days on which it is law."""
    from siphub.policy.law import LAW

    rows = [
        (
            f"`{found.name}`",
            f"SFS {found.statute}, {found.section}",
            f"{found.valid_from}",
            f"{found.valid_until or ''}",
            "yes" if found.verified else "no",
            found.en,
            found.sv,
        )
        for found in sorted(LAW.values(), key=lambda found: found.name)
    ]
    return _table(("code", "section", "from", "until", "verified", "in English", "in Swedish"), rows)


def workitems() -> str:
    """Return every kind of work item: what it says, whose it is, how soon, and what settles it."""
    from siphub.policy.work import WORK

    rows = [
        (f"`{kind}`", found.en, found.sv, found.whose, _span(found.due), found.settled or _codes(sorted(found.settled_by)) or "a person")
        for kind, found in sorted(WORK.items())
    ]
    return _table(("kind", "in English", "in Swedish", "whose", "looked at within", "settled by"), rows)


def _span(time: timedelta) -> str:
    return f"{time.days} d" if time.days else f"{time.seconds // 3600} h"


def disclosure() -> str:
    """Return who may see what, on which basis, and which fields of it: one table for each kind of recipient."""
    from siphub.policy.disclosure import rules

    return "\n\n".join(
        f"### {_KINDS[kind]}\n\n{_table(_COLUMNS, [_rule(rule) for rule in rules() if kind in rule.recipients])}"
        for kind in dict.fromkeys(kind for rule in rules() for kind in rule.recipients)
    )


def envelope() -> str:
    """Return the fields of the envelope that every recipient of a message sees."""
    from siphub.policy import disclosure

    return ", ".join(f"`{path}`" for path in sorted(disclosure.envelope())) + "."


_COLUMNS = ("message", "basis", "needs consent to", "whose", "sees", "why")
_KINDS = {
    "contact": "The contact who receives the request",
    "convener": "Whoever called the meeting, or coordinates the plan",
    "duty": "Units of regions and municipalities, and private care providers",
    "bound": "Whoever else an agreement obliges to come",
    "agency": "State agencies",
    "outside": "Schools and everybody else outside",
    "individual": "The individual",
    "guardian": "A guardian",
    "guardian_restricted": "A guardian from whom the individual's whereabouts are secret",
    "representative": "A representative within their mandate",
    "relative": "A relative",
    "other_person": "A relative whom the individual objects to, or the guardian of a child who has come of age",
    "*": "Everybody who was sent something before",
}


def _rule(rule: Any) -> Sequence[str]:
    shown = [_fields(rule.show)]
    if rule.show_on_consent:
        shown.append(f"on consent also {_fields(rule.show_on_consent)}")
    shown += [f"with `{scope}` also {_fields(paths)}" for scope, paths in sorted(rule.show_with.items())]
    if rule.show_from:
        shown.append(f"with a consent that goes from the sender, or on another basis, also {_fields(rule.show_from)}")
    if rule.from_only:
        answers = _codes(sorted(rule.from_only))
        shown.append(f"from whoever has no duty {answers} only with a consent that goes from it")
    if rule.by_hand:
        shown.append(f"by hand, once read through, {_fields(rule.by_hand)}")
    if rule.public:
        shown.append("names and units as the organisation's public label")
    whose = ("the recipient" if rule.covers == "recipient" else "the sender") if rule.scopes else ""
    whose += ", any direction" if rule.show_from else ""
    return (
        _codes(rule.types),
        _codes(rule.bases),
        _codes(sorted(rule.scopes)),
        whose,
        "<br>".join(shown),
        _both(rule.why["en"], rule.why["sv"]),
    )


def _codes(words: Iterable[str]) -> str:
    return "<br>".join(f"`{word}`" for word in words)


def _fields(paths: Iterable[str]) -> str:
    """Name the fields that matter to a reader; those every envelope has stand above the tables."""
    from siphub.policy.disclosure import envelope

    own = sorted(path.removeprefix("content.") for path in paths if path not in envelope())
    return ", ".join(f"`{path}`" for path in own)


def terms() -> str:
    """Return every term with its words."""
    from siphub.model.terms import terms as every

    rows = [
        (
            term.sv,
            term.en,
            _codes(term.seen_in.split(", ") if term.seen_in else [term.code]),
            ", ".join(term.aliases),
            _both(term.note_en, term.note_sv),
        )
        for term in every()
    ]
    return _table(("in Swedish", "in English", "in the code", "also called", "note"), rows)


def _both(en: str, sv: str) -> str:
    return "<br>".join(text for text in (en, sv) if text)


def deliverystates() -> str:
    """Return the states of a delivery, as a diagram and as a table."""
    from siphub.policy.lifecycle import DELIVERY

    return _states(DELIVERY)


def casestates() -> str:
    """Return the states of a case, as a diagram and as a table."""
    from siphub.policy.lifecycle import CASE, OPENING

    return _states({**{f"{event} (opens)": {"": state} for event, state in OPENING.items()}, **CASE})


def consentstates() -> str:
    """Return the states of one scope of consent towards one party, as a diagram and as a table."""
    from siphub.policy.lifecycle import CONSENT

    return _states(CONSENT)


def participantstates() -> str:
    """Return the states of a participant of a meeting, as a diagram and as a table."""
    from siphub.policy.lifecycle import PARTICIPANT

    return _states(PARTICIPANT)


def _states(table: Mapping[str, Mapping[Any, str]]) -> str:
    """Draw a state table: what moves stands in the diagram, what stays only in the table."""
    moves: dict[tuple[str, str], list[str]] = {}
    for event, steps in table.items():
        for before, after in steps.items():
            if before != after:
                moves.setdefault((before or "[*]", after or "[*]"), []).append(event.replace(":", " "))
    edges = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in moves.items()]
    rows = [(f"`{event}`", _from(steps), _to(steps)) for event, steps in table.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *edges, "```", "", _table(("event", "in", "becomes"), rows)])


def _from(steps: Mapping[Any, str]) -> str:
    return "<br>".join(before or "(new)" for before in steps)


def _to(steps: Mapping[Any, str]) -> str:
    return "<br>".join("stays" if before == after else after or "(nobody)" for before, after in steps.items())


def commands() -> str:
    """Return the help of every command, as it is typed."""
    return "\n\n".join(f"### `siphub {' '.join(words)}`\n\n```text\n{text}\n```" for words, text in _helps(()) if words)


def _helps(words: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    text = _help(words)
    yield words, text
    listed = text.partition("Commands:\n")[2]
    for name in re.findall(r"^  ([a-z][a-z-]*)\b", listed, re.MULTILINE):
        yield from _helps((*words, name))


def _help(words: Sequence[str]) -> str:
    """Return a command's help, asked for in this process: forty processes would take half a minute."""
    out = io.StringIO()
    with redirect_stdout(out):
        status = _program().main(args=[*words, "--help"], prog_name="siphub", standalone_mode=False, terminal_width=80)
    if status:
        raise RuntimeError(f"siphub {' '.join(words)} --help exits {status}")
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


@cache
def _program() -> Any:
    """Return the command line, built once: it takes longer than to print a help."""
    from typer.main import get_command

    from siphub.cli.command_line import application

    return get_command(application())


_ROLES = {
    "anybody": "any unit of the case",
    "principal": "a region, a municipality or a care provider",
    "requester": "who sent or received the request, or a unit of the owner's",
    "summoner": "the contact, the coordinator's unit or the deputy's, or the fast vårdkontakt's unit",
    "contact": "the contact, or the coordinator",
    "convener": "whoever called the meeting",
    "participant": "the unit whose part it is",
    "coordinator": "the coordinator's unit, or the deputy's",
    "recipient": "the unit that received it",
    "hospital": "the ward",
    "planner": "the hospital (LPT, LRV) or the municipality (LSS)",
    "hub": "the hub itself",
}


def catalogue() -> str:
    """Return every message type: its name, its Swedish title, what it is for, who sends it and which kinds of recipient may get it."""
    from siphub.documents.words import TITLES
    from siphub.model import CATALOGUE
    from siphub.policy.authority import PERMITTING, ROLES
    from siphub.policy.disclosure import rules

    rows = []
    for name, row in CATALOGUE.items():
        kinds = sorted({kind for rule in rules() if name in rule.types for kind in rule.recipients})
        to = "the hub alone" if row.internal else ", ".join("everybody reached before" if kind == "*" else kind for kind in kinds)
        about = (row.content.__doc__ or "").splitlines()[0]
        to = "the unit whose message it was" if name == "delivery.failed" else to or "by the stop notice alone"
        by = "a region or a municipality" if name in PERMITTING else _ROLES[ROLES[name]]
        rows.append((f"`{name}`", TITLES[name][0] if name in TITLES else "", about, by, to))
    return _table(("type", "in Swedish", "what it says", "sent by", "may reach"), rows)


def requirements() -> str:
    """Return what the source documents ask for, where it lives, and which tests hold it."""
    return _table(("row", "what is asked", "where it lives", "what holds it"), _script("requirements").asked())


def contradictions() -> str:
    """Return where the source documents contradict one another, and what can be chosen."""
    return _table(
        ("name", "what they say", "what can be chosen", "where it lives", "what holds it"), _script("requirements").contradicted()
    )


def _script(name: str) -> Any:
    """Return a script beside this one."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"siphub_docs_{name}", DOCS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise RuntimeError(f"docs/{name}.py cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def agencyfields() -> str:
    """Return each field of an invitation to an agency."""
    rows = _script("agency_examples").fields()
    return _table(("field of `data.attributes`", "in the example", "what it is", "specified or assumed"), rows)


def agencyinvited() -> str:
    """Return the text of an invitation, as each agency gets it."""
    return str(_script("agency_examples").texts("meeting.invited"))


def agencystop() -> str:
    """Return the text of a stop notice, as each agency gets it."""
    return str(_script("agency_examples").texts("stop.notice"))


def _made(part: str, *given: str) -> str:
    """Return a part of what municipalities' integrators are shown."""
    return str(getattr(_script("municipal_examples"), part)(*given))


BLOCKS: dict[str, Callable[[], str]] = {
    "municipalanswer": partial(_made, "message", "meeting.response"),
    "municipalcodes": partial(_made, "codes"),
    "municipalentries": partial(_made, "entries"),
    "municipalreceipts": partial(_made, "receipts"),
    "municipalreceived": partial(_made, "message", "ack.received"),
    "municipalsent": partial(_made, "sent"),
    "settings": settings,
    "errors": errors,
    "codes": codes,
    "reasons": reasons,
    "reasoncodes": reasoncodes,
    "promises": promises,
    "disclosure": disclosure,
    "law": law,
    "workitems": workitems,
    "envelope": envelope,
    "terms": terms,
    "deliverystates": deliverystates,
    "casestates": casestates,
    "consentstates": consentstates,
    "participantstates": participantstates,
    "commands": commands,
    "catalogue": catalogue,
    "requirements": requirements,
    "contradictions": contradictions,
    "agencyfields": agencyfields,
    "agencyinvited": agencyinvited,
    "agencystop": agencystop,
    "fhirextensions": lambda: _table(("extension", "type", "on", "what it says"), _script("fhir_tables").extensions()),
    "fhircodes": lambda: _table(("code system", "what it is", "codes"), _script("fhir_tables").codes()),
}


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[2:] if parts[0] == "plugins" else parts).removesuffix(".__init__")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def rendered(page: str) -> str:
    """Return a page with its generated parts made anew.

    Raises:
        KeyError: The page asks for a block that nobody makes.
    """
    return MARKED.sub(lambda match: f"{match['open']}{BLOCKS[match['name']]()}\n{match['close']}", page)


def broker_definitions() -> str:
    """Return RabbitMQ's definitions for a hub named siphub with every adapter of this repository."""
    from siphub.broker import definitions, topology_for

    adapters = [file for file in ROOT.glob("plugins/*/siphub_*/__init__.py") if "def siphub_adapters(" in file.read_text("utf-8")]
    topology = topology_for(file.parent.parent.name.removeprefix("siphub-") for file in adapters)
    return json.dumps(definitions(topology, hub="siphub", vhost="siphub", user="siphub"), indent=2) + "\n"


def municipal_schema() -> str:
    """Return the page of the schema of siphub's own XML for municipalities, as `siphub mappings schema` prints it."""
    from siphub.contract import SystemClock
    from siphub.mappings import Mappings, schema_page, shipped

    return schema_page(Mappings([shipped()], SystemClock()).load("municipal-sip", "1.0"))


FILES: dict[str, Callable[[], str]] = {
    "deploy/rabbitmq/definitions.json": broker_definitions,
    "docs/municipal-sip-1.0.html": municipal_schema,
}
"""Files that are generated whole."""


def wanted() -> dict[Path, str | None]:
    """Return every generated file and page with what should stand in it; None for one that should not be there."""
    fhir = _script("fhir_tables")
    left = dict.fromkeys((ROOT / fhir.FOLDER).glob("*"))
    whole = {ROOT / name: made() for name, made in FILES.items()} | {ROOT / name: text for name, text in fhir.artefacts().items()}
    return (
        left
        | whole
        | {
            page: rendered(page.read_text("utf-8"))
            for page in sorted([*DOCS.glob("*.md"), *DOCS.glob("adapters/*.md"), ROOT / "README.md"])
        }
    )


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` only say which are out of date."""
    files = wanted()
    stale = [file for file, text in files.items() if text != (file.read_text("utf-8") if file.exists() else None)]
    for file in stale:
        name = file.relative_to(ROOT).as_posix()
        print(f"{name}: out of date; run `make docs`" if "--check" in arguments else f"{name}: written")
        if "--check" not in arguments:
            _put(file, files[file])
    return 1 if stale and "--check" in arguments else 0


def _put(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
