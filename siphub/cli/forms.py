"""`forms`: the five paper forms, blank or filled in from a message, without a hub."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import WRONG_USE, Json, body_of, facts, group, refuse, table

if TYPE_CHECKING:
    from siphub.contract import Cut


class As(StrEnum):
    """What a form can be printed as."""

    text = "text"
    html = "html"
    pdf = "pdf"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    forms = group("forms", "The paper forms: request, leaflet, consent, preparation, plan.")
    forms.command("list", epilog="Example: siphub forms list")(listed)
    forms.command("print", epilog="Example: siphub forms print leaflet --output leaflet.pdf")(printed)
    app.add_typer(forms)


def listed(as_json: Json = False) -> None:
    """Name the forms, and what each is for."""
    from siphub.documents import FORMS

    if as_json:
        facts([{"name": name, "title": form.title, "about": form.about, "from": sorted(form.from_types)} for name, form in FORMS.items()])
    else:
        table(("form", "what it is"), [(name, form.about) for name, form in FORMS.items()], empty="There are no forms.")


def printed(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The form's name; forms list names them all.")],
    form: Annotated[As, typer.Option("--format", help="What it is printed as.")] = As.pdf,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Where to; stdout unless said.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A recipient's copy of a message, as JSON, to fill in from; - is stdin.")
    ] = None,
    area: Annotated[
        str | None, typer.Option("--area", metavar="NAME", help="The county or region a blank form is for, printed at its head.")
    ] = None,
) -> None:
    """Print a form to write on: blank, or with what a message says filled in and lines for the rest."""
    from siphub.documents import FORMS, blank, prefilled

    if name not in FORMS:
        raise refuse("form.unknown", f"there is no such form; there is {', '.join(FORMS)}", status=WRONG_USE)
    body = blank(name, form.value, area) if source is None else prefilled(name, _copy(source), form.value)
    if output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise refuse("file.unwritable", f"{output}: {error.strerror}", status=WRONG_USE) from None


def _copy(source: Path) -> Cut:
    """Return what a recipient got, as `translate --to folder` prints it; fields may be missing, for that is what a cut is."""
    import json

    from siphub.contract import Cut

    try:
        document = json.loads(body_of(source))
    except ValueError:
        raise refuse("file.unreadable", f"{source}: it is no JSON", status=WRONG_USE) from None
    if not isinstance(document, dict):
        raise refuse("file.unreadable", f"{source}: it is no message", status=WRONG_USE)
    return Cut(document=document, basis="")
