"""What becomes of a response's header lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..http import weak_etag

if TYPE_CHECKING:
    from ..http import Cookie
    from ..tracking.response import Ending
    from .boundary import Headers


class Shape(NamedTuple):
    """The header lines of a response by their ``names``, here in lower case: which line says its
    type, and which its length, where one does. ``is_plain``: each is there once, and none but that
    changes with the body."""

    names: tuple[str, ...]
    type_at: int
    length_at: int | None
    is_plain: bool


class _Shapes(dict[tuple[str, ...], "Shape | None"]):
    """Shapes by the names as an app spells them, of which a site has few; None where type or length
    are not said just once."""

    def __missing__(self, said: tuple[str, ...]) -> Shape | None:
        if len(self) >= _MOST_SHAPES:
            self.clear()
        self[said] = shape = _shape(tuple([name.lower() for name in said]))
        return shape


def _shape(names: tuple[str, ...]) -> Shape | None:
    types, lengths = names.count("content-type"), names.count("content-length")
    if types != 1 or lengths > 1:
        return None
    is_plain = len(set(names)) == len(names) and "etag" not in names
    length_at = names.index("content-length") if lengths else None
    return Shape(names, names.index("content-type"), length_at, is_plain)


_MOST_SHAPES = 256
SHAPES = _Shapes()


class Head(msgspec.Struct, eq=False):
    """What becomes of header lines that have these values by lower-case name.

    ``_changes``: what becomes of a line, by that name; None where it is left out.
    """

    names: Mapping[str, str]
    _cookies: Sequence[Cookie] = ()
    _changes: dict[str, tuple[str, str] | None] = {}

    @property
    def length(self) -> int | None:
        """The length of the body, where they say it."""
        said = self.names.get("content-length", "")
        return int(said) if said.isdecimal() else None

    def take(self, ending: Ending) -> None:
        """An ending's headers and cookies come to them."""
        self._cookies = ending.cookies
        for header in ending.headers:
            self._changes[header[0].lower()] = header

    def grow(self, length: int) -> None:
        """The body is longer than the app has said, where it has."""
        if "content-length" in self.names:
            self._changes["content-length"] = ("Content-Length", str(length))
        self._weaken()

    def loosen(self) -> None:
        """A streamed document gets longer by a tag that may never find its place."""
        self._changes["content-length"] = None
        self._weaken()

    def _weaken(self) -> None:
        if (etag := self.names.get("etag")) is not None:
            self._changes["etag"] = ("ETag", weak_etag(etag))

    def lines(self, headers: Headers) -> Headers:
        """The lines without those that change, what these become, and the cookies."""
        if self._changes:
            headers = [each for each in headers if each[0].lower() not in self._changes]
            headers += filter(None, self._changes.values())
        cookies = [("Set-Cookie", cookie.line()) for cookie in self._cookies]
        return [*headers, *cookies] if cookies else headers


def anew(former: Head | None, names: Mapping[str, str]) -> Head:
    """The head of another answer than the former, with what an ending has brought to that."""
    return Head(names) if former is None else msgspec.structs.replace(former, names=names)


def renewed(headers: Headers, name: str, lines: Sequence[str]) -> None:
    """Puts these ``Set-Cookie`` lines in the place of those that set the cookie ``name``."""
    for header in list(headers):
        if header[0].lower() == "set-cookie" and header[1].startswith(f"{name}="):
            headers.remove(header)
    headers += [("Set-Cookie", line) for line in lines]
