"""The mapping packs that a command can name: siphub's own and those of the data folder, drafts among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siphub.mappings import Approvals, Mappings, Pack


def shelves(data: Path | None, approvals: Approvals | None = None) -> Mappings:
    """Return the packs of siphub and of the data folder, drafts among them; compared with what was approved where that is given."""
    from siphub.cli.hubs import settings_for
    from siphub.contract import SystemClock
    from siphub.mappings import Mappings, shipped

    return Mappings([shipped(), settings_for(data).data / "mappings"], SystemClock(), drafts=True, approvals=approvals)


def approvals_noted(data: Path | None) -> Approvals | None:
    """Return what was approved on the hub of the data folder, read once; None where there is no hub."""
    from siphub.cli.db import stored
    from siphub.cli.hubs import settings_for
    from siphub.flow.mapping_trial import approvals
    from siphub.hub import never_used

    if never_used(settings_for(data)):
        return None
    with stored(data) as store:
        noted = approvals(store)
    return lambda: noted


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
