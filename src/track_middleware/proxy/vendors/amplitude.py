"""Amplitude: Browser SDK 2, its remote configuration, events.

Hosts: amplitude.com/docs/sdks/analytics/proxy-requests; names: @amplitude/analytics-browser 2.48.
"""

from ..vendor import Route, Vendor

AMPLITUDE = Vendor(
    name="amplitude",
    upstreams={
        "api": "https://api2.amplitude.com",
        "scripts": "https://cdn.amplitude.com",
        "config": "https://sr-client-cfg.amplitude.com",
    },
    regions={
        "us": {},
        "eu": {
            "api": "https://api.eu.amplitude.com",
            "config": "https://sr-client-cfg.eu.amplitude.com",
        },
    },
    script="script/KEY.js",
    routes=(
        Route(r"script/\w+\.js", ("GET",), "scripts", is_script=True),
        Route(r"libs/[\w.-]+\.js(\.gz)?", ("GET",), "scripts", is_script=True),
        Route(r"2/httpapi|batch", ("POST",)),
        Route(r"config", ("GET",), "config"),
    ),
    paths=("libs/amplitude-", "libs/analytics-browser-", "script/"),
    texts=(
        ("https://api2.amplitude.com", "{base}"),
        ("https://api.eu.amplitude.com", "{base}"),
        ("https://sr-client-cfg.amplitude.com", "{base}"),
        ("https://sr-client-cfg.eu.amplitude.com", "{base}"),
        ("https://cdn.amplitude.com", "{base}"),
    ),
)
