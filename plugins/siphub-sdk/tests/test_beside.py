"""Several adapters over SDK in one hub: which addresses are each one's, and who takes what comes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from siphub.contract import Inbound, PluginContext, Recipient, Submission, Unreadable
from siphub.model import people as p
from siphub.sandbox.sdk import MessageService
from siphub_sdk import ARBETSFORMEDLINGEN, FORSAKRINGSKASSAN, Agency, Sdk, sdk_info
from siphub_sdk.accounts import Account

MakeContext = Callable[..., PluginContext]
FK, AF = "0203:forsakringskassan.example", "0203:arbetsformedlingen.example"


class ForFk(Agency):
    """An adapter for FK alone."""

    info = sdk_info("forsakringskassan")
    of = FORSAKRINGSKASSAN


class ForAf(Agency):
    """An adapter for AF alone."""

    info = sdk_info("arbetsformedlingen")
    of = ARBETSFORMEDLINGEN


def test_an_agency_with_rules_is_reached_by_its_own_adapter_alone(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry that leads to FK by its organisation or by its participant alone, then every adapter but FK's own refuses it, with the remedy; others are nobody's business."""
    sdk, own, other = Sdk(make_context()), ForFk(make_context()), ForAf(make_context())
    for there in (fk, replace(fk, organisation=p.MUNICIPALITY), replace(fk, options={})):
        for adapter in (sdk, other):
            problem = adapter.refusal(there)
            assert problem is not None
            assert problem.code == "address.other_adapter"
            assert "enable that plugin" in problem.detail
        assert own.refusal(there) is None
    assert sdk.refusal(replace(fk, organisation=p.MUNICIPALITY, options={"participant": "0203:annan.example"})) is None


def test_no_entry_leads_from_one_agencys_adapter_to_another_agency(make_context: MakeContext, fk: Recipient) -> None:
    """Given an entry of AF's unit with FK's participant, in capitals too, then neither's adapter writes to it, nor to the one the other way round; a participant in capitals is its agency's."""
    sdk, own, other = Sdk(make_context()), ForFk(make_context()), ForAf(make_context())
    for participant in (FK, FK.upper()):
        crossed = replace(fk, organisation=p.ARBETSFORMEDLINGEN, options={"participant": participant})
        assert [adapter.refusal(crossed) is None for adapter in (own, other, sdk)] == [False] * 3
    crossed = replace(fk, organisation=p.FORSAKRINGSKASSAN, options={"participant": AF})
    assert [adapter.refusal(crossed) is None for adapter in (own, other, sdk)] == [False] * 3
    shouted = replace(fk, organisation=p.MUNICIPALITY, options={"participant": FK.upper()})
    assert [adapter.refusal(shouted) is None for adapter in (own, other, sdk)] == [True, False, False]
    assert own.hears(FK.upper())
    assert not other.hears(FK.upper())


def test_what_comes_is_taken_by_one_and_left_by_nobody(make_context: MakeContext) -> None:
    """Given adapters that are enabled one by one, then each organisation's messages have exactly one taker: its own, else sdk, else the first by name."""
    own = ForFk(make_context(agencies=f"{FK} {p.FORSAKRINGSKASSAN}"))
    assert [own.hears(one) for one in (FK, AF, "0203:okand.example", "")] == [True] * 4
    af = ForAf(make_context(agencies=f"{AF} {p.ARBETSFORMEDLINGEN}"))
    assert [(own.hears(one), af.hears(one)) for one in (FK, AF, "0203:okand.example", "")] == [(True, False), *[(False, True)] * 3]
    sdk = Sdk(make_context(agencies=""))
    takers = [[one.info.name for one in (sdk, own, af) if one.hears(whose)] for whose in (FK, AF, "0203:okand.example", "")]
    assert takers == [["forsakringskassan"], ["arbetsformedlingen"], ["sdk"], ["sdk"]]


