"""Who a request is: consent first, then visitor, session and user, and what they become in it.

One object per request, owned by its exchange; it decides which of our cookies the response sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..event import Entry, Person
from ..http import Cookie, Request
from . import consent as consents
from . import session as sessions
from . import vendors
from . import visitor as visitors
from .banners import Heard
from .campaign import campaign
from .consent import Choice, Consent
from .cookies import Held
from .core import Core
from .migration import Migrated, migrated
from .session import Acting, Session
from .visitor import Visitor
from .whose import Whose, person_of, whose

#: Looks at the user that the app has already loaded: its id, "" for nobody, None for not loaded.
LoadedUser = Callable[[], "str | None"]


class Identity(msgspec.Struct):
    """The visitor, session, user and consent of one request; ``opening.identified`` makes it.

    ``allowed``: whether this visitor may be tracked at all. ``campaign_arrived``: the session has
    begun with this request's campaign. ``at`` is the request's time in epoch seconds. ``signing``:
    whom the app has signed in or named in this request; ``looked``: whom it had loaded last,
    ``stale``: whom when it said otherwise; ``acting``: an operator acts as another; ``heard``: the
    choice that another banner's cookie has brought; ``migrated``: whom a former tool knew.
    """

    _core: Core
    _request: Request
    at: float
    _held: Held
    _denied: tuple[str, ...]
    consent: Consent
    allowed: bool
    visitor: Visitor | None
    app_user: str | None = None
    campaign_arrived: bool = False
    _session: Session | None = None
    _campaign: dict[str, str] | None = None
    _choice: Choice | None = None
    _deleting: bool = False
    _nobody: str | None = None
    signing: str | None = None
    looked: str | None = None
    stale: str | None = None
    acting: Acting | None = None
    heard: Heard | None = None
    migrated: Migrated | None = None

    @property
    def user(self) -> str | None:
        """The user: the cookie's while the app confirms it, else what the app has loaded."""
        visitor = self.visitor
        if visitor is None:
            return self.app_user
        if visitor.user is None:
            return None
        return visitor.user_at(self.at, self._core.settings.session_max)

    @property
    def undecided(self) -> bool:
        """Whether no earlier request has brought a choice about analytics, by whatever banner."""
        choice = self._held.choice
        return choice is None or "analytics" not in choice.states

    @property
    def campaign(self) -> dict[str, str]:
        """The campaign in this request's own query."""
        if self._campaign is None:
            query = self._request.query
            self._campaign = campaign(self._core.redaction.query(query)) if query else {}
        return self._campaign

    def landed(self, query: str) -> None:
        """The script says with which query a page was opened that the server could not look at."""
        self._campaign = campaign(self._core.redaction.query(query)) if query else {}

    @property
    def visitor_id(self) -> str:
        """The visitor's id, or a one-off id where nobody was minted."""
        if self.visitor is not None:
            return self.visitor.id
        if self._nobody is None:
            self._nobody = self._core.new_id()
        return self._nobody

    def arrive(self) -> None:
        """A top-level navigation: mints a visitor where there is none, opens or prolongs the
        session. Who followed a linked site's link comes as that site's visitor."""
        held = self._held
        if self.at <= held.until and self.visitor is held.visitor and not self._request.query:
            self._session, self._campaign = held.session, {}
            return
        if self._core.crossing is not None and self.allowed and self._request.query:
            crossed = self._core.crossing.arrival(
                self._request, self.visitor, self.campaign, now=self.at,
                idle=self._core.settings.session_timeout, longest=self._core.settings.session_max,
            )  # fmt: skip
            if crossed is not None:
                if self.visitor is not None:
                    self._was(self.visitor.id, Person(crossed[0].id), "crossing")
                self.become(*crossed)
        if self.visitor is None and self.allowed:
            visitor = self.mint(self._core.new_id(), fresh=held.visitor_value is None)
            if self.migrated is None:
                own = self._core.new_id()
                first = sessions.first(visitor.id, own, self.campaign, 0, self.at)
                self._session = self._begun(visitor, first)
        if self._session is None and self.visitor is not None:
            self._session = self._opened(self.visitor)

    def _was(self, former: str, person: Person, how: str) -> None:
        """Tells the worker that this visitor was another before."""
        self._core.keep_last((Entry("mark", self.at, person=person, how=how, former=former),))

    def mint(self, visitor_id: str, *, fresh: bool) -> Visitor:
        """Makes this request's visitor a new one, or the one that a former tool knew."""
        if fresh and (tools := self._core.former_tools) is not None:
            self.migrated = migrated(self._request.cookie, tools, self._held.choice)
            if self.migrated is not None:
                visitor_id, fresh = self.migrated.id, False
        self._session = None
        self.visitor = made = visitors.minted(visitor_id, self.at, fresh=fresh)
        return made

    @property
    def session(self) -> Session | None:
        """The session that an event of this request belongs to; opened or prolonged by asking."""
        if self._session is None and self.visitor is not None:
            self._session = self._opened(self.visitor)
        return self._session

    def _opened(self, visitor: Visitor) -> Session:
        stored, settings = self._held.session, self._core.settings
        idle, longest = settings.session_timeout, settings.session_max
        arrived, now = self.campaign, self.at
        session = sessions.current(stored, visitor.id, arrived, now=now, idle=idle, longest=longest)
        return session if session is stored else self._begun(visitor, session)

    def _begun(self, visitor: Visitor, session: Session) -> Session:
        """The session, which begins with this request; its campaign may be the visitor's first."""
        if session.campaign:
            self.campaign_arrived = True
            if visitor.first is None:
                self.visitor = msgspec.structs.replace(visitor, first=session.campaign)
        return session

    def whose(self) -> Whose:
        """What an event says of visitor, session and user; often just what the cookies say."""
        session, held, visitor = self._session or self.session, self._held, self.visitor
        arrived = self.campaign if self._campaign is None else self._campaign
        user = None if visitor is not None and visitor.user is None else self.user
        if (
            (said := held.whose) is not None and not arrived and said.user == user
            and session is held.session and visitor is held.visitor
        ):  # fmt: skip
            return said
        tool = self.migrated.tool if self.migrated else None
        campaign = arrived or (session.campaign if session is not None else None)
        return whose(visitor, session, user, campaign, tool)

    def peeked_session(self) -> Session | None:
        """The stored session, for what neither opens nor prolongs one."""
        stored = self._held.session
        return stored if stored and self.visitor and stored.visitor == self.visitor.id else None

    def sign_in(self, user: str) -> bool:
        """Takes the user that the app or a verb names; True when the visitor has not had them yet.

        Another user than before starts a new visitor; without a visitor nobody is stitched.
        """
        if self.visitor is None:
            self.app_user = user
            return False
        if visitors.is_another(self.visitor, user):
            self.mint(self._core.new_id(), fresh=False)
        visitor = self.visitor
        if not visitor.signed_in or self.at - visitor.confirmed > self._core.confirm_after:
            self.visitor = visitors.with_user(visitor, user, self.at)
        return visitor.user is None

    def user_gone(self) -> None:
        """The app has loaded nobody: the cookie's user is over, the visitor stays."""
        self.app_user = None
        if self.visitor is not None and self.visitor.signed_in:
            self.visitor = visitors.without_user(self.visitor)

    def become(self, visitor: Visitor | None, session: Session | None) -> None:
        """From here on it is this visitor, in this session."""
        self.visitor, self._session = visitor, session

    def start_over(self) -> None:
        """A sign-out or reset: from here on it is another visitor."""
        self.acting = self.app_user = self.signing = None
        if self.visitor is not None:
            self.mint(self._core.new_id(), fresh=False)

    def choose(self, given: Mapping[str, Any]) -> Choice:
        """Takes a consent choice; a refusal ends visitor and session with this request."""
        choice = consents.chosen(given, self._choice or self._held.choice, self.at)
        self.consent, self.allowed = self._core.rules.decide(choice, self._denied)
        self._choice, self.heard = choice, None
        if not self.allowed:
            self._deleting = True
            self.visitor = self._session = None
        return choice

    @property
    def signal(self) -> str:
        """Which of the browser's headers refuses something whatever is chosen; "" where none."""
        return self._core.rules.signal(self._request) if self._denied else ""

    def person(self, *, opens: bool = True) -> Person | None:
        """Visitor, session and user as the worker shall know them; None without a visitor."""
        session = (self._session or self.session) if opens else self.peeked_session()
        visitor = self.visitor
        return None if visitor is None else person_of(visitor, session, self.user)

    def cookies(self, *, arriving: bool) -> tuple[Cookie, ...]:
        """What the response sets: changed values, and renewed ones at most once a day or minute.

        ``arriving``: the answer to a navigation, which always has a session.
        """
        if arriving and self._session is None:
            self.arrive()
        visitor, session, held, at = self.visitor, self._session, self._held, self.at
        is_as_it_came = visitor is held.visitor and session is held.session
        if at <= held.until and is_as_it_came and self._choice is None is self._core.written:
            return ()
        if self.acting is not None and self.allowed:
            visitor, session = self.acting.visitor, self.acting.session
        jars, request = self._core.cookies, self._request
        twins = jars.widened(request) if held.several else []
        wanted = [*twins]
        choice = self._choice or (held.choice if twins else None)
        if choice is None and arriving and held.choice is not None:
            choice = jars.dated(request.cookie, held.choice)
        if choice is not None:
            wanted.append(jars.set(jars.choice, choice, request))
        if self._deleting and not self.allowed:
            wanted += [*jars.ended(request), *self._vendors(None)]
        if visitor is None:
            return tuple(wanted)
        due = at - visitor.renewed > visitors.RENEW_AFTER or bool(twins)
        if due or visitor is not held.visitor:
            kept = visitors.kept(visitor, at) if due else visitor
            wanted.append(jars.set(jars.visitor, kept, request))
        if session is not None and (
            twins or session is not held.session or at - session.seen > sessions.RENEW_AFTER
        ):
            wanted.append(jars.set(jars.session, sessions.kept(session, at), request))
        if self._core.written is not None:
            wanted += self._vendors(visitor.id)
        return tuple(wanted)

    def _vendors(self, visitor: str | None) -> list[Cookie]:
        if self._core.written is None:
            return []
        former = self.former
        return vendors.renewed(
            self._core.written, self._request, self._core.site_of(self._request.host),
            self.consent, former=former.id if former else None, visitor=visitor,
        )  # fmt: skip

    @property
    def former(self) -> Visitor | None:
        """The visitor as which the request came, also one who may not be tracked any more."""
        return self._held.visitor or self._core.cookies.visitor.read(self._held.visitor_value or "")

    @property
    def is_another(self) -> bool:
        """Whether the request came as another visitor's, whom vendors' cookies still name."""
        former, visitor = self._held.visitor, self.visitor
        return former is not None and (visitor is None or visitor.id != former.id)
