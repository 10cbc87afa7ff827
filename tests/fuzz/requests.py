"""Hostile requests for our own doors, each drawn from one stream of chance.

Whoever cannot prove to be somebody claims to be ``VICTIM`` in every field that holds an id.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from random import Random
from typing import Any

VICTIM = "victim-7f3a"
#: What apps and servers, who are believed, call themselves.
BELIEVED = "believed-51c0"

_APPS, _WEB = ("wk_ios", "wk_android", "wk_node"), "wk_web"
_NAMES = (
    "userId", "anonymousId", "previousId", "groupId", "messageId", "event", "name", "type",
    "category", "properties", "traits", "context", "integrations", "timestamp", "originalTimestamp",
    "sentAt", "writeKey", "batch", "id", "load", "at", "url", "token", "page", "facts", "sw",
    "v", "sent", "events", "ask", "analytics", "marketing", "", "\0", "__proto__", "€",
)  # fmt: skip
_TEXTS = (
    "", " ", "null", "undefined", "0", "a", "\0", "\ud7ff", "🦊" * 20, "x" * 101, "x" * 300,
    "x" * 9_000, "' or 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd",
    "2026-11-01T12:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "1969-12-31",
    "https://u:p@h/?token=x#a=b", "http://[", "track", "page", "alias", "a" * 32,
)  # fmt: skip
_NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**53,
    2**63,
    2**64,
    10**30,
    0.1,
    -0.0,
    1e308,
    1e-320,
    1_790_000_000_000,
)
_SPOILT = (
    b"", b"{", b"[", b"null", b"[]", b"{}", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"a":NaN}',
    b'{"batch":[{"a":Infinity}]}', b'{"batch":[{"a":"\\ud800"}]}', b'{"batch":[,]}', b"[" * 20_000,
    b'{"batch":' + b"[" * 20_000, b'{"a":' * 9_000, b'{"v":1,"events":[' + b"{}," * 900 + b"{}]}",
    b'{"batch":[' + b"1," * 2_600 + b"1]}", b'{"batch":[],"batch":[{}]}', b"\0" * 500, b"1e999999",
    b"-", b'"' + b"\\u0000" * 2_000 + b'"',
)  # fmt: skip
_BOMBS = (
    gzip.compress(bytes(20_000_000)), gzip.compress(b"[" * 20_000_000), gzip.compress(b"{}") * 50,
    gzip.compress(b"{}")[:-1], b"\x1f\x8b", b"\x1f\x8b\x08" + b"\xff" * 60,
    gzip.compress(gzip.compress(b"{}" * 100_000)),
)  # fmt: skip
_PATHS = (
    "q", "q", "c", "v1/b", "v1/b", "v1/batch", "v1/t", "v1/p", "v1/i", "v1/s", "v1/g", "v1/a",
    "v1/track", "v1/identify", "v1/alias", "v1/import", "v1/m", "v1/", "v1/nothing",
    "v1/projects/wk_web/settings", "v1/projects//settings", "v1/sourceConfig", "beacon/v1/batch",
)  # fmt: skip
_HEADERS = {
    "sec-fetch-site": ("same-origin", "same-origin", "cross-site", "none", "\xff"),
    "origin": ("https://evil.example", "null", "http://[", "https://linked.example", "x" * 3000),
    "content-encoding": ("gzip", "br", "identity", "gzip, gzip"),
    "content-type": ("text/plain", "application/json", "multipart/form-data; boundary=x", "\xff"),
    "cookie": ("_tm_v=a.b; _tm_s=.; _tm_c=[]", "_tm_v=" + "W" * 4000, "=;=;", "\xff\xfe"),
    "user-agent": ("Mozilla/5.0 (X11; rv:140.0) Firefox/140.0", "\xff" * 90, "u" * 7000),
    "sec-gpc": ("1", "0", "x"),
    "authorization": ("Basic", "Basic !!!", "Bearer " + "x" * 3000, "Basic " + "/" * 4001, "\xff"),
    "x-retry-count": ("3", "-1"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request; ``rest`` is its path under the prefix."""

    method: str
    rest: str
    headers: dict[str, str]
    body: bytes


