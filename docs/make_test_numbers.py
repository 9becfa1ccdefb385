"""Makes siphub/model/test_numbers.bin, the fingerprints by which a published test number is recognised.

    python docs/make_test_numbers.py FOLDER    where FOLDER has Skatteverket's published lists as allPins.json and allCoords.json

The file holds no number: the first five bytes of the SHA-256 of each, sorted. A test compares it with the lists.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

WIDTH = 5


def fingerprints(folder: Path) -> bytes:
    """Return the file's bytes for the lists in a folder."""
    numbers = {number for name in ("allPins", "allCoords") for number in json.loads((folder / f"{name}.json").read_text("utf-8"))}
    return b"".join(sorted({sha256(number.encode()).digest()[:WIDTH] for number in numbers}))


if __name__ == "__main__":
    (Path(__file__).parents[1] / "siphub" / "model" / "test_numbers.bin").write_bytes(fingerprints(Path(sys.argv[1])))
