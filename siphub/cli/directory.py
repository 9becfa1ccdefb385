"""`directory …`: organisations, units and addresses; looked at, checked, and switched in one step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import NO, WRONG_USE, By, Data, Json, body_of, facts, group, place, problems_as_facts, refuse, table

if TYPE_CHECKING:
    from siphub.errors import Problem
    from siphub.flow.directory import Parsed
    from siphub.flow.outline import Reach
    from siphub.model import Unit


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("directory", "Organisations, units, and where each is reached.")
    those.command("list", epilog="Example: siphub directory list --json > directory.json")(list_it)
    those.command("check", epilog="Example: siphub directory check directory.toml")(check)
    those.command("import", epilog="Example: siphub directory import directory.toml; siphub directory import --from sdk")(import_it)
    those.command("new", epilog="Example: siphub directory new --code 24 > directory.toml")(new)
    app.add_typer(those)


def list_it(data: Data = None, as_json: Json = False) -> None:
    """List the units; with --json the whole directory, in the form that import takes."""
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories

    with opened(data) as hub:
        found = directories.current(hub.ground)
    if as_json:
        facts(found.model_dump(mode="json"))
        return
    rows = [
        (
            unit.id,
            unit.name,
            unit.organisation,
            unit.address.adapter if unit.address else "",
            unit.address.endpoint if unit.address else _no_address(unit),
        )
        for unit in found.units
    ]
    table(
        ("unit", "name", "organisation", "adapter", "address"), rows, empty="The directory is empty: siphub directory import brings one in."
    )


def _no_address(unit: Unit) -> str:
    if unit.closed_on is None:
        return "(none)"
    return f"(closed {unit.closed_on:%Y-%m-%d}{f', see {unit.successor}' if unit.successor else ''})"


def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A directory; the hub's own unless said.", show_default=False)
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Also say what is missing for each region and municipality that the directory does not name.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a directory, before or after it is switched to, which addresses cannot be used yet, and what is missing to reach each organisation.

    Something that is missing, or not as an address book's copy says, does not keep a directory from being switched to: the exit status is 0.
    """
    from dataclasses import asdict

    from siphub.cli.address_book import listings_of
    from siphub.cli.doctor_addresses import told_of
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories
    from siphub.flow.outline import reach_of
    from siphub.policy.days import day_of

    with opened(data) as hub:
        now, day = directories.current(hub.ground), day_of(hub.ground.now())
        parsed = directories.parse_file(body_of(file)) if file else directories.Parsed(now)
        found = directories.check(parsed.directory, hub.registry.adapters, day, hub.registry.keepers, now)
        unusable = [(adapter, what, units) for adapter, well, what, units in told_of(hub, parsed.directory) if not well]
        listings = listings_of(hub.ground, parsed.directory)
    refused = {unit.id for place, unit in enumerate(parsed.directory.units) if any(_is_of(problem, place) for problem in found)}
    problems = tuple(map(parsed.placed, found))
    reach = reach_of(parsed.directory, day, refused.union(*(units for _, _, units in unusable)))
    if as_json:
        books = {"address_books": [asdict(one) for one in listings]}
        facts(
            {
                **_as_facts(parsed, problems, reach),
                **books,
                "unusable": [dict(zip(("adapter", "what", "units"), one, strict=True)) for one in unusable],
            }
        )
    else:
        _tell_problems(parsed, problems)
        for adapter, what, units in unusable:
            print(f"Not usable yet: {adapter} to {', '.join(units)}: {what}")
        _tell_reach(reach, everywhere=everywhere)
        for one in listings:
            print(f"{one.what}.")
    if problems:
        raise typer.Exit(NO)


def _is_of(problem: Problem, place: int) -> bool:
    """Say whether a problem is about the address of the unit at a place."""
    return (problem.pointer or "").startswith(f"/units/{place}/address")


def _as_facts(parsed: Parsed, problems: Sequence[Problem], reach: Reach) -> dict[str, object]:
    reached = {kind: dict(zip(("reached", "of"), reach.count(kind), strict=True)) for kind in _PRINCIPALS}
    missing = [*reach.lacking, *reach.unknown]
    return {
        "units": len(parsed.directory.units),
        "left_out": parsed.left_out,
        "problems": problems_as_facts(problems),
        "reach": reached,
        "missing": missing,
    }


_PRINCIPALS = {"region": "regions", "municipality": "municipalities"}


def _tell_problems(parsed: Parsed, problems: Sequence[Problem]) -> None:
    for problem in problems:
        print(f"{place(problem)}  {problem.code}: {problem.detail}")
    if not problems:
        print(f"Nothing is wrong: {len(parsed.directory.organisations)} organisations, {len(parsed.directory.units)} units.")
    if parsed.left_out:
        print(f"{parsed.left_out} organisations have no number yet, and are left out.")


