"""`read` and `translate`: between foreign bytes and canonical messages, without a hub."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from siphub.cli.words import WRONG_USE, Data, body_of, facts, refuse

if TYPE_CHECKING:
    from siphub.contract import Adapter, Cut, Reader, Recipient, Submission
    from siphub.model import Directory, Message
    from siphub.model.case import SipCase

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file; - is stdin.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("read", epilog="Example: siphub read kallelse.xml --from municipal-xml")(read)
    app.command("translate", epilog="Example: siphub translate message.json --to municipal-xml > kallelse.xml")(translate)


def _named(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise refuse(f"{kind}.not_there", f"no plugin installed here has that {kind}; there is {listed}", status=WRONG_USE)
    return known[name]


def read(
    file: File,
    reader: Annotated[str, typer.Option("--from", metavar="READER", help="The reader's name.")],
    media_type: Annotated[
        str, typer.Option("--type", metavar="MEDIA", help="The media type; JSON or XML by its first character unless said.")
    ] = "",
    data: Data = None,
) -> None:
    """Print what foreign bytes say: a canonical message, or a draft with what is missing. Nothing is invented."""
    from siphub.cli.offline import plugins_only
    from siphub.contract import Draft, Submission
    from siphub.model import Message

    with plugins_only(data, reader) as registry:
        chosen: Reader = _named("reader", reader, registry.readers)
        body = body_of(file)
        submission: Submission = Submission(body, media_type or _looks_like(body, chosen.info.media_types))
        match chosen.read(submission):
            case Message() as message:
                facts(message.to_document())
            case Draft(content=content, missing=missing):
                facts({"content": content, "missing": list(missing)})
            case receipt:
                facts({"receipt": receipt})


def _looks_like(body: bytes, media_types: Collection[str]) -> str:
    """Return the reader's media type that fits the first character: XML or JSON."""
    form = "xml" if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "json"
    return next((found for found in sorted(media_types) if found.endswith(form)), min(media_types))


def translate(
    file: File,
    to: Annotated[str, typer.Option("--to", metavar="ADAPTER", help="The adapter's name.")],
    recipient: Annotated[str, typer.Option("--recipient", metavar="ADDRESS", help="A unit or an address in the directory.")] = "",
    data: Data = None,
) -> None:
    """Print a partner's bytes for a canonical message, cut to what that recipient may see once the individual has consented.

    The directory is the hub's where --data names one, else the sample directory. Whether the individual has in fact consented is not
    asked here: explain --dry-run does that.
    """
    from siphub.cli.messages import parsed
    from siphub.cli.offline import plugins_only

    message: Message = parsed(file)
    with plugins_only(data, to) as registry:
        adapter = _named("adapter", to, registry.adapters)
        directory = _directory(data, to)
        found = _recipient(directory, adapter, recipient, message)
        payload = adapter.translate(_cut(message, found.unit, directory), found)
    sys.stdout.buffer.write(payload.body)
    sys.stdout.buffer.flush()


def _directory(data: Path | None, adapter: str) -> Directory:
    """Return the directory of the hub in the data folder, or the sample one with every unit on this adapter."""
    from siphub.cli.hubs import opened
    from siphub.flow import directory as directories
    from siphub.model import sample_directory

    if data is None:
        return _with_participants(sample_directory(adapter, "https://partner.example"))
    with opened(data) as hub:
        return directories.current(hub.ground)


def _with_participants(directory: Directory) -> Directory:
    """Return the sample directory with what the SDK addresses by: an invented domain for each organisation."""
    units = []
    for unit in directory.units:
        options = {"participant": f"0203:{unit.agency or unit.organisation}.example"}
        address = unit.address.model_copy(update={"options": options}) if unit.address else None
        units.append(unit.model_copy(update={"address": address}))
    return directory.model_copy(update={"units": tuple(units)})


def _recipient(directory: Directory, adapter: Adapter, address: str, message: Message) -> Recipient:
    """Return whom an address names on an adapter; without one, whoever is most like those the message is for and may be written to by it."""
    from siphub.contract import RefusesAddresses
    from siphub.flow.sources import place

    kinds, found = {directory.kind_of(one) for one in message.recipients}, []
    for unit in directory.units:
        here = unit.address
        if here is not None and here.adapter == adapter.info.name and address in {"", str(unit.id), here.endpoint}:
            there = replace(place(unit.id, unit.organisation, unit.public_label, here), owner=str(message.owner))
            refused = isinstance(adapter, RefusesAddresses) and adapter.refusal(there) is not None
            found.append(((directory.kind_of(unit.id) not in kinds, refused, unit.id not in message.recipients), there))
    if not found:
        raise refuse("recipient.unknown", "the directory has no such unit or address on this adapter")
    return min(found, key=lambda one: one[0])[1]


def _cut(message: Message, unit: str, directory: Directory) -> Cut:
    """Return what a unit may see once everything is consented to."""
    from siphub.model import CATALOGUE
    from siphub.policy.disclosure import Covered, cut, kinds_of, rule_for
    from siphub.policy.lifecycle import OPENING

    kinds = kinds_of(unit, _imagined(message, unit, directory), directory, message)
    to_contact = message.type in OPENING or CATALOGUE[message.type].sent_by == "participant"
    rule = rule_for(message.type, ("contact", "convener", *kinds) if to_contact else kinds)
    if rule is None:
        raise refuse("basis.none", f"no lawful basis allows a {message.type} to this kind of recipient")
    covered = Covered(rule.bases[0], rule.scopes | frozenset(rule.show_with))
    return cut(message, rule, recipient=unit, covered=covered, directory=directory)


def _imagined(message: Message, unit: str, directory: Directory) -> SipCase:
    """Return a case in which the message makes sense: it comes from the contact, and whoever gets it is concerned by a discharge."""
    from siphub.model.case import DischargeRecord, SipCase

    found = directory.unit(unit)
    stay = DischargeRecord(admitting_unit=message.sender.unit, municipality=found.organisation) if found is not None else None
    return SipCase(case_id=message.case_id, owner=message.owner, state="PREPARING", contact=message.sender.unit, discharge=stay)
