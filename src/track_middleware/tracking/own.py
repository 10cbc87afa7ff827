"""Answers requests for our own paths: the script, the collector, the consent choice."""

from __future__ import annotations

from typing import Any

import msgspec

from ..event import Entry, Event, PageRef, Person, iso
from ..http import Reply, Request
from . import beacon, origin, routes
from .collector import Collector
from .core import Core
from .door import answer, refusal
from .identity import Identity

_CONSENT_LIMIT = 4096


class Own:
    """One request for one of our own paths. The face reads at most ``limit`` + 1 bytes of body."""

    __slots__ = ("_core", "_identity", "_request", "_rest", "limit")

    def __init__(self, core: Core, request: Request, identity: Identity, rest: str) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._rest = rest
        self.limit = beacon.LIMIT if request.method == "POST" else 0

    def reply(self, body: bytes) -> Reply:
        """The answer; never a 5xx, and nothing that came in is echoed."""
        reply = self._answered(body)
        return Reply(reply.status, reply.headers) if self._request.method == "HEAD" else reply

    def _answered(self, body: bytes) -> Reply:
        found = routes.purpose(self._rest)
        if found is None:
            return refusal(404, "nothing here")
        method, purpose = found
        if purpose == "script":
            return self._script()
        if self._request.method != method:
            return refusal(405, f"{method} only", ("Allow", method))
        if len(body) > (_CONSENT_LIMIT if purpose == "consent" else beacon.LIMIT):
            return refusal(413, "the body is too large")
        if not origin.is_ours(self._request, self._core.linked):
            return refusal(403, "not from a page of this host")
        wait = self._core.limit.wait(self._client(), self._identity.at)
        if wait:
            self._core.count("rate_limited", 1)
            seconds = str(int(wait) + 1)
            return answer(429, {"error": "rate", "retry": int(wait) + 1}, ("Retry-After", seconds))
        reply = self._collect(body) if purpose == "collect" else self._choose(body)
        return self._with_cookies(reply)

    def _client(self) -> str:
        visitor = self._identity.visitor
        if visitor is not None:
            return visitor.id
        return origin.address(self._core, self._request)

    def _script(self) -> Reply:
        if self._request.method not in ("GET", "HEAD"):
            return refusal(405, "GET only", ("Allow", "GET, HEAD"))
        script = self._core.script
        tag = f'"{script.digest}"'
        lasting = script.digest[:8] in self._rest
        headers = (
            ("ETag", tag),
            ("Cache-Control", f"public, max-age={31536000 if lasting else 3600}"),
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
        )
        if tag in self._request.header("if-none-match"):
            return Reply(304, headers[:2])
        return Reply(200, headers, script.body)

    def _collect(self, body: bytes) -> Reply:
        return Collector(self._core, self._request, self._identity).collect(body)

    def _choose(self, body: bytes) -> Reply:
        given = _choice(body)
        if given is None:
            return refusal(400, 'a choice is {"analytics": true, "marketing": false}')
        identity, core = self._identity, self._core
        before = identity.person(opens=False)
        identity.choose(given)
        content: dict[str, Any] = {"consent": identity.consent}
        entries: list[Entry] = []
        if identity.allowed:
            content["token"] = self._page_in_view(entries)
        entries.insert(
            0, choice_entry(core, identity, before or identity.person(opens=False), identity.at)
        )
        if not core.keep_last(entries):
            return answer(429, {"error": "full", "retry": 30}, ("Retry-After", "30"))
        return answer(200, content)

    def _page_in_view(self, entries: list[Entry]) -> str:
        """The token of the page in view, whose view will be the browser's; leaves its mark."""
        identity, core = self._identity, self._core
        if identity.visitor is None:
            identity.mint(core.new_id(), fresh=True)
        page_id = core.new_id()
        entries.append(
            Entry(
                "mark", identity.at, person=identity.person(), consent=identity.consent,
                page=PageRef(page_id, identity.at, "shown", core.host),
            )
        )  # fmt: skip
        return core.tokens.make(page_id, identity.at, "shown")

    def _with_cookies(self, reply: Reply) -> Reply:
        lines = tuple(
            ("Set-Cookie", cookie.line()) for cookie in self._identity.cookies(arriving=False)
        )
        return Reply(reply.status, reply.headers + lines, reply.body) if lines else reply


def _choice(body: bytes) -> dict[str, bool] | None:
    try:
        given = msgspec.json.decode(body, type=dict[str, bool])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return given if given and given.keys() <= {"analytics", "marketing"} else None


def choice_entry(core: Core, identity: Identity, person: Person | None, at: float) -> Entry:
    """The record of a consent choice: what was chosen, when, by whom if anybody is known."""
    event = Event(
        core.new_id(), "track", iso(at), event="Consent Changed",
        anonymous_id=person.visitor if person else core.new_id(),
        user_id=person.user if person else None,
        properties=dict(identity.consent),
        context={"library": core.library, "platform": "server", "consent": identity.consent},
    )  # fmt: skip
    return Entry("choice", at, event, person=person, consent=identity.consent)
