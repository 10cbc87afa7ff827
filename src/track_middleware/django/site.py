"""Django's settings as a tracker: one per process, made anew when a test overrides a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed
from django.db import connections

from .. import wiring as wirings
from ..wiring import Wiring
from .outbox import Keeping, in_transaction

if TYPE_CHECKING:
    from ..http import Request
    from ..tracking.exchange import Exchange
    from ..tracking.identity import LoadedUser

#: The settings that a tracker is made of.
READ = frozenset(("BASE_DIR", "DEBUG", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "TRACK"))


#: Who may open the console unless the project says otherwise.
OPERATOR = "track_middleware.django.views.operator"


@lru_cache(maxsize=1)
def wiring() -> Wiring:
    """The project's wiring; SettingsError for a setting that cannot be used."""
    return wirings.build(
        given(), defaults=defaults(), defer=until_commit, outbox=Keeping(), name="Django"
    )


class _Ready:
    """What every request asks of the settings, looked up by the first one: Django takes long to."""

    @cached_property
    def open(self) -> Callable[[Request, LoadedUser | None], Exchange]:
        """Opens an exchange."""
        return wiring().open

    @cached_property
    def asks_user(self) -> bool:
        """Whether the ``user_id`` setting is to be asked who a user is."""
        return wiring().asks_user

    @cached_property
    def is_inline(self) -> bool:
        """Whether this process delivers by itself, after each response."""
        return wiring().is_inline

    @cached_property
    def is_forwarded(self) -> bool:
        """Whether a proxy says which host was asked, or how."""
        return self.is_host_forwarded or bool(settings.SECURE_PROXY_SSL_HEADER)

    @cached_property
    def is_host_forwarded(self) -> bool:
        """Whether a proxy says which host was asked."""
        return bool(settings.USE_X_FORWARDED_HOST)


READY = _Ready()


def given() -> Mapping[str, Any]:
    """The project's ``TRACK``."""
    return dict(getattr(settings, "TRACK", {}))


def defaults() -> Mapping[str, Any]:
    """What the project says elsewhere."""
    base = getattr(settings, "BASE_DIR", None)
    return {
        "debug": bool(settings.DEBUG),
        "secret_key": _text(settings.SECRET_KEY),
        "secret_key_fallbacks": [_text(key) for key in settings.SECRET_KEY_FALLBACKS],
        "console": OPERATOR,
        **({"data_dir": str(Path(base) / ".track")} if base else {}),
    }


def queryset(named: str) -> Any:
    """All objects of a model, by ``app_label.Model``; None for any other name."""
    label, _, model = named.partition(".")
    try:
        return apps.get_model(label, model)._default_manager.all()
    except (LookupError, ValueError):
        return None


def _text(key: str | bytes) -> str:
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else str(key)


def until_commit(append: Callable[[], None]) -> bool:
    """Takes an append until the open transaction commits; False where none is open.

    Django calls no hooks for an app that commits by hand; there the append is done at once.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and in_transaction(connection):
            connection.on_commit(append, robust=True)
            return True
    return False


def _changed(*, setting: str, **_more: Any) -> None:
    if setting in READ:
        wiring.cache_clear()
    vars(READY).clear()


setting_changed.connect(_changed)
