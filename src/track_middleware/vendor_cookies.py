"""How vendors' own scripts name the cookies that hold a browser's ids, by a destination's URL.

Values only. Sources: the cookie storages of analytics-next (Segment), posthog-js, mixpanel-browser,
@amplitude/analytics-browser, rudder-sdk-js and snowplow-javascript-tracker; Heap's as its script
writes it.
"""

from __future__ import annotations

from .address import Address

SEGMENT = "ajs_anonymous_id"
RUDDERSTACK, RUDDERSTACK_SESSION = "rl_anonymous_id", "rl_session"
#: Behind it stand four digits of a hash of the cookie's domain, which only the script knows.
SNOWPLOW = "_sp_id"


def cookie(address: Address) -> str:
    """The cookie that holds a browser's id at this destination; "" where there is none."""
    key, scheme = address.host, address.scheme
    if scheme == "mixpanel":
        key = address.options.get("token") or key
    if scheme == "posthog":
        key = key.replace("+", "PL").replace("/", "SL").replace("=", "EQ")
    names = {
        "amplitude": f"AMP_{key[:10]}",
        "heap": f"_hp2_id.{key}",
        "mixpanel": f"mp_{key}_mixpanel",
        "posthog": f"ph_{key}_posthog",
        "rudderstack": RUDDERSTACK,
        "segment": SEGMENT,
        "snowplow": SNOWPLOW,
    }
    return names.get(scheme, "")
