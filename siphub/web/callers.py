"""Who is knocking: the API key of a request, looked up before anything else of it is read."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request

from siphub.errors import Forbidden, NotThere, Unauthenticated
from siphub.hub import Hub
from siphub.model import Caller


def caller_of(hub: Hub, request: Request, channel: str, roles: Collection[str]) -> Caller:
    """Return who an authenticated request is from. Blocks: the key is looked up in the store.

    Args:
        hub: The hub.
        request: Only its headers are looked at.
        channel: The door it came through.
        roles: One of these is needed.

    Raises:
        Unauthenticated: No key, more than one, or one that nobody has.
        Forbidden: `caller.role`; a known caller without any of the roles.
    """
    caller = hub.caller(_key(request), channel)
    if not caller.roles & set(roles):
        raise Forbidden(
            f"this key does not have the role {' or '.join(sorted(roles))}; an administrator can make one that has", code="caller.role"
        )
    return caller


def _key(request: Request) -> str:
    given = request.headers.getlist("authorization")
    if len(given) != 1:
        raise Unauthenticated("hand in one API key, in the header Authorization: Bearer …")
    scheme, _, key = given[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("the header Authorization must be Bearer and an API key")
    return key.strip()


def canonical_id(text: str, error: NotThere) -> str:
    """Return an id in its one spelling; what is no id is not there, like any other.

    Raises:
        NotThere: The error given.
    """
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        raise error from None
