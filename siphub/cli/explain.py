"""`explain`: who receives a message on which basis, who does not and why, and which fields each sees; in Swedish and in English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.words import NO, WRONG_USE, Data, Json, Languages, facts, languages_of, refuse

if TYPE_CHECKING:
    from siphub.flow.explain import Explained, Foreseen, ForeseenRecipient
    from siphub.policy.foresight import Caution


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", epilog="Example: siphub explain --dry-run message.json")(explain)


def explain(
    message_id: Annotated[str, typer.Argument(metavar="[MESSAGE_ID]", help="A message that was handed in.", show_default=False)] = "",
    dry_run: Annotated[
        Path | None, typer.Option("--dry-run", metavar="FILE", help="A message that was not handed in; nothing is stored.")
    ] = None,
    language: Languages = "both",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say who receives a message on which basis, who does not and why; with --dry-run also what each would see, and nothing is stored."""
    from siphub.cli.hubs import opened
    from siphub.flow.explain import explained, foreseen

    said_in = languages_of(language)
    if bool(message_id) == (dry_run is not None):
        raise refuse("explain.what", "say either a message's id, or --dry-run and a file", status=WRONG_USE)
    with opened(data) as hub:
        if dry_run is None:
            _tell_sent(explained(hub.ground, _spelt(message_id)), said_in, as_json=as_json)
        else:
            from siphub.cli.messages import parsed

            _tell_foreseen(foreseen(hub.ground, parsed(dry_run)), said_in, as_json=as_json)


def _spelt(text: str) -> str:
    from uuid import UUID

    from siphub.policy.reasons import REASONS

    try:
        return str(UUID(text))
    except ValueError:
        raise refuse("message.not_there", REASONS["message.not_there"].en) from None


_ALONE = {
    "en": "The message is for the hub alone: nobody receives it.",
    "sv": "Meddelandet stannar här: ingen får det.",
}


