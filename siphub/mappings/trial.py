"""What a pack makes of a document, whether that is valid, and what comes back: for whoever writes a pack, and for its golden files.

Pure, and nothing is sent. The ledger of losses names each field that does not come back as it was, as a JSON pointer and without content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from lxml import etree

from siphub.contract.neutral import document_to_xml, forms_wanted, from_partner, written
from siphub.contract.xml import parse_xml, serialise_xml
from siphub.errors import MappingError, SiphubError
from siphub.mappings.complaints import explained
from siphub.mappings.manifest import namespace_of
from siphub.mappings.pack import Pack
from siphub.model import CATALOGUE, Message, sample

INWARD: Final = "in.xsl"
"""The sheet that reads; a pack without one only writes."""
_UNREAD: Final = object()


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that does not come back as it was: `lost`, `changed`, or `invented`, which was not there before."""

    pointer: str
    how: Literal["lost", "changed", "invented"]


@dataclass(frozen=True, slots=True, repr=False)
class Trial:
    """What a pack makes of one document.

    Args:
        document: What went in, in the canonical JSON shape.
        body: The partner's XML, or None where the translation stopped.
        problems: Why it stopped, or what the pack's schema says; empty means that it may be sent.
        code: The stable code where the translation stopped.
        back: What the partner's XML reads back as, or None where the pack does not read, or could not.
        losses: The ledger; None where nothing was read back.
    """

    document: Mapping[str, object]
    body: bytes | None = None
    problems: tuple[str, ...] = ()
    code: str | None = None
    back: Mapping[str, object] | None = None
    losses: tuple[Loss, ...] | None = None

    @property
    def ok(self) -> bool:
        """Whether it is translated, valid, and comes back with nothing lost where the pack reads at all."""
        return self.body is not None and not self.problems and not self.losses

    def __repr__(self) -> str:
        return f"Trial({'ok' if self.ok else self.code or 'not ok'})"


def stand_in(pack: Pack) -> Mapping[str, bytes]:
    """Return what stands in golden files and comparisons for the documents that a pack wants: what they look like is no pack's business."""
    return {form: f"({form})".encode() for form in sorted(forms_wanted(pack))}


def tried(pack: Pack, document: Mapping[str, object], rendered: Mapping[str, bytes] | None = None, *, talkative: bool = False) -> Trial:
    """Translate a document, validate the result, and read it back where the pack reads.

    Args:
        pack: The pack.
        document: A whole message or a cut, in the canonical JSON shape.
        rendered: The same as a document for people, in each form that the pack wants; something that stands for it unless given.
        talkative: Also tell what a sheet itself says when it stops, which may repeat the document: for samples only.
    """
    try:
        made = written(pack, document, stand_in(pack) if rendered is None else rendered)
    except SiphubError as error:
        return Trial(document, problems=(error.detail, *(_sheet_says(pack, "out", error) if talkative else ())), code=error.code)
    body = made.body
    if made.problems:
        return Trial(document, body, tuple(map(explained, made.problems)), "mapping.invalid_output")
    if INWARD not in pack.files:
        return Trial(document, body)
    try:
        back = from_partner(pack, body)
    except SiphubError as error:
        said = (error.detail, *(_sheet_says(pack, "in", error) if talkative else ()))
        return Trial(document, body, said, error.code)
    return Trial(document, body, back=back, losses=tuple(losses(document, back)))


def _sheet_says(pack: Pack, name: str, error: SiphubError) -> tuple[str, ...]:
    return pack.said(name) if error.code == "mapping.transform_failed" else ()


def losses(before: object, after: object, pointer: str = "") -> Iterator[Loss]:
    """Yield where two documents differ, seen from the first, in the order of the first."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from losses(before.get(name, _UNREAD), after.get(name, _UNREAD), f"{pointer}/{name}")
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for place in range(max(len(before), len(after))):
            yield from losses(_at(before, place), _at(after, place), f"{pointer}/{place}")
    elif after is _UNREAD:
        yield Loss(pointer, "lost")
    elif before is _UNREAD:
        yield Loss(pointer, "invented")
    elif type(before) is not type(after) or before != after:
        yield Loss(pointer, "changed")


def _at(parts: list[object] | tuple[object, ...], place: int) -> object:
    return parts[place] if place < len(parts) else _UNREAD


def neutral(pack: Pack, document: Mapping[str, object]) -> bytes:
    """Return what a pack's `out` sheet gets to see of a document, with line breaks for a person, and something that stands for its forms."""
    return readable(document_to_xml(document, stand_in(pack), local_times="local-times" in pack.wants))


