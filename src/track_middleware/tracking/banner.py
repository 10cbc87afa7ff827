"""A small banner of our own: a form that works without a script, and is gone once it is answered.

Its bytes are the same for everybody, so that a cached fragment or page may hold it. A stylesheet of
ours, which no shared cache stores, hides it from whoever has chosen; a link to ``#track-banner``
shows it again. Nothing here needs an inline script or style.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, quote, urlsplit

from ..errors import EventError
from ..http import Reply, Request
from .choice import VERSION_LENGTH, taken
from .consent import DENIED, PURPOSES
from .core import Core
from .crossing import bare, host_of
from .door import full, refusal
from .identity import Identity

#: What the fields of the form are called.
GRANTED_FIELD, VERSION_FIELD = "granted", "version"

FORM = "application/x-www-form-urlencoded"

_TEXT = "May we measure how this site is used, and how our advertising works?"
_HIDDEN = b"[data-track-banner]:not(:target){display:none}"
_MOST_FIELDS = 20


class Html(str):
    """Text that templates take as it stands (the ``__html__`` of MarkupSafe and Django)."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def banner(
    core: Core,
    root_path: str,
    *,
    text: object = _TEXT,
    accept: object = "Accept",
    reject: object = "Reject",
    label: object = "Privacy",
    version: object = "",
    purposes: str = " ".join(PURPOSES),
) -> Html:
    """The banner's markup under a root path. ``version`` names the text that is agreed to,
    ``purposes`` is what its button grants. Words are escaped unless they are markup already."""
    if not core.settings.enabled:
        return Html("")
    base = escape(quote(f"/{root_path.strip('/')}/{core.prefix}".replace("//", "/")))
    button = f'<button type="submit" name="{GRANTED_FIELD}" value='
    return Html(
        f'<link rel="stylesheet" href="{base}/b.css">'
        f'<section id="track-banner" aria-label="{_word(label)}" data-track-banner>'
        f'<form method="post" action="{base}/c"><p>{_word(text)}</p>'
        f'<input type="hidden" name="{VERSION_FIELD}" value="{_word(version)}">'
        f'<p>{button}"{_word(purposes)}">{_word(accept)}</button> '
        f'{button}"">{_word(reject)}</button></p></form></section>'
    )


def _word(word: object) -> str:
    html = getattr(word, "__html__", None)
    return str(html()) if html is not None else escape(str(word))


def stylesheet(core: Core, request: Request, identity: Identity) -> Reply:
    """Hides the banner from whoever has chosen, and where the browser refuses everything."""
    is_answered = (
        core.cookies.held(request.cookie).choice is not None
        or identity.heard is not None
        or all(state == DENIED for state in identity.consent.values())
    )
    headers = (
        ("Content-Type", "text/css; charset=utf-8"),
        ("Cache-Control", "private, max-age=300" if is_answered else "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return Reply(200, headers, _HIDDEN if is_answered else b"/* */")


def is_form(request: Request) -> bool:
    """Whether a choice comes as a form's fields and wants a page in return."""
    return request.header("content-type").partition(";")[0].strip().lower() == FORM


def submitted(core: Core, request: Request, identity: Identity, body: bytes) -> Reply:
    """Takes the choice of a form on a page of this very host, and leads back to that page."""
    if not _is_own_page(request):
        return refusal(403, "not from a page of this host")
    states, version = _fields(body)
    if states is None:
        return refusal(400, f"a form's choice is {GRANTED_FIELD}=analytics+marketing")
    try:
        entry = taken(core, identity, states, version=version, source="banner")
    except EventError:
        return refusal(400, f"a version has up to {VERSION_LENGTH} characters")
    if not core.keep_last((entry,)):
        return full()
    return Reply(303, (("Location", _back(request)), ("Cache-Control", "no-store")))


def _is_own_page(request: Request) -> bool:
    """Whether the browser says that a page of this host has the form: any site can post one, and
    no linked host needs to (W3C Fetch Metadata; RFC 6454, 7.3)."""
    site, origin = request.header("sec-fetch-site"), request.header("origin")
    if site:
        return site == "same-origin"
    if origin and origin != "null":
        return origin.partition("://")[2].lower() == request.host.lower()
    return bool(request.host) and host_of(request.referrer) == bare(request.host)


def _fields(body: bytes) -> tuple[dict[str, bool] | None, str]:
    """The purposes that a form grants, the others refused; None where it names none or others."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None, ""
    granted = {word for name, said in pairs if name == GRANTED_FIELD for word in said.split()}
    if all(name != GRANTED_FIELD for name, _ in pairs) or not granted <= set(PURPOSES):
        return None, ""
    return {each: each in granted for each in PURPOSES}, dict(pairs).get(VERSION_FIELD, "")


def _back(request: Request) -> str:
    """The page that the form was on, as a path of this host: never another host's."""
    home = f"{request.root_path}/"
    if host_of(request.referrer) != bare(request.host):
        return quote(home, "/")
    try:
        parts = urlsplit(request.referrer)
    except ValueError:
        return quote(home, "/")
    path = "/" + parts.path.lstrip("/\\")
    whole = f"{path}?{parts.query}" if parts.query else path
    return quote(whole, "/?&=%-._~!$'()*+,;:@")
