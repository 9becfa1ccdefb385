"""The HTTP door: who is let in, how much is read, what is answered, and that a repeat gets the same answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from siphub.contract import Draft, PluginContext, ReaderInfo, Submission, hookimpl
from siphub.contract.neutral import to_partner
from siphub.flow.accept import answer_from
from siphub.hub import add_key
from siphub.model import people as p
from siphub.model import sample
from siphub.model.identifiers import UnitId
from siphub.policy.foresight import MANY
from siphub.policy.reasons import REASONS
from siphub.testing.logs import heard_logs
from siphub.testing.story import Story, until

if TYPE_CHECKING:
    from tests.conftest import Door

REQUEST = sample("sip.requested")
BODY = REQUEST.to_json()


class _Reader:
    info = ReaderInfo("clumsy", frozenset({"text/clumsy"}))

    def recognises(self, submission: Submission) -> bool:
        return submission.body == b"clumsy"

    def read(self, submission: Submission) -> Draft:
        raise RuntimeError("Prov Provsdotter could not be read")


class Clumsy:
    """A plugin whose reader breaks with a person's name on its lips."""

    @hookimpl
    def siphub_readers(self, context: PluginContext) -> list[_Reader]:
        return [_Reader()]


def _another() -> bytes:
    """Return the request again, as another message in another case."""
    return REQUEST.model_copy(update={"message_id": uuid4(), "case_id": uuid4()}).to_json()


def _first_line(door: Door, head: str) -> bytes:
    """Send the head of a request and no body, and return the first line of the answer."""
    with door.raw() as line:
        line.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
        return line.recv(4096).partition(b"\r\n")[0]


class TestWhoIsLetIn:
    def test_nobody_without_a_key_and_before_any_body_is_read(self, door: Door) -> None:
        """Given a request that announces 50 MB and sends none of them, when it has no key, then 401 comes at once."""
        head = "POST /v1/messages HTTP/1.1\nHost: hub\nContent-Type: application/json\nContent-Length: 52428800\n"
        assert _first_line(door, head) == b"HTTP/1.1 401 Unauthorized"

    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic c2lw", "Bearer nobody", "Bearer \xff"])
    def test_a_key_must_be_one_we_know(self, door: Door, given: str) -> None:
        """Given an Authorization that is no key of ours, then 401 with the scheme that is asked for."""
        reply = door.ask("POST", "/v1/messages", BODY, key="", Content_Type="application/json", Authorization=given)
        assert (reply.status, reply.code) == (401, "caller.unauthenticated")
        assert reply.headers["www-authenticate"].startswith("Bearer")

    def test_two_keys_are_none(self, door: Door) -> None:
        """Given two Authorization headers, then nobody guesses which one counts."""
        head = f"GET /v1/cases/{p.NOON.year} HTTP/1.1\nHost: hub\nAuthorization: Bearer {door.key()}\nAuthorization: Bearer {door.key()}\n"
        assert _first_line(door, head) == b"HTTP/1.1 401 Unauthorized"

    def test_a_revoked_key_is_no_key(self, door: Door) -> None:
        """Given a key that has been revoked, then it is unknown."""
        with door.hub.store.write() as work:
            work.credentials.revoke(p.MUNICIPALITY, "sender.key", door.hub.ground.now())
        assert door.send(BODY).status == 401

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/v1/messages"), ("GET", f"/v1/messages/{REQUEST.message_id}"), ("GET", f"/v1/cases/{REQUEST.case_id}")],
    )
    def test_a_key_without_the_role_is_refused(self, door: Door, method: str, path: str) -> None:
        """Given the administrator's key, which may neither send nor read, then 403 says which role is missing."""
        reply = door.ask(method, path, BODY if method == "POST" else None, key=door.key("admin"), Content_Type="application/json")
        assert (reply.status, reply.code) == (403, "caller.role")

    def test_a_key_for_reading_alone_cannot_send(self, door: Door) -> None:
        """Given a key with the role inbox only, then it reads and does not send."""
        key = add_key(door.hub.store, door.hub.ground.clock, organisation=p.MUNICIPALITY, name="reads", roles=("inbox",))
        assert door.send(BODY).status == 202
        assert door.send(BODY, key=key).code == "caller.role"
        assert door.ask("GET", f"/v1/cases/{REQUEST.case_id}", key=key).status == 200

    def test_a_key_for_one_unit_cannot_send_as_another(self, door: Door) -> None:
        """Given a key of home care, when a message names the contact as its sender, then 403."""
        assert door.send(BODY, key=door.key("agency")).code == "sender.not_yours"


