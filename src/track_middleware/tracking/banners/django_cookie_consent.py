"""django-cookie-consent: ``cookie_consent``, as ``optional=-1|social=2013-06-04T03:17:01.421395``.

A group that was accepted carries the time of its newest cookie at that moment, a declined one -1
(or what ``COOKIE_CONSENT_DECLINE`` says instead). Groups are the site's own; those named analytics
and marketing are ours unless told otherwise. Cookies that joined a group since then are asked about
again there, and make no difference here.

Source: https://django-cookie-consent.readthedocs.io/en/latest/concept.html
"""

from __future__ import annotations

import re

COOKIE = "cookie_consent"
CATEGORIES = {"analytics": ("analytics",), "marketing": ("marketing",)}

_ACCEPTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_GROUPS = 100


def read(value: str) -> dict[str, bool] | None:
    """Group -> accepted; None without a choice."""
    found: dict[str, bool] = {}
    for part in value.split("|", _MOST_GROUPS)[:_MOST_GROUPS]:
        name, sign, version = part.partition("=")
        if sign and name and version:
            found[name] = _ACCEPTED.match(version) is not None
    return found or None
