"""`disclosure`: who may see what, on which basis and why, as an administrator reads it; and an administrator's own expectations of it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from siphub.cli.words import NO, WRONG_USE, Json, Languages, body_of, facts, languages_of, refuse, table

if TYPE_CHECKING:
    from siphub.policy.disclosure import Rule
    from siphub.policy.expectations import Expectation


class _OrShow(TyperGroup):
    """A group that shows the table where none of its commands is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where only its words are said."""
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = typer.Typer(
        name="disclosure",
        help="Who may see what, on which basis and why. `siphub disclosure [TYPE]` is short for `siphub disclosure show [TYPE]`.",
        cls=_OrShow,
        rich_markup_mode=None,
        add_completion=False,
    )
    those.command("show", epilog="Example: siphub disclosure show meeting.invited --to agency")(show)
    those.command("test", epilog="Example: siphub disclosure test docs/disclosure-expectations.toml")(hold)
    app.add_typer(those)


def show(
    message_type: Annotated[str, typer.Argument(metavar="[TYPE]", help="Only this message type.", show_default=False)] = "",
    to: Annotated[str, typer.Option("--to", metavar="KIND", help="Only this kind of recipient: duty, agency, relative …")] = "",
    language: Languages = "both",
    as_json: Json = False,
) -> None:
    """Show who may see what: for each message type and kind of recipient the basis, what must be consented to, the fields, and why."""
    from siphub.model import CATALOGUE
    from siphub.policy.disclosure import rules
    from siphub.policy.expectations import KINDS

    said_in = languages_of(language)
    if message_type and message_type not in CATALOGUE:
        raise refuse("message.unknown_type", "there is no such message type; siphub sample --list shows them", status=WRONG_USE)
    if to and to not in KINDS:
        raise refuse("disclosure.unknown_kind", f"the kinds of recipient are {', '.join(KINDS)}", status=WRONG_USE)
    found = [
        (name, kind, rule)
        for rule in rules()
        for name in rule.types
        for kind in rule.recipients
        if message_type in {"", name} and (not to or kind in {to, "*"})
    ]
    if as_json:
        facts([_as_facts(*one) for one in found])
        return
    for name, kind, rule in found:
        _tell(name, kind, rule, said_in)
    if not found:
        for each in said_in:
            print(_NOBODY[each])


_NOBODY = {
    "sv": "sv: Ingen regel tillåter det: det skickas inte till någon sådan mottagare.",
    "en": "en: No rule allows it: it is sent to no such recipient.",
}


def _as_facts(name: str, kind: str, rule: Rule) -> dict[str, Any]:
    from siphub.policy.wording import kind_of

    return {
        "type": name,
        "to": kind,
        "to_sv": kind_of(kind).sv,
        "to_en": kind_of(kind).en,
        "bases": list(rule.bases),
        "scopes": sorted(rule.scopes),
        "covers": rule.covers,
        "shown": sorted(rule.show),
        "shown_on_consent": sorted(rule.show_on_consent),
        "shown_with": {scope: sorted(paths) for scope, paths in rule.show_with.items()},
        "shown_from": sorted(rule.show_from),
        "from_only": sorted(rule.from_only),
        "by_hand": sorted(rule.by_hand),
        "public": rule.public,
        "why_sv": rule.why["sv"],
        "why_en": rule.why["en"],
    }


def _tell(name: str, kind: str, rule: Rule, said_in: Sequence[str]) -> None:
    """Print one rule: its reason and what it asks for in words, and its fields as the table has them."""
    from siphub.policy.disclosure import envelope
    from siphub.policy.wording import SCOPES, kind_of, on_basis

    print(f"{name} to {kind}")
    for each in said_in:
        bases = _OR[each].join(on_basis(basis).in_(each) for basis in rule.bases)
        scopes = ", ".join(SCOPES[scope].in_(each) for scope in sorted(rule.scopes))
        print(f"  {each}: {rule.why[each]}")
        print(f"  {each}: {_KIND[each]} {kind_of(kind).in_(each)}; {_MAY[each]} {bases}")
        if scopes:
            print(f"  {each}: {_MUST[each]}: {scopes}")
    print(f"  shows: {_fields(rule.show - envelope())}")
    if rule.show_on_consent:
        print(f"  on consent also: {_fields(rule.show_on_consent)}")
    for scope, paths in sorted(rule.show_with.items()):
        print(f"  with {scope} also: {_fields(paths)}")
    if rule.show_from:
        print(f"  with a consent that goes from the sender also: {_fields(rule.show_from)}")
    if rule.from_only:
        print(f"  from whoever has no duty, only with such a consent: {', '.join(sorted(rule.from_only))}")
    if rule.by_hand:
        print(f"  by hand, once read through: {_fields(rule.by_hand)}")
    if rule.public:
        print("  names and units: as the organisation's public label")


_OR = {"sv": " eller ", "en": " or "}
_KIND = {"sv": "Mottagaren är", "en": "The recipient is"}
_MAY = {"sv": "det får skickas", "en": "it may be sent"}
_MUST = {"sv": "Samtycket ska omfatta", "en": "The consent must cover"}


def _fields(paths: frozenset[str]) -> str:
    return ", ".join(sorted(path.removeprefix("content.") for path in paths)) or "nothing but the envelope"


def hold(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Expectations as TOML; - is stdin.")],
    as_json: Json = False,
) -> None:
    """Check your own expectations of the table, and list what does not hold."""
    from siphub.policy.expectations import failures

    expected = _expectations(file)
    found = failures(expected)
    if as_json:
        facts({"holds": not found, "expectations": len(expected), "failures": found})
    elif found:
        rows = [(one.number, one.type, one.to, one.code, one.detail) for one in found]
        table(("expectation", "type", "to", "what", "it is so"), rows, empty="")
    else:
        print(f"All {len(expected)} expectations hold.")
    if found:
        raise typer.Exit(NO)


def _expectations(file: Path) -> tuple[Expectation, ...]:
    """Read the file; what is no expectation at all is wrong use, and never a failure that could be overlooked."""
    from pydantic import ValidationError

    from siphub.policy.expectations import Expectation

    try:
        rows = tomllib.loads(body_of(file).decode()).get("expect", [])
        found = tuple(Expectation.model_validate_json(json.dumps(row, default=str)) for row in rows)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse("expectations.unreadable", f"{file} is no TOML: {error}", status=WRONG_USE) from None
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise refuse("expectations.invalid", f"{file}: {where}", status=WRONG_USE) from None
    if not found:
        raise refuse("expectations.none", f"{file} has no [[expect]]: nothing would be tested", status=WRONG_USE)
    return found
