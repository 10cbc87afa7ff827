"""What lies under the console and is no page: streams and numbers, by path or its first part."""

from __future__ import annotations

from collections.abc import Mapping

from .desk import Further
from .live import streamed
from .numbers import numbers

FURTHER: Mapping[str, Further] = {"live/stream": streamed, "metrics": numbers}
