"""The console's URLs, for projects that set ``request.urlconf`` themselves: ``path("",
include("track_middleware.django.urls"))``. Elsewhere the middleware sees to them."""

from __future__ import annotations

from django.urls import path, register_converter

from . import site, views


class _Console:
    """Our present and former prefixes, and the console under them; no other path."""

    regex = "[^/]+/console(?:/(?s:.)*)?"

    def to_python(self, value: str) -> str:
        if not f"/{value}".startswith(site.wiring().tracker.core.starts):
            raise ValueError
        return value

    def to_url(self, value: str) -> str:
        return value


class _Stream(_Console):
    regex = "[^/]+/console/live/stream"


register_converter(_Console, "track_console")
register_converter(_Stream, "track_console_stream")

urlpatterns = [
    path("<track_console_stream:rest>", views.stream),
    path("<track_console:rest>", views.page),
]
