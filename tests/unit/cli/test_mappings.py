"""`mappings`: packs looked at, tried, compared, copied and approved; and a stored message opened only for whoever may read it."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import select

from siphub.mappings import shipped
from siphub.model import CATALOGUE, sample
from siphub.model import people as p
from siphub.store import AuditRow
from siphub.store.tables import audit
from tests.unit.cli.drafts import replaced

if TYPE_CHECKING:
    from siphub.testing.story import Story
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
OWN = "municipal-sip@1.0"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)


class TestList:
    def test_our_own_pack_is_there_without_a_hub(self, run: Run) -> None:
        """Given no hub, then siphub's own pack is listed as usable, in words and as JSON."""
        assert re.search(rf"{OWN} +approved", run("mappings", "list").out)
        [row] = [row for row in run("mappings", "list", "--json").facts if row["pack"] == OWN]
        assert (row["pack"], row["state"], row["used_by"]) == (OWN, "usable", [])
        assert set(row["kinds"]) == set(CATALOGUE)

    def test_each_version_says_what_keeps_it_from_being_used(self, run: Run, draft: Path) -> None:
        """Given a draft, an altered pack, one whose days are over, a broken manifest and a retired one, then each has its code, and the others are listed too."""
        assert run("mappings", "approve", draft, "--by", "Eva").status == 0
        for version in ("1.1", "1.2", "1.3", "1.4", "1.5"):
            run("mappings", "new", "norrby-sip", "--from", "norrby-sip@1.0", "--version", version, "--owner", "Norrby kommun")
        folder = draft.parent
        for version in ("1.1", "1.2", "1.5"):
            assert run("mappings", "approve", folder / version, "--by", "Eva").status == 0
        (folder / "1.1" / "codes.csv").write_text("changed")
        replaced(folder / "1.2" / "mapping.toml", "valid_from = ", "valid_to = 2026-01-02\nvalid_from = 2026-01-01 # ")
        (folder / "1.3" / "mapping.toml").write_text("[[")
        replaced(folder / "1.5" / "mapping.toml", 'status = "approved"', 'status = "retired"')
        mine = [row for row in run("mappings", "list", "--json").facts if row["pack"].startswith(("norrby", "municipal"))]
        states = {row["pack"]: row["state"] for row in mine}
        assert states == {
            OWN: "usable",
            "norrby-sip@1.0": "usable",
            "norrby-sip@1.1": "mapping.altered",
            "norrby-sip@1.2": "mapping.not_valid",
            "norrby-sip@1.3": "mapping.broken",
            "norrby-sip@1.4": "mapping.draft",
            "norrby-sip@1.5": "retired",
        }

    def test_units_that_name_a_pack_are_counted(self, door: Door, run: Run, tmp_path: Path) -> None:
        """Given a unit whose address names the pack and one whose names none, then the list says both, for the second gets the default."""
        directory = run("directory", "list", "--json").facts
        unit = next(one for one in directory["units"] if one["id"] == p.HOME_CARE)
        unit["address"]["mapping"] = OWN
        other = next(one for one in directory["units"] if one["id"] == p.SOCIAL_SERVICES)
        other["address"] = {"adapter": "municipal-xml", "endpoint": "https://soderby.example/sip"}
        unit["address"] |= {"adapter": "municipal-xml", "endpoint": "https://norrby.example/sip"}
        (tmp_path / "directory.json").write_text(json.dumps(directory))
        assert run("directory", "import", tmp_path / "directory.json").status == 0
        used = {row["pack"]: row["used_by"] for row in run("mappings", "list", "--json").facts}
        assert {pack: units for pack, units in used.items() if units} == {OWN: sorted([p.HOME_CARE, p.SOCIAL_SERVICES])}
        assert door.hub.settings.data.is_dir()


class TestCheck:
    def test_a_sound_pack(self, run: Run) -> None:
        """Given siphub's own pack, then nothing is wrong, exit 0."""
        done = run("mappings", "check", OWN)
        assert (done.status, done.out.startswith(f"{OWN}: nothing is wrong: {len(CATALOGUE)} message types")) == (0, True)
        every = run("mappings", "check", "--json").facts
        assert len(every) > 1
        assert {row["code"] for row in every} == {None}

    def test_what_is_wrong_is_said_with_place_and_code(self, run: Run, draft: Path) -> None:
        """Given a draft with a field that no template names, then exit 1, and the samples and the field are named."""
        replaced(draft / "out.xsl", 'match="c:agenda"', 'match="c:nothing"')
        done = run("mappings", "check", draft)
        assert done.status == 1
        assert "meeting.summoned.maximal: mapping.transform_failed: out.xsl has no template for the field agenda" in done.out
        found = run("mappings", "check", "norrby-sip@1.0", "--json")
        assert (found.status, {one["code"] for one in found.facts}) == (1, {"mapping.transform_failed"})

    @pytest.mark.parametrize("command", ["check", "try", "schema", "diff", "new"])
    def test_a_pack_that_is_not_there(self, run: Run, command: str) -> None:
        """Given a name that no pack has, then every command says so with the code."""
        further = {"try": ["--sample", "nack"], "diff": [OWN], "new": ["--from", "nobodys", "--owner", "x"]}
        done = run("mappings", command, "nobodys", *further.get(command, []))
        assert done.status == 1
        assert "mapping.not_found" in done.out + done.err


