"""The message types, one file per family; a file is found by being here and having `TYPES`.

Adding a type: one file here, its rows in the policy tables, and its samples (which stand in the same file).
A file must not import anything but the model.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from siphub.model.envelope import MessageType


def _found() -> Mapping[str, MessageType]:
    types: dict[str, MessageType] = {}
    for file in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        for row in importlib.import_module(f"{__name__}.{file.name}").TYPES:
            if row.name in types:
                message = f"message type {row.name} is defined twice"
                raise RuntimeError(message)
            types[row.name] = row
    return MappingProxyType(types)


CATALOGUE: Mapping[str, MessageType] = _found()
"""Every message type by name."""
