"""What a browser has kept of a page's site, as its own storage panels show it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import CDPSession, Page

#: Every kind of storage; a cookie is named, anything else listed.
Kept = dict[str, list[str]]


def kept(page: Page) -> Kept:
    """Every cookie and every entry of every storage, by kind; kinds without any are left out."""
    place = urlsplit(page.url)
    origin = {"securityOrigin": f"{place.scheme}://{place.netloc}"}
    with _asked(page) as session:
        found = {
            "cookies": [each["name"] for each in _cookies(session)],
            "localStorage": _items(session, origin, local=True),
            "sessionStorage": _items(session, origin, local=False),
            "indexedDB": session.send("IndexedDB.requestDatabaseNames", origin)["databaseNames"],
            "caches": session.send("CacheStorage.requestCacheNames", origin)["caches"],
            "quota": _used(session, origin["securityOrigin"]),
        }
    return {kind: sorted(names) for kind, names in found.items() if names}


@contextmanager
def _asked(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    session.send("DOMStorage.enable")
    session.send("IndexedDB.enable")
    yield session
    session.detach()


def _cookies(session: CDPSession) -> list[dict[str, Any]]:
    return list(session.send("Network.getAllCookies")["cookies"])


def _items(session: CDPSession, origin: dict[str, str], *, local: bool) -> list[str]:
    storage = {**origin, "isLocalStorage": local}
    entries = session.send("DOMStorage.getDOMStorageItems", {"storageId": storage})["entries"]
    return [key for key, _ in entries]


def _used(session: CDPSession, origin: str) -> list[str]:
    usage = session.send("Storage.getUsageAndQuota", {"origin": origin})["usageBreakdown"]
    return [each["storageType"] for each in usage if each["usage"]]
