"""What a request says of its events: the page, the session, the campaign, the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..event import iso
from ..http import Request
from . import origin
from .consent import PENDING, as_json
from .context import Context, Page, language, page, url
from .core import Core
from .identity import Identity
from .whose import Whose, json


class Scene(msgspec.Struct):
    """The context of one request's events, encoded once and kept until somebody else is speaking.

    ``route`` is the route template, ``facts`` the raw values that only enrichment reads,
    ``known_page_id`` the page id once somebody has asked for it.
    """

    _core: Core
    _request: Request
    _identity: Identity
    route: str | None = None
    facts: dict[str, str] | None = None
    known_page_id: str | None = None
    _counted_id: str | None = None
    _context: msgspec.Raw | None = None

    @property
    def path(self) -> str:
        """The path as the browser knows it, with the root path; without what looks secret."""
        request = self._request
        return self._core.redaction.path(request.root_path + request.path)

    @property
    def page_id(self) -> str | None:
        """The id of the page view that the request may become; None without a visitor."""
        return self.known_page_id or self.named()

    def named(self) -> str | None:
        """As ``page_id``, where ``known_page_id`` is None: it is made now."""
        if self._identity.visitor is not None:
            self.known_page_id = self._core.new_id()
        return self.known_page_id

    @property
    def view_id(self) -> str | None:
        """As ``page_id``, and the id of a view that is counted without cookies; another one, so
        that nothing joins it to a visitor whom this request yet makes."""
        if self._core.salt is None or self._identity.consent["analytics"] != PENDING:
            return self.page_id
        if self._counted_id is None:
            self._counted_id = self._core.new_id()
        return self._counted_id

    def forget(self) -> None:
        """Somebody else is speaking from here on: the context is built anew."""
        self._context = None

    def context(self, more: Mapping[str, Any] | None) -> Any:
        """The context of a verb's event, with a caller's own keys over it."""
        if self._context is None:
            self._context = msgspec.Raw(self.told(self._identity.whose()).encode())
        return self._core.kept_context(self._context, more) if more else self._context

    def told(self, whose: Whose) -> str:
        """The context anew, as JSON."""
        shown = page(*self._page(self.known_page_id or self.named()))
        consent = as_json(self._identity.consent)
        core, client = self._core, self._client()
        return f'{{"page":{shown},{core.about},"consent":{consent}{client}{whose.told}}}'

    def view(self, measured: str, *, awaits_half: bool) -> bytes:
        """The server's half of the page view as a frame of the spool; ``measured``: what the page
        says of its response."""
        core, identity, client = self._core, self._identity, self._client()
        shown = page(*self._page(self.known_page_id or self.named()), measured)
        rest = "" if self.facts is None else f',"facts":{json(self.facts).decode()}'
        if awaits_half:
            rest += ',"awaitHalf":true'
        page_id, consent = self.known_page_id or core.new_id(), as_json(identity.consent)
        return view(core, identity.at, page_id, identity.whose(), shown, client, consent, rest)

    def _client(self) -> str:
        request, core = self._request, self._core
        address = request.peer
        if core.is_told_of_origins:
            address = origin.address(core, request)
            self.facts = origin.facts(core, request, self._identity)
        return core.clients[request.agent, address, request.language]

    def counted(self) -> Context:
        """The context of what is counted without cookies: no address, no session, and of campaigns
        what this request's own query says."""
        request, identity = self._request, self._identity
        campaign = identity.campaign
        where, path, page_id, route, referrer = self._page(self.view_id)
        return Context(
            Page(where, path, page_id, route, referrer or None), self._core.library, "server",
            identity.consent, request.agent or None, locale=language(request.language),
            cookieless=True,
            campaign=msgspec.Raw(msgspec.json.encode(campaign)) if campaign else None,
        )  # fmt: skip

    def _page(self, page_id: str | None) -> tuple[str, str, str | None, str | None, str]:
        """What says where: URL, path, page id, route and referrer."""
        request, redaction = self._request, self._core.redaction
        path, query = redaction.path(request.root_path + request.path), request.query
        referrer = request.referrer
        where = url(request.scheme, request.host, path, redaction.query(query) if query else query)
        return where, path, page_id, self.route, redaction.url(referrer) if referrer else ""


def view(
    core: Core,
    moment: float,
    page_id: str,
    whose: Whose,
    shown: str,
    client: str,
    consent: str,
    rest: str,
) -> bytes:
    """The server's half of a page view as a frame of the spool: what ``Entry`` would be encoded as.
    ``rest`` are its last members, each with a comma before it."""
    at = json(moment).decode()  # Python's own text of such a float takes eight times as long
    return (
        f'{{"kind":"view","at":{at},"event":{{"messageId":"{page_id}","type":"page",'
        f'"timestamp":"{iso(moment)}",{whose.ids}"context":{{"page":{shown},{core.about},'
        f'"consent":{consent}{client}{whose.told}}}}}{whose.mark},"page":{{"id":"{page_id}",'
        f'"made":{at},"counting":"counted","host":"{core.host}"}},"consent":{consent}{rest}}}'
    ).encode()  # fmt: skip


class _Milliseconds(dict[int, str]):
    """Tenths of milliseconds as text; the few that most responses take are remembered."""

    def __missing__(self, tenths: int) -> str:
        text = f"{tenths // 10}.{tenths % 10}" if tenths > 0 else "0.0"
        if 0 <= tenths < _MOST_TENTHS:
            self[tenths] = text
        return text


_MOST_TENTHS = 2048
_MILLISECONDS = _Milliseconds()


def took(seconds: float) -> str:
    """How long a response took, in milliseconds with a tenth."""
    return _MILLISECONDS[int(seconds * 10_000)]
