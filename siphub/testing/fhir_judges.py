"""Validators of FHIR R4 that are not ours, for tests: Medplum's `validateResource` with its definitions, and Lantana's `fhir`, over node.

Both run in one process for a whole test session, which is asked line by line. What they say of value sets of R4 that are only recommended is
left out, and so is nothing else. They must never be asked for more than a judgement: what is sent is made by us alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Self

PACKAGES: Final = "fhir-validators"
"""The list of npm packages in tests/npm, and their folder in the environment."""


def folder() -> Path:
    """Return where the validators are, or would be, installed: beside this environment."""
    return Path(sys.prefix) / PACKAGES


def missing() -> str | None:
    """Return why there can be no judges here, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (folder() / "installed.txt").exists():
        return f"the npm packages of tests/npm/{PACKAGES}.txt are not installed; make test does it where there is npm"
    return None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a judge has against a resource: who, how bad (`error`, `fatal`, `warning`, `info`), the FHIRPath or place, and in words."""

    by: str
    severity: str
    where: str
    what: str


class FhirJudges:
    """The validators in a process of their own, to be used in a `with` statement. It learns profiles, and judges resources and Bundles."""

    def __enter__(self) -> Self:
        node = shutil.which("node")
        assert node is not None, missing()
        with as_file(files("siphub.testing") / "fhir_judges.cjs") as script:
            modules = {"NODE_PATH": str(folder() / "node_modules"), "PATH": str(Path(node).parent)}
            pipe = subprocess.PIPE
            command = [node, str(script)]
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", env=modules)  # noqa: S603 - node is what judges
            self.learn({"url": "ready"})  # heard once both validators are loaded
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def learn(self, definition: Mapping[str, Any]) -> None:
        """Teach them a StructureDefinition with its snapshot: resources that claim it are judged by it from now on."""
        self._ask({"learn": definition})

    def findings(self, resource: Mapping[str, Any]) -> list[Finding]:
        """Return everything they say of a resource or a Bundle, worst or not."""
        return [Finding(**one) for one in self._ask({"judge": resource})["findings"]]

    def against(self, resource: Mapping[str, Any]) -> list[Finding]:
        """Return what they hold against it: every error, and what Medplum warns of; Lantana warns of recommended value sets only."""
        found = self.findings(resource)
        return [one for one in found if one.severity in {"error", "fatal"} or (one.by.startswith("medplum") and one.severity == "warning")]

    def _ask(self, question: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"failed": "node ended"}')
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return answer
