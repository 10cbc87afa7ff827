"""Globs, as settings and URLs have them, as one pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate


def matching(globs: Sequence[str]) -> re.Pattern[str] | None:
    """What matches whatever one of these globs matches as a whole; None for an empty list."""
    return re.compile("|".join(map(translate, globs))) if globs else None
