"""What an agency gets: the words, golden; the JSON, by the OpenAPI's own definition; the XML, by Digg's schema. From the cuts policy makes."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
import yaml
from lxml import etree

from siphub.contract import Accepted, Cut, Draft, Http, HttpAnswer, MappingError, PluginContext, Recipient, Submission
from siphub.model import people as p
from siphub.model import sample, sample_directory
from siphub.policy import disclosure
from siphub.sandbox.sdk_rules import issues_of
from siphub.testing import node
from siphub.testing.ports import free_port
from siphub_sdk import Sdk, SdkReader, message_payload, outcomes
from siphub_sdk.service import Service
from siphub_sdk.settings import read_settings

MakeContext = Callable[..., PluginContext]
GOLDEN = Path(__file__).parent / "golden"
KINDS = sorted(Sdk.info.kinds)
CASES = list(product(KINDS, (False, True)))
IDS = [f"{name}.{'maximal' if maximal else 'minimal'}" for name, maximal in CASES]
KEY = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"


def agency_cut(name: str, *, maximal: bool, granted: frozenset[str] | None = None) -> Cut:
    """Return what policy lets FK see; the maximal one with a consent to exchange information too."""
    rule = disclosure.rule_for(name, ("agency",))
    assert rule is not None
    scopes = granted if granted is not None else frozenset({"information_exchange"} if maximal else ())
    covered, message = disclosure.Covered(rule.bases[0], scopes), sample(name, maximal=maximal)
    consent = message.consent_statement
    return disclosure.cut(message, rule, recipient=p.FK, covered=covered, directory=sample_directory(), consent=consent)


def attributes(adapter: Sdk, cut: Cut, fk: Recipient) -> dict[str, Any]:
    """Return the attributes of a translated cut."""
    found: dict[str, Any] = json.loads(adapter.translate(cut, fk).body)["data"]["attributes"]
    return found


def text(adapter: Sdk, cut: Cut, fk: Recipient) -> str:
    """Return the text of a translated cut."""
    return str(attributes(adapter, cut, fk)["digitalDocument"][0]["contentTextBody"][0])


@pytest.mark.parametrize(("name", "maximal"), CASES, ids=IDS)
def test_the_message_is_as_it_was_read(adapter: Sdk, fk: Recipient, name: str, *, maximal: bool) -> None:
    """Given the agency's cut of each kind, then the message is the golden one that people have read."""
    made = json.dumps(json.loads(adapter.translate(agency_cut(name, maximal=maximal), fk).body), ensure_ascii=False, indent=2) + "\n"
    assert made == (GOLDEN / f"{name}.{'maximal' if maximal else 'minimal'}.json").read_text("utf-8")


def test_the_first_ten_lines_say_it_all(adapter: Sdk, fk: Recipient) -> None:
    """Who, what you are asked, when, may we talk, by when, how to answer, and our reference: in the first ten lines."""
    lines = text(adapter, agency_cut("meeting.invited", maximal=True), fk).splitlines()[:10]
    for said in (
        "Norrby kommun, telefon 090-123 45 67",
        "Fråga till er: Frågor om sjukpenning",
        "måndag 7 december 2026 kl. 12.00 till kl. 13.00",
        "den enskilde har samtyckt till att vi lämnar uppgifter till er och att ni lämnar uppgifter till oss",
        "gäller sedan 23 november 2026, till tisdag 23 november 2027 kl. 12.00",
        "**Svara senast:** måndag 30 november 2026 kl. 12.00",
        "genom att svara på detta meddelande i SDK",
        "se personnumret i meddelandets referensfält",
        "diarienummer SN 2026-117",
    ):
        assert any(said in line for line in lines), said


def test_nothing_of_others_is_said(adapter: Sdk, fk: Recipient) -> None:
    """No other party's question, no official's name, no unit's, no name of the person, and the number only in its reference."""
    made = json.dumps(attributes(adapter, agency_cut("meeting.invited", maximal=True), fk), ensure_ascii=False)
    assert not [word for word in ("Praktik", "Eva", "Biståndsenheten", p.CONTACT, "Prov", p.AF) if word in made]
    assert made.count(str(p.SUBJECT_NUMBER)) == 1
    assert str(p.SUBJECT_NUMBER) not in json.dumps(
        attributes(adapter, agency_cut("meeting.invited", maximal=True, granted=frozenset()), fk)
    )


