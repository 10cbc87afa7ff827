"""Klaro: ``klaro``, a JSON object of the site's own services: ``{"matomo":true,"ads":false}``.

Percent-encoded, and written when the visitor has confirmed. The cookie's name is the site's
(``storageName``, before 0.7 ``cookieName``); a site that keeps it in localStorage
(``storageMethod``) has no cookie to read. Which service is whose, only the site can say.

Source: https://klaro.org/docs/integration/annotated-configuration
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

COOKIE = "klaro"
CATEGORIES: Mapping[str, tuple[str, ...]] = {}


def read(value: str) -> dict[str, bool] | None:
    """Service -> granted; None without a choice."""
    try:
        said = msgspec.json.decode(unquote(value).encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    return {name: granted for name, granted in said.items() if isinstance(granted, bool)}
