"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend, and how (``fix``; "" where the message says it); a ``note`` is only worth
    knowing. ``id`` stays the same over releases."""

    id: str
    level: Level
    message: str
    fix: str = ""
