"""A pack's way from a copy to an approved version: `begin` makes the draft, `approve` fixes its bytes.

Nothing but a draft is ever written to: an approved version is changed by a new one beside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from siphub.contract.neutral import to_partner
from siphub.errors import MappingError
from siphub.mappings.manifest import MANIFEST, Manifest, is_listable, manifest_and_digest, namespace_of, read_manifest, text_of
from siphub.mappings.pack import Pack
from siphub.mappings.shelf import load_folder
from siphub.mappings.trial import readable, require_sound, samples_of, stand_in

_TEXTS: Final = {".xsl", ".xsd", ".md"}
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_FIXED: Final = ("status", "approved_by", "approved_on")
_NEW_README: Final = """# {name}

Made from {origin}.
Say here who agrees on this format, what is different in it, and whom to ask.
"""


def begin(origin: Pack, folder: Path, pack: str, version: str, *, owner: str, today: date) -> Path:
    """Make a draft from a pack, with its own namespace, and return its folder, `<folder>/<pack>/<version>`.

    Raises:
        MappingError: `mapping.name`, the id is none; `mapping.exists`, there is something already; `mapping.broken`, the version or owner is none;
            `mapping.unwritable`.
    """
    if not _NAME.fullmatch(pack):
        raise MappingError("an id is lower-case letters, digits and hyphens, such as norrby-sip", code="mapping.name")
    place = folder / pack / version
    if place.exists():
        raise MappingError(f"there is something at {place} already: choose another version", code="mapping.exists")
    values = origin.manifest.model_dump() | {"id": pack, "version": version, "owner": owner, "status": "draft", "valid_from": today}
    manifest = _checked({**values, "valid_to": None, "files": {}, **dict.fromkeys(_FIXED[1:])})
    with _writing(place):
        place.mkdir(parents=True)
        _copy(origin, place, manifest)
    return place


def _copy(origin: Pack, place: Path, manifest: Manifest) -> None:
    pack, version = manifest.id, manifest.version
    before, after = namespace_of(origin.id, origin.version), namespace_of(pack, version)
    for name, body in origin.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        text = Path(name).suffix in _TEXTS
        (place / name).write_bytes(body.replace(before.encode(), after.encode()) if text else body)
    (place / "README.md").write_text(_NEW_README.format(name=f"{pack} {version}", origin=origin.name), "utf-8")
    (place / MANIFEST).write_text(text_of(manifest), "utf-8")


def _nobody(name: str, digest: str) -> None:
    """Tell nobody."""


def approve(folder: Path, *, by: str, today: date, note: Callable[[str, str], None] = _nobody) -> Pack:
    """Fix a draft's bytes: write its golden files anew, then the manifest with checksums and status. Return the pack as it is now.

    What is fixed are the bytes that were tried: a file that changes meanwhile makes the pack refuse to load. The manifest appears whole and
    durable, or stays that of a draft; of two who approve at once one does, and the other is told that it is no draft any more.
    `note` is told the pack's name and the manifest's SHA-256 before that manifest is there: what it raises leaves the draft a draft.

    Raises:
        MappingError: `mapping.not_draft`; `mapping.unsound`, a sample does not come through whole; `mapping.name`, a file's name cannot
            stand in a manifest; `mapping.broken`, `by` is no line; `mapping.unwritable`; or it does not load.
    """
    with _alone(folder):
        return _approved(folder, by, today, note)


def _approved(folder: Path, by: str, today: date, note: Callable[[str, str], None]) -> Pack:
    manifest = read_manifest(folder)
    if manifest.status != "draft":
        raise MappingError(f"{manifest.name} is {manifest.status}: make a new version of it", code="mapping.not_draft")
    pack = load_folder(folder)
    strange = next((name for name in sorted(pack.files) if not is_listable(name)), None)
    if strange is not None:
        raise MappingError(
            f"{strange} of {manifest.name} cannot stand in a manifest: take it away, or name it otherwise", code="mapping.name"
        )
    require_sound(pack)
    files = {name: hashlib.sha256(body).hexdigest() for name, body in pack.files.items()}
    approved = _checked(manifest.model_dump() | {"status": "approved", "approved_by": by, "approved_on": today, "files": files})
    body = text_of(approved).encode()
    with _writing(folder):
        write_golden(pack)
    note(approved.name, hashlib.sha256(body).hexdigest())
    with _writing(folder):
        _replace(folder / MANIFEST, body)
    return load_folder(folder)


def confirm(folder: Path, *, note: Callable[[str, str], None]) -> Pack:
    """Have a pack that is approved already noted as it lies, where every sample comes through: it was approved elsewhere, or changed since.

    Raises:
        MappingError: `mapping.draft`; `mapping.unsound`, or it does not load; `mapping.not_found`, there is none.
    """
    with _alone(folder):
        manifest, digest = manifest_and_digest(folder)
        if manifest.status == "draft":
            raise MappingError(f"{manifest.name} is a draft: approve it without --as-it-is", code="mapping.draft")
        pack = load_folder(folder)
        require_sound(pack)
        note(manifest.name, digest)
    return pack


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which is gone with the process that has it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise MappingError(f"there is no pack in {folder}", code="mapping.not_found") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(file: Path, body: bytes) -> None:
    """Put a file in the place of another at once, durable: it is never half there. What is written aside lies beside the pack, not in it."""
    handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parents[1])
    try:
        with os.fdopen(handle, "wb") as aside:
            aside.write(body)
            aside.flush()
            os.fchmod(handle, file.stat().st_mode & 0o777)
            os.fsync(handle)
        Path(part).replace(file)
    finally:
        Path(part).unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MappingError(f"{error.filename or folder} cannot be written: {error.strerror}", code="mapping.unwritable") from error


def write_golden(pack: Pack) -> None:
    """Write what the pack makes of each sample into `golden/`, and nothing else is left there."""
    golden = pack.folder / "golden"
    shutil.rmtree(golden, ignore_errors=True)
    golden.mkdir()
    for name, message in samples_of(pack):
        (golden / f"{name}.xml").write_bytes(readable(to_partner(pack, message.to_document(), stand_in(pack))))


def _checked(values: Mapping[str, object]) -> Manifest:
    people = [str(values[name]) for name in ("owner", "approved_by") if values.get(name) is not None]
    try:
        if all(person.strip() and person.isprintable() for person in people):
            return Manifest.model_validate(dict(values))
    except ValueError:
        pass  # told below, without what was given
    raise MappingError("the version is numbers with dots, such as 1.0; the owner, and who has reviewed it, one line each")
