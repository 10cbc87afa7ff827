"""Heap: heap.js (version 4) and its calls. Untested: its script is to be had from Heap alone."""

from ..vendor import Route, Vendor

HEAP = Vendor(
    name="heap",
    upstreams={"api": "https://heapanalytics.com", "scripts": "https://cdn.heapanalytics.com"},
    regions={"us": {}, "eu": {"api": "https://c.eu.heap-api.com"}},
    script="js/heap-KEY.js",
    routes=(
        Route(r"js/heap-\d+\.js", ("GET",), "scripts", is_script=True),
        Route(r"h|api/(track|telemetry|capture[\w/]*|integrations/[\w/]+)"),
    ),
    paths=("js/heap-",),
    texts=(
        ("https://heapanalytics.com", "{base}"),
        ("https://cdn.heapanalytics.com", "{base}"),
    ),
)
