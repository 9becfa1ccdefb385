"""No command about mapping packs tells a person's data to a log or in an error, whatever a pack's sheets say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.model import people as p
from siphub.model import sample

if TYPE_CHECKING:
    from siphub.testing.story import Story
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
CANARY = "Kanariefågel Hemlig"
SAYS_ALL = '<xsl:message terminate="yes"><xsl:value-of select="/"/></xsl:message>'


@pytest.fixture
def draft(run: Run, data_folder: Path) -> Path:
    """Give the folder of a draft whose sheet says the whole document, and stops, at a cancelled meeting."""
    assert run("mappings", "new", "norrby-sip", "--owner", "Norrby kommun").status == 0
    folder = data_folder / "mappings" / "norrby-sip" / "1.0"
    text = (folder / "out.xsl").read_text("utf-8")
    before = "<avbokning>"
    assert text.count(before) == 1
    (folder / "out.xsl").write_text(text.replace(before, before + SAYS_ALL), "utf-8")
    return folder


def cancelled(folder: Path, **changes: str) -> Path:
    """Write a message whose convener is the canary, with further changes."""
    document: dict[str, Any] = json.loads(sample("meeting.cancelled").to_json())
    document["author"] = {**(document.get("author") or {}), "name": CANARY, "role": "coordinator"}
    document["content"] |= changes
    file = folder / "message.json"
    file.write_text(json.dumps(document), "utf-8")
    return file


@pytest.mark.parametrize("changes", [{}, {"phone": CANARY}, {"strange": CANARY}, {"phone": CANARY + "\x0b"}])
@pytest.mark.parametrize("pack", ["draft", "municipal-sip@1.0"])
def test_a_trial_that_fails_says_nothing_of_the_document(run: Run, draft: Path, tmp_path: Path, pack: str, changes: dict[str, str]) -> None:
    """Given a sheet that says all it gets, a field or a text that is refused, then what is said against it is without the canary."""
    done = run("mappings", "try", draft if pack == "draft" else pack, cancelled(tmp_path, **changes), "--json")
    assert CANARY not in done.err
    assert CANARY in done.out
    [found] = done.facts
    assert CANARY not in json.dumps([found["problems"], found["code"], found["losses"]])
    assert (pack == "municipal-sip@1.0" and changes == {}) == found["ok"]


def test_a_stored_message_stays_out_of_logs_and_errors(
    door: Door, run: Run, draft: Path, called: Story, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a stored message and a sheet that says all it gets, then person and names are in what is shown to its owner, and nowhere else."""
    from siphub.hub import add_key

    file = draft / "out.xsl"
    file.write_text(file.read_text("utf-8").replace("<kallelse>", f"<kallelse>{SAYS_ALL}"), "utf-8")
    key = tmp_path / "sender.key"
    key.write_text(add_key(door.hub.store, door.hub.ground.clock, organisation=p.MUNICIPALITY, name="sender", roles=("send",)))
    done = run("mappings", "try", draft, "--message", called.sent[-1].message_id, "--key-file", key, "--json")
    person = str(called.person)
    assert (done.status, person in done.out) == (1, True)
    [found] = done.facts
    assert found["code"] == "mapping.transform_failed"
    assert person not in done.err + caplog.text + json.dumps(found["problems"])
    assert key.read_text() not in done.out + done.err + caplog.text
