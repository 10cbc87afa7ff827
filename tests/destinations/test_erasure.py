"""How each vendor is asked to erase somebody, and what its answers mean."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from track_middleware.address import address
from track_middleware.destinations import Answer
from track_middleware.destinations.erasure import NOWHERE, Eraser, Who, eraser
from track_middleware.destinations.options import ERASING
from track_middleware.destinations.registry import FILES, routes, target_of

WHO = Who(["u1", "u'2"], ["v1"], "short-lived")

URLS = {
    "amplitude": "amplitude://KEY?region=eu&secret=S3CRET",
    "clickhouse": "clickhouse://me:S3CRET@host:8443/db?table=t.events",
    "ga4": "ga4://G-1:ingest?property_id=77&erase_token=S3CRET",
    "heap": "heap://1234?erase_key=S3CRET",
    "mixpanel": "mixpanel://TOKEN?region=eu&erase_token=S3CRET",
    "posthog": "posthog://phc_1?region=eu&personal_key=S3CRET&project_id=9",
    "postgresql": "postgresql://me:S3CRET@host/db?table=track_events",
    "segment": "segment://KEY?erase_token=S3CRET",
}


def made(scheme: str) -> Eraser:
    found = eraser(address(URLS[scheme]))
    assert isinstance(found, Eraser)
    return found


def asked(scheme: str, who: Who = WHO) -> list[tuple[str, str, Any]]:
    calls = made(scheme).calls(who)
    return [(call.method, call.url, json.loads(call.body)) for call in calls]


def test_amplitude_is_told_users_a_hundred_at_a_time() -> None:
    url = "https://analytics.eu.amplitude.com/api/2/deletions/users"
    said = {"requester": "track-middleware", "ignore_invalid_ids": "True"}
    assert asked("amplitude") == [("POST", url, {"user_ids": ["u1", "u'2"], **said})]
    many = asked("amplitude", Who([f"u{number}" for number in range(250)], []))
    assert [len(body["user_ids"]) for _, _, body in many] == [100, 100, 50]
    call = made("amplitude").calls(WHO)[0]
    assert call.headers["authorization"] == "Basic " + base64.b64encode(b"KEY:S3CRET").decode()


def test_mixpanel_is_told_every_distinct_id_and_asked_for_its_task() -> None:
    url = "https://eu.mixpanel.com/api/app/data-deletions/v3.0/?token=TOKEN"
    ids = ["u1", "u'2", "v1", "$device:v1"]
    assert asked("mixpanel") == [("POST", url, {"distinct_ids": ids, "compliance_type": "GDPR"})]
    how = made("mixpanel")
    assert how.poll is not None
    poll = how.poll("a/b", "")
    assert (poll.method, poll.url) == ("GET", url.replace("?", "a%2Fb?"))
    assert poll.headers["authorization"] == "Bearer S3CRET"


def test_posthog_deletes_persons_with_events_and_recordings() -> None:
    url = "https://eu.posthog.com/api/projects/9/persons/bulk_delete/"
    body = {"distinct_ids": ["u1", "u'2", "v1"], "delete_events": True, "delete_recordings": True}
    assert asked("posthog") == [("POST", url, body)]


def test_segment_regulates_users_without_suppressing_them() -> None:
    body = {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": ["u1", "u'2"]}
    assert asked("segment") == [("POST", "https://api.segmentapis.com/regulations", body)]


def test_heap_is_opened_first() -> None:
    how = made("heap")
    assert how.opening is not None
    assert how.opened is not None
    assert how.opening.headers["authorization"].startswith("Basic ")
    assert how.opened(Answer(200, {}, b'{"access_token": "t1"}')).task == "t1"
    assert how.calls(WHO)[0].headers["authorization"] == "Bearer short-lived"
    assert asked("heap")[0][2] == {"users": [{"identity": "u1"}, {"identity": "u'2"}]}


def test_ga4_is_told_each_id_by_its_kind() -> None:
    bodies = [body for _, _, body in asked("ga4")]
    assert {each["propertyId"] for each in bodies} == {"77"}
    kinds = [each["id"]["type"] for each in bodies]
    assert kinds == ["USER_ID", "USER_ID", "CLIENT_ID", "CLIENT_ID", "CLIENT_ID"]
    assert bodies[0]["id"]["userId"] == "u1"


def test_own_tables_lose_rows_whatever_the_ids_hold() -> None:
    statements = [call.body for call in made("clickhouse").calls(WHO)]
    table = b"`t`.`events`" if b"`" in statements[0] else b'"t"."events"'
    assert statements[0] == b"DELETE FROM %b WHERE user_id IN ('u1', 'u\\'2')" % table
    assert statements[1] == b"DELETE FROM %b WHERE anonymous_id IN ('v1')" % table
    (call,) = made("postgresql").calls(WHO)
    assert (call.method, call.headers) == ("DELETE", {"table": "track_events"})
    assert json.loads(call.body) == {"user_id": ["u1", "u'2"], "anonymous_id": ["v1"]}


def test_nobody_is_asked_where_no_id_is_known() -> None:
    visitor_only = Who([], ["v1"])
    assert not made("amplitude").calls(visitor_only)
    assert not made("segment").calls(visitor_only)


TAKEN = {
    "amplitude": (200, [{"day": "2026-12-01", "status": "staging"}], "done", ""),
    "clickhouse": (200, "", "done", ""),
    "ga4": (200, {}, "done", ""),
    "heap": (201, {"deletion_request_id": "r1"}, "asked", "r1"),
    "mixpanel": (200, {"status": "ok", "results": {"task_id": "t1"}}, "asked", "t1"),
    "posthog": (202, {}, "done", ""),
    "postgresql": (200, "", "done", ""),
    "segment": (200, {"data": {"regulateId": "g1"}}, "asked", "g1"),
}


@pytest.mark.parametrize("scheme", URLS)
def test_an_answer_says_what_became_of_it(scheme: str) -> None:
    status, body, state, task = TAKEN[scheme]
    said = made(scheme).judge(Answer(status, {}, json.dumps(body).encode()))
    assert (said.state, said.task) == (state, task)


@pytest.mark.parametrize("scheme", URLS)
def test_what_is_not_taken_is_asked_again_or_told(scheme: str) -> None:
    judge = made(scheme).judge
    assert judge(None).state == "again"
    assert judge(Answer(503)).state == "again"
    busy = judge(Answer(429, {"retry-after": "7"}))
    assert (busy.state, busy.after) == ("again", 7.0)
    assert judge(Answer(401)).state == "needs you"
    gone = judge(Answer(404, {}, b"no S3CRET is known"))
    assert gone.state == "refused"
    assert "S3CRET" not in gone.words


OVER = {
    "heap": [({"status": "pending"}, "asked"), ({"status": "complete"}, "done")],
    "mixpanel": [
        ({"results": {"status": "STARTED"}}, "asked"), ({"results": {"status": "SUCCESS"}}, "done"),
        ({"results": {"status": "FAILURE"}}, "refused"), ({"results": []}, "asked"),
    ],
    "segment": [
        ({"data": {"regulation": {"overallStatus": "RUNNING"}}}, "asked"),
        ({"data": {"regulation": {"overallStatus": "FINISHED"}}}, "done"),
        ({"data": {"regulation": {"overallStatus": "FAILED"}}}, "refused"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("scheme", OVER)
def test_a_task_says_how_far_it_is(scheme: str) -> None:
    polled = made(scheme).polled
    assert polled is not None
    for body, state in OVER[scheme]:
        assert polled(Answer(200, {}, json.dumps(body).encode())).state == state
    assert polled(Answer(200, {}, b"no json")).state == "asked"
    assert polled(Answer(503)).state == "again"


@pytest.mark.parametrize("scheme", ERASING)
def test_what_a_url_lacks_is_named(scheme: str) -> None:
    bare = {"ga4": "ga4://G-1:s", "posthog": "posthog://phc_1"}.get(scheme, f"{scheme}://KEY")
    said = eraser(address(bare))
    assert isinstance(said, str)
    assert said.startswith("needs ?")


@pytest.mark.parametrize("scheme", FILES)
def test_every_destination_can_be_asked_or_says_why_not(scheme: str) -> None:
    assert (scheme in URLS) != (scheme in NOWHERE)


@pytest.mark.parametrize("scheme", ERASING)
def test_options_for_erasing_make_no_other_destination(scheme: str) -> None:
    url = URLS[scheme]
    assert routes([url])
    plain = address(url)
    without = {k: v for k, v in plain.options.items() if k not in ERASING[scheme]}
    named = "&".join(f"{key}={value}" for key, value in without.items())
    assert target_of(plain) == target_of(address(f"{url.partition('?')[0]}?{named}"))
