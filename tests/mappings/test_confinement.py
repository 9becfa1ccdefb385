"""Packs that did not come with siphub run where they can be stopped: no sheet and no schema takes a worker, a file, or another pack."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from siphub.contract import SystemClock
from siphub.contract.neutral import document_to_tree, from_partner, written
from siphub.contract.xml import MAX_BYTES
from siphub.errors import BadBody, Busy, MappingError, SiphubError, TooLarge
from siphub.mappings import Manifest, Mappings, Pack, approve, begin, compared, confined, findings, load_folder, shipped
from siphub.mappings.confined import Confined
from siphub.mappings.trial import samples_of
from siphub.settings import Settings

XSL, XSD = "http://www.w3.org/1999/XSL/Transform", "http://www.w3.org/2001/XMLSchema"
CODES = "table,canonical,partner\na,b,c\n"
SCHEMA = f'<xs:schema xmlns:xs="{XSD}"><xs:element name="b"/></xs:schema>'
TODAY = date(2026, 11, 26)
AGAIN = """<xsl:template name="again"><xsl:param name="n"/><xsl:if test="$n &gt; 0">
<xsl:call-template name="again"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template>
<xsl:call-template name="again"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:if></xsl:template>"""
WITHOUT_END = '<xsl:call-template name="again"><xsl:with-param name="n" select="50"/></xsl:call-template>'
LONGER = """<xsl:template name="longer"><xsl:param name="s"/><xsl:param name="n"/><xsl:choose>
<xsl:when test="$n = 0"><xsl:value-of select="$s"/></xsl:when><xsl:otherwise><xsl:call-template name="longer">
<xsl:with-param name="s" select="concat($s, $s)"/><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:otherwise>
</xsl:choose></xsl:template>"""


def sheet(content: str, further: str = "") -> str:
    """Write a sheet whose result is one element."""
    return (
        f'<xsl:stylesheet version="1.0" xmlns:xsl="{XSL}"><xsl:template match="/"><b>{content}</b></xsl:template>{further}</xsl:stylesheet>'
    )


def longer(times: int) -> str:
    """Write a sheet that doubles a text of eight characters so many times."""
    call = f"""<xsl:call-template name="longer"><xsl:with-param name="s" select="'12345678'"/><xsl:with-param name="n" select="{times}"/></xsl:call-template>"""
    return sheet(call, LONGER)


def optional(number: int) -> str:
    """Write a schema of so many elements, each of which may be missing: what libxml2 makes of it grows with the cube."""
    elements = "".join(f'<xs:element name="c{one}" minOccurs="0" type="xs:string"/>' for one in range(number))
    return f'<xs:schema xmlns:xs="{XSD}"><xs:element name="b"><xs:complexType><xs:sequence>{elements}</xs:sequence></xs:complexType></xs:element></xs:schema>'


def doubled(number: int) -> str:
    """Write a schema in which each of so many groups holds the one before it twice."""
    first = '<xs:group name="g0"><xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence></xs:group>'
    groups = "".join(
        f'<xs:group name="g{one}"><xs:sequence><xs:group ref="g{one - 1}"/><xs:group ref="g{one - 1}"/></xs:sequence></xs:group>'
        for one in range(1, number)
    )
    use = f'<xs:element name="b"><xs:complexType><xs:group ref="g{number - 1}"/></xs:complexType></xs:element>'
    return f'<xs:schema xmlns:xs="{XSD}">{first}{groups}{use}</xs:schema>'


def pack_of(kind: type[Pack] = Confined, /, **files: str) -> Pack:
    """Return a pack with a sheet and a schema, unless others are given."""
    manifest = Manifest.model_validate(
        {"id": "a", "version": "1.0", "kinds": ("nack",), "owner": "x", "status": "draft", "valid_from": "2026-01-01"}, strict=False
    )
    found = {"out.xsl": sheet("<c/>"), "schema/b.xsd": SCHEMA, "codes.csv": CODES} | files
    return kind(manifest, Path(), {name: text.encode() for name, text in found.items()})


def code_of(attempt: Callable[[], object]) -> str:
    """Return the code an attempt is refused with."""
    with pytest.raises(SiphubError) as refused:
        attempt()
    return refused.value.code


def processes() -> set[int]:
    """Return the ids of the processes that wait for a question."""
    return {one._process.pid for one in confined._OURS.processes._idle}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"out.xsl": sheet(WITHOUT_END, AGAIN)}, id="a sheet that doubles its work"),
        pytest.param({"schema/b.xsd": optional(3_000)}, id="a schema of optional elements"),
        pytest.param({"schema/b.xsd": doubled(40)}, id="a schema of groups in groups"),
    ],
)
def test_what_does_not_end_is_ended_and_harms_nothing(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a sheet or a schema without end, then it is ended and reaped, the code says why, and the next pack is answered."""
    monkeypatch.setattr(confined, "SECONDS", 0.5)
    pack = pack_of(**files)
    pack_of().check()
    before = processes()
    with pytest.raises(MappingError) as refused:
        pack.write(etree.XML("<a/>"))
    assert (refused.value.code, "more processor time for this" in refused.value.detail) == ("mapping.too_costly", True)
    [ended] = before - processes()
    with pytest.raises(ChildProcessError):
        os.waitpid(ended, 0)
    assert pack_of().transform("out", b"<a/>").endswith(b"<b><c/></b>")


