"""Which ids have been used at `/fhir/$process-message`: what comes again, at the same moment too, what is refused for it, and how long that is known."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
from alembic import command

from siphub.contract import Submission
from siphub.flow import retention
from siphub.flow.reading import read
from siphub.flow.used_ids import ids_of
from siphub.model import Caller
from siphub.model import people as p
from siphub.settings import read as read_settings
from siphub.store import SubmissionRow
from siphub.store.schema import CONTENT
from siphub.testing.story import until
from siphub.testing.world import make_master_key
from siphub_fhir import FhirDoor
from tests.unit.web.fhir_bundles import JSON, Resource, bundle, header_of, messages, other_key, post, rows, said

if TYPE_CHECKING:
    from tests.conftest import Door, Reply

ROUNDS = 4
"""How often two meet, in each way."""
LONG = 60.0
"""Seconds for a busy machine."""
PLUGINS: Final[Mapping[str, Any]] = {"start": False, "plugins": ("folder", "fhir")}

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.node)])
def store_given(request: pytest.FixtureRequest, data_folder: Path) -> Mapping[str, str]:
    """Return the settings that say where the hub's databases are."""
    if request.param == "sqlite":
        return {}
    content, keys = request.getfixturevalue("store_urls")
    given = {"database_url": content, "keys_url": keys}
    make_master_key(read_settings({"data": data_folder, **given}))
    return given


@pytest.fixture
def doors(make_door: Callable[..., Door], store_given: Mapping[str, str]) -> tuple[Door, Door]:
    """Return two doors of one hub: over two processes' hubs where the store takes several, and else one twice."""
    first = make_door(**PLUGINS, **store_given)
    return (first, make_door(**PLUGINS, **store_given)) if store_given else (first, first)


def renamed(resource: Resource, as_in: Resource | None = None) -> Resource:
    """Return a Bundle whose MessageHeader has the id of another's, or a new one."""
    before, after = header_of(resource)["id"], str(uuid4()) if as_in is None else header_of(as_in)["id"]
    found: Resource = json.loads(json.dumps(resource).replace(before, after))
    return found


