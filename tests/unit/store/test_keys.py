"""Keys: made once, found again, wrapped by the master key, and really gone when forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from siphub.errors import Sealed, StoreError
from siphub.store import Store
from siphub.store.tables_keys import case_key, owner_key
from siphub.testing.store_rows import OTHER, OWNER, OpenStore


def _wrapped(store: Store) -> list[bytes]:
    with store.keys._database.read() as connection:
        return [*connection.scalars(select(case_key.c.wrapped)), *connection.scalars(select(owner_key.c.wrapped))]


def _bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.db*")))


def test_a_case_has_one_key(store: Store, open_store: OpenStore) -> None:
    """Given a case, its key is 32 bytes, made only when asked for, the same for everybody, and no other case's."""
    assert store.keys.case_key(OWNER, "case") is None
    key = store.keys.case_key(OWNER, "case", create=True)
    assert key is not None
    assert len(key) == 32
    assert store.keys.case_key(OWNER, "case", create=True) == key
    assert open_store().keys.case_key(OWNER, "case") == key
    others = [store.keys.case_key(owner, case, create=True) for owner, case in ((OWNER, "other"), (OTHER, "case"))]
    assert len({key, *others}) == 3


def test_no_key_is_on_disk_unwrapped(store: Store, tmp_path: Path) -> None:
    """Given keys in use, none of them is in any file."""
    key = store.keys.case_key(OWNER, "case", create=True)
    assert key is not None
    assert key not in _bytes_on_disk(tmp_path)
    assert _wrapped(store)[0] in _bytes_on_disk(tmp_path)


def test_a_forgotten_key_is_in_no_file(store: Store, tmp_path: Path) -> None:
    """Given forgotten cases and owners, not even their wrapped keys are left in the keys' files."""
    for case in ("one", "two", "three"):
        store.keys.case_key(OWNER, case, create=True)
    wrapped = _wrapped(store)
    store.keys.forget_case(OWNER, "one")
    left = [each for each in wrapped if each in _bytes_on_disk(tmp_path)]
    assert len(left) == 3
    store.keys.forget_owner(OWNER)
    assert not any(each in _bytes_on_disk(tmp_path) for each in wrapped)


def test_another_process_forgets_too(store: Store, open_store: OpenStore) -> None:
    """Given a key another store of the same files has used, forgetting it here makes it unreadable there, though that one was awake."""
    other = open_store()
    other.seal_of_case(OWNER, "case", create=True)
    store.keys.forget_owner(OWNER)
    with pytest.raises(Sealed):
        other.seal_of_case(OWNER, "case")
    again = other.seal_of_case(OWNER, "new case", create=True).seal("message", "m", b"content")
    assert store.seal_of_case(OWNER, "new case").open("message", "m", again) == b"content"


def test_a_case_forgotten_before_it_had_a_key_takes_none(store: Store) -> None:
    """Given a case forgotten before anything was sealed for it, nothing can be sealed for it afterwards."""
    assert not store.keys.forget_case(OWNER, "case")
    with pytest.raises(Sealed):
        store.keys.case_key(OWNER, "case", create=True)


def test_another_master_key_opens_nothing(store: Store, open_store: OpenStore) -> None:
    """Given the files and another master key, nothing opens, and the check says why."""
    store.seal_of_case(OWNER, "case", create=True)
    stranger = open_store(master=bytes(32))
    with pytest.raises(Sealed):
        stranger.seal_of_case(OWNER, "case")
    (problem,) = stranger.check()
    assert OWNER in problem
    assert "master key" in problem


def test_a_case_key_belongs_to_its_case(store: Store) -> None:
    """Given a wrapped key copied into another case's row, it does not open there."""
    for case in ("one", "two"):
        store.keys.case_key(OWNER, case, create=True)
    with store.keys._database.write() as connection:
        one = connection.scalar(select(case_key.c.wrapped).where(case_key.c.case_id == "one"))
        connection.execute(update(case_key).where(case_key.c.case_id == "two").values(wrapped=one))
    with pytest.raises(Sealed):
        store.keys.case_key(OWNER, "two")


def test_keyed_hashes_differ_by_purpose_and_master_key(store: Store, open_store: OpenStore) -> None:
    """Given the same body, the hash is the same for the same purpose and key, and another for any other."""
    mine = store.keyed_hash("idempotency/a", b"body")
    assert open_store().keyed_hash("idempotency/a", b"body") == mine
    others = [
        store.keyed_hash("idempotency/b", b"body"),
        store.keyed_hash("idempotency/a", b"bode"),
        open_store(master=bytes(32)).keyed_hash("idempotency/a", b"body"),
    ]
    assert len({mine, *others}) == 4
    assert len(mine) == 32


def test_the_master_key_has_one_length_and_is_never_shown(store: Store, open_store: OpenStore) -> None:
    """Given a short master key, the store refuses to open; no repr shows a key."""
    with pytest.raises(StoreError):
        open_store(master=b"short")
    assert bytes(range(32)).hex() not in repr(store) + repr(store.keys)
