"""What was approved on a hub is compared with what lies there: by `mappings list` and `check`, and by `doctor`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.errors import StoreLost
from siphub.mappings import approve, checksums
from siphub.mappings.manifest import read_manifest
from tests.unit.cli.drafts import replaced

if TYPE_CHECKING:
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
OWN = "municipal-sip@1.0"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)


class TestWhatWasApprovedHere:
    """The audit has the digest of each pack that was approved on this hub; a pack that is another since is said, and not used."""

    @pytest.fixture
    def approved(self, door: Door, run: Run, draft: Path) -> Path:
        """Give the folder of a pack that was approved on a hub."""
        assert door.hub.settings.data in draft.parents
        assert run("mappings", "approve", draft, "--by", "Eva Kontakt").status == 0
        return draft

    def forge(self, folder: Path) -> None:
        """Change a sheet, and its checksum in the manifest with it, as one would who means it."""
        replaced(folder / "out.xsl", "<kallelse>", "<kallelse >")
        replaced(folder / "mapping.toml", read_manifest(folder).files["out.xsl"], checksums(folder)["out.xsl"])

    def state(self, run: Run, pack: str = "norrby-sip@1.0") -> tuple[str, str]:
        """Return by whom the list says that a pack is approved, and whether it may be used."""
        [row] = [row for row in run("mappings", "list", "--json").facts if row["pack"] == pack]
        return row["approval"], row["state"]

    def doctor(self, run: Run, pack: str = "norrby-sip@1.0") -> list[tuple[str, str]]:
        """Return what doctor says of a pack."""
        return [(one["level"], one["what"]) for one in run("doctor", "--json").facts if pack in one["what"]]

    def test_a_file_changed_with_its_checksum_is_found(self, run: Run, approved: Path) -> None:
        """Given a file and its checksum that were both changed after approval, then list, check and doctor say so, until it is put back."""
        assert self.state(run) == ("here", "usable")
        assert self.doctor(run) == [("ok", "mapping pack norrby-sip@1.0 is in order")]
        before = {name: (approved / name).read_bytes() for name in ("out.xsl", "mapping.toml")}
        self.forge(approved)
        assert self.state(run) == ("changed", "mapping.digest_changed")
        assert re.search(r"norrby-sip@1.0 +approved +changed since .* mapping.digest_changed", run("mappings", "list").out)
        checked = run("mappings", "check", "norrby-sip@1.0")
        assert (checked.status, "mapping.toml: mapping.digest_changed: norrby-sip@1.0 is not what was approved" in checked.out) == (1, True)
        [(level, said)] = self.doctor(run)
        assert (level, "--as-it-is" in said, "[mapping.digest_changed]" in said) == ("wrong", True, True)
        for name, body in before.items():
            (approved / name).write_bytes(body)
        assert self.state(run) == ("here", "usable")
        assert run("mappings", "check", "norrby-sip@1.0").status == 0

    def test_who_has_read_what_is_different_has_it_noted(self, door: Door, run: Run, approved: Path) -> None:
        """Given a changed pack that somebody has read, when it is approved as it is, then it is used again, its files are untouched, and the audit has both."""
        self.forge(approved)
        before = {file: file.read_bytes() for file in approved.rglob("*") if file.is_file()}
        said = run("mappings", "approve", approved, "--by", "Nils Granskare", "--as-it-is", "--json")
        assert said.status == 0
        assert {file: file.read_bytes() for file in approved.rglob("*") if file.is_file()} == before
        assert self.state(run) == ("here", "usable")
        with door.hub.store.read() as work:
            noted = work.audit.of_action("-", "mapping.approved")
        assert [one.actor for one in noted] == ["Eva Kontakt", "Nils Granskare"]
        assert noted[1].facts["digest"] == said.facts["digest"] != noted[0].facts["digest"]

    def test_to_use_a_pack_less_needs_no_approval(self, run: Run, approved: Path) -> None:
        """Given an approved pack that is retired, or gets a last day, by a line of its manifest, then it is the same still; an earlier first day is not less."""
        replaced(approved / "mapping.toml", 'status = "approved"', 'status = "retired"')
        assert self.state(run) == ("here", "retired")
        replaced(approved / "mapping.toml", "valid_from = ", "valid_to = 2099-12-31\nvalid_from = ")
        assert self.state(run) == ("here", "retired")
        replaced(approved / "mapping.toml", "valid_from = ", "valid_from = 2001-01-01 # ")
        assert self.state(run) == ("changed", "mapping.digest_changed")

    def test_a_pack_from_elsewhere_is_used_and_told(self, run: Run, approved: Path, tmp_path: Path) -> None:
        """Given a pack that was approved where there is no hub, then it may be used, doctor says that nobody would see it changed, and it can be noted."""
        made = run("mappings", "new", "soderby-sip", "--owner", "Söderby", "--folder", tmp_path / "there", "--json").facts["folder"]
        approve(Path(made), by="Eva", today=date(2026, 11, 26))
        shutil.copytree(tmp_path / "there" / "soderby-sip", approved.parents[1] / "soderby-sip")
        assert self.state(run, "soderby-sip@1.0") == ("elsewhere", "usable")
        assert run("mappings", "check", "soderby-sip@1.0").status == 0
        [(level, said), further] = self.doctor(run, "soderby-sip@1.0")
        assert (level, "was not approved on this hub" in said, further[0]) == ("look", True, "ok")
        [words] = re.findall(r"siphub (mappings approve \S+)", said)
        assert run(*words.split(), "--by", "Nils", "--as-it-is").status == 0
        assert self.state(run, "soderby-sip@1.0") == ("here", "usable")

    def test_ours_is_approved_by_the_release(self, run: Run, approved: Path) -> None:
        """Given siphub's own pack, then nothing is asked of the audit; a draft is nobody's yet."""
        run("mappings", "new", "norrby-sip", "--version", "1.1", "--owner", "Norrby kommun")
        assert (self.state(run, OWN), self.state(run, "norrby-sip@1.1")) == (("release", "usable"), ("draft", "mapping.draft"))
        assert "mapping.draft" in run("mappings", "approve", approved.parent / "1.1", "--by", "Eva", "--as-it-is").err

    def test_as_it_is_wants_a_hub(self, run: Run, draft: Path) -> None:
        """Given no hub, then there is nowhere to note a pack as it lies."""
        assert run("mappings", "approve", draft, "--by", "Eva").status == 0
        assert "settings.no_hub" in run("mappings", "approve", draft, "--by", "Eva", "--as-it-is").err

    def test_an_approval_that_cannot_be_noted_is_none(self, draft: Path) -> None:
        """Given an audit that takes nothing, when a draft is approved, then it stays a draft."""

        def full(_name: str, _digest: str) -> None:
            raise StoreLost("it is gone")

        with pytest.raises(StoreLost):
            approve(draft, by="Eva", today=date(2026, 11, 26), note=full)
        assert read_manifest(draft).status == "draft"
