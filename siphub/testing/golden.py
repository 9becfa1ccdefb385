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

from lxml import etree

from siphub.contract import SystemClock
from siphub.contract.neutral import to_partner
from siphub.contract.xml import parse_xml, serialise_xml
from siphub.mappings import Mappings, checksums
from siphub.model import CATALOGUE, Message, sample

_FILES = "[files]\n"


def golden_samples(folder: Path) -> Iterator[tuple[Message, Path]]:
    """Yield every sample with the path of its golden file in a pack's folder."""
    for name, maximal in product(CATALOGUE, (False, True)):
        yield sample(name, maximal=maximal), folder / "golden" / f"{name}.{'maximal' if maximal else 'minimal'}.xml"


def readable(body: bytes) -> bytes:
    """Return the same document with line breaks and indentation between elements, never within text."""
    root = parse_xml(body)
    etree.indent(root)
    return serialise_xml(root) + b"\n"


def rewrite(folder: Path) -> None:
    """Write the checksums first, because a pack with old ones does not load, then the golden files.

    Raises:
        MappingError: The pack does not load, or cannot carry a sample.
    """
    manifest = folder / "mapping.toml"
    listed = "".join(f'"{name}" = "{digest}"\n' for name, digest in checksums(folder).items())
    manifest.write_text(manifest.read_text("utf-8").partition(_FILES)[0] + _FILES + listed, "utf-8")
    pack = Mappings([folder.parent.parent], SystemClock(), drafts=True).load(folder.parent.name, folder.name)
    (folder / "golden").mkdir(exist_ok=True)
    for message, file in golden_samples(folder):
        file.write_bytes(readable(to_partner(pack, message.to_document())))


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]).resolve())
