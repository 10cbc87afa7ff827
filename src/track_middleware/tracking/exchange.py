"""One request and its response: what the app may ask of it, and the verbs inside it.

A face opens an exchange before the app runs, closes it when the response starts, and finishes it
when the body is done. Everything it learns lives in this object alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..errors import EventError
from ..event import Entry, Event, Kind, PageRef
from ..http import Errand, Reply, Request
from . import acting, ids
from .choice import taken
from .core import Core
from .identity import Identity, LoadedUser
from .opening import Parts, part, parts
from .own import Own
from .pageview import Visit
from .response import NOTHING, Ending, Response
from .scene import Scene
from .usual import usual


class Exchange:
    """One request and its response.

    ``own`` is set when the request is for one of our own paths: the face reads at most
    ``own.limit`` + 1 bytes of body and answers with ``reply``. ``excluded``: not tracked.
    ``finished``: it is over, and verbs called from now on belong to no request. ``route``: the
    route template, which the face sets before ``close``. ``loaded_user`` looks at the user whom the
    app has loaded; a face may set it once it knows more.
    ``usual``: what the cookies of a usual page hold, as long as nothing more is asked of it."""

    __slots__ = (
        "_at", "_closed", "_core", "_held", "_made", "_page_id", "_request", "excluded",
        "finished", "loaded_user", "own", "route", "usual")  # fmt: skip

    # A usual page's are made when somebody asks for one; __getattr__ would slow every attribute.
    _identity: Identity = part(0)
    _scene: Scene = part(1)
    _visit: Visit = part(2)
    _response: Response = part(3)

    def __init__(self, core: Core, request: Request, loaded_user: LoadedUser | None) -> None:
        self._core, self._request, self.loaded_user = core, request, loaded_user
        self._closed = self.finished = self.excluded = False
        self.route: str | None = None
        self._page_id: str | None = None
        self._made: list[Parts] = []
        self.own: Own | None = None
        self._at = at = core.now()
        self._held = self.usual = usual(core, request, at)
        if self.usual is None:
            self._make()

    def _make(self) -> Parts:
        self.usual = None
        self._made.append(parts(self._core, self._request, self._at, self._held, self._page_id))
        made = self._made[0]  # of several threads that ask at once the first one's is everybody's
        self.own, self.excluded = made.own, made.excluded
        return made

    @property
    def anonymous_id(self) -> str | None:
        """The visitor's id; None where there is none or consent does not allow it."""
        self._look()
        visitor = self._identity.visitor
        return visitor.id if visitor else None

    @property
    def user_id(self) -> str | None:
        """The signed-in user's id; None where consent does not allow it."""
        self._look()
        return self._identity.user if self._identity.allowed else None

    @property
    def session_id(self) -> str | None:
        """The session's id; None without a visitor."""
        session = self._identity.session
        return session.id if session else None

    @property
    def page_id(self) -> str | None:
        """The id of the page view that this request may become; None without a visitor."""
        return self._scene.page_id

    @property
    def campaign(self) -> dict[str, str]:
        """The campaign that the session came with; {} without one."""
        session = self._identity.session
        return dict(session.campaign or {}) if session else {}

    @property
    def first_campaign(self) -> dict[str, str]:
        """The visitor's first campaign; {} without one."""
        visitor = self._identity.visitor
        return dict(visitor.first or {}) if visitor else {}

    @property
    def consent(self) -> dict[str, str]:
        """What holds, by purpose: granted, denied or pending."""
        return dict(self._identity.consent)

    @property
    def has_news(self) -> bool:
        """Whether a campaign has arrived that ``mirror`` may give."""
        return self._core.settings.mirror and (self.usual or self._identity).campaign_arrived

    def mirror(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        """A campaign that has just arrived, for the framework's own session; None: nothing to do.
        ``headers`` as for ``close``: what a shared cache may store is nobody's."""
        is_news = self.has_news and not self._response.is_shared(headers)
        return self.campaign if is_news else None

    def track(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        timestamp: datetime | date | float | str | None = None,
        event_id: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Records something that happened; its id once it is on disk, None when none was kept."""
        core = self._core
        try:
            event = core.event(
                "track", name, properties, core.now(), user_id, anonymous_id, timestamp, event_id
            )
        except EventError as error:
            core.mistaken(error)
            return None
        return self._emit(event, context)

    def page(
        self, name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records this request's page view now, named; a further call is a view of its own."""
        page_id = self._scene.view_id
        is_own = self._visit == "navigation" and not self._response.view_kept and page_id
        if is_own and "event_id" not in given:
            self._response.view_kept, given["event_id"] = True, page_id
        return self._say("page", name, properties, given)

    def screen(
        self, name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records a screen of an app."""
        return self._say("screen", name, properties, given)

    def identify(
        self, user_id: str | None = None, traits: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Says who the visitor is. Another user than before starts a new visitor."""
        try:
            user = ids.user(user_id)
        except EventError as error:
            self._core.mistaken(error)
            return None
        self._look()
        identity = self._identity
        if user is not None and identity.allowed and identity.acting is None:
            acting.named(identity, user)
            self._scene.forget()
        return self._say("identify", None, traits, {**given, "user_id": user})

    def group(
        self, group_id: str, traits: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Says which group (company, team) the visitor belongs to."""
        return self._say("group", None, traits, {**given, "group_id": str(group_id)})

    def alias(self, user_id: str, previous_id: str | None = None, **given: Any) -> str | None:
        """Says that two ids are one person; ``previous_id`` is the visitor's unless given."""
        former = previous_id or self.anonymous_id
        return self._say("alias", None, None, {**given, "user_id": user_id, "previous_id": former})

    def reset(self) -> None:
        """Forgets who it was: from here on it is another visitor."""
        self._look()
        acting.left(self._identity)
        self._scene.forget()

    def set_consent(
        self, given: Mapping[str, Any], *, version: str = "", source: str = "server"
    ) -> None:
        """Takes a choice, {purpose: bool}; a purpose that is missing stays as it was. ``version``
        names the text that was agreed to, ``source`` who brought the choice."""
        try:
            said = taken(self._core, self._identity, given, version=version, source=source)
        except EventError as error:
            self._core.mistaken(error)
            return
        self._scene.forget()
        self._core.keep_last((said,))  # at once: a choice is no part of the app's transaction

    def impersonating(self, operator_id: object = "") -> None:
        """An operator acts as this request's user from here on; ``impersonation`` says what becomes
        of it. ``operator_id``: the operator's own; "" for whom the visitor was last told of, None
        when nobody does. To be called in every such request."""
        self.excluded = acting.begin(self._core, self._identity, operator_id) or self.excluded
        self._scene.forget()

    def signed_in(self, user_id: str) -> None:
        """The app has signed somebody in (a framework's signal): taken up with the next verb or the
        response, when it is known whether an operator signs in as another."""
        self._identity.signing = user_id

    def signed_out(self, user_id: str | None = None) -> None:
        """The app has signed its user out (a framework's signal); who had none stays who it is."""
        self._look()
        if not self.excluded and acting.is_over(self._identity, user_id):
            self.reset()

    def _say(
        self, kind: Kind, name: str | None, bag: Mapping[str, Any] | None, given: Mapping[str, Any]
    ) -> str | None:
        said = self._core.said(kind, name, bag, given, now=self._core.now())
        return None if said is None else self._emit(*said)

    def _emit(self, event: Event, context: Mapping[str, Any] | None) -> str | None:
        self._look()
        if self.excluded or not self._identity.allowed:
            return self._response.unpermitted(event, context, excluded=self.excluded)
        return self._record(event, context)

    def _record(
        self, event: Event, context: Mapping[str, Any] | None, *, how: str | None = None
    ) -> str | None:
        identity, scene, core = self._identity, self._scene, self._core
        if event.user_id is not None and acting.is_anothers(identity, event.user_id):
            return core.keep_outside(event, context, now=core.now())
        session = identity.session
        if event.anonymous_id is None:
            event.anonymous_id = identity.visitor_id
        if event.user_id is None:
            event.user_id = identity.user
        event.context = scene.context(context)
        entry = Entry("event", core.now(), event, consent=identity.consent, facts=scene.facts)
        entry.how = how
        if session is not None and event.type == "page" and event.message_id == scene.page_id:
            entry.kind, entry.person, entry.await_half = "view", identity.person(), True
            entry.page = PageRef(event.message_id, identity.at, "counted", core.host)
        return event.message_id if core.keep(entry) else None

    def _look(self) -> None:
        """Looks at the user that the app has loaded or signed in by now, and follows it; the face
        may learn of the route by that."""
        identity, look = self._identity, self.loaded_user
        is_open = identity.allowed and not self._closed
        # To look may say that somebody impersonates, and teaches Flask's face the route.
        seen = look() if is_open and look is not None else None
        self._scene.route = self.route
        known = is_open and (seen is not None or identity.signing is not None)
        if known and not self.excluded and acting.learnt(identity, seen):
            self._scene.forget()
            told = self._core.event("identify", None, None, identity.at)
            self._record(told, None, how="sign_in")

    def close(self, status: int, headers: Mapping[str, str]) -> Ending:
        """What the response becomes; called when it starts. Header names are lower case; several
        of one name are joined by ``, ``."""
        self._look()
        self._closed = True
        return NOTHING if self.excluded else self._response.close(status, headers)

    def finish(self) -> None:
        """Writes the page view, its mark and the request event; once, when the body is done."""
        if self.finished:
            return
        self.finished = True
        is_over = self.own is None and not self.excluded and self._closed
        if is_over and (entries := self._response.last_entries()):
            self._core.keep_last(entries)
        self.loaded_user = None  # the framework's request may hold us: without a cycle both go
        self._request.forget()

    def reply(self, body: bytes) -> Reply | Errand:
        """The answer to a request for one of our own paths, or the errand that brings it."""
        if self.own is None:
            raise LookupError("this request is the app's; only its own paths are answered here")
        return self.own.reply(body)
