"""What comes by SDK: answers in the form we ask for, in any other words, and Digg's own examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Draft, Refused, Submission
from siphub_sdk import SdkReader

JSON = "application/vnd.siphub.sdk-message+json"
HEAD: dict[str, Any] = {
    "messageId": "6D2F2D2E-3a2b-4b57-9a51-0f6a3f0c1a01",
    "conversationId": "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a02",
    "refToMessageId": "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a03",
    "creationDateTime": "2026-01-15T09:30:00.000Z",
    "sender": "0203:arbetsformedlingen.example",
    "recipient": "0203:norrby.example",
    "senderAttention": {"subOrganization": {"extension": "sdk:sip:0203:arbetsformedlingen.example", "label": "Arbetsförmedlingen"}},
    "recipientAttention": {
        "subOrganization": {"extension": "sdk:sip:0203:norrby.example"},
        "referenceId": [{"root": "dnr", "extension": "SN 2026-117", "label": "Diarienummer"}],
    },
}


def read(text: str, **more: Any) -> Draft:
    """Read a message with a text."""
    body = {**HEAD, "digitalDocument": [{"documentId": "svar", "contentTextBody": [text]}], **more}
    found = SdkReader().read(Submission(json.dumps(body).encode(), JSON))
    assert isinstance(found, Draft)
    return found


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Svar: ja", {"response": "accept"}),
        ("svar : JA.", {"response": "accept"}),
        ("Hej!\n\nSvar: nej\n\nMed vänlig hälsning", {"response": "decline"}),
        ("Svar: kontakta oss", {"response": "contact-us"}),
        ("Svar: ersättare Anna Andersson", {"response": "delegate", "substitute_name": "Anna Andersson"}),
        ("Svar: ny tid 2026-01-31 13:00", {"response": "propose-new-time", "proposed_times": [{"starts_at": "2026-01-31T12:00:00Z"}]}),
        ("Svar: ny tid 2026-07-01 kl. 9.30", {"response": "propose-new-time", "proposed_times": [{"starts_at": "2026-07-01T07:30:00Z"}]}),
        ("Svar: ja\n> Svar: nej", {"response": "accept"}),
        ("Svar: ja\n* Svar: nej\n* Svar: kontakta oss", {"response": "accept"}),
    ],
)
def test_an_answer_in_our_form_is_understood(text: str, answer: dict[str, Any]) -> None:
    """Each line of the form is a response by the function that wrote; case, meeting and unit are missing, because SDK does not carry them."""
    draft = read(text)
    content: Any = draft.content["content"]
    assert content == {**answer, "responder": {"name": "Arbetsförmedlingen", "role": "via SDK"}}
    assert draft.content["type"] == "meeting.response"
    assert draft.content["causation_id"] == HEAD["refToMessageId"]
    assert draft.missing == ("/case_id", "/owner", "/sender", "/recipients", "/content/meeting_id", "/content/meeting_version")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Vi kan inte den 4:e i stället.",
        "Svar: ja\nSvar: nej",
        "Svar: kanske",
        "Svar: ja tack, men inte förrän i mars",
        "Svar: ny tid 2026-02-30 13:00",
        "Svar: ny tid 2026-03-29 02:30",
        "Svar: ny tid 2026-10-25 02:30",
        "Svar: ny tid 2026-01-31 25:00",
        "Svar: ny tid på fredag",
        "Svar: ny tid 2026-01-14 13:00",
        "Svar: ny tid ÅÅÅÅ-MM-DD TT:MM",
        "Svar: ersättare",
        "Svar: ersättare Förnamn Efternamn",
        "> Svar: ja",
        "* Svar: ja",
    ],
)
def test_what_is_not_an_answer_in_our_form_is_left_for_a_person(text: str) -> None:
    """Other words, two answers, no date, or an hour that the change of clocks makes doubtful: a text with its thread and its sender."""
    draft = read(text)
    assert "type" not in draft.content
    assert "/content" in draft.missing
    carried: Any = draft.content["sdk"]
    assert carried.get("text", "") == text
    assert carried["sender"]["address"] == "sdk:sip:0203:arbetsformedlingen.example"
    assert carried["recipient"]["references"] == [{"root": "dnr", "value": "SN 2026-117"}]
    assert draft.content["message_id"] == HEAD["messageId"].lower()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ja", {"response": "accept"}),
        ("Hej!\nJa, vi kommer till mötet.\nMvh", {"response": "accept"}),
        ("Det passar bra.", {"response": "accept"}),
        ("Vi kan tyvärr inte delta.", {"response": "decline"}),
        ("Tyvärr kan vi inte komma till mötet, dnr AF-1", {"response": "decline"}),
        ("Nej tack!", {"response": "decline"}),
        ("Kan ni ringa oss?", {"response": "contact-us"}),
        (
            "Vi föreslår fredag 30 januari kl. 13.30",
            {"response": "propose-new-time", "proposed_times": [{"starts_at": "2026-01-30T12:30:00Z"}]},
        ),
        (
            "Kan vi ta den 4 februari klockan 9 i stället?",
            {"response": "propose-new-time", "proposed_times": [{"starts_at": "2026-02-04T08:00:00Z"}]},
        ),
        ("10/1 kl 10 passar bättre", {"response": "propose-new-time", "proposed_times": [{"starts_at": "2027-01-10T09:00:00Z"}]}),
    ],
)
def test_plain_swedish_is_understood_where_it_can_mean_one_thing_only(text: str, answer: dict[str, Any]) -> None:
    """Given a short answer in other words than the form's, then it is the same response; a time without a year is the next such day."""
    content: Any = read(text).content["content"]
    assert {name: value for name, value in content.items() if name != "responder"} == answer


