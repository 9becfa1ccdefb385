"""What an earlier version stored, lifted to what this one reads. Cases are lifted by what they lack, messages by their schema version.

A message is stored as it was sent, and 1.0 is the only version of it yet: what a later rule asks of new messages, a stored one need not say,
so it is read with the context `STORED`. Pure. It must never invent what nobody said: what is not known of an old consent is left open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

STORED: Final[Mapping[str, bool]] = {"stored": True}
"""The validation context of what is read back from the store."""


def case(stored: bytes) -> bytes:
    """Return a stored case with what it lacks.

    Until it was kept apart, the consent that a plan is made was a scope among others; who had asked was not kept but among the units; and
    of a meeting nobody kept whether somebody was called to it without a consent, so it may be so.
    """
    if b'"plan_consent":' in stored and b'"requesters":' in stored:
        return stored
    document: dict[str, Any] = json.loads(stored)
    if "plan_consent" not in document:
        grants = [_resting(grant, document) for grant in document["grants"]]
        document |= {"grants": grants, "plan_consent": _plan_consent(document)}
    meetings = [{"assessed": True, **found} for found in document["meetings"]]
    return json.dumps({"requesters": _requesters(document), **document, "meetings": meetings}).encode()


def _requesters(document: Mapping[str, Any]) -> list[str]:
    """Return who sent and received the request that a case was opened by: the first that were in it. Later ones nobody kept.

    Where whoever was asked wrote the request down itself, it is the one unit; the next was only called. An initiative always has two.
    """
    opened, units = document.get("opened_by") or "", document["units"]
    if not opened.startswith("sip."):
        return []
    alone = opened != "sip.initiated" and units[:1] == [document["contact"]]
    return list(units[: 1 if alone else 2])


def _resting(grant: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Let a grant rest on the consent that was given at its very moment; one that was added later is left without, so anybody can take it back."""
    mine = [found["message_id"] for found in document["consents"] if found["decision"] == "permit" and found["at"] == grant["since"]]
    return {**grant, "rests_on": mine if grant["scope"] != "participant" else []}


def _plan_consent(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the consent to a plan as far as the case tells of it, or None where there was none."""
    allowed = [grant for grant in document["grants"] if grant["scope"] == "plan"]
    given = [found for found in document["consents"] if found["decision"] in {"permit", "amend"}]
    since = max((datetime.fromisoformat(grant["since"]) for grant in allowed), default=None)
    records = [found for found in given if since is not None and datetime.fromisoformat(found["at"]) <= since]
    if not records:
        return None
    newest = max(records, key=lambda found: datetime.fromisoformat(found["at"]))
    ends = [grant.get("until") for grant in allowed]
    until = None if None in ends else max(filter(None, ends), key=datetime.fromisoformat)
    return {**{name: newest[name] for name in ("message_id", "obtained_by", "at")}, "until": until}
