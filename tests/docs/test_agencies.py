"""What the page for the agencies says of itself holds for the examples on it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "adapters" / "agencies.md").read_text("utf-8")


def test_no_example_tells_an_agency_of_a_plan_of_its_own() -> None:
    """Given that an agency is never sent a plan, nor told what ended, then no text on its page is about one, and its stop notice is about the meeting."""
    examples = re.findall(r"````markdown\n(.*?)````", PAGE, re.DOTALL)
    stops = [text for text in examples if text.startswith("# Inga fler meddelanden")]
    assert (len(examples), len(stops)) == (4, 2)
    assert all("* **Gäller:** mötet, version" in text for text in stops)
    assert not any("planen" in text for text in examples)
