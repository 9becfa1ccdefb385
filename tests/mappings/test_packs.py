"""Mapping packs: checked before use, several versions side by side, nothing opened, nothing guessed."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from siphub import contract
from siphub.contract.xml import parse_xml
from siphub.errors import BadBody, MappingError
from siphub.mappings import MANIFEST, Mappings, Pack, checksums, compiled, shipped
from siphub.mappings.manifest import read_files, read_manifest

SECRET = "hemligt"
NOTHING_ELSE = '<xsl:template match="/"><b xmlns="urn:b"><xsl:value-of select="a"/></b></xsl:template>'


@dataclass(frozen=True)
class Today:
    """A clock that stands still."""

    day: str = "2026-11-22"
    hour: int = 12

    def now(self) -> datetime:
        """Return that time."""
        return datetime.fromisoformat(self.day).replace(hour=self.hour, tzinfo=UTC)


def sheet(content: str = NOTHING_ELSE, more: str = "") -> str:
    """Write an XSLT sheet."""
    return f'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" {more}>{content}</xsl:stylesheet>'


SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:b" elementFormDefault="qualified">
<xs:element name="b"><xs:complexType><xs:sequence><xs:element name="c" maxOccurs="2" type="xs:date"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""
CODES = "table,canonical,partner\nbasis,consent,samtycke\nbasis,statutory_duty,lag\nscope,all,allt\nscope,whole,allt\n"
FILES = {"out.xsl": sheet(), "schema/b.xsd": SCHEMA, "codes.csv": CODES}


def write(folder: Path, version: str = "1.0", /, *, files: dict[str, str] | None = None, **manifest: Any) -> Path:
    """Write a pack with a right manifest and return its folder; further words replace lines of the manifest."""
    place = folder / "sample" / version
    for name, text in (FILES | (files or {})).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, "utf-8")
    lines = {"id": '"sample"', "version": f'"{version}"', "kinds": '["meeting.summoned"]', "owner": '"Kommunen"'}
    lines |= {"status": '"approved"', "valid_from": "2026-01-01"} | manifest
    text = "\n".join(f"{name} = {value}" for name, value in lines.items()) + "\n[files]\n"
    text += "\n".join(f'"{name}" = "{checksum}"' for name, checksum in checksums(place).items())
    (place / MANIFEST).write_text(text, "utf-8")
    return place


def load(folder: Path, version: str | None = None, *, today: str = "2026-11-22", drafts: bool = False) -> Pack:
    """Load the pack from a folder."""
    return Mappings([folder], Today(today), drafts=drafts).load("sample", version)


def code_of(attempt: Callable[[], object]) -> str:
    """Return the code an attempt is refused with."""
    with pytest.raises(MappingError) as refused:
        attempt()
    return refused.value.code


def test_a_pack_is_what_plugins_are_promised(tmp_path: Path) -> None:
    """The loader and its packs are the contract's, and a pack says which copy it is."""
    place = write(tmp_path)
    mappings: contract.Mappings = Mappings([tmp_path], Today())
    pack: contract.MappingPack = mappings.load("sample", "1.0")
    assert (pack.id, pack.version) == ("sample", "1.0")
    assert isinstance(pack, Pack)
    assert (pack.name, pack.folder) == ("sample@1.0", place)
    assert mappings.load("sample") is pack


def test_a_document_is_translated_and_validated(tmp_path: Path) -> None:
    """A sheet makes the partner's document; the schema says where it does not hold, and is silent where it does."""
    pack = load(write(tmp_path).parent.parent)
    assert pack.transform("out", "<a>å</a>".encode()) == '<?xml version="1.0" encoding="UTF-8"?>\n<b xmlns="urn:b">å</b>'.encode()
    assert pack.problems(b'<b xmlns="urn:b"><c>2026-11-22</c></b>') == ()


