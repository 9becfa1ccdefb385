"""A process of the measurement: told things by lines of JSON, and heard the same way. It ends with us, whatever happens to us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from siphub.errors import SiphubError


class Child:
    """One process. Use it as a context manager.

    Args:
        module: What to run, below `siphub.cli.bench`.
        log: Where its stderr goes.
    """

    def __init__(self, module: str, log: Path) -> None:
        self._module, self._log = module, log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", f"siphub.cli.bench.{module}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, **told: Any) -> dict[str, Any]:
        """Tell it something, and return what it says.

        Raises:
            SiphubError: `bench.broken`; it has ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise SiphubError("a process of the measurement was not started", code="bench.broken")
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Return what it says next; the same error."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            tail = self._log.read_text("utf-8", "replace")[-400:].strip()
            raise SiphubError(f"{self._module} of the measurement has ended: {tail}", code="bench.broken")
        found: dict[str, Any] = json.loads(line)
        return found

    def spent(self) -> float:
        """Return the processor time of the process so far, in seconds; 0 where the system does not say."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
