"""Visitors, apps and a vendor whose every word is hostile, over real sockets.

Whatever anybody can say to a site is said with each of ``TEXTS``: paths, queries, headers, bodies
of the collector and of Segment's door, properties of the host's own ``track()``; and a vendor
answers with them.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.delivery.recorder import Got, Say
from tests.faces.apps import NAVIGATION

#: Each tries to run something, to load something, or to break what stands around it. ``pwned`` is
#: what would be there if it had run; nothing may be asked of another host either.
TEXTS = (
    "<script>window.pwned=1</script>",
    "\"'><img src=http://evil.example/a.png onerror=window.pwned=1>",
    "</pre></td></table></li></ol></main></body><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{ cycler.__init__.__globals__ }}{% raw %}",
    "\u202e\u2067olleh\u200f right to left \u061c",
    "Z\u0351\u036b\u0343\u0363\u0360\u0314\u0301\u033f" * 40,
    "no\nlines\r\n\tat all\x00\x1b[2J\x07 \u2028\u2029",
    "x" * 32_000,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 " * 200,
    "data: {}\n\nevent: close\nid: 9\n",
    "<style>*{display:none!important}</style><base href=http://evil.example/>",
)

#: Write keys, by platform; and a plan that most of what is said breaks.
KEYS = {"of-a-server": "server", "of-an-app": "ios"}
PLAN = {
    "name": "shop", "mode": "quarantine", "unknown": "warn",
    "events": {
        "Order Completed": {
            "properties": {"order_id": {"type": "string", "required": True, "pattern": "^[0-9]+$"}}
        },
        "Seldom Seen": {"description": TEXTS[0]},
    },
}  # fmt: skip

#: A message of Segment's has 32 KiB, and more than a dozen fields that are filled.
_FIELD = 300


def destinations(vendor: str) -> list[str]:
    """A vendor that refuses single events, one that is down, one that wants another key, and one
    that says of each event what is wrong with it."""
    told = {"refuses": "&events=Text*", "down": "", "shut": ""}
    hooks = [f"webhook+{vendor}/{name}?name={name}&bots=1{more}" for name, more in told.items()]
    return [*hooks, f"mixpanel://token?name=picky&bots=1&events=Text*&endpoint={vendor}/picky"]


_turn = itertools.cycle(TEXTS)


def vendor(got: Got) -> Say:
    """What the vendor answers: hostile words as body, header and reason phrase."""
    text = next(_turn)
    hostile = {"Content-Type": f"text/html; {_line(text)[:200]}", "X-Error": _line(text)[:4000],
               "Retry-After": _line(text)[:200]}  # fmt: skip
    if got.path.startswith("/refuses"):
        return Say(400, text.encode(), hostile)
    if got.path.startswith("/shut"):
        return Say(403, json.dumps({"error": text}).encode(), hostile)
    if got.path.startswith("/picky"):
        return Say(400, _picky(json.loads(got.body)))
    body = text.encode()
    head = f"HTTP/1.1 503 {_line(text)[:500]}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Say(raw=head.encode("latin-1", "replace") + body)


def _picky(records: list[Any]) -> bytes:
    failed = [{"index": index, "field": next(_turn)[:99], "message": next(_turn)}
              for index in range(len(records))]  # fmt: skip
    said = {"code": 400, "num_records_imported": 0, "failed_records": failed}
    return json.dumps(said).encode()


def _line(text: str) -> str:
    """A text as a header can carry it: the server itself refuses the rest."""
    return re.sub(r"[\x00-\x1f\x7f]", "", text.encode().decode("latin-1")).strip() or "-"


@dataclass
class Attacker:
    """Somebody who says whatever bytes to a site; ``ended`` names what was said last."""

    port: int
    prefix: str
    number: int = 0
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> str:
        return f"Ended {self.number}"

    def attack(self) -> None:
        """Says everything once more."""
        self.number += 1
        for text in TEXTS:
            self._visits(text)
        self._browses()
        self._speaks()
        self._is_refused()
        self.say({"type": "track", "event": self.ended})

    def say(self, *batch: dict[str, Any], key: str = "of-a-server") -> tuple[int, bytes]:
        """Messages through Segment's door; the status and body of its answer."""
        whole = [{"userId": "somebody", "messageId": self._id(), **each} for each in batch]
        basic = base64.b64encode(f"{key}:".encode()).decode()
        body = _json({"batch": whole})
        return self._ask("POST", f"{self.prefix}/v1/batch", body, Authorization=f"Basic {basic}")

    def _visits(self, text: str) -> None:
        """Pages under a hostile path, from a hostile place, with a hostile browser."""
        coded, line = quote(text, safe="/"), _line(text)
        self.cookies.clear()
        came = f"http://evil.example/{line}"
        for path, headers in (
            (f"/{coded}", {}),
            (f"/?utm_source={coded[:3000]}&utm_medium={coded[:3000]}&utm_campaign={coded[:3000]}"
             f"&gclid={coded[:300]}&{coded[:300]}=1", {}),
            ("/agent", {"User-Agent": line}),
            ("/referrer", {"Referer": came}),
            ("/both", {"User-Agent": f"Mozilla/5.0 {line[:3000]}", "Referer": came[:3000],
                       "Accept-Language": line[:3000]}),
        ):  # fmt: skip
            status, _ = self._ask("GET", path, **{**NAVIGATION, **headers})
            assert status == 200, (path[:100], status)

    def _browses(self) -> None:
        """What a browser's script tells, and what the host's own code does."""
        _, page = self._ask("GET", "/hostile", **NAVIGATION)
        found = re.search(rb'content="([^"]+)"', page)
        assert found
        about = {
            "load": f"{self.number:032x}",
            "at": time.time() * 1000,
            "token": found[1].decode(),
        }
        events = []
        for number, text in enumerate(TEXTS):
            short, said = text[:200], {text[:200]: text[:9000], "deep": {"er": [text[:3000]]}}
            where = {**about, "url": f"http://localhost/{text[:3000]}", "title": text[:3000],
                     "referrer": f"http://evil.example/{text[:3000]}"}  # fmt: skip
            view = {"type": "view" if number == 0 else "route", "page": short[:100]}
            events = [
                {"id": f"v{number}", **view, **where},
                {"id": f"t{number}", "type": "track", "name": short, "properties": said, **where},
                {"id": f"i{number}", "type": "identify", "userId": short, "traits": said, **about},
            ]
            body = _json({"v": 1, "sent": about["at"], "events": events})
            assert self._ask("POST", f"{self.prefix}/q", body, **_OURS)[0] == 200
        for text in TEXTS:
            chosen = {"analytics": True, "marketing": False, "version": text[:100]}
            body = _json(chosen)
            assert self._ask("POST", f"{self.prefix}/c", body, **_OURS)[0] in (200, 400)

    def _speaks(self) -> None:
        """What apps and servers tell: there every field is anybody's."""
        for number, text in enumerate(TEXTS):
            short = text[:100]
            for key in KEYS:
                batch = list(self._messages(f"{number} {self.number}", short, text[:_FIELD]))
                assert self.say(*batch, key=key) == (200, b'{"success":true}')

    def _messages(self, number: str, short: str, text: str) -> Iterator[dict[str, Any]]:
        context = {
            "page": {"path": f"/{text}", "url": f"http://shop/{text}", "title": text,
                     "referrer": text, "search": text},
            "userAgent": text, "channel": text, "locale": short, "simulated": text,
            "browser": {"name": text}, "os": {"name": text}, "location": {"country": text},
            "session": {"id": text, "number": 1}, "campaign": {"source": text, "name": text},
            "app": {"version": text, "name": text}, "device": {"type": text}, "platform": text,
        }  # fmt: skip
        bag = {short: text, "text": text, "deep": {"er": [text]}}
        who = {"anonymousId": short, "userId": short, "context": context}
        yield {"type": "track", "event": f"Text {number}", "properties": bag, **who}
        yield {"type": "track", "event": text[:200] or "-", "properties": bag, **who}
        yield {"type": "track", "event": "Order Completed", "properties": {"order_id": text}, **who}
        yield {"type": "page", "name": short, "properties": {**bag, "path": text}, **who}
        yield {"type": "screen", "name": short, "properties": bag, **who}
        yield {"type": "identify", "traits": bag, **who}
        yield {"type": "group", "groupId": short, "traits": bag, **who}
        yield {"type": "alias", "previousId": f"former {short}", **who}

    def _is_refused(self) -> None:
        """What no door takes, and keeps among the dead letters."""
        for text in TEXTS:
            self.say({"type": text, "event": text})
            self._ask("POST", f"{self.prefix}/q", text.encode(), **_OURS)

    def _id(self) -> str:
        return f"{next(_ids)}-{next(_turn)[:60]}"

    def _ask(self, method: str, path: str, body: bytes = b"", **sent: str) -> tuple[int, bytes]:
        """The status and body of an answer."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.port}", "Connection: close"]
        given = {"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0", "Accept-Language": "de"}
        headers = {**given, **sent, "Content-Length": str(len(body))}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={said}" for name, said in self.cookies.items())
        lines += [f"{name.replace('_', '-')}: {said}" for name, said in headers.items()]
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            whole = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, answer = whole.partition(b"\r\n\r\n")
        for name, said in re.findall(rb"(?i)^set-cookie: ([^=]+)=([^;\r]*)", head, re.MULTILINE):
            self.cookies[name.decode()] = said.decode()
        return int(head.split(b" ", 2)[1]), answer


def _json(said: object) -> bytes:
    """JSON as browsers write it."""
    return json.dumps(said, ensure_ascii=False).encode()


_ids = itertools.count()

#: What a page of this host's sends with its calls.
_OURS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}