@pytest.mark.parametrize(
    "document",
    [
        f"<{SECRET}/>",
        f'<b xmlns="urn:b"><c>{SECRET}</c></b>',
        f'<b xmlns="urn:b"><{SECRET}/></b>',
        f'<b xmlns="urn:b" {SECRET}="1"><c>2026-11-22</c></b>',
        f'<b xmlns="urn:b"><c>2026-11-22</c><c {SECRET}="x">2026-11-22</c></b>',
        f'<b xmlns="urn:{SECRET}"/>',
        f'<{SECRET}:b xmlns:{SECRET}="urn:b"><{SECRET}:c/></{SECRET}:b>',
        f"<b>{SECRET}",
        f"<!DOCTYPE {SECRET}><b/>",
    ],
)
def test_what_the_schema_says_repeats_no_content(tmp_path: Path, document: str) -> None:
    """Neither text nor attributes nor names that the schema does not know are repeated; line and path say where to look."""
    problems = load(write(tmp_path).parent.parent).problems(document.encode())
    assert problems
    assert all(problem.startswith("line 1") for problem in problems)
    assert SECRET not in "".join(problems)


def test_the_path_of_a_problem_names_what_the_schema_knows(tmp_path: Path) -> None:
    """Given a wrong date in the second of two elements, then line and place are named."""
    [*_, problem] = load(write(tmp_path).parent.parent).problems(b'<b xmlns="urn:b"><c>2026-11-22</c>\n<c>yesterday</c></b>')
    assert problem.startswith("line 2: SCHEMAV_")
    assert problem.endswith("[2]")


def test_codes_are_translated_both_ways_and_never_guessed(tmp_path: Path) -> None:
    """A code without a row, or one of the partner's that means two of ours, is an error that names the table and not the value."""
    pack = load(write(tmp_path).parent.parent)
    assert pack.code("basis", "consent") == "samtycke"
    assert pack.canonical("basis", "lag") == "statutory_duty"
    assert pack.code("scope", "all") == pack.code("scope", "whole") == "allt"
    for attempt in (lambda: pack.code("basis", SECRET), lambda: pack.canonical("basis", SECRET), lambda: pack.code(SECRET, "consent")):
        assert code_of(attempt) == "mapping.unmapped"
    assert code_of(lambda: pack.canonical("scope", "allt")) == "mapping.unmapped"
    with pytest.raises(MappingError, match="basis") as refused:
        pack.code("basis", SECRET)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "codes",
    [
        "table,canonical\nbasis,consent\n",
        "table,canonical,partner\nbasis,consent,\n",
        "table,canonical,partner\nbasis,consent,samtycke,more\n",
        "table,canonical,partner\nbasis,consent\n",
        "table,canonical,partner\nbasis,consent,samtycke\nbasis,consent,annat\n",
        'table,canonical,partner\nbasis,"consent,samtycke\n',
    ],
)
def test_code_tables_that_are_unclear_are_refused(tmp_path: Path, codes: str) -> None:
    """Missing columns, empty or further fields, the same code twice, a quote that does not end."""
    folder = write(tmp_path, files={"codes.csv": codes}).parent.parent
    assert code_of(lambda: load(folder)) == "mapping.broken"


@pytest.mark.parametrize("name", sorted(FILES))
def test_changed_bytes_refuse_to_load(tmp_path: Path, name: str) -> None:
    """Given one byte more in any file of a pack, then it is not used."""
    place = write(tmp_path)
    (place / name).write_bytes((place / name).read_bytes() + b" ")
    assert code_of(lambda: load(tmp_path)) == "mapping.altered"


def test_missing_and_unlisted_files_refuse_to_load(tmp_path: Path) -> None:
    """What the manifest lists must be there, and what is there must be listed; examples and the page for readers are free."""
    place = write(tmp_path)
    (place / "golden").mkdir()
    (place / "golden/minimal.xml").write_text("<b/>")
    (place / "README.md").write_text("Read me.")
    assert load(tmp_path).version == "1.0"
    (place / "in.xsl").write_text(sheet())
    assert code_of(lambda: load(tmp_path)) == "mapping.unlisted"
    (place / "in.xsl").unlink()
    (place / "codes.csv").unlink()
    assert code_of(lambda: load(tmp_path)) == "mapping.not_found"


