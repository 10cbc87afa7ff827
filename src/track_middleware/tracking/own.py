"""Answers requests for our own paths, each by what lies there."""

from __future__ import annotations

from ..http import Errand, Reply, Request
from . import banner, choice, console, gpc, links, origin, pixel, routes
from .collector import Collector
from .consent import GRANTED
from .core import Core
from .door import answer, refusal
from .identity import Identity
from .privacy import kept_address
from .probed import DOOR, seen
from .relay import Ask, Slot
from .seams import Script
from .segment_door import SegmentDoor

#: What blockers keep a browser from asking for (setting ``bait``).
_NOTHING = Reply(204, (("Cache-Control", "no-store"),))


class Own:
    """One request for one of our own paths. The face reads at most ``limit`` + 1 bytes of body:
    nothing of one that an errand will read. ``is_console``: it is for the operator's pages."""

    __slots__ = (
        "_core", "_identity", "_place", "_request", "_rest", "_slot", "is_console", "limit",
    )  # fmt: skip

    def __init__(self, core: Core, request: Request, identity: Identity, rest: str) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._rest = rest
        self._place = routes.place(rest)
        self._slot = core.slots.get(rest.partition("/")[0]) if self._place is None else None
        self.limit = self._place.limit if self._place and request.method == "POST" else 0
        self.is_console = core.has_console and console.owns(rest)
        if self._slot is not None or self.is_console:
            self.limit = -1

    def reply(self, body: bytes) -> Reply | Errand:
        """The answer, or the errand that brings it; never a 5xx, and nothing that came in is
        echoed."""
        if self.is_console:
            return self._for_operator()
        reply = self._answered(body) if self._slot is None else self._relayed(self._slot)
        if self._request.method != "HEAD" or isinstance(reply, Errand):
            return reply
        return Reply(reply.status, reply.headers)

    def _answered(self, body: bytes) -> Reply:
        place = self._place
        if place is None:
            return self._unknown()
        if self._request.method not in place.methods:
            return refusal(405, f"{place.methods[0]} only", ("Allow", ", ".join(place.methods)))
        if place.purpose == "segment":
            door = SegmentDoor(self._core, self._request, self._identity, self._rest)
            return self._with_cookies(door.reply(body))
        if place.purpose == "gpc":
            return gpc.REPLY
        if len(body) > place.limit:
            return refusal(413, "the body is too large")
        if place.purpose in self._core.scripts:
            return self._script(self._core.scripts[place.purpose])
        if place.purpose == "bait":
            return _NOTHING
        if place.purpose == "banner":
            return self._with_cookies(banner.stylesheet(self._core, self._request, self._identity))
        if place.purpose == "cross":
            return links.follow(self._core, self._request, self._identity)
        ours = origin.is_ours(self._request, self._core.linked)
        if place.purpose == "pixel":
            if ours and self._too_often() is None:
                pixel.confirm(self._core, self._request, self._identity)
            return self._with_cookies(pixel.REPLY)
        if not ours:
            return refusal(403, "not from a page of this host")
        return self._too_often() or self._with_cookies(self._told(place.purpose, body))

    def _for_operator(self) -> Errand:
        """A page of the console: who may see it is found out where it can be waited for."""
        visitor = self._identity.visitor
        return console.errand(
            self._request,
            self._rest,
            visitor=None if visitor is None else visitor.id,
            address=origin.address(self._core, self._request),
        )

    def _unknown(self) -> Reply:
        """The doctor's question, for who can ask it; for anybody else nothing is here either."""
        told = seen(self._core, self._request) if self._rest == DOOR else None
        return refusal(404, "nothing here") if told is None else answer(200, told)

    def _told(self, purpose: str, body: bytes) -> Reply:
        """What our own script tells us, or our banner's form."""
        if purpose == "consent":
            take = banner.submitted if banner.is_form(self._request) else choice.choose
            return take(self._core, self._request, self._identity, body)
        return Collector(self._core, self._request, self._identity).collect(body)

    def _relayed(self, slot: Slot) -> Reply | Errand:
        """A vendor's call: of our own pages, for who permits it, and with no more of the client's
        address than the settings keep."""
        core, request = self._core, self._request
        if not origin.is_ours(request, core.linked):
            return refusal(403, "not from a page of this host")
        if not self._identity.allowed or self._identity.consent[slot.purpose] != GRANTED:
            core.count("consent", 1)
            return refusal(403, "no consent")
        address = kept_address(origin.address(core, request), core.settings.ip)
        path = self._rest.partition("/")[2]
        base = request.root_path + request.path[: len(request.path) - len(path)]
        return self._too_often("vendor ") or slot.asked(
            Ask(request, path, base.removesuffix("/"), address)
        )

    def _too_often(self, what: str = "") -> Reply | None:
        wait = self._core.limit.wait(what + self._client(), self._identity.at)
        if not wait:
            return None
        self._core.count("rate_limited", 1)
        seconds = int(wait) + 1
        content = {"error": "rate", "stop": "rate", "retry": seconds}
        return answer(429, content, ("Retry-After", str(seconds)))

    def _client(self) -> str:
        visitor = self._identity.visitor
        if visitor is not None:
            return visitor.id
        return origin.address(self._core, self._request)

    def _script(self, script: Script) -> Reply:
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

    def _with_cookies(self, reply: Reply) -> Reply:
        lines = tuple(
            ("Set-Cookie", cookie.line()) for cookie in self._identity.cookies(arriving=False)
        )
        if self._identity.heard is not None:
            choice.record_heard(self._core, self._identity)
        return Reply(reply.status, reply.headers + lines, reply.body) if lines else reply
