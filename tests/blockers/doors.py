"""The forms of URLs under the prefix, and vendors' forms, which blockers must know there.

A new door of the library is a new line of ``DOORS``. What the browser script calls is collected by
the walk as well; these lines add the forms that a walk does not always meet (an old browser's
beacon, a hashed name) and the doors of other people's SDKs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from .requests import Asked

XHR, BEACON, SCRIPT = ("xmlhttprequest",), ("xmlhttprequest", "ping"), ("script",)

#: Path, and the kinds of request in which it is asked. Braces hold what differs from site to site:
#: a project's ``key``, a file's ``hash``, a page's ``token``, a vendor's ``slot`` (6 characters of
#: base32) and the ``name``, ``other`` that stand for a hidden part of its path (8 of them).
DOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # the script, what it calls, and what stands in for it
    ("m.js", SCRIPT),
    ("m.{hash}.js", SCRIPT),
    ("m2.js", SCRIPT),
    ("m2.{hash}.js", SCRIPT),
    ("q", BEACON),
    ("c", BEACON),
    ("n.png?k={token}", ("image",)),
    ("x?u=https%3A%2F%2Fcoffee.shop%2Fbeans%3Fsize%3D1", ("main_frame",)),
    # Segment's protocol, as its SDKs and RudderStack's spell it
    *((f"v1/{verb}", BEACON) for verb in (
        "t", "p", "i", "g", "a", "s", "b", "m", "batch", "import", "track", "page", "identify",
        "group", "alias", "screen",
    )),
    ("v1/projects/{key}/settings", XHR),
    ("v1/sourceConfig?p=npm&v=3.12.0&build=modern&writeKey={key}", XHR),
    # vendors' own scripts and calls in their slots, known names replaced
    ("{slot}/static/array.js", SCRIPT),
    ("{slot}/static/{name}.js?v=1.449.2", SCRIPT),
    ("{slot}/static/surveys.js?v=1.449.2", SCRIPT),
    ("{slot}/static/toolbar.js?v=1.449.2", SCRIPT),
    ("{slot}/array/phc_{key}/config.js", SCRIPT),
    ("{slot}/array/phc_{key}/config", XHR),
    ("{slot}/e/?ip=0&_=1785000000000&ver=1.449.2&compression=gzip-js", BEACON),
    ("{slot}/i/v0/e/?ip=0&_=1785000000000&ver=1.449.2&compression=gzip-js", BEACON),
    ("{slot}/s/?ip=0&_=1785000000000&ver=1.449.2&compression=gzip-js", BEACON),
    ("{slot}/flags/?v=2&config=true&ip=0&_=1785000000000&ver=1.449.2&compression=base64", XHR),
    ("{slot}/api/surveys/?token=phc_{key}&ver=1.449.2", XHR),
    ("{slot}/{name}.min.js", SCRIPT),
    ("{slot}/libs/{other}.min.js", SCRIPT),
    ("{slot}/{name}?verbose=1&ip=1&_=1785000000000", BEACON),
    ("{slot}/{name}{key}.js", SCRIPT),
    ("{slot}/{name}2.48.0-min.js.gz", SCRIPT),
    ("{slot}/2/httpapi", BEACON),
    ("{slot}/batch", BEACON),
    ("{slot}/config?api_key={key}&config_keys=analyticsSDK.browserSDK", XHR),
    ("{slot}/{name}1234567890.js", SCRIPT),
    ("{slot}/h?a=1234567890&u=42&v=43&s=44&b=web&tv=4.0&h=%2Fcart&t=Cart", ("image", "ping")),
    ("{slot}/api/track?a=1234567890", BEACON),
    ("{slot}/api/capture/v2/track?a=1234567890", BEACON),
    ("{slot}/{name}", BEACON),
    ("{slot}/{name}.tagged-events.outbound-links.js", SCRIPT),
    ("{slot}/{name}/{key}/{other}", SCRIPT),
    ("{slot}/{name}/ajs-destination.bundle.{hash}.js", SCRIPT),
    ("{slot}/v1/projects/{key}/settings", XHR),
    *((f"{{slot}}/v1/{verb}", BEACON) for verb in "tpigasmb"),
    # the operator's pages
    ("console/", ("main_frame",)),
    ("console/live/stream", ("xmlhttprequest", "other")),
)  # fmt: skip

#: A path that the site has pinned, as docs/mobile.md does for apps.
PINNED = ("tm",)

#: Vendors' shapes that every engine's lists block on any host and below any path.
EVERYBODYS: tuple[tuple[str, str], ...] = (
    ("matomo.js", "script"),
    ("matomo.php?action_name=Home&idsite=1&rec=1", "image"),
    ("matomo.php?action_name=Home&idsite=1&rec=1", "xmlhttprequest"),
    ("piwik.js", "script"),
    ("com.snowplowanalytics.snowplow/tp2", "xmlhttprequest"),
    ("g/collect?v=2&tid=g-abc1234567", "xmlhttprequest"),
    ("gtag/js?id=G-ABC1234567", "script"),
    ("gtm.js?id=GTM-ABCDEF", "script"),
    ("plausible.js", "script"),
    ("umami.js", "script"),
    ("ahoy/visits", "xmlhttprequest"),
    ("fingerprint.js", "script"),
)

#: Those that EasyPrivacy blocks and AdGuard's own rules do not. The first is how RudderStack's SDK
#: says it when it is told ``useBeacon``: the one form that we answer and cannot rename.
EASYPRIVACYS: tuple[tuple[str, str], ...] = (
    ("beacon/v1/batch?writeKey=wk_8fKq2Lz07aXw", "ping"),
    ("collect?v=1&tid=UA-1-1&t=pageview&dl=home", "image"),
    ("analytics.js/v1/wk_8fKq2Lz07aXw/analytics.min.js", "script"),
    ("track/?data=eyJldmVudCI6IngifQ", "image"),
    ("rudder-analytics.min.js", "script"),
    ("ahoy/events", "xmlhttprequest"),
    ("p.gif?x=1", "image"),
    ("beacon.js", "script"),
)


def doors(prefixes: Sequence[str], page: str = "https://www.teashop.com/cart") -> Iterator[Asked]:
    """Every form under each of the prefixes, asked by a page of the same host."""
    for prefix in prefixes:
        filled = _filled(prefix)
        for path, kinds in DOORS:
            for kind in kinds:
                yield Asked(_under(page, prefix, path.format_map(filled)), kind, page)


def controls(
    prefix: str,
    shapes: Sequence[tuple[str, str]] = EVERYBODYS,
    page: str = "https://www.teashop.com/cart",
) -> list[Asked]:
    """Vendors' forms under our prefix."""
    return [Asked(_under(page, prefix, path), kind, page) for path, kind in shapes]


def _under(page: str, prefix: str, path: str) -> str:
    origin = "/".join(page.split("/", 3)[:3])
    return f"{origin}/{prefix}/{path}"


def _filled(prefix: str) -> dict[str, str]:
    """What this site has in the places of the braces: as varied as the prefixes are."""

    def drawn(word: str, length: int) -> str:
        digest = hashlib.sha512(f"{word} of {prefix}".encode()).digest()
        return base64.b32encode(digest).decode("ascii").lower()[:length]

    return {
        "key": drawn("key", 16),
        "hash": hashlib.sha256(prefix.encode()).hexdigest()[:8],
        "token": f"1.{drawn('token', 40)}.{drawn('signature', 27)}",
        "slot": drawn("slot", 6),
        "name": drawn("name", 8),
        "other": drawn("other", 8),
    }
