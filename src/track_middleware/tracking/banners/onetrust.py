"""OneTrust: ``OptanonConsent``, once ``OptanonAlertBoxClosed`` says that somebody has chosen.

``OptanonConsent`` is a query string whose ``groups`` are ``C0001:1,C0002:0``. It is there from the
first page on, with the site's defaults in it; the second cookie is set when the visitor closes the
banner or saves preferences. The default categories: C0002 performance, C0004 targeting.

Source: https://my.onetrust.com/articles/en_US/Knowledge/UUID-2dc719a8-4be5-8d16-1dc8-c7b4147b88e0
(OneTrust Cookies) and https://developer.onetrust.com/onetrust/docs/javascript-api (LoadBanner).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

COOKIE = "OptanonConsent"
CATEGORIES = {"analytics": ("C0002",), "marketing": ("C0004",)}

#: The cookie that is there once somebody has chosen.
ANSWERED = "OptanonAlertBoxClosed"

_GROUP = re.compile(r"(?:^|,)([A-Za-z0-9_-]{1,40}):([01])(?=,|$)")


def groups(value: str) -> str:
    """The groups alone: a time beside them changes with every page."""
    return f"&{value}".partition("&groups=")[2].partition("&")[0]


def read(value: str) -> dict[str, bool]:
    """Category -> granted, of the groups."""
    return {name: digit == "1" for name, digit in _GROUP.findall(unquote(value))}
