"""What `mapping.toml` says, where packs lie, and what of a pack's files is listed."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from siphub.errors import MappingError
from siphub.model.base import Code, Line, Value

MANIFEST: Final = "mapping.toml"
"""The manifest's file name."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""How large a pack's files may be together, golden files among them, in bytes."""
_UNLISTED = re.compile(r"golden/.*|README\.md|" + re.escape(MANIFEST))
_LISTABLE: Final = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
Files = dict[
    Annotated[str, StringConstraints(pattern=_LISTABLE)],
    Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")],
]


class Manifest(Value):
    """What `mapping.toml` says. `valid_from` and `valid_to` are days in Stockholm, both included; `files` gives each file's SHA-256.

    `kinds` are the message types the pack has a form for. `wants` is what its `out` sheet needs besides the message: `text` or `pdf`, the
    message as a document for people, or `local-times`, each moment in Swedish time too. `approved_by` and `approved_on` are written by `siphub mappings approve`.
    """

    id: Code
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){0,3}$")]
    kinds: Annotated[tuple[Code, ...], Field(strict=False)]
    owner: Line
    wants: Annotated[tuple[Literal["local-times", "pdf", "text"], ...], Field(strict=False)] = ()
    status: Literal["draft", "approved", "retired"]
    valid_from: date
    valid_to: date | None = None
    approved_by: Line | None = None
    approved_on: date | None = None
    files: Files = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """The pack as directory entries and deliveries name it: `id@version`."""
        return f"{self.id}@{self.version}"

    @property
    def order(self) -> tuple[int, ...]:
        """The version as numbers, so that 1.10 comes after 1.9."""
        return tuple(int(part) for part in self.version.split("."))

    def valid_on(self, day: date) -> bool:
        """Say whether the pack may be used on a day in Stockholm."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def namespace_of(pack: str, version: str) -> str:
    """Return the XML namespace by which the reader knows a pack of ours: `urn:siphub:<id>:<version>`."""
    return f"urn:siphub:{pack}:{version}"


def shipped() -> Path:
    """Return the folder of the packs that came with siphub: the wheel's own copy, else the repository's."""
    package = Path(__file__).parents[1]
    inside = package / "_mappings"
    return inside if inside.is_dir() else package.parent / "mappings"


def is_listable(name: str) -> bool:
    """Say whether a file's path may stand in a manifest: no hidden file, no backup of an editor, nothing above the pack's folder."""
    return re.fullmatch(_LISTABLE, name) is not None


def checksums(folder: Path) -> dict[str, str]:
    """Return what the manifest of the pack in `folder` should list: each file's SHA-256, by its path."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not _UNLISTED.fullmatch(name := file.relative_to(folder).as_posix())
    }


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the pack in `folder`, which lies in `<id>/<version>`.

    Raises:
        MappingError: `mapping.broken`, it cannot be read, or the pack lies elsewhere than its manifest says.
    """
    return manifest_and_digest(folder)[0]


def manifest_and_digest(folder: Path) -> tuple[Manifest, str]:
    """Read a manifest, and return the SHA-256 of the very bytes that were read with it; see `read_manifest`."""
    where = f"{folder.parent.name}/{folder.name}"
    try:
        body = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate(tomllib.loads(body.decode()))
    except (OSError, ValueError) as error:
        raise MappingError(f"the manifest of {where} cannot be read: {_what(error)}") from error
    if (manifest.id, manifest.version) != (folder.parent.name, folder.name):
        raise MappingError(f"the pack {manifest.name} must lie in {manifest.id}/{manifest.version}")
    return manifest, hashlib.sha256(body).hexdigest()


def _what(error: OSError | ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False, include_url=False))
    return (error.strerror or "it cannot be opened") if isinstance(error, OSError) else str(error)


def _refuse_large(manifest: Manifest, folder: Path) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > MOST_BYTES:
        raise MappingError(f"the files of {manifest.name} are larger than {MOST_BYTES} bytes together", code="mapping.too_large")


def read_files(manifest: Manifest, folder: Path) -> dict[str, bytes]:
    """Read a pack's files and compare them with the manifest; what is read here is what is used. A draft's files are not compared.

    Raises:
        MappingError: `mapping.altered`, `mapping.unlisted`, `mapping.not_found`, or `mapping.too_large`.
    """
    _refuse_large(manifest, folder)
    if manifest.status == "draft":
        return {path: (folder / path).read_bytes() for path in checksums(folder)}
    files = {}
    for path, listed in manifest.files.items():
        try:
            files[path] = (folder / path).read_bytes()
        except OSError as error:
            raise MappingError(f"{path} of {manifest.name} cannot be read", code="mapping.not_found") from error
        if hashlib.sha256(files[path]).hexdigest() != listed:
            raise MappingError(
                f"{path} of {manifest.name} is not what its manifest lists: put it back or make a new version", code="mapping.altered"
            )
    unlisted = sorted(set(checksums(folder)) - set(files))
    if unlisted:
        raise MappingError(f"the manifest of {manifest.name} does not list {unlisted[0]}", code="mapping.unlisted")
    return files


def text_of(manifest: Manifest) -> str:
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
