"""`mappings …`: the mapping packs as an administrator owns them: looked at, checked, copied, approved. `try` and `diff` stand beside it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli import mapping_trials
from siphub.cli.packs import approvals_noted, pack_named, shelves
from siphub.cli.words import NO, WRONG_USE, Data, Json, facts, group, refuse, table

if TYPE_CHECKING:
    from siphub.mappings import Approvals, Mappings, Shelved

Named = Annotated[str, typer.Argument(metavar="PACK", help="A pack: its id, id@version, or the folder it lies in.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("mappings", "Mapping packs: how a message becomes a partner's XML, and back. Data, without a line of Python.")
    those.command("list", epilog="Example: siphub mappings list")(list_them)
    those.command("check", epilog="Example: siphub mappings check norrby-sip@1.0")(check)
    those.command("try", epilog="Example: siphub mappings try norrby-sip@1.0 --sample meeting.summoned")(mapping_trials.try_it)
    those.command("diff", epilog="Example: siphub mappings diff municipal-sip@1.0 municipal-sip@1.1")(mapping_trials.diff)
    those.command("new", epilog="Example: siphub mappings new norrby-sip --from municipal-sip@1.0 --owner 'Norrby kommun'")(new)
    those.command("approve", epilog="Example: siphub mappings approve siphub-data/mappings/norrby-sip/1.0 --by 'Eva Kontakt'")(approve)
    those.command("schema", epilog="Example: siphub mappings schema municipal-sip@1.0 --output municipal-sip.html")(schema)
    app.add_typer(those)


def list_them(data: Data = None, as_json: Json = False) -> None:
    """List the packs: each version, whether it may be used today, and by whom it is approved, and which units' addresses get it, named there or taken where none is."""
    packs = shelves(data, approvals_noted(data))
    users = _users(data)
    rows = [_row(one, packs, users.get(one.name, ())) for one in packs.shelves()]
    if as_json:
        facts(rows)
        return
    shown = [
        (
            row["pack"],
            row["status"],
            _APPROVED.get(row["approval"], ""),
            _days(row),
            len(row["kinds"]),
            len(row["used_by"]),
            row["state"],
            row["folder"],
        )
        for row in rows
    ]
    head = ("pack", "status", "approved", "valid", "message types", "units", "today", "folder")
    table(head, shown, empty="There is no mapping pack: siphub mappings new makes one.")


_APPROVED = {"release": "by the release", "here": "here", "elsewhere": "not here", "changed": "changed since"}


def _row(one: Shelved, packs: Mappings, users: Sequence[str]) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "pack": one.name,
        "status": manifest.status if manifest else None,
        "approval": packs.standing(one),
        "valid_from": manifest.valid_from if manifest else None,
        "valid_to": manifest.valid_to if manifest else None,
        "owner": manifest.owner if manifest else None,
        "kinds": manifest.kinds if manifest else (),
        "used_by": users,
        "state": _state(one, packs),
        "folder": str(one.folder),
    }


def _state(one: Shelved, packs: Mappings) -> str:
    """Return `usable`, the code of what keeps the pack from being used today, or `retired`: only an address that names it gets it."""
    from siphub.errors import Busy, MappingError

    if one.manifest is not None and one.manifest.status == "draft":
        return "mapping.draft"
    try:
        packs.load(one.id, one.version)
    except (Busy, MappingError) as error:
        return error.code
    return "retired" if one.manifest is not None and one.manifest.status == "retired" else "usable"


def _days(row: Mapping[str, Any]) -> str:
    return f"{row['valid_from'] or ''} – {row['valid_to'] or ''}".strip() if row["valid_from"] else ""


def _users(data: Path | None) -> dict[str, tuple[str, ...]]:
    """Return which units' addresses get which pack, where there is a hub: by name, or because their adapter takes it where none is named.

    A unit whose pack cannot be used counts for the one that its address names.
    """
    from siphub.cli.hubs import opened, settings_for
    from siphub.contract import UsesPacks
    from siphub.flow import directory as directories
    from siphub.flow.sources import place
    from siphub.hub import never_used

    if never_used(settings_for(data)):
        return {}
    with opened(data) as hub:
        directory, adapters = directories.current(hub.ground), hub.registry.adapters
    found: dict[str, tuple[str, ...]] = {}
    for unit in directory.units:
        adapter: object = adapters.get(unit.address.adapter) if unit.address else None
        if unit.address and isinstance(adapter, UsesPacks):
            there = place(unit.id, unit.organisation, unit.public_label, unit.address)
            name = adapter.pack_of(there) or unit.address.mapping or ""
            found[name] = (*found.get(name, ()), str(unit.id))
    return found


