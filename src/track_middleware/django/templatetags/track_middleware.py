"""``{% load track_middleware %}``: ``{% track_script %}`` is where the tag goes, and
``{% track_banner %}`` our own consent banner."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import get_script_prefix
from django.utils.safestring import SafeString

from ...tracking.banner import banner
from ...tracking.inject import PLACEHOLDER
from .. import site

register = template.Library()


def track_script() -> SafeString:
    """The same bytes for everybody, so that a cached fragment never holds a token; the middleware
    puts the tag there."""
    return SafeString(PLACEHOLDER)


register.simple_tag(track_script)


def track_banner(**words: Any) -> SafeString:
    """Our own banner, the same bytes for everybody: ``text``, ``accept``, ``reject``, ``label``,
    ``version`` and ``purposes`` say otherwise what it says."""
    return SafeString(banner(site.wiring().tracker.core, get_script_prefix(), **words))


register.simple_tag(track_banner)
