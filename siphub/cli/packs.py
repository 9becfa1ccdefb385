"""The mapping packs that a command can name: siphub's own and those of the data folder, drafts among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siphub.mappings import Mappings, Pack


def shelves(data: Path | None) -> Mappings:
    """Return the packs of siphub and of the data folder, drafts among them."""
    from siphub.cli.hubs import settings_for
    from siphub.contract import SystemClock
    from siphub.mappings import Mappings, shipped

    return Mappings([shipped(), settings_for(data).data / "mappings"], SystemClock(), drafts=True)


def pack_named(name: str, data: Path | None) -> Pack:
    """Return a pack by its id, `id@version` or folder, whatever its status; without a version the newest that is valid today.

    Raises:
        MappingError: There is none, or it cannot be used.
    """
    from siphub.mappings import MANIFEST, load_folder

    folder = Path(name)
    if (folder / MANIFEST).is_file():
        return load_folder(folder.resolve())
    id_, at, version = name.partition("@")
    packs = shelves(data)
    exact = [one for one in packs.shelves() if at and (one.id, one.version) == (id_, version) and not one.problem]
    return load_folder(exact[0].folder) if exact else packs.load(id_, version if at else None)