def readable(body: bytes) -> bytes:
    """Return the same document with line breaks and indentation between elements, never within text."""
    root = parse_xml(body)
    etree.indent(root)
    return serialise_xml(root) + b"\n"


def samples_of(pack: Pack) -> Iterator[tuple[str, Message]]:
    """Yield every sample the pack has a form for, minimal and maximal, with its name: `meeting.summoned.maximal`."""
    for name, maximal in product(CATALOGUE, (False, True)):
        if pack.carries(name):
            yield f"{name}.{'maximal' if maximal else 'minimal'}", sample(name, maximal=maximal)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a pack: where (a sample, a file, a message type), a stable code, and a sentence."""

    where: str
    code: str
    detail: str


def findings(pack: Pack) -> Iterator[Finding]:
    """Yield what is wrong with a pack that loads: each sample tried, compared with its golden file, and read back."""
    for kind in sorted(set(pack.manifest.kinds) - set(CATALOGUE)):
        yield Finding(kind, "message.unknown_type", "the manifest names a message type that there is not")
    known = set()
    for name, message in samples_of(pack):
        known.add(f"{name}.xml")
        trial = tried(pack, message.to_document(), talkative=True)
        for problem in trial.problems:
            yield Finding(name, trial.code or "mapping.invalid_output", problem)
        if trial.code == "mapping.too_costly":
            return  # the other samples would each take as long
        for loss in trial.losses or ():
            yield Finding(name, "mapping.loss", f"{loss.pointer} is {loss.how} on the way there and back")
        if trial.body is not None:
            yield from _golden(pack, name, trial.body)
            yield from _namespace(pack, name, trial.body)
    for file in sorted((pack.folder / "golden").glob("*")):
        if file.name not in known:
            yield Finding(f"golden/{file.name}", "mapping.golden", "no sample of this pack has this name")


def _namespace(pack: Pack, name: str, body: bytes) -> Iterator[Finding]:
    """Find a pack that reads and does not write in its own namespace: the hub would read its documents by another's words, or know them not at all."""
    found = etree.QName(parse_xml(body)).namespace or ""
    own = namespace_of(pack.id, pack.version)
    if INWARD in pack.files and found != own:
        where = "in the namespace of another pack" if found.startswith("urn:siphub:") else "not in its own namespace"
        remedy = "" if found.startswith("urn:siphub:") else f"; a pack for a format without it only writes: take {INWARD} away"
        yield Finding(name, "mapping.namespace", f"what it writes is {where}: by {own} the hub knows its documents{remedy}")


def _golden(pack: Pack, name: str, body: bytes) -> Iterator[Finding]:
    """Compare with the golden file; a draft has none until it is approved."""
    file = pack.folder / "golden" / f"{name}.xml"
    if not file.is_file():
        if pack.manifest.status != "draft":
            yield Finding(f"golden/{file.name}", "mapping.golden", "the golden file is missing")
    elif file.read_bytes() != readable(body):
        yield Finding(f"golden/{file.name}", "mapping.golden", "the golden file is not what the pack makes of the sample")


def require_sound(pack: Pack) -> None:
    """Refuse a pack that `findings` has something against, golden files aside.

    Raises:
        MappingError: `mapping.unsound`, with the first finding; `mapping.too_costly`, where that is it.
    """
    found = next((one for one in findings(pack) if one.code != "mapping.golden"), None)
    if found is not None:
        code = found.code if found.code == "mapping.too_costly" else "mapping.unsound"
        raise MappingError(f"{pack.name} is not sound: {found.where}: {found.detail}", code=code)