@pytest.mark.parametrize(
    "text",
    [
        "Ja, men inte före tio.",
        "Ja. Men bara digitalt.",
        "Vi kan delta om läkaren kommer.",
        "Vi kan inte den 4:e.",
        "Vi föreslår den 4 eller den 5 februari kl. 10.",
        "Vi föreslår den 31 februari kl. 10.",
        "Vi föreslår måndag 30 januari kl. 13",
        "Vi kan den 10 januari 2026 i stället",
        "Vi kan den 29 mars kl. 02.30 i stället",
        "Vi kan komma den 4:e i stället för den 7:e",
        "Vi kommer den 4:e",
        "Ja\nNej",
        "Ja?",
        "Kan vi inte komma?",
        "Ok",
        "Vi kommer, diarienummer saknas",
        "Vi kommer inte att kunna inte komma",
        "Vi kan inte inte komma",
        "Vi är upptagna den 4:e, vi föreslår ny tid",
        "Vi har förhinder den 4 februari och föreslår en annan tid",
        "Kan ni flytta från den 4:e till en annan tid?",
        "Kan vi ses i stället för den 4:e?",
        "Vi kan vara 4 i stället",
        "Vi kan 4 i stället",
        "Rum 3 i stället",
        "<p>Vi kan den 4:e i stället</p>",
        "Vi kan den 4:e i stället\n-----Ursprungligt meddelande-----\nSvar: ja\nSvar: nej",
    ],
)
def test_what_could_mean_another_thing_is_left_for_a_person(text: str) -> None:
    """Given a yes with a but, two days, a day that is none or past, or another weekday's, then nothing is read into it."""
    assert "type" not in read(text).content


def test_a_day_without_an_hour_is_proposed_as_a_day() -> None:
    """Given a day alone, then the draft says the day, that the times are missing, and the words for a person to see."""
    draft = read("Vi kan den 4:e i stället, dnr AF-1")
    assert draft.content["proposed_days"] == ["---04"]
    assert "/content/proposed_times" in draft.missing
    assert draft.content["remark"] == "Vi kan den 4:e i stället"
    assert read("Vi kan den 4 februari i stället").content["proposed_days"] == ["2026-02-04"]