class TestWhatIsRead:
    @pytest.mark.parametrize(
        "media_type", ["", "text/csv", "application/pickle", "application/x-www-form-urlencoded", "multipart/form-data"]
    )
    def test_only_listed_media_types_are_taken(self, door: Door, media_type: str) -> None:
        """Given a media type that no reader reads, then 415 names those that are taken."""
        reply = door.send(BODY, media_type)
        assert (reply.status, reply.code) == (415, "body.unsupported_media")
        assert "application/json" in reply.document["detail"]
        assert "application/xml" in reply.document["detail"]

    def test_parameters_and_case_of_a_media_type_do_not_matter(self, door: Door) -> None:
        """Given Application/JSON with a charset, then it is JSON."""
        assert door.send(BODY, "Application/JSON; charset=utf-8").status == 202

    def test_nothing_is_unpacked(self, door: Door) -> None:
        """Given a gzipped body, then 415: what is small outside and large inside is not opened."""
        reply = door.send(gzip.compress(BODY), Content_Encoding="gzip")
        assert (reply.status, reply.code) == (415, "body.encoded")

    def test_a_body_that_says_it_is_too_large_is_not_read(self, make_door: Callable[..., Door]) -> None:
        """Given a limit, when the length announced is above it, then 413 comes before any of it."""
        door = make_door(max_body=1000)
        head = f"POST /v1/messages HTTP/1.1\nHost: hub\nAuthorization: Bearer {door.key()}\nContent-Type: application/json\nContent-Length: 1001\n"
        assert _first_line(door, head).startswith(b"HTTP/1.1 413")

    def test_a_body_that_does_not_say_how_large_it_is_is_read_to_the_limit(self, make_door: Callable[..., Door]) -> None:
        """Given a chunked body without end, then 413 comes soon after the limit, while it is still being sent."""
        door = make_door(max_body=100_000)
        head = f"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {door.key()}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        with door.raw() as line:
            line.sendall(head.encode())
            for _ in range(3):
                line.sendall(b"c350\r\n" + b" " * 50_000 + b"\r\n")
            assert line.recv(4096).startswith(b"HTTP/1.1 413")

    def test_bytes_that_are_no_json_are_refused_with_their_position(self, door: Door) -> None:
        """Given half a JSON object, then 400 says where it ends."""
        reply = door.send(b'{"type": "sip.requested",\n "case_id":')
        assert (reply.status, reply.code) == (400, "body.unreadable")
        assert reply.document["problems"][0]["position"] == "line 2 column 11"

    @pytest.mark.req(14)
    def test_xml_is_read_by_its_reader(self, door: Door) -> None:
        """Given the same request as a municipality's XML, then it is taken as the same message."""
        body = to_partner(door.hub.mappings.load("municipal-sip"), REQUEST.to_document())
        first, second = door.send(body, "application/xml"), door.send(BODY)
        assert (first.status, second.status) == (202, 202)
        assert first.body == second.body

    @pytest.mark.parametrize(("body", "status"), [(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 400), (b"<a", 400), (b"<a/>", 415)])
    def test_xml_of_nobodys_is_judged_as_xml(self, door: Door, body: bytes, status: int) -> None:
        """Given XML that no reader recognises, then hostile or broken XML is 400 with a position, and other XML 415."""
        reply = door.send(body, "application/xml")
        assert reply.status == status
        assert [bool(one.get("position")) for one in reply.document["problems"]] == ([True] if status == 400 else [])


