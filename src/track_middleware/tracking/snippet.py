"""The script tag, and the nonce that a response's own policy asks for."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from ..settings import Settings

#: On a response that a shared cache may store: the script asks for permission first.
SHARED = "shared"

# The tag's id: whether the script has to read it at once, or only when the page is idle
# (client/src/tag.ts).
_AT_ONCE, _LATER = "track-now", "track-tag"

# A root path comes with the request, and so may be anything.
_MOST_ROOTS, _LONGEST_ROOT = 100, 512

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

    __slots__ = ("_attributes", "_noscript", "_prefix", "_scripts")

    def __init__(self, settings: Settings, prefix: str, *, crossing: str = "") -> None:
        linked = escape(" ".join(settings.linked_domains).lower())
        flags = (
            (crossing, f' data-linked="{linked}" data-crossing="{crossing}"'),
            (settings.client_global != "track", f' data-global="{escape(settings.client_global)}"'),
            (settings.hash_routes, " data-hash"),
            (settings.consent == "opt_in" and settings.hold, " data-hold"),
            (settings.respect_gpc == "all", ' data-gpc="all"'),
            (settings.autocapture, " data-autocapture"),
            (settings.js_errors, " data-errors"),
            (settings.bait is True, " data-bait"),
            (isinstance(settings.bait, str), f' data-bait="{escape(str(settings.bait))}"'),
        )
        self._prefix = prefix
        self._scripts: dict[str, str] = {}
        self._noscript = settings.noscript
        attributes = "".join(text for wanted, text in flags if wanted)
        at_once = crossing or settings.client_global != "track"
        self._attributes = f' id="{_AT_ONCE if at_once else _LATER}" defer{attributes}'

    def tag(self, root_path: str, token: str | None, policy: str) -> str:
        """The tag; ``root_path`` is where the app lies, ``token`` a page token, ``SHARED``, or None
        where nothing may be sent but a choice."""
        word = nonce(policy) if policy else None
        script = self._scripts.get(root_path) if word is None else None
        if script is None:
            script = self._script(root_path, word)
        if token is None:
            return script
        if self._noscript and token != SHARED:
            script += self._pixel(root_path, token)
        return f'<meta name="track-page" content="{token}">{script}'

    def _script(self, root_path: str, word: str | None) -> str:
        by = f' nonce="{word}"' if word else ""
        script = f'<script src="{self._path(root_path)}/m.js"{self._attributes}{by}></script>'
        if word is None and len(root_path) <= _LONGEST_ROOT:
            if len(self._scripts) >= _MOST_ROOTS:
                self._scripts.clear()
            self._scripts[root_path] = script
        return script

    def _pixel(self, root_path: str, token: str) -> str:
        """What a browser without JavaScript asks for, wherever the tag stands."""
        path = f"{self._path(root_path)}/n.png?k={token}"
        return f'<noscript><link rel="preload" as="image" href="{path}"></noscript>'

    def _path(self, root_path: str) -> str:
        """The path of our prefix for an attribute."""
        # Two slashes, or one and a backslash, at the beginning would name another host.
        path = f"{root_path}/{self._prefix}".lstrip("/")
        return escape(quote("/" + path, "/-._~!$&'()*+,;=:@", errors="replace"))
