"""What stands at the top of every conformance resource of ours: whose it is, its version, what it is in English and Swedish, and a narrative."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from siphub_fhir.lens import Resource
from siphub_fhir.vocabulary import BASE

VERSION: Final = "0.1.0"
"""The version of the artefacts: the distribution's, which a test compares."""
PUBLISHED: Final = "2026-11-26"
"""The day of that version."""
SWEDEN: Final = {"coding": [{"system": "urn:iso:std:iso:3166", "code": "SE"}]}


def heading(kind: str, name: str, en: str, sv: str) -> Resource:
    """Return the elements that all of them have, for one of a type, with the URL `<base>/<type>/<name>`; an id has no underscore."""
    name = name.replace("_", "-")
    return {
        "resourceType": kind,
        "id": name,
        "language": "en",
        "text": {"status": "generated", "div": narrative(en, sv)},
        "url": canonical(kind, name),
        "version": VERSION,
        "name": computable(name),
        "title": en.rstrip("."),
        "status": "active",
        "experimental": False,
        "date": PUBLISHED,
        "publisher": "siphub",
        "description": f"In English: {en}\n\nPå svenska: {sv}",
        "jurisdiction": [SWEDEN],
    }


def canonical(kind: str, name: str) -> str:
    """Return the URL of a conformance resource of ours."""
    return f"{BASE}/{kind}/{name.replace('_', '-')}"


def computable(name: str) -> str:
    """Return a name as programs take it: `stated-basis` as `SiphubStatedBasis`."""
    return "Siphub" + "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]", name))


def narrative(en: str, sv: str) -> str:
    """Return the two sentences as XHTML."""
    return f'<div xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en"><p>{escape(en)}</p><p lang="sv" xml:lang="sv">{escape(sv)}</p></div>'