class TestTry:
    def test_a_sample_shows_what_goes_in_what_comes_out_and_the_verdict(self, run: Run) -> None:
        """Given a sample, then its neutral XML, the partner's XML and what the schema says are shown."""
        done = run("mappings", "try", OWN, "--sample", "meeting.summoned", "--maximal")
        assert done.status == 0
        went_in, _, rest = done.out.partition("── out")
        assert "<duty_holder>principal</duty_holder>" in went_in
        assert "<skyldig>huvudman</skyldig>" in rest
        assert done.out.rstrip().endswith("── valid, and comes back whole")
        [found] = run("mappings", "try", OWN, "--sample", "meeting.summoned", "--json").facts
        assert (found["ok"], found["losses"], found["problems"]) == (True, [], [])
        assert found["back"] == found["input"] == sample("meeting.summoned").to_document()

    def test_a_file_and_what_is_wrong_with_it(self, run: Run, tmp_path: Path) -> None:
        """Given a message with a code that has no row, then exit 1 with the table; given one the schema refuses, then with the place; no word of it."""
        document = sample("meeting.cancelled").to_document()
        document["content"]["phone"] = "ring grannen"
        (tmp_path / "message.json").write_text(json.dumps(document))
        done = run("mappings", "try", OWN, tmp_path / "message.json")
        assert done.status == 1
        sheet = (shipped() / "municipal-sip" / "1.0" / "out.xsl").read_text("utf-8").splitlines()
        [line] = [number for number, text in enumerate(sheet, 1) if "<telefon>" in text]
        said = f"mapping.invalid_output: out.xsl line {line}: SCHEMAV_CVC_PATTERN_VALID at /sipMeddelande/avbokning/telefon"
        assert said in done.out
        document = sample("meeting.response").to_document()
        document["content"]["response"] = "perhaps"
        (tmp_path / "message.json").write_text(json.dumps(document))
        done = run("mappings", "try", OWN, tmp_path / "message.json", "--json")
        assert (done.status, done.facts[0]["code"], done.facts[0]["output"]) == (1, "mapping.unmapped", None)
        assert "perhaps" not in "".join(done.facts[0]["problems"])

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ([], "mapping.what"),
            (["x.json", "--sample", "nack"], "mapping.what"),
            (["--sample", "meeting.sumoned"], "message.unknown_type"),
            (["nothing.json"], "file.unreadable"),
            (["deep.json"], "file.unreadable"),
            (["--message", str(uuid4())], "key.unreadable"),
        ],
    )
    def test_wrong_use(self, run: Run, tmp_path: Path, words: list[str], code: str) -> None:
        """Given nothing to try on, two things, a type or file that is not there, one without end, or no key, then exit 2 and why."""
        (tmp_path / "deep.json").write_text("[" * 200_000)
        done = run("mappings", "try", OWN, *words)
        assert (done.status, done.out) == (2, "")
        assert code in done.err


class TestTryOnWhatIsStored:
    @pytest.fixture
    def key_of(self, door: Door, tmp_path: Path) -> Callable[..., Path]:
        """Give what makes an API key of an organisation, in a file."""
        from siphub.hub import add_key

        def made(organisation: str, *roles: str) -> Path:
            file = tmp_path / f"{uuid4()}.key"
            key = add_key(door.hub.store, door.hub.ground.clock, organisation=organisation, name=file.name, roles=roles)
            file.write_text(key)
            return file

        return made

    def test_its_sender_sees_it_and_that_is_noted(self, door: Door, run: Run, called: Story, key_of: Callable[..., Path]) -> None:
        """Given the sender's key, then the whole message is tried, and the audit says who opened which message with which pack."""
        message = called.sent[-1]
        done = run("mappings", "try", OWN, "--message", message.message_id, "--key-file", key_of(p.MUNICIPALITY, "send"), "--json")
        assert (done.status, done.facts[0]["input"]["message_id"], done.facts[0]["ok"]) == (0, str(message.message_id), True)
        with door.hub.store.read() as work:
            noted = [one for one in work.audit.of_case(p.MUNICIPALITY, str(message.case_id)) if one.action == "message.tried"]
        assert [(one.actor, one.facts["message_id"], one.facts["pack"]) for one in noted] == [
            (p.MUNICIPALITY, str(message.message_id), OWN)
        ]

    def test_who_was_sent_it_sees_what_was_cut_for_it(self, run: Run, called: Story, key_of: Callable[..., Path]) -> None:
        """Given a recipient's key, then its own cut is tried and nothing else of the message."""
        message = called.sent[-1]
        done = run("mappings", "try", OWN, "--message", message.message_id, "--key-file", key_of(p.NEIGHBOUR, "inbox"), "--json")
        assert done.status == 0
        assert [one["input"]["message_id"] for one in done.facts] == [str(message.message_id)]
        assert done.facts[0]["input"] != message.to_document()

    @pytest.mark.parametrize(
        ("organisation", "role", "code"),
        [(p.ARBETSFORMEDLINGEN, "inbox", "message.not_there"), (p.MUNICIPALITY, "operate", "caller.role")],
    )
    def test_nobody_else_does(
        self, door: Door, run: Run, called: Story, key_of: Callable[..., Path], *, organisation: str, role: str, code: str
    ) -> None:
        """Given a key of another organisation, or of an operator, then nothing is opened and nothing of it is shown or noted."""
        message = called.sent[-1]
        done = run("mappings", "try", OWN, "--message", message.message_id, "--key-file", key_of(organisation, role))
        assert (done.status, done.out) == (1, "")
        assert code in done.err
        with door.hub.store.read() as work:
            assert all(one.action != "message.tried" for one in work.audit.of_case(p.MUNICIPALITY, str(message.case_id)))

    def test_a_key_that_nobody_has(self, run: Run, called: Story, tmp_path: Path) -> None:
        """Given a key the hub does not know, then it is refused."""
        (tmp_path / "no.key").write_text("siphub_nothing")
        done = run("mappings", "try", OWN, "--message", called.sent[-1].message_id, "--key-file", tmp_path / "no.key")
        assert (done.status, "caller.unauthenticated" in done.err) == (1, True)


