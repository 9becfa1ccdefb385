"""What a directory entry says of the way back: how a delivery is acknowledged, and where the municipality's answers lie.

Among the entry's options:

    receipt     `status`: its answer, or a file that is there, is the receipt; `file`: it puts `<key>.receipt`; `business`: it sends the
                format's own receipt message. Only the last two are waited for.
    answers     where its answers lie, in the same kind of place as what is sent: a whole address, or a name below the entry's own folder

It must never take one word for another: an option that cannot be used is refused, and nothing is sent until it is mended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from siphub.contract import Recipient, SettingsError

OPTIONS: Final = ("receipt", "answers")
Owed = Literal["status", "file", "business"]
_OWED: Final[dict[str, Owed]] = {"status": "status", "file": "file", "business": "business"}
_BELOW: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}){0,7}")
_WEB: Final = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's way back. `sources` are the places where something of its municipality's may lie, each once."""

    owes: Owed
    answers: str
    sources: tuple[str, ...]


def entry_of(recipient: Recipient) -> Entry:
    """Read an entry's options.

    Raises:
        SettingsError: `settings.option_wrong`; one cannot be used. It is not repeated.
    """
    owes = _OWED.get(recipient.options.get("receipt", "status"))
    if owes is None:
        raise SettingsError("the option receipt of a municipal-xml entry is status, file or business", code="settings.option_wrong")
    here = recipient.endpoint.rstrip("/")
    answers = _answers(recipient.options.get("answers", ""), here)
    if owes == "file" and is_web(here) and not answers:
        raise SettingsError(
            "an entry over HTTPS that owes receipt files says by the option answers where they lie", code="settings.option_wrong"
        )
    beside = (here,) if owes == "file" and not is_web(here) else ()
    return Entry(owes, answers, (*filter(None, [answers]), *beside))


def is_web(place: str) -> bool:
    """Say whether a place is asked over HTTPS; every other is a drop."""
    return place.startswith(_WEB)


def below(place: str, name: str) -> str:
    """Return the address of a thing below one over HTTPS: its name goes behind the path, and a query such as `?tenant=norrby` stays the last."""
    path, mark, query = place.partition("?")
    return f"{path.rstrip('/')}/{quote(name, safe='')}{mark}{query}"


def _kind(place: str) -> str:
    return place.partition("://")[0] if "://" in place else ""


def _answers(text: str, here: str) -> str:
    """Return where answers lie, as a whole address; what is put for the municipality never lies there too."""
    whole = text.startswith("/") or "://" in text
    if text and not whole and (is_web(here) or not _BELOW.fullmatch(text)):
        what = "a whole https address" if is_web(here) else "a whole address, or a name below the entry's own: letters, digits, . _ - and /"
        raise SettingsError(f"the option answers of this municipal-xml entry is {what}", code="settings.option_wrong")
    found = (text if whole or not text else f"{here}/{text}").rstrip("/")
    if found and _kind(found) != _kind(here):
        raise SettingsError(
            "answers lie in the same kind of place as what is sent: both in folders, or both over HTTPS", code="settings.option_wrong"
        )
    if found and found == here:
        raise SettingsError(
            "answers lie somewhere else than what is sent: the option answers is the entry's own address", code="settings.option_wrong"
        )
    return found
