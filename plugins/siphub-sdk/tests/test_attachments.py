"""Structured attachments: sent and read under a bilateral agreement that directory and settings both name, and in no other case."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from siphub.contract import Cut, Draft, MappingError, PluginContext, Recipient, SettingsError, Submission
from siphub.documents import render
from siphub.model import Message, sample
from siphub.model import people as p
from siphub.sandbox.sdk import MessageService
from siphub.sandbox.sdk_rules import issues_of
from siphub.testing.samples import whole_cut
from siphub_sdk import FORSAKRINGSKASSAN, Agency, Sdk, SdkReader, message_payload, purpose_and_ground, sdk_info

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
FK, US = "0203:forsakringskassan.example", "0203:norrby.example"
AGREED = f"FK/2026-7 2026-01-01 {p.MUNICIPALITY} {FK}"
TO_US = (US, "sdk:sip:0203:norrby.example")
MESSAGE = sample("meeting.response", maximal=True)


class ForFk(Agency):
    """An adapter for FK alone."""

    info = sdk_info("forsakringskassan")
    of = FORSAKRINGSKASSAN

    def further(self, cut: Cut) -> Sequence[tuple[str, str]]:
        """Return the lines that FK's own adapter adds."""
        return purpose_and_ground(cut)


def asking(fk: Recipient, words: str = "structured", **options: str) -> Recipient:
    """Return FK's entry with an attachment asked for; its agreement is named unless said otherwise."""
    return replace(fk, options={**fk.options, "attachment": words, "agreement": "FK/2026-7", **options})


def files(adapter: Sdk, to: Recipient, cut: Cut = CUT) -> list[dict[str, str]]:
    """Return what is attached."""
    found = json.loads(adapter.translate(cut, to).body)["data"]["attributes"]["digitalDocument"][0]
    return list(found.get("contentFiles", []))


def test_data_is_the_cut_without_whom_it_is_about(make_context: MakeContext, fk: Recipient) -> None:
    """Given an agreement that settings and entry name, then the cut goes as JSON under a name that says nothing, with the agreement's name and without the person's number, and every rule of the service is kept."""
    adapter = Sdk(make_context(agreements=AGREED))
    [file] = files(adapter, asking(fk))
    assert (file["fileName"], file["contentType"]) == ("sip.json", "application/json")
    document = json.loads(base64.b64decode(file["content"]))
    told = {part: value for part, value in CUT.document.items() if part != "subject"}
    assert document == {"format": "siphub.cut/1.0", "agreement": "FK/2026-7", "message": told}
    assert str(p.SUBJECT_NUMBER) not in base64.b64decode(file["content"]).decode()
    made = json.loads(adapter.translate(CUT, asking(fk)).body)["data"]["attributes"]
    assert issues_of(made, frozenset({"application/json"})) == []
    assert adapter.translate(CUT, asking(fk)) == adapter.translate(CUT, asking(fk))


