"""The app: label ``track_middleware``, its checks, and the signals it listens to."""

from __future__ import annotations

from django.apps import AppConfig

from .. import wiring as wirings


class TrackConfig(AppConfig):  # type: ignore[misc]  # Django ships no types
    """``INSTALLED_APPS += ["track_middleware.django"]``."""

    name = "track_middleware.django"
    label = "track_middleware"
    verbose_name = "Tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers checks and signals, and tells the verbs where Django's tracker is."""
        from . import checks, signals, site

        checks.register()
        signals.connect()
        if site.wiring not in wirings.FINDERS:
            wirings.FINDERS.append(site.wiring)
