"""The packs of a hub: found in folders, checked when first used, kept; versions live side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from siphub.contract.context import Clock
from siphub.errors import MappingError
from siphub.mappings.approval import REMEDY, Approvals, Standing, is_same
from siphub.mappings.confined import Confined
from siphub.mappings.manifest import MANIFEST, Manifest, manifest_and_digest, read_files, read_manifest, shipped
from siphub.mappings.pack import Pack

_STOCKHOLM = ZoneInfo("Europe/Stockholm")


_LOOK_AGAIN = 1.0
"""For so many seconds a pack that was not there is not looked for again on the disk."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """One version of a pack as it lies there. `manifest` is None where it cannot be read; `problem` says what is wrong with it by itself.

    `digest` is the SHA-256 of the manifest's bytes.
    """

    id: str
    version: str
    folder: Path
    manifest: Manifest | None
    problem: MappingError | None = None
    digest: str = ""

    @property
    def name(self) -> str:
        """The pack as directory entries name it: `id@version`."""
        return f"{self.id}@{self.version}"


class Mappings:
    """The packs of a hub. Checked when first used, then kept; versions live side by side, and a broken one harms no other.

    Args:
        folders: Where packs lie, such as `shipped()` and the operator's own. The same version in two of them must be the same.
        clock: Says which packs are valid today.
        drafts: Also take packs of status `draft`, to try them.
        approvals: Gives the digests that were approved on this hub, asked when a pack is first used; without it none is compared.
    """

    def __init__(self, folders: Sequence[Path], clock: Clock, *, drafts: bool = False, approvals: Approvals | None = None) -> None:
        self._folders, self._clock, self._drafts, self._approvals = tuple(folders), clock, drafts, approvals
        self._known: tuple[Shelved, ...] | None = None
        self._looked_at = float("-inf")
        self._loaded: dict[Path, Pack] = {}
        self._lock = threading.Lock()
        self._locks: dict[Path, threading.Lock] = {}

    def load(self, pack: str, version: str | None = None) -> Pack:
        """Return a checked pack that is valid today; without a version, the newest approved one.

        A pack that was put there since the last look is found as soon as it is asked for.

        Raises:
            MappingError: `mapping.not_found`, `mapping.not_valid`, `mapping.draft`, `mapping.altered`, `mapping.digest_changed`,
                `mapping.unlisted`, `mapping.unsafe`, `mapping.duplicate` or `mapping.broken`.
            Busy: `mapping.no_process`, or what keeps the approvals from being read; it cannot be checked now.
        """
        one = self._usable(pack, version)
        if one.folder not in self._loaded and self.standing(one) == "changed" and time.monotonic() - self._looked_at >= _LOOK_AGAIN:
            with self._lock:
                self._known = None  # what was put back is seen without a new start, and by the first who asks
            one = self._usable(pack, version)
        return self._checked(one)

    def standing(self, one: Shelved) -> Standing | None:
        """Say by whom a version is approved, or that it is not what was; None where its manifest cannot be read, or no approvals are at hand."""
        if one.manifest is None or one.manifest.status == "draft":
            return "draft" if one.manifest else None
        if _is_shipped(one.folder):
            return "release"
        if self._approvals is None:
            return None
        return _against(one, self._approvals())

    def has(self, pack: str, version: str) -> bool:
        """Say whether a version lies there that may be used today; only its manifest is looked at."""
        try:
            return bool(self._usable(pack, version))
        except MappingError:
            return False

    def _usable(self, pack: str, version: str | None) -> Shelved:
        found = self._named(pack, version) or self._looked_for_again(pack, version)
        if not found:
            raise MappingError(f"there is no mapping pack {pack}{'@' + version if version else ''}", code="mapping.not_found")
        statuses = {"approved", "draft"} if self._drafts else {"approved"}
        usable = [
            (one.manifest, one)
            for one in found
            if one.manifest and one.manifest.valid_on(self.today()) and (version is not None or one.manifest.status in statuses)
        ]
        if not usable:
            raise MappingError(f"no version asked for of the mapping pack {pack} is approved and valid today", code="mapping.not_valid")
        manifest, newest = max(usable, key=lambda one: one[0].order)
        if manifest.status == "draft" and not self._drafts:
            raise MappingError(f"{manifest.name} is a draft", code="mapping.draft")
        return newest

    def today(self) -> date:
        """Return the day in Stockholm, by which packs are valid."""
        return self._clock.now().astimezone(_STOCKHOLM).date()

    def shelves(self) -> tuple[Shelved, ...]:
        """Return every version that lies there, with the folder of the copy that is used; looked at once, until `refresh`."""
        known = self._known
        if known is None:
            self._looked_at = time.monotonic()
            known = self._known = tuple(self._found())
        return known

    def manifests(self) -> tuple[tuple[Manifest, Path], ...]:
        """Return every manifest with the folder of the copy that is used.

        Raises:
            MappingError: One of them cannot be read, or two copies of a version differ.
        """
        _refuse_broken(self.shelves())
        return tuple((one.manifest, one.folder) for one in self.shelves() if one.manifest)

    def refresh(self) -> None:
        """Forget what was read, so that packs an administrator has added or replaced are seen."""
        with self._lock:
            self._known = None
            self._loaded = {}

    def _found(self) -> Iterator[Shelved]:
        copies: dict[tuple[str, str], Shelved] = {}
        for folder in sorted({file.parent for place in self._folders for file in place.glob(f"*/*/{MANIFEST}")}, key=self._place):
            one = _shelved(folder)
            first = copies.setdefault((one.id, one.version), one)
            if first is not one and first.manifest != one.manifest:
                twice = MappingError(f"{one.name} is there twice, with a difference", code="mapping.duplicate")
                copies[one.id, one.version] = replace(first, problem=first.problem or twice)
        yield from sorted(copies.values(), key=_order)

    def _place(self, folder: Path) -> tuple[int, Path]:
        """Return in which of our folders a pack lies, and where: the first folder's copy counts."""
        return next(number for number, place in enumerate(self._folders) if place in folder.parents), folder

    def _named(self, pack: str, version: str | None) -> tuple[Shelved, ...]:
        found = tuple(one for one in self.shelves() if one.id == pack and version in {None, one.version})
        _refuse_broken(found)
        return found

    def _looked_for_again(self, pack: str, version: str | None) -> tuple[Shelved, ...]:
        if time.monotonic() - self._looked_at < _LOOK_AGAIN:
            return ()
        with self._lock:
            self._known = None
        return self._named(pack, version)

    def _checked(self, one: Shelved) -> Pack:
        loaded, folder = self._loaded, one.folder
        with self._lock:
            lock = self._locks.setdefault(folder, threading.Lock())
        with lock:  # one for each, so that a pack that is slow to check keeps no other back
            if folder not in loaded and one.manifest is not None:
                self._refuse_changed(one)
                loaded[folder] = _checked(one.manifest, folder)
            return loaded[folder]

    def _refuse_changed(self, one: Shelved) -> None:
        if self.standing(one) == "changed":
            raise _changed(one.name)


