"""Which characters can be shown. A text is given on as it is, but for what would break a page or turn it about.

`without_controls` is for every form; `drawable` is for PDF, whose standards refuse a character that no font in the document has.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from unicodedata import category, normalize

from siphub.documents.glyphs import GLYPHS

BOX = "□"
"""Stands where a character cannot be drawn."""

# Controls say nothing to a reader; overriding and embedding marks could make a line read otherwise than it is written; half a surrogate is no character.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]")
_STARTS = [first for first, _ in GLYPHS]


def without_controls(text: str) -> str:
    """Return the text without controls; line breaks and tabulators stay."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))


def drawable(text: str, run: int = 40) -> str:
    """Return the text as the embedded fonts can draw it: composed, a box for what they lack, and runs without a space breakable.

    Marks that only steer how others are set are left out, and so are marks above letters that do not compose with them: which fonts can
    set which mark on which letter is nowhere to be looked up.
    """
    shown = "".join(map(_shown, normalize("NFC", without_controls(text)).replace("\t", " ")))
    return re.sub(rf"[^\s/-]{{{run},}}", lambda found: "\u200b".join(_pieces(found[0], run // 2)), shown)


def _shown(one: str) -> str:
    kind = category(one)
    if kind == "Cf" or kind.startswith("M"):
        return ""
    return one if _drawn(ord(one)) else BOX


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _drawn(point: int) -> bool:
    place = bisect_right(_STARTS, point) - 1
    return place >= 0 and point <= GLYPHS[place][1]
