"""What of a mapping pack's life stands in the audit: that it was approved, and that a stored message was opened to try it.

A message is opened for an organisation that may read it anyway, and only once that is noted. It must never open anything for an operator: who asks hands in an API key, and sees what that organisation sent or was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub.errors import Busy, Forbidden, NotThere, StoreBusy, StoreLost
from siphub.flow import track
from siphub.flow.ground import Ground
from siphub.model import Caller
from siphub.policy.reasons import REASONS
from siphub.store import NO_OWNER, Store

APPROVED: Final = "mapping.approved"
"""How the audit calls it that a pack was approved."""

READ: Final = frozenset({"send", "inbox"})
"""One of these roles is needed, as for reading over HTTP."""


def opened_for(ground: Ground, caller: Caller, message_id: str, pack: str) -> tuple[Mapping[str, Any], ...]:
    """Return a stored message in the canonical JSON shape: whole where the caller sent it, else each cut of it that reached the caller.

    Args:
        ground: The rooms below.
        caller: Whose API key was handed in.
        message_id: A UUID.
        pack: What it is tried with, `id@version`, for the audit.

    Raises:
        Forbidden: `caller.role`; the key may neither send nor read.
        NotThere: `message.not_there`, `message.erased`; not there, or not theirs: the same answer, and nothing is noted.
    """
    if not caller.roles & READ:
        raise Forbidden("this key does not have the role send or inbox; an administrator can make one that has", code="caller.role")
    found = track.message(ground, caller, message_id)
    received = [one["message"] for one in found.get("deliveries", ())]
    documents = tuple(one for one in (found.get("message"), *received) if one is not None)
    if not documents:
        raise NotThere(REASONS["message.not_there"].en, code="message.not_there")
    facts = {"message_id": message_id, "case_id": str(documents[0]["case_id"]), "pack": pack}
    with ground.store.write() as work:
        work.audit.append(caller.organisation, caller.organisation, caller.channel, "message.tried", facts)
    return documents


def note_approval(ground: Ground, *, pack: str, digest: str, by: str) -> None:
    """Note that a pack was approved, and as what.

    Args:
        ground: The rooms below.
        pack: The pack, `id@version`.
        digest: The SHA-256 of its manifest, which has those of all its files.
        by: Who has reviewed it.
    """
    with ground.store.write() as work:
        work.audit.append(NO_OWNER, by, "cli", APPROVED, {"pack": pack, "digest": digest})


def approvals(store: Store) -> Mapping[str, str]:
    """Return the digest that was approved last on this hub for each pack, by `id@version`.

    Raises:
        Busy: The store cannot be read now.
    """
    try:
        with store.look() as work:
            noted = work.audit.of_action(NO_OWNER, APPROVED)
    except (StoreBusy, StoreLost) as error:
        raise Busy(error.detail, code=error.code) from error
    return {str(one.facts["pack"]): str(one.facts["digest"]) for one in noted}
