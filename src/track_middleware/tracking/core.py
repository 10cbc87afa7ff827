"""What all exchanges of one tracker share: settings, keys, clock, ids and the sink.

Nothing in here changes after the start, but the rate limit's table, remembered cookies, and
texts known to be harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from ..errors import EventError, Refused
from ..event import Entry, Event, Kind, Last, iso, strict_encoder
from ..globs import matching
from ..patterns import Patterns
from ..settings import Settings
from . import ids, migration, routes, vendors
from .arguments import checked_name, is_context, moment
from .banners import banners
from .campaign import CLICK_IDS
from .consent import Rules
from .context import Clients, Places
from .cookies import Cookies
from .crossing import Crossing
from .limit import Limit
from .privacy import kept_address, without_addresses
from .probe import Probe
from .redaction import Redaction
from .seams import Seams
from .snippet import Snippet
from .token import Tokens, host_id

#: Beacons of one client: so many at once, so many a second from then on.
_BURST, _RATE = 120.0, 20.0
#: Calls of apps' and servers' SDKs: many phones, or a whole fleet of servers, share an address.
_MANY_BURST, _MANY_RATE = 1000.0, 500.0

#: Properties that say what somebody is.
_AS_TRAITS = frozenset(("$set", "$set_once"))

#: How much of a refused message a dead letter keeps.
_KEPT = 4096


class Core:
    """Settings made ready, and what comes in from outside.

    ``starts``: the beginnings of our own paths. ``excluded``, ``shared``: patterns of the paths
    that are never tracked, and that a shared cache stores; None where the settings name none.
    ``library`` names us, ``about`` says it in the JSON of every server event's context.
    ``vendor_cookies``: whose raw values become facts; None where no destination wants any.
    ``crossing``: None where no domain is linked. ``written``: those vendors' cookies that we write
    where they are missing; None without any. ``banners``: others whose cookies hold a choice; None
    without any. ``former_tools``: whose cookies say who a new visitor is; None without any.
    ``is_usual``: pages are counted, other safe requests not, and no path is said to be shared.
    ``is_plain``: moreover no setting asks who a request is, or what it permits, but its own cookies
    and GPC. ``is_first``: moreover whoever is new came from nowhere else. ``greets``: moreover they
    may be tracked without a choice.
    ``salt``: None where nothing is counted without cookies. ``holds``: whether a page holds what is
    done on it before a choice. ``has_console``: the operator's pages are answered.
    """

    __slots__ = (
        "_sealed", "about", "banners", "clients", "confirm_after", "cookies", "count", "crossing",
        "excluded", "former_tools", "greets", "has_console", "holds", "host", "is_first",
        "is_plain", "is_told_of_origins", "is_usual", "kept_properties", "last_keep", "last_sink",
        "library", "limit", "linked", "load_mac", "many", "new_id", "now", "outside", "places",
        "plan", "prefix", "probe", "redaction", "rules", "salt", "scripts", "serving", "settings",
        "shared", "sink", "site_of", "slots", "snippet", "starts", "tokens", "traits", "trouble",
        "vendor_cookies", "written",
    )  # fmt: skip

    def __init__(self, settings: Settings, seams: Seams) -> None:
        self.settings = settings
        self.now, self.new_id = seams.now, seams.new_id
        self.sink, self.last_sink = seams.sink, seams.last_sink
        self.last_keep = seams.last_keep or (lambda entry: seams.last_sink((entry,)))
        self.plan, self.slots = seams.plan, seams.slots
        self.count, self.trouble = seams.count, seams.trouble
        self.scripts = seams.scripts
        self.host = host_id(settings.data_host)
        self.cookies = Cookies(settings, seams.keys, seams.domain_of)
        self.tokens = Tokens(seams.keys, self.host)
        self.load_mac = routes.load_mac(seams.keys[-1])
        self.probe, self.serving = Probe(seams.keys), seams.serving
        self.rules = Rules(settings)
        self.limit = Limit(rate=_RATE, burst=_BURST)
        self.many = Limit(rate=_MANY_RATE, burst=_MANY_BURST)
        self.prefix = seams.prefixes[0]
        self.has_console = settings.console is not None or settings.debug
        self.linked = frozenset(name.lower() for name in settings.linked_domains)
        self.crossing = Crossing(seams.keys, self.linked, seams.claim) if self.linked else None
        names = self.crossing.names if self.crossing else ()
        patterns = Patterns(settings.redact_patterns, ids=CLICK_IDS)
        self.redaction = Redaction(settings.redact, removed=names, patterns=patterns)
        self.snippet = Snippet(settings, self.prefix, crossing=names[0] if names else "")
        self.traits = None if settings.traits is None else frozenset(settings.traits)
        bag = self.redaction.bag
        self.kept_properties = bag if self.traits is None else self._with_kept_traits
        self._sealed = self.redaction.sealed if self.traits is None else self._with_kept_traits
        self.confirm_after = settings.session_max / 2
        self.library = msgspec.Raw(
            msgspec.json.encode({"name": "track-middleware", "version": seams.version})
        )
        self.about = f'"library":{bytes(self.library).decode()},"platform":"server"'
        self.outside = msgspec.Raw(f"{{{self.about}}}".encode())
        self.clients, self.places = Clients(settings.ip), Places(self.redaction)
        self.excluded = matching(settings.exclude if settings.enabled else ["*"])
        left = self.excluded is not None and self.excluded.match(routes.GPC) is not None
        self.starts = routes.starts(
            seams.prefixes if settings.enabled else (), gpc=bool(settings.respect_gpc) and not left
        )
        self.shared = matching(settings.shared)
        self.vendor_cookies = vendors.Wanted(settings.destinations, settings.bridge) or None
        self.is_told_of_origins = bool(settings.trusted_proxies) or self.vendor_cookies is not None
        self.written = vendors.written(settings.destinations, settings.bridge)
        self.site_of = seams.site_of
        self.banners = banners(settings.banners, seams.resolved)
        self.former_tools = migration.tools(settings.migrate_cookies, settings.destinations)
        self.holds = settings.consent == "opt_in" and settings.hold
        self.salt = seams.salt if settings.cookieless else None
        is_only_changes = settings.requests != "all"
        self.is_usual = settings.page_views and is_only_changes and self.shared is None
        is_odd = settings.dnt or self.banners or self.written
        self.is_plain = self.is_usual and not is_odd
        is_known_elsewhere = self.crossing is not None or self.former_tools is not None
        self.is_first = self.is_plain and not is_known_elsewhere
        self.greets = self.is_first and self.rules.decide(None, ())[1]

    def keep(self, entry: Last) -> bool:
        """Hands one entry to the sink; False (with ``strict``: Refused) when it was not kept."""
        return self.sink((entry,)) is not False or self.refused()

    def keep_last(self, entries: Sequence[Last]) -> bool:
        """Hands over what a request leaves behind; False when it was not kept."""
        return self.last_sink(entries) is not False or self.refused()

    def refused(self) -> bool:
        """What follows where the sink took nothing: False, or with ``strict`` Refused."""
        if self.settings.strict:
            raise Refused("the spool took no more; `track-middleware status` says why")
        return False

    def mistaken(self, error: EventError) -> None:
        """A caller's mistake: raised in development, counted and logged once in production."""
        self.trouble(error)

    def event(
        self,
        kind: Kind,
        name: str | None,
        bag: Mapping[str, Any] | None,
        now: float,
        user_id: object = None,
        anonymous_id: str | None = None,
        timestamp: datetime | date | float | str | None = None,
        event_id: str | None = None,
    ) -> Event:
        """An event from a verb's arguments, which are checked here; EventError says what is wrong.

        ``bag`` is properties, or the traits of an identify and group.
        """
        is_track = kind == "track"
        if name is not None:
            name = checked_name(name)
        elif is_track:
            raise EventError("track() wants the event's name")
        if bag is not None and type(bag) is not dict:
            if not isinstance(bag, Mapping):
                raise EventError(f"properties are a dict, not a {type(bag).__name__}")
            bag = dict(bag)
        if bag and self.settings.debug:
            strict_encoder.encode(bag)
        says_who = kind in ("identify", "group")
        return Event(
            self.new_id() if event_id is None else ids.event_id(event_id),
            kind,
            iso(now) if timestamp is None else moment(timestamp),
            name if is_track else None,
            None if is_track else name,
            None if anonymous_id is None else ids.user(anonymous_id),
            None if user_id is None else ids.user(user_id),
            None,
            None,
            None if says_who else self._sealed(bag) or None,
            self.kept_traits(bag) if says_who else None,
        )

    def said(
        self,
        kind: Kind,
        name: str | None,
        bag: Mapping[str, Any] | None,
        given: Mapping[str, Any],
        *,
        now: float,
    ) -> tuple[Event, Mapping[str, Any] | None] | None:
        """An event of a verb that passes its keywords on, and the context among them; None when
        they are mistaken, which is told."""
        more = dict(given)
        context = more.pop("context", None)
        group_id, previous_id = more.pop("group_id", None), more.pop("previous_id", None)
        try:
            event = self.event(kind, name, bag, now, **more)
            event.previous_id = None if previous_id is None else ids.user(previous_id)
        except EventError as error:
            self.mistaken(error)
            return None
        event.group_id = group_id
        return event, context

    def keep_outside(
        self, event: Event, context: Mapping[str, Any] | None, *, now: float
    ) -> str | None:
        """Keeps an event that belongs to no request, or to nobody who is in it: its id, None when
        it was not kept. Whose consent it is, the worker knows."""
        if event.user_id is None and event.anonymous_id is None:
            event.anonymous_id = self.new_id()
        event.context = self.kept_context(self.outside, context) if context else self.outside
        if self.sink((Entry("event", now, event),)) is False:
            self.refused()
            return None
        return event.message_id

    def kept_context(self, about: msgspec.Raw, more: Mapping[str, Any] | None) -> Any:
        """A context with a caller's own keys over it; of traits among them what the allow-list lets
        through, of an address what may be kept."""
        if not more or not is_context(more, self.mistaken):
            return about
        both = {**msgspec.json.decode(about), **more}
        if "ip" in more:
            both["ip"] = kept_address(str(more["ip"]), self.settings.ip)
        traits = both.get("traits")
        if self.traits is not None and traits is not None:
            both["traits"] = self.kept_traits(traits) if isinstance(traits, Mapping) else None
        return both

    def letter(self, raw: bytes) -> str:
        """What is kept of a refused message, for its dead letter."""
        text = raw[:_KEPT].decode("utf-8", "replace")
        return without_addresses(self.redaction.letter(text), self.settings.ip)

    def _with_kept_traits(self, properties: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Properties as they are kept, where there is an allow-list of traits: PostHog takes some
        properties for traits (posthog.com/docs/product-analytics/person-properties)."""
        kept: Mapping[str, Any] | None = self.redaction.bag(properties)
        if not kept or _AS_TRAITS.isdisjoint(kept):
            return kept
        told = {name: kept[name] for name in _AS_TRAITS & kept.keys()}
        allowed = {
            name: self.kept_traits(said) or {}
            for name, said in told.items()
            if isinstance(said, Mapping)
        }
        return {name: allowed.get(name, said) for name, said in kept.items()
                if name in allowed or name not in told}  # fmt: skip

    def kept_traits(self, traits: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """The traits that the allow-list lets through."""
        if not traits or self.traits is None:
            return traits or None
        return {name: value for name, value in traits.items() if name in self.traits} or None
