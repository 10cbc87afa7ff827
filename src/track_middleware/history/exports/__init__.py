"""Vendors' exports: each one's published fields, and the events that they tell of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .ahoy import ahoy
from .amplitude import amplitude
from .mixpanel import mixpanel
from .record import Read, Record, Rules, rules
from .segment import segment

__all__ = ["EXPORTS", "Read", "Record", "Rules", "rules"]

#: By the name that ``--format`` takes.
EXPORTS: Mapping[str, Callable[[Rules], Read]] = {
    "ahoy": ahoy,
    "segment": segment,
    "mixpanel": mixpanel,
    "amplitude": amplitude,
}
