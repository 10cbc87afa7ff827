"""What a request says of its events: the page, the session, the campaign, the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..http import Request
from . import origin
from .consent import PENDING
from .context import Context, Page, language, url
from .core import Core
from .identity import Identity
from .privacy import kept_address
from .whose import Whose


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
            said = self.described(self._identity.whose())
            self._context = msgspec.Raw(msgspec.json.encode(said))
        return self._core.kept_context(self._context, more) if more else self._context

    def described(self, whose: Whose) -> Context:
        """The context anew."""
        request, core, identity = self._request, self._core, self._identity
        address = request.peer
        if core.is_told_of_origins:
            address = origin.address(core, request)
            self.facts = origin.facts(core, request, identity)
        return Context(
            self._page(self.known_page_id or self.named()), core.library, "server",
            identity.consent, request.agent or None,
            kept_address(address, core.settings.ip) if address else None,
            language(request.language), whose.session, whose.campaign, whose.first, False,
            whose.migrated,
        )  # fmt: skip

    def counted(self) -> Context:
        """The context of what is counted without cookies: no address, no session, and of campaigns
        what this request's own query says."""
        request, identity = self._request, self._identity
        campaign = identity.campaign
        return Context(
            self._page(self.view_id), self._core.library, "server", identity.consent,
            request.agent or None, locale=language(request.language), cookieless=True,
            campaign=msgspec.Raw(msgspec.json.encode(campaign)) if campaign else None,
        )  # fmt: skip

    def _page(self, page_id: str | None) -> Page:
        request, redaction = self._request, self._core.redaction
        path, query = redaction.path(request.root_path + request.path), request.query
        referrer = request.referrer
        where = url(request.scheme, request.host, path, redaction.query(query) if query else query)
        return Page(where, path, page_id, self.route, redaction.url(referrer) if referrer else None)
