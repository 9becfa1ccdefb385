"""Whether a pack is still what was approved on this hub: its manifest has the checksums of all its files, and the audit has the manifest's.

A pack that came with siphub is approved by the release, and one that was approved elsewhere has no digest here: neither is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, Literal

from siphub.mappings.manifest import Manifest, text_of

Approvals = Callable[[], Mapping[str, str]]
"""Gives the digest that was approved last for each pack, by `id@version`: whoever has the audit hands it in."""
Standing = Literal["draft", "release", "here", "elsewhere", "changed"]
"""By whom a pack is approved: nobody yet, siphub's release, this hub, another or nobody that this hub knows of; or it was, and is another now."""
REMEDY: Final = "put its files back, or read what is different and run siphub mappings approve FOLDER --by NAME --as-it-is"


def is_same(manifest: Manifest, digest: str, approved: str) -> bool:
    """Say whether a manifest is the one that was approved, or says at most that the pack is used less: `retired`, or a last day where it had none.

    Args:
        manifest: What it says.
        digest: The SHA-256 of its bytes.
        approved: The digest that was noted.
    """
    as_before = (manifest.model_copy(update={"status": "approved", "valid_to": last}) for last in (manifest.valid_to, None))
    return approved in {digest, *(hashlib.sha256(text_of(one).encode()).hexdigest() for one in as_before)}
