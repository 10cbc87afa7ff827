"""What a site says of Global Privacy Control: ``GET /.well-known/gpc.json``.

Source: w3.org/TR/gpc, "GPC Support Resource". An app that answers there itself has the path in
``exclude``.
"""

from __future__ import annotations

from ..http import Reply

#: The date since which it has been meant as it is.
_SINCE = b"2026-11-26"

#: The answer, whoever asks.
REPLY = Reply(
    200,
    (
        ("Content-Type", "application/json"),
        ("Cache-Control", "public, max-age=86400"),
        ("X-Content-Type-Options", "nosniff"),
    ),
    b'{"gpc":true,"lastUpdate":"%b"}' % _SINCE,
)
