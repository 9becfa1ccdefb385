"""What an operator may set, and which folder that makes of an endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from siphub.contract import Check, Recipient
from siphub_folder.held import Place


@dataclass(frozen=True, slots=True)
class Settings:
    """`root`: every endpoint must lie below it; None where none is set, and then no folder is anybody's."""

    root: Path | None = None

    @classmethod
    def read(cls, settings: Mapping[str, str], plugin: str = "folder") -> Self:
        """Read a plugin's own settings.

        Raises:
            ValueError: A setting that does not exist, or a root that is no whole path.
        """
        unknown = sorted(set(settings) - {"root"})
        root = Path(settings["root"]) if settings.get("root") else None
        if unknown or (root and not root.is_absolute()):
            raise ValueError(f"the plugin {plugin} does not know the setting {unknown[0]}" if unknown else "root must be a whole path")
        return cls(root)

    def folder(self, recipient: Recipient) -> Place | None:
        """Return the recipient's folder, or None where the endpoint leads outside the root, or no root is set.

        A directory is imported: it says which folder is whose, and never which part of this machine may be written. That no link below the
        root leads to it is seen when it is held: below the root partners may write, and could make one at any moment.
        """
        if self.root is None:
            return None
        root, named = self.root.resolve(), Path(os.path.normpath(self.root / recipient.endpoint))
        for above in (Path(os.path.normpath(self.root)), root):
            if named.is_relative_to(above):
                return Place(root, named.relative_to(above).parts)
        return None

    def check(self) -> Iterable[Check]:
        """Say of the root and of each folder below it whether a file can be put there."""
        if self.root is None:
            yield Check(ok=True, what="no root is set, so that no folder gets a file: set root to the folder that all of them lie in")
        elif not self.root.is_dir():
            yield Check(ok=False, what=f"the root {self.root} is not there: make it, or mount the share")
        else:
            for folder in sorted(one for one in self.root.iterdir() if one.is_dir() and not one.is_symlink()):
                ok = os.access(folder, os.W_OK | os.X_OK)
                yield Check(ok=ok, what=f"{folder} can {'' if ok else 'not '}be written")
