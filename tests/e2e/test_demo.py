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
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.cli.demo.books import Outcome, performed
from siphub.cli.demo.play import QUESTIONS, WORDS, Play
from siphub.cli.demo.script import AF, BROTHER, CALLED, CARE_CENTRE, CONTACT, FK, HOME_CARE, INVITED, ME, SISTER, Script, written
from siphub.cli.demo.silence import overheard, read_at_home
from siphub.cli.demo.stage import Stage, raised
from siphub.contract import Cut
from siphub.documents import render
from siphub.model import people as p
from siphub.sandbox import Letter
from siphub.sandbox.ledger import NOTHING
from siphub.sandbox.partner import Request
from siphub.sandbox.pdf_text import text_of
from siphub.testing.rabbitmq import VHOST, Rabbit

if TYPE_CHECKING:
    from tests.conftest import Done

SIPHUB = str(Path(sys.executable).with_name("siphub"))
TO_MEET = frozenset({"meeting", "information_exchange"})
TO_PLAN = frozenset({"plan", "information_exchange"})
TO_INVITE = frozenset({"meeting", "invite"})
FOR_THE_HUB_ALONE = frozenset({"need.assessed", "participants.approved", "consent.given", "consent.withdrawn"})
TO_COME = frozenset({"meeting"})
TO_READ_THE_PLAN = frozenset({"copy_to_relative"})
FOR_OUTSIDE_PARTIES = frozenset({"meeting.invited", "meeting.rescheduled"})
ABOUT_A_MEETING_OR_PLAN = ("meeting.", "plan.")
HELD_KEYS = {"message_id", "message_type", "recipient", "agency", "adapter", "state", "reason"}
ADAPTERS = {"folder", "fhir", "municipal-xml", "forsakringskassan", "arbetsformedlingen", "letter"}
STOPPED = "Inga fler meddelanden i ärendet"


def scopes_of(story: dict[str, Any], party: str) -> frozenset[str]:
    """Return what was consented to for a party: by its unit, or for an agency, by its whole organisation (section 3)."""
    names = {party, party.partition("/")[0]}
    return frozenset(scope for consent in story["consents"] if names & set(consent["parties"]) for scope in consent["scopes"])


def may_know(story: dict[str, Any], message: dict[str, Any], recipient: str) -> bool:
    """Say whether a recipient must get a message, by LIFECYCLE sections 2, 3 and 5 alone.

    The request is the person's own message and goes to the contact (R1). What is internal leaves to nobody (N1, N2, C1 to C4). A kallelse and
    what follows from it need a consent that names the unit for meeting and information (G1) and the individual's choice of it (G2); a plan
    needs a consent to a plan as well. A state agency is invited, never called, and hears of the meeting's time and of nothing else (K2,
    section 5). An answer goes back to the convener where the consent names the party that answers. The plan and the meetings are the
    individual's own, whoever else may know. A relative whom the individual wishes for, and does not object to, comes to the meeting and has
    a copy of the plan as far as the consent says so, and never gets what is between the units.
    """
    kind, sender = message["type"], message["sender"]
    if kind in FOR_THE_HUB_ALONE:
        return False
    if kind == "sip.requested":
        return bool(recipient == story["contact"])
    if kind in {"meeting.response", "plan.commitment.confirmed"}:
        needed = {"meeting"} if kind == "meeting.response" else {"plan"}
        return recipient == story["contact"] and needed <= scopes_of(story, sender)
    if recipient in family(story):
        return at_home(story, kind, recipient)
    if recipient not in story["approved"]:
        return False
    if "/" in recipient:
        return kind in FOR_OUTSIDE_PARTIES and scopes_of(story, recipient) >= TO_INVITE
    return kind != "meeting.invited" and scopes_of(story, recipient) >= (TO_PLAN if kind.startswith("plan.") else TO_MEET)


