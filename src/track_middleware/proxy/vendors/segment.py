"""Segment's analytics.js: its script, bundles, settings, calls.

Hosts: segment.com/docs, "Self-managed custom proxy"; names: @segment/analytics-next 1.84. Scripts
of device-mode destinations are other vendors' and go to those vendors.
"""

from ..vendor import Route, Vendor

SEGMENT = Vendor(
    name="segment",
    upstreams={"api": "https://api.segment.io", "scripts": "https://cdn.segment.com"},
    regions={"us": {}, "eu": {"api": "https://events.eu1.segmentapis.com"}},
    script="analytics.js/v1/KEY/analytics.min.js",
    routes=(
        Route(r"analytics\.js/v1/\w+/[\w.-]+\.js", ("GET",), "scripts", is_script=True),
        Route(r"analytics-next/bundles/[\w.-]+\.js", ("GET",), "scripts", is_script=True),
        Route(r"v1/projects/\w+/settings", ("GET",), "scripts", is_script=True),
        Route(r"v1/(p|t|i|g|a|s|m|b|page|track|identify|group|alias|screen|batch)", ("POST",)),
    ),
    paths=("analytics.js/v1", "analytics.min.js"),
    anywhere=("analytics-next/bundles",),
    texts=(
        ("https://cdn.segment.com", "{base}"),
        # The script puts a protocol before it: the settings' own, else https.
        ('"apiHost":"api.segment.io/v1"', '"protocol":"{scheme}","apiHost":"{host}{base}/v1"'),
        ('"apiHost":"events.eu1.segmentapis.com/v1"',
         '"protocol":"{scheme}","apiHost":"{host}{base}/v1"'),
        ('"api.segment.io/v1"', '"{host}{base}/v1"'),
    ),
)  # fmt: skip
