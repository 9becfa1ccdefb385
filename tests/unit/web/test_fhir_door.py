"""`/fhir/$process-message` and `/fhir/metadata`: who is let in, what is negotiated, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from siphub.contract import Cut, Delivered, PluginContext, Recipient, Submission, SystemClock
from siphub.contract.http import Http
from siphub.model import people as p
from siphub_fhir import Fhir, FhirReader, intake
from siphub_fhir.xml_in import from_xml
from siphub_fhir.xml_out import to_xml
from tests.unit.web.fhir_bundles import JSON, OPERATION, XML, Resource, bundle, header_of, other_key, post, said

if TYPE_CHECKING:
    from siphub.testing.fhir_judges import FhirJudges
    from tests.conftest import Door


class TestAnswers:
    def test_a_message_is_taken_and_answered_in_fhir(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a message Bundle, the answer is one too: ok, to its header, with what becomes of it for each recipient, and nothing of it."""
        sent = bundle()
        reply = post(fhir, sent)
        assert (reply.status, reply.headers["content-type"]) == (200, JSON)
        identifier, code, issues = said(reply)
        assert (identifier, code, taken()) == (header_of(sent)["id"], "ok", 1)
        assert [severity for severity, _ in issues] == ["information"]
        answer = header_of(reply.document)
        assert answer["eventCoding"] == header_of(sent)["eventCoding"]
        assert answer["destination"] == [{"endpoint": header_of(sent)["source"]["endpoint"]}]
        assert str(p.SUBJECT_NUMBER) not in reply.body.decode()

    def test_xml_is_answered_in_xml(self, fhir: Door) -> None:
        """Given the same as XML, the answer is XML and says the same."""
        sent = bundle()
        reply = post(fhir, to_xml(sent), XML)
        assert (reply.status, reply.headers["content-type"]) == (200, XML)
        assert from_xml(reply.body) == post(fhir, sent).document

    def test_what_does_not_hold_to_r4_is_refused_with_expressions(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a wrong code, the answer is fatal-error with the place in FHIRPath, 422, and nothing is taken."""
        sent = bundle()
        place = next(number for number, one in enumerate(sent["entry"]) if one["resource"]["resourceType"] == "Task")
        sent["entry"][place]["resource"]["status"] = "soon"
        reply = post(fhir, sent)
        assert (reply.status, taken()) == (422, 0)
        assert said(reply)[:2] == (header_of(sent)["id"], "fatal-error")
        [issue] = reply.document["entry"][1]["resource"]["issue"]
        assert issue["expression"] == [f"Bundle.entry[{place}].resource.status"]
        assert issue["code"] == "code-invalid"

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [(b"{", 400, "structure"), (b'{"resourceType": "Patient"}', 422, "not-supported"), (b"[]", 422, "structure")],
    )
    def test_what_is_no_message_is_answered_by_an_outcome(self, fhir: Door, body: bytes, status: int, code: str) -> None:
        """Given no JSON, or a resource that is no message, the answer is an OperationOutcome."""
        reply = post(fhir, body)
        assert (reply.status, reply.document["resourceType"]) == (status, "OperationOutcome")
        assert reply.document["issue"][0]["code"] == code

    @pytest.mark.parametrize(
        ("media_type", "body", "detail"),
        [
            (JSON, b"", "there is nothing in the body"),
            (JSON, "\ufeff{}".encode(), "the body begins with a byte order mark: JSON is UTF-8 without one"),
            (JSON, "{}".encode("utf-16"), "the body is UTF-16 or UTF-32: JSON is UTF-8"),
            (JSON, '{"a": "å"}'.encode("latin-1"), "not JSON in UTF-8"),
            (XML, b"", "the document is not well-formed XML (ERR_DOCUMENT_EMPTY)"),
            (
                XML,
                "<Bundle/>".encode("utf-16-le"),
                "the document must be UTF-8, US-ASCII, ISO-8859-1, Windows-1252, or UTF-16 with a byte order mark",
            ),
        ],
    )
    def test_bytes_that_cannot_be_read_are_told_why(
        self, fhir: Door, media_type: str, body: bytes, detail: str, taken: Callable[[], int]
    ) -> None:
        """Given nothing, or another encoding, 400 with an issue that says so and where, in the form of the request."""
        reply = post(fhir, body, media_type)
        assert (reply.status, reply.headers["content-type"], taken()) == (400, media_type, 0)
        [issue] = (from_xml(reply.body) if media_type == XML else reply.document)["issue"]
        assert (issue["code"], issue["details"]["text"]) == ("structure", detail)
        assert issue["diagnostics"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_xml_says_its_encoding_by_a_mark(self, fhir: Door, encoding: str) -> None:
        """Given XML in an encoding that a mark names, it is taken."""
        assert post(fhir, to_xml(bundle()).decode().partition("\n")[2].encode(encoding), XML).status == 200

    @pytest.mark.parametrize("media_type", [JSON, XML])
    def test_a_document_is_parsed_once(self, fhir: Door, monkeypatch: pytest.MonkeyPatch, media_type: str) -> None:
        """Given a message that is taken, repeated, in conflict, refused by R4 or by the hub, its bytes are parsed once for each request."""
        parsed: list[bytes] = []

        def counted(parse: Callable[[bytes], intake.Opened]) -> Callable[[bytes], intake.Opened]:
            return lambda body: (parsed.append(body), parse(body))[1]  # type: ignore[func-returns-value]  # it only counts

        for name in ("_json", "_xml"):
            monkeypatch.setattr(intake, name, counted(getattr(intake, name)))
        sent, other = bundle(), bundle()
        asked = [sent, sent, {**other, "id": sent["id"]}, {**other, "timestamp": "soon"}]
        written = [to_xml(one) if media_type == XML else json.dumps(one).encode() for one in asked]
        assert [post(fhir, one, media_type).status for one in written] == [200, 200, 409, 422]
        assert post(fhir, written[0], media_type, key=other_key(fhir)).status == 403
        assert parsed == [*written, written[0]]

    def test_a_message_without_an_id_cannot_be_answered(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given a MessageHeader without an id, it is refused, with the place: an answer could not name it."""
        sent = bundle()
        del header_of(sent)["id"]
        reply = post(fhir, sent)
        assert (reply.status, reply.document["resourceType"], taken()) == (422, "OperationOutcome", 0)
        assert reply.document["issue"][0]["expression"] == ["Bundle.entry[0].resource.id"]

    @pytest.mark.parametrize("media_type", [JSON, XML])
    @pytest.mark.parametrize(
        "wrong",
        [
            {"eventCoding": {"display": "Prov Provsdotter"}},
            {"eventCoding": "Prov Provsdotter"},
            {"eventCoding": {"code": {"text": "Prov Provsdotter"}}},
            {"id": "Prov Provsdotter"},
            {"id": "\ud800"},
            {"id": "1" * 65},
            {"source": {"endpoint": {"text": "Prov Provsdotter"}}},
            {"source": {"endpoint": "Prov Provsdotter"}},
        ],
    )
    def test_what_was_refused_is_not_said_again(self, fhir: Door, wrong: Resource, media_type: str) -> None:
        """Given a header with anything where its id, event or address should be, the answer is 4xx in FHIR, and has none of it."""
        sent = bundle()
        header_of(sent).update(wrong)
        reply = post(fhir, sent, Accept=media_type)
        assert (reply.status, reply.headers["content-type"]) in {(400, media_type), (422, media_type)}
        answer = from_xml(reply.body) if media_type == XML else reply.document
        assert answer["resourceType"] == ("Bundle" if "source" in wrong else "OperationOutcome")
        assert "Provsdotter" not in reply.body.decode()
        assert "1" * 65 not in reply.body.decode()

    def test_a_display_of_the_event_is_not_said_again(self, fhir: Door) -> None:
        """Given words beside the event's code, the answer names the event by its code alone."""
        sent = bundle()
        header_of(sent)["eventCoding"]["display"] = "Prov Provsdotter"
        reply = post(fhir, sent)
        assert (reply.status, said(reply)[1]) == (200, "ok")
        assert "Provsdotter" not in reply.body.decode()

    def test_a_hub_that_cannot_take_it_now_says_so(self, make_door: Callable[..., Door]) -> None:
        """Given a hub without room, the answer is transient-error, 503 with Retry-After."""
        full = make_door(start=False, plugins=("folder", "fhir"), min_free_disk=2**60)
        reply = post(full, bundle())
        assert (reply.status, said(reply)[1:]) == (503, ("transient-error", [("error", "throttled")]))
        assert int(reply.headers["retry-after"]) >= 1

    @pytest.mark.node
    def test_answers_are_valid(self, fhir: Door, fhir_judges: FhirJudges) -> None:
        """Given what is taken, refused and described, validators that are not ours have nothing against the answers."""
        broken = {**bundle(), "timestamp": "soon"}
        for reply in (post(fhir, bundle()), post(fhir, broken), post(fhir, b"{"), fhir.ask("GET", "/fhir/metadata")):
            assert fhir_judges.against(reply.document) == []


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "path", "kind"),
        [
            ("*/*", OPERATION, JSON),
            (XML, OPERATION, XML),
            ("application/json", OPERATION, JSON),
            ("text/html, application/xml;q=0.9, */*;q=0.1", OPERATION, XML),
            (f"{XML};q=0.2, {JSON};q=0.8", OPERATION, JSON),
            (f"{XML};q=0, application/*", OPERATION, JSON),
            ("text/html", f"{OPERATION}?_format=xml", XML),
            (XML, f"{OPERATION}?_format=application/fhir+json", JSON),
        ],
    )
    def test_the_answer_is_in_what_the_caller_takes(self, fhir: Door, accept: str, path: str, kind: str) -> None:
        """Given Accept or _format, the answer has that form."""
        assert post(fhir, bundle(), path=path, Accept=accept).headers["content-type"] == kind

    @pytest.mark.parametrize(
        ("accept", "path"), [("text/html", OPERATION), (f"{JSON};q=0", OPERATION), ("*/*", f"{OPERATION}?_format=turtle")]
    )
    def test_an_answer_nobody_takes_is_not_acceptable(self, fhir: Door, accept: str, path: str, taken: Callable[[], int]) -> None:
        """Given a caller that takes neither, 406 as an OperationOutcome, and nothing is taken."""
        reply = post(fhir, bundle(), path=path, Accept=accept)
        assert (reply.status, reply.document["issue"][0]["code"], taken()) == (406, "not-supported", 0)

    @pytest.mark.parametrize(
        "kind", ["application/json", "text/xml", "application/pdf", f"{JSON}; fhirVersion=5.0", f'{JSON}; fhirversion="3.0"']
    )
    def test_what_does_not_say_that_it_is_r4_is_not_guessed(self, fhir: Door, kind: str, taken: Callable[[], int]) -> None:
        """Given another media type or version, 415, whatever the bytes look like."""
        reply = post(fhir, bundle(), kind)
        assert (reply.status, taken()) == (415, 0)
        issues = reply.document.get("issue") or reply.document["entry"][1]["resource"]["issue"]
        assert issues[0]["code"] == "not-supported"

    @pytest.mark.parametrize("kind", [f"{JSON}; fhirVersion=4.0", f"{JSON};charset=utf-8"])
    def test_what_says_that_it_is_r4_is_taken(self, fhir: Door, kind: str) -> None:
        """Given the version, or a charset, it is taken."""
        assert post(fhir, bundle(), kind).status == 200

    def test_a_body_that_is_too_large_is_refused(self, make_door: Callable[..., Door]) -> None:
        """Given more than the hub takes, 413 as an OperationOutcome."""
        small = make_door(start=False, plugins=("folder", "fhir"), max_body=1000)
        reply = post(small, bundle())
        assert (reply.status, reply.document["issue"][0]["code"]) == (413, "too-long")


