"""What a request says of its events: the page, the session, the campaign, the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..http import Request
from . import context as contexts
from . import origin
from .consent import PENDING
from .context import json
from .core import Core
from .identity import Identity


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
            consent = json(self._identity.consent)
            self._context = msgspec.Raw(self.described(consent, self._identity.whose().standing))
        return self._core.kept_context(self._context, more) if more else self._context

    def described(self, consent: bytes, standing: bytes, of_page: bytes = b"") -> bytes:
        """The context anew, as JSON; ``of_page`` is what more is said of the page."""
        request, core = self._request, self._core
        address = request.peer
        if core.is_told_of_origins:
            address = origin.address(core, request)
            self.facts = origin.facts(core, request, self._identity)
        client = contexts.client(request.agent, request.language, address, core.settings.ip)
        about = self._page(self.known_page_id or self.named())
        about += (of_page, b"},", core.about, b',"consent":', consent, client, standing, b"}")
        return b"".join(about)

    def counted(self, of_page: bytes = b"") -> msgspec.Raw:
        """The context of what is counted without cookies: no address, no session, and of campaigns
        what this request's own query says."""
        request, identity, core = self._request, self._identity, self._core
        client = contexts.client(request.agent, request.language, "", "none")
        return msgspec.Raw(
            b"".join((
                *self._page(self.view_id), of_page, b'},"cookieless":true,',
                core.about, b',"consent":', json(identity.consent), client,
                contexts.standing(None, identity.campaign, None), b"}",
            ))
        )  # fmt: skip

    def _page(self, page_id: str | None) -> list[bytes]:
        request, redaction = self._request, self._core.redaction
        path, query = self.path, request.query
        if query:
            query = redaction.query(query)
        url, path_said = contexts.place(request.scheme, request.host, path, query)
        said = [b'{"page":{"url":', url, b',"path":', path_said]
        if page_id is not None:
            said += (b',"id":', json(page_id))
        if self.route is not None:
            said += (b',"route":', json(self.route))
        if request.referrer:
            said += (b',"referrer":', json(redaction.url(request.referrer)))
        return said
