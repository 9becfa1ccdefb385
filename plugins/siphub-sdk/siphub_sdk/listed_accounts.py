"""The setting `accounts`: whose account is where, one entry for each. What is malformed, or would let two owners meet, stops the start.

    NAME OWNERS SERVICE TOKEN-URL CLIENT-ID [SCOPES]   a client at a message service
    NAME OWNERS /FOLDER ACCESS-POINT                   the folders of an access point
    NAME OWNERS /FOLDER SUBMIT-TO PMODE                the same, with its REST back-end for what is sent

Owners are organisation numbers, with commas between several. It must never repeat a value, and never give one owner to two accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from siphub.contract import SettingsError
from siphub.model.identifiers import OrganisationNumber

ADDRESS: Final = re.compile(r"https?://[^\s?#@]{1,400}")
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
MAIN: Final = "main"
"""The account that goes on with what was fetched, and with the secrets that were there, before accounts were listed."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SERVICE, _FOLDER, _BACK_END = 5, 4, 5
_EXAMPLE: Final = "norrby 2120009994 https://mt.example.se/v1 https://mt.example.se/token norrby-siphub"


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One entry: whose it is, and either a client at a message service or the folder of an access point."""

    owners: tuple[str, ...]
    service: str = ""
    token_url: str = ""
    client_id: str = ""
    scopes: str = ""
    hand_over: str = ""
    access_point: str = ""
    submit_to: str = ""
    pmode: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from every other account."""
        return (str(PurePosixPath(self.hand_over)), "") if self.hand_over else (self.service, self.client_id)


def read_accounts(entries: Iterable[str]) -> Mapping[str, ListedAccount]:
    """Return the accounts by name.

    Raises:
        SettingsError: An entry cannot be read; a name, an owner, a client or a folder stands in two of them.
    """
    found: dict[str, ListedAccount] = {}
    for entry in entries:
        name, _, rest = entry.partition(" ")
        if not _NAME.fullmatch(name) or name in found:
            raise _wrong("begins with a name of its own, in small letters")
        found[name] = _account(rest.split())
    for twice, what in (
        (
            (owner for account in found.values() for owner in account.owners),
            "names an owner that no other entry names",
        ),
        (
            (account.place for account in found.values()),
            "names a client or a folder of its own: list its owners in one entry, with commas between them",
        ),
    ):
        if _repeats(twice):
            raise _wrong(what)
    return found


def _account(words: list[str]) -> ListedAccount:
    if len(words) < _FOLDER - 1:
        raise _wrong("has a name, owners, and where they send")
    owners, where, rest = tuple(_numbers(words[0])), words[1], words[2:]
    if where.startswith("/"):
        return _handed_over(owners, where, rest)
    if len(words) < _SERVICE - 1 or not all(ADDRESS.fullmatch(one) for one in (where, words[2])):
        raise _wrong("has the https addresses of a message service and of its tokens, and a client id")
    return ListedAccount(owners, where.rstrip("/"), words[2], words[3], " ".join(words[4:]))


def _handed_over(owners: tuple[str, ...], folder: str, rest: list[str]) -> ListedAccount:
    match rest:
        case [point] if IDENTIFIER.fullmatch(point):
            return ListedAccount(owners, hand_over=folder, access_point=point)
        case [back_end, mode] if ADDRESS.fullmatch(back_end) and IDENTIFIER.fullmatch(mode):
            return ListedAccount(owners, hand_over=folder, submit_to=back_end.rstrip("/"), pmode=mode)
    raise _wrong("has after a folder the id of an access point, or the https address of its REST back-end and a processing mode")


def _numbers(text: str) -> Iterator[str]:
    for one in text.split(","):
        try:
            yield OrganisationNumber(one)
        except ValueError:
            raise _wrong("names its owners by organisation numbers, with commas between several") from None


def _repeats(found: Iterable[object]) -> bool:
    listed = list(found)
    return len(set(listed)) < len(listed)


def _wrong(what: str) -> SettingsError:
    return SettingsError(f"sdk: each of accounts {what}, and a semicolon stands between two; such as {_EXAMPLE}")