class TestOtherAddressesAndMethods:
    @pytest.mark.parametrize("media_type", [JSON, XML])
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", OPERATION, 405, "not-supported"),
            ("PUT", OPERATION, 405, "not-supported"),
            ("POST", "/fhir/metadata", 405, "not-supported"),
            ("GET", "/fhir/Patient/1", 404, "not-found"),
            ("POST", "/fhir", 404, "not-found"),
        ],
    )
    def test_what_there_is_not_is_an_outcome(self, fhir: Door, method: str, path: str, status: int, code: str, media_type: str) -> None:
        """Given an address below the door that is none, or a method it does not take, the answer is an OperationOutcome in what is asked for."""
        reply = fhir.ask(method, path, key="", Accept=media_type)
        assert (reply.status, reply.headers["content-type"]) == (status, media_type)
        found = from_xml(reply.body) if media_type == XML else reply.document
        assert (found["resourceType"], [one["code"] for one in found["issue"]]) == ("OperationOutcome", [code])

    def test_a_browser_is_told_too(self, fhir: Door) -> None:
        """Given a caller that takes neither form, what there is not is said in JSON all the same."""
        reply = fhir.ask("GET", "/fhir/", Accept="text/html")
        assert (reply.status, reply.headers["content-type"]) == (404, JSON)

    @pytest.mark.parametrize(("path", "methods"), [(OPERATION, {"POST", "OPTIONS"}), ("/fhir/metadata", {"GET", "HEAD", "OPTIONS"})])
    def test_the_methods_are_told(self, fhir: Door, path: str, methods: set[str]) -> None:
        """Given OPTIONS, or a method an address does not take, Allow says which it takes; nobody needs a key for that, and there is no body."""
        told, refused = (fhir.ask(method, path, key="") for method in ("OPTIONS", "DELETE"))
        assert (told.status, told.body, refused.status) == (204, b"", 405)
        assert set(told.headers["allow"].split(", ")) == set(refused.headers["allow"].split(", ")) == methods

    def test_head_is_get_without_the_body(self, fhir: Door) -> None:
        """Given HEAD, metadata is answered with the headers of GET; it wants a key as GET does; the operation has no HEAD."""
        got, asked = (fhir.ask(method, "/fhir/metadata", Accept=XML) for method in ("GET", "HEAD"))
        wanted = ("content-type", "content-length")
        assert (asked.status, asked.body, [asked.headers[name] for name in wanted]) == (200, b"", [got.headers[name] for name in wanted])
        assert [fhir.ask("HEAD", path, key="").status for path in ("/fhir/metadata", OPERATION)] == [401, 405]

    def test_other_addresses_are_answered_as_ever(self, fhir: Door) -> None:
        """Given an address that only begins like the door's, the answer is the hub's own."""
        assert [fhir.ask("GET", path).code for path in ("/fhirs", "/v1/fhir/metadata")] == ["route.not_there"] * 2


