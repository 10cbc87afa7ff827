"""The operator's pages under our prefix, as the core knows them: a path, and who asks."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from ..http import Errand, Request

#: The path segment that they lie under.
SEGMENT = "console"

#: The name of their errand.
ERRAND = "console"


class Ask(msgspec.Struct, frozen=True):
    """One request for the console: ``path`` is what follows ``console/`` ("" for its first page,
    None without the slash), ``base`` the path up to there as the browser knows it. ``visitor`` is
    the operator's own, None without one; ``address`` the client's, which is not kept."""

    request: Request
    path: str | None
    base: str
    visitor: str | None
    address: str


def owns(rest: str) -> bool:
    """Whether a path under our prefix is the console's."""
    return rest.startswith(SEGMENT) and rest[len(SEGMENT) :][:1] in ("", "/")


def errand(request: Request, rest: str, *, visitor: str | None, address: str) -> Errand:
    """What answers a request for the console."""
    inside = rest[len(SEGMENT) :]
    base = quote(f"{request.root_path}{request.path[: len(request.path) - len(inside)]}/")
    path = inside[1:] if inside else None
    return Errand(ERRAND, Ask(request, path, base, visitor, address))
