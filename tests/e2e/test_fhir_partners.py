"""A case among partners that all speak FHIR, each in its own way, over RabbitMQ, with every part of the hub a process of its own.

Home care takes message Bundles as JSON, the contact as XML. The care centre's server has no messaging and gets transactions; social services
is at the same one and gets single resources. What has a form in FHIR is handed in as FHIR too. What is looked at is what partners hold.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from siphub.contract import Cut, Recipient
from siphub.hub import add_key
from siphub.model import Address, Message
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.messages import followup as fu
from siphub.model.person import StaffMember
from siphub.sandbox import Sandbox
from siphub.testing.story import Story, until
from siphub.testing.world import PARTNERS, Told, World
from siphub_fhir.message import FORMS, bundle_of
from siphub_fhir.settings import FhirSettings
from siphub_fhir.vocabulary import extension, number_in, numbering
from siphub_fhir.xml_in import from_xml
from siphub_fhir.xml_out import to_xml

if TYPE_CHECKING:
    from siphub.testing.fhir_server import FhirServer
    from siphub.testing.rabbitmq import Rabbit
    from tests.conftest import Done

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]
Running = Callable[..., AbstractContextManager[tuple[Any, Any]]]
Held = list[tuple[str, str]]
"""Type and id of messages, in the order in which they came."""
UNITS = (p.HOME_CARE, p.CARE_CENTRE, p.SOCIAL_SERVICES)
FORM = {p.CARE_CENTRE: "transaction", p.SOCIAL_SERVICES: "resource"}
XML = "application/fhir+xml"
PARTS = ("serve", "relay", "work", "sweep")
LONG = 60.0
"""Seconds that all of it may take on a busy machine."""
NAME = "Prov Provsdotter"


class Contact(BaseHTTPRequestHandler):
    """The contact's own system: it takes message Bundles as XML, keeps what comes, and refuses what it is told to refuse."""

    protocol_version = "HTTP/1.1"
    server: Desk

    def do_POST(self) -> None:
        """Take a Bundle."""
        bundle = from_xml(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = self.server.judged(bundle)
        body = to_xml(answer)
        self.send_response(status)
        self.send_header("Content-Type", XML)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""


class Desk(ThreadingHTTPServer):
    """What came to the contact, and the place at which the next message of a type is to be refused."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Contact)
        self.came: list[dict[str, Any]] = []
        self.refuses: dict[str, str] = {}
        self._lock = threading.Lock()

    def judged(self, bundle: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Keep a Bundle; return the answer to it."""
        header = bundle["entry"][0]["resource"]
        with self._lock:
            self.came.append(bundle)
            place = self.refuses.pop(header["eventCoding"]["code"], None)
        if place is not None:
            issue = {"severity": "error", "code": "required", "diagnostics": f"no owner for {NAME}", "expression": [place]}
            return 422, {"resourceType": "OperationOutcome", "issue": [issue]}
        said = {"resourceType": "MessageHeader", "eventUri": "urn:x:taken", "source": {"endpoint": "https://contact.example/fhir"}}
        said |= {"response": {"identifier": header["id"], "code": "ok"}}
        return 200, {"resourceType": "Bundle", "type": "message", "entry": [{"resource": said}]}


@contextmanager
def listening() -> Iterator[Desk]:
    """Run the contact's system."""
    desk = Desk()
    thread = threading.Thread(target=desk.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield desk
    finally:
        desk.shutdown()
        desk.server_close()
        thread.join()


@dataclass(kw_only=True)
class Land(World):
    """A hub that stands still in this process, to set things up and to look; its parts run in processes of their own."""

    server: FhirServer
    contact: Desk
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    def address(self, unit: UnitId) -> Address:
        """Return where a unit is reached: all four by FHIR."""
        if unit == p.HOME_CARE:
            return Address(adapter="fhir", endpoint=self.sandbox.fhir_endpoint(PARTNERS[unit]))
        if unit == p.CONTACT:
            there = f"http://127.0.0.1:{self.contact.server_port}/fhir/$process-message"
            return Address(adapter="fhir", endpoint=there, options={"format": "xml"})
        if unit in FORM:
            return Address(adapter="fhir", endpoint=self.server.url, options={"form": FORM[unit]})
        return super().address(unit)

    def hand_in(self, message: Message) -> Told:
        """Hand a message in, as FHIR where it has a form there: the contact as XML, the others as JSON."""
        if message.type not in FORMS:
            status, _ = self._posted("/v1/messages", message.to_json(), "application/json", message)
            assert status == 202
            return Told({})
        there = Recipient(p.CONTACT, p.MUNICIPALITY, "Norrby kommun", "fhir", f"{self.url}/fhir/$process-message")
        bundle = bundle_of(Cut(message.to_document(), "none"), there, FhirSettings().source, None)
        as_xml = message.sender.unit == p.CONTACT
        body, media_type = (to_xml(bundle), XML) if as_xml else (json.dumps(bundle).encode(), "application/fhir+json")
        status, answer = self._posted("/fhir/$process-message", body, media_type, message)
        said = from_xml(answer) if as_xml else json.loads(answer)
        assert (status, said["entry"][0]["resource"]["response"]["code"]) == (200, "ok"), said
        return Told({})

    def _posted(self, path: str, body: bytes, media_type: str, message: Message) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.keys[message.sender.organisation]}", "Content-Type": media_type}
        with urllib3.PoolManager(retries=False, timeout=30) as pool:
            reply = pool.request("POST", self.url + path, body=body, headers=headers)
            return reply.status, reply.data

    def held_by(self, unit: str, story: Story) -> Held:
        """Return every message of a case that came to a partner, refused ones too."""
        if unit == p.CONTACT:
            mine = [one for one in self.contact.came if str(story.case_id) in json.dumps(one)]
            return [(one["entry"][0]["resource"]["eventCoding"]["code"], number_in(one["identifier"]["value"])) for one in mine]
        if unit in FORM:
            return self._at_the_server(unit, story)
        entries = self.sandbox.ledger(PARTNERS[unit]).entries()
        return [(str(one.message_type), str(one.message_id)) for one in entries if one.case_id == str(story.case_id)]

    def _at_the_server(self, unit: str, story: Story) -> Held:
        found = []
        for kind in {form.resource for form in FORMS.values()}:
            for kept in self.server.kept(kind):
                found += [one for one in self.server.history(kind, kept["id"]) if self._is_a_message(one, unit, story)]
        found.sort(key=lambda one: str(one["meta"]["lastUpdated"]))
        return [(one["meta"]["tag"][0]["code"], number) for one in found for number in message_ids(one)]

    @staticmethod
    def _is_a_message(resource: dict[str, Any], unit: str, story: Story) -> bool:
        receiver = [one["valueReference"] for one in resource.get("extension", ()) if one["url"] == extension("receiver-unit")]
        addressed = [one["identifier"]["value"] for one in receiver] == [unit]
        called_back = resource.get("status") == "revoked"  # what was there already, with another status
        return addressed and bool(message_ids(resource)) and not called_back and str(story.case_id) in json.dumps(resource)

    def plans(self, story: Story) -> list[str]:
        """Return how the plans of a case stand at the servers without messaging."""
        return [one["status"] for one in self.server.kept("CarePlan") if str(story.case_id) in json.dumps(one)]

    def sent_to(self, unit: str, story: Story) -> Held:
        """Return what the hub has for a unit, in the order of the case."""
        mine = [row for row in self.deliveries(story) if row.recipient == unit]
        return [(row.message_type, row.message_id) for row in sorted(mine, key=lambda row: row.position)]


def message_ids(resource: dict[str, Any]) -> list[str]:
    """Return the ids of the messages that a resource carries."""
    numbers = resource.get("identifier")
    return [number_in(one["value"]) for one in numbers if one.get("system") == numbering("message")] if isinstance(numbers, list) else []


@pytest.fixture
def land(tmp_path: Path, rabbitmq: Rabbit, fhir_server: FhirServer, running: Running) -> Iterator[Land]:
    """Return the hub in its parts, and its partners."""
    fhir_server.clear()
    with ExitStack() as ends:
        sandbox = ends.enter_context(Sandbox(PARTNERS.values(), folder=tmp_path / "sandbox"))
        given: dict[str, Any] = {"broker_url": rabbitmq.url, "plugins": ("fhir", "folder")}
        contact = ends.enter_context(listening())
        land = Land(sandbox, tmp_path / "folders", tmp_path / "hub", given=given, server=fhir_server, contact=contact)
        land.open(start=False)
        ends.callback(land.hub.stop)
        land.write()
        for number in {unit.organisation for unit in (p.CONTACT, *UNITS)}:
            land.keys[number] = add_key(land.hub.store, land.hub.ground.clock, organisation=number, name="story", roles=("send",))
        for part in PARTS:
            _, greeting = ends.enter_context(running(part, "--data", land.data, *(("--port", 0) if part == "serve" else ())))
            land.url = greeting["url"] or land.url
        yield land


def to_a_plan(land: Land, story: Story) -> None:
    """Come from a request to an established plan, with a meeting that is moved on the way: what went before has arrived when it would give way."""
    story.ready(UNITS)
    story.summoned(UNITS)
    story.responded(p.HOME_CARE)
    assert land.settled(story, LONG)
    story.rescheduled(UNITS)
    story.responded(p.CARE_CENTRE, version=2)
    story.held(UNITS, version=2)
    story.proposed(UNITS)
    for index, unit in enumerate(UNITS, start=1):
        story.confirmed(unit, f"a{index}")
    assert land.settled(story, LONG)
    story.established(UNITS)
    assert land.settled(story, LONG)


def status_of(story: Story) -> fu.ActivityStatus:
    """Return what home care says of its activity."""
    reporter = StaffMember(name="Hanna Hemtjänst", unit=p.HOME_CARE)
    about = {"plan_id": story.plan_id, "plan_version": 1, "activity": "a1"}
    return fu.ActivityStatus.model_validate({**about, "status": "ongoing", "status_on": story.now.date(), "reporter": reporter})


def test_from_a_request_to_a_plan_and_its_end(land: Land, siphub: Callable[..., Done]) -> None:
    """Given four kinds of FHIR partners, each gets every message once and in order; a refusal is somebody's work, with the place it names."""
    story = land.story(land.hand_in)
    to_a_plan(land, story)
    land.contact.refuses["activity.status"] = "Bundle.entry[1].resource.owner.where(display='Prov Provsdotter')"
    story.say(status_of(story), [p.CONTACT], by=p.HOME_CARE)

    def work() -> Any:
        return siphub("work", "list", "--data", land.data, "--json").facts

    assert until(work, LONG)
    [item] = work()
    assert (item["type"], item["unit"]) == ("delivery.partner.fhir_refused", p.HOME_CARE)
    shown = siphub("work", "show", item["id"], "--data", land.data).out
    assert "says required at Bundle.entry[1].resource.owner\n" in shown
    assert "required at Bundle.entry[1].resource.owner\n" in siphub("deliveries", "show", item["delivery_id"], "--data", land.data).out
    assert NAME not in shown
    assert siphub("deliveries", "retry", item["delivery_id"], "--data", land.data).status == 0
    assert land.settled(story, LONG)
    assert until(lambda: work() == [], LONG)

    story.withdrawn()
    assert land.settled(story, LONG)
    course = ["meeting.summoned", "meeting.rescheduled", "meeting.held", "plan.proposed", "plan.established"]
    for unit in UNITS:
        told = ["delivery.failed"] if unit == p.HOME_CARE else []
        assert [kind for kind, _ in land.held_by(unit, story)] == [*course, *told, "stop.notice"]
        assert land.held_by(unit, story) == land.sent_to(unit, story)
    assert land.plans(story) == ["revoked"] * len(FORM)
    answered = ["meeting.response"] * 2 + ["plan.commitment.confirmed"] * 3 + ["activity.status"] * 2
    came = land.held_by(p.CONTACT, story)
    assert [kind for kind, _ in came] == ["sip.requested", *answered]
    assert list(dict.fromkeys(came)) == land.sent_to(p.CONTACT, story)
    assert {row.state for row in land.deliveries(story)} <= {"delivered", "recalled"}
