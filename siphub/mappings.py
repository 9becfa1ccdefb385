"""Mapping packs: how a partner's words and structures relate to ours, as data that is reviewed like code.

A pack lies in `<folder>/<id>/<version>/`: `mapping.toml` (the manifest), `*.xsl` (structure), `schema/*.xsd`, `codes.csv`, `golden/`. Every file
is read once and compared with the checksum in the manifest, and what was compared is what is used. A code without a row is an error, never a
default. Sheets and schemas open nothing: no file, no network, no DTD, no clock. No error repeats a word of the document under translation.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import threading
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from lxml import etree
from pydantic import Field, StringConstraints, ValidationError

from siphub.contract.context import Clock
from siphub.contract.xml import parse_xml, serialise_xml
from siphub.errors import BadBody, MappingError, SiphubError
from siphub.model.base import Code, Line, Value

MANIFEST = "mapping.toml"
_CODES = "codes.csv"
_MOST_PROBLEMS = 50
_STOCKHOLM = ZoneInfo("Europe/Stockholm")
_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_LOADING = {f"{_XSL}import", f"{_XSL}include", f"{_XSD}import", f"{_XSD}include", f"{_XSD}redefine", f"{_XSD}override"}
_IMPURE_CALL = re.compile(r"\b(document|generate-id|unparsed-entity-uri)\s*\(")
_IMPURE_NAMESPACE = re.compile(r"^http://exslt\.org/(dates-and-times|math|random)|^http://www\.w3\.org/2001/XInclude$")
_UNLISTED = re.compile(r"golden/.*|README\.md|" + re.escape(MANIFEST))


class Manifest(Value):
    """What `mapping.toml` says. `valid_from` and `valid_to` are days in Stockholm, both included; `files` gives each file's SHA-256."""

    id: Code
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){0,3}$")]
    kinds: Annotated[tuple[Code, ...], Field(strict=False)]
    owner: Line
    status: Literal["draft", "approved", "retired"]
    valid_from: date
    valid_to: date | None = None
    files: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")],
        Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")],
    ]

    @property
    def order(self) -> tuple[int, ...]:
        """The version as numbers, so that 1.10 comes after 1.9."""
        return tuple(int(part) for part in self.version.split("."))

    def valid_on(self, day: date) -> bool:
        """Say whether the pack may be used on a day in Stockholm."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def shipped() -> Path:
    """Return the folder of the packs that came with siphub: the wheel's own copy, else the repository's."""
    inside = Path(__file__).parent / "_mappings"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "mappings"


def checksums(folder: Path) -> dict[str, str]:
    """Return what the manifest of the pack in `folder` should list: each file's SHA-256, by its path."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not _UNLISTED.fullmatch(name := file.relative_to(folder).as_posix())
    }


