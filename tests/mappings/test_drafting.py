"""A pack's way from a copy to an approved version, and what is found on the way."""

from __future__ import annotations

import errno
import os
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from siphub.contract import SystemClock
from siphub.contract.neutral import from_partner, to_partner
from siphub.errors import MappingError
from siphub.mappings import (
    MANIFEST,
    Loss,
    Mappings,
    Pack,
    approve,
    begin,
    checksums,
    compared,
    findings,
    load_folder,
    schema_page,
    shipped,
    tried,
)
from siphub.mappings.trial import losses
from siphub.model import CATALOGUE, sample

TODAY = date(2026, 11, 26)
Change = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def municipal() -> Pack:
    """Give siphub's own pack."""
    return Mappings([shipped()], SystemClock()).load("municipal-sip", "1.0")


@pytest.fixture
def draft(municipal: Pack, tmp_path: Path) -> Path:
    """Give the folder of a draft made from it."""
    return begin(municipal, tmp_path, "norrby-sip", "1.0", owner='Norrby "kommun"', today=TODAY)


@pytest.fixture
def change(draft: Path) -> Change:
    """Give what replaces a text, which must be there, in a file of the draft."""

    def replaced(name: str, before: str, after: str) -> None:
        text = (draft / name).read_text("utf-8")
        assert before in text
        (draft / name).write_text(text.replace(before, after), "utf-8")

    return replaced


def code_of(attempt: Callable[[], object]) -> str:
    """Return the code an attempt is refused with."""
    with pytest.raises(MappingError) as refused:
        attempt()
    return refused.value.code


def test_a_draft_is_a_copy_with_a_namespace_of_its_own(draft: Path) -> None:
    """Begun from another pack, then a draft has its sheets, schema and codes, its own name in the XML, and nothing of the other's approval."""
    manifest = tomllib.loads((draft / MANIFEST).read_text("utf-8"))
    assert (manifest["id"], manifest["status"], manifest["owner"], manifest["files"]) == ("norrby-sip", "draft", 'Norrby "kommun"', {})
    pack = load_folder(draft)
    assert b"urn:siphub:norrby-sip:1.0" in tried(pack, sample("meeting.summoned").to_document()).body  # type: ignore[operator]  # it is bytes, or the test fails
    assert not any(b"municipal-sip:1.0" in body for body in pack.files.values())
    assert list(findings(pack)) == []


def test_a_draft_may_be_changed_freely_and_is_used_by_nobody(draft: Path, change: Change) -> None:
    """Given a draft whose files change, then it is tried as it stands, and no hub takes it."""
    change("codes.csv", "planerad", "tänkt")
    change("schema/municipal-sip.xsd", '"planerad"', '"tänkt"')
    document = sample("activity.status").to_document()
    document["content"]["status"] = "planned"
    trial = tried(load_folder(draft), document)
    assert trial.ok
    assert "tänkt" in (trial.body or b"").decode()
    mappings = Mappings([draft.parents[1]], SystemClock())
    assert code_of(lambda: mappings.load("norrby-sip", "1.0")) == "mapping.draft"


def test_what_is_approved_is_fixed(draft: Path) -> None:
    """Approved, then every file has its checksum, golden files show every sample, who did it is said, and a later byte refuses to load."""
    pack = approve(draft, by="Eva Kontakt", today=TODAY)
    assert (pack.manifest.status, pack.manifest.approved_by, pack.manifest.approved_on) == ("approved", "Eva Kontakt", TODAY)
    assert pack.manifest.files == checksums(draft)
    assert len(list((draft / "golden").iterdir())) == 2 * len(CATALOGUE)
    assert list(findings(pack)) == []
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.not_draft"
    (draft / "in.xsl").write_bytes((draft / "in.xsl").read_bytes() + b"\n")
    assert code_of(lambda: load_folder(draft)) == "mapping.altered"


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("codes.csv", "activity-state,ongoing,pågående\n", "", "activity-state"),
        ("out.xsl", 'match="c:agenda"', 'match="c:nothing"', "no template for the field agenda"),
        ("in.xsl", "phone>", "telephone>", "there and back"),
        ("schema/municipal-sip.xsd", '<xs:element name="kallelse" type="sip:Kallelse"/>', "", "SCHEMAV"),
    ],
)
def test_a_draft_that_loses_or_stops_is_not_approved(draft: Path, change: Change, name: str, before: str, after: str, said: str) -> None:
    """A code without a row, a field without a template, one that does not come back, XML the schema refuses: each is found and named."""
    change(name, before, after)
    found = list(findings(load_folder(draft)))
    assert any(said in f"{one.where} {one.detail}" for one in found), found[:3]
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.unsound"
    assert tomllib.loads((draft / MANIFEST).read_text("utf-8"))["status"] == "draft"


