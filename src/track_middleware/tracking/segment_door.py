"""Takes what Segment's and RudderStack's own SDKs send under ``v1/``: who may, and which messages
become entries.

A write key says which platform speaks. Those of apps and servers are believed, as at Segment; what
comes with a key for the web is a browser's, whose visitor and user are the cookie's.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..event import Entry
from ..http import Reply, Request
from . import origin, segment
from .beacon import MESSAGE_LIMIT, UnreadableError
from .core import Core
from .door import answer
from .identity import Identity
from .limit import Limit
from .segment import Batch, Post
from .segment_event import Apps, Speaker, Web

#: How many reasons an answer names.
_TOLD = 20

#: A body counts as a further call for every so many bytes; of its messages each has so many more,
#: which we say of it ourselves.
_WEIGHT, _OWN = 16 * 1024, 1024

#: What a browser on a linked domain may send along, and for how long it may remember that.
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "authorization, content-type, x-retry-count, anonymousid"),
    ("Access-Control-Max-Age", "86400"),
)


class SegmentDoor:
    """One request under ``v1/``; ``rest`` is its path under the prefix."""

    __slots__ = ("_core", "_identity", "_path", "_request")

    def __init__(self, core: Core, request: Request, identity: Identity, rest: str) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._path = rest.removeprefix("beacon/").removeprefix("v1/").rstrip("/")

    def reply(self, body: bytes) -> Reply:
        """The answer, as Segment gives it: 200 also where messages were refused (the answer and
        dead letters say which), 400 for a body that is too large or no JSON; and, so that nothing
        gets lost unseen, 401 for a write key that nobody knows."""
        reply = self._answered(body)
        allowed = _cross_origin(self._request, self._core.linked)
        return Reply(reply.status, reply.headers + allowed, reply.body) if allowed else reply

    def _answered(self, body: bytes) -> Reply:
        if not self._core.settings.write_keys:
            return _refusal(404, "write_keys is not set")
        method = self._request.method
        if method == "OPTIONS":
            return Reply(204, (*_PREFLIGHT, ("Cache-Control", "no-store")))
        post = segment.POSTS.get(self._path)
        if post is None:
            return self._config() if method in ("GET", "HEAD") else _refusal(404, "nothing here")
        if method != "POST":
            return _refusal(405, "POST only", ("Allow", "POST, OPTIONS"))
        return self._wait(self._core.many, self._address()) or self._posted(post, body)

    def _config(self) -> Reply:
        """What an SDK asks before it speaks: Segment's settings of a source, or RudderStack's."""
        named, known = self._path.split("/"), self._core.settings.write_keys
        if len(named) == 3 and (named[0], named[2]) == ("projects", "settings"):
            return answer(200, _settings(named[1])) if named[1] in known else _unknown(404)
        if self._path == "sourceConfig":
            key = self._known(self._keys(None))
            return answer(200, _source(key)) if key else _unknown(404)
        return _refusal(404, "nothing here")

    def _posted(self, post: Post, body: bytes) -> Reply:
        if not origin.is_ours(self._request, self._core.linked):
            return self._refused(403, "not from a page of this host", body)
        if post == "metrics":
            return answer(200, {"success": True})
        if len(body) > segment.LIMIT:
            return self._refused(400, "the body is too large", body)
        try:
            plain = segment.plain(body)
            if wait := self._weighed(len(plain)):
                return wait
            batch = segment.batch(post, plain)
        except UnreadableError as error:
            return self._refused(400, str(error), body)
        if wait := self._weighed(_count(batch) * (_OWN + batch.around)):
            return wait
        key = self._known(self._keys(batch.write_key))
        if key is None:
            return self._wait(self._core.limit, self._address()) or self._refused(
                401, "unknown write key", plain
            )
        return self._taken(post, batch, key)

    def _taken(self, post: Post, batch: Batch, key: str) -> Reply:
        speaker = self._speaker(key)
        if isinstance(speaker, Web):
            if wait := self._wait(self._core.limit, self._client()):
                return wait
            if not self._identity.allowed:
                self._core.count("consent", len(batch.batch))
                return answer(200, {"success": True})
        if len(batch.batch) > segment.MOST_MESSAGES:
            return self._too_many(batch)
        if post != "batch" and len(batch.batch[0]) > MESSAGE_LIMIT:
            return self._refused(400, "a message has more than 32 KiB", bytes(batch.batch[0]))
        return self._kept(post, batch, speaker)

    def _speaker(self, key: str) -> Speaker:
        platform = self._core.settings.write_keys[key]
        if platform == "web":
            return Web(self._core, self._request, self._identity, key)
        return Apps(self._core, self._request, self._identity.at, key, platform)

    def _kept(self, post: Post, batch: Batch, speaker: Speaker) -> Reply:
        entries: list[Entry] = []
        refused: list[tuple[int, str]] = []
        for index, raw in enumerate(batch.batch):
            try:
                entry = speaker.entry(segment.message(raw, post, batch))
            except UnreadableError as error:
                refused.append((index, str(error)))
                entries.append(self._letter(str(error), bytes(raw)))
                continue
            if entry is None:
                self._core.count("consent", 1)
            else:
                entries.append(entry)
        if refused:
            self._core.count("door_refused", len(refused))
        if entries and not self._core.keep_last(entries):
            return _again(30, "full")
        told = {"refused": refused[:_TOLD]} if refused else {}
        return answer(200, {"success": True, **told})

    def _too_many(self, batch: Batch) -> Reply:
        """Segment answers 200 and takes none of them."""
        why = f"a batch has more than {segment.MOST_MESSAGES} messages"
        self._core.count("door_refused", len(batch.batch))
        self._core.keep(self._letter(why, msgspec.json.encode(batch.batch[:20])))
        return answer(200, {"success": True, "refused": [(0, why)]})

    def _refused(self, status: int, reason: str, raw: bytes) -> Reply:
        self._core.count("door_refused", 1)
        self._core.keep(self._letter(reason, raw))
        return _refusal(status, reason)

    def _letter(self, reason: str, raw: bytes) -> Entry:
        """What was refused, for the dead letters. Where nothing is kept before somebody has said
        yes, what came is not kept either."""
        _, allowed = self._core.rules.decide(None, ())
        if not (allowed and self._identity.allowed):
            return Entry("door", self._identity.at, reason=reason, raw="")
        return Entry("door", self._identity.at, reason=reason, raw=self._core.letter(raw))

    def _keys(self, body_key: str | None) -> list[str]:
        request = self._request
        return segment.keys(request.header("authorization"), body_key, request.query)

    def _known(self, keys: list[str]) -> str | None:
        return next(filter(self._core.settings.write_keys.__contains__, keys), None)

    def _address(self) -> str:
        return origin.address(self._core, self._request)

    def _client(self) -> str:
        visitor = self._identity.visitor
        return visitor.id if visitor is not None else self._address()

    def _weighed(self, size: int) -> Reply | None:
        """A long body, and one of many messages, is as much work as several short ones."""
        cost = size // _WEIGHT
        return self._wait(self._core.many, self._address(), cost=cost) if cost else None

    def _wait(self, limit: Limit, client: str, *, cost: int = 1) -> Reply | None:
        wait = limit.wait(client, self._identity.at, cost=cost)
        if not wait:
            return None
        self._core.count("rate_limited", 1)
        return _again(int(wait) + 1, "rate")


def _count(batch: Batch) -> int:
    """How many messages of it are looked at: of too many none is."""
    return len(batch.batch) if len(batch.batch) <= segment.MOST_MESSAGES else 0


def _refusal(status: int, reason: str, *more: tuple[str, str]) -> Reply:
    """A 4xx in the words of both: ours, and those that Segment's SDKs look for."""
    code = {401: "unauthorized", 404: "not_found"}.get(status, "invalid_request")
    return answer(status, {"error": reason, "code": code, "message": reason}, *more)