def check(
    name: Annotated[str, typer.Argument(metavar="[PACK]", help="A pack: its id, id@version or folder; all unless said.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check packs: manifest and checksums, what was approved on this hub, sheets, schema and codes, and every sample there and back."""
    approvals = approvals_noted(data)
    found = [one for shelf in ([name] if name else _every(data)) for one in _checked(shelf, data, approvals)]
    wrong = [row for row in found if row["code"]]
    if as_json:
        facts(found)
    elif not found:
        print("There is no mapping pack: siphub mappings new makes one.")
    else:
        _tell(found)
    if wrong:
        raise typer.Exit(NO)


def _every(data: Path | None) -> Iterable[str]:
    return [one.name for one in shelves(data).shelves()]


def _checked(name: str, data: Path | None, approvals: Approvals | None) -> list[dict[str, Any]]:
    from siphub.errors import Busy, MappingError
    from siphub.mappings import MANIFEST, changed, findings

    try:
        pack = pack_named(name, data)
    except (Busy, MappingError) as error:
        return [{"pack": name, "where": "", "code": error.code, "detail": error.detail}]
    found = [{"pack": pack.name, "where": one.where, "code": one.code, "detail": one.detail} for one in findings(pack)]
    if approvals is not None and (why := changed(pack, approvals())):
        found.insert(0, {"pack": pack.name, "where": MANIFEST, "code": why.code, "detail": why.detail})
    return found or [{"pack": pack.name, "where": str(pack.folder), "code": None, "detail": f"{len(pack.manifest.kinds)} message types"}]


def _tell(rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["code"] is None:
            print(f"{row['pack']}: nothing is wrong: {row['detail']}, in {row['where']}")
        else:
            print(f"{row['pack']}: {row['where']}{': ' if row['where'] else ''}{row['code']}: {row['detail']}")


def new(
    pack: Annotated[str, typer.Argument(metavar="ID", help="The new pack's id: lower-case words with hyphens, such as norrby-sip.")],
    origin: Annotated[str, typer.Option("--from", metavar="PACK", help="The pack it is copied from.")] = "municipal-sip",
    *,
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="The new pack's version.")] = "1.0",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who answers for it.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Where packs lie; mappings in the data folder unless said.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Begin a new pack, or a new version, as a draft: a copy of another, in an XML namespace of its own. Nothing uses a draft."""
    from siphub.cli.hubs import settings_for
    from siphub.mappings import begin

    made = begin(
        pack_named(origin, data),
        folder or settings_for(data).data / "mappings",
        pack,
        version,
        owner=owner,
        today=shelves(data).today(),
    )
    if as_json:
        facts({"pack": f"{pack}@{version}", "folder": made, "status": "draft"})
        return
    print(f"{pack}@{version} is a draft in {made}.")
    at, of = shlex.quote(str(made)), f" --data {shlex.quote(str(data))}" if data else ""
    print("Change its files, and look; when somebody else has read the differences, approve it:")
    for step in (
        f"try {at} --sample meeting.summoned --maximal",
        f"diff {origin} {at}",
        f"check {at}",
        f"approve {at} --by 'WHO HAS REVIEWED IT'",
    ):
        print(f"  siphub mappings {step}{of}")


def approve(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a draft; with --as-it-is of an approved version.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who has reviewed it; stands in the manifest.")],
    as_it_is: Annotated[
        bool,
        typer.Option("--as-it-is", help="It is approved already, elsewhere or before it was changed: note it on this hub as it lies."),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Approve a draft: every sample must come through, golden files and checksums are written, and its bytes are fixed from then on.

    The hub's audit has who approved it, and a pack that is another since is not used; without a hub in the data folder it is said that
    none has. With --as-it-is a pack that is approved already is noted, and nothing of it is written: one that was approved elsewhere, or
    that differs from what was approved here.
    """
    from siphub.cli.hubs import settings_for
    from siphub.mappings import approve as approved
    from siphub.mappings import confirm

    folder, digests = folder.resolve(), list[str]()
    with _noting(by, data, required=as_it_is) as note:

        def told(name: str, digest: str) -> None:
            digests.append(digest)
            if note is not None:
                note(name, digest)

        pack = confirm(folder, note=told) if as_it_is else approved(folder, by=by, today=shelves(data).today(), note=told)
    if as_json:
        found = {"pack": pack.name, "folder": pack.folder, "status": pack.manifest.status, "by": by, "noted": note is not None}
        facts({**found, "digest": digests[-1], "files": pack.manifest.files})
        return
    if as_it_is:
        print(f"{pack.name} is noted as approved on this hub, as it lies in {folder}.")
        return
    print(f"{pack.name} is approved. Its files are not changed any more: a later change is a new version beside it.")
    print(f'Units get it once their address in the directory says mapping = "{pack.name}".')
    if note is None:
        print(f"No hub's audit has that it was approved: there is no hub in {settings_for(data).data}; --data says where one is.")


@contextmanager
def _noting(by: str, data: Path | None, *, required: bool) -> Iterator[Callable[[str, str], None] | None]:
    """Give what notes an approval in the audit: None where there is no hub, unless one is required."""
    from siphub.cli.hubs import opened, settings_for
    from siphub.flow.mapping_trial import note_approval
    from siphub.hub import never_used

    if not required and never_used(settings_for(data)):
        yield None
        return
    with opened(data) as hub:
        yield lambda name, digest: note_approval(hub.ground, pack=name, digest=digest, by=by)


def schema(
    name: Named,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Where to; stdout unless said.")] = None,
    data: Data = None,
) -> None:
    """Print a pack's schema as a web page for people: every element, type and word, in Swedish and in English."""
    from siphub.mappings import schema_page

    page = schema_page(pack_named(name, data)).encode()
    if output is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(page)
    except OSError as error:
        raise refuse("file.unwritable", f"{output}: {error.strerror}", status=WRONG_USE) from None