def test_golden_files_that_are_old_missing_or_strange_are_found(draft: Path) -> None:
    """Given an approved pack whose golden files do not fit, then each is named."""
    pack, golden = approve(draft, by="Eva Kontakt", today=TODAY), draft / "golden"
    (golden / "nack.minimal.xml").unlink()
    (golden / "nack.maximal.xml").write_text("<old/>")
    (golden / "nothing.xml").write_text("<x/>")
    assert sorted((one.where, one.code) for one in findings(pack)) == [
        ("golden/nack.maximal.xml", "mapping.golden"),
        ("golden/nack.minimal.xml", "mapping.golden"),
        ("golden/nothing.xml", "mapping.golden"),
    ]


@pytest.mark.parametrize(
    ("pack", "version", "owner", "code"),
    [
        ("Norrby", "1.0", "N", "mapping.name"),
        ("../norrby", "1.0", "N", "mapping.name"),
        ("norrby", "../1", "N", "mapping.broken"),
        ("norrby", "1.0", "", "mapping.broken"),
        ("norrby", "1.0", " ", "mapping.broken"),
        ("norrby", "1.0", "N\nstatus", "mapping.broken"),
        ("norrby", "1.0", "N\x7f", "mapping.broken"),
        ("norrby-sip", "1.0", "N", "mapping.exists"),
    ],
)
def test_a_draft_needs_a_name_a_version_an_owner_and_a_free_place(
    municipal: Pack, draft: Path, pack: str, version: str, owner: str, code: str
) -> None:
    """A name or version that is none, no owner, or a place that is taken makes nothing."""
    before = sorted(draft.parents[1].rglob("*"))
    assert code_of(lambda: begin(municipal, draft.parents[1], pack, version, owner=owner, today=TODAY)) == code
    assert sorted(draft.parents[1].rglob("*")) == before


def test_a_place_that_cannot_be_written_is_said_and_nothing_half_is_left(municipal: Pack, draft: Path) -> None:
    """Given a file where the folder of packs should be, or a golden folder that leads elsewhere, then that is said, and what it leads to is left alone."""
    elsewhere = draft.parents[1] / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (draft / "golden").symlink_to(elsewhere)
    assert code_of(lambda: begin(municipal, elsewhere / "kept", "norrby", "1.0", owner="N", today=TODAY)) == "mapping.unwritable"
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.unwritable"
    assert [one.name for one in elsewhere.iterdir()] == ["kept"]
    assert tomllib.loads((draft / MANIFEST).read_text("utf-8"))["status"] == "draft"


@pytest.mark.parametrize("name", [".out.xsl.swp", "out.xsl~", "schema/my schema.xsd.bak"])
def test_a_file_that_no_manifest_can_list_is_named(draft: Path, name: str) -> None:
    """Given what an editor leaves behind, the draft is tried all the same, and is not approved before that is gone: it is named."""
    (draft / name).touch()
    load_folder(draft)
    with pytest.raises(MappingError) as refused:
        approve(draft, by="Eva Kontakt", today=TODAY)
    assert (refused.value.code, name in refused.value.detail) == ("mapping.name", True)
    assert not (draft / "golden").exists()


