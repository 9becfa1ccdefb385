"""One version of one pack, checked: it translates, validates and looks codes up. It opens nothing, and repeats no word of a document."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from lxml import etree

from siphub.contract.neutral import put_words
from siphub.contract.xml import MAX_BYTES, hardened_parser, parse_xml, serialise_xml
from siphub.errors import BadBody, MappingError, SiphubError
from siphub.mappings import complaints
from siphub.mappings.manifest import Manifest

CODES: Final = "codes.csv"
"""The file name of a pack's code tables."""
_MOST_PROBLEMS = 50
_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_LOADING = {f"{_XSL}import", f"{_XSL}include", f"{_XSD}import", f"{_XSD}include", f"{_XSD}redefine", f"{_XSD}override"}
_IMPORT = f"{_XSD}import"
_SCHEMAS = "schema/"
_IMPURE_CALL = re.compile(r"\b(document|evaluate|generate-id|unparsed-entity-uri)\s*\(")
_IMPURE_NAMESPACE = re.compile(r"^http://exslt\.org/(dates-and-times|dynamic|math|random)|^http://www\.w3\.org/2001/XInclude$")
_judged_safe: set[bytes] = set()
"""Hashes of the sheets and schemas that were looked through: every thread compiles its own, and one answer is good for all."""


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

    @property
    def wants(self) -> frozenset[str]:
        """What its `out` sheet needs besides the message: `text`, `pdf`, `local-times`."""
        return frozenset(self.manifest.wants)

    def carries(self, message_type: str) -> bool:
        """Say whether the pack has a form for a message type."""
        return message_type in self.manifest.kinds

    def transform(self, name: str, document: bytes) -> bytes:
        """Run the sheet `<name>.xsl` over a document.

        Raises:
            BadBody: The document cannot be parsed.
            MappingError: `mapping.transform_failed`, `mapping.too_large`, or `mapping.not_found` where there is no such sheet.
        """
        return self._bytes(name, self._run(name, parse_xml(document)))

    def write(self, neutral: etree._Element) -> tuple[bytes, tuple[str, ...]]:
        """Run the sheet `out.xsl` over neutral XML, put the partner's words in, and return it as bytes with what the schema says.

        It is the way out, in one go: nothing is parsed again that was a tree a moment ago.

        Raises:
            MappingError: As `transform` and `problems`, and `mapping.unmapped`.
        """
        result = self._run("out", neutral)
        put_words(self, result)
        return self._bytes("out", result), self._judged(result, "out.xsl ")

    def _bytes(self, name: str, result: etree._Element) -> bytes:
        body = serialise_xml(result)
        if len(body) > MAX_BYTES:
            raise MappingError(
                f"what {name}.xsl of {self.name} makes of this document is larger than {MAX_BYTES} bytes", code="mapping.too_large"
            )
        return body

    def _run(self, name: str, root: etree._Element) -> etree._Element:
        stopped = False
        try:
            result = self._sheet(name)(root).getroot()
        except etree.XSLTApplyError:
            result, stopped = None, True
        if result is None:
            # Outside the handler on purpose: the sheet's own message may repeat the document.
            why = "does not translate this document" if stopped else "makes no element of this document: what it makes is text, or nothing"
            raise MappingError(f"the sheet {name} of {self.name} {why}", code="mapping.transform_failed")
        return result

    def said(self, name: str) -> tuple[str, ...]:
        """Return what the sheet `<name>.xsl` said when it last ran in this thread. It may repeat the document: show it for samples only."""
        return complaints.of_sheet(f"{name}.xsl", self._sheet(name).error_log)[:_MOST_PROBLEMS]

    def problems(self, document: bytes) -> tuple[str, ...]:
        """Return what the schema says against a document, at most fifty sentences with line, kind and path, without content; empty means valid.

        Raises:
            MappingError: `mapping.not_found` where the pack has no schema.
        """
        self._schema()
        try:
            root = parse_xml(document)
        except BadBody as error:
            return tuple(f"{problem.position}: {problem.detail}" for problem in error.problems)
        return self._judged(root)

    def _judged(self, root: etree._Element, of: str = "") -> tuple[str, ...]:
        """Return what the schema says; the lines are the document's, or those of the sheet that has just made it.

        Raises:
            MappingError: `mapping.too_costly`, a pattern of the schema does not come to an end.
        """
        schema = self._schema()
        try:
            valid = schema.validate(root)
        except etree.XMLSchemaValidateError:
            valid = None
        if valid is None:
            # Outside the handler, as above. libxml2 gives up on a pattern that tries too many ways through a value.
            raise MappingError(f"the schema of {self.name} has a pattern that does not come to an end with this", code="mapping.too_costly")
        if valid:
            return ()
        return tuple(f"{of}line {entry.line}: {entry.type_name} at {self._place(root, entry.path)}" for entry in schema.error_log)[
            :_MOST_PROBLEMS
        ]

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

    def code_table(self) -> Mapping[tuple[str, str], str]:
        """Return every row of the code tables: table and code of ours, to the partner's. Empty where the pack has none."""
        return {key: theirs for key, theirs in self._codes[0].items() if theirs is not None} if CODES in self.files else {}

    def schema_trees(self) -> tuple[etree._Element, ...]:
        """Return the roots of the pack's schemas, for those who show them: first the one that documents are validated by.

        Raises:
            MappingError: `mapping.not_found` where the pack has no schema; `mapping.unsafe`, `mapping.broken`.
        """
        own = self._schema_files
        return tuple(_safe(source, f"{name} of {self.name}", own.keys()) for name, source in own.items())

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
            raise MappingError(f"{self.name} has no row in the table {table} for this {what}: add it to {CODES}", code="mapping.unmapped")
        return found

    @cached_property
    def _codes(self) -> tuple[dict[tuple[str, str], str | None], dict[tuple[str, str], str | None]]:
        rows = csv.DictReader(io.StringIO(self._text(CODES), newline=""), strict=True)
        forth: dict[tuple[str, str], str | None] = {}
        back: dict[tuple[str, str], str | None] = {}
        last = 1
        try:
            for row in rows:
                table, ours, theirs = row["table"], row["canonical"], row["partner"]
                if None in row or not (table and ours and theirs) or (table, ours) in forth:
                    raise MappingError(f"line {rows.line_num} of {CODES} in {self.name} is incomplete or there twice")
                last, forth[table, ours] = rows.line_num, theirs
                back[table, theirs] = None if (table, theirs) in back else ours
        except csv.Error as error:
            raise MappingError(
                f"line {last + 1} of {CODES} in {self.name} has a quotation mark that does not end, or text behind one that does"
            ) from error
        except KeyError as error:
            raise MappingError(
                f"{CODES} in {self.name} must have the columns table, canonical, partner, with commas between them"
            ) from error
        return forth, back

    @cached_property
    def _compiled(self) -> _Compiled:
        return _Compiled()

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names the schema declares: the only ones that may be repeated, the document's own could say anything."""
        return frozenset(name for tree in self.schema_trees() for element in tree.iter() if (name := element.get("name")))

    def _sheet(self, name: str) -> etree.XSLT:
        sheets = self._compiled.sheets
        if name not in sheets:
            source = _safe(self._file(f"{name}.xsl"), f"{name}.xsl of {self.name}")
            try:
                sheets[name] = compiled(source)
            except etree.XSLTParseError as error:
                why = "".join(f": {one}" for one in complaints.of_sheet(f"{name}.xsl", error.error_log)[-1:])
                raise MappingError(f"{name}.xsl of {self.name} is no XSLT 1.0 sheet{why}") from error
        return sheets[name]

    def _schema(self) -> etree.XMLSchema:
        if self._compiled.schema is None:
            own = self._schema_files
            if not all(_known_safe(source, own) for source in own.values()):
                self.schema_trees()  # refuses what must not be compiled
            parser = hardened_parser()
            parser.resolvers.add(_OwnSchemas(self._schema_files))
            try:
                self._compiled.schema = etree.XMLSchema(etree.fromstring(next(iter(self._schema_files.values())), parser))
            except etree.XMLSchemaParseError as error:
                raise MappingError(f"the schema of {self.name} is no XML schema: {complaints.of_schema(error.error_log)}") from error
        return self._compiled.schema

    @cached_property
    def _schema_files(self) -> Mapping[str, bytes]:
        """The pack's schemas by their file names: the one, or of several first `<id>.xsd`, which imports the others."""
        found = {name.removeprefix(_SCHEMAS): body for name, body in self.files.items() if name.endswith(".xsd")}
        first = f"{self.id}.xsd" if len(found) > 1 else next(iter(found), "")
        if first not in found:
            raise MappingError(
                f"{self.name} must have one schema, schema/*.xsd, or several with schema/{self.id}.xsd", code="mapping.not_found"
            )
        return {first: found[first], **found}

    def _text(self, name: str) -> str:
        try:
            return self._file(name).decode().removeprefix("\ufeff")  # which spreadsheets put before it
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise MappingError(f"line {line} of {name} in {self.name} is not UTF-8: save it as UTF-8") from error

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise MappingError(f"{self.name} has no {name}", code="mapping.not_found")
        return self.files[name]

    def _place(self, root: etree._Element, path: str | None) -> str:
        """Return where a finding is, by the names the schema declares: those of the document could say anything."""
        try:
            found = root.getroottree().xpath(path or "/*")
        except etree.XPathError:
            found = []
        element = next((one for one in found if etree.iselement(one)), root) if isinstance(found, list) else root
        return "".join(reversed([f"/{self._known(one)}" for one in (element, *element.iterancestors())]))

    def _known(self, element: etree._Element) -> str:
        name = etree.QName(element).localname
        before = len(list(element.itersiblings(str(element.tag), preceding=True)))
        several = before > 0 or next(element.itersiblings(str(element.tag)), None) is not None
        return (name if name in self._names else "*") + (f"[{before + 1}]" if several else "")


