"""Every setting: name, type, default, meaning."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import SettingsError

logger = logging.getLogger("track_middleware")

#: Query and property names whose values never leave the request.
REDACTED = (
    "token", "access_token", "id_token", "refresh_token", "csrf_token", "csrfmiddlewaretoken",
    "key", "api_key", "apikey", "password", "passwd", "pwd", "secret", "client_secret", "code",
    "email", "e-mail", "mail", "signature", "sig", "auth", "authorization", "session", "sessionid",
    "otp", "pin", "ssn", "card", "cvv", "iban", "phone",
)  # fmt: skip

#: What is replaced by its looks; ``patterns`` knows how.
PATTERNS = ("email", "card", "token")

#: Vendors whose scripts' cookies ``bridge`` may name, by their destinations' schemes.
BRIDGED = (
    "amplitude", "ga4", "heap", "mixpanel", "posthog", "rudderstack", "segment", "snowplow",
)  # fmt: skip

#: Other consent banners whose cookies ``banners`` may name.
BANNERS = ("cookiebot", "django-cookie-consent", "klaro", "onetrust", "tcf")

Dotted = str | Callable[..., Any]


def _setting(default: Any, meaning: str, *, one_of: tuple[Any, ...] = (), low: float = 0) -> Any:
    metadata = {"meaning": meaning, "one_of": one_of, "low": low}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. ``""`` stands for "derived at start" where the table says so."""

    enabled: bool = _setting(
        True, "Off: nothing is tracked, tagged or answered; verbs return None."
    )
    debug: bool = _setting(
        False, "Mistakes raise instead of being counted. Follows the framework's own debug switch."
    )
    secret_key: str = _setting(
        "",
        "Signs cookies and tokens and derives the path. Empty: the framework's, else made once in the data folder.",
    )
    secret_key_fallbacks: list[str] = _setting(
        [], "Former secret keys: still verified, never signed with."
    )
    data_dir: str = _setting(
        "",
        "Folder of the spool, store and locks (mode 0700). Empty: Django's BASE_DIR/.track, Flask's instance_path/track, else ./.track.",
    )
    store: str = _setting(
        "",
        "The event store's URL: sqlite:///file, postgresql://… for several hosts, or nats://… for a log in JetStream. Empty: sqlite:///<data_dir>/events.db.",
    )
    deliver: str = _setting(
        "process",
        "Who delivers: a child process of the elected web process, a thread in it, only the worker verb, or the request itself.",
        one_of=("process", "thread", "worker", "inline"),
    )
    destinations: list[str] = _setting([], "URLs of the systems that get the events.")
    path: str = _setting(
        "",
        "First path segment of everything that the browser calls. Empty: derived from the secret key.",
    )
    path_grace_days: int = _setting(30, "How long a former path still answers, in days.")
    page_views: bool = _setting(True, "The server counts page views.")
    requests: str = _setting(
        "changes",
        "Which requests leave a Request event: all, none, or changes (non-GET, and answers of 500 and more).",
        one_of=("changes", "all", "none"),
    )
    exclude: list[str] = _setting([], "Path globs that are never tracked.")
    shared: list[str] = _setting(
        [], "Path globs whose responses a shared cache stores although their headers do not say so."
    )
    inject: bool = _setting(
        True, "The script tag is put into HTML documents; off: only where the template tag stands."
    )
    client_global: str = _setting(
        "track", "Name of the browser's global function; never overwrites one that is there."
    )
    autocapture: bool = _setting(
        False, "The script records clicks on links and buttons and form submits by itself."
    )
    consent: str = _setting(
        "opt_out",
        "What holds before somebody chose: everything (opt_out) or nothing (opt_in).",
        one_of=("opt_out", "opt_in"),
    )
    respect_gpc: str | bool = _setting(
        "marketing",
        "What Sec-GPC denies: marketing, all, or nothing (False). Unless False, /.well-known/gpc.json says so, but where exclude names it.",
        one_of=("marketing", "all", False),
    )
    cookie_name: str = _setting("_tm", "Prefix of the three cookies.")
    cookie_domain: str = _setting(
        "", "Domain of the cookies; auto: the registrable domain. Empty: this host only."
    )
    cookie_max_age: int = _setting(
        365 * 86400, "Life of the visitor's cookie in seconds; browsers allow 400 days.", low=60
    )
    session_timeout: int = _setting(1800, "Idle seconds after which a session is over.", low=1)
    session_max: int = _setting(
        86400,
        "Longest session, and longest time a user is believed unconfirmed, in seconds.",
        low=1,
    )
    redact: list[str] = _setting(
        list(REDACTED), "Names of query parameters and properties whose values are replaced."
    )
    redact_patterns: list[str] = _setting(
        list(PATTERNS),
        "What is replaced wherever it stands in paths, queries and properties: what looks like an email, a card or a token, and regular expressions of your own.",
    )
    unstored: list[str] = _setting(
        [],
        "Events (globs of their names) that are delivered and then not kept: they go from the store once every destination has had them. A call says it by context={'store': False}.",
    )
    ip: str = _setting(
        "truncate", "What is kept of a client's address.", one_of=("truncate", "full", "none")
    )
    trusted_proxies: int = _setting(
        0, "How many proxies before this server add to X-Forwarded-For."
    )
    user_id: Dotted | None = _setting(
        None,
        "Callable or dotted path: request -> user id, an empty text for nobody, None where it is not known.",
    )
    browser_identity: str = _setting(
        "verified",
        "verified: a user id claimed by the browser counts only when the cookie says the same.",
        one_of=("verified", "trusted"),
    )
    write_keys: dict[str, str] = _setting(
        {},
        "Write key -> platform (server, web, ios, android), for Segment's and RudderStack's SDKs. Empty: their paths answer 404.",
    )
    linked_domains: list[str] = _setting(
        [],
        "Other hosts of yours that share the visitor; they have this secret key, and name this host in turn.",
    )
    proxies: list[str] = _setting([], "Vendors whose browser scripts are served from this host.")
    console: Dotted | None = _setting(
        None,
        "Who may open the console: a token of 16 characters or more, or a callable or dotted path: request -> bool. Unset: in Django staff; elsewhere nobody, but in development whoever sits at this machine.",
    )
    plan: str | None = _setting(
        None,
        "The tracking plan: tracking_plan.py, a YAML or JSON file, or the dotted name of a module.",
    )
    reconcile: dict[str, dict[str, str]] = _setting(
        {},
        "Event -> where the same numbers can be counted independently: source and sql as a backfill takes them, id, time, sum, user, anonymous (columns), time_zone.",
    )
    keep_days: int = _setting(90, "How long served events stay in the store.", low=1)
    dedupe_days: int = _setting(400, "How long an event's id is remembered.", low=1)
    min_free: str = _setting(
        "",
        "Free disk below which nothing of ours grows: 5%, 2GiB, or bytes. Empty: 5% and at least 512 MiB.",
    )
    before_send: Dotted | None = _setting(
        None, "Dotted path: event -> event or None, in the worker."
    )
    enrichers: list[Dotted] = _setting(
        [], "Dotted paths: event -> event, in the worker, in a thread of their own."
    )
    enricher_timeout: float = _setting(
        1.0,
        "Seconds that an enricher may take for an event, which then goes on without it.",
        low=0.001,
    )
    history: dict[str, Any] = _setting(
        {},
        "What events are told of their visitor's or user's past, under names of yours: "
        "first_seen, days_since_first_seen, days_since_last_seen, session_number, first_touch, "
        "each True; {count: Event}, {days_since: Event}, {sum: Event.property}, and likewise first "
        "and last.",
    )
    repairs: str | None = _setting(
        None,
        "Dotted path of a list of repairs: what releases send wrongly is put right in the worker, before the plan looks at it.",
    )
    geo_file: str | None = _setting(None, "A MaxMind-format country database.")
    traits: list[str] | None = _setting(None, "Allow-list of traits; unset: all.")
    dnt: bool = _setting(False, "DNT: 1 counts as a refusal.")
    cookieless: bool = _setting(
        False,
        "With consent=opt_in: before a choice, page views and events are counted without cookies, as nobody's.",
    )
    banners: list[Dotted] = _setting(
        [],
        "Other consent banners whose cookies hold the choice: cookiebot, django-cookie-consent, klaro, onetrust, tcf, each with ?analytics=…&marketing=… for its categories; or a callable or dotted path: cookies -> {purpose: bool} or None.",
    )
    migrate_cookies: list[str] = _setting(
        [],
        "Former tools whose cookies say who a visitor is that has none of ours yet: ahoy, amplitude, ga4, heap, matomo, mixpanel, posthog, rudderstack, segment, snowplow, or a cookie's name (ajs_anonymous_id, ahoy_visitor, _pk_id, _ga).",
    )
    bridge: list[str] = _setting(
        [],
        "Vendors whose scripts' first-party cookies are read, or written, so that both sides' events are one visitor's there: amplitude, ga4, heap, mixpanel, posthog, rudderstack, segment, snowplow.",
    )
    impersonation: str = _setting(
        "suspend",
        "What happens while an operator is logged in as somebody: nothing is tracked (suspend), or what happens is the operator's, on a visitor of its own (separate).",
        one_of=("suspend", "separate"),
    )
    noscript: bool = _setting(False, "Browsers without JavaScript confirm their views by an image.")
    hash_routes: bool = _setting(False, "A changed #hash is a page view.")
    hold: bool = _setting(
        True,
        "With opt_in: what is done on a page before the choice waits in its memory alone, and is "
        "sent when it is granted.",
    )
    js_errors: bool = _setting(False, "The script reports uncaught errors.")
    bait: bool | str = _setting(
        False,
        "The script asks once a tab for an address that blockers know, so that the loss meter can "
        "say how many visitors run one: True, one on this host; or the https:// address of a "
        "tracker.",
    )
    time_zone: str = _setting("UTC", "Time zone of the console's days.")
    data_host: str = _setting("", "Id of the host of this data folder. Empty: the machine's name.")
    merge_window: float = _setting(
        5.0, "How long a page view waits for its other half, in seconds."
    )
    outbox: bool = _setting(
        False, "Django: events of a transaction are rows of the app's own database."
    )
    mirror: bool = _setting(True, "A new campaign is put into the framework's own session.")
    strict: bool = _setting(False, "A refused event raises.")


NAMES = tuple(each.name for each in fields(Settings))

#: Settings that are read and checked, and that no code of this release acts on.
RESERVED: tuple[str, ...] = ()


def reserved(settings: Settings) -> list[str]:
    """Those reserved settings that say something else than their default."""
    unset = Settings()
    return [name for name in RESERVED if getattr(settings, name) != getattr(unset, name)]


#: Who may speak with a write key.
PLATFORMS = ("server", "web", "ios", "android")


def free_bytes(text: str, *, total: int) -> int:
    """The bytes that ``min_free`` asks to keep free on a disk of ``total`` bytes."""
    if not text:
        return max(total // 20, 512 * 2**20)
    units = {"%": total / 100, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
    lowered = text.strip().lower()
    for suffix, unit in units.items():
        if lowered.endswith(suffix):
            lowered, factor = lowered[: -len(suffix)], unit
            break
    else:
        factor = 1
    try:
        return int(float(lowered) * factor)
    except ValueError as error:
        raise SettingsError("min_free", f"{text!r} is none of 5%, 2GiB, 1048576") from error
