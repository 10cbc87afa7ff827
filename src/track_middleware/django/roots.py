"""The project's root URLs with the console's before them, as ``request.urlconf`` names them.

They are looked up whenever Django makes a resolver of them, so that they follow ``ROOT_URLCONF``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings

from . import urls


def __getattr__(name: str) -> Any:
    root = import_module(settings.ROOT_URLCONF)
    if name == "urlpatterns":
        return [*urls.urlpatterns, *root.urlpatterns]
    if name.startswith("handler"):
        return getattr(root, name)
    raise AttributeError(name)
