"""Golden files of a mapping pack: what it makes of every sample, written for people to read, and compared by tests.

    python -m siphub.testing.golden mappings/municipal-sip/1.0

writes the checksums into the manifest and the golden files anew. For the time before a version is released: what it changed is read in the
diff before anybody commits it, and a released version is never changed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from siphub.mappings import checksums, load_folder, write_golden
from siphub.model import CATALOGUE, Message, sample

_FILES = "[files]\n"


def golden_samples(folder: Path) -> Iterator[tuple[Message, Path]]:
    """Yield every sample with the path of its golden file in a pack's folder."""
    for name, maximal in product(CATALOGUE, (False, True)):
        yield sample(name, maximal=maximal), folder / "golden" / f"{name}.{'maximal' if maximal else 'minimal'}.xml"


def rewrite(folder: Path) -> None:
    """Write the checksums first, because a pack with old ones does not load, then the golden files.

    Raises:
        MappingError: The pack does not load, or cannot carry a sample.
    """
    manifest = folder / "mapping.toml"
    listed = "".join(f'"{name}" = "{digest}"\n' for name, digest in checksums(folder).items())
    manifest.write_text(manifest.read_text("utf-8").partition(_FILES)[0] + _FILES + listed, "utf-8")
    write_golden(load_folder(folder))


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]).resolve())
