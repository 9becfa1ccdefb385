"""`backup` and `restore`: the content and the keys, each into a place of its own, and back into where there is nothing. See docs/backup.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import WRONG_USE, By, Data, Json, aside, facts, refuse

if TYPE_CHECKING:
    from siphub.flow.restored import Restored
    from siphub.settings import Settings
    from siphub.store import Backup, Store, What


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup", epilog="Example: siphub backup --content /backup/siphub --keys /safe/siphub-keys --keep 14")(backup)
    app.command("restore", epilog="Example: siphub restore --content /backup/siphub --keys /safe/siphub-keys --into my-hub")(restore)


ContentPlace = Annotated[Path | None, typer.Option("--content", metavar="FOLDER", help="Where the content's backups lie.")]
KeysPlace = Annotated[
    Path | None, typer.Option("--keys", metavar="FOLDER", help="Where the keys' backups lie: another place, which others look after.")
]


# ── backup ──


def backup(
    content: ContentPlace = None,
    keys: KeysPlace = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Delete all but so many of this hub's backups there, the newest.")
    ] = None,
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Copy the content, the keys, or both, each as it is at one moment, while the hub runs.

    Each backup is a folder of its own with a manifest. The master key is in neither: keep a copy of keys/master.key in a third place.
    """
    from siphub.cli.hubs import require_hub, settings_for
    from siphub.store import prune

    settings = settings_for(data)
    require_hub(settings)
    places = _places(settings, content, keys)
    done = []
    with _opened(settings) as store:
        for what, place in places.items():
            made = store.back_up(what, place, hub=_label(settings))
            _note(store, made, by)
            deleted = prune(place, _label(settings), what, keep, store.backup_mac) if keep is not None else ()
            done.append((made, len(deleted)))
    if as_json:
        facts([{**made.manifest.document(), "folder": str(made.folder), "deleted": gone} for made, gone in done])
        return
    for made, gone in done:
        older = f"; {gone} older deleted" if gone else ""
        print(f"{made.manifest.what:7}  {made.manifest.size / 2**20:.1f} MiB as of {_time(made.manifest.began_at)}  {made.folder}{older}")
    aside("keys/master.key is in no backup, and without it none can be opened: keep it in a third place.")


def _places(settings: Settings, content: Path | None, keys: Path | None) -> dict[What, Path]:
    """Return where to, the content first: of a case in it the key is then in the keys' backup too."""
    if content is None and keys is None:
        raise refuse("backup.nowhere", "say where to: --content FOLDER, --keys FOLDER, or both", status=WRONG_USE)
    if content is not None and keys is not None and _within(content, keys):
        raise refuse(
            "backup.same_place",
            "content and keys belong in different places: who has both, and the master key, can read all",
            status=WRONG_USE,
        )
    for place in (content, keys):
        if place is not None and _within(place, settings.data):
            raise refuse("backup.same_place", f"{place} is in the hub's own folder, and would be lost with it", status=WRONG_USE)
    named: dict[What, Path | None] = {"content": content, "keys": keys}
    return {what: place for what, place in named.items() if place is not None}


def _within(one: Path, other: Path) -> bool:
    one, other = one.resolve(), other.resolve()
    return one == other or one in other.parents or other in one.parents


def _label(settings: Settings) -> str:
    return re.sub(r"[^a-z0-9]+", "-", settings.data.absolute().name.lower()).strip("-")[:40] or "hub"


def _note(store: Store, made: Backup, by: str) -> None:
    """Write down that there is a backup, for `doctor` and the audit."""
    from siphub.store import NO_OWNER

    manifest = made.manifest
    with store.write() as work:
        work.switches.set(f"backup.{manifest.what}", manifest.began_at.isoformat(), by, manifest.ended_at)
        said = {"what": manifest.what, "sha256": manifest.sha256, "size": str(manifest.size)}
        work.audit.append(NO_OWNER, by, "cli", "backup.made", said)


# ── restore ──


