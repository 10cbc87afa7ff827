"""What becomes of a response's header lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..http import Cookie
    from .boundary import Headers

_PRIVATE = ("Cache-Control", "private")


def usual(headers: Headers, names: Mapping[str, str], length: int | None) -> Headers | None:
    """The lines of a usual page, which says nothing of caches; ``length``: its body's new one. None
    where more is to be changed, or ``names`` (by lower-case name) are fewer than the lines."""
    if len(names) != len(headers) or "etag" in names or "cache-control" in names:
        return None
    lines = [*headers, _PRIVATE]
    if length is not None and "content-length" in names:
        lines[[*names].index("content-length")] = ("Content-Length", str(length))
    return lines


def changed(
    headers: Headers, changes: Mapping[str, tuple[str, str] | None], cookies: Sequence[Cookie]
) -> Headers:
    """The lines without those that change, by lower-case name, what these become, and cookies."""
    if changes:
        headers = [each for each in headers if each[0].lower() not in changes]
        headers += filter(None, changes.values())
    return (
        [*headers, *[("Set-Cookie", cookie.line()) for cookie in cookies]] if cookies else headers
    )