@dataclass(frozen=True, eq=False)
class Pack:
    """One version of one pack, checked. `folder` says which copy it is. Safe to share between threads."""

    manifest: Manifest
    folder: Path
    files: Mapping[str, bytes]

    @property
    def id(self) -> str:
        """The pack's id."""
        return self.manifest.id

    @property
    def version(self) -> str:
        """The pack's version."""
        return self.manifest.version

    @property
    def name(self) -> str:
        """The pack as deliveries record it: `id@version`."""
        return f"{self.id}@{self.version}"

    def transform(self, name: str, document: bytes) -> bytes:
        """Run the sheet `<name>.xsl` over a document.

        Raises:
            BadBody: The document cannot be parsed.
            MappingError: `mapping.transform_failed`, or `mapping.not_found` where there is no such sheet.
        """
        root = parse_xml(document)
        try:
            result = self._sheet(name)(root).getroot()
        except etree.XSLTApplyError:
            result = None
        if result is None:
            # Outside the handler on purpose: the sheet's own message may repeat the document.
            raise MappingError(f"the sheet {name} of {self.name} does not translate this document", code="mapping.transform_failed")
        return serialise_xml(result)

    def problems(self, document: bytes) -> tuple[str, ...]:
        """Return what the schema says against a document, at most fifty sentences with line, kind and path, without content; empty means valid.

        Raises:
            MappingError: `mapping.not_found` where the pack has no schema.
        """
        schema = self._schema()
        try:
            root = parse_xml(document)
        except BadBody as error:
            return tuple(f"{problem.position}: {problem.detail}" for problem in error.problems)
        if schema.validate(root):
            return ()
        return tuple(f"line {entry.line}: {entry.type_name} at {self._known(entry.path)}" for entry in schema.error_log)[:_MOST_PROBLEMS]

    def code(self, table: str, value: str) -> str:
        """Translate a code of ours.

        Raises:
            MappingError: `mapping.unmapped`; names the table, not the value.
        """
        return self._look_up(self._codes[0], table, value, "code of ours")

    def canonical(self, table: str, value: str) -> str:
        """Translate a partner's code back; one that stands for two of ours is as good as none.

        Raises:
            MappingError: `mapping.unmapped`; names the table, not the value.
        """
        return self._look_up(self._codes[1], table, value, "code of the partner's")

    def check(self) -> None:
        """Compile every sheet and schema and read the codes.

        Raises:
            MappingError: One of them is wrong.
        """
        for name in self.files:
            if name.endswith(".xsl"):
                self._sheet(name.removesuffix(".xsl"))
        if any(name.endswith(".xsd") for name in self.files):
            self._schema()
        _ = self._codes

    def _look_up(self, words: Mapping[tuple[str, str], str | None], table: str, value: str, what: str) -> str:
        found = words.get((table, value))
        if found is None:
            raise MappingError(f"{self.name} has no row in the table {table} for this {what}: add it to {_CODES}", code="mapping.unmapped")
        return found

    @cached_property
    def _codes(self) -> tuple[dict[tuple[str, str], str | None], dict[tuple[str, str], str | None]]:
        rows = csv.DictReader(io.StringIO(self._file(_CODES).decode(), newline=""), strict=True)
        forth: dict[tuple[str, str], str | None] = {}
        back: dict[tuple[str, str], str | None] = {}
        try:
            for row in rows:
                table, ours, theirs = row["table"], row["canonical"], row["partner"]
                if None in row or not (table and ours and theirs) or (table, ours) in forth:
                    raise MappingError(f"line {rows.line_num} of {_CODES} in {self.name} is incomplete or there twice")
                forth[table, ours] = theirs
                back[table, theirs] = None if (table, theirs) in back else ours
        except (KeyError, csv.Error) as error:
            raise MappingError(f"{_CODES} in {self.name} must have the columns table, canonical, partner") from error
        return forth, back

    @cached_property
    def _compiled(self) -> _Compiled:
        return _Compiled()

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names the schema declares: the only ones that may be repeated, the document's own could say anything."""
        return frozenset(name for element in _safe(self._schema_file(), self.name).iter() if (name := element.get("name")))

    def _sheet(self, name: str) -> etree.XSLT:
        sheets = self._compiled.sheets
        if name not in sheets:
            source = _safe(self._file(f"{name}.xsl"), f"{name}.xsl of {self.name}")
            try:
                sheets[name] = compiled(source)
            except etree.XSLTParseError as error:
                raise MappingError(f"{name}.xsl of {self.name} is no XSLT 1.0 sheet") from error
        return sheets[name]

    def _schema(self) -> etree.XMLSchema:
        if self._compiled.schema is None:
            try:
                self._compiled.schema = etree.XMLSchema(_safe(self._schema_file(), f"the schema of {self.name}"))
            except etree.XMLSchemaParseError as error:
                raise MappingError(f"the schema of {self.name} is no XML schema") from error
        return self._compiled.schema

    def _schema_file(self) -> bytes:
        found = [name for name in self.files if name.endswith(".xsd")]
        if len(found) != 1:
            raise MappingError(f"{self.name} must have exactly one schema, schema/*.xsd", code="mapping.not_found")
        return self._file(found[0])

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise MappingError(f"{self.name} has no {name}", code="mapping.not_found")
        return self.files[name]

    def _known(self, path: str | None) -> str:
        steps = []
        for step in (path or "/").split("/"):
            name, bracket, place = step.partition("[")
            local = name.rpartition(":")[2]  # a prefix is the document's own word
            steps.append((local if local in self._names or not name else "*") + bracket + place)
        return "/".join(steps)


class _Compiled(threading.local):
    """What lxml made of a pack, once for each thread: sheets and schemas keep the log of their last run, so they cannot be shared."""

    def __init__(self) -> None:
        self.sheets: dict[str, etree.XSLT] = {}
        self.schema: etree.XMLSchema | None = None


