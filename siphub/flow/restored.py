"""After a restore: a store that was brought back believes that it is still the time of its backup, and must not act on that.

Sending is stopped. What waited may have been sent since, and is uncertain from now on. What was erased stays erased. Each owner's audit says
that there was a restore. Nothing is sent before an operator has said that what is missing was handed in again; see docs/backup.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from siphub.errors import BackupError
from siphub.flow.ground import Ground
from siphub.flow.letters import open_message
from siphub.flow.missing import DOUBTED, RESTORED, Missing
from siphub.model import Message
from siphub.policy.reasons import REASONS
from siphub.store import NO_OWNER, Backup, Seal, Staged, Store, What, Work, stage

PROTECTED: Final = frozenset(code for code in REASONS if code.startswith("protected."))
"""Why something is held that is held again whoever releases it: it cannot have been sent."""
YES: Final = frozenset({"consent.given", "consent.amended", "participants.approved"})
NO: Final = frozenset({"consent.withdrawn", "consent.refused", "consent.amended", "participants.approved"})
"""What can give a unit a basis, and what can take it away."""
Opening = Callable[[Mapping[What, str]], Store]
"""Opens the store with some of its databases elsewhere than the settings say."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done.

    Args:
        missing: The time this store knows nothing of, or None where its content was not brought back.
        doubted: How many deliveries may have been sent in that time: they are sent again under their key, asked about, or held.
        sending: How many of them were just being sent when the backup was made; the sweep looks after those.
        erased_again: How many keys of erased cases came back with the backup, and are erased again.
        without_key: How many cases cannot be opened, because their key is in no backup.
        live_keys: How many API keys are in use again, as they were then.
    """

    missing: Missing | None
    doubted: int
    sending: int
    erased_again: int
    without_key: int
    live_keys: int


def restore(opening: Opening, content: Backup | None, keys: Backup | None, *, now: datetime, by: str, older_keys: bool = False) -> Restored:
    """Bring back one database or both into where there is none, look through them, and only then give them their names.

    Args:
        opening: Opens the store.
        content: The content's backup, or None to keep what is there.
        keys: The keys' backup, or None to keep what is there.
        now: The time, UTC: what happened until now is missing.
        by: Who does it, for the audit.
        older_keys: Take keys that were backed up before the content all the same.

    Raises:
        BackupError: One of many codes; nothing was changed.
    """
    backups: dict[What, Backup] = {one.manifest.what: one for one in (keys, content) if one is not None}
    store = opening({})
    try:
        examine(store, content, keys, older_keys=older_keys)
        places: dict[What, str] = {what: store.url(what) for what in backups}
    finally:
        store.close()
    staged: dict[What, Staged] = {}
    since = content.manifest.began_at if content is not None else None
    stopped = {"sending": "stopped", RESTORED: Missing(since, now).text} if since is not None else {}
    try:
        for what, backup in backups.items():
            staged[what] = stage(backup, places[what], stopped if what == "content" else {})
        done = _looked_through(opening({what: one.url for what, one in staged.items()}), since, now, by)
        for one in staged.values():
            one.finish()
    finally:
        for one in staged.values():
            one.leave()
    return done


def examine(store: Store, content: Backup | None, keys: Backup | None, *, older_keys: bool = False) -> None:
    """Refuse what must not be brought back as things are.

    Raises:
        BackupError: `backup.foreign`, `backup.changed`, `backup.newer`, `backup.other_database`, `restore.in_use`,
            `backup.keys_needed`, `backup.content_needed` or `backup.keys_older`.
    """
    for backup in (content, keys):
        if backup is not None:
            fits(store, backup)
            _nothing_there(store, backup.manifest.what)
    if keys is None and store.empty("keys"):
        raise BackupError(
            "there are no keys here, and without them no content can be opened: name their backup too, with --keys",
            code="backup.keys_needed",
        )
    if content is None and store.empty("content"):
        raise BackupError(
            "there is no content here, and keys open nothing by themselves: name its backup too, with --content",
            code="backup.content_needed",
        )
    belong_together(content, keys, older_keys=older_keys)


def belong_together(content: Backup | None, keys: Backup | None, *, older_keys: bool = False) -> None:
    """Refuse keys that were backed up before the content.

    Raises:
        BackupError: `backup.keys_older`.
    """
    if content is not None and keys is not None and keys.manifest.began_at < content.manifest.ended_at and not older_keys:
        raise BackupError(
            f"the keys are of {keys.manifest.began_at:%Y-%m-%d %H:%M:%S} and the content is newer: cases opened in between could not be opened,"
            " and what was erased in between would come back; take newer keys, or say --older-keys if there are none",
            code="backup.keys_older",
        )


def fits(store: Store, backup: Backup) -> None:
    """Refuse a backup that is altered, another hub's, or newer than this version of siphub.

    Raises:
        BackupError: `backup.foreign`, `backup.changed`, `backup.newer`, `backup.other_database`.
    """
    what, manifest = backup.manifest.what, backup.manifest
    backup.verify(store.backup_mac)
    if not store.knows(what, manifest.revision):
        raise BackupError(
            f"the backup is at revision {manifest.revision}, made by siphub {manifest.siphub}, which is newer than this one: install that",
            code="backup.newer",
        )
    here = store.kind(what)
    if manifest.dialect != here:
        raise BackupError(
            f"the backup is of {manifest.dialect}, and the settings say {here}: a backup goes back to the kind of database it came from",
            code="backup.other_database",
        )


def _nothing_there(store: Store, what: What) -> None:
    if not store.empty(what):
        raise BackupError(
            f"there is a database of the {what} there already, and nothing is ever written over: name an empty folder with --into, or on"
            " PostgreSQL an empty database in the settings",
            code="restore.in_use",
        )


def _looked_through(store: Store, since: datetime | None, now: datetime, by: str) -> Restored:
    """Do to what was brought back what must be done before a hub may use it, and close it."""
    try:
        store.upgrade()
        wrong = store.check()
        if wrong:
            raise BackupError(f"what was brought back is not in order: {wrong[0]}", code="backup.damaged")
        return settle(store, since, now, by=by)
    finally:
        store.close()


def settle(store: Store, since: datetime | None, now: datetime, *, by: str) -> Restored:
    """Make a store safe whose content is as it was at `since`, by whatever means it came back; None where its content is as it should be.

    May be done again. No hub must run on the store.
    """
    missing = Missing(since, now) if since is not None else None
    doubted: dict[str, int] = {}
    with store.write(patient=True) as work:
        if missing is not None:
            work.switches.set("sending", "stopped", by, now)
            work.switches.set(RESTORED, missing.text, by, now)
            doubted = work.deliveries.doubt(PROTECTED)
            work.switches.set(DOUBTED, missing.text, by, now)
        sending = work.deliveries.counts(states=["sending"]).get("sending", 0)
        live = sum(one.revoked_at is None for one in work.credentials.list())
    again, without = store.settle_keys()
    with store.write() as work:
        for owner in sorted({*work.audit.owners(), NO_OWNER}):
            facts = {
                "doubted": str(doubted.get(owner, 0)),
                **({"since": _moment(since), "until": _moment(now)} if since is not None else {}),
            }
            work.audit.append(owner, by, "cli", "store.restored" if since is not None else "keys.restored", facts)
    return Restored(missing, sum(doubted.values()), sending, again, without, live)


def undoes(ground: Ground, work: Work, message: Message, seal: Seal) -> bool:
    """Say whether a consent that is handed in again would undo a later no that was handed in before it.

    Whoever hands in again what is missing in a restored store may do it in any order; the hub is asked under the case's lock.
    """
    if message.type not in YES or not ground.doubtful(message.sent_at):
        return False
    kept = work.messages.of_case(message.owner, str(message.case_id))
    later = (open_message(row, seal) for row in kept if row.type in NO and row.erased_at is None)
    return any(found.sent_at > message.sent_at for found in later)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