def family(story: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the people of the case, by reference."""
    return {person["ref"]: person for person in story["people"]}


def at_home(story: dict[str, Any], kind: str, person: str) -> bool:
    """Say whether a person must get a type of message that is addressed to them."""
    if person == "individual":
        return kind.startswith(ABOUT_A_MEETING_OR_PLAN)
    wished_for = family(story)[person]["chosen"] and not family(story)[person]["objection"]
    needed = {"plan.established": TO_READ_THE_PLAN, **dict.fromkeys(FOR_OUTSIDE_PARTIES, TO_COME)}.get(kind)
    return bool(wished_for and needed is not None and needed <= scopes_of(story, person))


def expected(story: dict[str, Any]) -> dict[str, Counter[str]]:
    """Return the types that must lie in everybody's ledger when the story has ended with a withdrawal."""
    everybody = (story["contact"], *story["called"], *story["invited"], *family(story))
    ledgers: dict[str, Counter[str]] = {unit: Counter() for unit in everybody}
    for message in story["messages"]:
        for recipient in message["recipients"]:
            if may_know(story, message, recipient):
                ledgers[recipient][message["type"]] += 1
    for unit, held in ledgers.items():
        # The recall class: whoever the consent is taken back from hears once that there is no more, if it ever heard anything (section 4).
        # What the contact and the individual have does not rest on the consent.
        told = any(kind.startswith(ABOUT_A_MEETING_OR_PLAN) for kind in held)
        if unit not in {story["contact"], "individual"} and told and story["withdrawn"] in {"all", unit}:
            held["stop.notice"] += 1
    return ledgers


@pytest.mark.req(1)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_the_ledgers_hold_what_the_life_of_a_sip_says(siphub: Callable[..., Done], seed: int) -> None:
    """Given a seed, when its story is played, then every partner's own ledger holds what the oracle expects, and the hub says the same."""
    done = siphub("demo", "--seed", seed, "--json")
    told = done.facts
    story = told["story"]
    held = {unit: Counter(entry["message_type"] for entry in ledger["entries"]) for unit, ledger in told["ledgers"].items()}
    assert held == expected(story)
    assert held[story["left_out"]] == held[BROTHER] == Counter()
    assert (done.status, told["agreement"], told["differences"], told["error"]) == (0, True, [], None)
    assert {entry["case_id"] for ledger in told["ledgers"].values() for entry in ledger["entries"]} == {told["case_id"]}
    states = {(one["recipient"], one["state"]) for one in told["deliveries"] if one["recipient"] in {story["left_out"], BROTHER}}
    assert states == {(story["left_out"], "withheld"), (BROTHER, "withheld")}
    assert [one["message_type"] for one in told["deliveries"] if one["recipient"] == BROTHER] == ["meeting.invited"]
    assert {one["recipient"] for one in told["deliveries"] if one["agency"] == one["adapter"] == "letter"} == {ME, SISTER, BROTHER}
    assert {one["state"] for one in told["deliveries"] if one["recipient"] == ME} == {"delivered"}
    assert all(set(one) >= HELD_KEYS for one in told["deliveries"])
    assert all(one["reason"] for one in told["deliveries"] if one["state"] in {"withheld", "recalled"})
    assert {one["adapter"] for one in told["deliveries"]} == ADAPTERS
    recalled = {one["recipient"] for one in told["deliveries"] if one["state"] == "recalled"}
    assert recalled == {unit for unit, types in held.items() if "stop.notice" in types}


def test_seeds_differ_and_repeat() -> None:
    """Given twenty seeds, then each of the seven is left out, for both reasons, in another order; given the same seed, it is the same story."""
    scripts = [written(seed) for seed in range(1, 21)]
    assert {script.left_out for script in scripts} == {*CALLED, *INVITED}
    assert {script.left_out_of for script in scripts} == {"consent", "participants"}
    assert {script.new_time_by for script in scripts} == {AF, FK}
    coins: list[Callable[[Script], bool]] = [
        lambda script: script.named_again,
        lambda script: script.participants_first,
        lambda script: script.plan_names_agencies,
        lambda script: script.withdrawn is None,
        lambda script: script.withdrawn in INVITED,
        lambda script: script.withdrawn == SISTER,
    ]
    assert [{coin(script) for script in scripts} for coin in coins] == [{True, False}] * 6
    assert not [script for script in scripts if script.withdrawn == script.left_out]
    assert len({(script.called, script.answers, script.confirms) for script in scripts}) > 10
    assert len({(script.days, script.hours) for script in scripts}) > 10
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
def played(folder: Path, tampered: Callable[[Stage], None] = lambda _: None, seed: int = 1) -> Iterator[tuple[Stage, Outcome]]:
    """Play a story on a stage that somebody has been at."""
    with raised(folder) as stage:
        tampered(stage)
        yield stage, performed(stage, written(seed), lambda _: None)


def texts(stage: Stage, unit: Any) -> str:
    """Return all that came to a unit, as text."""
    return "\n".join(body.decode() for body in stage.partners.bodies(unit))


@pytest.mark.req(14)
def test_each_partner_gets_it_in_its_own_way(tmp_path: Path) -> None:
    """Given one story, then the region has Bundles, the municipality XML, the contact JSON, the agencies SDK, people PDF; the meeting moves to AF's time."""
    with played(tmp_path) as (stage, outcome):
        assert outcome.agreement
        assert {one.adapter for one in outcome.deliveries} == ADAPTERS
        bundles = [json.loads(body) for body in stage.partners.bodies(CARE_CENTRE)]
        assert {bundle["resourceType"] for bundle in bundles} == {"Bundle"}
        assert all(body.lstrip().startswith(b"<") for body in stage.partners.bodies(HOME_CARE))
        answer = next(one for one in outcome.play.played if one.sender == AF)
        filed = [json.loads(body) for body in stage.partners.bodies(CONTACT)]
        [proposed] = [one["content"]["proposed_times"] for one in filed if one["message_id"] == answer.message_id]
        resources = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
        starts = [one["start"] for one in resources if one["resourceType"] == "Appointment" and one["status"] != "cancelled"]
        assert datetime.fromisoformat(starts[-1]) == datetime.fromisoformat(proposed[0]["starts_at"])
        assert starts[-1] != starts[0]
        assert all(body.startswith(b"%PDF-") for who in (ME, SISTER) for body in stage.partners.bodies(who))
        assert {one.media_type for one in outcome.play.played if one.sender == CARE_CENTRE} == {"application/fhir+json"}


def test_an_agency_reads_its_own_question_and_the_number_in_its_field_alone(tmp_path: Path) -> None:
    """Given a story in which both agencies are invited, then each has its own question, and the person's number in the reference field only."""
    with played(tmp_path, seed=8) as (stage, outcome):
        assert outcome.agreement
        for agency in INVITED:
            documents = [json.loads(body)["data"]["attributes"] for body in stage.partners.bodies(agency)]
            assert QUESTIONS[agency] in texts(stage, agency)
            fields = [one["recipientAttention"].pop("referenceId", []) for one in documents if one["label"] != STOPPED]
            assert [[field["extension"] for field in one] for one in fields] == [[p.SUBJECT_NUMBER]] * 2
            assert p.SUBJECT_NUMBER not in json.dumps(documents)
            assert all(one["confidentiality"] is True for one in documents)


def test_a_message_the_hub_does_not_know_of_is_a_difference(tmp_path: Path) -> None:
    """Given what the hub never sent, in a folder, behind SDK and among the letters, then the books do not agree, and all three are named."""

    def slip_in(stage: Stage) -> None:
        document = {"message_id": "x", "type": "plan.established", "case_id": "y"}
        (stage.partners.folder / "slipped-in.json").write_text(json.dumps(document))
        outbox = stage.partners.mail_room.outbox
        note = {"letter": "slipped-in.pdf", "message_id": "x", "message_type": "plan.established", "case": "y", "recipient": BROTHER}
        (outbox / "slipped-in.json").write_text(json.dumps(note))
        (outbox / "slipped-in.pdf").write_text("Hej")
        unasked = {"documentId": "siphub-x", "index": "1", "contentTextBody": ["Hej"]}
        attributes = {"messageId": "m", "conversationId": "c", "label": "Hej", "digitalDocument": [unasked]}
        body = json.dumps({"data": {"attributes": attributes}}).encode()
        book = stage.partners.sdk.service.agencies["fk"].ledger
        book.record("m", body, NOTHING, status=201, why=None)

    with played(tmp_path, slip_in) as (_, outcome):
        assert not outcome.agreement
        assert [difference.split(" holds ")[0] for difference in outcome.differences] == [
            "Biståndsenheten",
            "Försäkringskassan",
            "the brother",
        ]


def test_other_bytes_at_an_agency_are_a_difference(tmp_path: Path) -> None:
    """Given an agency that holds other words under our id than the hub has sent, then the books do not agree."""

    def rewritten(stage: Stage) -> None:
        service = stage.partners.sdk.service
        take = service.take
        service.take = lambda body: take(body.replace("Frågor om praktik".encode(), "Frågor om annat".encode()))  # type: ignore[method-assign]

    with played(tmp_path, rewritten) as (_, outcome):
        assert len(outcome.differences) == 2
        assert all("Arbetsförmedlingen" in difference and "meeting.invited" in difference for difference in outcome.differences)


def test_people_read_what_is_theirs(tmp_path: Path) -> None:
    """Given a story, then the individual reads everything and the sister what is wished for, each with their address on it and nobody's number."""
    with played(tmp_path, seed=2) as (stage, outcome):
        assert outcome.agreement
        letters = {(who, one.message_type): text_of(one.body) for who in (ME, SISTER) for one in stage.partners.posted(who)}
        theirs = {
            ME: ("meeting.summoned", "meeting.rescheduled", "plan.established"),
            SISTER: ("meeting.invited", "meeting.rescheduled", "plan.established"),
        }
        assert list(letters) == [(who, kind) for who, kinds in theirs.items() for kind in kinds]
        assert all("Provgatan 1" in letters[ME, kind] for kind in theirs[ME])
        assert all("Systergatan 2" in letters[SISTER, kind] and "20100103" not in letters[SISTER, kind] for kind in theirs[SISTER])
        assert all("Handla själv igen." in letters[who, "plan.established"] for who in theirs)
        assert "Norrby kommun" in letters[SISTER, "meeting.invited"]
        notes = [file.read_text("utf-8") for file in stage.partners.mail_room.outbox.glob("*.json")]
        assert not [note for note in notes if "Prov" in note or "Exempelsson" in note or "gatan" in note]


def test_words_in_the_wrong_place_are_a_difference(tmp_path: Path) -> None:
    """Given a partner that was told the individual's own words, by whatever way, then the books do not agree."""

    def tell(stage: Stage) -> None:
        partner = stage.partners.sandbox.partners["norrby-hemtjanst"]
        partner.refuse(Request("k", "text/plain", "", "Gärna Eva på biståndsenheten.".encode()), 422, "schema")

    with played(tmp_path, tell) as (_, outcome):
        assert outcome.differences == ("the individual's own words reached Hemtjänsten",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hemtjänsten kommer också", "other participants"),
        ("Mötet rör Söderby kommun", "other participants"),
        ("Planen är: Handla själv igen.", "what is planned"),
        ("Frågor om sjukpenning", "another agency's question"),
        ("Prov Provsdotter", "a person's name"),
        ("Gäller 20100103-2380", "a person's number, outside the field for it,"),
    ],
)
def test_whatever_an_agency_must_not_hear_is_found(tmp_path: Path, text: str, said: str) -> None:
    """Given an SDK message to AF with something in it that is not AF's to know, refused or not, then it is found and named."""
    with raised(tmp_path) as stage:
        play = Play(stage, written(1), lambda _: None)
        body = {"data": {"attributes": {"recipientAttention": {}, "digitalDocument": [{"contentTextBody": [text]}]}}}
        assert list(overheard(play, AF, [json.dumps(body).encode()])) == [f"{said} reached Arbetsförmedlingen"]
        innocent = {
            "data": {"attributes": {"recipientAttention": {"referenceId": [{"extension": p.SUBJECT_NUMBER}]}, "label": "Norrby kommun"}}
        }
        assert list(overheard(play, AF, [json.dumps(innocent).encode()])) == []


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("Hemtjänsten kommer också", "other participants reached the sister"),
        ("Planen är: Handla själv igen.", "what is planned reached the sister"),
        ("Eva Kontakt", "a person's name reached the sister"),
        ("Gäller 20100103-2380", "a person's number, outside the field for it, reached the sister"),
    ],
)
def test_whatever_a_relative_must_not_read_in_an_invitation_is_found(tmp_path: Path, about: str, said: str) -> None:
    """Given an invitation to the sister with something in it that is not hers to know, then it is found in the PDF, also across lines."""
    with raised(tmp_path) as stage:
        play = Play(stage, written(1), lambda _: None)

        def letter(kind: str, text: str) -> Letter:
            cut = Cut({"type": kind, "content": {"digital_option": "Välkommen. " * 9 + text}}, "consent")
            return Letter("m", kind, "c", SISTER, render(cut, "pdf"))

        assert list(read_at_home(play, SISTER, [letter("meeting.invited", about)])) == [said]
        assert list(read_at_home(play, SISTER, [letter("plan.established", "Hemtjänsten: Handla själv igen. Eva Kontakt")])) == []
        assert list(read_at_home(play, SISTER, [letter("plan.established", p.SUBJECT_NUMBER)])) == ["a person's number reached the sister"]
        assert list(overheard(play, ME, [letter("plan.established", WORDS[1]).body])) == [
            "the individual's own words reached the individual"
        ]