def restore(
    *,
    content: ContentPlace = None,
    keys: KeysPlace = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="FOLDER", help="The hub's new folder; with keys/master.key in it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look whether these backups are whole and fit.")] = False,
    older_keys: Annotated[
        bool, typer.Option("--older-keys", help="Take keys that are older than the content: there are no newer ones.")
    ] = False,
    restored_until: Annotated[
        str | None,
        typer.Option("--restored-until", metavar="TIME", help="The database was brought back already, by other means, as it was at TIME."),
    ] = None,
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring the content, the keys, or both back from their backups, into where there is nothing.

    FOLDER is one backup, or a folder of backups of which the newest is taken. Afterwards sending is stopped: what happened since the
    backup is missing, withdrawals of consent too, and must be handed in again before siphub start --after-restore.
    """
    from siphub.cli.hubs import settings_for
    from siphub.cli.lock import only_one
    from siphub.store import Backup

    settings = settings_for(into or data)
    if not settings.data.is_dir():
        raise refuse(
            "settings.no_hub", f"there is no folder {settings.data}: make it, with siphub.toml and keys/master.key in it", status=WRONG_USE
        )
    named: dict[What, Backup] = {}
    if content is not None:
        named["content"] = Backup.at(content, "content")
    if keys is not None:
        named["keys"] = Backup.at(keys, "keys")
    if not named and not restored_until:
        raise refuse("restore.nothing", "say which backup: --content FOLDER, --keys FOLDER, or both", status=WRONG_USE)
    if check:
        _check(settings, named, older_keys=older_keys, as_json=as_json)
        return
    with only_one(settings.data):
        _nobody_else(settings)
        now = datetime.now(UTC)
        done = _settle(settings, restored_until, now, by) if restored_until else _restore(settings, named, now, by, older_keys=older_keys)
    if as_json:
        facts(_as_facts(done))
    else:
        _tell(done)


def _restore(settings: Settings, named: Mapping[What, Backup], now: datetime, by: str, *, older_keys: bool) -> Restored:
    from siphub.contract import SystemClock
    from siphub.flow import restored
    from siphub.hub import open_store

    def opening(elsewhere: Mapping[What, str]) -> Store:
        return open_store(settings, SystemClock(), elsewhere=elsewhere)

    return restored.restore(opening, named.get("content"), named.get("keys"), now=now, by=by, older_keys=older_keys)


def _settle(settings: Settings, text: str, now: datetime, by: str) -> Restored:
    from siphub.flow import restored

    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None or since > now:
        raise refuse(
            "restore.time", "--restored-until takes a time in the past with its zone, such as 2026-11-26T02:00:00+01:00", status=WRONG_USE
        )
    with _opened(settings) as store:
        return restored.settle(store, since.astimezone(UTC), now, by=by)


def _check(settings: Settings, named: Mapping[What, Backup], *, older_keys: bool, as_json: bool) -> None:
    """Look at backups without changing anything; a hub may run meanwhile."""
    from siphub.flow import restored

    with _opened(settings) as store:
        for one in named.values():
            restored.fits(store, one)
        restored.belong_together(named.get("content"), named.get("keys"), older_keys=older_keys)
    if as_json:
        facts([{**one.manifest.document(), "folder": str(one.folder)} for one in named.values()])
        return
    for one in named.values():
        print(f"{one.manifest.what:7}  whole, as of {_time(one.manifest.began_at)}, made by siphub {one.manifest.siphub}  {one.folder}")


def _nobody_else(settings: Settings) -> None:
    from siphub.errors import SiphubError

    with _opened(settings) as store:
        if (store.kind("content") == "postgresql" or store.kind("keys") == "postgresql") and store.others():
            raise SiphubError("processes of a hub are connected to this database: stop them first, on every machine", code="hub.running")


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    from siphub.contract import SystemClock
    from siphub.hub import open_store

    store = open_store(settings, SystemClock())
    try:
        yield store
    finally:
        store.close()


def _as_facts(done: Restored) -> Mapping[str, object]:
    missing = done.missing
    return {
        "missing": {"since": missing.since.isoformat(), "until": missing.until.isoformat()} if missing else None,
        "doubted": done.doubted,
        "sending": done.sending,
        "erased_again": done.erased_again,
        "without_key": done.without_key,
        "live_keys": done.live_keys,
    }


def _tell(done: Restored) -> None:
    """Say what is so now, and what to do, to somebody who has been woken up."""
    if done.missing is None:
        print("The keys are back. Nothing of the content was changed.")
    else:
        span = str(done.missing.until - done.missing.since).partition(".")[0]
        print(f"The content is as it was at {_time(done.missing.since)}. What happened since then is missing here: {span}.")
        print(f"Sending is stopped. {done.doubted + done.sending} deliveries may have been sent since: nothing of them is sent blindly.")
    if done.erased_again:
        print(f"{done.erased_again} cases that had been erased are erased again.")
    if done.without_key:
        print(f"{done.without_key} cases cannot be opened: they were opened after the keys' backup. Their deliveries will be held.")
    if done.missing is not None:
        print(_NEXT.format(since=_time(done.missing.since), keys=done.live_keys))


_NEXT = """
Now, in this order:
  1. siphub directory import FILE      today's directory: an address may have changed since
  2. siphub keys list                  {keys} API keys are in use again as they were then: revoke those that were revoked since
  3. siphub up                         it takes messages, and sends nothing
  4. Have every organisation hand in again, in its order, all it has sent since {since}: withdrawals of consent above all.
     The same message again has no second effect.
  5. siphub start --after-restore      only when that is done"""


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
