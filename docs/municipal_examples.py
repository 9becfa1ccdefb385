"""What a municipality's integrator is shown on docs/adapters/municipal.md, made from the code: entries, messages, receipts, and what becomes of each.

An entry that the adapter would refuse, or a receipt that it would not read as the page says, stops the making.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from siphub.contract import Cut, PluginContext, Receipt, Recipient, SystemClock, parse_xml
from siphub.contract.neutral import to_partner
from siphub.mappings import Mappings, shipped
from siphub.model import people as p
from siphub.model import sample
from siphub_municipal_xml import MunicipalXml
from siphub_municipal_xml.receipt_file import receipt_in

KEY: Final = "0b9f5f0c-6d5e-4a53-9f39-0d6a3a1f0c11"
FOLDER: Final = "/srv/sip/norrby/in"
WEB: Final = "https://sip.soderby.example/in"
ENTRIES: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    ("files, acknowledged by receipt files", FOLDER, {"receipt": "file", "answers": "/srv/sip/norrby/ut"}),
    ("HTTPS, acknowledged by receipt messages that the hub fetches", WEB, {"receipt": "business", "answers": f"{WEB[:-3]}/ut"}),
    ("HTTPS, acknowledged by the answer", WEB, {}),
)
RECEIPTS: Final[Mapping[str, str]] = {
    "accepted\n-\nNRB 2026-4711\n": "you have it, under your own number NRB 2026-4711",
    "accepted\n-\n-\n": "you have it",
    "read\n-\nNRB 2026-4711\n": "somebody has read it",
    "rejected\nperson.unknown\n-\n": "you will not handle it, because of `person.unknown`; whoever sent it phones you",
}
"""Receipt files, each with what it says."""
CODES: Final[Mapping[str, str]] = {
    "body.too_large": "the file is larger than 8 MiB (1 MiB over HTTPS)",
    "xml.not_well_formed": "it is no XML, or was still half there after a minute",
    "xml.doctype": "it has a document type declaration: leave it out",
    "body.unsupported_media": "it names no format that the hub reads",
    "xml.invalid": "it does not hold to the format's schema",
    "message.incomplete": "it lacks what the hub does not invent, such as the case or the sender",
    "sender.not_yours": "it is from a unit that is not your organisation's",
    "case.not_there": "there is no such case, or none that you are in",
    "message.id_reused": "its `meddelandeId` was another message's",
    "message.out_of_order": "it is about a version that the hub does not have",
    "receipt.not_theirs": "the key is of nothing that your organisation was sent by this way",
    "receipt.unreadable": "it is none of the receipts on this page",
    "receipt.half": "it has fewer than three lines, and is more than a minute old",
    "receipt.too_large": "it is larger than 4096 bytes",
}
"""The codes that a note or a deletion most often carries, with what each means."""


def entries() -> str:
    """Return directory entries for each way, as TOML."""
    adapter = _adapter()
    blocks = []
    for title, endpoint, options in ENTRIES:
        there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "municipal-xml", endpoint, None, options)
        refusal = adapter.refusal(there)
        if refusal is not None:
            raise ValueError(f"the adapter refuses the example: {refusal.detail}")
        lines = ['adapter = "municipal-xml"', f'endpoint = "{endpoint}"']
        said = ", ".join(f'{name} = "{value}"' for name, value in options.items())
        lines += [f"options = {{ {said} }}"] if options else []
        blocks.append(f"# {title}\n[units.address]\n" + "\n".join(lines))
    return _fenced("toml", "\n\n".join(blocks))


def receipts() -> str:
    """Return a table of receipt files, and what each says."""
    rows = []
    for body, meaning in RECEIPTS.items():
        found = receipt_in(f"{KEY}.receipt", body.encode(), datetime(2026, 11, 23, 11, tzinfo=UTC))
        if not isinstance(found, Receipt):
            raise TypeError("the adapter reads no receipt in the example")
        rows.append(f"| {' '.join(f'`{line}`' for line in body.splitlines())} | {meaning} | `{found.kind}` |")
    return "\n".join(["| the three lines | what you say by it | what the hub notes |", "|---|---|---|", *rows])


def codes() -> str:
    """Return a table of codes."""
    return "\n".join(["| code | what it means |", "|---|---|", *(f"| `{code}` | {meaning} |" for code, meaning in CODES.items())])


def message(name: str) -> str:
    """Return the sample of a message type in the format that ships."""
    return _indented(to_partner(_packs().load("municipal-sip"), sample(name).to_document()))


def sent() -> str:
    """Return a kallelse as the adapter makes it."""
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "municipal-xml", FOLDER)
    whole = Cut(sample("meeting.summoned").to_document(), "secrecy_assessed")
    return _indented(_adapter().translate(whole, there).body)


def _packs() -> Mappings:
    return Mappings([shipped()], SystemClock())


def _adapter() -> MunicipalXml:
    tools: dict[str, Any] = dict.fromkeys(("http", "render", "state", "log"))
    return MunicipalXml(PluginContext(plugin="municipal-xml", clock=SystemClock(), mappings=_packs(), **tools))


def _indented(body: bytes) -> str:
    """Return a document with a line for each element, for people."""
    root = parse_xml(body)
    etree.indent(root)
    return _fenced("xml", etree.tostring(root, encoding="unicode"))


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