def load_folder(folder: Path) -> Pack:
    """Return the pack in one folder, checked, whatever its status and days of validity: for those who write it.

    Raises:
        MappingError: As `Mappings.load`.
    """
    return _checked(read_manifest(folder), folder)


def _checked(manifest: Manifest, folder: Path) -> Pack:
    """Return a pack, checked; one that did not come with siphub runs its sheets where they can be stopped."""
    kind = Pack if _is_shipped(folder) else Confined
    pack = kind(manifest, folder, read_files(manifest, folder))
    pack.check()
    return pack


def changed(pack: Pack, approved: Mapping[str, str]) -> MappingError | None:
    """Return what is to be said of a loaded pack, whatever its status, that is not what was approved on this hub.

    Args:
        pack: The pack.
        approved: The digest for each pack that was approved there, as `Approvals` gives them.
    """
    one = _shelved(pack.folder)
    if _is_shipped(pack.folder) or one.manifest is None or one.manifest.status == "draft":
        return None
    return _changed(pack.name) if _against(one, approved) == "changed" else None


def _against(one: Shelved, approved: Mapping[str, str]) -> Standing | None:
    noted = approved.get(one.name)
    if one.manifest is None or noted is None:
        return "elsewhere" if one.manifest else None
    return "here" if is_same(one.manifest, one.digest, noted) else "changed"


def _changed(name: str) -> MappingError:
    return MappingError(f"{name} is not what was approved on this hub: {REMEDY}", code="mapping.digest_changed")


def _is_shipped(folder: Path) -> bool:
    return folder.resolve().is_relative_to(shipped().resolve())


def _refuse_broken(found: Sequence[Shelved]) -> None:
    problem = next((one.problem for one in found if one.problem), None)
    if problem:
        raise MappingError(problem.detail, code=problem.code)  # a new one each time: threads must not share a traceback


def _shelved(folder: Path) -> Shelved:
    id_, version = folder.parent.name, folder.name
    try:
        manifest, digest = manifest_and_digest(folder)
        return Shelved(id_, version, folder, manifest, digest=digest)
    except MappingError as error:
        return Shelved(id_, version, folder, None, error)


def _order(one: Shelved) -> tuple[str, tuple[int, ...], str]:
    return one.id, one.manifest.order if one.manifest else (), one.version