class TestDiff:
    def test_the_same_is_zero_and_a_difference_one(self, run: Run, draft: Path) -> None:
        """Given a copy, then exit 0; given another word, then exit 1 with the lines, and with --brief without them."""
        assert run("mappings", "diff", OWN, draft).status == 0
        replaced(draft / "codes.csv", "pågående", "pågår")
        done = run("mappings", "diff", OWN, draft)
        assert done.status == 1
        assert '  +    <status snomedCt="385651009">pågår</status>' in done.out
        assert "codes.csv: activity-state, ongoing: “pågående” → “pågår”" in done.out
        assert done.out.rstrip().endswith(f"2 of {2 * len(CATALOGUE)} samples differ, and 1 rows of the code tables.")
        assert "pågår</status>" not in run("mappings", "diff", OWN, draft, "--brief").out
        found = run("mappings", "diff", OWN, draft, "--type", "activity.status", "--json").facts
        assert [one["sample"] for one in found["samples"]] == ["activity.status.minimal"]


class TestNewAndApprove:
    def test_from_nothing_to_an_approved_pack(self, run: Run, draft: Path) -> None:
        """Given a draft, when it is approved, then the command says how a unit gets it; a second time, or a taken place, is refused."""
        done = run("mappings", "approve", draft, "--by", "Eva Kontakt")
        assert 'mapping = "norrby-sip@1.0"' in done.out
        assert "mapping.not_draft" in run("mappings", "approve", draft, "--by", "Eva").err
        assert "mapping.exists" in run("mappings", "new", "norrby-sip", "--owner", "Norrby kommun").err
        found = run("mappings", "new", "norrby-sip", "--version", "1.1", "--owner", "Norrby kommun", "--json").facts
        assert (found["pack"], found["status"]) == ("norrby-sip@1.1", "draft")

    def test_the_steps_that_follow_a_draft_can_be_typed_as_they_stand(self, siphub: Run, run: Run) -> None:
        """Given a new draft, then the commands that are printed with it work as they stand; without a hub it is said that no audit has the approval."""
        printed = run("mappings", "new", "norrby-sip", "--owner", "Norrby kommun").out
        steps = [shlex.split(line)[1:] for line in printed.splitlines() if line.startswith("  siphub ")]
        assert [step[1] for step in steps] == ["try", "diff", "check", "approve"]
        done = [siphub(*step) for step in steps]
        assert [one.status for one in done] == [0, 0, 0, 0], done
        assert "No hub's audit has that it was approved" in done[-1].out

    def test_an_approval_is_noted_with_what_was_approved(self, door: Door, run: Run, draft: Path) -> None:
        """Given a hub, when a pack is approved, then its audit says which, by whom, and the checksum of its manifest."""
        said = run("mappings", "approve", draft, "--by", "Eva Kontakt", "--json").facts
        assert said["noted"] is True
        with door.hub.store.read() as work:
            chain = work.audit._all(AuditRow, select(audit).where(audit.c.owner == "-"))
            assert work.audit.verify("-") is None
        [noted] = [one for one in chain if one.action == "mapping.approved"]
        assert (noted.actor, dict(noted.facts)) == ("Eva Kontakt", {"pack": "norrby-sip@1.0", "digest": said["digest"]})
        assert said["digest"] == hashlib.sha256((draft / "mapping.toml").read_bytes()).hexdigest()

    def test_the_schema_as_a_page(self, run: Run, tmp_path: Path) -> None:
        """Given --output, then the page is written there, else printed; a file that cannot be written is told."""
        assert run("mappings", "schema", OWN, "--output", tmp_path / "page.html").status == 0
        assert (tmp_path / "page.html").read_text("utf-8") == run("mappings", "schema", OWN).out
        assert "file.unwritable" in run("mappings", "schema", OWN, "--output", tmp_path / "no" / "page.html").err
