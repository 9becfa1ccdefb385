"""The demo, judged by somebody who does not know the hub's rules: an oracle written from the life of a SIP, over the story as it was told.

Nothing here imports `siphub.policy`. The oracle reads what the demo was given (who consented to what, whom the individual chose, what was
sent by whom to whom) and says which types must lie in whose ledger; the partners' own ledgers must hold that and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.cli.demo.books import Outcome, performed
from siphub.cli.demo.script import CONTACT, written
from siphub.cli.demo.stage import Stage, raised
from siphub.sandbox.partner import Request

if TYPE_CHECKING:
    from tests.conftest import Done

SIPHUB = str(Path(sys.executable).with_name("siphub"))
TO_MEET = frozenset({"meeting", "information_exchange"})
TO_PLAN = frozenset({"plan", "information_exchange"})
FOR_THE_HUB_ALONE = frozenset({"need.assessed", "participants.approved", "consent.given", "consent.withdrawn"})
ABOUT_A_MEETING_OR_PLAN = ("meeting.", "plan.")
HELD_KEYS = {"message_id", "message_type", "recipient", "agency", "adapter", "state", "reason"}


def may_know(story: dict[str, Any], message: dict[str, Any], recipient: str) -> bool:
    """Say whether a recipient must get a message, by LIFECYCLE sections 2, 3 and 5 alone.

    The request is the person's own message and goes to the contact (R1). What is internal leaves to nobody (N1, N2, C1 to C4). A kallelse and
    what follows from it need a consent that names the unit for meeting and information (G1) and the individual's choice of it (G2); a plan
    needs a consent to a plan as well. An answer goes back to the convener where the consent names the party that answers.
    """
    kind, sender, scopes = message["type"], message["sender"], set(story["scopes"])
    if kind in FOR_THE_HUB_ALONE:
        return False
    if kind == "sip.requested":
        return bool(recipient == story["contact"])
    if kind in {"meeting.response", "plan.commitment.confirmed"}:
        needed = {"meeting"} if kind == "meeting.response" else {"plan"}
        return recipient == story["contact"] and sender in story["consented"] and needed <= scopes
    chosen = recipient in story["consented"] and recipient in story["approved"]
    return chosen and (TO_PLAN if kind.startswith("plan.") else TO_MEET) <= scopes


def expected(story: dict[str, Any]) -> dict[str, Counter[str]]:
    """Return the types that must lie in each unit's ledger when the story has ended with a withdrawal."""
    ledgers: dict[str, Counter[str]] = {unit: Counter() for unit in (story["contact"], *story["called"])}
    for message in story["messages"]:
        for recipient in message["recipients"]:
            if may_know(story, message, recipient):
                ledgers[recipient][message["type"]] += 1
    for unit, held in ledgers.items():
        # The recall class: whoever was sent something about the meeting or the plan hears once that there is no more (section 4).
        if unit != story["contact"] and any(kind.startswith(ABOUT_A_MEETING_OR_PLAN) for kind in held):
            held["stop.notice"] += 1
    return ledgers


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_the_ledgers_hold_what_the_life_of_a_sip_says(siphub: Callable[..., Done], seed: int) -> None:
    """Given a seed, when its story is played, then every partner's own ledger holds what the oracle expects, and the hub says the same."""
    done = siphub("demo", "--seed", seed, "--json")
    told = done.facts
    story = told["story"]
    held = {unit: Counter(entry["message_type"] for entry in ledger["entries"]) for unit, ledger in told["ledgers"].items()}
    assert held == expected(story)
    assert held[story["left_out"]] == Counter()
    assert (done.status, told["agreement"], told["differences"], told["error"]) == (0, True, [], None)
    assert {entry["case_id"] for ledger in told["ledgers"].values() for entry in ledger["entries"]} == {told["case_id"]}
    withheld = {(one["recipient"], one["state"]) for one in told["deliveries"] if one["recipient"] == story["left_out"]}
    assert withheld == {(story["left_out"], "withheld")}
    assert all(set(one) >= HELD_KEYS for one in told["deliveries"])
    assert all(one["reason"] for one in told["deliveries"] if one["state"] == "withheld")