def _unknown(status: int) -> Reply:
    return _refusal(status, "unknown write key")


def _again(seconds: int, reason: str) -> Reply:
    """A 429 as Segment gives it: every SDK keeps what it has and comes again."""
    headers = (("Retry-After", str(seconds)), ("X-RateLimit-Reset", str(seconds)))
    content = {"error": reason, "code": "rate_limited", "message": reason, "retry": seconds}
    return answer(429, content, *headers)


def _cross_origin(request: Request, linked: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """What lets a page of a linked domain read the answer (WHATWG Fetch, CORS protocol)."""
    asked = request.header("origin")
    try:
        host = urlsplit(asked).hostname if asked else None
    except ValueError:
        return ()
    if host is None or host not in linked or not asked.isascii() or not asked.isprintable():
        return ()
    return (
        ("Access-Control-Allow-Origin", asked),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    )


def _settings(key: str) -> dict[str, Any]:
    """A source's settings as analytics.js, Kotlin and Swift read them: no destination in the
    client, and no figures on itself. Where to post is the app's own setting: a host that a proxy
    has changed must not send a fleet of phones astray."""
    return {
        "integrations": {"Segment.io": {"apiKey": key, "unbundledIntegrations": []}},
        "plan": {}, "edgeFunction": {}, "middlewareSettings": {}, "enabledMiddleware": {},
        "metrics": {"sampleRate": 0}, "legacyVideoPluginsEnabled": False, "remotePlugins": [],
    }  # fmt: skip


def _source(key: str) -> dict[str, Any]:
    """A source as RudderStack's SDKs read it: it is on, without destinations in the client."""
    off = {"enabled": False}
    source = {
        "id": key, "name": "track-middleware", "writeKey": key, "enabled": True,
        "config": {"statsCollection": {"errors": off, "metrics": off}}, "destinations": [],
        "connections": [], "workspaceId": "track-middleware",
    }  # fmt: skip
    return {"isHosted": False, "source": source}
