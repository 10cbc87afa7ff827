"""The tracker: opens exchanges, and speaks the verbs where there is no request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..errors import EventError
from ..event import Kind
from ..http import Request
from ..settings import Settings
from .core import Core
from .exchange import Exchange
from .identity import LoadedUser
from .outside import Outside, Say
from .seams import Seams


class Tracker:
    """One site's tracker: pure but for the seams it was given."""

    __slots__ = ("core", "say", "settings")

    def __init__(self, settings: Settings, seams: Seams) -> None:
        self.settings = settings
        core = self.core = Core(settings, seams)
        outside = Outside(
            now=core.now, new_id=core.new_id, redaction=core.redaction, about=core.outside,
            keep=seams.keep or self._keep, otherwise=self._say, refused=core.refused,
        )  # fmt: skip
        is_looked_at = settings.debug or settings.traits is not None
        #: ``track`` without a further keyword: mostly in one step. In development each value is
        #: looked at, and an allow-list of traits at some names.
        self.say: Say = self._say if is_looked_at else outside.say

    def open(self, request: Request, loaded_user: LoadedUser | None = None) -> Exchange:
        """The exchange of a request. ``loaded_user`` looks at the user that the app has already
        loaded (its id, "" for nobody, None for not loaded) and never loads one."""
        return Exchange(self.core, request, loaded_user)

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
        """Records something that happened outside a request; its id once it is on disk."""
        core = self.core
        now = core.now()
        try:
            event = core.event(
                "track", name, properties, now, user_id, anonymous_id, timestamp, event_id
            )
        except EventError as error:
            core.mistaken(error)
            return None
        return core.keep_outside(event, context, now=now)

    def page(
        self, name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records a page view outside a request."""
        return self._other("page", name, properties, given)

    def screen(
        self, name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records a screen of an app."""
        return self._other("screen", name, properties, given)

    def identify(
        self, user_id: str | None = None, traits: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records who a user is."""
        return self._other("identify", None, traits, {**given, "user_id": user_id})

    def group(
        self, group_id: str, traits: Mapping[str, Any] | None = None, **given: Any
    ) -> str | None:
        """Records which group a user belongs to."""
        return self._other("group", None, traits, {**given, "group_id": str(group_id)})

    def alias(self, user_id: str, previous_id: str | None = None, **given: Any) -> str | None:
        """Records that two ids are one person."""
        if previous_id is None:
            self.core.mistaken(EventError("alias() outside a request wants previous_id"))
            return None
        both = {"user_id": user_id, "previous_id": previous_id}
        return self._other("alias", None, None, {**given, **both})

    def _keep(self, frame: bytes) -> bool:
        return self.core.sink((frame,))

    def _say(
        self, name: str, properties: Mapping[str, Any] | None, user_id: str | None
    ) -> str | None:
        return self.track(name, properties, user_id=user_id)

    def _other(
        self, kind: Kind, name: str | None, bag: Mapping[str, Any] | None, given: Mapping[str, Any]
    ) -> str | None:
        now = self.core.now()
        said = self.core.said(kind, name, bag, given, now=now)
        return None if said is None else self.core.keep_outside(*said, now=now)