def _tell_reach(reach: Reach, *, everywhere: bool) -> None:
    for one in (*reach.lacking, *(reach.unknown if everywhere else ())):
        print(f"Not reached: {f'{one.code} {one.name}'.strip()}: it lacks {' and '.join(one.missing)}.")
    counts = {words: reach.count(kind) for kind, words in _PRINCIPALS.items()}
    counted = [f"{reached} of {all_of_them} {words}" for words, (reached, all_of_them) in counts.items()]
    more = "" if everywhere or not reach.unknown else "; --all says what is missing for each of the others"
    print(f"Can be reached: {' and '.join(counted)}{more}.")


def new(
    codes: Annotated[
        list[str] | None,
        typer.Option("--code", metavar="CODE", help="Only this kommunkod, or this länskod with all of its county; may be said again."),
    ] = None,
) -> None:
    """Print a directory file to fill in: every region and municipality, with empty numbers and addresses."""
    from siphub.model.principals import principals, principals_file

    if not codes:
        print(principals_file().decode("utf-8"), end="")
        return
    known = principals()
    unknown = [code for code in codes if not any(code in {one.code, one.county} for one in known)]
    if unknown:
        raise refuse("directory.unknown_code", f"no municipality or county has the code {unknown[0]}", status=WRONG_USE)
    for one in known:
        if one.code in codes or one.county in codes:
            print(_BLANK.format(code=one.code, name=one.name, kind=one.kind))


_BLANK = """[[organisations]]
code = "{code}"
number = ""  # the organisation number, ten digits; without one this organisation is left out
name = "{name}"
kind = "{kind}"
public_label = "{name}"

[[units]]
organisation = "{code}"
id = ""  # the HSA-id of the unit that receives a SIP; without one it is <number>/sip
name = "SIP, {name}"
public_label = "{name}"
address = {{ adapter = "", endpoint = "" }}  # where it is reached
"""


def import_it(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The directory, TOML or JSON; - is stdin.", show_default=False)
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="BOOK", help="Compare the directory, or FILE, with this address book (sdk), and change no entry."),
    ] = None,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="With --from: ask nobody, compare with the copy there is.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --from: fetch everything anew, and keep also a book that is empty or has lost much.")
    ] = False,
    organisation: Annotated[
        str | None,
        typer.Option(
            "--organisation", metavar="WHOSE", help="With --from: list the addresses of a number, 0203:domain, or part of a name."
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="NEW", help="With --from: write what could be added to a new file, for you to copy from."),
    ] = None,
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put a directory in the place of the one there is, or say why not and change nothing.

    With --from, fetch a copy of an address book instead, and say which entries do not agree with it; 1 where one is wrong by it.
    """
    from siphub.cli.address_book import Wish, import_from
    from siphub.cli.hubs import opened

    if offline and force:
        raise refuse("use.offline_forced", "--offline asks nobody, so there is nothing to take by --force", status=WRONG_USE)
    if source is not None:
        with opened(data) as hub:
            import_from(hub.ground, Wish(source, file, offline, force, organisation, write), as_json=as_json)
        return
    if offline or force or organisation is not None or write is not None:
        raise refuse("use.from_missing", "--offline, --force, --organisation and --write go with --from", status=WRONG_USE)
    if file is None:
        raise refuse("use.file_missing", "name the directory file, or an address book with --from", status=WRONG_USE)
    _switch(file, by, data, as_json=as_json)


def _switch(file: Path, by: str, data: Path | None, *, as_json: bool) -> None:
    from siphub.cli.hubs import opened
    from siphub.errors import Invalid
    from siphub.flow import directory as directories
    from siphub.flow.sources import left_behind

    with opened(data) as hub:
        parsed = directories.parse_file(body_of(file))
        directory = parsed.directory
        left = left_behind(directories.current(hub.ground), directory, hub.registry.adapters)
        try:
            version = directories.switch(hub.ground, directory, by=by)
        except Invalid as invalid:
            raise Invalid(invalid.detail, code=invalid.code, problems=tuple(map(parsed.placed, invalid.problems))) from None
    if as_json:
        facts(
            {
                "version": version,
                "organisations": len(directory.organisations),
                "units": len(directory.units),
                "left_out": parsed.left_out,
                "no_longer_fetched": [{"adapter": one.there.adapter, "unit": one.there.unit, "place": one.name} for one in left],
            }
        )
    else:
        print(f"The directory is at version {version}: {len(directory.organisations)} organisations, {len(directory.units)} units.")
        if parsed.left_out:
            print(f"{parsed.left_out} organisations have no number yet, and were left out.")
        for one in left:
            print(f"The answers of {one.there.unit} in {one.name} are no longer fetched; siphub doctor says where some lie unread.")
