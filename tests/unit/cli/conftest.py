"""What the tests of the commands share: the command line on this test's folder, a story whose messages go in over HTTP, and a place for backups."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.contract import SystemClock
from siphub.hub import add_key, build, open_store
from siphub.model import people as p
from siphub.settings import Settings, read
from siphub.store import CaseRow, Manifest, Store
from siphub.store.backup import MANIFEST, Backup, digest
from siphub.testing.databases import lay_content
from siphub.testing.store_rows import OWNER, new_case, new_delivery, new_message
from siphub.testing.story import Story, until
from siphub.testing.world import Told

if TYPE_CHECKING:
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)


@pytest.fixture
def run(siphub: Run, data_folder: Path) -> Run:
    """Return the command line on this test's data folder."""
    return lambda *words: siphub(*words, "--data", data_folder)


@pytest.fixture
def story_at() -> Callable[[Door], Story]:
    """Return what makes a case whose messages go to a hub over HTTP, as whoever sends them."""

    def make(door: Door) -> Story:
        keys: dict[str, str] = {p.MUNICIPALITY: door.key()}

        def send(message: Any) -> Told:
            organisation = message.sender.organisation
            if organisation not in keys:
                keys[organisation] = add_key(
                    door.hub.store, door.hub.ground.clock, organisation=organisation, name="story", roles=("send", "inbox")
                )
            reply = door.send(message.to_json(), key=keys[organisation])
            assert reply.status == 202, reply.body
            return Told({one["recipient"]: (one["state"], one["reason"]) for one in reply.document["recipients"]})

        return Story(send)

    return make


@pytest.fixture
def called(door: Door, story_at: Callable[[Door], Story]) -> Story:
    """Return a case in which three units are called and two may know; everything has been sent."""
    story = story_at(door)
    story.ready(UNITS)
    story.summoned((*UNITS, p.CARE_CENTRE))
    assert until(lambda: door.hub.counts().get("delivered") == 3)
    return story


# ── backups ──


@dataclass
class Place:
    """A hub that has been used, in a folder, and where its backups go."""

    siphub: Callable[..., Done]
    tmp: Path
    data: Path

    @property
    def content(self) -> Path:
        return self.tmp / "backups"

    @property
    def keys(self) -> Path:
        return self.tmp / "safe"

    def store(self, data: Path | None = None) -> Store:
        return open_store(read({"data": data or self.data}), SystemClock())

    def backup(self, *more: object) -> Done:
        return self.siphub("backup", "--content", self.content, "--keys", self.keys, "--data", self.data, *more)

    def backups(self, folder: Path) -> list[Path]:
        """Return the whole backups in a folder, oldest first."""
        return sorted(folder.glob("[!.]*"))

    def newest(self, what: str) -> Backup:
        return Backup.at(self.content, "content") if what == "content" else Backup.at(self.keys, "keys")

    def new(self, name: str = "new") -> Path:
        """Return a new folder, in which the master key is."""
        folder = self.tmp / name
        (folder / "keys").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.data / "keys" / "master.key", folder / "keys")
        return folder

    def restore(self, *more: object, into: str = "new", both: bool = True) -> Done:
        """Restore into a new folder, in which the master key is."""
        folder = self.new(into)
        named = ("--content", self.content, "--keys", self.keys) if both else ()
        return self.siphub("restore", *named, "--into", folder, *more)

    def sign_again(self, backup: Backup, **changes: object) -> None:
        """Change a manifest, as somebody could who has the master key: the file's own hash and size are taken anew."""
        store = self.store()
        changed = replace(backup.manifest, size=backup.file.stat().st_size, sha256=digest(backup.file))
        changed = Manifest.of({**changed.document(), **changes}).signed(store.backup_mac)
        (backup.folder / MANIFEST).write_text(json.dumps(changed.document()))
        store.close()


@pytest.fixture
def place(siphub: Callable[..., Done], tmp_path: Path, data_folder: Path) -> Place:
    """Return a hub after its first start, with one case that has a key and a delivery that waits."""
    settings = Settings(data=data_folder, min_free_disk=1)
    lay_content(settings)
    build(settings).stop()
    place = Place(siphub, tmp_path, data_folder)
    open_case(place)
    return place


def open_case(place: Place) -> CaseRow:
    """Put a case with its key and one waiting delivery into the store."""
    case, store = new_case(), place.store()
    store.seal_of_case(OWNER, case.case_id, create=True)
    message = new_message(case)
    with store.write() as work:
        work.cases.add(case)
        work.messages.add(message)
        work.deliveries.add([new_delivery(message)])
        work.audit.append(OWNER, "test", "test", "case.opened", {"case_id": case.case_id})
    store.close()
    return case


@pytest.fixture
def on_postgresql(place: Place, postgresql_url: str) -> Place:
    """Return a hub whose content is on PostgreSQL."""
    (place.data / "siphub.toml").write_text(f'database_url = "{postgresql_url}"\n')
    build(read({"data": place.data})).stop()
    open_case(place)
    return place


@pytest.fixture
def draft(run: Run, data_folder: Path) -> Path:
    """Give the folder of a draft made by the command."""
    assert run("mappings", "new", "norrby-sip", "--owner", "Norrby kommun").status == 0
    return data_folder / "mappings" / "norrby-sip" / "1.0"
