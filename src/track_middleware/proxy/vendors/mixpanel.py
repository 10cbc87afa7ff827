"""Mixpanel: its script, parts that it loads, events, profiles, groups, recordings.

Hosts and headers: github.com/mixpanel/tracking-proxy, nginx.conf; names: mixpanel-browser 2.83.
"""

from ..vendor import MIB, Route, Vendor

MIXPANEL = Vendor(
    name="mixpanel",
    upstreams={"api": "https://api-js.mixpanel.com", "scripts": "https://cdn.mxpnl.com"},
    regions={
        "us": {},
        "eu": {"api": "https://api-eu.mixpanel.com"},
        "in": {"api": "https://api-in.mixpanel.com"},
    },
    script="libs/mixpanel-2-latest.min.js",
    routes=(
        Route(r"libs/[\w.-]+\.js", ("GET",), "scripts", is_script=True),
        Route(r"(track|engage|groups)/?"),
        Route(r"record/?", limit=20 * MIB),
        Route(r"(flags|settings)/?"),
    ),
    paths=("libs/mixpanel-2-latest",),
    quoted=("track/", "engage/", "groups/", "record/", "flags/", "settings/"),
    anywhere=("mixpanel-recorder", "mixpanel-targeting"),
    texts=(
        ("https://api-js.mixpanel.com", "{base}"),
        ("https://cdn.mxpnl.com", "{base}"),
    ),
    address=("X-Forwarded-For", "X-Real-IP"),
)
