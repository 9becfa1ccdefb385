"""The command line's own HTTP client to a running hub: one request at a time, and what it answered as a value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import urllib3

from siphub.errors import SiphubError

TIMEOUT = 60.0
"""How long one answer may take, in seconds."""


class Unreachable(SiphubError):
    """Nothing answers at the address."""

    code = "hub.unreachable"


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """What the hub answered. `document` is the body where it is a JSON object, else empty."""

    status: int
    document: dict[str, Any]
    body: bytes
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Say whether it is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what HTTP calls a success

    @property
    def code(self) -> str:
        """The stable code of a problem, or the status."""
        return str(self.document.get("code", f"http.{self.status}"))

    @property
    def detail(self) -> str:
        """The sentence of a problem."""
        return str(self.document.get("detail", "the answer is not from a siphub hub"))

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class HubClient:
    """A caller of one hub.

    Args:
        url: The hub's base address.
        key: The API key.
        door: What `X-Siphub-Door` says, or nothing.
    """

    def __init__(self, url: str, key: str, *, door: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", **({"X-Siphub-Door": door} if door else {})}
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT)

    def send(self, body: bytes, media_type: str = "application/json") -> Reply:
        """Hand in one message.

        Raises:
            Unreachable: Nothing answers.
        """
        return self._ask("POST", "/v1/messages", body, {"Content-Type": media_type})

    def get(self, path: str) -> Reply:
        """Ask for something.

        Raises:
            Unreachable: Nothing answers.
        """
        return self._ask("GET", path, None, {})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=self._headers | headers, redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError):
            raise Unreachable("nothing answers at this address; is the hub running (siphub up), and is --url right?") from None
        after = answer.headers.get("Retry-After", "")
        return Reply(answer.status, _document(answer.data), answer.data, float(after) if after.isdigit() else None)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
