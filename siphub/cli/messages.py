"""`sample`, `schema`, `validate`: the canonical messages, without a hub."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.words import NO, WRONG_USE, Data, Json, aside, body_of, facts, place, problems_as_facts, refuse, table

if TYPE_CHECKING:
    from siphub.errors import Problem, Refused
    from siphub.model import Directory, Message


class Profile(StrEnum):
    """How whole a message must be (REQ-92)."""

    DRAFT = "draft"
    FINAL = "final"


Type = Annotated[str, typer.Argument(metavar="[TYPE]", help="A message type, such as meeting.summoned.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sample", epilog="Example: siphub sample meeting.summoned --maximal")(sample)
    app.command("schema", epilog="Example: siphub schema consent.given")(schema)
    app.command("validate", epilog="Example: siphub validate plan.json --profile final")(validate)


def unknown_type(name: str) -> typer.Exit:
    """Say that there is no such message type, with the nearest one, and return what to raise."""
    import difflib

    from siphub.model import CATALOGUE

    near = difflib.get_close_matches(name, CATALOGUE, n=1)
    advice = f"did you mean {near[0]}?" if near else "siphub sample --list names them all"
    return refuse("message.unknown_type", f"there is no such message type; {advice}", status=WRONG_USE)


def sample(
    name: Type = "",
    maximal: Annotated[bool, typer.Option("--maximal", help="With every optional field.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="With ids of its own, as a new case, instead of the same every time.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name every message type.")] = False,
    as_json: Json = False,
) -> None:
    """Print a valid example message; minimal unless asked."""
    from siphub.model import CATALOGUE
    from siphub.model import sample as example

    if listed:
        _list(as_json=as_json)
    elif not name:
        raise refuse("message.unknown_type", "say which type, or --list", status=WRONG_USE)
    elif name not in CATALOGUE:
        raise unknown_type(name)
    else:
        document = example(name, maximal=maximal).to_document()
        facts(document | _ids() if fresh else document)


def _ids() -> dict[str, str]:
    from uuid import uuid4

    return {"message_id": str(uuid4()), "case_id": str(uuid4())}


def _list(*, as_json: bool) -> None:
    from siphub.model import CATALOGUE

    rows = [
        {"type": name, "about": (row.content.__doc__ or "").splitlines()[0], "internal": row.internal}
        for name, row in sorted(CATALOGUE.items())
    ]
    if as_json:
        facts(rows)
    else:
        table(("type", "what it is"), [(row["type"], row["about"]) for row in rows], empty="There are no message types.")


def schema(name: Type = "") -> None:
    """Print the JSON Schema of a message type, or of all of them."""
    from siphub.model import CATALOGUE, model_of

    if name and name not in CATALOGUE:
        raise unknown_type(name)
    facts(_dialect(model_of(name).model_json_schema()) if name else _all_schemas())


def _all_schemas() -> dict[str, Any]:
    from pydantic.json_schema import models_json_schema

    from siphub.model import CATALOGUE, model_of

    models = {name: model_of(name) for name in sorted(CATALOGUE)}
    by_model, found = models_json_schema([(model, "validation") for model in models.values()])
    return _dialect({**found, "oneOf": [by_model[(model, "validation")] for model in models.values()]})


def _dialect(found: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files with one canonical message each; - is stdin.")],
    profile: Annotated[
        Profile, typer.Option(help="draft: what may be stored and sent; final: also what a plan or a call must say before it is final.")
    ] = Profile.DRAFT,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say of each file whether it is a valid message, and where it is not: JSON pointer and code.

    With --profile final the organisations come from the hub's directory where --data names one, else from the sample directory.
    """
    directory = _directory(data) if profile is Profile.FINAL else None
    found = [_judged(file, directory) for file in files]
    if as_json:
        facts(found)
    else:
        for one in found:
            _say(one)
    if not all(one["valid"] for one in found):
        raise typer.Exit(NO)


def _directory(data: Path | None) -> Directory:
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories
    from siphub.model import sample_directory

    if data is None:
        return sample_directory()
    with opened(data) as hub:
        return directories.current(hub.ground)


def _judged(file: Path, directory: Directory | None) -> dict[str, Any]:
    from siphub.errors import Refused
    from siphub.model import parse_message

    try:
        message = parse_message(body_of(file))
    except Refused as refused:
        return {"file": str(file), "valid": False, "code": refused.code, "detail": refused.detail, "problems": refused.problems}
    problems = _before_final(message, directory) if directory is not None else ()
    if problems:
        detail = "the message is valid as a draft, and not final yet; the problems say why"
        return {"file": str(file), "valid": False, "code": "message.not_final", "detail": detail, "problems": problems}
    return {"file": str(file), "valid": True, "type": message.type, "problems": ()}


def _before_final(message: Message, directory: Directory) -> tuple[Problem, ...]:
    from siphub.errors import Problem
    from siphub.policy.profiles import before_final
    from siphub.policy.reasons import REASONS

    return tuple(Problem(found.code, REASONS[found.code].en, pointer=found.pointer) for found in before_final(message, directory))


def _say(one: dict[str, Any]) -> None:
    if one["valid"]:
        print(f"{one['file']}: valid, {one['type']}")
        return
    print(f"{one['file']}: not valid, {one['code']}: {one['detail']}")
    for problem in one["problems"]:
        print(f"  {place(problem)}  {problem.code}: {problem.detail}")


def parsed(file: Path) -> Any:
    """Return the message in a file, or say what is wrong with it and leave.

    Raises:
        Exit: It is no valid message.
    """
    from siphub.errors import Refused
    from siphub.model import parse_message

    try:
        return parse_message(body_of(file))
    except Refused as refused:
        _complain(file, refused)
        raise typer.Exit(NO) from None


def _complain(file: Path, refused: Refused) -> None:
    aside(f"siphub: {refused.code}: {file}: {refused.detail}")
    for problem in problems_as_facts(refused.problems):
        aside(f"  {json.dumps(problem, ensure_ascii=False)}")
