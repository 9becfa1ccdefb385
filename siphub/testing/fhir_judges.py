"""Validators of FHIR R4 that are not ours, for tests: Medplum's `validateResource` with its definitions, and Lantana's `fhir`, over node.

Both run in one process for a whole test session, which is asked line by line. What they say of value sets of R4 that are only recommended is
left out, and so is nothing else. They must never be asked for more than a judgement: what is sent is made by us alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from siphub.testing import node

PACKAGES: Final = "fhir-validators"
"""The list of npm packages in tests/npm, and their folder in the environment."""


def missing() -> str | None:
    """Return why there can be no judges here, or None."""
    return node.missing(PACKAGES)


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
        self._process = node.started(PACKAGES, "fhir_judges.cjs")
        self.learn({"url": "ready"})  # heard once both validators are loaded
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def learn(self, definition: Mapping[str, Any]) -> None:
        """Teach them a StructureDefinition with its snapshot: resources that claim it are judged by it from now on."""
        node.asked(self._process, {"learn": definition})

    def findings(self, resource: Mapping[str, Any]) -> list[Finding]:
        """Return everything they say of a resource or a Bundle, worst or not."""
        return [Finding(**one) for one in node.asked(self._process, {"judge": resource})["findings"]]

    def against(self, resource: Mapping[str, Any]) -> list[Finding]:
        """Return what they hold against it: every error, and what Medplum warns of; Lantana warns of recommended value sets only."""
        found = self.findings(resource)
        return [one for one in found if one.severity in {"error", "fatal"} or (one.by.startswith("medplum") and one.severity == "warning")]
