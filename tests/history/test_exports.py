"""Other tools' exports: every published field has its place, and ids stay what they were."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from track_middleware.event import Entry, encode_event
from track_middleware.history.exports import EXPORTS, rules
from track_middleware.history.importing import export_entries
from track_middleware.history.opening import LONGEST, Lines, Unreadable
from track_middleware.history.tally import Tally
from track_middleware.reading import load


def imported(
    name: str, *files: bytes, zone: str | None = None, **settings: Any
) -> tuple[list[dict[str, Any]], Tally]:
    """The events of some files, as they leave, and what was counted."""
    tally = Tally()
    site = load({"data_dir": "/nowhere", **settings}, {})
    read = EXPORTS[name](rules(site, ZoneInfo(zone) if zone else None))
    entries = export_entries(
        [Lines("-", io.BytesIO(each)) for each in files],
        read,
        tally,
        accept=lambda event: Entry("event", 1.0, event),
    )
    events = [json.loads(encode_event(each.event)) for each in entries if each.event is not None]
    return events, tally


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def only(name: str, record: dict[str, Any], **given: Any) -> dict[str, Any]:
    (event,), _ = imported(name, lines(record), **given)
    return event


# Segment.

SEGMENT = {
    "messageId": "ajs-next-1718000000000-7a1c4a44", "type": "track", "event": "Order Completed",
    "anonymousId": "507f191e810c19729de860ea", "userId": "97980cfea0067",
    "timestamp": "2024-06-10T06:13:20.123Z", "receivedAt": "2024-06-10T06:13:21.000Z",
    "properties": {"order_id": "1001", "password": "secret"},
    "context": {"ip": "203.0.113.77", "userAgent": "Mozilla/5.0", "locale": "en-US",
                "page": {"url": "https://shop.example/?token=abc", "path": "/"},
                "consent": {"categoryPreferences": {"Ads": True}}, "traits": {"plan": "x"}},
    "integrations": {"All": True}, "version": 2,
}  # fmt: skip


def test_a_segment_message_stays_what_it_was_without_secrets():
    event = only("segment", SEGMENT)
    assert event["type"] == "track"
    assert (event["anonymousId"], event["userId"]) == ("507f191e810c19729de860ea", "97980cfea0067")
    assert event["timestamp"] == "2024-06-10T06:13:20.123Z"
    assert event["properties"]["order_id"] == "1001"
    context = event["context"]
    assert (context["ip"], context["platform"]) == ("203.0.113.0", "backfill")
    assert not {"consent", "traits"} & context.keys()
    assert "secret" not in json.dumps(event)
    assert "abc" not in json.dumps(event)


def test_an_id_is_the_vendors_own_and_a_uuid_stays_one():
    assert only("segment", SEGMENT)["messageId"] == "segment:ajs-next-1718000000000-7a1c4a44"
    uuid = "0192fd5b-8a5c-7d3e-a111-222222222222"
    assert only("segment", {**SEGMENT, "messageId": uuid})["messageId"] == uuid
    long = only("segment", {**SEGMENT, "messageId": "x" * 300})["messageId"]
    assert len(long) == 36


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("identify", {"userId": "7", "traits": {"plan": "pro"}}),
        ("page", {"name": "Home", "properties": {"url": "https://shop.example/"}}),
        ("screen", {"name": "Cart"}),
        ("group", {"groupId": "g1", "traits": {"name": "Acme"}}),
        ("alias", {"previousId": "old", "userId": "new"}),
    ],
)
def test_every_kind_of_message_is_known(kind, more):
    said = {"messageId": "1", "type": kind, "timestamp": "2024-06-10T06:13:20Z", **more}
    event = only("segment", said)
    assert {name: event[name] for name in more} == more


def test_only_traits_that_the_site_allows_are_kept():
    said = {"messageId": "1", "type": "identify", "timestamp": "2024-06-10T06:13:20Z",
            "userId": "7", "traits": {"plan": "pro", "phone": "1"}}  # fmt: skip
    assert only("segment", said, traits=["plan"])["traits"] == {"plan": "pro"}


# Mixpanel.

MIXPANEL = {
    "event": "Signed up",
    "properties": {
        "time": 1602611311, "distinct_id": "hubert@x.example", "$insert_id": "29fc2962fd2b",
        "$device_id": "13bbf7943e584", "$user_id": "42", "$browser": "Chrome",
        "$browser_version": 85, "$city": "Berlin", "mp_country_code": "DE",
        "$current_url": "https://shop.example/?token=abc",
        "$referrer": "https://x.example/", "$os": "Linux", "mp_lib": "web", "utm_source": "news",
        "plan": "pro", "mp_processing_time_ms": 1602611312000,
    },
}  # fmt: skip


def test_a_mixpanel_event_keeps_who_and_when_and_where():
    event = only("mixpanel", MIXPANEL)
    assert event["messageId"] == "mixpanel:29fc2962fd2b"
    assert (event["anonymousId"], event["userId"]) == ("13bbf7943e584", "42")
    assert event["timestamp"] == "2020-10-13T17:48:31.000Z"
    assert event["properties"] == {"plan": "pro"}
    context = event["context"]
    assert context["location"] == {"country": "DE", "city": "Berlin"}
    assert context["browser"] == {"name": "Chrome", "version": "85"}
    assert context["campaign"] == {"source": "news"}
    assert "abc" not in context["page"]["url"]


def test_an_old_mixpanel_project_counts_seconds_by_its_own_clock():
    event = only("mixpanel", MIXPANEL, zone="America/Los_Angeles")
    assert event["timestamp"] == "2020-10-14T00:48:31.000Z"


@pytest.mark.parametrize(
    ("said", "visitor", "user"),
    [
        ({"distinct_id": "$device:d1"}, "d1", None),
        ({"distinct_id": "d1", "$device_id": "d1"}, "d1", None),
        ({"distinct_id": "u1", "$device_id": "d1"}, "d1", "u1"),
        ({"distinct_id": "u1"}, None, "u1"),
        ({"distinct_id": ""}, None, None),
        ({"distinct_id": "u1", "$user_id": "u1", "$device_id": "d1"}, "d1", "u1"),
    ],
)
def test_a_distinct_id_is_a_device_or_a_user(said, visitor, user):
    event = only("mixpanel", {"event": "X", "properties": {"time": 1602611311, **said}})
    assert (event.get("anonymousId"), event.get("userId")) == (visitor, user)


def test_an_old_mixpanel_event_without_an_insert_id_has_always_the_same_id():
    said = {"event": "X", "properties": {"time": 1602611311, "distinct_id": "u1"}}
    assert only("mixpanel", said)["messageId"] == "mixpanel:X:u1:1602611311"


def test_mixpanels_own_events_become_ours():
    shown = {"event": "$mp_web_page_view", "properties": MIXPANEL["properties"]}
    assert only("mixpanel", shown)["type"] == "page"
    met = {"event": "$identify", "properties": {"time": 1602611311, "$insert_id": "i",
           "$identified_id": "42", "$anon_id": "d1", "distinct_id": "42"}}  # fmt: skip
    event = only("mixpanel", met)
    assert (event["type"], event["userId"], event["anonymousId"]) == ("identify", "42", "d1")
    merged = {"event": "$merge", "properties": {"time": 1602611311, "$insert_id": "m"}}
    assert imported("mixpanel", lines(merged))[0] == []


# Amplitude.

AMPLITUDE = {
    "server_received_time": "2024-06-10 06:13:21.000000", "app": 1, "device_carrier": None,
    "$schema": None, "city": "Berlin", "user_id": "42", "region": "Berlin", "country": "Germany",
    "uuid": "0192fd5b-8a5c-7d3e-a111-222222222222", "event_time": "2024-06-10 06:13:20.123000",
    "platform": "Web", "os_version": "17", "os_name": "iOS", "amplitude_id": 7, "idfa": None,
    "version_name": "1.2.3", "ip_address": "203.0.113.77", "paying": None, "dma": None,
    "group_properties": {}, "user_properties": {"plan": "pro"}, "$insert_id": "ins-1",
    "event_type": "Order Completed", "event_properties": {"order_id": "1001"}, "data": {},
    "device_id": "dev-1", "language": "English", "device_model": "iPhone 15", "adid": None,
    "device_manufacturer": "Apple", "device_type": "Apple iPhone", "session_id": 1718000000000,
    "client_event_time": "2024-06-10 06:13:20.123000", "groups": {}, "event_id": 5,
}  # fmt: skip


def test_an_amplitude_event_keeps_who_and_when_and_where():
    event = only("amplitude", AMPLITUDE)
    assert event["messageId"] == "amplitude:ins-1"
    assert (event["anonymousId"], event["userId"]) == ("dev-1", "42")
    assert event["timestamp"] == "2024-06-10T06:13:20.123Z"
    assert (event["event"], event["properties"]) == ("Order Completed", {"order_id": "1001"})
    context = event["context"]
    assert context["session"] == {"id": "1718000000000", "start": "2024-06-10T06:13:20.000Z"}
    assert (context["ip"], context["app"]) == ("203.0.113.0", {"version": "1.2.3"})
    assert context["os"] == {"name": "iOS", "version": "17"}


def test_an_amplitude_event_without_an_insert_id_has_its_uuid():
    event = only("amplitude", {**AMPLITUDE, "$insert_id": None, "session_id": -1})
    assert event["messageId"] == AMPLITUDE["uuid"]
    assert "session" not in event["context"]


def test_amplitudes_identify_tells_traits():
    event = only("amplitude", {**AMPLITUDE, "event_type": "$identify"})
    assert (event["type"], event["traits"]) == ("identify", {"plan": "pro"})


def test_a_zip_of_gzipped_files_is_read_in_the_order_of_its_names(tmp_path: Path):
    names = ["7/7_2024-06-10_7#1.json.gz", "7/7_2024-06-10_6#1.json.gz"]
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in names:
            record = {**AMPLITUDE, "$insert_id": name}
            made.writestr(name, gzip.compress(lines(record, record)))
    tally = Tally()
    read = EXPORTS["amplitude"](rules(load({"data_dir": "/nowhere"}, {}), None))
    file = Lines(str(archive), io.BytesIO())
    found = export_entries([file], read, tally, accept=lambda event: Entry("event", 1.0, event))
    ids = [entry.event.message_id for entry in found if entry.event is not None]
    assert ids == [f"amplitude:{name}" for name in sorted(names) for _ in range(2)]
    assert file.size == archive.stat().st_size


# ahoy.

VISIT = {
    "id": 1, "visit_token": "2c5acba5-c117-4a22-a69a-4b070c4bb371",
    "visitor_token": "87ce8858-0af9-4f0b-88f9-c93f4260a723", "user_id": 7, "ip": "203.0.113.77",
    "user_agent": "Mozilla/5.0", "referrer": "https://x.example/", "referring_domain": "x.example",
    "landing_page": "https://shop.example/?utm_source=news", "browser": "Chrome", "os": "Mac",
    "device_type": "Desktop", "country": "DE", "region": None, "city": "Berlin",
    "utm_source": "news", "utm_medium": None, "started_at": "2020-07-04T07:50:11.336Z",
}  # fmt: skip
AHOY_EVENT = {"id": 5, "visit_id": 1, "user_id": None, "name": "Ordered",
              "properties": {"order_id": "1001"}, "time": "2020-07-04 07:51:00.5"}  # fmt: skip


def test_an_ahoy_visit_begins_a_session_and_its_events_are_its_visitors():
    (visit, event), tally = imported("ahoy", lines(VISIT), lines(AHOY_EVENT))
    assert visit["event"] == "Session Started"
    assert visit["anonymousId"] == event["anonymousId"] == VISIT["visitor_token"]
    assert visit["context"]["session"] == event["context"]["session"]
    assert visit["context"]["session"]["id"] == VISIT["visit_token"]
    assert visit["context"]["campaign"] == {"source": "news"}
    assert visit["context"]["ip"] == "203.0.113.0"
    assert (event["messageId"], event["timestamp"]) == ("ahoy:event:5", "2020-07-04T07:51:00.500Z")
    assert (visit["userId"], event["properties"]) == ("7", {"order_id": "1001"})
    assert (tally.events, tally.malformed) == (2, 0)


def test_an_ahoy_view_is_a_page():
    shown = {**AHOY_EVENT, "name": "$view", "properties": {"url": "https://shop.example/a"}}
    event = only("ahoy", shown)
    assert (event["type"], event["context"]["page"]) == ("page", {"url": "https://shop.example/a"})


def csv_of(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def test_ahoys_tables_may_be_csv():
    visits = csv_of(["id,visit_token,visitor_token,user_agent,started_at",
                     '1,tok,vis,"Mozilla, 5.0",2020-07-04 07:50:11'])  # fmt: skip
    happened = csv_of(["id,visit_id,user_id,name,properties,time",
                       '5,1,,Ordered,"{""note"": ""two\\nlines""}",2020-07-04 07:51:00 UTC',
                       '6,1,,Ordered,"{broken",2020-07-04 07:51:00'])  # fmt: skip
    (visit, event), tally = imported(
        "ahoy", visits, happened.replace(b"two\nlines", b"two\\nlines")
    )
    assert visit["context"]["userAgent"] == "Mozilla, 5.0"
    assert event["properties"] == {"note": "two\nlines"}
    assert event["anonymousId"] == "vis"
    assert tally.malformed == 1


def test_a_row_that_is_no_csv_is_counted_and_the_next_is_read():
    rows = csv_of(["id,name,time", f'1,"{"x" * 200_000}",2020-07-04 07:51:00',
                   "2,Ordered,2020-07-04 07:51:00"])  # fmt: skip
    (event,), tally = imported("ahoy", rows)
    assert event["messageId"] == "ahoy:event:2"
    assert tally.malformed == 1


# What is wrong.


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"{}", b"\xff\xfe", b'{"type":"x"}', b'{"event":7,"properties":[]}',
     b'{"event":"x","properties":{"time":true}}', b'{"event":"x","properties":{"time":1e400}}',
     b'{"event_type":"x","event_time":"soon","$insert_id":"1"}', b'{"started_at":[],"id":{}}',
     b'{"name":"x","time":5,"id":1}', b'{"type":"track","messageId":"1","timestamp":7}'],
)  # fmt: skip
def test_a_line_that_is_none_of_an_export_is_counted_and_shown(name, line):
    events, tally = imported(name, b"{}\n" + line + b"\n\n")
    assert events == []
    assert tally.malformed == 2
    assert tally.shown[1].startswith("-, line 2: ")


def test_only_the_first_few_are_shown():
    _, tally = imported("segment", b"{\n" * 100)
    assert (tally.malformed, len(tally.shown)) == (100, 5)


# Files.


def read(content: bytes) -> list[bytes]:
    return list(Lines("-", io.BytesIO(content)))


def test_an_overlong_line_is_passed_over_to_its_end():
    first, second = read(b"x" * (LONGEST * 2 + 5) + b"\nnext\n")
    assert (len(first), second) == (LONGEST, b"next")


def test_a_gzipped_file_is_its_lines_and_its_last_line_needs_no_end():
    assert read(gzip.compress(b"one\r\ntwo")) == [b"one", b"two"]
    assert read(b"") == []


def test_a_file_that_ends_in_the_middle_says_so():
    with pytest.raises(Unreadable, match="to its end"):
        read(gzip.compress(bytes(range(256)) * 1000)[:-300])


def test_a_missing_file_is_an_error_at_once(tmp_path: Path):
    with pytest.raises(Unreadable, match="No such file"):
        Lines(str(tmp_path / "missing.log"), io.BytesIO())