@pytest.mark.parametrize("kind", [Pack, Confined])
@pytest.mark.parametrize("pattern", ["(a|aa|aaa|a?)+b", "(.*a){20}"])
def test_a_pattern_without_end_is_refused(kind: type[Pack], pattern: str) -> None:
    """Given a pattern that has many ways through a value, then what it is tried on is refused, wherever the schema is asked."""
    one = f'<xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction></xs:simpleType>'
    pack = pack_of(kind, **{"schema/b.xsd": f'<xs:schema xmlns:xs="{XSD}"><xs:element name="b">{one}</xs:element></xs:schema>'})
    with pytest.raises(MappingError) as refused:
        pack.problems(b"<b>" + b"a" * 3_000 + b"c</b>")
    assert (refused.value.code, "a pattern" in refused.value.detail) == ("mapping.too_costly", True)
    assert refused.value.__context__ is None


def test_the_memory_of_a_sheet_is_bounded() -> None:
    """Given a text that grows without end, then the sheet stops where there is no memory left for it."""
    assert code_of(lambda: pack_of(**{"out.xsl": longer(60)}).transform("out", b"<a/>")) in {
        "mapping.transform_failed",
        "mapping.too_costly",
    }
    assert pack_of().transform("out", b"<a/>").endswith(b"<b><c/></b>")


@pytest.mark.parametrize("kind", [Pack, Confined])
def test_what_comes_out_is_bounded(kind: type[Pack]) -> None:
    """Given a result above eight megabytes, then it is refused, wherever the sheet runs; just below it is not."""
    assert 8 * 2**19 < MAX_BYTES == 8 * 2**20
    assert len(pack_of(kind, **{"out.xsl": longer(19)}).transform("out", b"<a/>")) > 8 * 2**19
    above = pack_of(kind, **{"out.xsl": longer(20)})
    assert code_of(lambda: above.transform("out", b"<a/>")) == "mapping.too_large"
    assert code_of(lambda: above.write(etree.XML("<a/>"))) == "mapping.too_large"


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Mappings:
    """Give siphub's packs as somebody else's: copied into a folder of their own."""
    folder = tmp_path_factory.mktemp("mappings") / "packs"
    shutil.copytree(shipped(), folder)
    return Mappings([folder], SystemClock())


