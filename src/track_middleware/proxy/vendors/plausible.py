"""Plausible: its script in all its variants, and events.

Paths and headers: plausible.io/docs/proxy/guides/nginx.
"""

from ..vendor import Route, Vendor

PLAUSIBLE = Vendor(
    name="plausible",
    upstreams={"api": "https://plausible.io", "scripts": "https://plausible.io"},
    is_one_host=True,
    script="js/pa-KEY.js",
    routes=(
        Route(r"js/[\w.-]+\.js", ("GET",), "scripts", is_script=True),
        Route(r"api/event", ("POST",)),
    ),
    paths=("js/pa-", "js/script", "js/plausible", "api/event"),
    texts=(
        ("https://plausible.io/api/event", "{base}/{api/event}"),
        ('"/api/event"', '"{base}/{api/event}"'),
    ),
)
