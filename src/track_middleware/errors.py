"""What can go wrong, as a tree.

TrackError
├── SettingsError     a setting that cannot be used
├── PlanError         a tracking plan that cannot be read or checked
├── NoTracker         a verb that found no tracker, or several
├── EventError        a call whose event cannot be built (also a TypeError)
├── Refused           an event that could not be kept (raised with ``strict=True`` only)
├── SpoolError        a spool folder or segment that cannot be used
└── StoreError        a store that cannot be opened or written
"""


class TrackError(Exception):
    """Base of everything this package raises on purpose."""


class SettingsError(TrackError):
    """A setting that cannot be used; names the setting and what to do."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class PlanError(TrackError):
    """A tracking plan that cannot be read, written or checked; says where and what to do."""


class NoTracker(TrackError):
    """A verb was called where no tracker, or more than one, could be meant."""


class EventError(TrackError, TypeError):
    """A call whose event cannot be built: a wrong name, id or property."""


class Refused(TrackError):
    """An event that was not kept; ``reason`` is the counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the event was not kept: {reason}")
        self.reason = reason


class SpoolError(TrackError):
    """A spool folder or segment that cannot be used."""


class StoreError(TrackError):
    """A store that cannot be opened, read or written."""