class TestIdsThatWereUsed:
    def test_the_same_again_gets_the_same_answer(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given the same Bundle.id and MessageHeader.id, the first answer comes again, byte for byte, and nothing more happens."""
        sent = bundle()
        first = post(fhir, sent)
        again = post(fhir, sent)
        assert (again.body, again.headers["x-siphub-repeated"], taken()) == (first.body, "yes", 1)
        assert "x-siphub-repeated" not in first.headers

    def test_a_resubmission_gets_the_same_answer(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a new Bundle.id and a MessageHeader.id that was used, the same answer comes, and nothing more happens."""
        sent = bundle()
        first = post(fhir, sent)
        assert (post(fhir, {**sent, "id": str(uuid4())}).body, taken()) == (first.body, 1)

    def test_a_used_bundle_with_another_message_is_refused(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a Bundle.id that was used and a new MessageHeader.id, 409 with the place, and nothing is taken."""
        sent, other = bundle(), bundle()
        post(fhir, sent)
        reply = post(fhir, {**other, "id": sent["id"]})
        assert (reply.status, said(reply)[1:], taken()) == (409, ("fatal-error", [("error", "conflict")]), 1)
        assert reply.document["entry"][1]["resource"]["issue"][0]["expression"] == ["Bundle.id"]
        assert post(fhir, other).status == 200

    def test_a_used_header_about_another_message_is_refused(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a MessageHeader.id that was used for another message, 409 with the place, and nothing is taken."""
        sent, other = bundle(), bundle()
        post(fhir, sent)
        reply = post(fhir, json.loads(json.dumps(other).replace(header_of(other)["id"], header_of(sent)["id"])))
        assert (reply.status, taken()) == (409, 1)
        assert reply.document["entry"][1]["resource"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.id"]

    def test_a_used_header_with_another_body_is_refused(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given the same ids and another content, 409: what was taken first stands."""
        sent = bundle()
        post(fhir, sent)
        header_of(sent)["extension"] = [one for one in header_of(sent)["extension"] if not one["url"].endswith("/registry-number")]
        reply = post(fhir, sent)
        assert (reply.status, said(reply)[1], taken()) == (409, "fatal-error", 1)

    def test_what_was_refused_leaves_nothing_behind(self, fhir: Door) -> None:
        """Given a message that was refused, the same ids may be used when it is mended."""
        sent = bundle()
        assert post(fhir, {**sent, "timestamp": "soon"}).status == 422
        assert post(fhir, sent).status == 200

    def test_another_organisations_ids_are_never_told(self, fhir: Door) -> None:
        """Given ids that another organisation has used, the answer is the one they would get if nobody had."""
        sent = bundle()
        key = other_key(fhir)
        fresh = post(fhir, bundle(), key=key)
        post(fhir, sent)
        assert said(post(fhir, sent, key=key))[1:] == said(fresh)[1:]

    def test_a_message_under_new_ids_is_the_same_message(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a message that was taken, in another envelope under another header, it is known by its own id, and both are used from then on."""
        sent = bundle()
        post(fhir, sent)
        again = renamed({**sent, "id": str(uuid4())}, sent)
        reply = post(fhir, again)
        assert (reply.status, reply.headers["x-siphub-repeated"], taken()) == (200, "yes", 1)
        for other in (renamed(bundle(), again), {**bundle(), "id": again["id"]}):
            assert post(fhir, other).status == 409
        assert taken() == 1

    def test_a_hub_that_takes_nothing_more_still_knows_them(self, fhir: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a hub without room, the same again gets its answer, and what was used for something else its 409: neither is told to come later."""
        sent, other = bundle(), bundle()
        first = post(fhir, sent)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        assert [post(fhir, one).status for one in (sent, {**other, "id": sent["id"]}, other)] == [200, 409, 503]
        assert post(fhir, sent).body == first.body


def _together(doors: tuple[Door, Door], bodies: tuple[Resource, Resource]) -> list[Reply]:
    """Hand in two at one moment, each at a door."""
    ready = threading.Barrier(2)

    def hand_in(door: Door, body: Resource) -> Reply:
        ready.wait()
        return post(door, body)

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(hand_in, doors, bodies))


Pair = Callable[[], tuple[Resource, Resource]]


def _same() -> tuple[Resource, Resource]:
    sent = bundle()
    return sent, sent


def _resubmitted() -> tuple[Resource, Resource]:
    sent = bundle()
    return sent, {**sent, "id": str(uuid4())}


def _in_one_bundle() -> tuple[Resource, Resource]:
    sent = bundle()
    return sent, {**bundle(), "id": sent["id"]}


def _under_one_header() -> tuple[Resource, Resource]:
    sent = bundle()
    return sent, renamed(bundle(), sent)


class TestAtOneMoment:
    @pytest.mark.parametrize("pair", [_same, _resubmitted])
    def test_of_the_same_twice_one_is_taken_and_the_other_is_the_repeat(self, doors: tuple[Door, Door], pair: Pair) -> None:
        """Given the same message twice at once, in one envelope or in two, both get one answer, one of them as a repeat, and there is one message."""
        for number in range(1, ROUNDS + 1):
            replies = _together(doors, pair())
            assert [reply.status for reply in replies] == [200, 200]
            assert replies[0].body == replies[1].body
            assert sorted(reply.headers.get("x-siphub-repeated", "no") for reply in replies) == ["no", "yes"]
            assert messages(doors[0]) == number

    @pytest.mark.parametrize(
        ("pair", "code", "where"),
        [(_in_one_bundle, "fhir.bundle_reused", "Bundle.id"), (_under_one_header, "fhir.header_reused", "Bundle.entry[0].resource.id")],
    )
    def test_of_two_under_one_id_one_is_taken_and_the_other_told_why(
        self, doors: tuple[Door, Door], pair: Pair, code: str, where: str
    ) -> None:
        """Given two messages of two cases under one id at once, one is taken, and the other is a conflict that names the id."""
        for number in range(1, ROUNDS + 1):
            taken, refused = sorted(_together(doors, pair()), key=lambda reply: reply.status)
            assert (taken.status, refused.status, messages(doors[0])) == (200, 409, number)
            [issue] = refused.document["entry"][1]["resource"]["issue"]
            assert (issue["details"]["coding"][0]["code"], issue["expression"]) == (code, [where])

    @pytest.mark.parametrize(("commits", "status"), [(True, 409), (False, 200)])
    def test_it_waits_for_whoever_is_using_the_id(
        self, make_door: Callable[..., Door], store_given: Mapping[str, str], commits: bool, status: int
    ) -> None:
        """Given another transaction that uses the id and has not ended, the second waits: a conflict if that one commits, and taken if it does not."""
        door = make_door(**PLUGINS, **store_given)
        one, two = _in_one_bundle()
        with ThreadPoolExecutor(1) as threads:
            with suppress(_TakenBackError), door.hub.store.write() as work:
                _use(door, one, work)
                waiting = threads.submit(post, door, two)
                assert until(lambda: _waits(door, store_given), LONG)
                assert not waiting.done()
                if not commits:
                    raise _TakenBackError
            assert waiting.result(timeout=LONG).status == status


class _TakenBackError(Exception):
    """Ends a transaction without its commit."""


def _ids(door: Door, resource: Resource) -> Any:
    submission = Submission(json.dumps(resource).encode(), JSON)
    message, caller = read(door.hub.ground, submission), Caller(p.MUNICIPALITY, frozenset(), frozenset(), "reader")
    reader: Any = door.hub.registry.readers["fhir"]
    assert isinstance(reader, FhirDoor)
    return message, ids_of(door.hub.ground, "fhir", reader.ids(submission, message), message, caller)


def _use(door: Door, resource: Resource, work: Any) -> None:
    """Write what the hub writes of a message's ids, and of its answer."""
    message, ids = _ids(door, resource)
    now = door.hub.ground.now()
    assert work.submissions.add(SubmissionRow(p.MUNICIPALITY, str(message.message_id), b"", message.owner, str(message.case_id), "{}", now))
    assert work.intake.use_ids([one.row for one in ids])


def _waits(door: Door, store_given: Mapping[str, str]) -> bool:
    """Say whether somebody waits for a lock; on SQLite whoever writes waits for the one that does."""
    if not store_given:
        return True
    with door.hub.store._content.connect() as connection:
        return connection.exec_driver_sql(_WAITING).scalar() == 1


KILLED = """
import json, os, signal, sys
from siphub.contract import Submission
from siphub.flow import accept
from siphub.flow.reading import read
from siphub.flow.used_ids import ids_of
from siphub.hub import build
from siphub.settings import Settings
from siphub.store.intake import Intake

hub = build(Settings(**json.loads(sys.argv[1])))
keep = Intake.use_ids

def last(self, rows):
    assert keep(self, rows)
    os.kill(os.getpid(), signal.SIGKILL)

Intake.use_ids = last
submission = Submission(sys.stdin.buffer.read(), "application/fhir+json")
caller = hub.caller(sys.argv[2], "reader")
message = read(hub.ground, submission)
ids = ids_of(hub.ground, "fhir", hub.registry.readers["fhir"].ids(submission, message), message, caller)
accept.accept_message(hub.ground, message, caller, ids)
"""


def test_killed_before_its_commit_it_has_used_nothing(
    make_door: Callable[..., Door], store_given: Mapping[str, str], tmp_path: Path
) -> None:
    """Given a hub that is killed when the message and its ids are written and not committed, there is neither, and the ids are free."""
    door = make_door(**PLUGINS, **store_given)
    given = {"data": str(door.hub.settings.data), "min_free_disk": 1, "plugins": ["folder", "fhir"], **store_given}
    one, two = _in_one_bundle()
    words = [sys.executable, "-c", KILLED, json.dumps(given), door.key()]
    ended = subprocess.run(words, input=json.dumps(one).encode(), timeout=LONG, check=False, capture_output=True, cwd=tmp_path)
    assert ended.returncode == -9, ended.stderr.decode()
    assert [rows(door, table) for table in ("message", "submission", "used_id")] == [0, 0, 0]
    assert [post(door, each).status for each in (two, one)] == [200, 409]
    assert rows(door, "used_id") == 2


class TestForHowLong:
    def test_they_go_with_the_answer(self, make_door: Callable[..., Door]) -> None:
        """Given a case that was erased, its ids are known for as long as its answers, and then they are free."""
        fhir = make_door(**PLUGINS)
        sent, later, now = bundle(), bundle(), fhir.hub.ground.now()
        post(fhir, sent)
        post(fhir, later)
        message, _ = _ids(fhir, sent)
        again = {**bundle(), "id": sent["id"]}
        for forget_at, status, left in ((now + timedelta(days=1), 409, 4), (now - timedelta(days=1), 200, 2)):
            with fhir.hub.store.write() as work:
                work.cases.lock(message.owner, str(message.case_id))
                work.erasure.case(message.owner, str(message.case_id), at=now, forget_at=forget_at)
            retention.run(fhir.hub.ground)
            assert rows(fhir, "used_id") == left
            assert post(fhir, again).status == status

    def test_those_in_the_plugins_state_are_let_go(self, make_door: Callable[..., Door], store_given: Mapping[str, str]) -> None:
        """Given a store of before, whose ids stood in the plugin's state, they are deleted; the message is known all the same, and teaches them anew."""
        door = make_door(**PLUGINS, **store_given)
        sent, other = _in_one_bundle()
        first = post(door, sent)
        _as_before(door)
        door.hub.store.upgrade()
        for _ in range(2):
            retention.run(door.hub.ground)
        assert (rows(door, "used_id"), rows(door, "plugin_state")) == (0, 1)
        again = post(door, sent)
        assert (again.body, again.headers["x-siphub-repeated"]) == (first.body, "yes")
        assert (post(door, other).status, messages(door)) == (409, 1)


def _as_before(door: Door) -> None:
    """Take a store back to revision 0008, with ids as they were kept there."""
    with door.hub.store._content.connect() as connection:
        command.downgrade(CONTENT.config(connection), "0008")
        connection.commit()
    with door.hub.store.write() as work:
        for key in ("bundle/0123", "header/4567", "cursor"):
            work.plugin_state.put(p.MUNICIPALITY, "fhir", key, b"sealed", door.hub.ground.now())