def test_a_pack_says_the_same_in_a_process_of_its_own(copies: Mappings) -> None:
    """Given siphub's own pack and a copy, then both write, judge and read every sample alike; only the copy runs in a process of its own."""
    ours, copy = Mappings([shipped()], SystemClock()).load("municipal-sip"), copies.load("municipal-sip")
    assert (type(ours), type(copy)) == (Pack, Confined)
    for _, message in samples_of(ours):
        document = message.to_document()
        made = written(ours, document)
        assert written(copy, document) == made
        assert from_partner(copy, made.body) == document
    wrong = b'<?xml version="1.0"?><sipMeddelande xmlns="urn:siphub:municipal-sip:1.0"><kuvert/></sipMeddelande>'
    assert copy.problems(wrong) == ours.problems(wrong) != ()


def test_what_is_wrong_is_said_as_by_any_pack(copies: Mappings) -> None:
    """Given bytes that cannot be parsed, a sheet that stops, or one that is not there, then code, positions and the sheet's words are those of any pack."""
    copy = copies.load("municipal-sip")
    with pytest.raises(BadBody) as refused:
        copy.transform("in", b"<a>\n<b></a>")
    assert [(one.code, one.position) for one in refused.value.problems] == [("xml.not_well_formed", "line 2 column 8")]
    with pytest.raises(TooLarge):
        copy.transform("in", b"<a/>" + b" " * MAX_BYTES)
    strange = document_to_tree({"schema_version": 1, "type": "nack", "strange": "hemligt"})
    with pytest.raises(MappingError) as stopped:
        copy.write(strange)
    assert (stopped.value.code, copy.said("out")) == ("mapping.transform_failed", ("out.xsl has no template for the field strange",))
    assert "hemligt" not in stopped.value.detail
    assert code_of(lambda: copy.transform("other", b"<a/>")) == "mapping.not_found"
    assert code_of(pack_of(**{"out.xsl": "<b/>"}).check) == "mapping.broken"


def test_the_process_holds_nothing_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a new process, then it has three files, none of our environment, and its limits: no file or socket is opened, and no core is left."""
    monkeypatch.setenv("SIPHUB_SECRET", "hemligt")
    monkeypatch.setattr(confined, "_OURS", confined._Ours())
    pack_of().check()
    [pid] = processes()
    place = Path("/proc") / str(pid)
    assert sorted(int(one.name) for one in (place / "fd").iterdir()) == [0, 1, 2]
    assert b"hemligt" not in (place / "environ").read_bytes()
    limits = {line[:26].strip(): line[26:47].strip() for line in (place / "limits").read_text().splitlines()}
    assert {name: limits[name] for name in ("Max open files", "Max file size", "Max core file size", "Max address space")} == {
        "Max open files": "3",
        "Max file size": "0",
        "Max core file size": "0",
        "Max address space": str(512 * 1024 * 1024),
    }


def test_a_process_that_was_ended_is_replaced() -> None:
    """Given a process that the machine has ended while it waited, then the next question is answered by another one."""
    pack = pack_of()
    pack.check()
    waiting = processes()
    for pid in waiting:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    pack.check()
    assert not waiting & processes()


@pytest.mark.parametrize("kind", [Pack, Confined])
def test_what_a_spreadsheet_makes_of_the_codes_is_told(kind: type[Pack]) -> None:
    """Given code tables that a spreadsheet has saved, then a byte order mark is no part of them, and other encodings and marks between columns are told as what they are."""

    def checked(encoding: str, mark: str = ",") -> str:
        codes = "table,canonical,partner\na,b,c\nplace,other,lägenhet\n".replace(",", mark).encode(encoding)
        pack = replace(pack_of(kind), files={**pack_of().files, "codes.csv": codes})
        try:
            pack.check()
        except MappingError as error:
            return f"{error.code}: {error.detail}"
        return pack.code("place", "other")

    assert checked("utf-8-sig") == "lägenhet"
    assert checked("cp1252") == "mapping.broken: line 3 of codes.csv in a@1.0 is not UTF-8: save it as UTF-8"
    assert checked("utf-16").startswith("mapping.broken: line 1 of codes.csv in a@1.0 is not UTF-8")
    assert "with commas between them" in checked("utf-8", ";")


def test_a_process_that_is_ended_at_its_work_blames_no_pack() -> None:
    """Given a process that the machine ends at a question, then whoever asked may ask again, and the pack is not said to be too costly."""
    slow = pack_of(**{"out.xsl": sheet(WITHOUT_END, AGAIN)})
    slow.check()
    pid = confined._OURS.processes._idle[-1]._process.pid
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(Busy) as later:
        slow.transform("out", b"<a/>")
    assert (later.value.code, pid in processes()) == ("mapping.no_process", False)


def test_a_document_to_be_sent_has_less_than_a_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a sheet that ends, and not within a permit, then what is to be sent by it is refused instead of tried for ever; reading by it is not."""
    assert Settings.model_fields["permit"].default.total_seconds() > confined.WRITING
    monkeypatch.setattr(confined, "WRITING", 0.05)
    lengthy = pack_of(**{"out.xsl": sheet(WITHOUT_END.replace("50", "18"), AGAIN)})
    assert code_of(lambda: lengthy.write(etree.XML("<a/>"))) == "mapping.too_costly"
    assert lengthy.transform("out", b"<a/>").endswith(b"<b/>")
    slow_to_compile = pack_of(**{"schema/b.xsd": optional(450)})
    assert slow_to_compile.write(etree.XML("<a/>"))[0].endswith(b"<b><c/></b>")