class TestWhoIsLetIn:
    @pytest.mark.parametrize(("method", "path"), [("POST", OPERATION), ("GET", "/fhir/metadata")])
    def test_nobody_without_a_key(self, fhir: Door, method: str, path: str) -> None:
        """Given no key or a wrong one, 401 with the scheme that is asked for, as an OperationOutcome."""
        for key in ("", "nobody"):
            reply = fhir.ask(method, path, key=key, Content_Type=JSON)
            assert (reply.status, reply.document["issue"][0]["code"]) == (401, "login")
            assert reply.headers["www-authenticate"].startswith("Bearer")

    def test_a_key_without_the_role_is_forbidden(self, fhir: Door) -> None:
        """Given a key that may only read an inbox, it may not send."""
        reply = post(fhir, bundle(), key=other_key(fhir, "inbox"))
        assert (reply.status, reply.document["issue"][0]["code"]) == (403, "forbidden")

    def test_a_unit_that_is_not_the_callers_is_forbidden(self, fhir: Door, taken: Callable[[], int]) -> None:
        """Given another organisation's key, a message from our unit is refused as everywhere."""
        reply = post(fhir, bundle(), key=other_key(fhir))
        assert (reply.status, said(reply)[1:], taken()) == (403, ("fatal-error", [("error", "forbidden")]), 0)

    def test_without_the_plugin_there_is_no_such_address(self, make_door: Callable[..., Door]) -> None:
        """Given a hub whose plugin is not enabled, neither address is there."""
        plain = make_door(start=False, plugins=("folder",))
        assert [post(plain, bundle()).status, plain.ask("GET", "/fhir/metadata").status] == [404, 404]

    @pytest.mark.parametrize("path", ["/fhir/Patient?identifier=201001032380", "/fhir/CarePlan/1", "/fhir"])
    def test_nothing_is_answered_about_a_person(self, fhir: Door, path: str) -> None:
        """Given a query, there is nothing at that address."""
        assert fhir.ask("GET", path).status == 404


