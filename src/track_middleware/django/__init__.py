"""The Django face: ``track_middleware.django`` in INSTALLED_APPS, its middleware in MIDDLEWARE."""

from .middleware import TrackMiddleware

__all__ = ["TrackMiddleware"]
