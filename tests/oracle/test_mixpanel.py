"""Mixpanel's own SDK and we send the same, field by field.

The SDK sends one record a call, as a form; we send lists, as JSON. So a request is compared as what
it asks for (its query and its form's fields) and the record that it carries.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import mixpanel
import pytest
from mixpanel import Consumer, Mixpanel, ServiceAccountCredentials

from tests.delivery.recorder import Got, Recorder, Say
from tests.oracle import MISSING, body, by_us, differences
from track_middleware import alias, group, identify, track
from track_middleware.event import iso

NOW = int(time.time())
MOMENT = iso(NOW)
ID = "00000000-0000-4000-8000-000000000001"
DEVICE = "1f0e7a52-6f8a-4c39-9d5e-0a3c5f7f1b11"
SALE = {"order_id": "1001", "revenue": 6.0, "products": [{"product_id": "p-1", "quantity": 2}]}

ACCOUNT = "mixpanel://user:s3cret@123?token=TOKEN&group_type=company"
TRACK = "mixpanel://TOKEN?api=track&group_type=company"
ORIGINAL = "&identity=original"

Ours = Callable[[], object]
Theirs = Callable[[Mixpanel], object]


def _given(**more: Any) -> dict[str, Any]:
    return {"timestamp": MOMENT, "event_id": ID, **more}


AT = {"$time": NOW}

#: What the call is -> (our URL, we say, they say, the place of our request among ours).
CALLS: Mapping[str, tuple[str, Ours, Theirs, int]] = {
    "track": (
        TRACK,
        lambda: track("Order Completed", SALE, **_given(user_id="42")),
        lambda sdk: sdk.track("42", "Order Completed", {**SALE, "time": NOW, "$insert_id": ID}),
        0,
    ),
    "import_data": (
        ACCOUNT,
        lambda: track("Order Completed", SALE, **_given(user_id="42")),
        lambda sdk: sdk.import_data(None, "42", "Order Completed", NOW, {**SALE, "$insert_id": ID}),
        0,
    ),
    "people_set": (
        ACCOUNT,
        lambda: identify("42", {"email": "ann@shop.test", "plan": "pro"}, **_given()),
        lambda sdk: sdk.people_set("42", {"$email": "ann@shop.test", "plan": "pro"}, AT),
        0,
    ),
    "people_set_once": (
        ACCOUNT,
        lambda: identify("42", **_given(context={"firstCampaign": {"source": "ads"}})),
        lambda sdk: sdk.people_set_once("42", {"initial_utm_source": "ads"}, AT),
        0,
    ),
    "people_union": (
        ACCOUNT,
        lambda: group("acme", **_given(user_id="42")),
        lambda sdk: sdk.people_union("42", {"company": ["acme"]}, AT),
        0,
    ),
    "group_set": (
        ACCOUNT,
        lambda: group("acme", {"seats": 5}, **_given(user_id="42")),
        lambda sdk: sdk.group_set("company", "acme", {"seats": 5}, AT),
        1,
    ),
    "merge": (
        ACCOUNT + ORIGINAL,
        lambda: alias("42", "old", **_given()),
        lambda sdk: sdk.merge(None, "42", "old"),
        0,
    ),
    "alias": (
        TRACK + ORIGINAL,
        lambda: alias("42", "old", **_given()),
        lambda sdk: sdk.alias("42", "old"),
        0,
    ),
}
#: Where we differ -> (ours, theirs, why).
Difference = tuple[Any, Any, str]
IN_ALL: Mapping[str, Difference] = {
    "content-type": (
        "application/json",
        "application/x-www-form-urlencoded",
        "the reference's own type for lists of records, in place of JSON inside a form",
    ),
}
STRICT: Difference = ("1", MISSING, "the vendor is to name every record that it refuses")
NO_IP: Difference = (MISSING, "0", "said in the record instead, where the import looks for it")
ON_THE_IMPORT: Mapping[str, Difference] = {
    "asked.strict": STRICT,
    "asked.ip": NO_IP,
    "asked.verbose": (MISSING, "1", "a strict import always says what it did"),
}
SDK: Mapping[str, Difference] = {
    "record.properties.mp_lib": (MISSING, "python", "names the vendor's SDK, which we are not"),
    "record.properties.$lib_version": (MISSING, "5.4.1", "the same"),
}
EVENT: Mapping[str, Difference] = {
    **SDK,
    "record.properties.time": (NOW * 1000, NOW, "milliseconds, which keep the order of events"),
    "record.properties.$user_id": ("42", MISSING, "what the simplified merge joins ids by"),
    "record.properties.platform": ("server", MISSING, "says that no browser has sent it"),
}
EXPLAINED: Mapping[str, Mapping[str, Difference]] = {
    "track": EVENT,
    "import_data": {
        **ON_THE_IMPORT,
        **EVENT,
        "record.properties.ip": (0, MISSING, "or the event would be where our server is"),
    },
    "people_set": {"asked.strict": STRICT},
    "people_set_once": {"asked.strict": STRICT},
    "people_union": {"asked.strict": STRICT},
    "group_set": {
        "asked.ip": (MISSING, "0", "a group is nowhere: /groups has no such parameter"),
    },
    "merge": {
        **ON_THE_IMPORT,
        "record.properties.distinct_id": ("42", MISSING, "a strict import wants it of any record"),
        "record.properties.time": (NOW * 1000, MISSING, "the same"),
        "record.properties.$insert_id": (ID, MISSING, "the same"),
    },
    "alias": {},
}


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder(lambda got: Say(200, b'{"status":1,"error":null}')) as recorder:
        yield recorder


def _by_them(vendor: Recorder, say: Theirs, monkeypatch: pytest.MonkeyPatch) -> Got:
    account = ServiceAccountCredentials("user", "s3cret", "123")

    def consumer(**given: Any) -> Consumer:
        roads = {"events": "track", "people": "engage", "groups": "groups", "import": "import"}
        urls = {f"{name}_url": f"{vendor.url}/{path}" for name, path in roads.items()}
        return Consumer(**urls, request_timeout=60, **given)

    # The SDK's alias() makes a consumer of its own, to the vendor's host whatever was configured.
    monkeypatch.setattr(mixpanel, "Consumer", consumer)
    say(Mixpanel("TOKEN", consumer=consumer(credentials=account)))
    (got,) = vendor.got
    return got


def _request(got: Got) -> dict[str, Any]:
    where = urlsplit(got.path)
    asked = dict(parse_qsl(where.query))
    if got.headers["content-type"] == "application/json":
        (record,) = body(got)
    else:
        asked |= dict(parse_qsl(got.body.decode()))
        record = json.loads(asked.pop("data"))
    headers = {name: got.headers.get(name) for name in ("content-type", "accept", "authorization")}
    return {"method": got.method, "path": where.path, **headers, "asked": asked, "record": record}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_is_the_same_request_but_for_what_is_explained(
    tmp_path: Path, vendor: Recorder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    url, ours, theirs, place = CALLS[name]
    got = by_us(tmp_path, url, ours)[place]
    found = differences(_request(got), _request(_by_them(vendor, theirs, monkeypatch)))
    explained = {**IN_ALL, **EXPLAINED[name]}
    assert found == {where: (us, them) for where, (us, them, _) in explained.items()}
