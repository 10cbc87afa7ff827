"""Cookiebot: ``CookieConsent``, a JavaScript object whose members say true or false.

``{stamp:'…',necessary:true,preferences:false,statistics:true,marketing:false,ver:1,…}``, percent
encoded; ``0`` where nothing was accepted, ``-1`` where the visitor's region asks for no consent and
all cookies are accepted.

Source: https://www.cookiebot.com/en/developer/ (Server-side usage).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

COOKIE = "CookieConsent"
CATEGORIES = {"analytics": ("statistics",), "marketing": ("marketing",)}

_NAMES = ("preferences", "statistics", "marketing")
_WHOLE = {"0": False, "-1": True}
_MEMBER = re.compile(r"[{,]\s*['\"]?(preferences|statistics|marketing)['\"]?\s*:\s*(true|false)\b")


def read(value: str) -> dict[str, bool] | None:
    """Category -> granted; None without a choice."""
    value = unquote(value).strip()
    if value in _WHOLE:
        return dict.fromkeys(_NAMES, _WHOLE[value])
    if not (value.startswith("{") and value.endswith("}")):
        return None
    return {name: said == "true" for name, said in _MEMBER.findall(value)}
