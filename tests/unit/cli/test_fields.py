"""Fields in words: each once, in both languages, with what they belong to, and nothing of the envelope."""

from __future__ import annotations

import pytest

from siphub.cli.fields import named


@pytest.mark.parametrize(
    ("pointers", "sv", "en"),
    [
        (["/content/meeting", "/content/respond_by"], ("Mötet", "Svara senast"), ("meeting", "respond by")),
        (["/content/convener/phone"], ("Sammankallande (telefon)",), ("convener (phone)",)),
        (
            ["/subject", "/subject/identity"],
            ("Vem det gäller", "Vem det gäller (identitet)"),
            ("who it is about", "who it is about (identity)"),
        ),
        (["/message_id", "/sent_at", ""], (), ()),
        (["/content/meeting", "/content/meeting"], ("Mötet",), ("meeting",)),
    ],
)
def test_fields_in_words(pointers: list[str], sv: tuple[str, ...], en: tuple[str, ...]) -> None:
    """Given pointers into a message, then each field is named in Swedish as the documents name it, and in English by its own name."""
    assert (named(pointers, "sv"), named(pointers, "en")) == (sv, en)