def test_their_registry_number_and_our_case_are_found() -> None:
    """Given a number with the word for it, or a reference, and our case's id in what is quoted, then both are carried; two numbers are none."""
    case = "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a09"
    draft = read(f"Vi återkommer, vårt dnr AF 2026-12.\n> Vår referens: ärende {case}")
    assert (draft.content["registry_number"], draft.content["cases"]) == ("AF 2026-12", [case])
    attention = {**HEAD["senderAttention"], "referenceId": [{"root": "dnr", "extension": "AF-2", "label": "x"}]}
    assert read("dnr AF-1", senderAttention=attention).content["registry_number"] == "AF-2"
    assert "registry_number" not in read("dnr AF-1 och dnr AF-2").content
    assert "registry_number" not in read("Vi återkommer, diarienummer saknas").content
    ours = {**HEAD["recipientAttention"], "referenceId": [{"root": "dnr", "extension": "SN 2026-117", "label": "x"}]}
    assert read("Vi återkommer.", recipientAttention=ours).content["our_numbers"] == ["SN 2026-117"]
    bare = {**HEAD["recipientAttention"], "referenceId": []}
    said = read("Vi återkommer, vårt dnr AF-1.\nErt dnr: SN 2026-118", recipientAttention=bare).content
    assert (said["registry_number"], said["our_numbers"]) == ("AF-1", ["SN 2026-118"])
    quoted = read(f"Vi återkommer.\nVår referens: diarienummer SN 2026-117, ärende {case}").content
    assert (quoted.get("registry_number"), quoted["cases"]) == (None, [case])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Vi kommer, dnr AF-1 4 december", "AF-1"),
        ("dnr AF-1 den 4 december kl. 9", "AF-1"),
        ("Vårt dnr är AF-1.", "AF-1"),
        ("diarienummer är: AF 2026-12", "AF 2026-12"),
        ("dnr SN 2026-117 4 december", "SN 2026-117"),
        ("dnr 2026/117", "2026/117"),
        ("dnr 2026 117", None),
        ("dnr 117 4 december", None),
        ("dnr den 4 december", None),
        ("dnr saknas 4 december", None),
        ("dnr är okänt", None),
    ],
)
def test_a_registry_number_is_a_whole_one(text: str, number: str | None) -> None:
    """Given a number with the word for it, then it is kept without the day that follows, and half a number, or a day, is none."""
    assert read(text).content.get("registry_number") == number


def test_what_is_written_beside_the_answer_is_kept_as_a_remark() -> None:
    """A question beneath the answer, or a file, is a remark that a person must see."""
    assert read("Svar: ja\nFinns det parkering?").content["remark"] == "Finns det parkering?"
    files = [
        {"documentId": "1", "contentTextBody": ["Svar: ja"], "contentFiles": [{"fileName": "a.pdf", "contentType": "application/pdf"}]}
    ]
    assert read("", digitalDocument=files).content["remark"] == "bilaga"
    assert "remark" not in read("Hej\nSvar: ja\nMvh").content


def test_a_person_named_by_the_sender_is_the_responder() -> None:
    """Where the message names an official, the response does too."""
    attention = {**HEAD["senderAttention"], "attentionPerson": [{"root": "x", "extension": "y", "label": "Anna Andersson"}]}
    content: Any = read("Svar: ja", senderAttention=attention).content["content"]
    assert content["responder"]["name"] == "Anna Andersson"