@pytest.mark.parametrize(
    "manifest",
    [
        {"id": '"other"'},
        {"version": '"2.0"'},
        {"version": '"../1.0"'},
        {"status": '"good"'},
        {"valid_from": '"soon"'},
        {"kinds": "3"},
        {"colour": '"blue"'},
        {"owner": ""},
    ],
)
def test_a_manifest_that_is_wrong_is_refused(tmp_path: Path, manifest: dict[str, Any]) -> None:
    """Another id than its folder, an unknown status or line, a date that is none, broken TOML."""
    write(tmp_path, **manifest)
    assert code_of(lambda: load(tmp_path)) == "mapping.broken"


@pytest.mark.parametrize("name", ["../out.xsl", "/etc/passwd", "a/../../b", ".hidden", "a//b"])
def test_a_manifest_cannot_reach_outside_its_folder(tmp_path: Path, name: str) -> None:
    """A path that leaves the pack is no path."""
    place = write(tmp_path)
    with (place / MANIFEST).open("a") as manifest:
        manifest.write(f'\n"{name}" = "{"0" * 64}"\n')
    assert code_of(lambda: load(tmp_path)) == "mapping.broken"


def test_versions_live_side_by_side_and_the_newest_valid_one_is_the_default(tmp_path: Path) -> None:
    """1.10 comes after 1.9; one that is not valid yet, retired, or a draft is not taken unasked."""
    write(tmp_path, "1.9")
    write(tmp_path, "1.10")
    write(tmp_path, "2.0", valid_from="2027-01-01")
    write(tmp_path, "3.0", status='"draft"')
    write(tmp_path, "4.0", status='"retired"')
    assert load(tmp_path).version == "1.10"
    assert load(tmp_path, "1.9").version == "1.9"
    assert load(tmp_path, today="2027-01-01").version == "2.0"
    assert load(tmp_path, "4.0").version == "4.0"
    assert code_of(lambda: load(tmp_path, "3.0")) == "mapping.draft"
    assert load(tmp_path, drafts=True).version == "3.0"
    assert code_of(lambda: load(tmp_path, "2.0")) == "mapping.not_valid"
    assert code_of(lambda: load(tmp_path, "9.9")) == code_of(lambda: Mappings([tmp_path], Today()).load("other")) == "mapping.not_found"


def test_the_last_day_counts_in_stockholm(tmp_path: Path) -> None:
    """A pack is valid to the end of its last day where it is used, not in UTC."""
    write(tmp_path, valid_to="2026-11-22")
    assert Mappings([tmp_path], Today("2026-11-22", 22)).load("sample").version == "1.0"
    assert code_of(lambda: Mappings([tmp_path], Today("2026-11-22", 23)).load("sample")) == "mapping.not_valid"


def test_two_copies_of_a_version_must_be_the_same(tmp_path: Path) -> None:
    """The first folder's copy is used and named; a copy with a difference stops everything."""
    place = write(tmp_path / "own")
    write(tmp_path / "shipped")
    both = [tmp_path / "own", tmp_path / "shipped"]
    assert Mappings(both, Today()).load("sample").folder == place
    write(tmp_path / "shipped", owner='"Någon annan"')
    assert code_of(lambda: Mappings(both, Today()).load("sample")) == "mapping.duplicate"


def test_a_new_version_is_seen_after_a_refresh(tmp_path: Path) -> None:
    """An administrator adds a version while the hub runs."""
    write(tmp_path)
    mappings = Mappings([tmp_path], Today())
    assert mappings.load("sample").version == "1.0"
    write(tmp_path, "1.1")
    mappings.refresh()
    assert mappings.load("sample").version == "1.1"


EXSLT = "http://exslt.org/"