def test_data_and_pdf_go_side_by_side(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry that asks for both, then both are attached, the one for people first."""
    adapter = Sdk(replace(make_context(agreements=AGREED), render=render))
    assert [file["fileName"] for file in files(adapter, asking(fk, "pdf, structured"))] == ["sip.pdf", "sip.json"]


def pages(file: dict[str, str]) -> str:
    """Return the text of a PDF as `bare` leaves it."""
    drawn = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(base64.b64decode(file["content"]))).pages)
    return bare(drawn)


def bare(text: str) -> str:
    """Return a text without spaces and hyphens, which depend on where lines end."""
    return re.sub(r"[\s\u00ad-]", "", text)


@pytest.mark.parametrize("name", sorted(Sdk.info.kinds))
@pytest.mark.parametrize("maximal", [False, True], ids=["minimal", "maximal"])
def test_the_pdf_names_nobody_and_says_what_the_text_says(make_context: MakeContext, fk: Recipient, name: str, *, maximal: bool) -> None:
    """Given each kind for an agency, then its PDF has neither the person's number, however written, nor the person's name, and says what the message is for and rests on, where the person is named and whether the two may talk, in the text's words."""
    adapter = ForFk(replace(make_context(), render=render))
    cut = whole_cut(sample(name, maximal=maximal))
    [file] = files(adapter, asking(fk, "pdf"), cut)
    found = pages(file)
    number = str(p.SUBJECT_NUMBER)
    assert not [word for word in (number, number[2:], "Prov", "(personnummer)") if word in found]
    assert len(found) > 200
    body = json.loads(adapter.translate(cut, asking(fk, "pdf")).body)["data"]["attributes"]["digitalDocument"][0]["contentTextBody"][0]
    said = dict(line.removeprefix("* **").split("** ", 1) for line in body.splitlines() if line.startswith("* **"))
    both = ("Syfte:", "Rättslig grund:", "Den enskilde:", "Får vi tala med varandra?")
    assert {"Syfte:", "Rättslig grund:"} <= set(said)
    assert [name for name in both if name in said and bare(said[name]) not in found] == []


@pytest.mark.parametrize(
    ("agreements", "options", "code"),
    [
        ("", {}, "sdk.agreement_missing"),
        (AGREED, {"agreement": ""}, "sdk.agreement_missing"),
        (AGREED, {"agreement": "FK/2026-8"}, "sdk.agreement_missing"),
        (AGREED.replace(p.MUNICIPALITY, p.NEIGHBOUR), {}, "sdk.agreement_missing"),
        (AGREED.replace(FK, "0203:arbetsformedlingen.example"), {}, "sdk.agreement_missing"),
        (AGREED.replace("2026-01-01", "2027-01-01"), {}, "sdk.agreement_not_in_force"),
        (AGREED, {"attachment": "xml"}, "sdk.attachment_unknown"),
        (AGREED, {"attachment": ""}, "sdk.attachment_unknown"),
    ],
    ids=["no-agreement", "unnamed", "another", "other-owner", "other-party", "later", "word", "nothing"],
)
def test_without_an_agreement_nothing_goes(
    make_context: MakeContext, fk: Recipient, agreements: str, options: dict[str, str], code: str
) -> None:
    """Given an entry that asks for data without an agreement, or with one of another name, owner or party, or of a later day, then the delivery is held with its code."""
    with pytest.raises(MappingError) as caught:
        Sdk(make_context(agreements=agreements)).translate(CUT, asking(fk, **options))
    assert caught.value.code == code


def test_an_entry_without_an_agreement_is_refused(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry that asks for data, then it may be used where an agreement with its participant has the name, and is refused where none has."""
    adapter = ForFk(make_context(agreements=AGREED))
    assert [adapter.refusal(one) for one in (asking(fk), fk, asking(fk, "pdf", agreement=""))] == [None] * 3
    for to in (asking(fk, agreement="FK/2026-8"), asking(fk, participant="0203:annan.example")):
        problem = adapter.refusal(to)
        assert problem is not None
        assert problem.code == "address.agreement_missing"


def came(adapter: Sdk, service: MessageService, sender: str = FK) -> Any:
    """Let somebody send one of siphub's own messages, and return what the reader makes of what the adapter fetches."""
    content = base64.b64encode(MESSAGE.to_json()).decode()
    file = {"fileName": "sip.json", "contentType": "application/vnd.siphub.message+json", "content": content}
    document = {"documentId": "svar", "index": "1", "contentTextBody": ["Se bilaga."], "contentFiles": [file]}
    key = service.write(sender=(sender, "sdk:x", "X"), recipient=TO_US, text="", digitalDocument=[document])
    inbound = next(one for one in adapter.poll(None) if one.partner_id == key)
    assert isinstance(inbound.content, Submission)
    return SdkReader().read(inbound.content)


def test_an_attached_message_is_read_under_an_agreement_alone(make_context: MakeContext, service: MessageService) -> None:
    """Given one of our own messages attached by FK, then it is read where an agreement with FK is in force, and its text waits for a person where there is none, it is another's, or it begins later."""
    assert came(Sdk(make_context(agreements=AGREED)), service) == MESSAGE
    other = AGREED.replace(FK, "0203:arbetsformedlingen.example")
    for agreements in ("", other, AGREED.replace("2026-01-01", "2999-01-01"), AGREED.replace(p.MUNICIPALITY, p.NEIGHBOUR)):
        found = came(Sdk(make_context(agreements=agreements)), service)
        assert isinstance(found, Draft)
        said: Any = found.content["sdk"]
        assert (said["text"], [file["name"] for file in said["files"]]) == ("Se bilaga.", ["sip.json"])


def test_the_hand_over_reads_by_the_same_rule(make_context: MakeContext, fk: Recipient, tmp_path: Path) -> None:
    """Given the same from an access point's folder, then it is read under an agreement alone."""
    for name in ("out", "in", "done"):
        (tmp_path / name).mkdir()
    attributes = json.loads(Sdk(make_context()).translate(CUT, fk).body)["data"]["attributes"]
    for one, other in (("sender", "recipient"), ("senderAttention", "recipientAttention")):
        attributes[one], attributes[other] = attributes[other], attributes[one]
    content = base64.b64encode(MESSAGE.to_json()).decode()
    file = {"fileName": "sip.json", "contentType": "application/vnd.siphub.message+json", "content": content}
    attributes["digitalDocument"][0]["contentFiles"] = [file]
    body = message_payload(json.dumps({"data": {"attributes": attributes}}).encode(), "6d2f2d2e-3a2b-4b57-9a51-0f6a3f0c1a01")
    where = tmp_path / "in" / "1.xml"
    where.write_bytes(body)
    os.utime(where, (time.time() - 300,) * 2)
    set_up = {"service": "", "hand_over": str(tmp_path), "access_point": "AP0007-OPEN-TEST"}
    for agreements, kind in ((AGREED, Message), ("", Draft)):
        [inbound] = Sdk(make_context(agreements=agreements, **set_up)).poll(None)
        assert isinstance(inbound.content, Submission)
        assert isinstance(SdkReader().read(inbound.content), kind)


def test_doctor_names_an_entry_without_an_agreement(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry that asks for data, then doctor says whether its agreement is there, for sdk and for an agency's own adapter; one that does not ask is not spoken of."""
    what = "an agreement in force with the entry's participant stands in the setting agreements under the name in its option agreement"
    for kind in (Sdk, ForFk):
        said = [check for check in kind(make_context(agreements=AGREED)).check_address(asking(fk)) if what in check.what]
        missing = [check for check in kind(make_context()).check_address(asking(fk)) if what in check.what]
        assert ([check.ok for check in said], [check.ok for check in missing]) == ([True], [False])
        assert not [check for check in kind(make_context()).check_address(fk) if what in check.what]


@pytest.mark.parametrize("agreements", ["FK/2026-7", "FK/2026-7 i-fjol 2120009994 0203:x.example", "a 2026-01-01 12 0203:x.example"])
def test_an_agreement_that_is_none_stops_the_start(make_context: MakeContext, agreements: str) -> None:
    """Given an agreement without its parts, day or number, then the hub does not start."""
    with pytest.raises(SettingsError):
        Sdk(make_context(agreements=agreements))
