"""kombu's filesystem transport, made safe to read while it is written.

kombu creates a message's file under its final name and fills it afterwards, so that a reader may take it empty and delete it. Here the
file gets its name when it is whole. The names hold a time, a random id and the queue, and must never hold anything else.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem


class Channel(filesystem.Channel):  # type: ignore[misc, unused-ignore]  # kombu is typed in places only
    """A channel over a folder, one file per bell."""

    def _put(self, queue: Any, payload: Any, **_: Any) -> None:  # type: ignore[override]  # kombu's own two bases name it differently
        folder = Path(self.data_folder_out)
        # Readers take files in the order of their names.
        name = f"{time.time_ns():020d}_{uuid4()}.{queue}.msg"
        part = folder / f".{name}.part"
        part.write_text(json.dumps(payload), encoding="utf-8")
        part.rename(folder / name)


class Transport(filesystem.Transport):  # type: ignore[misc, unused-ignore]  # the same
    """kombu's transport with our channel."""

    Channel = Channel
