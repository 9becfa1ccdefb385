"""The directory on its page can be imported as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from siphub.flow import directory as directories

PAGE = Path(__file__).parents[2] / "docs" / "directory.md"


def test_the_pages_directory_is_valid() -> None:
    """Given the page's example, then it is read, and nothing is wrong with it where its adapters are enabled."""
    example = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    directory = directories.parse(example.encode())
    assert directories.check(directory, dict.fromkeys(("municipal-xml", "folder"))) == ()
    assert directory.kind_of("2021005521/sip") == "state_agency"
