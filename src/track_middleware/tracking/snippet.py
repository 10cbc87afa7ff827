"""The script tag, and the nonce that a response's own policy asks for."""

from __future__ import annotations

import re
from html import escape

from ..settings import Settings

#: On a response that a shared cache may store: the script asks for permission first.
SHARED = "shared"

_NONCE = re.compile(
    r"(?:^|[;,])\s*(?:script-src-elem|script-src|default-src)\s[^;,]*?'nonce-([A-Za-z0-9+/_=-]+)'",
    re.IGNORECASE,
)


def nonce(policy: str) -> str | None:
    """The nonce of a Content-Security-Policy's script source, whoever set it."""
    if "nonce-" not in policy:
        return None
    found = _NONCE.search(policy)
    return found.group(1) if found else None


class Snippet:
    """Makes the tag. All but token, path prefix and nonce is the same for everybody."""

    __slots__ = ("_attributes",)

    def __init__(self, settings: Settings) -> None:
        flags = (
            (settings.client_global != "track", f' data-global="{escape(settings.client_global)}"'),
            (settings.hash_routes, " data-hash"),
            (settings.autocapture, " data-autocapture"),
            (settings.js_errors, " data-errors"),
        )
        self._attributes = "".join(text for wanted, text in flags if wanted)

    def tag(self, base: str, token: str | None, policy: str) -> str:
        """The tag; ``base`` is the path of our prefix (``/root/prefix``), ``token`` a page token,
        ``SHARED``, or None where nothing may be sent but a choice."""
        word = nonce(policy)
        by = f' nonce="{word}"' if word else ""
        script = f'<script src="{base}/m.js" defer{self._attributes}{by}></script>'
        return script if token is None else f'<meta name="track-page" content="{token}">{script}'
