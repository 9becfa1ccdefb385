"""The page for a municipality's integrator promises what the hub does."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "municipal.md"
ERRORS = PAGE.parents[1] / "errors.md"


def test_every_code_on_the_page_is_one_of_ours() -> None:
    """Given the table of codes, then each is in the list of all."""
    codes = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(codes) > 10
    assert not [code for code in codes if f"`{code}`" not in ERRORS.read_text("utf-8")]
