"""A request's body: which kinds are taken, and how much of one. It is read only after the caller is known, and never beyond the limit."""

from __future__ import annotations

from starlette.requests import Request

from siphub.contract import Submission
from siphub.errors import TooLarge, UnsupportedMedia
from siphub.hub import Hub

JSON_TYPES = frozenset({"application/json", "application/vnd.siphub.message+json"})


def media_type_of(request: Request) -> str:
    """Return the media type in lower case without parameters, empty where none was given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def taken_types(hub: Hub) -> frozenset[str]:
    """Return the media types this hub takes: canonical JSON, and what its readers read."""
    return JSON_TYPES.union(*(reader.info.media_types for reader in hub.registry.readers.values()))


async def submission_of(hub: Hub, request: Request) -> Submission:
    """Read the body of a kind we take, up to the limit.

    Raises:
        UnsupportedMedia: A media type or an encoding that nobody here reads.
        TooLarge: More than the setting `max_body`; what comes beyond is not kept.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise UnsupportedMedia("a body is taken as it is, without Content-Encoding", code="body.encoded")
    media_type = media_type_of(request)
    taken = taken_types(hub)
    if media_type not in taken:
        raise UnsupportedMedia(f"this hub takes {', '.join(sorted(taken))}")
    return Submission(await _read(request, hub.settings.max_body), media_type, {"content-type": request.headers["content-type"]})


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    too_large = TooLarge(f"a body may have at most {limit} bytes")
    if declared.isascii() and declared.isdigit() and (len(declared) > len(str(limit)) + 1 or int(declared) > limit):
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)
