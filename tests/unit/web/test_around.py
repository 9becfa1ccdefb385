"""Around the messages: health, figures, the description, the log, and what happens at addresses that are none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from siphub.errors import SettingsError, StoreBusy, StoreConflict
from siphub.flow import operate
from siphub.model import CATALOGUE, sample
from siphub.testing.logs import heard_logs
from siphub.testing.story import until
from siphub.web import serve
from siphub.web.problems import of_error

if TYPE_CHECKING:
    from tests.conftest import Door

DOCS = Path(__file__).resolve().parents[3] / "docs"
REQUEST = sample("sip.requested")


class TestHealth:
    def test_it_lives(self, door: Door) -> None:
        """Given a server that answers, then it says so, to whoever asks."""
        assert door.ask("GET", "/health/live", key="").document == {"live": True}

    def test_it_is_ready_when_everything_stands(self, door: Door) -> None:
        """Given a started hub, then it is ready, and every part is named."""
        assert until(lambda: door.ask("GET", "/health/ready", key="").status == 200)
        assert set(door.ask("GET", "/health/ready", key="").document.values()) == {True}

    def test_it_is_not_ready_when_something_does_not_stand(self, make_door: Callable[..., Door]) -> None:
        """Given a hub whose worker was never started, then 503 names what does not stand."""
        reply = make_door(start=False).ask("GET", "/health/ready", key="")
        assert reply.status == 503
        assert {name for name, stands in reply.document.items() if not stands} >= {"ready", "worker", "sweeper"}

    def test_an_operators_stop_is_shown_and_does_not_close_the_door(self, door: Door) -> None:
        """Given sending stopped on purpose, then the hub is ready, since it goes on accepting, and says that nothing is sent."""
        operate.switch(door.hub.ground, "stopped", by="test")
        assert until(lambda: door.ask("GET", "/health/ready", key="").status == 200)
        assert door.ask("GET", "/health/ready", key="").document["sending"] is False
        assert door.send(REQUEST.to_json()).status == 202

    def test_the_figures_count_what_came_and_where_it_is(self, door: Door) -> None:
        """Given a message taken and one refused, then the figures have both, by door, and the deliveries that are not over by state."""
        door.send(REQUEST.to_json())
        door.send(b"{")
        assert until(lambda: door.hub.counts().get("delivered") == 1)
        text = door.ask("GET", "/metrics", key="").body.decode()
        assert 'siphub_messages_accepted_total{door="api",message_type="sip.requested"} 1.0' in text
        assert 'siphub_messages_refused_total{code="body.unreadable",door="api"} 1.0' in text
        assert 'siphub_deliveries{adapter="all",state="queued"} 0.0' in text
        assert 'state="delivered"' not in text

    def test_the_figures_count_partners_that_are_away(self, door: Door) -> None:
        """Given a partner whose breaker is open, then the figures have it, and none of them names it."""
        with door.hub.store.write() as work:
            row = work.partners.lock([("folder", "far-away")])[("folder", "far-away")]
            work.partners.save([replace(row, state="open", failures=5)])
        text = door.ask("GET", "/metrics", key="").body.decode()
        assert 'siphub_partners{state="open"} 1.0' in text
        assert 'siphub_partners{state="half_open"} 0.0' in text
        assert "siphub_partner_waiting 0.0" in text
        assert "far-away" not in text


class TestAddressesThatAreNone:
    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/"), ("GET", "/v1"), ("POST", "/v1/messages/"), ("GET", "/docs"), ("GET", "/v1/inbox/%2e%2e")]
    )
    def test_an_unknown_address_is_a_problem_too(self, door: Door, method: str, path: str) -> None:
        """Given an address that leads nowhere, then 404 as problem+json."""
        reply = door.ask(method, path)
        assert (reply.status, reply.code) == (404, "route.not_there")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"), [("PUT", "/v1/messages", "POST"), ("DELETE", "/v1/cases/1", "GET"), ("POST", "/metrics", "GET")]
    )
    def test_a_wrong_method_is_a_problem_too(self, door: Door, method: str, path: str, allowed: str) -> None:
        """Given a method an address does not take, then 405 says which it takes."""
        reply = door.ask(method, path)
        assert (reply.status, reply.code, reply.headers["allow"]) == (405, "route.wrong_method", allowed)


class TestTheLog:
    def test_a_request_is_logged_by_its_route_alone(self, make_door: Callable[..., Door]) -> None:
        """Given requests with ids, a query and a person's number in their paths, then the log has routes, statuses and times, and none of that."""
        door = make_door(start=False)
        with heard_logs() as heard:
            door.send(REQUEST.to_json())
            door.ask("GET", f"/v1/messages/{REQUEST.message_id}?who=Prov")
            door.ask("GET", "/v1/cases/201001032380")
            door.ask("GET", "/personnummer/201001032380")
            assert until(lambda: len(heard.named("request.done")) == 4)
        said = {(line["method"], line["route"], line["status"]) for line in heard.named("request.done")}
        assert said == {
            ("POST", "/v1/messages", 202),
            ("GET", "/v1/messages/<message_id>", 200),
            ("GET", "/v1/cases/<case_id>", 404),
            ("GET", "none", 404),
        }
        assert "201001032380" not in heard.text
        assert "Prov" not in heard.text
        assert str(REQUEST.message_id) not in "".join(map(str, heard.named("request.done")))


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


