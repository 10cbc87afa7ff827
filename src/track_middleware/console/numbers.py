"""The site's numbers as Prometheus reads them, for whoever may see the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import __version__
from ..http import Reply
from ..metrics import CONTENT_TYPE, metrics
from .answer import answer

if TYPE_CHECKING:
    from .desk import Desk


def numbers(desk: Desk, rest: str) -> Reply | None:
    """``console/metrics``; a scraper shows the token as ``Authorization: Bearer …``."""
    if rest or desk.request.method not in ("GET", "HEAD"):
        return None
    text = metrics(desk.reads.facts, version=__version__)
    return answer(200, CONTENT_TYPE, text.encode())
