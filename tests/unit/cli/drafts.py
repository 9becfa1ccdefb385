"""Files of a draft that a test changes."""

from __future__ import annotations

from pathlib import Path


def replaced(file: Path, before: str, after: str) -> None:
    """Change a text in a file, which must be there."""
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")
