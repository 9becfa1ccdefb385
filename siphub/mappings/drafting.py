"""A pack's way from a copy to an approved version: `begin` makes the draft, `approve` fixes its bytes.

Nothing but a draft is ever written to: an approved version is changed by a new one beside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from siphub.contract.neutral import to_partner
from siphub.errors import MappingError
from siphub.mappings.manifest import MANIFEST, Manifest, is_listable, namespace_of, read_manifest
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
    (place / MANIFEST).write_text(_written(manifest), "utf-8")


def approve(folder: Path, *, by: str, today: date) -> Pack:
    """Fix a draft's bytes: write its golden files anew, then the manifest with checksums and status. Return the pack as it is now.

    What is fixed are the bytes that were tried: a file that changes meanwhile makes the pack refuse to load. The manifest appears whole and
    durable, or stays that of a draft; of two who approve at once one does, and the other is told that it is no draft any more.

    Raises:
        MappingError: `mapping.not_draft`; `mapping.unsound`, a sample does not come through whole; `mapping.name`, a file's name cannot
            stand in a manifest; `mapping.broken`, `by` is no line; `mapping.unwritable`; or it does not load.
    """
    with _alone(folder):
        return _approved(folder, by, today)


def _approved(folder: Path, by: str, today: date) -> Pack:
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
    with _writing(folder):
        write_golden(pack)
        _replace(folder / MANIFEST, _written(approved).encode())
    return load_folder(folder)


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


def _written(manifest: Manifest) -> str:
    """Return the manifest as TOML: its values in their order, the kinds one a line, the checksums last."""
    values = manifest.model_dump(exclude_none=True)
    files, kinds, wants = values.pop("files"), values.pop("kinds"), values.pop("wants")
    lines = [f"{name} = {_value(value)}" for name, value in values.items()]
    lines.insert(2, "kinds = [\n" + "".join(f"  {_value(kind)},\n" for kind in sorted(kinds)) + "]")
    if wants:
        lines.append(f"wants = [{', '.join(map(_value, wants))}]")
    text = "\n".join([*lines, "", "[files]", *(f"{_value(name)} = {_value(digest)}" for name, digest in sorted(files.items())), ""])
    tomllib.loads(text)
    return text


def _value(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(str(value), ensure_ascii=False)  # a basic string of TOML is written as in JSON
