"""Django's settings for processes of their own that use the outbox.

``OUTBOX_SITE`` is their folder, ``OUTBOX_PORT`` a PostgreSQL server's port, where one is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

HERE = Path(os.environ["OUTBOX_SITE"])
_port = os.environ.get("OUTBOX_PORT")
_server: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": "127.0.0.1",
    "NAME": "shop",
    "PASSWORD": "pw",
    "PORT": _port,
    "USER": "shop",
}
_file: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "shop.db"}

DATABASES = {"default": _server if _port else _file}
INSTALLED_APPS = ["track_middleware.django"]
MIDDLEWARE = ["track_middleware.django.TrackMiddleware"]
SECRET_KEY = "a Django secret key that is long enough"
TRACK = {
    "data_dir": str(HERE / "track"),
    "deliver": os.environ.get("OUTBOX_DELIVER", "worker"),
    "destinations": [f"jsonl://{HERE / 'out.jsonl'}"],
    "min_free": "1",
    "outbox": True,
}
USE_TZ = True