class Mappings:
    """The packs of a hub. Checked when first used, then kept; versions live side by side.

    Args:
        folders: Where packs lie, such as `shipped()` and the operator's own. The same version in two of them must be the same.
        clock: Says which packs are valid today.
        drafts: Also take packs of status `draft`, to try them.
    """

    def __init__(self, folders: Sequence[Path], clock: Clock, *, drafts: bool = False) -> None:
        self._folders, self._clock, self._drafts = tuple(folders), clock, drafts
        self._known: tuple[tuple[Manifest, Path], ...] | None = None
        self._loaded: dict[Path, Pack] = {}
        self._lock = threading.Lock()

    def load(self, pack: str, version: str | None = None) -> Pack:
        """Return a checked pack that is valid today; without a version, the newest approved one.

        Raises:
            MappingError: `mapping.not_found`, `mapping.not_valid`, `mapping.draft`, `mapping.altered`, `mapping.unlisted`,
                `mapping.unsafe`, `mapping.duplicate` or `mapping.broken`.
        """
        found = [one for one in self.manifests() if one[0].id == pack and version in {None, one[0].version}]
        if not found:
            raise MappingError(f"there is no mapping pack {pack}{'@' + version if version else ''}", code="mapping.not_found")
        day = self._clock.now().astimezone(_STOCKHOLM).date()
        statuses = {"approved", "draft"} if self._drafts else {"approved"}
        usable = [one for one in found if one[0].valid_on(day) and (version is not None or one[0].status in statuses)]
        if not usable:
            raise MappingError(f"no version asked for of the mapping pack {pack} is approved and valid today", code="mapping.not_valid")
        manifest, folder = max(usable, key=lambda one: one[0].order)
        if manifest.status == "draft" and not self._drafts:
            raise MappingError(f"{pack}@{manifest.version} is a draft", code="mapping.draft")
        return self._checked(manifest, folder)

    def manifests(self) -> tuple[tuple[Manifest, Path], ...]:
        """Return every manifest with the folder of the copy that is used; read once, until `refresh`.

        Raises:
            MappingError: A manifest cannot be read, or two copies of a version differ.
        """
        if self._known is None:
            found: dict[tuple[str, tuple[int, ...]], tuple[Manifest, Path]] = {}
            for file in (file for folder in self._folders for file in sorted(folder.glob(f"*/*/{MANIFEST}"))):
                manifest = _manifest(file)
                first, _ = found.setdefault((manifest.id, manifest.order), (manifest, file.parent))
                if first != manifest:
                    raise MappingError(f"{manifest.id}@{manifest.version} is there twice, with a difference", code="mapping.duplicate")
            self._known = tuple(found[key] for key in sorted(found))
        return self._known

    def refresh(self) -> None:
        """Forget what was read, so that packs an administrator has added or replaced are seen."""
        with self._lock:
            self._known = None
            self._loaded = {}

    def _checked(self, manifest: Manifest, folder: Path) -> Pack:
        with self._lock:
            if folder not in self._loaded:
                pack = Pack(manifest, folder, _files(manifest, folder))
                pack.check()
                self._loaded[folder] = pack
            return self._loaded[folder]


def _manifest(file: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        what = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else error
        raise MappingError(f"the manifest of {file.parent.parent.name}/{file.parent.name} cannot be read: {what}") from error
    if (manifest.id, manifest.version) != (file.parent.parent.name, file.parent.name):
        raise MappingError(f"the pack {manifest.id}@{manifest.version} must lie in {manifest.id}/{manifest.version}")
    return manifest


def _files(manifest: Manifest, folder: Path) -> dict[str, bytes]:
    """Read what the manifest lists and compare; what is read here is what is used."""
    name = f"{manifest.id}@{manifest.version}"
    files = {}
    for path, listed in manifest.files.items():
        try:
            files[path] = (folder / path).read_bytes()
        except OSError as error:
            raise MappingError(f"{path} of {name} cannot be read", code="mapping.not_found") from error
        if hashlib.sha256(files[path]).hexdigest() != listed:
            raise MappingError(
                f"{path} of {name} is not what its manifest lists: put it back or make a new version", code="mapping.altered"
            )
    unlisted = sorted(set(checksums(folder)) - set(files))
    if unlisted:
        raise MappingError(f"the manifest of {name} does not list {unlisted[0]}", code="mapping.unlisted")
    return files


def compiled(source: etree._Element) -> etree.XSLT:
    """Compile a sheet that may read and write nothing at run time, whatever it says."""
    return etree.XSLT(source, access_control=etree.XSLTAccessControl.DENY_ALL)


def _safe(source: bytes, what: str) -> etree._Element:
    """Parse a sheet or schema that loads nothing, from nowhere, and gives the same answer tomorrow."""
    try:
        root = parse_xml(source)
    except SiphubError as error:
        raise MappingError(f"{what} cannot be read: {error.detail}") from error
    for element in root.iter():
        calls = any(_IMPURE_CALL.search(value) for value in element.attrib.values())
        if element.tag in _LOADING or calls or any(_IMPURE_NAMESPACE.match(uri) for uri in element.nsmap.values()):
            raise MappingError(
                f"{what} loads another document or depends on more than its input (line {element.sourceline})", code="mapping.unsafe"
            )
    return root
