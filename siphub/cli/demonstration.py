"""`demo`: the main job, end to end, against sandbox municipalities; the command's own file, the story is in siphub.cli.demo."""
from __future__ import annotations
import typer
def register(app: typer.Typer) -> None:
    """Add."""