def test_a_stop_notice_says_the_same_whatever_the_reason(adapter: Sdk, fk: Recipient) -> None:
    """Two stop notices differ in nothing but ids, time and telephone."""
    cut = agency_cut("stop.notice", maximal=False)
    other = Cut({**cut.document, "message_id": str(uuid4()), "case_id": str(uuid4()), "sent_at": "2026-12-01T10:00:00Z"}, cut.basis)

    def bare(one: Cut) -> str:
        made = adapter.translate(one, fk).body.decode()
        for part in (one.message_id, str(one.document["case_id"]), "2026-12-01T10:00:00.000Z", "2026-11-23T11:00:00.000Z"):
            made = made.replace(part, "·")
        return made

    assert bare(cut) == bare(other)


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ("to", "Ja, från oss till er: den enskilde har samtyckt till att vi lämnar uppgifter till er, men inte till att ni lämnar"),
        ("from", "Ja, från er till oss: den enskilde har samtyckt till att ni lämnar uppgifter till oss"),
        ("both", "Ja, åt båda hållen"),
    ],
)
def test_a_consent_says_which_way_and_how_long(adapter: Sdk, fk: Recipient, direction: str, said: str) -> None:
    """The invitation states the consent: which way, since when, until when, and that the agency decides for itself (LIFECYCLE 5.3)."""
    cut = agency_cut("meeting.invited", maximal=True)
    stated = {"since": "2026-11-30T23:30:00Z", "direction": direction}
    open_ended = text(adapter, Cut({**cut.document, "consent_statement": stated}, "consent"), fk)
    assert said in open_ended
    assert "Samtycket gäller sedan 1 december 2026, tills vidare. Vad ni lämnar ut prövar ni själva." in open_ended
    ended = text(adapter, Cut({**cut.document, "consent_statement": {**stated, "until": "2027-01-31T11:00:00Z"}}, "consent"), fk)
    assert "till söndag 31 januari 2027 kl. 12.00" in ended
    assert "Får vi tala med varandra?" not in text(adapter, Cut({**cut.document, "consent_statement": stated}, "secrecy_assessed"), fk)


def test_a_reminder_repeats_nothing_of_the_meeting(adapter: Sdk, fk: Recipient) -> None:
    """It says what is missing, by when and how to answer, and neither where, what about nor who; the person's number is not in it."""
    made = json.dumps(attributes(adapter, agency_cut("meeting.reminder", maximal=True), fk), ensure_ascii=False)
    assert "ert svar" in made
    assert "Svar: ja" in made
    assert not [word for word in ("Stadshuset", "sjukpenning", str(p.SUBJECT_NUMBER), "Prov", "Eva") if word in made]


def test_a_reminder_says_who_asks_and_offers_no_telephone_without_a_number(adapter: Sdk, fk: Recipient) -> None:
    """Given a reminder, then its first line names our organisation, as a text without power; and no text speaks of phoning without a number to phone."""
    lines = text(adapter, agency_cut("meeting.reminder", maximal=True), fk).splitlines()
    assert lines[:3] == ["# Påminnelse om svar på inbjudan till SIP-möte", "", "* **Från:** Norrby kommun"]
    for name, maximal in CASES:
        said = text(adapter, agency_cut(name, maximal=maximal), fk)
        assert "per telefon" not in said or "telefon 0" in said
    cut = agency_cut("meeting.invited", maximal=True)
    content: Any = dict(deepcopy(dict(cut.document))["content"])  # type: ignore[call-overload]  # the shape of a canonical message
    assert "eller per telefon" in text(adapter, cut, fk)
    del content["convener"]["phone"]
    assert "eller per telefon" not in text(adapter, Cut({**cut.document, "content": content}, "consent"), fk)


def test_a_receipt_is_the_same_whatever_was_decided(adapter: Sdk, fk: Recipient) -> None:
    """Even of a cut that shows more than it should, the text says nothing of the answer."""
    receipt = agency_cut("sip.request.answered", maximal=False)
    document = {**receipt.document, "content": sample("sip.request.answered", maximal=True).to_document()["content"]}
    assert text(adapter, Cut(document, "no_person_data"), fk) == text(adapter, receipt, fk)