def _tell_sent(found: Sequence[Explained], said_in: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        facts([_sent_as_facts(one) for one in found])
        return
    if not found:
        _say((language, _ALONE[language]) for language in said_in)
    for one in found:
        print(_head(one))
        _say((language, one.said.in_(language)) for language in said_in)
    for caution in dict.fromkeys(caution for one in found for caution in one.cautions):
        print(f"Look at [{caution.code}]")
        _say(_caution_lines(caution, said_in))


def _sent_as_facts(one: Explained) -> dict[str, Any]:
    cautions = [_caution_as_facts(caution) for caution in one.cautions]
    return {**asdict(one.delivery), "kind": one.kind, "text_sv": one.said.sv, "text_en": one.said.en, "cautions": cautions}


def _head(one: Explained) -> str:
    """Return who it is and how it stands, in codes: what an operator searches for."""
    found = one.delivery
    through = f" through {found.adapter}" if found.adapter and found.attempts else ""
    tries = f", {found.attempts} attempt{'s' if found.attempts != 1 else ''}" if found.attempts else ""
    version = f" (consent version {found.consent_version})" if found.consent_version else ""
    basis = f" on the basis {found.basis}{version}" if found.basis else ""
    return (
        f"{found.recipient}: {found.state}{through}{basis}{tries}{f' [{found.reason}]' if found.reason else ''}, delivery {found.delivery}"
    )


def _say(lines: Iterable[tuple[str, str]]) -> None:
    for language, text in lines:
        print(f"  {language}: {text}")


def _tell_foreseen(found: Foreseen, said_in: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        facts(_as_facts(found))
    else:
        for head, lines in _told(found, said_in):
            print(head)
            _say(lines)
    if found.refusal is not None:
        raise typer.Exit(NO)


def _as_facts(found: Foreseen) -> dict[str, Any]:
    code = found.refusal.code if found.refusal else None
    text = _sentence(code)
    return {
        "accepted": code is None,
        "state": found.state,
        "code": code,
        "text": text["en"] if text else None,
        "text_sv": text["sv"] if text else None,
        "text_en": text["en"] if text else None,
        "recipients": [_recipient_as_facts(one) for one in found.recipients],
        "cautions": [_caution_as_facts(one) for one in found.cautions],
    }


def _recipient_as_facts(one: ForeseenRecipient) -> dict[str, Any]:
    route, sent = one.shown.route, one.shown.route.basis is not None
    reason = _sentence(route.reason)
    return {
        "recipient": route.recipient,
        "name": one.name,
        "kind": one.kind,
        "receives": one.receives,
        "state": route.state,
        "basis": route.basis,
        "reason": route.reason,
        "lacks": list(one.lacks),
        "text": reason["en"] if reason else None,
        "text_sv": one.said.sv,
        "text_en": one.said.en,
        "why": dict(one.shown.why) if one.shown.why else None,
        "adapter": route.address.adapter if route.address else None,
        "shown": list(one.shown.seen) if sent else None,
        "omitted": list(one.shown.omitted) if sent else None,
        "by_hand": list(one.shown.by_hand) if sent else None,
    }


def _caution_as_facts(one: Caution) -> dict[str, Any]:
    return {"code": one.code, "recipient": one.recipient, "text_sv": one.said.sv, "text_en": one.said.en}


def _sentence(code: str | None) -> dict[str, str] | None:
    from siphub.policy.reasons import REASONS

    reason = REASONS.get(code or "")
    return {"sv": reason.sv, "en": reason.en} if reason else None


_Lines = Iterator[tuple[str, str]]


def _told(found: Foreseen, said_in: Sequence[str]) -> Iterator[tuple[str, _Lines]]:
    """Yield what is told, piece by piece: a line for whoever looks for codes, and sentences."""
    refusal = _sentence(found.refusal.code) if found.refusal else None
    if found.refusal is not None and refusal is not None:
        state = f", {found.state}" if found.state else ""
        yield f"The hub would not take it as the case stands{state} [{found.refusal.code}]", ((each, refusal[each]) for each in said_in)
    elif not found.recipients:
        yield "Nobody would receive it", ((each, _ALONE[each]) for each in said_in)
    for one in found.recipients:
        yield _foreseen_head(one), _foreseen_lines(one, said_in)
    for caution in found.cautions:
        whom = f" {caution.recipient}" if caution.recipient else ""
        yield f"Look at{whom} [{caution.code}]", _caution_lines(caution, said_in)


def _caution_lines(one: Caution, said_in: Sequence[str]) -> _Lines:
    return ((each, one.said.in_(each)) for each in said_in)


def _foreseen_head(one: ForeseenRecipient) -> str:
    route = one.shown.route
    name = f"{one.name} ({route.recipient})" if one.name else route.recipient
    if route.basis is None:
        lacks = f" (lacks {', '.join(one.lacks)})" if one.lacks else ""
        return f"{name} would not receive it [{route.reason}]{lacks}"
    verb = "would receive it" if one.receives else f"would receive it, but it is {route.state} [{route.reason}]"
    through = f", through {route.address.adapter}" if route.address else ""
    return f"{name} {verb} on the basis {route.basis}{through}"


def _foreseen_lines(one: ForeseenRecipient, said_in: Sequence[str]) -> _Lines:
    from siphub.cli.fields import named
    from siphub.policy.wording import kind_of

    for language in said_in:
        kind = kind_of(one.kind).in_(language)
        yield language, f"{one.said.in_(language)} {_AS[language]}: {kind}."
        if one.shown.route.basis is not None:
            yield language, f"{_SEES[language]}: {', '.join(named(one.shown.seen, language)) or _NOTHING[language]}"
            if one.kind != "*":
                yield language, f"{_SEES_NOT[language]}: {', '.join(named(one.shown.omitted, language)) or _NOTHING[language]}"
            if one.shown.by_hand:
                yield language, f"{_BY_HAND[language]}: {', '.join(named(one.shown.by_hand, language))}"


_AS = {"en": "The recipient is", "sv": "Mottagaren är"}
_SEES = {"en": "would see", "sv": "skulle se"}
_SEES_NOT = {"en": "would not see", "sv": "skulle inte se"}
_BY_HAND = {"en": "to be read through and handed over by hand", "sv": "ska läsas igenom och lämnas över för hand"}
_NOTHING = {"en": "nothing", "sv": "inget"}