def test_many_threads_ask_at_once(copies: Mappings) -> None:
    """Given more threads than processes, then each gets its own answer, and a few processes are all there are."""
    pack = copies.load("municipal-sip")
    documents = [message.to_document() for _, message in samples_of(pack)][:24]
    with ThreadPoolExecutor(12) as threads:
        made = list(threads.map(lambda document: written(pack, document), documents * 3))
    assert [one.body for one in made] == [written(pack, document).body for document in documents] * 3
    assert len(processes()) <= 4


@pytest.fixture
def none_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin without a process, and end those that were started."""
    ours = confined._Ours()
    monkeypatch.setattr(confined, "_OURS", ours)
    yield
    for process in ours.processes._idle:
        process.end()


def several(number: int) -> list[Pack]:
    """Return packs that differ."""
    return [pack_of(**{"out.xsl": sheet(f"<c{one}/>")}) for one in range(number)]


def in_turn(packs: list[Pack]) -> None:
    """Use each pack once."""
    for one, pack in enumerate(packs):
        assert pack.transform("out", b"<a/>").endswith(f"<b><c{one}/></b>".encode())


def kept() -> dict[int, int]:
    """Return how many packs each process has."""
    return {one._process.pid: len(one.packs) for one in confined._OURS.processes._idle}


@pytest.mark.usefixtures("none_yet")
def test_packs_that_one_process_has_no_room_for_are_kept_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more packs than fit into one process, used in turn, then each is given to a process once, and none is ended."""
    monkeypatch.setattr(confined, "_MOST_PACKS", 3)
    packs = several(8)
    in_turn(packs)
    before = kept()
    assert sorted(before.values()) == [2, 3, 3]
    monkeypatch.setattr(confined._Processes, "_has", lambda _self, process, pack: pack.digest in process.packs)
    in_turn(packs)
    assert kept() == before


