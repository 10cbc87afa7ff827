"""The log of a worker that is a process of its own: lines on its standard error."""

from __future__ import annotations

import logging
import sys

import msgspec

from ..event import iso

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("text", "json")

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _Json(logging.Formatter):
    """One object a line; a batch's fields stand in it as they are."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": iso(record.created), "level": record.levelname, "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode({**said, **getattr(record, "batch", {})}).decode()


def to_stderr(level: str, form: str) -> None:
    """From now on what is at least of this level is written, as ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else logging.Formatter(_TEXT))
    logger = logging.getLogger("track_middleware")
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def level_of_app() -> str | None:
    """The level that a child shall log at: INFO where this process would say what it says of
    batches; None where it says warnings alone, as everybody does."""
    said = logging.getLogger("track_middleware.batch").isEnabledFor(logging.INFO)
    return "INFO" if said else None
