"""`deliveries …`: what is on its way, what is stuck, and what an operator does about it. States and codes; never content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from siphub.cli.words import NO, WRONG_USE, By, Data, Json, facts, group, refuse, table

if TYPE_CHECKING:
    from siphub.flow.operate import Action

Delivery = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")]
Named = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id, or the key that its recipient knows it by.")]
STUCK = ("held", "gave_up", "rejected", "expired")
WAITS = {"line": "waits behind another", "partner": "waits for its partner"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    those = group("deliveries", "What is on its way, what is stuck, and what to do about it.")
    those.command("list", epilog="Example: siphub deliveries list --stuck")(list_them)
    those.command("show", epilog="Example: siphub deliveries show 0d9c…")(show)
    those.command("retry", epilog="Example: siphub deliveries retry 0d9c… --preview")(retry)
    those.command("hold", epilog="Example: siphub deliveries hold 0d9c…")(hold)
    those.command("release", epilog="Example: siphub deliveries release 0d9c…")(release)
    those.command("handled", epilog="Example: siphub deliveries handled 0d9c… --by eva")(handled)
    app.add_typer(those)


def list_them(
    states: Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help="Only these states; may be said again.")] = None,
    stuck: Annotated[bool, typer.Option("--stuck", help="Only what will not move by itself.")] = False,
    message: Annotated[str, typer.Option("--message", metavar="ID", help="Only this message's.")] = "",
    after: Annotated[str, typer.Option("--after", metavar="DELIVERY", help="The page behind this delivery.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List deliveries, by id."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    wanted = tuple(states or ()) + (STUCK if stuck else ())
    _refuse_unknown(wanted)
    with opened(data) as hub:
        if message:
            of_it = track.deliveries_of(hub.ground, message)
            found = tuple(one for one in of_it if one.delivery > after and (one.state in wanted or not wanted))[:limit]
        else:
            found = track.deliveries(hub.ground, states=wanted or None, after=after or None, limit=limit)
    if as_json:
        facts(found)
        return
    rows = [
        (one.delivery, one.message_type, one.recipient, one.adapter, one.state, one.attempts, one.reason or WAITS.get(one.waits or ""))
        for one in found
    ]
    empty = (
        "Nothing is stuck."
        if stuck
        else "There are no such deliveries."
        if wanted or after or message
        else "Nothing has been handed in yet."
    )
    table(("delivery", "type", "recipient", "adapter", "state", "attempts", "reason"), rows, empty=empty)


def _refuse_unknown(states: tuple[str, ...]) -> None:
    from siphub.policy.lifecycle import DELIVERY

    known = {state for steps in DELIVERY.values() for state in steps.values()}
    for state in states:
        if state not in known:
            raise refuse("delivery.unknown_state", f"there is no state {state}; there is {', '.join(sorted(known))}", status=WRONG_USE)


def show(delivery: Named, data: Data = None, as_json: Json = False) -> None:
    """Say everything that happened to one delivery."""
    from siphub.cli.hubs import opened
    from siphub.flow import track

    with opened(data) as hub:
        found = track.delivery(hub.ground, delivery)
    if as_json:
        facts(found)
        return
    one = found.delivery
    print(
        f"{one.message_type} to {one.recipient} through {one.adapter or 'nothing'}: {one.state}{f' [{one.reason}]' if one.reason else ''}"
    )
    print(f"message {one.message_id} in case {one.case_id}")
    print(f"delivery {one.delivery}, known to its recipient by the key {found.key}")
    if one.text:
        print(one.text)
    if one.waits == "line":
        print("It waits for what went before it to the same recipient in this case, and leaves when that has ended.")
    if one.waits == "partner":
        print(f"It waits for its partner, which does not answer or gets as much as it takes: siphub partners show {one.recipient}")
    rows = [(f"{event.at:%Y-%m-%d %H:%M:%S}", event.event, event.state, event.reason) for event in found.events]
    table(("at", "event", "state", "reason"), rows, empty="Nothing has happened to it yet.")
    tried = [
        (try_.number, f"{try_.started_at:%H:%M:%S}", try_.basis, try_.outcome, try_.code, (try_.payload_hash or "")[:12])
        for try_ in found.attempts
    ]
    table(("attempt", "at", "basis", "outcome", "code", "payload"), tried, empty="No attempt has been made.")
    for try_ in found.attempts:
        if try_.said:
            print(f"The answer to attempt {try_.number}: {try_.said}")
    for one_ in found.receipts:
        number = f", under its own number {one_.reference}" if one_.reference else ""
        print(f"The recipient's receipt of {one_.at:%Y-%m-%d %H:%M:%S}: {one_.kind}{f' [{one_.code}]' if one_.code else ''}{number}")


def retry(
    delivery: Delivery,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would mean today.")] = False,
    by: By = "operator",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Queue a stopped delivery again. Consent is judged anew: what it does not allow today is not sent."""
    from siphub.cli.hubs import opened
    from siphub.flow import operate

    if not preview:
        _operate(delivery, "retry", by, data, as_json=as_json)
        return
    with opened(data) as hub:
        found = operate.preview(hub.ground, delivery)
    if as_json:
        facts(found)
    elif found.allowed:
        print(f"{found.recipient} would receive it; the delivery is {found.state} now")
    else:
        print(f"{found.recipient} would not receive it: {found.reason or f'a delivery that is {found.state} cannot be retried'}")
    if not found.allowed:
        raise typer.Exit(NO)


def hold(delivery: Delivery, by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """Keep a queued delivery from being sent."""
    _operate(delivery, "hold", by, data, as_json=as_json)


def release(delivery: Delivery, by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """Let a held delivery go on."""
    _operate(delivery, "release", by, data, as_json=as_json)


def handled(delivery: Delivery, by: By = "operator", data: Data = None, as_json: Json = False) -> None:
    """Note that somebody has told the recipient by other means."""
    _operate(delivery, "handled", by, data, as_json=as_json)


def _operate(delivery: str, action: Action, by: str, data: object, *, as_json: bool) -> None:
    from pathlib import Path

    from siphub.cli.hubs import opened
    from siphub.flow import operate

    channel = "retry" if action in {"retry", "release"} else "cli"
    with opened(data if isinstance(data, Path) else None) as hub:
        state = operate.operate(hub.ground, delivery, action, by=by, channel=channel)
    if as_json:
        facts({"delivery": delivery, "action": action, "state": state})
    else:
        print(f"{delivery} is {state} now")
