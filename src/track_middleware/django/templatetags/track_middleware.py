"""``{% load track_middleware %}{% track_script %}``: where the tag goes."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from ...tracking.inject import PLACEHOLDER

register = template.Library()


def track_script() -> SafeString:
    """The same bytes for everybody, so that a cached fragment never holds a token; the middleware
    puts the tag there."""
    return SafeString(PLACEHOLDER)


register.simple_tag(track_script)
