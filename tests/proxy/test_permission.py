"""Whose calls may reach a vendor: consent by purpose, the browser's refusal, keys that changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faces.apps import SECRET, WSGISite, wsgi_app
from tests.proxy.stand_in import StandIn, stand_in
from track_middleware.wsgi import TrackMiddleware

BROWSER = {"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}


class Shop:
    """A site with one vendor, in a browser that keeps cookies."""

    def __init__(self, vendor: StandIn, folder: Path, proxy: str = "", **settings: Any) -> None:
        url = f"mixpanel://?endpoint={vendor.url}&scripts={vendor.url}{proxy}"
        given = {"deliver": "worker", "secret_key": SECRET, "proxies": [url], **settings}
        self.app = TrackMiddleware(wsgi_app, data_dir=str(folder), **given)
        self._site = WSGISite(self.app, REMOTE_ADDR="127.0.0.1")
        self.prefix = self.app.wiring.tracker.core.prefix
        self.base = self.based()

    def based(self) -> str:
        (there,) = self.app.wiring.proxies.present
        return f"/{self.prefix}/{there.names.slot}"

    def track(self, base: str = "", **more: str) -> int:
        headers = {**BROWSER, **{name.replace("_", "-"): value for name, value in more.items()}}
        path = f"{base or self.base}/track/"
        return self._site.ask(path, method="POST", headers=headers, body=b"{}").status

    def choose(self, body: bytes) -> None:
        self._site.ask(f"/{self.prefix}/c", method="POST", headers=BROWSER, body=body)


@pytest.fixture
def vendor() -> Iterator[StandIn]:
    with stand_in() as vendor:
        yield vendor


def test_a_purpose_that_the_browser_refuses_keeps_its_vendor_out(
    vendor: StandIn, tmp_path: Path
) -> None:
    shop = Shop(vendor, tmp_path / "track", "&purpose=marketing")
    assert shop.track(Sec_GPC="1") == 403
    assert vendor.asked == []
    assert shop.track() == 200
    analytics = Shop(vendor, tmp_path / "other")
    assert analytics.track(Sec_GPC="1") == 200


def test_nothing_reaches_a_vendor_before_consent_and_everything_after(
    vendor: StandIn, tmp_path: Path
) -> None:
    shop = Shop(vendor, tmp_path / "track", consent="opt_in")
    assert shop.track() == 403
    assert vendor.asked == []
    shop.choose(b'{"analytics": true}')
    assert shop.track() == 200
    shop.choose(b'{"analytics": false}')
    assert shop.track() == 403
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    ("mode", "passed"), [("truncate", "127.0.0.0"), ("full", "127.0.0.1"), ("none", None)]
)
def test_no_more_of_an_address_leaves_than_is_kept(
    vendor: StandIn, tmp_path: Path, mode: str, passed: str | None
) -> None:
    shop = Shop(vendor, tmp_path / "track", ip=mode)
    assert shop.track(X_Forwarded_For="6.6.6.6") == 200
    assert vendor.asked[0].headers.get("x-forwarded-for") == passed


def test_pages_of_a_former_key_still_find_their_vendor(vendor: StandIn, tmp_path: Path) -> None:
    former = Shop(vendor, tmp_path / "track")
    shop = Shop(
        vendor, tmp_path / "track", secret_key="another secret that is long enough",
        secret_key_fallbacks=[SECRET],
    )  # fmt: skip
    assert former.base != shop.base
    assert shop.track(former.base) == 200
    assert shop.track() == 200


def test_a_client_that_calls_too_often_is_told_to_wait(vendor: StandIn, tmp_path: Path) -> None:
    shop = Shop(vendor, tmp_path / "track")
    assert {shop.track() for _ in range(200)} == {200, 429}
    assert len(vendor.asked) < 200


def test_no_slot_is_there_without_the_setting(vendor: StandIn, tmp_path: Path) -> None:
    base = Shop(vendor, tmp_path / "track").base
    app = TrackMiddleware(
        wsgi_app, data_dir=str(tmp_path / "none"), deliver="worker", secret_key=SECRET
    )
    site = WSGISite(app)
    assert site.ask(f"{base}/track/", method="POST", headers=BROWSER, body=b"{}").status == 404
