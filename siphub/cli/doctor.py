"""`doctor`: everything that would make the hub fail tomorrow, in words."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from siphub.cli.words import NO, Data, Json, facts, table

if TYPE_CHECKING:
    from siphub.flow.missing import Missing
    from siphub.hub import Hub
    from siphub.settings import Settings

SOON = timedelta(days=30)
"""What ends within so long is said."""
TIGHT = 4
"""Free disk below so many times the limit is said."""
WAITED = timedelta(hours=1)
"""A queued delivery that has waited longer is said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `look` is for a person's judgement, `wrong` will make the hub fail or fails already."""

    level: Literal["ok", "look", "wrong"]
    what: str


def ok(what: str) -> Finding:
    """Say that something is in order."""
    return Finding("ok", what)


def look(what: str) -> Finding:
    """Say that somebody should look at something."""
    return Finding("look", what)


def wrong(what: str) -> Finding:
    """Say that something is wrong, and what to do."""
    return Finding("wrong", what)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example: siphub doctor --data my-hub")(doctor)


def doctor(data: Data = None, as_json: Json = False) -> None:
    """Say in words what would make the hub fail tomorrow."""
    found = list(examined(data))
    if as_json:
        facts(found)
    else:
        table(("", "finding"), [(one.level, one.what) for one in found], empty="")
        worst = sum(one.level == "wrong" for one in found)
        print(f"\n{'Nothing is wrong.' if not worst else f'{worst} wrong.'}")
    if any(one.level == "wrong" for one in found):
        raise typer.Exit(NO)


def examined(data: Path | None) -> Iterator[Finding]:
    """Look at everything; one part that cannot be looked at does not keep the others from it."""
    from siphub.cli.doctor_packs import mapping_packs
    from siphub.cli.hubs import require_hub, settings_for
    from siphub.errors import SiphubError

    try:
        settings = settings_for(data)
        require_hub(settings)
    except SiphubError as error:
        yield wrong(str(error))
        return
    for part in (settings_said, disk, key_files, certificates):
        yield from told(partial(part, settings))
    yield from told(partial(mapping_packs, data))
    yield from told(partial(plugins, data))
    stores = list(told(partial(databases, data)))
    yield from stores
    if not any(one.level == "wrong" for one in stores):
        yield from told(partial(_of_hub, settings))


