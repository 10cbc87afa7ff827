"""Tracking for Python web apps: page views and key metrics, exactly once, from your own host.

The verbs are loaded when first used; importing this package imports no framework, opens no file
and starts no thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .verbs import alias, configure, flush, group, identify, page, screen, track

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "alias",
    "configure",
    "flush",
    "group",
    "identify",
    "page",
    "screen",
    "track",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import verbs

    verb = globals()[name] = getattr(verbs, name)
    return verb