def file(reference: Path, name: str) -> Submission:
    """Return one of the reference library's files."""
    return Submission((reference / "standards" / name).read_bytes(), "application/xml")


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "text", "sender", "address"),
    [
        ("sdk/XHE-tm-base.xml", "Textmeddelande.", None, "SE23210NNNN-SubOrgUnit-id"),
        (
            "sdk/example_messageWithAttachments3.xml",
            "Anslut till SDK!",
            "0203:testb.testbed.inera.se",
            "sdk.testbed.0203:testb.testbed.inera.se",
        ),
        ("sdk/example_xhe_unencrypted.xml", "Anslut till SDK!", "0203:testb.testbed.inera.se", "sdk.testbed.0203:testb.testbed.inera.se"),
        (
            "sdk/example_xhe_unencrypted_payload.xml",
            "Anslut till SDK!",
            "0203:testb.testbed.inera.se",
            "sdk.testbed.0203:testb.testbed.inera.se",
        ),
        ("sdk/testdata/min.xml", "Teststring", "0203:test.sender.inera.se", "test.instance.inera.se"),
        ("examples/sdk_kallelse_sip.xml", "# Kallelse till SIP-möte", "0203:kommun.example", "example-functional-address-socialtjanst"),
    ],
)
def test_diggs_examples_are_read(reference: Path, name: str, text: str, sender: str | None, address: str) -> None:
    """Each example is recognised and read, with its text and sender; the older one's envelope names another, so that it is nobody's."""
    submission = file(reference, name)
    assert SdkReader().recognises(submission)
    draft = SdkReader().read(submission)
    assert isinstance(draft, Draft)
    carried: Any = draft.content["sdk"]
    assert carried["text"].startswith(text)
    assert (carried["sender"].get("participant"), carried["sender"]["address"]) == (sender, address)


@pytest.mark.reference
def test_the_kallelse_example_is_read_in_full(reference: Path) -> None:
    """Our synthetic kallelse gives ids, label, registry number, text and the name of its attachment."""
    draft = SdkReader().read(file(reference, "examples/sdk_kallelse_sip.xml"))
    assert isinstance(draft, Draft)
    carried: Any = draft.content["sdk"]
    assert draft.content["conversation_id"] == "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01"
    assert carried["label"] == "Kallelse till SIP-möte"
    assert carried["sender"]["references"] == [{"root": "dnr", "value": "SN-2026-00123"}]
    assert carried["files"] == [{"name": "kallelse.pdf", "media_type": "application/pdf"}]


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "code", "pointer"),
    [
        ("sdk/example_xhe_encrypted_payload.xml", "sdk.encrypted", "/XHE/Payloads/Payload/PayloadContent"),
        ("sdk/example_as4_xhe_encrypted.xml", "sdk.encrypted", "/XHE/Payloads/Payload/PayloadContent"),
        ("sdk/testdata/TF2.4.2.xml", "sdk.bv.invariant", "/messagePayload/message/messageHeader/sender/senderID/root"),
        ("sdk/XHE-NonXML-tm-base.xml", "sdk.unsupported_payload", "/XHE/Payloads/Payload/PayloadContent"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_code(reference: Path, name: str, code: str, pointer: str) -> None:
    """An encrypted payload, one that is no message, and Digg's own negative case are refused each by its code, with the place."""
    with pytest.raises(Refused) as caught:
        SdkReader().read(file(reference, name))
    assert [(problem.code, problem.pointer) for problem in caught.value.problems] == [(code, pointer)]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("2026-11-26T24:00:00Z", "2026-11-27T00:00:00Z"),
        ("2026-12-31T24:00:00.000+01:00", "2026-12-31T23:00:00Z"),
        ("2026-01-15T09:30:00.250Z", "2026-01-15T09:30:00.250000Z"),
        ("9999-12-31T23:59:59.000Z", "9999-12-31T23:59:59.000Z"),
    ],
)
def test_the_time_of_a_message_is_given_on_as_everybody_reads_it(given: str, taken: str) -> None:
    """Given a time that the schema allows, then the draft has it in UTC, and one outside our years as it stands; the answer of midnight is understood."""
    draft = read("Svar: ja", creationDateTime=given)
    assert draft.content["sent_at"] == taken
    assert (draft.content.get("type") == "meeting.response") is (given < "3")
