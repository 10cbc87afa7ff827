"""Heap, which has no such SDK: a validator as strict as its documents, and all that we send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.emulators.heap import violations
from tests.oracle import body, broad, by_us

TRACK = "https://heapanalytics.com/api/track"
USER = "https://heapanalytics.com/api/add_user_properties"
IDENTIFY = "https://heapanalytics.com/api/v1/identify"

EVENT: dict[str, Any] = {
    "identity": "42", "event": "Order Completed", "timestamp": "2026-11-23T12:00:00Z",
    "properties": {"revenue": 39.5, "flavors": ["vanilla", 1]}, "idempotency_key": "1",
}  # fmt: skip
SOMEBODY: dict[str, Any] = {"identity": "42", "properties": {"plan": "pro"}}
JOIN: dict[str, Any] = {
    "app_id": "APP", "identity": "42", "user_id": "5", "timestamp": "2026-11-23T12:00:00Z",
}  # fmt: skip


def told(url: str, whole: Any) -> list[str]:
    return violations(url, json.dumps(whole).encode())


def without(whole: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name != key}


def test_good_requests_are_not_refused() -> None:
    assert told(TRACK, {"app_id": "APP", "events": [EVENT]}) == []
    assert told(USER, {"app_id": "APP", "users": [SOMEBODY]}) == []
    assert told(IDENTIFY, JOIN) == []


@pytest.mark.parametrize(
    "event",
    [
        {**EVENT, "user_id": "5"}, without(EVENT, "identity"), {**EVENT, "identity": "x" * 256},
        {**without(EVENT, "identity"), "user_id": "visitor-1"},
        {**without(EVENT, "identity"), "user_id": str(2**53)},
        {**without(EVENT, "identity"), "user_id": 5},
        {**EVENT, "event": ""}, {**EVENT, "event": "x" * 1025}, {**EVENT, "more": 1},
        {**EVENT, "timestamp": "2026-11-23"}, {**EVENT, "timestamp": 1795435200000},
        {**EVENT, "idempotency_key": 5},
        {**EVENT, "properties": {"x": True}}, {**EVENT, "properties": {"x": {"a": 1}}},
        {**EVENT, "properties": {"x": None}}, {**EVENT, "properties": {"x": "y" * 1024}},
        {**EVENT, "properties": {"x" * 1024: 1}}, {**EVENT, "properties": {"x": ["y" * 600] * 2}},
        {**EVENT, "properties": []},
    ],
)  # fmt: skip
def test_an_event_that_the_documentation_refuses_is_refused(event: dict[str, Any]) -> None:
    assert told(TRACK, {"app_id": "APP", "events": [EVENT, event]})


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        (TRACK, {"events": [EVENT]}), (TRACK, {"app_id": "APP", "events": []}),
        (TRACK, {"app_id": "APP", "events": [EVENT] * 1001}), (TRACK, {"app_id": "APP", "x": 1}),
        (USER, {"app_id": "APP", "users": [without(SOMEBODY, "identity")]}),
        (USER, {"app_id": "APP", "users": [{**SOMEBODY, "properties": {"Id": 1}}]}),
        (USER, {"app_id": "APP", "users": [{**SOMEBODY, "properties": {"x": ["y"]}}]}),
        (USER, {"app_id": "APP", "users": [SOMEBODY] * 1001}),
        (IDENTIFY, without(JOIN, "user_id")), (IDENTIFY, without(JOIN, "identity")),
        (IDENTIFY, {**JOIN, "user_id": "-1"}), (IDENTIFY, {**JOIN, "timestamp": "now"}),
        (TRACK + "s", {"app_id": "APP", "events": [EVENT]}),
    ],
)  # fmt: skip
def test_a_request_that_the_documentation_refuses_is_refused(
    url: str, whole: dict[str, Any]
) -> None:
    assert told(url, whole)


def test_nothing_that_we_send_is_refused_and_everything_is_sent(tmp_path: Path) -> None:
    got = by_us(tmp_path, "heap://APP", broad.say)
    for request in got:
        assert request.headers["content-type"] == "application/json"
        assert violations(f"https://heapanalytics.com{request.path}", request.body) == []
    sent = [body(request) for request in got]
    tracks = [each for whole in sent for each in whole.get("events", [])]
    assert len(tracks) == 3 + 3 * len(broad.EVENTS) + len(broad.NAMES) + 2
    assert len({each["idempotency_key"] for each in tracks}) == len(tracks)
    users = [each for whole in sent for each in whole.get("users", [])]
    assert [each["properties"].get("plan") for each in users] == ["pro", "pro", None]
    assert len([whole for whole in sent if "user_id" in whole]) == 2