@pytest.mark.parametrize(
    "text",
    [
        sheet('<xsl:import href="other.xsl"/>' + NOTHING_ELSE),
        sheet('<xsl:include href="file:///etc/passwd"/>' + NOTHING_ELSE),
        sheet("""<xsl:template match="/"><b><xsl:copy-of select="document('other.xml')"/></b></xsl:template>"""),
        sheet("""<xsl:template match="/"><b c="{document ( 'other.xml' )}"/></xsl:template>"""),
        sheet('<xsl:template match="/"><b><xsl:value-of select="generate-id()"/></b></xsl:template>'),
        sheet(
            """<xsl:template match="/"><b><xsl:value-of select="n:evaluate(concat('generate', '-id()'))"/></b></xsl:template>""",
            'xmlns:n="http://icl.com/saxon"',
        ),
        sheet('<xsl:template match="/"><b><xsl:value-of select="d:date()"/></b></xsl:template>', f'xmlns:d="{EXSLT}dates-and-times"'),
        sheet(f'<xsl:template match="/"><b xmlns:m="{EXSLT}math"><xsl:value-of select="m:random()"/></b></xsl:template>'),
        sheet('<xsl:template match="/"><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="other.xml"/></xsl:template>'),
    ],
)
def test_sheets_that_load_or_look_around_are_refused(tmp_path: Path, text: str) -> None:
    """Import, include, document(), XInclude, the clock, chance, and ids that differ from run to run."""
    write(tmp_path, files={"out.xsl": text})
    assert code_of(lambda: load(tmp_path)) == "mapping.unsafe"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("out.xsl", "<xsl:stylesheet"),
        ("out.xsl", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + sheet()),
        ("out.xsl", sheet('<xsl:template match="]"/>')),
        ("out.xsl", "<b/>"),
        ("schema/b.xsd", SCHEMA.replace("xs:date", "xs:nothing")),
        ("schema/b.xsd", "<!DOCTYPE x>" + SCHEMA),
    ],
)
def test_sheets_and_schemas_that_are_none_are_refused(tmp_path: Path, name: str, text: str) -> None:
    """A sheet or schema that does not compile, or has a DOCTYPE, stops the pack when it is loaded, not when a message is waiting."""
    write(tmp_path, files={name: text})
    assert code_of(lambda: load(tmp_path)) == "mapping.broken"


@pytest.mark.parametrize("element", ["import", "include", "redefine"])
def test_schemas_that_load_others_are_refused(tmp_path: Path, element: str) -> None:
    """A pack's schema is one file."""
    loading = f'<xs:{element} schemaLocation="other.xsd"/><xs:element name="b">'
    write(tmp_path, files={"schema/b.xsd": SCHEMA.replace('<xs:element name="b">', loading)})
    assert code_of(lambda: load(tmp_path)) == "mapping.unsafe"


def test_what_a_schema_may_load_is_what_its_own_pack_has(tmp_path: Path) -> None:
    """Given a schema that loads another of its pack, when the same bytes stand in a pack without that one, then they are refused: by each thread."""
    loads = SCHEMA.replace("<xs:element name", '<xs:import namespace="urn:o" schemaLocation="other.xsd"/><xs:element name', 1)
    other = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"/>'
    own = {"schema/sample.xsd": loads, "schema/b.xsd": other}
    packs = [
        Pack(read_manifest(folder), folder, read_files(read_manifest(folder), folder))
        for folder in (write(tmp_path, "1.0", files={**own, "schema/other.xsd": other}), write(tmp_path, "2.0", files=own))
    ]
    for _ in range(2):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(packs[0].check).result()
            assert code_of(thread.submit(packs[1].check).result) == "mapping.unsafe"