def test_an_adapter_that_fetches_elsewhere_takes_nothing_here(make_context: MakeContext) -> None:
    """Given FK's own adapter at another message service, then what FK sends to this one is still taken."""
    elsewhere = ForFk(make_context(service="https://annan.example/v1"))
    sdk = Sdk(make_context())
    assert sdk.hears(FK)
    assert elsewhere.hears(FK)


def test_an_answer_is_given_once(make_context: MakeContext, service: MessageService) -> None:
    """Given sdk and FK's own adapter at one service, and no setting that says who takes what, then an answer of FK's comes from FK's alone."""
    sdk, own = Sdk(make_context()), ForFk(make_context())
    to = ("0203:norrby.example", "sdk:sip:0203:norrby.example")
    answer, unknown = (service.write(sender=(one, "sdk:x", "X"), recipient=to, text="Svar: ja") for one in (FK, "0203:okand.example"))
    found = {
        one.info.name: {inbound.partner_id for inbound in one.poll(None) if isinstance(inbound.content, Submission)} & {answer, unknown}
        for one in (sdk, own)
    }
    assert found == {"sdk": {unknown}, "forsakringskassan": {answer}}


def test_a_file_that_nobody_can_read_is_given_once(make_context: MakeContext, tmp_path: Path) -> None:
    """Given two adapters at one access point and a file that says of no organisation, then one of them gives it to the hub."""
    for name in ("out", "in", "done"):
        (tmp_path / name).mkdir()
    file = tmp_path / "in" / "1.xml"
    file.write_bytes(b"<half")
    os.utime(file, (time.time() - 300,) * 2)
    set_up = {"service": "", "hand_over": str(tmp_path), "access_point": "AP0007-OPEN-TEST"}
    sdk, own = Sdk(make_context(**set_up)), ForFk(make_context(**set_up))
    assert [len(list(one.poll(None))) for one in (own, sdk)] == [0, 1]


def test_doctor_names_who_is_left_to_nobody(make_context: MakeContext) -> None:
    """Given left_to_others with an organisation whose own adapter is not there, then doctor says that nobody takes what it sends; once it is, nothing."""
    sdk = Sdk(make_context(left_to_others=FK))
    said = f"the setting left_to_others names {FK}, and no adapter of this hub takes what it sends"
    assert [check.what for check in sdk.check() if not check.ok] == [said]
    assert not sdk.hears(FK)
    own = ForFk(make_context())
    assert [check.what for check in sdk.check() if not check.ok] == []
    assert own.hears(FK)


def test_the_numbers_are_the_samples() -> None:
    """The two are known by the numbers that the sample directory has for them."""
    assert (FORSAKRINGSKASSAN.number, ARBETSFORMEDLINGEN.number) == (p.FORSAKRINGSKASSAN, p.ARBETSFORMEDLINGEN)


def test_one_message_that_breaks_us_keeps_no_other_from_being_read(
    make_context: MakeContext, service: MessageService, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a message on which reading breaks in a way nobody has foreseen, then it is given as unreadable, once it is stored not again, and the next one is read."""
    to = ("0203:norrby.example", "sdk:sip:0203:norrby.example")
    broken = service.write(sender=(FK, "sdk:x", "FK"), recipient=to, text="Svar: ja")
    whole = service.write(sender=(FK, "sdk:x", "FK"), recipient=to, text="Svar: ja")

    class Breaking(Sdk):
        def _came(self, account: Account, status: str, attributes: Mapping[str, Any]) -> Iterable[Inbound]:
            if attributes["messageId"] == broken:
                raise TypeError
            return super()._came(account, status, attributes)

    adapter = Breaking(make_context())
    found = {one.partner_id: one.content for one in adapter.poll(None)}
    assert found[broken] == Unreadable("sdk.message_failed")
    assert isinstance(found[whole], Submission)
    assert "sdk.message_failed" in caplog.text
    for message_id in found:
        adapter.settle(message_id)
    adapter.ask_now()
    assert list(adapter.poll(None)) == []
