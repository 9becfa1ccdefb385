"""Sealing: what is sealed opens with its own key, in its own place, unaltered, and not otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siphub.errors import Sealed
from siphub.store.sealing import OVERHEAD, Seal, open_, place, seal, unwrap, wrap

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
HERE = place("message", "row-1")


@given(st.binary(max_size=300))
def test_what_is_sealed_opens(content: bytes) -> None:
    """Given any bytes, sealing and opening gives them back, and adds a known number of bytes."""
    sealed = seal(content, HERE, KEY)
    assert open_(sealed, HERE, KEY) == content
    assert len(sealed) == len(content) + OVERHEAD


def test_the_same_content_never_looks_the_same() -> None:
    """Given the same content sealed twice, nothing but the version byte tells that it is the same."""
    one, two = seal(b"x" * 64, HERE, KEY), seal(b"x" * 64, HERE, KEY)
    assert one[1:61] != two[1:61]
    assert one[61:] != two[61:]
    assert b"xxxx" not in one


@pytest.mark.parametrize(
    ("where", "key"),
    [(HERE, OTHER_KEY), (place("message", "row-2"), KEY), (place("sip_case", "row-1"), KEY), (place("message\x00row", "-1"), KEY)],
)
def test_another_key_or_place_opens_nothing(where: bytes, key: bytes) -> None:
    """Given another key, row or table, opening raises Sealed."""
    with pytest.raises(Sealed):
        open_(seal(b"content", HERE, KEY), where, key)


def test_every_altered_byte_is_noticed() -> None:
    """Given sealed content with any one byte altered, or cut short anywhere, opening raises Sealed."""
    sealed = seal(b"content", HERE, KEY)
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= 1
        for broken in (bytes(altered), sealed[:at]):
            with pytest.raises(Sealed):
                open_(broken, HERE, KEY)


def test_a_wrapped_key_is_bound_to_its_name() -> None:
    """Given a wrapped key, another name, another key above it, or a cut one raises Sealed."""
    wrapped = wrap(KEY, b"one", OTHER_KEY)
    assert unwrap(wrapped, b"one", OTHER_KEY) == KEY
    for bytes_, name, above in ((wrapped, b"two", OTHER_KEY), (wrapped, b"one", KEY), (wrapped[:5], b"one", OTHER_KEY)):
        with pytest.raises(Sealed):
            unwrap(bytes_, name, above)


def test_a_seal_does_not_show_its_key() -> None:
    """Given a seal, neither its repr nor the error of a wrong opening shows key or content."""
    mine = Seal(b"K" * 32)
    assert "K" * 4 not in repr(mine)
    with pytest.raises(Sealed) as raised:
        mine.open("message", "row-1", b"\x01" + b"content" * 20)
    assert "content" not in str(raised.value).replace("sealed content", "")
    assert raised.value.__cause__ is None
