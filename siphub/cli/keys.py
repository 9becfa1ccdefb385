"""`keys …`: API keys of organisations. A key is shown once, when it is made; the hub keeps only its keyed hash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from siphub.cli.words import NO, WRONG_USE, By, Data, Json, facts, group, refuse, table

ROLES = ("send", "inbox", "operate", "ring")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("keys", "API keys, one or more for each organisation.")
    those.command("add", epilog="Example: siphub keys add vardcentralen --organisation 2321009991 --role send --role inbox --out vc.key")(
        add
    )
    those.command("list", epilog="Example: siphub keys list")(list_them)
    those.command("revoke", epilog="Example: siphub keys revoke vardcentralen --organisation 2321009991")(revoke)
    those.command("master", epilog="Example: siphub keys master --data my-hub")(master)
    app.add_typer(those)


Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called, for you.")]
Organisation = Annotated[str, typer.Option("--organisation", metavar="NUMBER", help="Whose key it is: an organisation number.")]


def add(
    name: Name,
    organisation: Organisation,
    roles: Annotated[list[str], typer.Option("--role", metavar="ROLE", help="send, inbox, operate or ring; may be said again.")],
    units: Annotated[list[str] | None, typer.Option("--unit", metavar="UNIT", help="Only these units of it; all unless said.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the key to a new file (mode 0600) instead of printing it.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once."""
    from siphub.cli.hubs import opened
    from siphub.hub import add_key

    number, own = _whose(organisation, units or [], roles)
    with opened(data) as hub:
        target = _target(out)
        key = add_key(hub.store, hub.ground.clock, organisation=number, name=name, roles=roles, units=own)
    if target is not None:
        with os.fdopen(target, "w", encoding="ascii") as file:
            file.write(key + "\n")
    shown = None if out else key
    if as_json:
        facts({"organisation": number, "name": name, "roles": roles, "units": own, "file": out, "key": shown})
    elif out:
        print(f"The key lies in {out}.")
    else:
        print(key)


def _target(out: Path | None) -> int | None:
    """Open the file before the key is made: a key nobody could write down would be lost."""
    if out is None:
        return None
    try:
        return os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise refuse("file.unwritable", f"{out}: {error.strerror}", status=WRONG_USE) from None


def _whose(organisation: str, units: list[str], roles: list[str]) -> tuple[str, list[str]]:
    from siphub.model.identifiers import OrganisationNumber, UnitId

    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise refuse("key.role", f"there is no role {unknown[0]}; there is {', '.join(ROLES)}", status=WRONG_USE)
    try:
        number, own = OrganisationNumber(organisation), [UnitId(unit) for unit in units]
    except ValueError:
        raise refuse("key.whose", "this is no organisation number, or no unit", status=WRONG_USE) from None
    if any(unit.organisation != number for unit in own):
        raise refuse("key.whose", "a key is for units of its own organisation", status=WRONG_USE)
    return str(number), [str(unit) for unit in own]


def list_them(data: Data = None, as_json: Json = False) -> None:
    """List the keys: whose, what for, since when; never the keys."""
    from siphub.cli.hubs import opened

    with opened(data) as hub, hub.store.read() as work:
        found = work.credentials.list()
    if as_json:
        names = ("owner", "name", "roles", "units", "created_at", "revoked_at")
        facts([{name: getattr(one, name) for name in names} for one in found])
        return
    rows = [
        (
            one.owner,
            one.name,
            ", ".join(one.roles),
            ", ".join(one.units) or "all",
            f"{one.created_at:%Y-%m-%d %H:%M}",
            f"{one.revoked_at:%Y-%m-%d %H:%M}" if one.revoked_at else "",
        )
        for one in found
    ]
    table(("organisation", "name", "roles", "units", "made", "revoked"), rows, empty="There are no keys: siphub keys add makes one.")


def revoke(name: Name, organisation: Organisation, by: By = "operator", data: Data = None) -> None:
    """End a key, at once."""
    from siphub.cli.hubs import opened

    with opened(data) as hub, hub.store.write() as work:
        done = work.credentials.revoke(organisation, name, hub.ground.now())
        if done:
            work.audit.append(organisation, by, "cli", "credential.revoked", {"name": name})
    if not done:
        raise refuse("key.not_there", "there is no such key, or it is revoked already", status=NO)
    print("The key is revoked.")


def master(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead of to keys/master.key of the data folder.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make the master key of a hub whose `keys_url` is set, before its first start. Each machine of the hub needs a copy of it.

    Refused where there is one already, and where the keys' database has been used: then nothing but its own master key opens it.
    """
    from siphub.cli.hubs import settings_for
    from siphub.hub import never_used
    from siphub.store.master import make

    settings = settings_for(data)
    if not settings.keys_url:
        raise refuse("key.master_own", "keys_url is not set: the first start makes the master key by itself", status=WRONG_USE)
    if settings.master_key is not None:
        raise refuse("key.master_there", "there is a master key in the folder of secrets already; keep it", status=NO)
    if not never_used(settings):
        raise refuse(
            "key.master_used",
            "the keys' database has been used with a master key, and no other opens it: copy that one from another machine, or from its backup",
            status=NO,
        )
    file = out or settings.data / "keys" / "master.key"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make(file)
    except OSError as error:
        raise refuse("file.unwritable", f"{file}: {error.strerror}", status=WRONG_USE) from None
    if as_json:
        facts({"file": file})
    else:
        print(f"The master key lies in {file}.")
        print(
            "Copy it to the folder of secrets of every machine of this hub, and to a backup of its own: without it nothing can be opened."
        )