@pytest.mark.usefixtures("none_yet")
def test_where_no_process_has_room_the_pack_goes_that_was_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more packs than all processes have room for, then the one that was not used for longest gives way, and no process is ended for it."""
    monkeypatch.setattr(confined._Process, "_size", lambda _self: confined.ROOM + 1)
    packs = several(6)
    in_turn(packs[:4])
    four = processes()
    assert len(four) == 4
    in_turn(packs[:1])
    in_turn(packs)
    assert processes() == four
    there = {digest for one in confined._OURS.processes._idle for digest in one.packs}
    assert there == {pack.digest for pack in packs[2:] if isinstance(pack, Confined)}


@pytest.mark.usefixtures("none_yet")
def test_a_process_that_has_not_given_back_its_memory_gets_no_further_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a process with half of its memory taken, then it answers for what it has, and is ended in favour of a new one for another pack."""
    first, second = several(2)
    in_turn([first])
    [before] = processes()
    monkeypatch.setattr(confined, "_MOST_PROCESSES", 1)
    monkeypatch.setattr(confined._Process, "_size", lambda self: 3 * confined.ROOM if self._process.pid == before else 0)
    in_turn([first])
    assert processes() == {before}
    second.check()
    assert before not in processes()


@pytest.mark.usefixtures("none_yet")
def test_what_packs_take_of_a_process_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one process and many packs of the size of siphub's own, then it gives back what a pack took that had to go, and it is the same process all the time."""
    monkeypatch.setattr(confined, "_MOST_PROCESSES", 1)
    monkeypatch.setattr(confined, "ROOM", 80 * 1024 * 1024)
    origin, sizes, before = Mappings([shipped()], SystemClock()).load("municipal-sip"), [], set[int]()
    for number in range(14):
        load_folder(begin(origin, tmp_path, f"norrby-{number}", "1.0", owner="Norrby", today=TODAY)).problems(b"<a/>")
        sizes += [process._size() for process in confined._OURS.processes._idle]
        before |= processes()
    assert len(before) == 1
    assert max(kept().values()) < 8
    assert max(sizes) < 100 * 1024 * 1024


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Give a draft that runs without end on messages of one kind."""
    folder = begin(Mappings([shipped()], SystemClock()).load("municipal-sip"), tmp_path, "norrby-sip", "1.0", owner="Norrby", today=TODAY)
    file = folder / "out.xsl"
    text = file.read_text("utf-8")
    place = "<xsl:template match=\"c:content[../c:type='nack']\">"
    assert place in text
    file.write_text(text.replace(place, place + WITHOUT_END).replace("</xsl:stylesheet>", AGAIN + "</xsl:stylesheet>"), "utf-8")
    return folder


def test_a_draft_without_end_is_found_and_not_approved(draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a draft that runs without end on a sample, then that is found once, a comparison goes on to the end, and it is not approved."""
    monkeypatch.setattr(confined, "SECONDS", 0.3)
    pack = load_folder(draft)
    assert [(one.where, one.code) for one in findings(pack)] == [("nack.minimal", "mapping.too_costly")]
    kinds = ("nack", "ack.read")
    found = compared(Mappings([shipped()], SystemClock()).load("municipal-sip"), pack, kinds)
    assert {one.sample: one.what for one in found.samples} == {"nack.minimal": "fails in the second", "nack.maximal": "fails in the second"}
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.too_costly"


def test_documents_too_long_to_compare_are_said_to_differ(tmp_path: Path) -> None:
    """Given two packs that make thousands of lines, then they are not compared line by line, and that is said."""

    def made(word: str) -> Pack:
        text = '<xsl:template match="c:message" xmlns:c="urn:siphub:canonical:1"/>'
        return pack_of(Pack, **{"out.xsl": sheet(f"<{word}/>" * 6_000, text)})

    [change] = compared(made("c"), made("d"), ("nack",)).samples[:1]
    assert (change.what, change.lines[2:]) == ("differs", ("more than 5000 lines: too many to compare",))


def test_a_pack_of_many_megabytes_is_not_read(draft: Path) -> None:
    """Given a file larger than any pack, then the pack refuses to load before it is read."""
    with (draft / "huge.csv").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert code_of(lambda: load_folder(draft)) == "mapping.too_large"