def test_a_translation_that_fails_says_nothing_of_the_document(tmp_path: Path) -> None:
    """Given a sheet that stops with a message, or makes no document, the error names sheet and pack only, to the last cause."""
    stop = '<xsl:template match="/"><xsl:message terminate="yes"><xsl:value-of select="."/></xsl:message></xsl:template>'
    empty = '<xsl:template match="/"/>'
    loop = '<xsl:template match="/"><xsl:apply-templates select="/"/></xsl:template>'
    pack = load(write(tmp_path, files={"out.xsl": sheet(stop), "empty.xsl": sheet(empty), "loop.xsl": sheet(loop)}).parent.parent)
    for name in ("out", "empty", "loop"):
        with pytest.raises(MappingError) as refused:
            pack.transform(name, f"<a>{SECRET}</a>".encode())
        assert refused.value.code == "mapping.transform_failed"
        assert SECRET not in str(refused.value)
        assert refused.value.__context__ is None
    assert code_of(lambda: pack.transform("other", b"<a/>")) == "mapping.not_found"
    with pytest.raises(BadBody):
        pack.transform("out", b"<!DOCTYPE a><a/>")


def test_nothing_is_opened_whatever_sheet_or_document_says(tmp_path: Path) -> None:
    """Given sheets and documents that point at a pipe and at a listening socket, then neither is ever opened.

    The pipe has no writer: whoever opened it to read would wait for ever, and whoever opened it to write would be let in below.
    The sheets' own check is gone round, so that the parser, the sheet's access control and the schema are what is tested.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        web = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        done = threading.Event()

        def run() -> None:
            attack(tmp_path, pipe.as_uri(), web)
            done.set()

        worker = threading.Thread(target=run, daemon=True)
        worker.start()
        worker.join(timeout=20)
        assert done.is_set()
        with pytest.raises(TimeoutError):
            listening.accept()
    assert not list(tmp_path.glob("written*"))


def attack(folder: Path, file: str, web: str) -> None:
    """Let sheets and documents point at a file and at the web, in every way that is known."""
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    pack = load(write(folder / "good").parent.parent)
    for target in (file, web):
        for document in (
            f'<b xmlns="urn:b" {xsi} xsi:schemaLocation="urn:b {target}"><c>2026-11-22</c></b>',
            f'<b xmlns="urn:b" {xsi} xsi:noNamespaceSchemaLocation="{target}"/>',
            f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{target}"/></a>',
            f'<?xml-stylesheet href="{target}" type="text/xsl"?><a/>',
            f'<a xml:base="{target}"/>',
        ):
            pack.problems(document.encode())
            pack.transform("out", document.encode())
        assert pack.problems(f'<!DOCTYPE b SYSTEM "{target}"><b xmlns="urn:b"/>'.encode())
        for content in (
            f"""<xsl:template match="/"><b><xsl:copy-of select="document(concat('{target}', ''))"/></b></xsl:template>""",
            f'<xsl:template match="/"><x:document href="{target}"><b/></x:document><b/></xsl:template>',
            f'<xsl:template match="/"><xsl:document href="{target}"><b/></xsl:document><b/></xsl:template>',
        ):
            unchecked = compiled(parse_xml(sheet(content, 'extension-element-prefixes="x" xmlns:x="http://exslt.org/common"').encode()))
            try:
                unchecked(parse_xml(b"<a/>"))
            except etree.XSLTApplyError:
                continue


def test_many_threads_translate_and_validate_at_once(tmp_path: Path) -> None:
    """Given eight threads with one pack, then each gets its own answers, right and wrong ones alike."""
    pack = load(write(tmp_path).parent.parent)

    def one(number: int) -> bool:
        translated = pack.transform("out", f"<a>{number}</a>".encode()).endswith(f'<b xmlns="urn:b">{number}</b>'.encode())
        problems = pack.problems(b'<b xmlns="urn:b">' + b"\n" * (number % 7) + b"<c>x</c></b>")
        return (
            translated
            and problems[0].startswith(f"line {1 + number % 7}:")
            and not pack.problems(b'<b xmlns="urn:b"><c>2026-11-22</c></b>')
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(one, range(800)))


def test_every_pack_that_ships_is_in_order() -> None:
    """Each pack of the wheel or repository has a right manifest, and its sheets, schema and codes compile."""
    mappings = Mappings([shipped()], Today(), drafts=True)
    assert shipped().is_dir()
    for manifest, folder in mappings.manifests():
        assert mappings.load(manifest.id, manifest.version).folder == folder
