"""What we change of a response is changed on an object of its own.

A view, a cache or a middleware inside ours may give one object to many visitors, or copies that
share headers and cookies: to whom the next one goes must not bring what this one was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.http.response import HttpResponseBase, ResponseHeaders

from ..http import weak_etag

if TYPE_CHECKING:
    from ..tracking.inject import Injector

_T = TypeVar("_T", bound=HttpResponseBase)

_new = object.__new__


def apart(response: _T) -> _T:
    """The same response anew, with headers of its own; the app's stays as it is. Its cookies become
    its own as soon as it gets some (``cookies.add``)."""
    own = _new(type(response))
    own.__dict__ = lying = response.__dict__.copy()
    lying["headers"] = headers = _new(ResponseHeaders)
    headers._store = response.headers._store.copy()
    return own


def put(response: Any, content: bytes) -> None:
    """Another content, in whatever way a response keeps it."""
    response.content = content
    measured(response.headers._store, content)


def tag(injector: Injector, response: Any) -> None:
    """Puts the tag into its content."""
    content = response.content
    tagged = injector.whole(content)
    if tagged is not content:
        put(response, tagged)


def measured(store: dict[str, tuple[str, str]], content: bytes) -> None:
    """Headers that describe a body, where it has become another one."""
    if "content-length" in store:
        store["content-length"] = ("Content-Length", str(len(content)))
    if "etag" in store:
        store["etag"] = ("ETag", weak_etag(store["etag"][1]))


class _Stored(dict[tuple[tuple[str, str], ...], dict[str, tuple[str, str]]]):
    """Headers of ours as Django keeps them, which then need not be checked: mostly the same."""

    def __missing__(self, headers: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, str]]:
        if len(self) >= _MOST_STORED:
            self.clear()
        self[headers] = made = {header[0].lower(): header for header in headers}
        return made


_MOST_STORED = 64
STORED = _Stored()
