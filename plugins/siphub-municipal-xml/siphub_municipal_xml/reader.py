"""The reader: the municipality's XML back to a message, or to a draft that says what is missing.

Hostile bytes are refused by the contract's hardened parser before anything else looks at them. It must never invent an id, a unit or a
consent: what the document does not carry is missing.
"""

from __future__ import annotations

import json
import re
from typing import Final

from lxml import etree

from siphub.contract import Draft, Invalid, MappingError, MappingPack, PluginContext, Problem, ReaderInfo, Refused, Submission
from siphub.contract.neutral import from_partner
from siphub.contract.xml import parse_xml, root_name
from siphub.model import Message, parse_message
from siphub_municipal_xml.settings import read_settings

_NAMESPACE = re.compile(r"urn:siphub:([a-z0-9-]{1,40}):([0-9]{1,4}(?:\.[0-9]{1,4}){0,3})")


class MunicipalXmlReader:
    """Reads what `MunicipalXml` writes by any pack of the hub, and the same format written by anybody else: the root's namespace names the pack."""

    info: Final = ReaderInfo(name="municipal-xml", media_types=frozenset({"application/xml", "text/xml"}))

    def __init__(self, context: PluginContext) -> None:
        self._settings = read_settings(context.settings)
        self._mappings = context.mappings

    def recognises(self, submission: Submission) -> bool:
        """Say whether the root is in the namespace of a pack; whatever else the document says is not looked at."""
        if submission.media_type not in self.info.media_types:
            return False
        try:
            named = _NAMESPACE.fullmatch(root_name(submission.body)[0] or "")
        except Refused:
            return False
        return named is not None and (named[1] == self._settings.pack or self._mappings.has(named[1], named[2]))

    def read(self, submission: Submission) -> Message | Draft:
        """Read a document.

        Raises:
            BadBody: It cannot be parsed, or is hostile; a problem carries the position.
            TooLarge: Above the parser's limit.
            Invalid: It is not what the schema says (`xml.invalid`), or is no message; problems carry positions or pointers.
            Busy: The pack cannot be asked now (`mapping.no_process`).
        """
        root = parse_xml(submission.body)
        document = self._document(submission.body, self._pack(etree.QName(root).namespace))
        try:
            return parse_message(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        except Invalid as invalid:
            missing = tuple(problem.pointer or "" for problem in invalid.problems if problem.code == "field.missing")
            if len(missing) < len(invalid.problems):
                raise
            return Draft(document, missing)

    def _of(self, pack: str, version: str) -> MappingPack | None:
        """Return a pack that this hub has and may use today, or None."""
        try:
            return self._mappings.load(pack, version)
        except MappingError:
            return None

    def _pack(self, namespace: str | None) -> MappingPack:
        named = _NAMESPACE.fullmatch(namespace or "")
        if named is None:
            raise _invalid("xml.unknown_format", "the document's root is not in the namespace of a mapping pack")
        pack = self._of(named[1], named[2])
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


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(detail, problems=(Problem(code, detail, pointer=""),))


def _position(problem: str) -> str | None:
    """Return where a finding of the schema is, where it says so itself."""
    found = re.search(r"line (\d+)", problem)
    return f"line {found[1]} column 1" if found else None
