"""What a partner has for the hub, to be fetched from it: named things in the order in which they were put there.

Once the hub has taken one, or has said why it did not, it is listed no more; what was refused is kept with the code. It must never list a
thing that was told of.
"""

from __future__ import annotations

import json
import re
import threading

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


class Tray:
    """One partner's answers."""

    def __init__(self) -> None:
        self._lying: dict[str, bytes] = {}
        self._refused: dict[str, str] = {}
        self._lock = threading.Lock()

    def put(self, name: str, body: bytes) -> None:
        """Put something there; the same name replaces.

        Raises:
            ValueError: The name cannot stand in a path.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("a name is 1 to 128 letters, digits, and . _ -, and begins with no dot")
        with self._lock:
            self._lying[name] = body

    def names(self) -> list[str]:
        """Return what lies there."""
        with self._lock:
            return list(self._lying)

    def listed(self) -> bytes:
        """Return the list as the hub asks for it."""
        return json.dumps({"answers": self.names()}).encode()

    def get(self, name: str) -> bytes | None:
        """Return one thing, or None."""
        with self._lock:
            return self._lying.get(name)

    def take(self, name: str, refused: str | None) -> bool:
        """List one thing no more; return whether it was there."""
        with self._lock:
            found = self._lying.pop(name, None) is not None
            if found and refused is not None:
                self._refused[name] = refused
            return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._lying.clear()
            self._refused.clear()

    def refused(self) -> dict[str, str]:
        """Return what the hub has refused, with the codes."""
        with self._lock:
            return dict(self._refused)
