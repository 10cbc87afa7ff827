"""Pure: the tracking plan, which events and properties may exist, per platform."""

from .model import Event, Plan, Property, Violation

__all__ = ["Event", "Plan", "Property", "Violation"]
