"""The fields of a message in words, for lists of what somebody sees and does not: from the documents' own table, and in English by name."""

from __future__ import annotations

from collections.abc import Iterable

WITHOUT_A_WORD = frozenset({"content", ""})
_IN_A_LIST = {"sv": {"subject": "Vem det gäller"}, "en": {"subject": "who it is about"}}
"""What a document says as a heading, and a list must say in more words."""


def named(pointers: Iterable[str], language: str) -> tuple[str, ...]:
    """Return what fields are called, each once, those of the envelope that are no secret left out.

    Args:
        pointers: JSON pointers into a message.
        language: `sv` or `en`.
    """
    from siphub.policy.disclosure import envelope

    told = [pointer for pointer in pointers if pointer.removeprefix("/") not in envelope()]
    return tuple(dict.fromkeys(name for pointer in told if (name := _name(pointer, language))))


def _name(pointer: str, language: str) -> str:
    """Name a field, with what it belongs to where it is a part of something."""
    words = [_word(part, language) for part in pointer.split("/") if part not in WITHOUT_A_WORD]
    return f"{words[0]} ({', '.join(words[1:]).lower()})" if len(words) > 1 else "".join(words)


def _word(part: str, language: str) -> str:
    from siphub.documents.words import LABELS

    if part in _IN_A_LIST[language]:
        return _IN_A_LIST[language][part]
    plain = part.replace("_", " ")
    return LABELS.get(part, plain.capitalize()) if language == "sv" else plain
