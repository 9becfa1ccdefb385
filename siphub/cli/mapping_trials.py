"""`mappings try` and `mappings diff`: what a pack makes of a message, and what two packs do differently. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.packs import pack_named
from siphub.cli.words import NO, WRONG_USE, Data, Json, aside, body_of, facts, refuse

if TYPE_CHECKING:
    from siphub.mappings import Comparison, Pack, Trial

Named = Annotated[str, typer.Argument(metavar="PACK", help="A pack: its id, id@version, or the folder it lies in.")]


def try_it(
    name: Named,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A message or a recipient's copy, as JSON; - is stdin.", show_default=False)
    ] = None,
    sample: Annotated[str, typer.Option("--sample", metavar="TYPE", help="The sample of this type, instead of a file.")] = "",
    maximal: Annotated[bool, typer.Option("--maximal", help="The sample with every optional field.")] = False,
    message: Annotated[
        str, typer.Option("--message", metavar="ID", help="A message in the hub, opened for the organisation whose key is given.")
    ] = "",
    key_file: Annotated[Path | None, typer.Option("--key-file", metavar="FILE", help="A file with that organisation's API key.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what a pack makes of a message: what goes in, what comes out, what the schema says, and what is lost on the way back.

    With --message a stored message is opened for an organisation that may read it anyway: its API key is asked for, and that it was
    opened is noted in the audit.
    """
    from siphub.mappings import tried

    if sum(map(bool, (file, sample, message))) != 1:
        raise refuse("mapping.what", "say what to try it on: a FILE, --sample TYPE, or --message ID", status=WRONG_USE)
    pack = pack_named(name, data)
    if message:
        documents = _stored(message, key_file, pack.name, data)
    else:
        documents = [_sample(sample, maximal=maximal) if sample else _in(file or Path("-"))]
    trials = [tried(pack, one, _rendered(pack, one), talkative=bool(sample)) for one in documents]
    if as_json:
        facts([_facts(pack, one) for one in trials])
    else:
        for one in trials:
            _show(pack, one)
    if not all(one.ok for one in trials):
        raise typer.Exit(NO)


def _sample(name: str, *, maximal: bool) -> Mapping[str, Any]:
    from siphub.cli.messages import unknown_type
    from siphub.model import CATALOGUE
    from siphub.model import sample as example

    if name not in CATALOGUE:
        raise unknown_type(name)
    return example(name, maximal=maximal).to_document()


def _in(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(body_of(file))
    except (ValueError, RecursionError):
        raise refuse("file.unreadable", f"{file}: it is no JSON", status=WRONG_USE) from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise refuse("file.unreadable", f"{file}: it is no message", status=WRONG_USE)
    return document


def _stored(message: str, key_file: Path | None, pack: str, data: Path | None) -> Sequence[Mapping[str, Any]]:
    from uuid import UUID

    from siphub.cli.hubs import opened
    from siphub.flow.mapping_trial import opened_for

    if key_file is None:
        raise refuse("key.unreadable", "say with --key-file for which organisation the message is opened", status=WRONG_USE)
    try:
        key, known = key_file.read_text("ascii").strip(), str(UUID(message))
    except (OSError, UnicodeDecodeError):
        raise refuse("key.unreadable", f"the key file {key_file} cannot be read", status=WRONG_USE) from None
    except ValueError:
        raise refuse("message.not_there", "this is no message id", status=WRONG_USE) from None
    with opened(data) as hub:
        return opened_for(hub.ground, hub.caller(key, "cli"), known, pack)


def _rendered(pack: Pack, document: Mapping[str, Any]) -> Mapping[str, bytes]:
    """Return the document for people in the forms that a pack wants, as a delivery would make it."""
    from siphub.contract import Cut
    from siphub.contract.neutral import forms_wanted
    from siphub.documents import render

    return {form: render(Cut(document, ""), form) for form in sorted(forms_wanted(pack))}


def _facts(pack: Pack, trial: Trial) -> dict[str, Any]:
    return {
        "pack": pack.name,
        "ok": trial.ok,
        "code": trial.code,
        "input": trial.document,
        "output": trial.body.decode() if trial.body is not None else None,
        "problems": trial.problems,
        "back": trial.back,
        "losses": trial.losses,
    }


def _show(pack: Pack, trial: Trial) -> None:
    from siphub.errors import MappingError
    from siphub.mappings import neutral, readable

    try:
        print(f"── in: what {pack.name} gets\n{neutral(pack, trial.document).decode()}")
    except MappingError as error:
        aside(f"siphub: {error.code}: {error.detail}")
    if trial.body is not None:
        print(f"── out: what the partner gets\n{readable(trial.body).decode()}")
    print(f"── {_verdict(trial)}")
    for problem in trial.problems:
        print(f"  {trial.code}: {problem}")
    for loss in trial.losses or ():
        print(f"  mapping.loss: {loss.pointer} is {loss.how}")


def _verdict(trial: Trial) -> str:
    if trial.body is None:
        return "it is not translated"
    if trial.problems:
        return "what comes out is not in order: it would not be sent" if trial.code == "mapping.invalid_output" else "it does not read back"
    if trial.losses is None:
        return "valid; this pack does not read"
    return f"valid, and {len(trial.losses)} fields do not come back as they were" if trial.losses else "valid, and comes back whole"


def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A pack: its id@version or folder.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another, such as the next version.")],
    kinds: Annotated[list[str] | None, typer.Option("--type", metavar="TYPE", help="Only this message type; may be said again.")] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Name the samples that differ, without the lines.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what two packs do differently over all samples, and which codes they translate otherwise. Exit 0: nothing; 1: something."""
    from siphub.cli.messages import unknown_type
    from siphub.mappings import compared
    from siphub.model import CATALOGUE

    for kind in kinds or ():
        if kind not in CATALOGUE:
            raise unknown_type(kind)
    found = compared(pack_named(first, data), pack_named(second, data), kinds or ())
    if as_json:
        facts(found)
    else:
        _differences(found, brief=brief)
    if not found.same:
        raise typer.Exit(NO)


def _differences(found: Comparison, *, brief: bool) -> None:
    for sample in found.samples:
        print(f"{sample.sample}: {sample.what}")
        for why in sample.why:
            print(f"  {why}")
        for line in () if brief else sample.lines[2:]:
            print(f"  {line}")
    for code in found.codes:
        print(f"codes.csv: {code.table}, {code.canonical}: {_word(code.first)} → {_word(code.second)}")
    differ = len(found.samples)
    print(f"{found.first} and {found.second}: {differ} of {found.compared} samples differ, and {len(found.codes)} rows of the code tables.")


def _word(text: str | None) -> str:
    return "(no row)" if text is None else f"“{text}”"