class TestTheDescription:
    @pytest.fixture
    def described(self, make_door: Callable[..., Door]) -> dict[str, Any]:
        """Return /openapi.json."""
        found: dict[str, Any] = make_door(start=False).ask("GET", "/openapi.json", key="").document
        return found

    def test_every_route_is_described(self, described: dict[str, Any]) -> None:
        """Given the public surface, then each of its addresses is there, with a key where one is needed."""
        routes = {(path, method) for path, methods in described["paths"].items() for method in methods}
        assert routes == {
            ("/v1/messages", "post"),
            ("/v1/messages/{message_id}", "get"),
            ("/v1/cases/{case_id}", "get"),
            ("/v1/receipts/{adapter}", "post"),
            ("/health/live", "get"),
            ("/health/ready", "get"),
            ("/metrics", "get"),
        }
        keyed = {path for path, methods in described["paths"].items() for operation in methods.values() if operation.get("security")}
        assert keyed == {"/v1/messages", "/v1/messages/{message_id}", "/v1/cases/{case_id}", "/v1/receipts/{adapter}"}

    def test_every_reference_leads_somewhere(self, described: dict[str, Any]) -> None:
        """Given the description, then every $ref names a schema that is in it."""
        schemas = described["components"]["schemas"]
        missing = {ref for ref in _refs(described) if ref.removeprefix("#/components/schemas/") not in schemas}
        assert missing == set()

    def test_every_message_type_is_described(self, described: dict[str, Any]) -> None:
        """Given the catalogue, then the body of a message is one of its types."""
        assert set(described["components"]["schemas"]["Message"]["discriminator"]["mapping"]) == set(CATALOGUE)

    def test_handing_in_names_every_status(self, described: dict[str, Any]) -> None:
        """Given POST /v1/messages, then every status it answers with is described, errors as problem+json."""
        responses = described["paths"]["/v1/messages"]["post"]["responses"]
        assert set(responses) == {"202", "400", "401", "403", "404", "409", "413", "415", "422", "500", "503"}
        assert all(set(found["content"]) == {"application/problem+json"} for status, found in responses.items() if status != "202")
        assert "Retry-After" in responses["503"]["headers"]

    def test_every_code_it_names_is_a_documented_one(self, described: dict[str, Any]) -> None:
        """Given the codes in the description, then the pages of errors and reasons list each."""
        named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", json.dumps(described["paths"])))
        pages = "".join((DOCS / name).read_text("utf-8") for name in ("errors.md", "reasons.md"))
        listed = set(re.findall(r"`([a-z]+\.[a-z_]+)`", pages))
        assert named - listed == set()
        assert len(named) > 15


class TestTheServer:
    def test_a_taken_port_is_said_at_once(self, make_door: Callable[..., Door]) -> None:
        """Given a port that somebody has, when a second server wants it, then it is refused with what to do."""
        door = make_door(start=False)
        with pytest.raises(SettingsError, match="--port") as refused:
            serve(door.hub, "127.0.0.1", door.server.port)
        assert refused.value.code == "settings.address_taken"

    def test_an_address_that_is_no_address_is_said(self, make_door: Callable[..., Door]) -> None:
        """Given a host name nobody knows, then it is refused as a setting."""
        with pytest.raises(SettingsError, match="host"):
            serve(make_door(start=False).hub, "no.such.host.invalid", 0)

    def test_it_stops_twice_and_lets_the_port_go(self, make_door: Callable[..., Door]) -> None:
        """Given a server that has stopped, then stopping again does no harm, and another may listen there."""
        door = make_door(start=False)
        door.server.stop()
        door.server.stop()
        again = serve(door.hub, "127.0.0.1", door.server.port)
        again.stop()


@pytest.mark.parametrize("error", [StoreBusy("busy"), StoreConflict("took back")])
def test_a_store_that_has_no_time_asks_to_come_again(error: StoreBusy) -> None:
    """Given a store that was busy, or took a message back more often than it was decided anew, then 503 says when to come again."""
    answer = of_error(error)
    assert (answer.status_code, answer.headers["Retry-After"], json.loads(bytes(answer.body))["code"]) == (503, "1", error.code)
