"""What Segment's Kotlin and Swift libraries put on the wire, byte for byte as their sources do:
neither runs here."""

from __future__ import annotations

import gzip
import http.client
import json
from typing import Any

from tests.stock.host import Host

#: segmentio/analytics-kotlin: Events.kt, EventsFileManager.kt, HTTPClient.kt.
KOTLIN = (
    '{"batch":[{"event":"Order Completed","properties":{"revenue":39.5},"type":"track",'
    '"messageId":"5d5f2a3a-8a5f-4a3e-9d53-0c8f1d0a7f10","anonymousId":"device-1","context":{'
    '"library":{"name":"analytics-kotlin","version":"1.20.0"},"instanceId":"i",'
    '"app":{"name":"Shop","version":"2.0","build":"7"},"device":{"id":"d","manufacturer":"Google",'
    '"model":"Pixel 8","type":"android"},"os":{"name":"Android","version":"15"},'
    '"screen":{"width":1080,"height":2400},"network":{"wifi":true},"locale":"de-DE",'
    '"userAgent":"Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8)","timezone":"Europe/Berlin"},'
    '"userId":"","integrations":{},"timestamp":"2026-11-01T12:00:00.123456Z",'
    '"_metadata":{"bundled":[],"unbundled":[],"bundledIds":[]}}'
    '],"sentAt":"2026-11-01T12:00:05.000Z","writeKey":"wk_android"}'
)
#: segmentio/analytics-swift: Types.swift, Storage, HTTPClient.swift.
SWIFT = (
    '{ "batch": [\n{"type":"screen","name":"Cart","properties":{"step":3},'
    '"messageId":"0F1D7C0E-7A1B-4B0B-8E55-3F5A2C1D9B77","anonymousId":"DEVICE-2","userId":"42",'
    '"timestamp":"2026-11-01T12:00:00.123Z","integrations":{},"_metadata":{"bundled":[],'
    '"unbundled":[],"bundledIds":[]},"context":{"library":{"name":"analytics-swift",'
    '"version":"1.9.1"},"device":{"manufacturer":"Apple","type":"ios","model":"iPhone17,1",'
    '"name":"iPhone"},"os":{"name":"iOS","version":"18.1"},"locale":"de-DE"}}\n],'
    '"sentAt":"2026-11-01T12:00:05.000Z","writeKey":"wk_ios"}'
)


def ask(
    host: Host, method: str, path: str, body: bytes, *, in_chunks: bool = False, **headers: str
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(
        method, f"/own/v1/{path}", iter([body]) if in_chunks else body, sent,
        encode_chunked=in_chunks,
    )  # fmt: skip
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_what_an_android_app_sends_arrives_once(host: Host) -> None:
    status, settings = ask(host, "GET", "projects/wk_android/settings", b"")
    assert (status, settings["integrations"]["Segment.io"]["apiKey"]) == (200, "wk_android")
    for _ in range(2):  # its file is sent again when an answer is lost
        told = ask(host, "POST", "b", gzip.compress(KOTLIN.encode()), in_chunks=True,
                   Content_Type="text/plain", Content_Encoding="gzip",
                   User_Agent="analytics-kotlin/1.20.0")  # fmt: skip
        assert told == (200, {"success": True})
    (event,) = host.wait_for(1, "analytics-kotlin")
    assert (event["event"], event["properties"]) == ("Order Completed", {"revenue": 39.5})
    assert event["anonymousId"] == "device-1"
    assert "userId" not in event
    context = event["context"]
    assert (context["platform"], context["device"]["model"]) == ("android", "Pixel 8")
    assert context["ip"] == "127.0.0.0"
    assert "bot" not in context


def test_what_an_iphone_sends_arrives_once(host: Host) -> None:
    for number in range(2):
        told = ask(host, "POST", "b", SWIFT.encode(), X_Retry_Count=str(number),
                   Content_Type="application/json; charset=utf-8",
                   User_Agent="analytics-ios/1.9.1")  # fmt: skip
        assert told == (200, {"success": True})
    (event,) = host.wait_for(1, "analytics-swift")
    assert (event["type"], event["name"], event["userId"]) == ("screen", "Cart", "42")
    assert event["context"]["platform"] == "ios"
    assert event["receivedAt"] > event["timestamp"] > event["originalTimestamp"]


def test_a_bad_message_of_an_app_is_found_among_the_dead_letters(host: Host) -> None:
    broken = SWIFT.replace('"type":"screen"', '"type":"charge"')
    status, told = ask(host, "POST", "b", broken.encode())
    assert (status, told["success"], len(told["refused"])) == (200, True, 1)
    assert ask(host, "POST", "b", SWIFT.replace("wk_ios", "wk_old").encode())[0] == 401
    letters = host.letters()
    assert {letter.stage for letter in letters} == {"door"}
    assert sorted(letter.reason for letter in letters) == [
        "a field has a wrong type or value", "unknown write key",
    ]  # fmt: skip
    assert any(b"DEVICE-2" in letter.body for letter in letters)
