"""A setting that the worker could not use is told at start, by every way to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from track_middleware import wiring
from track_middleware.asgi import TrackMiddleware as AsgiMiddleware
from track_middleware.errors import SettingsError
from track_middleware.wsgi import TrackMiddleware as WsgiMiddleware

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"destinations": ["amplitud://S3CRET"]}, "did you mean 'amplitude'"),
    ({"destinations": ["amplitude://S3CRET?region=mars"]}, "unknown region 'mars'"),
    ({"destinations": ["amplitude://S3CRET?evnts=Order"]}, "did you mean 'events'"),
    ({"destinations": ["amplitude://S3CRET?purpose=ads"]}, "purpose='ads'"),
    ({"before_send": "no_such_package.hook"}, "before_send: no_such_package.hook cannot"),
    ({"before_send": "json.no_such_function"}, "before_send: json.no_such_function cannot"),
    ({"before_send": "__main__.hook"}, "before_send: __main__.hook cannot be imported"),
    ({"before_send": lambda event: event}, "before_send: "),
    ({"enrichers": ["json.dumps", "no_such_package.hook"]}, "enrichers: no_such_package.hook"),
    ({"geo_file": "/no/such/file.mmdb"}, "geo_file: /no/such/file.mmdb is not there"),
    ({"store": "mysql://x/y"}, "store: this release has no store of the kind mysql"),
    ({"store": "sqlite://events.db"}, "store: the store names no file"),
    ({"time_zone": "Mars/Olympus"}, "time_zone: there is no time zone 'Mars/Olympus'"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_a_setting_that_cannot_be_used_stops_the_start(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        wiring.build({"data_dir": str(tmp_path / "data"), **given})
    assert told in str(caught.value)
    assert "S3CRET" not in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("middleware", [AsgiMiddleware, WsgiMiddleware])
def test_the_faces_do_not_start_either(tmp_path: Path, middleware: Any) -> None:
    with pytest.raises(SettingsError, match="time_zone"):
        middleware(lambda *_: None, data_dir=str(tmp_path), time_zone="Mars")


def test_what_is_switched_off_may_lack_its_files(tmp_path: Path) -> None:
    wiring.build({"data_dir": str(tmp_path), "enabled": False, "geo_file": "/no/such/file"})


def test_a_hook_of_the_module_that_sets_the_tracker_up_is_left_to_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While that module is being imported, what stands further down in it is not there yet."""
    (tmp_path / "shop_of_the_test.py").write_text(
        "from track_middleware import wiring\n"
        f"wiring.build({{'data_dir': {str(tmp_path)!r}, 'deliver': 'worker',\n"
        "    'before_send': 'shop_of_the_test.hook'})\n"
        "def hook(event): return event\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    __import__("shop_of_the_test")