def test_seeds_differ_and_repeat() -> None:
    """Given twenty seeds, then somebody else is left out, for another reason, in another order; given the same seed, it is the same story."""
    scripts = [written(seed) for seed in range(1, 21)]
    assert {script.left_out for script in scripts} == set(scripts[0].called)
    assert {script.left_out_of for script in scripts} == {"consent", "participants"}
    assert {script.named_again for script in scripts} == {script.participants_first for script in scripts} == {True, False}
    assert len({(script.called, script.answers, script.confirms) for script in scripts}) > 10
    assert len({script.days for script in scripts}) > 10
    assert scripts == [written(seed) for seed in range(1, 21)]


def test_as_a_command_it_prints_one_object_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Given the command in an empty folder with a temporary folder of its own, then stdout is one JSON object, and both folders are empty after it."""
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary)}
    done = subprocess.run([SIPHUB, "demo", "--json"], cwd=here, env=environment, check=False, capture_output=True, text=True, timeout=110)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["agreement"] is True
    assert list(here.iterdir()) == list(temporary.iterdir()) == []


def test_for_a_person_it_is_a_table_and_the_ledgers(siphub: Callable[..., Done]) -> None:
    """Given no --json, then the story is a table with states and reasons, the ledgers stand beside the hub's view, and it says where to look next."""
    done = siphub("demo", "--seed", 3)
    assert done.status == 0
    head = next(line for line in done.out.splitlines() if line.startswith("step"))
    assert head.split() == ["step", "message", "recipient", "adapter", "state", "reason"]
    for said in (
        "consent.given",
        "(the hub alone)",
        "withheld",
        "stop.notice",
        "own ledgers",
        "agree, byte for byte",
        "docs/first-message.md",
    ):
        assert said in done.out


@contextmanager
def played(folder: Path, tampered: Callable[[Stage], None]) -> Iterator[Outcome]:
    """Play a story on a stage that somebody has been at."""
    with raised(folder) as stage:
        tampered(stage)
        yield performed(stage, written(1), lambda _: None)


def test_a_message_the_hub_does_not_know_of_is_a_difference(tmp_path: Path) -> None:
    """Given a partner that holds something the hub never sent, then the books do not agree, and the partner is named."""

    def slip_in(stage: Stage) -> None:
        document = {"message_id": "x", "type": "plan.established", "case_id": "y"}
        (stage.folder / "norrby-bistand" / "slipped-in.json").write_text(json.dumps(document))

    with played(tmp_path, slip_in) as outcome:
        assert not outcome.agreement
        assert [difference.split(" holds ")[0] for difference in outcome.differences] == ["Biståndsenheten"]


def test_words_in_the_wrong_place_are_a_difference(tmp_path: Path) -> None:
    """Given a partner that was told the individual's own words, by whatever way, then the books do not agree."""

    def tell(stage: Stage) -> None:
        partner = stage.sandbox.partners["norrby-hemtjanst"]
        partner.refuse(Request("k", "text/plain", "", "Gärna Eva på biståndsenheten.".encode()), 422, "schema")

    with played(tmp_path, tell) as outcome:
        assert outcome.differences == ("the individual's own words reached Hemtjänsten",)


def test_a_story_that_breaks_off_is_no_agreement(tmp_path: Path) -> None:
    """Given a hub that refuses the contact, when the story cannot go on, then that is said, and it is no agreement."""

    def lock_out(stage: Stage) -> None:
        with stage.hub.store.write() as work:
            work.credentials.revoke(CONTACT.organisation, f"demo-{CONTACT}", stage.hub.ground.now())

    with played(tmp_path, lock_out) as outcome:
        assert outcome.error is not None
        assert outcome.error.code == "demo.refused"
        assert not outcome.agreement
        assert outcome.facts()["agreement"] is False
