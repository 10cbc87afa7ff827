"""IAB Europe's TCF v2: ``euconsent-v2``, of whose core string the purposes' consent is read.

Six bits of version, and from bit 152 on one bit for each of 24 purposes, in base64url; what is
based on legitimate interest is no consent. Without being told otherwise, analytics asks for the
purposes 1 (store or access information on a device), 8 (measure content performance) and 9
(understand audiences), marketing for 1, 3 and 4 (personalised advertising) and 7 (measure
advertising performance): those behind ``ad_storage``, ``ad_user_data`` and
``ad_personalization`` (https://developers.google.com/tag-platform/security/guides/implement-TCF-strings).

Source: "Transparency and Consent String with Global Vendor & CMP List Formats", v2.2, "The Core
String", https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework
(TCFv2). The one decoder on PyPI, iab-tcf, has had no release since 2022; all that is needed of it
stands in the first 22 bytes.
"""

from __future__ import annotations

import base64
import re

COOKIE = "euconsent-v2"
CATEGORIES = {"analytics": ("1", "8", "9"), "marketing": ("1", "3", "4", "7")}

_CORE = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_BITS, _VERSION, _PURPOSES, _COUNT = 192, 6, 152, 24


def read(value: str) -> dict[str, bool] | None:
    """Purpose's number -> consented; None without a string of version 2."""
    core = _CORE.match(value)
    if core is None:
        return None
    bits = int.from_bytes(base64.urlsafe_b64decode(core[0]), "big")
    if bits >> (_BITS - _VERSION) != 2:
        return None
    purposes = bits >> (_BITS - _PURPOSES - _COUNT)
    return {str(number): bool(purposes >> (_COUNT - number) & 1) for number in range(1, _COUNT + 1)}
