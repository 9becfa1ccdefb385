"""The reader: the municipality's XML back to a message, or to a draft that says what is missing.

Hostile bytes are refused by the contract's hardened parser before anything else looks at them. It must never invent an id, a unit or a
consent: what the document does not carry is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from siphub.contract import Draft, Invalid, MappingError, MappingPack, PluginContext, Problem, ReaderInfo, Submission
from siphub.contract.neutral import from_partner
from siphub.contract.xml import parse_xml
from siphub.model import Message, parse_message
from siphub_municipal_xml.settings import read_settings

_HEAD = 4096
_NAMESPACE = re.compile(rb"""\bxmlns(?::[A-Za-z_][\w.-]*)?\s*=\s*["']urn:siphub:([a-z0-9-]{1,40}):([0-9]{1,4}(?:\.[0-9]{1,4}){0,3})["']""")


class MunicipalXmlReader:
    """Reads what `MunicipalXml` writes by any pack of the hub, and the same format written by anybody else: the namespace names the pack."""

    info: Final = ReaderInfo(name="municipal-xml", media_types=frozenset({"application/xml", "text/xml"}))

    def __init__(self, context: PluginContext) -> None:
        self._settings = read_settings(context.settings)
        self._mappings = context.mappings

    def recognises(self, submission: Submission) -> bool:
        """Say whether the head of the document names a pack's namespace; UTF-16 is looked at without its zero bytes."""
        if submission.media_type not in self.info.media_types:
            return False
        named = tuple(_named(submission.body))
        return any(pack == self._settings.pack for pack, _ in named) or self._of(named) is not None

    def read(self, submission: Submission) -> Message | Draft:
        """Read a document.

        Raises:
            BadBody: It cannot be parsed, or is hostile; a problem carries the position.
            TooLarge: Above the parser's limit.
            Invalid: It is not what the schema says (`xml.invalid`), or is no message; problems carry positions or pointers.
        """
        parse_xml(submission.body)
        document = self._document(submission.body, self._pack(submission.body))
        try:
            return parse_message(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        except Invalid as invalid:
            missing = tuple(problem.pointer or "" for problem in invalid.problems if problem.code == "field.missing")
            if len(missing) < len(invalid.problems):
                raise
            return Draft(document, missing)

    def _of(self, named: Iterable[tuple[str, str]]) -> MappingPack | None:
        """Return the first of the named packs that this hub has, or None."""
        for pack, version in named:
            try:
                return self._mappings.load(pack, version)
            except MappingError:
                continue
        return None

    def _pack(self, body: bytes) -> MappingPack:
        named = tuple(_named(body))
        if not named:
            raise _invalid("xml.unknown_format", "the document does not name a format's namespace in its first bytes")
        pack = self._of(named)
        if pack is None:
            raise _invalid("xml.unknown_version", "the document is of a format, or of a version of it, that this hub does not read")
        return pack

    def _document(self, body: bytes, pack: MappingPack) -> dict[str, object]:
        try:
            problems = pack.problems(body)
            if not problems:
                return from_partner(pack, body)
        except MappingError as error:
            raise _invalid(error.code, error.detail) from None
        raise Invalid(
            "the document does not hold to the format's schema; the problems say where",
            problems=tuple(Problem("xml.invalid", problem, position=_position(problem)) for problem in problems),
        )


def _named(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the packs that a document's first bytes name, as id and version."""
    for found in _NAMESPACE.finditer(body[:_HEAD].replace(b"\0", b"")):
        yield found[1].decode(), found[2].decode()


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(detail, problems=(Problem(code, detail, pointer=""),))


def _position(problem: str) -> str | None:
    """Return where a finding of the schema is, where it says so itself."""
    found = re.search(r"line (\d+)", problem)
    return f"line {found[1]} column 1" if found else None
