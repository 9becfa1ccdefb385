"""`explain`: who receives a message on which basis, who does not and why, and which fields each does not see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.words import NO, WRONG_USE, Data, Json, facts, refuse

if TYPE_CHECKING:
    from siphub.flow.track import Tracked
    from siphub.hub import Hub
    from siphub.model import Message
    from siphub.policy.refusal import Refusal
    from siphub.policy.routing import Shown


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", epilog="Example: siphub explain --dry-run message.json")(explain)


def explain(
    message_id: Annotated[str, typer.Argument(metavar="[MESSAGE_ID]", help="A message that was handed in.", show_default=False)] = "",
    dry_run: Annotated[
        Path | None, typer.Option("--dry-run", metavar="FILE", help="A message that was not handed in; nothing is stored.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say who receives a message on which basis, who does not and why; with --dry-run also what each would not see, and nothing is stored."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    if bool(message_id) == (dry_run is not None):
        raise refuse("explain.what", "say either a message's id, or --dry-run and a file", status=WRONG_USE)
    with opened(data) as hub:
        if dry_run is None:
            _tell_sent(track.explained(hub.ground, _spelt(message_id)), as_json=as_json)
        else:
            from siphub.cli.messages import parsed

            _tell_foreseen(hub, _foreseen(hub, parsed(dry_run)), as_json=as_json)


def _spelt(text: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        raise refuse("message.not_there", "there is no such message here") from None


def _tell_sent(found: tuple[Tracked, ...], *, as_json: bool) -> None:
    if as_json:
        facts(found)
        return
    if not found:
        print("The message is for the hub alone: nobody receives it.")
    for one in found:
        print(_sentence(one))


def _sentence(one: Tracked) -> str:
    basis = f" on the basis {one.basis}" if one.basis else ""
    version = f" (consent version {one.consent_version})" if one.consent_version else ""
    tries = f", {one.attempts} attempt{'s' if one.attempts != 1 else ''}" if one.attempts else ""
    why = f": {one.text} [{one.reason}]" if one.text else f" [{one.reason}]" if one.reason else ""
    through = f" through {one.adapter}" if one.adapter and one.attempts else ""
    return f"{one.recipient}: {one.state}{through}{basis}{version}{tries}{why}"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen to a message that is not handed in: a refusal, if any, and each recipient as the case would stand."""

    refusal: Refusal | None
    shown: tuple[Shown, ...]


def _foreseen(hub: Hub, message: Message) -> Foreseen:
    """Decide as intake would, for a caller that may speak for the sender, and store nothing."""
    from siphub.errors import NotThere
    from siphub.flow import track
    from siphub.model import Caller
    from siphub.policy.case import decide
    from siphub.policy.refusal import Refusal
    from siphub.policy.routing import shown

    directory, now = hub.ground.directory(), hub.ground.now()
    try:
        before = track.case_of(hub.ground, message.owner, str(message.case_id))
    except NotThere:
        before = None
    caller = Caller(message.sender.organisation, frozenset(), frozenset({"send"}), "submit")
    decided = decide(before, message, caller, directory, now)
    refusal = decided if isinstance(decided, Refusal) else None
    case = before if isinstance(decided, Refusal) else decided.case
    if case is None:
        return Foreseen(refusal, ())
    return Foreseen(refusal, tuple(shown(message, unit, case, directory, now) for unit in message.recipients))


def _tell_foreseen(hub: Hub, found: Foreseen, *, as_json: bool) -> None:
    code = found.refusal.code if found.refusal else None
    if as_json:
        facts({"accepted": code is None, "code": code, "text": _text(code), "recipients": [_as_facts(one) for one in found.shown]})
    else:
        if found.refusal is not None:
            print(f"The hub would not take it as the case stands: {_text(code)} [{code}]")
        elif not found.shown:
            print("The message is for the hub alone: nobody would receive it.")
        for one in found.shown:
            unit = hub.ground.directory().unit(one.route.recipient)
            for line in _lines(one, unit.name if unit else "not in the directory"):
                print(line)
    if found.refusal is not None:
        raise typer.Exit(NO)


def _as_facts(one: Shown) -> dict[str, Any]:
    route = one.route
    sent = route.basis is not None
    adapter = route.address.adapter if route.address else None
    return {
        "recipient": route.recipient,
        "kind": route.kind,
        "receives": sent and route.state == "queued",
        "state": route.state,
        "basis": route.basis,
        "reason": route.reason,
        "text": _text(route.reason),
        "adapter": adapter,
        "omitted": list(one.omitted) if sent else None,
    }


def _lines(one: Shown, name: str) -> list[str]:
    told = _as_facts(one)
    head = f"{name} ({told['recipient']})"
    if told["basis"] is None:
        return [f"{head} would not receive it: {told['text']} [{told['reason']}]"]
    verb = "would receive it" if told["receives"] else f"would receive it, but it is {told['state']}: {told['text']} [{told['reason']}]"
    through = f", through {told['adapter']}" if told["adapter"] else ""
    omitted = ", ".join(told["omitted"])
    return [f"{head} {verb} on the basis {told['basis']}{through}", f"  would not see: {omitted or 'nothing is left out'}"]


def _text(reason: str | None) -> str | None:
    from siphub.policy.reasons import REASONS

    found = REASONS.get(reason or "")
    return found.en if found else None
