"""The vendors' deletion APIs on one stand-in server: what each documents, by its own path.

``asked`` holds what each was asked to delete, as it took it. ``down``: it answers nothing but 503;
``busy``: so many calls are answered 429 first; ``locked``: keys are refused. A task is worked on
until ``finished``.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from tests.delivery.recorder import Got, Say


class Deletions:
    """Answers for all vendors: ``Recorder(Deletions())``."""

    def __init__(self) -> None:
        self.asked: dict[str, list[Any]] = {}
        self.down = False
        self.locked = False
        self.finished = False
        self.busy = 0

    def __call__(self, got: Got) -> Say:
        path = urlsplit(got.path).path
        for part, (vendor, answer) in _APIS.items():
            if part in path:
                return self._api(vendor, got, answer)
        return Say(200, _taken(path))  # what is delivered as ever

    def _api(self, vendor: str, got: Got, answer: dict[str, Any]) -> Say:
        if self.down:
            return Say(503, b"away")
        if self.locked or not got.headers.get("authorization"):
            return Say(401, b'{"error": "invalid credentials"}')
        if self.busy:
            self.busy -= 1
            return Say(429, b"slow down", {"Retry-After": "2"})
        if got.method == "GET":
            return Say(200, json.dumps(answer["over" if self.finished else "working"]).encode())
        if got.body:
            self.asked.setdefault(vendor, []).append(json.loads(got.body))
        return Say(answer.get("status", 200), json.dumps(answer["taken"]).encode())


def _taken(path: str) -> bytes:
    if path == "/import":
        return b'{"code": 200, "num_records_imported": 1, "status": "OK"}'
    return b'{"code": 200, "status": 1, "success": true}'


_APIS: dict[str, tuple[str, dict[str, Any]]] = {
    "/api/2/deletions/users": ("amplitude", {
        "taken": [{"day": "2026-12-01", "status": "staging"}],
    }),
    "/data-deletions/v3.0/": ("mixpanel", {
        "taken": {"status": "ok", "results": {"task_id": "task-1"}},
        "working": {"status": "ok", "results": {"status": "PENDING"}},
        "over": {"status": "ok", "results": {"status": "SUCCESS"}},
    }),
    "/persons/bulk_delete/": ("posthog", {"taken": {"persons_found": 1}, "status": 202}),
    "/regulations": ("segment", {
        "taken": {"data": {"regulateId": "reg-1"}},
        "working": {"data": {"regulation": {"overallStatus": "RUNNING"}}},
        "over": {"data": {"regulation": {"overallStatus": "FINISHED"}}},
    }),
    "/auth_token": ("heap token", {"taken": {"access_token": "bearer-1"}}),
    "/user_deletion": ("heap", {"taken": {"deletion_request_id": "r-1"}, "status": 201}),
    "/deletion_status/": ("heap", {
        "taken": {}, "working": {"status": "pending"}, "over": {"status": "complete"},
    }),
    "/userDeletionRequests:upsert": ("ga4", {"taken": {"kind": "analytics#userDeletionRequest"}}),
}  # fmt: skip