def test_an_entry_may_ask_for_the_message_as_a_pdf_too(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry with the option `attachment = "pdf"`, then the cut is attached as PDF/A under a name that says nothing; another word holds the delivery."""

    def render(cut: Cut, form: str) -> bytes:
        return f"%PDF {form} of {cut.message_type}".encode()

    adapter = Sdk(replace(make_context(), render=render))
    cut, asking = agency_cut("meeting.invited", maximal=True), replace(fk, options={**fk.options, "attachment": "pdf"})
    made = attributes(adapter, cut, asking)
    assert made["digitalDocument"][0]["contentFiles"] == [
        {"fileName": "sip.pdf", "contentType": "application/pdf", "content": base64.b64encode(b"%PDF pdf of meeting.invited").decode()}
    ]
    assert issues_of({**made, "messageId": KEY}) == []
    assert "contentFiles" not in attributes(adapter, cut, fk)["digitalDocument"][0]
    read = SdkReader().read(Submission(message_payload(adapter.translate(cut, asking).body, KEY), "application/xml"))
    assert isinstance(read, Draft)
    said: Any = read.content["sdk"]
    assert said["files"] == [{"name": "sip.pdf", "media_type": "application/pdf"}]
    with pytest.raises(MappingError) as caught:
        adapter.translate(cut, replace(fk, options={**fk.options, "attachment": "docx"}))
    assert caught.value.code == "sdk.attachment_unknown"


def test_values_have_no_power_over_the_text(adapter: Sdk, fk: Recipient) -> None:
    """A place that holds a line break, a heading, a form line or Markdown stays one harmless line."""
    document = deepcopy(dict(agency_cut("meeting.invited", maximal=True).document))
    content: Any = document["content"]
    content["meeting"]["place"]["text"] = "Rum 3\n# Inställt\nSvar: nej\n**fetstil** [länk](x)"
    made = text(adapter, Cut(document, "consent"), fk).splitlines()
    assert [line for line in made if "Rum 3" in line] == [
        "* **Var:** Rum 3 # Inställt Svar: nej \\*\\*fetstil\\*\\* \\[länk](x); Länk skickas av sammankallande"
    ]
    assert "Svar: nej" not in made


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("_kursiv_ och __fet__", "\\_kursiv\\_ och \\_\\_fet\\_\\_"),
        ("rum_3_b, https://x.example/a_b", "rum_3_b, https://x.example/a_b"),
        ("(_a_)", "(\\_a\\_)"),
        ("Rum \u202e3 mur\u202c\u2067x\u2069\u200f\u200e\u061c", "Rum 3 murx"),
    ],
)
def test_values_neither_emphasise_nor_turn_about(adapter: Sdk, fk: Recipient, place: str, said: str) -> None:
    """Given a place with underscores or with characters that turn the direction of reading, then the first have no power, but within a word, and the second are gone."""
    document = deepcopy(dict(agency_cut("meeting.invited", maximal=True).document))
    content: Any = document["content"]
    content["meeting"]["place"]["text"] = place
    assert f"* **Var:** {said}; Länk skickas av sammankallande" in text(adapter, Cut(document, "consent"), fk).splitlines()


def test_another_zone_is_said(adapter: Sdk, fk: Recipient) -> None:
    """A meeting in another zone than Sweden's says so."""
    document = deepcopy(dict(agency_cut("meeting.invited", maximal=False).document))
    content: Any = document["content"]
    content["meeting"]["zone"] = "Europe/Helsinki"
    assert "kl. 13.00 (Europe/Helsinki)" in text(adapter, Cut(document, "consent"), fk)


def test_a_number_goes_under_the_root_of_its_kind(adapter: Sdk, fk: Recipient) -> None:
    """Personnummer, samordningsnummer and reserve number each have their root."""
    for kind, root in (
        ("personnummer", "1.2.752.129.2.1.3.1"),
        ("samordningsnummer", "1.2.752.129.2.1.3.3"),
        ("reservnummer", "1.2.752.74.9.1"),
    ):
        cut = agency_cut("meeting.invited", maximal=True)
        odd = Cut({**cut.document, "subject": {"identity": {"kind": kind, "value": "X"}}}, "consent")
        assert attributes(adapter, odd, fk)["recipientAttention"]["referenceId"][0]["root"] == root


@pytest.mark.parametrize(("name", "maximal"), CASES, ids=IDS)
def test_the_sandbox_has_nothing_against_it(adapter: Sdk, fk: Recipient, name: str, *, maximal: bool) -> None:
    """The service's own rules, written apart from the plugin, find nothing wrong."""
    assert issues_of({**attributes(adapter, agency_cut(name, maximal=maximal), fk), "messageId": KEY}) == []


# ── by the reference library ──


@pytest.fixture(scope="session")
def openapi(reference: Path) -> dict[str, Any]:
    """Return the SDK API's OpenAPI."""
    found: dict[str, Any] = yaml.safe_load((reference / "standards/sdk/sdk-api-restful.yml").read_text("utf-8"))
    return found


def judge(openapi: dict[str, Any], definition: str) -> jsonschema.Draft4Validator:
    """Return what judges by one definition of the OpenAPI; its dialect is near enough to draft 4, `exclusiveMaximum: true` and all."""
    return jsonschema.Draft4Validator({"$ref": f"#/components/schemas/{definition}", "components": openapi["components"]})


@pytest.mark.reference
@pytest.mark.parametrize(("name", "maximal"), CASES, ids=IDS)
def test_the_json_is_what_the_openapi_says(openapi: dict[str, Any], adapter: Sdk, fk: Recipient, name: str, *, maximal: bool) -> None:
    """Each kind, minimal and maximal, holds to messageCreateAttributesDef, checked itself because the `$ref` to it is misplaced."""
    made = {**attributes(adapter, agency_cut(name, maximal=maximal), fk), "messageId": KEY}
    assert [error.message for error in judge(openapi, "messageCreateAttributesDef").iter_errors(made)] == []
    known = set(openapi["components"]["schemas"]["messageCreateAttributesDef"]["properties"])
    assert set(made) - known == {"type"}  # what the misplaced `required` asks for
    for field in ("label", "sender", "recipient", "confidentiality"):
        assert list(judge(openapi, "messageCreateAttributesDef").iter_errors({one: made[one] for one in made if one != field}))


@pytest.mark.reference
@pytest.mark.parametrize(("name", "maximal"), CASES, ids=IDS)
def test_the_xml_is_what_digg_says(reference: Path, adapter: Sdk, fk: Recipient, name: str, *, maximal: bool) -> None:
    """The same message written as messagePayload holds to Digg's XSD and to the patterns of its schematron, and reads back as it was."""
    made = message_payload(adapter.translate(agency_cut(name, maximal=maximal), fk).body, KEY)
    root = etree.fromstring(made)
    schema = etree.XMLSchema(etree.parse(reference / "standards/sdk/infrastructure_messaging_MessageWithAttachments_3.0.xsd"))
    assert schema.validate(root), schema.error_log
    assert not [node for node in root.iter("*") if not "".join(str(part) for part in node.itertext()).strip()]
    read = SdkReader().read(Submission(made, "application/xml"))
    assert isinstance(read, Draft)
    said: Any = read.content
    assert (said["message_id"], said["sdk"]["text"]) == (KEY, text(adapter, agency_cut(name, maximal=maximal), fk).strip())


def test_what_xml_cannot_carry_is_a_mapping_error(adapter: Sdk, fk: Recipient) -> None:
    """A control character stops the writing of XML, without being repeated."""
    body = adapter.translate(agency_cut("meeting.invited", maximal=True), fk).body.replace(b"SN 2026-117", b"a\\u0001")
    with pytest.raises(MappingError) as caught:
        message_payload(body, KEY)
    assert caught.value.code == "mapping.unrepresentable"


STRAY = """        attributes:
          type: object
          properties:
          $ref: "#/components/schemas/{name}"

          required:
{required}"""
MENDED = """        attributes:
          $ref: "#/components/schemas/{name}"
"""
MISPLACED = {
    "messageCreateAttributesDef": "            - type\n",
    "messageAttributesDef": "            - type\n            - id\n",
}
"""The published file's lines that switch its check of a new message's body off, and make its own example none; and what they are meant to say."""
EXAMPLE = "ff325210-0690-42fe-b86f-95ecab821223"
"""The messageId of the OpenAPI's own example, which Prism answers with."""


@pytest.fixture(scope="session")
def prism(reference: Path, need: Callable[[str | None], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Prism, a mock server we did not write, over the OpenAPI with its stray lines mended; skipped where it is not installed, required in CI."""
    need(node.missing("prism"))
    program = node.program("prism", "@stoplight/prism-cli/dist/index.js")
    published = (reference / "standards/sdk/sdk-api-restful.yml").read_text("utf-8")
    for name, required in MISPLACED.items():
        stray = STRAY.format(name=name, required=required)
        assert published.count(stray) == 1
        published = published.replace(stray, MENDED.format(name=name))
    folder = tmp_path_factory.mktemp("prism")
    mended = folder / "sdk-api-restful.yml"
    mended.write_text(published, "utf-8")
    port = free_port()
    command = [*program, "mock", "--host", "127.0.0.1", "--port", str(port), str(mended)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


@pytest.mark.reference
@pytest.mark.node
@pytest.mark.parametrize(("name", "maximal"), CASES, ids=IDS)
def test_a_mock_server_we_did_not_write_takes_it(prism: str, make_context: MakeContext, fk: Recipient, name: str, *, maximal: bool) -> None:
    """Prism over the OpenAPI answers 201 to each kind, and 400 to one without any of what it demands, or with a word where it demands a yes or no."""
    adapter = Sdk(make_context(service=prism, timeout_seconds="20"))
    payload, key = adapter.translate(agency_cut(name, maximal=maximal), fk), str(uuid4())
    assert adapter.deliver(payload, fk, key) == Accepted(key)
    for field in ("label", "sender", "recipient", "confidentiality"):
        bare = json.loads(payload.body)
        del bare["data"]["attributes"][field]
        assert posted(prism, json.dumps(bare).encode()) == 400, field
    odd = json.loads(payload.body)
    odd["data"]["attributes"]["confidentiality"] = "ja"
    assert posted(prism, json.dumps(odd).encode()) == 400


@pytest.mark.reference
@pytest.mark.node
@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_mock_server_we_did_not_write_takes_what_people_have_read(prism: str, golden: Path) -> None:
    """Prism over the OpenAPI answers 201 to each golden file, as it stands, and 401 to nobody."""
    assert posted(prism, golden.read_bytes()) == 201
    assert posted(prism, golden.read_bytes(), {}) == 401


def posted(prism: str, body: bytes, token: Mapping[str, str] = MappingProxyType({"Authorization": "Bearer x"})) -> int:
    """Post a body to the mock server and return the status of its answer."""
    http = Http(timeout=timedelta(seconds=20))
    try:
        answer = http.post(f"{prism}/sdk/messages", body, {"Content-Type": "application/json", **token})
    finally:
        http.close()
    assert isinstance(answer, HttpAnswer)
    return answer.status


@pytest.mark.reference
@pytest.mark.node
def test_a_mock_server_we_did_not_write_is_asked_listed_and_told_to_delete(prism: str, make_context: MakeContext) -> None:
    """Prism over the OpenAPI takes our GET of one message, our lists by status and address, and our DELETE, and what it answers from its examples is read."""
    senders = f"{p.MUNICIPALITY} 0203:inera.se sdk:utkorg:0203:inera.se Inera"
    context = make_context(service=prism, timeout_seconds="20", senders=senders)
    service = Service(context, read_settings(context.settings))
    found = service.get(EXAMPLE)
    assert isinstance(found, Mapping)
    assert (found["messageId"], found["sender"]) == (EXAMPLE, "0203:inera.se")
    listed = service.listed(str(found["messageStatus"]))
    assert listed is not None
    assert [one["messageId"] for one in listed] == [EXAMPLE]
    for status in outcomes.ARRIVED | outcomes.ENDED:
        assert service.listed(status) == []
    assert all(check.ok for check in service.check_lists())
    assert service.delete(EXAMPLE) is None
