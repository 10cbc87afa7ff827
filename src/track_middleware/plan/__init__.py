"""Pure: the tracking plan, which events and properties may exist, per platform.

``load`` is how others read a plan; the other names are what a ``tracking_plan.py`` is written with.
"""

from .load import load
from .model import Event, Plan, Property, Violation
from .typed import PII, Keywords, Only, Pattern, Planned, Unit, optional

__all__ = [
    "PII",
    "Event",
    "Keywords",
    "Only",
    "Pattern",
    "Plan",
    "Planned",
    "Property",
    "Unit",
    "Violation",
    "load",
    "optional",
]