def test_what_was_tried_is_what_is_approved(draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a file that is changed after it was tried and before it is fixed, then the pack is not the one that was approved, and refuses to load."""

    def meanwhile(pack: Pack) -> None:
        (pack.folder / "codes.csv").write_bytes(pack.files["codes.csv"].replace(b"planerad", b"avbruten"))

    monkeypatch.setattr("siphub.mappings.drafting.write_golden", meanwhile)
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.altered"


def test_an_approval_that_the_disk_has_no_room_for_changes_nothing(draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that is full when the manifest is written, then it is still that of a draft, whole, and nothing is left beside it."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = (draft / MANIFEST).read_bytes()
    with monkeypatch.context() as changed:
        changed.setattr(os, "fsync", full)
        assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.unwritable"
    assert (draft / MANIFEST).read_bytes() == before
    assert [one.name for one in draft.parent.iterdir()] == ["1.0"]
    assert approve(draft, by="Eva Kontakt", today=TODAY).manifest.status == "approved"


def test_of_two_who_approve_at_once_one_does(draft: Path) -> None:
    """Given two who approve the same draft, then one of them has, and the other is told that it is no draft any more."""

    def approving(name: str) -> str:
        try:
            return approve(draft, by=name, today=TODAY).manifest.approved_by or ""
        except MappingError as error:
            return error.code

    with ThreadPoolExecutor(2) as threads:
        first, second = sorted(threads.map(approving, ("Eva Kontakt", "Bo Systemman")))
    assert second == "mapping.not_draft"
    assert load_folder(draft).manifest.approved_by == first


def test_a_folder_that_is_none_is_not_approved(tmp_path: Path) -> None:
    """Given a place where nothing is, then that is said."""
    assert code_of(lambda: approve(tmp_path / "nothing" / "1.0", by="Eva Kontakt", today=TODAY)) == "mapping.not_found"


def test_a_pack_in_the_namespace_of_another_is_found(draft: Path) -> None:
    """Given a copy made by hand that kept the namespace, the hub would read its documents by the other's words: that is said, and it is not approved."""
    for name in ("in.xsl", "out.xsl", "schema/municipal-sip.xsd"):
        (draft / name).write_bytes((draft / name).read_bytes().replace(b"urn:siphub:norrby-sip:1.0", b"urn:siphub:municipal-sip:1.0"))
    assert {one.code for one in findings(load_folder(draft))} == {"mapping.namespace"}
    assert code_of(lambda: approve(draft, by="Eva Kontakt", today=TODAY)) == "mapping.unsound"


def test_a_pack_that_reads_and_writes_without_a_namespace_is_found(draft: Path) -> None:
    """Given a pack that reads, and writes in no namespace, the hub would never know its documents: that is said, and how to mend it."""
    for name in ("in.xsl", "out.xsl", "schema/municipal-sip.xsd"):
        (draft / name).write_bytes((draft / name).read_bytes().replace(b"urn:siphub:norrby-sip:1.0", b"urn:norrby"))
    found = list(findings(load_folder(draft)))
    assert {one.code for one in found} == {"mapping.namespace"}
    assert all("only writes" in one.detail for one in found)


def test_a_message_type_without_a_form_is_refused_by_name(draft: Path) -> None:
    """Given a pack without a kind, then a message of it is not translated at all, and its code says so."""
    text = (draft / MANIFEST).read_text("utf-8")
    (draft / MANIFEST).write_text(text.replace('  "nack",\n', ""), "utf-8")
    pack = load_folder(draft)
    assert code_of(lambda: to_partner(pack, sample("nack").to_document())) == "mapping.unsupported_type"
    assert tried(pack, sample("nack").to_document()).code == "mapping.unsupported_type"
    assert list(findings(pack)) == []


def test_a_word_and_the_code_beside_it_must_agree(municipal: Pack) -> None:
    """A status with another status' SNOMED CT code is refused; without the code it is read by its word."""
    body = to_partner(municipal, sample("activity.status").to_document())
    assert municipal.problems(wrong := body.replace(b"385651009", b"397943006")) == ()
    assert code_of(lambda: from_partner(municipal, wrong)) == "mapping.contradiction"
    bare = body.replace(b' snomedCt="385651009"', b"")
    assert municipal.problems(bare) == ()
    assert from_partner(municipal, bare) == sample("activity.status").to_document()


def test_the_ledger_names_every_field_that_is_not_as_it_was() -> None:
    """What is lost, changed or invented is named by its pointer; true is not 1, and what is equal is not named."""
    before = {"a": "x", "b": {"c": [1, 2, True]}, "d": {}, "e": "same"}
    after = {"a": "y", "b": {"c": [1, 3, 1, 4]}, "e": "same", "f": None}
    assert list(losses(before, after)) == [
        Loss("/a", "changed"),
        Loss("/b/c/1", "changed"),
        Loss("/b/c/2", "changed"),
        Loss("/b/c/3", "invented"),
        Loss("/d", "lost"),
        Loss("/f", "invented"),
    ]


class TestComparison:
    def test_a_copy_does_nothing_differently(self, municipal: Pack, draft: Path) -> None:
        """Given a copy with another name, then no sample differs: the namespace, which is each version's own, does not count."""
        found = compared(municipal, load_folder(draft))
        assert (found.same, found.compared) == (True, 2 * len(CATALOGUE))

    def test_what_differs_is_shown_by_line(self, municipal: Pack, draft: Path, change: Change) -> None:
        """Given another word for a code, then the samples that hold it are named with the lines, and so is the row."""
        change("codes.csv", "pågående", "pågår")
        found = compared(municipal, load_folder(draft))
        assert {one.sample for one in found.samples} == {"activity.status.minimal", "followup.held.maximal"}
        assert [line for line in found.samples[0].lines if line[:1] in "+-"][2:] == [
            '-    <status snomedCt="385651009">pågående</status>',
            '+    <status snomedCt="385651009">pågår</status>',
        ]
        assert [(one.table, one.canonical, one.first, one.second) for one in found.codes] == [
            ("activity-state", "ongoing", "pågående", "pågår")
        ]

    def test_what_only_one_does_is_named(self, municipal: Pack, draft: Path, change: Change) -> None:
        """Given a kind that one has no form for, and one that it fails on, then both are said, and only for the kinds asked about."""
        change(MANIFEST, '  "nack",\n', "")
        change("codes.csv", "response,accept,accepterar\n", "")
        kinds = ("nack", "meeting.response", "plan.closed")
        found = compared(municipal, load_folder(draft), kinds)
        assert [(one.sample, one.what) for one in found.samples] == [
            ("meeting.response.minimal", "fails in the second"),
            ("nack.minimal", "only in the first"),
            ("nack.maximal", "only in the first"),
        ]
        back = compared(load_folder(draft), municipal, kinds)
        assert {one.what for one in back.samples} == {"fails in the first", "only in the second"}
        assert [one.second for one in found.codes] == [None]


def test_the_page_of_a_schema_says_everything_in_both_languages(municipal: Pack) -> None:
    """Given the schema, then its page names every element, type and word, each with its sentences, and loads nothing from anywhere."""
    page = schema_page(municipal)
    [schema] = municipal.schema_trees()
    names = {found.get("name") for found in schema.iter("{*}element", "{*}complexType", "{*}simpleType", "{*}attribute")} - {None}
    assert len(names) > 300
    assert [name for name in names if f"{name}<" not in page] == []
    assert all(f"<code>{word.get('value')}</code>" in page for word in schema.iter("{*}enumeration"))
    assert "Kallelse till den som har en skyldighet att komma." in page
    assert "A summons to a unit that has a duty to come." in page
    links = {part.partition('"')[0] for part in page.split('href="')[1:]}
    assert all(link.startswith("#") and f'id="{link[1:]}"' in page for link in links)
    assert not any(word in page for word in ("<script", "src=", "<link", "url("))
