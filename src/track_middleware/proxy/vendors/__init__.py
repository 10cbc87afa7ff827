"""The vendors whose scripts can be served, one file each."""

from __future__ import annotations

from ..vendor import Vendor
from .amplitude import AMPLITUDE
from .heap import HEAP
from .mixpanel import MIXPANEL
from .plausible import PLAUSIBLE
from .posthog import POSTHOG
from .segment import SEGMENT

__all__ = ["REFUSED", "VENDORS"]

VENDORS: dict[str, Vendor] = {
    each.name: each for each in (AMPLITUDE, HEAP, MIXPANEL, PLAUSIBLE, POSTHOG, SEGMENT)
}

_GOOGLE = (
    "gtag.js builds the addresses of its calls itself, in forms that blockers refuse on any host "
    "(?v=2&tid=G-), and Google offers a gateway of its own (Google tag gateway for advertisers); "
    "send events with destinations=['ga4://…'] instead"
)

#: Names that somebody may expect, and why there is nothing behind them.
REFUSED = dict.fromkeys(("ga4", "gtag", "google", "google-analytics", "gtm"), _GOOGLE)
