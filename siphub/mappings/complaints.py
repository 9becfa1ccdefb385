"""What libxslt and libxml2 say against a sheet, a schema or a document, as a sentence that its writer can act on: where, and what.

It knows nothing of a document: what a sheet itself says may repeat it, and whoever shows that shows it for samples only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lxml import etree

_MOST: Final = 200
_NOISE: Final = re.compile(
    r"(runtime|compilation) error, element .*|unknown error|error|Undefined variable|XPath evaluation returned no result\."
)
_SAID_BY: Final = re.compile(r"^xslt[A-Za-z]+ ?: ")
_PLAINLY: Final = {
    "Unregistered function": "it calls a function that XSLT 1.0 has not",
    "Invalid number of arguments": "it calls a function with too few or too many values",
    "A potential infinite template recursion was detected.": "its templates call themselves without end",
}
_MEANS: Final = {
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "the value is none of the schema's type there, such as a day that is not written YYYY-MM-DD",
    "SCHEMAV_CVC_ENUMERATION_VALID": "the word is not in the schema's list: add it there, or change it in codes.csv",
    "SCHEMAV_CVC_PATTERN_VALID": "the value has another form than the schema's pattern",
    "SCHEMAV_CVC_MINLENGTH_VALID": "the value is shorter than the schema allows",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "the value is longer than the schema allows",
    "SCHEMAV_ELEMENT_CONTENT": "the schema does not have this element there, or one that it wants is missing",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "the schema does not have an attribute that stands there",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute that the schema wants is missing",
    "SCHEMAV_CVC_ELT_1": "the schema has no such root",
}


def of_sheet(file: str, log: Iterable[etree._LogEntry]) -> tuple[str, ...]:
    """Return what was said when a sheet was compiled or ran, each once, with the line where libxslt names one; `file` is the sheet's name."""
    entries = tuple(log)
    line = next((entry.line for entry in entries if entry.line > 0), None)
    words = dict.fromkeys(_plain(entry.message) for entry in entries if not _NOISE.fullmatch(entry.message))
    return tuple(one if line is None else f"{file} line {line}: {one}" for one in words)


def _plain(message: str) -> str:
    first = _SAID_BY.sub("", message.partition("\n")[0])
    return _PLAINLY.get(first, first)[:_MOST]


def of_schema(log: Iterable[etree._LogEntry]) -> str:
    """Return the first thing that is wrong with a schema, with its line."""
    return next((f"line {entry.line}: {entry.message[:_MOST]}" for entry in log), "it cannot be compiled")


def explained(problem: str) -> str:
    """Return what a schema says against a document, with what that means where it is one of the usual things."""
    kind = re.search(r": (SCHEMAV_[A-Z0-9_]+) at ", problem)
    means = _MEANS.get(kind[1]) if kind else None
    return f"{problem}: {means}" if means else problem
