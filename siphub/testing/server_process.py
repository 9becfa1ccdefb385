"""A server that ends with whoever started it, for tests that need a real one.

It must never outlive the test run, not even one that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_GUARD = 'read -r _; kill -s KILL -- "-$1"; test -z "$2" || { sleep 1; rm -rf -- "$2"; }'


class ServerProcess:
    """A process group that ends when we do, even where we are killed: a shell waits for our end of a pipe to close.

    Args:
        words: The command.
        env: Its whole environment.
        log: The file it writes what it says to.
        user: Whose process it is; ours unless given, and only root may give another.
        remains: A folder that goes with the server where we are killed; otherwise it is its owner's.
    """

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], log: Path, *, user: str | None = None, remains: Path | None = None
    ) -> None:
        with log.open("ab") as out:
            given: dict[str, Any] = {"stdout": out, "stderr": subprocess.STDOUT, "start_new_session": True}
            self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, **given, **as_user(user))  # noqa: S603 - a server's words
            guard = ["/bin/sh", "-c", _GUARD, "guard", str(self.process.pid), str(remains or "")]
            self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, **given)  # noqa: S603 - fixed words

    def send(self, number: int) -> None:
        """Signal the group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, number: int = signal.SIGKILL, within: float = 10.0) -> None:
        """Signal the group; what has not ended in time (seconds) is killed."""
        self._guard.kill()
        self._guard.communicate()
        self.send(number)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        # Whatever else is in the group has lost its parent, or is deaf.
        self.send(signal.SIGKILL)
        self.process.wait()


def as_user(user: str | None) -> dict[str, Any]:
    """Return the words with which `subprocess` starts a program as another user."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}