def told(part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Let what a part raises be a finding: nothing keeps the other parts from being looked at."""
    from siphub.errors import SiphubError

    try:
        yield from part()
    except SiphubError as error:
        yield wrong(f"{error} [{error.code}]")


def settings_said(settings: Settings) -> Iterator[Finding]:
    """Look at what the settings say."""
    if settings.mode == "production":
        yield ok("production: test persons are refused")
    else:
        yield look('test mode: real persons are refused; set mode = "production" before anything real')
    if settings.fault is not None:
        yield wrong("the setting fault is set: the hub will hurt itself; it is for crash tests only")


def disk(settings: Settings) -> Iterator[Finding]:
    """Look at the free space."""
    free, limit = shutil.disk_usage(settings.data).free, settings.min_free_disk
    said = f"{free / 2**30:.1f} GiB free in the data folder; below {limit / 2**30:.1f} GiB nothing is accepted"
    yield wrong(said + ": make room") if free < limit else look(said) if free < TIGHT * limit else ok(said)


def key_files(settings: Settings) -> Iterator[Finding]:
    """Look at who may read the keys."""
    from siphub.settings import credentials

    if settings.master_key is None:
        yield wrong("master.key is gone, and nothing can be opened without it: restore keys/master.key from its backup")
        return
    given = credentials()
    # The service manager lets the hub's user in by an access list, which shows as rights of the group.
    open_ones = [*_open_to(settings.data / "keys", stat.S_IRWXG | stat.S_IRWXO), *(_open_to(given, stat.S_IRWXO) if given else ())]
    for file in open_ones:
        yield wrong(f"{file} can be read by others: chmod {'700' if file.is_dir() else '600'} {file}")
    if not open_ones:
        yield ok("the keys can be read by nobody else")
    yield look("master.key is worth a backup of its own, apart from the database's: without it nothing can be opened")


def _open_to(folder: Path, rights: int) -> list[Path]:
    """Return the folder and the files in it that give any of these rights."""
    return [one for one in (folder, *sorted(folder.glob("*"))) if one.exists() and one.stat().st_mode & rights]


def certificates(settings: Settings) -> Iterator[Finding]:
    """Look at the certificate authorities that are trusted."""
    if settings.ca_file is None:
        return
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(settings.ca_file.read_bytes())
    except (OSError, ValueError):
        yield wrong(f"ca_file {settings.ca_file} cannot be read as certificates")
        return
    for one in found:
        yield until(f"a certificate in {settings.ca_file.name}", one.not_valid_after_utc)


def until(what: str, end: datetime) -> Finding:
    """Say until when something holds."""
    left = end - datetime.now(UTC)
    if left < timedelta(0):
        return wrong(f"{what} ran out on {end:%Y-%m-%d}")
    return look(f"{what} runs out on {end:%Y-%m-%d}") if left < SOON else ok(f"{what} holds until {end:%Y-%m-%d}")


def plugins(data: Path | None) -> Iterator[Finding]:
    """Look at what is installed, what is enabled, and what the adapters say."""
    from siphub.cli.plugins import checks, surveyed

    listed = surveyed(data)
    for one in listed:
        if one.problem:
            yield wrong(one.problem)
        elif one.enabled:
            yield ok(f"plugin {one.name} is enabled, from {one.distribution}")
        else:
            yield look(f"plugin {one.name} is installed and not enabled: add it to the setting plugins, or uninstall it")
    if not any(one.problem for one in listed):
        for said in checks(data):
            yield (ok if said["ok"] else wrong)(f"{said['plugin']}: {said['what']}")


def databases(data: Path | None) -> Iterator[Finding]:
    """Look at the databases, before anything upgrades them."""
    from siphub.cli.db import stored

    with stored(data) as store:
        found = store.check()
        where = store.apart()
    yield from map(wrong, found)
    if not found:
        yield ok("the databases are whole and at the newest revision")
    yield _APART[where]


_APART = {
    "apart": ok("keys and content are in databases apart"),
    "same server": look("keys and content are on one database server: a backup of that server holds both, and opens what was erased"),
    "same database": wrong("keys and content are in one database: whoever has a backup of it can open it; give the keys another keys_url"),
}


def _of_hub(settings: Settings) -> Iterator[Finding]:
    from siphub.cli.doctor_addresses import address_books, addresses, left_behind, receipts, sources
    from siphub.cli.doctor_database import servers
    from siphub.cli.doctor_processes import processes
    from siphub.cli.hubs import heard
    from siphub.hub import build

    with heard("error"), build(settings) as hub:
        for part in (
            servers,
            broker,
            processes,
            directory,
            addresses,
            address_books,
            sources,
            left_behind,
            receipts,
            sending,
            partners,
            backups,
            records,
            retention,
            callers,
            audit,
        ):
            yield from told(partial(part, hub))


def broker(hub: Hub) -> Iterator[Finding]:
    """Look at whether the broker answers, and has what this hub wants there."""
    from siphub.broker import Surveys, require_promises
    from siphub.broker.topology import topology_for
    from siphub.errors import SettingsError

    try:
        require_promises(hub.ground.broker.info, whole=True)
    except SettingsError as error:
        yield (wrong if hub.settings.mode == "production" else look)(f"{error} [{error.code}]")
    if hub.ground.broker.info.inside:
        yield ok("the broker is inside the process")
        return
    topology, driver = topology_for(hub.registry.adapters), hub.ground.broker
    if isinstance(driver, Surveys):
        api = hub.settings.broker_management_url
        for remark in driver.survey(topology, (hub.http, api) if api else None):
            yield Finding(remark.level, remark.what)
        return
    driver.declare(topology)
    yield (
        ok("the broker answers")
        if driver.healthy()
        else wrong("the broker does not answer: deliveries go on only inside the hub's own process")
    )


def directory(hub: Hub) -> Iterator[Finding]:
    """Look at the directory."""
    from siphub.flow import directory as directories
    from siphub.policy.days import day_of

    current = directories.current(hub.ground)
    problems = directories.check(current, hub.registry.adapters, day_of(hub.ground.now()), hub.registry.keepers)
    for problem in problems:
        yield wrong(f"the directory, {problem.pointer}: {problem.detail} ({problem.code})")
    homeless = [unit.id for unit in current.units if unit.address is None and unit.closed_on is None]
    if homeless:
        yield look(f"{len(homeless)} unit(s) have no address: what is for them is held")
    if not current.units:
        yield wrong("the directory is empty: nothing can be sent to anybody; siphub directory import brings one in")
    elif not problems:
        yield ok(f"the directory has {len(current.units)} units, each at an adapter this hub has")


def sending(hub: Hub) -> Iterator[Finding]:
    """Look at what is stuck."""
    from siphub.cli.deliveries import STUCK
    from siphub.flow import operate, track

    if operate.switched(hub.ground) == "stopped" and not _unsettled(hub):
        yield look("sending is stopped by an operator: siphub start lets it go on")
    counts = track.unsettled(hub.ground)
    for state in STUCK:
        if counts.get(state):
            yield look(f"{counts[state]} deliveries are {state}: siphub deliveries list --state {state}")
    now = hub.ground.now()
    on_their_way = track.deliveries(hub.ground, states=("queued", "sending"), limit=1000)
    for adapter in sorted({one.adapter for one in on_their_way} - hub.registry.adapters.keys()):
        yield wrong(f"deliveries wait for the adapter {adapter}, which no enabled plugin has: enable that plugin again")
    waiting = [one for one in on_their_way if now - one.at > WAITED]
    if waiting:
        yield look(f"{len(waiting)} deliveries have waited for more than an hour: siphub deliveries list --state queued")
    late = [item for item in track.desk(hub.ground) if item.due_at is not None and item.due_at < now]
    if late:
        yield look(f"{len(late)} work items are late: siphub work list")
    if not waiting and not any(counts.get(state) for state in STUCK):
        yield ok("no delivery is stuck")


def _unsettled(hub: Hub) -> Missing | None:
    """Return what is missing since a restore, where no operator has let sending go on after it."""
    from siphub.flow.missing import Missing

    with hub.store.read() as work:
        lost = Missing.read(work)
    return lost if lost is not None and not lost.settled else None


def backups(hub: Hub) -> Iterator[Finding]:
    """Look at how old the last backups are, and whether a restore is not settled yet."""
    lost = _unsettled(hub)
    with hub.store.read() as work:
        last = {what: work.switches.get(f"backup.{what}") for what in ("content", "keys")}
    if lost is not None:
        yield wrong(
            f"this hub was brought back from a backup, and what happened from {lost.since:%Y-%m-%d %H:%M} until {lost.until:%Y-%m-%d %H:%M} UTC"
            " is missing: have it handed in again, then siphub start --after-restore; see docs/backup.md"
        )
    for what, at in last.items():
        yield _backed_up(what, datetime.fromisoformat(at) if at else None, hub.ground.now(), hub.settings.backup_within)


def _backed_up(what: str, at: datetime | None, now: datetime, within: timedelta) -> Finding:
    if at is None:
        return look(f"siphub has never backed up the {what}: siphub backup --{what} FOLDER; or see that something else does")
    age = timedelta(seconds=int((now - at).total_seconds()))
    said = f"the last backup of the {what} is {age} old, of {at:%Y-%m-%d %H:%M} UTC"
    return wrong(f"{said}: backups have stopped, or take longer than backup_within allows") if age > within else ok(said)


def partners(hub: Hub) -> Iterator[Finding]:
    """Look at which partners do not answer, and what waits for them."""
    from siphub.flow import partner_desk

    found = partner_desk.partners(hub.ground)
    away = [one for one in found if one.state != "closed" and one.failing_since is not None]
    for one in away:
        said = (
            f"the partner {one.partner} ({', '.join(one.units) or one.adapter}) has not answered since {one.failing_since:%Y-%m-%d %H:%M}"
        )
        yield look(f"{said} ({one.code}); {one.waiting} deliveries wait: siphub partners show {one.partner}")
    with hub.store.read() as work:
        lost = len(work.partners.forgotten())
    if lost:
        yield wrong(f"{lost} partner(s) have deliveries waiting that the hub does not know of; this is a bug, please report it")
    if not away and not lost:
        yield ok(f"no partner of {len(found)} is known to be away")


def records(hub: Hub) -> Iterator[Finding]:
    """Look at whose record copies are unconfirmed, and since when: nothing of theirs is erased."""
    current = hub.ground.directory()
    with hub.store.read() as work:
        waiting = work.record_copies.unconfirmed()
    for one in waiting:
        found = current.organisation(one.organisation)
        address = found.records if found else None
        said = f"{one.copies} record copies of {one.organisation} are unconfirmed, the first since {one.since:%Y-%m-%d %H:%M}"
        if address is None:
            yield look(f"{said}: the directory has no records address for it; nothing is lost, and nothing of it is erased")
        elif address.adapter not in hub.registry.keepers:
            yield wrong(f"{said}: no enabled plugin has the record keeper {address.adapter}")
        elif hub.ground.now() - one.since > WAITED:
            yield look(f"{said}: {one.never_sent} of them its registry has not got yet; ask there")
        else:
            yield ok(f"{said}")
    if not waiting:
        yield ok("every record copy is confirmed")


def retention(hub: Hub) -> Iterator[Finding]:
    """Look at what is over and cannot be erased, because nobody has decided that it may be."""
    from siphub.flow.retention import rule_of

    with hub.store.read() as work:
        over = work.erasure.waiting()
        keys_left = len(work.erasure.unfinished(1000))
    for owner, (number, since) in over.items():
        if rule_of(hub.settings, owner) is None:
            yield look(
                f"{number} closed cases of {owner} wait for a decision to erase them, the first since {since:%Y-%m-%d}: [retention.{owner}]"
            )
    if keys_left:
        yield look(
            f"{keys_left} erased cases still have their key, or what lies where it cannot be taken away, such as letters in an outbox:"
            " the hub's archivist looks again; mount the outbox if it is away"
        )


def callers(hub: Hub) -> Iterator[Finding]:
    """Look at who may hand in."""
    with hub.store.read() as work:
        live = [one for one in work.credentials.list() if one.revoked_at is None]
    if any("send" in one.roles for one in live):
        yield ok(f"{len(live)} API keys are in use")
    else:
        yield look("no API key may send: siphub keys add makes one")


def audit(hub: Hub) -> Iterator[Finding]:
    """Look at whether the audit chains hold."""
    with hub.store.read(patient=True) as work:
        broken = {owner: work.audit.verify(owner) for owner in work.audit.owners()}
    bad = {owner: link for owner, link in broken.items() if link is not None}
    for owner, link in bad.items():
        yield wrong(f"the audit chain of {owner} is broken at link {link}: it was altered; compare it with a backup")
    if not bad:
        yield ok("the audit chains hold")
