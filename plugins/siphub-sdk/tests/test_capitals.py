"""A participant and a functional address are the same in capitals and in small letters, wherever the settings name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, PluginContext, Receipt, Recipient, Submission
from siphub.model import people as p
from siphub.model import sample
from siphub.sandbox.sdk import MessageService
from siphub.testing.samples import whole_cut
from siphub.testing.sdk_context import AGENCIES, SENDERS
from siphub_sdk import Sdk
from siphub_sdk.attachments import attached, fetched, is_read, refusal
from siphub_sdk.settings import read_settings

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
US, FK = "0203:norrby.example", "0203:forsakringskassan.example"
OUR_ADDRESS, THEIR_ADDRESS = f"sdk:sip:{US}", f"sdk:sip:{FK}"
WAYS = pytest.mark.parametrize("typed", [str.lower, str.upper], ids=["typed small", "typed in capitals"])


@WAYS
def test_an_organisation_is_left_to_others(make_context: MakeContext, typed: Callable[[str], str]) -> None:
    """Given left_to_others in either form, then what the organisation sends in either form is left, and what another sends is not."""
    adapter = Sdk(make_context(left_to_others=typed(FK)))
    assert [adapter.hears(one) for one in (FK, FK.upper(), "0203:annan.example")] == [False, False, True]


@WAYS
def test_an_agreement_binds_the_organisation(fk: Recipient, typed: Callable[[str], str]) -> None:
    """Given an agreement in either form, then data goes to an entry in either form, it is not refused, and what comes from there is read; another organisation's is not."""
    settings = read_settings({"senders": SENDERS, "agreements": f"FK/1 2026-01-01 {p.MUNICIPALITY} {typed(FK)}"})
    for participant, ok in ((FK, True), (FK.upper(), True), ("0203:annan.example", False)):
        to = replace(fk, options={"participant": participant, "attachment": "structured", "agreement": "FK/1"})
        assert (refusal(to, settings) is None) is ok
        if ok:
            assert len(attached(CUT, to, settings, lambda _cut, _form: b"")) == 1
        assert is_read(fetched(b"", "x/y", settings, participant, p.MUNICIPALITY, date(2026, 11, 26))) is ok


@pytest.mark.parametrize("came_to", [OUR_ADDRESS, OUR_ADDRESS.upper()])
@WAYS
def test_what_comes_to_one_of_ours_is_taken_and_its_receipts_count(
    make_context: MakeContext, service: MessageService, fk: Recipient, typed: Callable[[str], str], came_to: str
) -> None:
    """Given a sender in the settings in either form, and a service that writes either, then a message to it is that owner's, and the receipt of what it sent counts."""
    senders = SENDERS.replace(US, typed(US))
    adapter, key = Sdk(make_context(senders=senders)), str(uuid4())
    assert adapter.deliver(adapter.translate(CUT, fk), fk, key) == Accepted(key)
    service._kept[key].attributes["sender"] = US if came_to == OUR_ADDRESS else US.upper()
    answer = service.write(sender=(FK, THEIR_ADDRESS, "FK"), recipient=(US, came_to), text="Svar: ja")
    found = {one.partner_id: one for one in adapter.poll(None)}
    assert isinstance(found[answer].content, Submission)
    assert found[answer].owner == p.MUNICIPALITY
    assert isinstance(found[f"{key}/ACCEPTED"].content, Receipt)


@WAYS
def test_an_agencys_number_is_repeated_to_it(
    make_context: MakeContext, service: MessageService, recipient: Callable[..., Recipient], typed: Callable[[str], str]
) -> None:
    """Given an entry and a sender in either form, then the number that the agency writes in small letters is in what it is sent next."""
    adapter = Sdk(make_context(senders=SENDERS.replace(US, typed(US)), agencies=AGENCIES.replace(FK, typed(FK))))
    to, case, key = recipient(participant=typed(FK)), str(uuid4()), str(uuid4())
    cut = Cut({**CUT.document, "case_id": case}, CUT.basis)
    adapter.deliver(adapter.translate(cut, to), to, str(uuid4()))
    service.write(sender=(FK, THEIR_ADDRESS, "FK"), recipient=(US, OUR_ADDRESS), text=f"Dnr FK-9.\nÄrende {case}.")
    list(adapter.poll(None))
    adapter.deliver(adapter.translate(cut, to), to, key)
    assert "FK-9" in service.traffic.body(key).decode()
