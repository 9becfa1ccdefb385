"""A world whose organisations have registries: what each was handed, and what it has confirmed. For tests of records and erasing.

A registry works from a folder, as one would behind the plugin `folder`; a test may name another keeper. It must never confirm by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siphub.model import Address, Directory
from siphub.model import people as p
from siphub.store import RecordCopyRow
from siphub.testing.story import Story, until
from siphub.testing.world import World


@dataclass
class Recorded(World):
    """A world in which some organisations have a registry; it works from a folder unless another keeper is named."""

    registries: tuple[str, ...] = (p.MUNICIPALITY, p.REGION)
    keeper: str = "folder"

    def directory(self) -> Directory:
        """Return the world's directory, with the registries."""
        base = super().directory()
        found = [
            each.model_copy(update={"records": Address(adapter=self.keeper, endpoint=str(self.registry(each.number).folder))})
            if each.number in self.registries
            else each
            for each in base.organisations
        ]
        return base.model_copy(update={"organisations": tuple(found)})

    def registry(self, number: str) -> Registry:
        """Return an organisation's registry."""
        return Registry(self.folders / f"records-{number}")

    def copies(self, story: Story) -> tuple[RecordCopyRow, ...]:
        """Return the record copies of a case."""
        with self.hub.store.read() as work:
            return work.record_copies.of_case(story.owner, str(story.case_id))

    def recorded(self, story: Story) -> bool:
        """Let the registries confirm all they get, until nothing of a case is unconfirmed."""

        def confirmed() -> bool:
            for number in self.registries:
                self.registry(number).confirm()
            return {copy.state for copy in self.copies(story)} == {"confirmed"}

        return until(confirmed)

    def erased(self, story: Story) -> bool:
        """Say whether content and key of a case are gone."""
        with self.hub.store.read() as work:
            row = work.cases.get(story.owner, str(story.case_id))
        return row is not None and row.erased_at is not None and row.key_gone_at is not None

    def actions(self, story: Story) -> list[str]:
        """Return what the audit says was done in a case."""
        with self.hub.store.read() as work:
            return [link.action for link in work.audit.of_case(story.owner, str(story.case_id))]


@dataclass(frozen=True)
class Registry:
    """An organisation's registry, at work in a folder."""

    folder: Path

    def open(self) -> Registry:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def metadata(self) -> list[dict[str, Any]]:
        """Return the metadata of the whole packages, in no order."""
        return [json.loads(file.read_bytes()) for file in self.folder.glob("*.json")]

    def confirm(self) -> None:
        """Confirm every package that is there."""
        for number, file in enumerate(self.folder.glob("*.json")):
            file.with_suffix(".confirmed").write_text(f"KS 2026/{number}\n", "utf-8")
