"""What a request says of its events: the page, the session, the campaign, the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..http import Request
from .context import Context, PageContext, language, session_context, url
from .core import Core
from .identity import Identity
from .origin import client


class Scene:
    """The context of one request's events, encoded once and kept until somebody else is speaking.

    ``route`` is the route template, ``facts`` the raw values that only enrichment reads.
    """

    __slots__ = ("_core", "_encoded", "_identity", "_page_id", "_request", "facts", "route")

    def __init__(self, core: Core, request: Request, identity: Identity) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._encoded: msgspec.Raw | None = None
        self._page_id: str | None = None
        self.route: str | None = None
        self.facts: dict[str, str] | None = None

    @property
    def path(self) -> str:
        """The path as the browser knows it, with the root path."""
        return self._request.root_path + self._request.path

    @property
    def page_id(self) -> str | None:
        """The id of the page view that the request may become; None without a visitor."""
        page_id = self._page_id
        if page_id is None and self._identity.visitor is not None:
            page_id = self._page_id = self._core.new_id()
        return page_id

    def forget(self) -> None:
        """Somebody else is speaking from here on: the context is built anew."""
        self._encoded = None

    def context(self, more: Mapping[str, Any] | None) -> Any:
        """The context of an event, with a caller's own keys over it."""
        if self._encoded is None:
            self._encoded = msgspec.Raw(msgspec.json.encode(self.described()))
        return {**msgspec.json.decode(self._encoded), **more} if more else self._encoded

    def described(self) -> Context:
        """The context as values."""
        request, header, core = self._request, self._request.header, self._core
        session = self._identity.session
        visitor = self._identity.visitor
        address, self.facts = client(core, request)
        arrived = self._identity.campaign
        return Context(
            page=self._page(),
            session=session_context(session) if session else None,
            campaign=arrived or (session.campaign if session else None) or None,
            first_campaign=visitor.first if visitor else None,
            user_agent=header("user-agent") or None,
            ip=address,
            locale=language(header("accept-language")),
            consent=self._identity.consent,
            library=core.library,
            platform="server",
        )

    def _page(self) -> PageContext:
        request, redaction = self._request, self._core.redaction
        referrer = request.header("referer")
        path = self.path
        query = redaction.query(request.query)
        return PageContext(
            id=self.page_id,
            url=url(request.scheme, request.host, path, query),
            path=path,
            route=self.route,
            referrer=redaction.url(referrer) if referrer else None,
        )