class TestWhatIsAnswered:
    def test_a_message_is_taken_with_what_happens_for_each_recipient(self, door: Door) -> None:
        """Given a valid request, then 202 with its ids and one entry for the contact."""
        reply = door.send(BODY)
        assert reply.status == 202
        entry = reply.document["recipients"][0]
        assert reply.document["message_id"] == str(REQUEST.message_id)
        assert (entry["recipient"], entry["state"], entry["reason"], entry["text"]) == (p.CONTACT, "queued", None, None)
        assert entry["delivery"]

    def test_the_same_message_gets_the_same_answer(self, door: Door) -> None:
        """Given a message handed in again, then the answer is the same byte for byte, and only a header tells that it is one."""
        first, again = door.send(BODY), door.send(BODY)
        assert (first.body, first.status) == (again.body, again.status)
        assert ("x-siphub-repeated" in first.headers, again.headers.get("x-siphub-repeated")) == (False, "yes")

    def test_a9_sent_twice_at_once(self, door: Door) -> None:
        """Given eight senders with one message at the same moment, then there is one effect and one answer."""
        with ThreadPoolExecutor(8) as senders:
            replies = list(senders.map(lambda _: door.send(BODY), range(8)))
        settled = [reply if reply.status == 202 else door.send(BODY) for reply in replies]
        assert {reply.status for reply in replies} <= {202, 503}
        assert len({reply.body for reply in settled}) == 1
        assert sum(door.hub.counts().values()) == 1

    def test_another_body_under_the_same_id_is_a_conflict(self, door: Door) -> None:
        """Given an id that was used, when another body comes under it, then 409 with the pointer."""
        door.send(BODY)
        reply = door.send(REQUEST.model_copy(update={"registry_number": "2"}).to_json())
        assert (reply.status, reply.code) == (409, "message.id_reused")
        assert reply.document["problems"][0]["pointer"] == "/message_id"

    def test_a_refusal_is_told_in_swedish_too(self, door: Door) -> None:
        """Given a refusal with a code of the reasons, then the answer and its problem have the sentence in English and in Swedish."""
        door.send(BODY)
        found = door.send(REQUEST.model_copy(update={"registry_number": "2"}).to_json()).document
        reason = REASONS["message.id_reused"]
        assert (found["detail"], found["detail_sv"]) == (reason.en, reason.sv)
        assert found["problems"] == [
            {"code": "message.id_reused", "detail": reason.en, "detail_sv": reason.sv, "pointer": "/message_id"},
        ]

    def test_what_is_withheld_is_told_in_swedish_too(self, door: Door) -> None:
        """Given a recipient nobody has consented to, then its entry says why in both languages, and so does what is read back."""
        message = REQUEST.model_copy(update={"recipients": (p.CONTACT, p.FK)})
        entry = next(one for one in door.send(message.to_json()).document["recipients"] if one["recipient"] == p.FK)
        reason = REASONS["basis.none"]
        assert (entry["state"], entry["text"], entry["text_sv"]) == ("withheld", reason.en, reason.sv)
        lines = door.ask("GET", f"/v1/messages/{REQUEST.message_id}").document["recipients"]
        assert [(one["text"], one["text_sv"]) for one in lines if one["recipient"] == p.FK] == [(reason.en, reason.sv)]

    @pytest.mark.req(49)
    def test_many_who_are_called_are_asked_about_and_not_refused(self, door: Door) -> None:
        """Given a kallelse to many, then it is taken, and its answer asks in both languages whether all are needed, again when it is repeated."""
        story = Story(cast("Any", lambda message: door.send(message.to_json())))
        story.ready([p.HOME_CARE])
        many = [UnitId(f"{p.HOME_CARE[:-4]}{1002 + index}") for index in range(MANY)]
        reason = REASONS["meeting.many_participants"]
        message = story.message(story.kallelse(), many)
        first, again = (door.send(message.to_json()) for _ in range(2))
        assert (first.status, first.body) == (202, again.body)
        assert first.document["cautions"] == [{"code": "meeting.many_participants", "text": reason.en, "text_sv": reason.sv}]

    def test_few_who_are_called_are_not(self, door: Door) -> None:
        """Given a message that calls nobody, or an answer from before there were cautions, then there is nothing to look at."""
        assert door.send(BODY).document["cautions"] == []
        assert answer_from(json.dumps({"message_id": "m", "case_id": "c", "recipients": []})).cautions == ()

    def test_an_answer_from_before_there_were_swedish_sentences_can_be_repeated(self) -> None:
        """Given an answer that was kept without Swedish, when its message comes again, then it is read, and has none."""
        entry = {"recipient": p.CONTACT, "delivery": None, "state": "withheld", "reason": "basis.none", "text": "No."}
        kept = answer_from(json.dumps({"message_id": "m", "case_id": "c", "recipients": [entry]}))
        assert [(found.text, found.text_sv) for found in kept.recipients] == [("No.", None)]

    def test_an_invalid_message_says_where(self, door: Door) -> None:
        """Given fields that are missing or wrong, then 422 with a pointer for each, and none of the values."""
        body = BODY.replace(p.SUBJECT_NUMBER.encode(), b"201001039999")
        reply = door.send(body)
        assert (reply.status, reply.code) == (422, "message.invalid")
        assert "/subject/identity" in {problem["pointer"][:17] for problem in reply.document["problems"]}
        assert b"201001039999" not in reply.body

    def test_a_case_that_is_not_there_is_not_there(self, door: Door) -> None:
        """Given a kallelse in a case nobody has opened, then 404."""
        assert door.send(sample("meeting.summoned").to_json()).code == "case.not_there"

    def test_too_much_open_work_is_later(self, make_door: Callable[..., Door]) -> None:
        """Given a hub that does not send and a limit of one, when a second message comes, then 503 with Retry-After, and nothing is taken."""
        door = make_door(start=False, open_limit=1)
        assert door.send(BODY).status == 202
        reply = door.send(_another())
        assert (reply.status, reply.code) == (503, "hub.too_much_open")
        assert int(reply.headers["retry-after"]) >= 1
        assert sum(door.hub.counts().values()) == 1

    def test_what_breaks_inside_is_told_without_its_words(self, make_door: Callable[..., Door]) -> None:
        """Given a reader that raises a sentence with a name in it, then 500 `hub.failed`, and neither the answer nor the log has the sentence."""
        door = make_door(further={"clumsy": Clumsy()})
        with heard_logs() as heard:
            reply = door.send(b"clumsy", "text/clumsy")
        assert (reply.status, reply.code) == (500, "hub.failed")
        assert b"Provsdotter" not in reply.body
        assert "Provsdotter" not in heard.text
        assert heard.named("request.failed")

    def test_answers_are_kept_by_nobody_in_between(self, door: Door) -> None:
        """Given any answer, then no cache may keep it."""
        for reply in (door.send(BODY), door.send(b"{"), door.ask("GET", f"/v1/cases/{REQUEST.case_id}"), door.ask("GET", "/nowhere")):
            assert reply.headers["cache-control"] == "no-store"
            assert reply.headers["x-content-type-options"] == "nosniff"


