"""A visitor's own cookies of vendors', from a request through the store to what they are sent."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.delivery.recorder import Recorder
from tests.journeys.test_hostile import wsgi_app
from track_middleware.wsgi import TrackMiddleware

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize("form", ["GS2.1.s{0}$o3$g1$t{1}$j60$l0$h0", "GS1.1.{0}.3.1.{1}.60.0.0"])
def test_ga4_is_sent_the_client_and_session_of_the_browser(form: str, tmp_path: Path) -> None:
    now = int(time.time())
    session = form.format(now - 900, now - 60)
    request = sent(tmp_path, f"_ga=GA1.1.111.222; x=y; _ga_ABC123={session}")
    assert request["client_id"] == "111.222"
    assert request["events"][0]["params"]["session_id"] == str(now - 900)


def test_hostile_cookies_are_nobodys(tmp_path: Path) -> None:
    request = sent(tmp_path, "_ga=GA1.1.<script>.1; _ga_ABC123=GS2.1.s" + "9" * 300)
    assert request["client_id"] not in ("", "<script>.1")
    assert abs(int(request["events"][0]["params"]["session_id"]) - time.time()) < 300


def test_posthog_is_sent_the_profile_and_session_of_the_browser(tmp_path: Path) -> None:
    now = int(time.time()) * 1000
    session = "019b7700-0000-7000-8000-0123456789ab"
    device = "019b7700-0000-7000-8000-00000000d001"
    said = {"distinct_id": device, "$device_id": device,
            "$sesid": [now, session, now - 9000]}  # fmt: skip
    cookie = "ph_KEY_posthog=" + quote(json.dumps(said, separators=(",", ":")), safe="")
    (item,) = sent(tmp_path, cookie, url="posthog://KEY", bridge=["posthog"])["batch"]
    assert (item["distinct_id"], item["properties"]["$session_id"]) == (device, session)


def sent(
    folder: Path, cookies: str, *, url: str = "ga4://G-ABC123:s3cret", **settings: Any
) -> dict[str, Any]:
    """What a vendor gets of a page view with these cookies."""
    with Recorder() as vendor:
        app = TrackMiddleware(
            wsgi_app, data_dir=str(folder), deliver="inline", min_free="1",
            destinations=[f"{url}?endpoint={vendor.url}"], **settings,
        )  # fmt: skip
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "h", "HTTP_COOKIE": cookies,
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "HTTP_ACCEPT": "text/html",
            "REMOTE_ADDR": "203.0.113.9",
            "HTTP_USER_AGENT": FIREFOX,
        }  # fmt: skip
        body: Any = app(environ, lambda status, headers, exc_info=None: None)  # type: ignore[arg-type]
        b"".join(body)
        body.close()
        (got,) = vendor.got
    told: dict[str, Any] = json.loads(got.body)
    return told