def test_a_story_that_breaks_off_is_no_agreement(tmp_path: Path) -> None:
    """Given a hub that refuses the contact, when the story cannot go on, then that is said, and it is no agreement."""

    def lock_out(stage: Stage) -> None:
        with stage.hub.store.write() as work:
            work.credentials.revoke(CONTACT.organisation, f"demo-{CONTACT}", stage.hub.ground.now())

    with played(tmp_path, lock_out) as (_, outcome):
        assert outcome.error is not None
        assert outcome.error.code == "demo.refused"
        assert not outcome.agreement
        assert outcome.facts()["agreement"] is False


@pytest.mark.node
def test_a_broker_that_is_lent_is_given_back_empty(siphub: Callable[..., Done], rabbitmq: Rabbit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a RabbitMQ in the environment, then the hub rings over it, the books agree, and none of the demo's queues is left."""

    def queues() -> set[str]:
        """Return the demos' queues: those of one whose broker was away at its end stay."""
        names = rabbitmq.control("-q", "list_queues", "--no-table-headers", "-p", VHOST, "name").split()
        return {name for name in names if name.startswith("hub-demo-")}

    monkeypatch.setenv("SIPHUB_BROKER_URL", rabbitmq.url)
    before = queues()
    done = siphub("demo", "--seed", 2, "--json")
    assert (done.status, done.facts["broker"], done.facts["agreement"]) == (0, "rabbitmq", True)
    assert queues() == before


def test_of_the_environment_only_the_broker_is_taken(siphub: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a database and a data folder in the environment, then the demo touches neither."""
    monkeypatch.setenv("SIPHUB_DATABASE_URL", f"sqlite:///{tmp_path / 'real.sqlite'}")
    monkeypatch.setenv("SIPHUB_DATA", str(tmp_path / "real"))
    assert siphub("demo", "--json").facts["broker"] != "rabbitmq"
    assert list(tmp_path.iterdir()) == []