class TestWhatIsReadBack:
    def test_the_sender_reads_what_it_sent(self, door: Door) -> None:
        """Given a request that was taken, then its sender reads it whole, with each delivery."""
        door.send(BODY)
        found = door.ask("GET", f"/v1/messages/{REQUEST.message_id}").document
        assert found["message"] == REQUEST.to_document()
        assert [line["recipient"] for line in found["recipients"]] == [p.CONTACT]

    def test_the_mailbox_holds_what_was_sent_and_received(self, door: Door) -> None:
        """Given a request from the contact to itself, then its mailbox of the case has it on both sides once it is delivered."""
        door.send(BODY)
        assert _until_delivered(door)
        box = door.ask("GET", f"/v1/cases/{REQUEST.case_id}").document
        assert [one["message_id"] for one in box["sent"]] == [str(REQUEST.message_id)]
        assert [one["message"]["type"] for one in box["received"]] == ["sip.requested"]
        assert len(box["received"][0]["payload_sha256"]) == 64

    def test_not_yours_and_not_there_and_no_id_are_one_answer(self, door: Door) -> None:
        """Given a message of another organisation, an unknown id and a text that is no id, then the three answers are the same bytes."""
        door.send(BODY)
        stranger = add_key(door.hub.store, door.hub.ground.clock, organisation=p.NEIGHBOUR, name="stranger", roles=("send", "inbox"))
        for kind, mine in (("messages", REQUEST.message_id), ("cases", REQUEST.case_id)):
            answers = [door.ask("GET", f"/v1/{kind}/{one}", key=stranger) for one in (mine, uuid4(), "no-id", "%00", "..%2f..")]
            assert {answer.status for answer in answers} == {404}
            assert len({answer.body for answer in answers[:4]}) == 1

    def test_a_unit_reads_its_own_alone(self, door: Door) -> None:
        """Given a key of home care, which has no part in the case, then the case is not there for it."""
        door.send(BODY)
        assert door.ask("GET", f"/v1/cases/{REQUEST.case_id}", key=door.key("agency")).code == "case.not_there"


class TestTheNameOfTheDoor:
    @pytest.mark.parametrize(
        ("headers", "channel"), [({}, "api"), ({"X_Siphub_Door": "submit"}, "submit"), ({"X_Siphub_Door": "retry"}, "api")]
    )
    def test_the_header_names_the_channel_and_nothing_else(self, door: Door, headers: dict[str, str], channel: str) -> None:
        """Given the header of the command line, then the channel is noted; another word is ignored; the answer is alike."""
        assert door.send(BODY, **headers).status == 202
        assert _channel(door) == channel
        assert door.send(_another(), key=door.key("agency"), **headers).code == "sender.not_yours"

    def test_what_a_reader_reads_comes_through_the_readers_door(self, door: Door) -> None:
        """Given XML, then the channel is `reader`."""
        door.send(to_partner(door.hub.mappings.load("municipal-sip"), REQUEST.to_document()), "text/xml")
        assert _channel(door) == "reader"


def _channel(door: Door) -> str:
    with door.hub.store.read() as work:
        return work.messages.by_message_id(str(REQUEST.message_id))[0].channel


def _until_delivered(door: Door) -> bool:
    return until(lambda: door.hub.counts().get("delivered") == 1)
