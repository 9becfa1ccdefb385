"""What agencies are sent, made from the code for docs/adapters/agencies.md: each field of a whole invitation with its meaning, and the texts.

A field of the message that nobody has described here stops the making, so the page cannot leave one out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from siphub.contract import Cut, Http, PluginContext, Recipient, SystemClock
from siphub.model import people as p
from siphub.model import sample, sample_directory
from siphub.model.messages.receipt import StopNotice
from siphub.policy import disclosure
from siphub_arbetsformedlingen import Arbetsformedlingen
from siphub_forsakringskassan import Forsakringskassan
from siphub_sdk import Agency

KEY: Final = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
SENDERS: Final = f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun"
FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "type": ("`messages`; the OpenAPI asks for it here by a misplaced `required`", "specified by the file, not by its prose"),
    "messageId": ("the delivery's own id, a random UUID, the same in every attempt", "specified; that it is the delivery's is our choice"),
    "conversationId": ("the case, the same in everything that is sent about it", "a UUID is specified; one for each case is our choice"),
    "creationDateTime": ("when the message was handed in, UTC, with a fraction and `Z`", "specified"),
    "label": ("one of six fixed texts: it says nothing of the person", "its length is specified; that it says nothing is our rule"),
    "confidentiality": ("true, always", "the field is specified; always true is our rule"),
    "generatingSystem.root": ("`un-encoded`, as in Digg's examples", "specified as a form"),
    "generatingSystem.extension": ("the hub", "specified as a form"),
    "generatingSystem.label": ("the hub", "specified as a form"),
    "sender": ("the municipality or region whose case it is", "specified"),
    "senderAttention.subOrganization.root": ("fixed", "specified"),
    "senderAttention.subOrganization.extension": ("the function that answers come to", "form specified"),
    "senderAttention.subOrganization.label": ("its name, which reveals no unit of care", "form specified"),
    "senderAttention.referenceId[].root": (
        "`dnr`: our registry number; `unregistred`: our case",
        "roots specified; a case under the second is assumed",
    ),
    "senderAttention.referenceId[].extension": ("to be repeated in every answer", "specified"),
    "senderAttention.referenceId[].label": ("what it is", "a label is specified; that it names the kind is our choice"),
    "recipient": ("your organisation, from the hub's directory", "specified; has to come from the address book"),
    "recipientAttention.subOrganization.root": ("fixed", "specified"),
    "recipientAttention.subOrganization.extension": (
        "your functional address, from the hub's directory",
        "specified; has to come from the address book",
    ),
    "recipientAttention.subOrganization.label": ("your name, from the hub's directory", "form specified"),
    "recipientAttention.referenceId[].root": (
        "the kind of the person's number; `dnr`: your own number, once you have told us one",
        "roots specified; that your side is the place for them is assumed",
    ),
    "recipientAttention.referenceId[].extension": (
        "the person's number in twelve digits, only where the consent names you and covers exchange of information; nowhere else in the message",
        "its length is specified; Digg's examples write it with a hyphen, and that twelve digits are understood is assumed",
    ),
    "recipientAttention.referenceId[].label": (
        "what it is, never whose",
        "a label is specified; the OpenAPI's remark has the person's name there, and that it names the kind is our rule",
    ),
    "digitalDocument[].documentId": ("our id of the message", "specified"),
    "digitalDocument[].documentName": ("the label once more", "specified"),
    "digitalDocument[].index": ("`1`", "specified"),
    "digitalDocument[].contentTextBody[]": ("the text below, in limited Markdown", "the Markdown is specified; the words are ours"),
}
"""For each field of a message what stands there, and how much of that is specified."""
AGENCIES: Final[tuple[tuple[type[Agency], str, str], ...]] = (
    (Forsakringskassan, p.FK, "0203:forsakringskassan.example"),
    (Arbetsformedlingen, p.AF, "0203:arbetsformedlingen.example"),
)


def attributes_of(kind: type[Agency], unit: str, participant: str, name: str = "meeting.invited") -> dict[str, Any]:
    """Return the attributes of a whole message to an agency, as its adapter makes it of the sample."""
    of = kind.of
    settings = {"senders": SENDERS, "agencies": f"{participant} {of.number}"}
    tools: dict[str, Any] = dict.fromkeys(("mappings", "render", "state", "log"))
    adapter = kind(PluginContext(plugin=of.adapter, clock=SystemClock(), http=Http(), settings=settings, **tools))
    rule = disclosure.rule_for(name, ("agency",))
    if rule is None:
        raise LookupError(f"no rule lets an agency see a {name}")
    message = sample(name, maximal=True)
    if isinstance(message.content, StopNotice):  # about what an agency has heard of, which is never a plan
        message = message.model_copy(update={"content": message.content.model_copy(update={"about": "meeting"})})
    covered = disclosure.Covered(rule.bases[0], frozenset({"information_exchange"}))
    cut: Cut = disclosure.cut(
        message, rule, recipient=unit, covered=covered, directory=sample_directory(), consent=message.consent_statement
    )
    recipient = Recipient(unit, of.number, of.name, of.adapter, f"sdk:sip:{participant}", None, {"participant": participant})
    made: dict[str, Any] = json.loads(adapter.translate(cut, recipient).body)["data"]["attributes"]
    return {**made, "messageId": KEY}


def fields() -> list[tuple[str, str, str, str]]:
    """Return each field of an invitation to Försäkringskassan: its path, its value there, what stands there, and how much is specified."""
    values: dict[str, list[str]] = {}
    for path, value in _leaves(attributes_of(*AGENCIES[0])):
        values.setdefault(path, []).append(value)
    order = [path for path in FIELDS if path in values]
    undescribed = sorted(set(values) - set(FIELDS))
    if undescribed:
        raise KeyError(f"agency_examples.FIELDS says nothing of {', '.join(undescribed)}")
    return [(f"`{path}`", _shown(values[path]), *FIELDS[path]) for path in order]


def _shown(values: list[str]) -> str:
    return "the text below" if any("\n" in value for value in values) else "<br>".join(f"`{value}`" for value in dict.fromkeys(values))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, f"{path}[]")
    else:
        yield path, json.dumps(value) if isinstance(value, bool) else str(value)


def texts(name: str) -> str:
    """Return the text of one kind of message to each agency, as it is sent."""
    blocks = []
    for kind, unit, participant in AGENCIES:
        text = attributes_of(kind, unit, participant, name)["digitalDocument"][0]["contentTextBody"][0]
        blocks.append(f"To {kind.of.name}:\n\n````markdown\n{text}\n````")
    return "\n\n".join(blocks)
