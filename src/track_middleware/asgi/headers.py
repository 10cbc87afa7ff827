"""ASGI's header lists, by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..http import by_name

Pairs = Iterable[tuple[bytes, bytes]]


class _Names(dict[str, bytes]):
    """A header's lower-case name as bytes; made once per name."""

    def __missing__(self, name: str) -> bytes:
        self[name] = name.encode("latin-1")
        return self[name]


_NAMES = _Names()


class _Lowered(dict[bytes, str]):
    """A header's name as lower-case text; those that responses have are remembered."""

    def __missing__(self, name: bytes) -> str:
        lowered = name.decode("latin-1").lower()
        if len(self) < _MOST_NAMES:
            self[name] = lowered
        return lowered


_MOST_NAMES = 256
_LOWERED = _Lowered()


class Headers(dict[bytes, bytes]):
    """A request's headers by name, b"" where one is missing."""

    __slots__ = ()

    def __missing__(self, name: bytes) -> bytes:
        return b""

    def text(self, name: str) -> str:
        """The same by a name, and of a value, that are text."""
        return self[_NAMES[name]].decode("latin-1")


def joined(pairs: Pairs) -> Headers:
    """A request's headers, several lines of one name as one (cookies by ``; ``)."""
    found = Headers()
    for name, value in pairs:
        key = name.lower()
        between = b"; " if key == b"cookie" else b", "
        found[key] = found[key] + between + value if key in found else value
    return found


def text(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """A response's headers by lower-case name, as text."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[_LOWERED[name]] = value.decode("latin-1")
    if len(found) == len(pairs):
        return found
    return by_name([(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs])


@lru_cache(maxsize=64)
def as_bytes(headers: tuple[tuple[str, str], ...]) -> dict[bytes, bytes]:
    """Headers to set, which are the same again and again, by lower-case name."""
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers}
