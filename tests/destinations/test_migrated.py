"""A former tool's visitor goes on at that vendor under the id that it was known by there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.destinations.samples import made, page, sent

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(("url", "former", "place"), [
    ("segment://KEY", UUID, '"anonymousId":"{}"'),
    ("rudderstack://KEY@rudder.test", UUID, '"anonymousId":"{}"'),
    ("mixpanel://TOKEN", UUID, '"$device_id":"{}"'),
    ("mixpanel://TOKEN", UUID, '"distinct_id":"$device:{}"'),
    ("amplitude://KEY", UUID, '"device_id":"{}"'),
    ("posthog://KEY", UUID, '"distinct_id":"{}"'),
    ("heap://77", "1234567890123456", '"user_id":"{}"'),
    ("snowplow://collector.test", UUID, '"tnuid":"{}"'),
    ("ga4://G-ABC:s3cret", "1234567890.1700000000", '"client_id":"{}"'),
])  # fmt: skip
def test_the_vendors_own_id_is_where_the_vendor_looks_for_it(
    url: str, former: str, place: str
) -> None:
    (call,) = sent(made(url), page(anonymous_id=former, user_id=None))
    body: Any = call.body
    assert place.format(former) in body.decode()