class _OwnSchemas(etree.Resolver):
    """Lets a schema import another of its pack, from memory, and nothing else."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._files = files

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:  # noqa: ARG002 - lxml says how it asks
        name = (system_url or "").rpartition("/")[2]
        if name not in self._files:
            raise MappingError("a schema imports what its pack does not have", code="mapping.unsafe")
        return self.resolve_string(self._files[name], context)


class _Compiled(threading.local):
    """What lxml made of a pack, once for each thread: sheets and schemas keep the log of their last run, so they cannot be shared."""

    def __init__(self) -> None:
        self.sheets: dict[str, etree.XSLT] = {}
        self.schema: etree.XMLSchema | None = None


def compiled(source: etree._Element) -> etree.XSLT:
    """Compile a sheet that may read and write nothing at run time, whatever it says."""
    return etree.XSLT(source, access_control=etree.XSLTAccessControl.DENY_ALL)


def _known_safe(source: bytes, own: Collection[str]) -> bool:
    return _fingerprint(source, own) in _judged_safe


def _fingerprint(source: bytes, own: Collection[str]) -> bytes:
    """Return a hash of a sheet or schema and of what it may load."""
    return sha256("\0".join([*sorted(own), ""]).encode() + source).digest()


def _safe(source: bytes, what: str, own: Collection[str] = ()) -> etree._Element:
    """Parse a sheet or schema that loads nothing but its pack's `own` schemas, and gives the same answer tomorrow."""
    try:
        root = parse_xml(source)
    except SiphubError as error:
        where = next((f" at {one.position}" for one in getattr(error, "problems", ()) if one.position), "")
        raise MappingError(f"{what} cannot be read: {error.detail}{where}") from error
    if not _known_safe(source, own):
        _refuse_loading(root, what, own)
        _judged_safe.add(_fingerprint(source, own))
    return root


def _refuse_loading(root: etree._Element, what: str, own: Collection[str]) -> None:
    for element in root.iter():
        calls = any(_IMPURE_CALL.search(value) for value in element.attrib.values())
        loads = element.tag in _LOADING and not (element.tag == _IMPORT and element.get("schemaLocation") in own)
        if loads or calls or any(_IMPURE_NAMESPACE.match(uri) for uri in element.nsmap.values()):
            raise MappingError(
                f"{what} loads another document or depends on more than its input (line {element.sourceline})", code="mapping.unsafe"
            )