class TestMetadata:
    @pytest.mark.parametrize("accept", [JSON, XML])
    def test_it_describes_itself(self, fhir: Door, accept: str) -> None:
        """Given a caller, the CapabilityStatement says which version, formats, operation and messages there are, and where."""
        reply = fhir.ask("GET", "/fhir/metadata", Accept=accept)
        assert (reply.status, reply.headers["content-type"]) == (200, accept)
        found = from_xml(reply.body) if accept == XML else reply.document
        assert (found["resourceType"], found["kind"], found["fhirVersion"]) == ("CapabilityStatement", "instance", "4.0.1")
        assert found["implementation"]["url"] == f"{fhir.server.url}/fhir"
        assert found["rest"][0]["operation"][0]["name"] == "process-message"
        assert "resource" not in found["rest"][0]

    def test_it_is_where_the_settings_say(self, make_door: Callable[..., Door]) -> None:
        """Given our own address in the settings, that is what partners read."""
        told = make_door(start=False, plugins=("folder", "fhir"), plugin={"fhir": {"source": "https://hub.example/fhir/$process-message"}})
        found = told.ask("GET", "/fhir/metadata").document
        assert found["implementation"]["url"] == "https://hub.example/fhir"


def test_our_own_adapter_takes_the_answer_for_a_receipt(fhir: Door, taken: Callable[[], int]) -> None:
    """Given a hub that sends to this one, its adapter reads the answer as delivered, and again for a repeat."""
    rest: dict[str, Any] = {"log": None, "state": None, "render": None, "mappings": None}
    adapter = Fhir(
        PluginContext(
            plugin="fhir",
            clock=SystemClock(),
            http=Http(),
            settings={"clients": f"hub {fhir.server.url}"},
            secrets={"hub": fhir.key()},
            **rest,
        )
    )
    there = Recipient(p.CONTACT, p.MUNICIPALITY, "Norrby kommun", "fhir", fhir.server.url + OPERATION, None, {"secret": "hub"})
    message = FhirReader().read(Submission(json.dumps(bundle()).encode(), JSON))
    payload = adapter.translate(Cut(message.to_document(), "none"), there)  # type: ignore[union-attr]  # a whole message
    assert [adapter.deliver(payload, there, "k") for _ in range(2)] == [Delivered(), Delivered()]
    assert taken() == 1
