"""The reader: the municipality's XML back to a message, or to a draft that says what is missing.

Hostile bytes are refused by the contract's hardened parser before anything else looks at them. It must never invent an id, a unit or a
consent: what the document does not carry is missing.
"""

from __future__ import annotations

import json
import re
from typing import Final

from siphub.contract import Draft, Invalid, MappingError, MappingPack, PluginContext, Problem, ReaderInfo, Submission
from siphub.contract.neutral import from_partner
from siphub.contract.xml import parse_xml
from siphub.model import Message, parse_message
from siphub_municipal_xml.settings import read_settings

_HEAD = 4096
_NAMESPACE = re.compile(rb"""\bxmlns(?::[A-Za-z_][\w.-]*)?\s*=\s*["']urn:siphub:([a-z0-9-]{1,40}):([0-9]{1,4}\.[0-9]{1,4})["']""")


class MunicipalXmlReader:
    """Reads what `MunicipalXml` writes, and the same format written by anybody else."""

    info: Final = ReaderInfo(name="municipal-xml", media_types=frozenset({"application/xml", "text/xml"}))

    def __init__(self, context: PluginContext) -> None:
        self._settings = read_settings(context.settings)
        self._mappings = context.mappings

    def recognises(self, submission: Submission) -> bool:
        """Say whether the head of the document names the format's namespace; UTF-16 is looked at without its zero bytes."""
        return submission.media_type in self.info.media_types and self._version(submission.body) is not None

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

    def _version(self, body: bytes) -> str | None:
        """Return the format's version, which the namespace carries, or None where this is another format."""
        for found in _NAMESPACE.finditer(body[:_HEAD].replace(b"\0", b"")):
            if found[1].decode() == self._settings.pack:
                return found[2].decode()
        return None

    def _pack(self, body: bytes) -> MappingPack:
        version = self._version(body)
        if version is None:
            raise _invalid("xml.unknown_format", "the document does not name this format's namespace in its first bytes")
        try:
            return self._mappings.load(self._settings.pack, version)
        except MappingError:
            pass
        raise _invalid("xml.unknown_version", "the document is of a version of the format that this hub does not read")

    def _document(self, body: bytes, pack: MappingPack) -> dict[str, object]:
        problems = pack.problems(body)
        if problems:
            raise Invalid(
                "the document does not hold to the format's schema; the problems say where",
                problems=tuple(Problem("xml.invalid", problem, position=_position(problem)) for problem in problems),
            )
        try:
            return from_partner(pack, body)
        except MappingError as error:
            code, detail = error.code, error.detail
        raise _invalid(code, detail)


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(detail, problems=(Problem(code, detail, pointer=""),))


def _position(problem: str) -> str | None:
    """Return where a finding of the schema is, where it says so itself."""
    found = re.search(r"line (\d+)", problem)
    return f"line {found[1]} column 1" if found else None