class Requests:
    """Draws requests; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self._number = 0

    def next(self) -> Hostile:
        chance = self._chance
        self._number += 1
        method = (
            "POST" if chance.random() < 0.93 else chance.choice(("GET", "HEAD", "OPTIONS", "PUT"))
        )
        rest, headers = chance.choice(_PATHS), self._headers()
        key = chance.choice((*_APPS, _WEB, _WEB, _WEB, "unknown", ""))
        if chance.random() < 0.5 and key:
            named = base64.b64encode(f"{key}:".encode()).decode()
            headers["authorization"] = chance.choice((f"Basic {named}", f"Bearer {key}"))
        return Hostile(method, rest, headers, self._body(rest, key))

    def _headers(self) -> dict[str, str]:
        chance = self._chance
        found = {
            name: chance.choice(values)
            for name, values in _HEADERS.items()
            if chance.random() < 0.15
        }
        if chance.random() < 0.6:
            found["sec-fetch-site"] = "same-origin"
            found.pop("origin", None)
        # Everybody is another client: what is tried here is not the rate limit.
        found["x-forwarded-for"] = ".".join(str(chance.randrange(256)) for _ in range(4))
        return found

    def _body(self, rest: str, key: str) -> bytes:
        chance, kind = self._chance, self._chance.random()
        if kind < 0.05:
            return chance.choice(_SPOILT)
        if kind < 0.06:
            return chance.choice(_BOMBS)
        if kind < 0.08:
            return chance.randbytes(chance.randrange(200))
        text = json.dumps(self._content(rest, key), ensure_ascii=chance.random() < 0.5)
        body = text.encode("utf-8", "surrogatepass")
        if kind < 0.14:
            body = self._spoilt(body)
        return gzip.compress(body, 1) if chance.random() < 0.2 else body

    def _spoilt(self, body: bytes) -> bytes:
        """A body cut short, or with some of its bytes changed."""
        at = self._chance.randrange(len(body))
        return body[:at] + self._chance.choice((b"", b"\xff", b'"', b"}", b"\0")) + body[at + 1 :]

    def _content(self, rest: str, key: str) -> Any:
        chance = self._chance
        who = BELIEVED if key in _APPS else VICTIM
        if rest == "c":
            return self._mangled({"analytics": chance.random() < 0.9, "marketing": False})
        if rest == "q":
            events = [self._beacon() for _ in range(chance.randrange(4))]
            return self._mangled({"v": 1, "sent": 1_790_000_000_000, "events": events})
        if rest.rsplit("/", 1)[-1] not in ("b", "batch", "import"):
            return {**self._mangled(self._message(who)), "writeKey": key}
        batch = [self._mangled(self._message(who)) for _ in range(chance.randrange(5))]
        around = {"writeKey": key, "sentAt": chance.choice(_TEXTS), "context": self._bag(who)}
        return {**self._mangled(around), "batch": batch, "writeKey": key}

    def _beacon(self) -> Any:
        chance = self._chance
        kind = chance.choice(("view", "route", "track", "identify", "leave"))
        return self._mangled({
            "id": f"{self._number}-{chance.randrange(9)}", "type": kind,
            "load": chance.randbytes(16).hex(), "at": 1_790_000_000_000, "name": "Clicked", "url": "https://shop.example/?token=x",
            "userId": VICTIM, "anonymousId": VICTIM, "traits": self._bag(VICTIM),
        })  # fmt: skip

    def _message(self, who: str) -> dict[str, Any]:
        chance = self._chance
        return {
            "type": chance.choice(("track", "page", "screen", "identify", "group", "alias")),
            "messageId": f"m-{self._number}-{chance.randrange(9)}", "event": "Order Completed",
            "name": "Home", "userId": who, "anonymousId": who, "previousId": who, "groupId": "g",
            "properties": self._bag(who), "traits": self._bag(who), "context": self._bag(who),
            "timestamp": "2026-11-01T12:00:00Z", "sentAt": "2026-11-01T12:00:05Z",
        }  # fmt: skip

    def _mangled(self, content: dict[str, Any]) -> dict[str, Any]:
        """The content, in every second case with a field or two that are wrong or too much."""
        chance = self._chance
        while chance.random() < 0.4:
            content[chance.choice(_NAMES)] = self._value(4)
        if chance.random() < 0.03:
            content[chance.choice(("properties", "traits", "context"))] = self._much()
        if chance.random() < 0.1:
            content.pop(chance.choice(list(content)))
        return content

    def _bag(self, who: str) -> dict[str, Any]:
        chance = self._chance
        bag = {chance.choice(_NAMES): self._value(2) for _ in range(chance.randrange(4))}
        return {**bag, "userId": who, "session": {"id": who}, "page": {"url": "https://x/?key=y"}}

    def _much(self) -> Any:
        """More than any limit lets through."""
        deep: Any = 1
        for _ in range(40):
            deep = {"a": deep}
        return self._chance.choice(
            ({"a": "x" * 40_000}, {str(n): n for n in range(2_500)}, deep, {"a": [[]] * 3_000})
        )

    def _value(self, depth: int) -> Any:
        chance, kind = self._chance, self._chance.randrange(8)
        if kind < 3:
            return chance.choice(_TEXTS)
        if kind < 5:
            return chance.choice(_NUMBERS)
        if kind == 5 or not depth:
            return chance.choice((None, True, False))
        if kind == 6:
            return [self._value(depth - 1) for _ in range(chance.randrange(4))]
        return {chance.choice(_NAMES): self._value(depth - 1) for _ in range(chance.randrange(4))}
