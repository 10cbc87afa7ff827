"""PostHog: array.js, its lazily loaded parts, configuration, events, flags, recordings.

Paths and hosts: posthog.com/docs/advanced/proxy/proxy-reference; names: posthog-js 1.449.
"""

from ..vendor import MIB, Route, Vendor

POSTHOG = Vendor(
    name="posthog",
    upstreams={
        "api": "https://us.i.posthog.com",
        "scripts": "https://us-assets.i.posthog.com",
    },
    regions={
        "us": {},
        "eu": {"api": "https://eu.i.posthog.com", "scripts": "https://eu-assets.i.posthog.com"},
    },
    is_one_host=True,
    script="static/array.js",
    routes=(
        Route(r"static/([\w.-]+/)?[\w.-]+\.js", ("GET",), "scripts", is_script=True),
        Route(r"array/\w+/(array|config)\.js", ("GET",), "scripts", is_script=True),
        Route(r"array/\w+/config", ("GET",), "scripts", is_script=True),
        Route(r"(e|capture|batch|i/v0/e|i/v1/[\w/]+|engage)/?"),
        Route(r"s/?", limit=20 * MIB),
        Route(r"(flags|decide)/?"),
        Route(r"api/(surveys|early_access_features|product_tours|web_experiments)/?", ("GET",)),
    ),
    quoted=(
        "posthog-recorder", "lazy-recorder", "recorder-v2", "dead-clicks-autocapture",
        "exception-autocapture",
    ),
    # posthog-js tries again after any answer that is neither 200 nor 4xx; a proxy's 5xx is not ours
    # to give, so a vendor that is down is "not yet".
    busy=202,
)  # fmt: skip
