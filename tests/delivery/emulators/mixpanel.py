"""Mixpanel's ``/import?strict=1``, ``/track``, ``/engage`` and ``/groups``, by docs.mixpanel.com.

Events are one when name, time, distinct id and insert id are the same; profiles are what was said
last. Of two readings of the documentation the worse is taken: ``/track`` answers ``status: 0`` for
one bad event and has taken the good ones all the same; ``/engage?strict=1`` lists what failed, as
the import does, without saying how many it took.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from tests.delivery.emulators import Emulator
from tests.delivery.emulators.poison import poisonous
from track_middleware.destinations import Answer, Call

INVALID_IDS = {
    "00000000-0000-0000-0000-000000000000", "anon", "anonymous", "nil", "none", "null", "n/a",
    "na", "undefined", "unknown", "<nil>", "0", "-1", "true", "false", "[]", "{}",
}  # fmt: skip
CHANGES = {"$set", "$set_once", "$add", "$append", "$remove", "$union", "$unset", "$delete"}
IN_1971 = 365 * 86_400
SIZE, MOST, EVENT = 10_000_000, 2_000, 1_000_000

Fault = tuple[str, str]


class Mixpanel(Emulator):
    """One project, with its token and one service account. ``taken`` are the events all of whose
    records are in."""

    reason = "poison"
    over_limit: Mapping[str, Any] = {f"p{number}": ["x" * 250] * 250 for number in range(16)}
    over_reason = "larger than"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        told = ("track", "page", "screen", "identify", "group")
        self.counted = (*told, "alias") if "original" in url else told
        self.passing = () if "original" in url else ("alias",)
        self.profiles: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.people: list[set[str]] = []
        self._known: set[tuple[object, ...]] = set()

    def __call__(self, call: Call) -> Answer:
        assert call.method == "POST"
        assert call.headers["content-type"] == "application/json"
        parts = urlsplit(call.url)
        roads: Mapping[str, Callable[[Call, Mapping[str, list[str]]], Answer]] = {
            "/import": self._import,
            "/track": self._track,
            "/engage": self._engage,
            "/groups": self._groups,
        }
        return roads[parts.path](call, parse_qs(parts.query))

    def _import(self, call: Call, query: Mapping[str, list[str]]) -> Answer:
        account = _account(call.headers.get("authorization", ""))
        project = query.get("project_id")
        if (account, project) not in (("user:secret", ["123"]), ("T:", None)):
            return _said(401, error="Invalid credentials", status="Unauthorized")
        assert query["strict"] == ["1"]
        return self._each(call, _fault_of_import, self._event, counted=True)

    def _track(self, call: Call, query: Mapping[str, list[str]]) -> Answer:
        assert query == {"verbose": ["1"], "ip": ["0"]}
        return self._all(call, _fault_of_track, self._event)

    def _engage(self, call: Call, query: Mapping[str, list[str]]) -> Answer:
        assert query == {"strict": ["1"], "verbose": ["1"], "ip": ["0"]}
        return self._each(call, _fault_of_profile, self._profile, counted=False)

    def _groups(self, call: Call, query: Mapping[str, list[str]]) -> Answer:
        assert query == {"verbose": ["1"]}
        return self._all(call, _fault_of_group, self._group)

    def _each(
        self,
        call: Call,
        fault: Callable[[Any], Fault | None],
        take: Callable[[Any], bool],
        *,
        counted: bool,
    ) -> Answer:
        """Takes what is good and lists the rest."""
        records = json.loads(call.body)
        if len(call.body) > SIZE or len(records) > MOST:
            return _said(413, error=f"request exceeds max limit of {SIZE} bytes")
        faults = self._sorted(call, records, fault, take)
        failed = [
            {"index": index, "field": field, "message": message}
            for index, (field, message) in faults.items()
        ]
        taken = {"num_records_imported": len(records) - len(failed)} if counted else {}
        if not failed:
            return _said(200, status="OK", **taken)
        error = "some data points in the request failed validation"
        return _said(400, error=error, status="Bad Request", failed_records=failed, **taken)

    def _all(
        self, call: Call, fault: Callable[[Any], Fault | None], take: Callable[[Any], bool]
    ) -> Answer:
        """Says only whether all was good."""
        records = json.loads(call.body)
        if len(call.body) > SIZE or len(records) > MOST:
            return _said(413, error=f"request exceeds max limit of {SIZE} bytes")
        faults = self._sorted(call, records, fault, take)
        error = ", ".join(f"{field} {message}" for field, message in faults.values()) or None
        return Answer(200, {}, json.dumps({"status": int(not faults), "error": error}).encode())

    def _sorted(
        self,
        call: Call,
        records: list[Any],
        fault: Callable[[Any], Fault | None],
        take: Callable[[Any], bool],
    ) -> dict[int, Fault]:
        faults: dict[int, Fault] = {}
        for index, (event_id, record) in enumerate(zip(call.ids, records, strict=True)):
            found = fault(record)
            if found:
                faults[index] = found
                self.taken = [each for each in self.taken if each != event_id]
            elif take(record):
                self.taken.append(event_id)
            else:
                self.take([event_id])
        return faults

    def _event(self, record: Mapping[str, Any]) -> bool:
        """Whether it counts: an event that the project has not had. Merges tell who is who."""
        properties = record["properties"]
        if record["event"] in _MERGES:
            self.people.append(set(_MERGES[record["event"]](properties)))
            return False
        names = ("time", "distinct_id", "$insert_id")
        key = record["event"], *(properties[name] for name in names)
        new = key not in self._known
        self._known.add(key)
        return new

    def _profile(self, record: Mapping[str, Any]) -> bool:
        profile = self.profiles.setdefault(record["$distinct_id"], {})
        profile.update(record.get("$set", {}))
        for name, value in record.get("$set_once", {}).items():
            profile.setdefault(name, value)
        for name, values in record.get("$union", {}).items():
            profile[name] = sorted({*profile.get(name, []), *values})
        return False

    def _group(self, record: Mapping[str, Any]) -> bool:
        self.groups.setdefault(record["$group_id"], {}).update(record["$set"])
        return False


_MERGES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "$identify": lambda said: [said["$identified_id"], said["$anon_id"]],
    "$merge": lambda said: said["$distinct_ids"],
    "$create_alias": lambda said: [said["distinct_id"], said["alias"]],
}


def _fault_of_import(record: Any) -> Fault | None:
    properties = record["properties"]
    time, insert_id = properties.get("time"), str(properties.get("$insert_id", ""))
    if properties.get("token", "T") != "T":
        return "properties.token", "is not this project's"
    if type(time) is not int or (time / 1000 if time > 10**11 else time) < IN_1971:
        return "properties.time", "is invalid: must be specified as seconds since epoch"
    if not re.fullmatch(r"[A-Za-z0-9-]{1,36}", insert_id) or insert_id in INVALID_IDS:
        return "properties.$insert_id", "is invalid"
    if "distinct_id" not in properties:
        return "properties.distinct_id", "is missing"
    return _fault_of_event(record)


def _fault_of_track(record: Any) -> Fault | None:
    if record["properties"].get("token") != "T":
        return "token", "missing or empty"
    return _fault_of_event(record)


def _fault_of_event(record: Mapping[str, Any]) -> Fault | None:
    properties = record["properties"]
    if not record["event"] or record.keys() != {"event", "properties"}:
        return "event", "is invalid"
    if str(properties.get("distinct_id", "")).lower() in INVALID_IDS:
        return "properties.distinct_id", "is invalid"
    if record["event"] == "$identify" and UUID(properties["$anon_id"]).version != 4:
        return "$anon_id", "didn't match expected GUID pattern"
    if record["event"] == "$merge" and len(set(properties["$distinct_ids"])) != 2:
        return "$distinct_ids", "are not two"
    return _fault_of_any(record, properties)


def _fault_of_profile(record: Mapping[str, Any]) -> Fault | None:
    distinct_id = record.get("$distinct_id", "")
    if record.get("$token") != "T":
        return "$token", "missing or empty"
    if not distinct_id or distinct_id.lower() in INVALID_IDS:
        return "$distinct_id", "is invalid"
    if len(CHANGES & record.keys()) != 1 or type(record.get("$time")) is not int:
        return "record", "is not one change at a time"
    (change,) = CHANGES & record.keys()
    return _fault_of_any(record, record[change])


def _fault_of_group(record: Mapping[str, Any]) -> Fault | None:
    if record.get("$token") != "T":
        return "$token", "missing or empty"
    if not record.get("$group_key") or not record.get("$group_id"):
        return "$group_id", "is missing"
    return _fault_of_any(record, record["$set"])


def _fault_of_any(record: Mapping[str, Any], properties: Mapping[str, Any]) -> Fault | None:
    if len(json.dumps(record)) >= EVENT:
        return "record", "is too large"
    if len(properties) >= 255:
        return "properties", "are too many"
    if not all(_within_limits(each) for each in properties.values()):
        return "properties", "are too long or too deep"
    return ("poison", "is not valid") if poisonous(record) else None


def _within_limits(value: Any, depth: int = 1) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    below = value.values() if isinstance(value, dict) else value
    deep = depth + isinstance(value, dict)
    return depth <= 3 and len(value) < 255 and all(_within_limits(each, deep) for each in below)


def _account(authorization: str) -> str:
    kind, _, coded = authorization.partition(" ")
    return base64.b64decode(coded).decode() if kind == "Basic" else ""


def _said(code: int, **more: object) -> Answer:
    return Answer(code, {}, json.dumps({"code": code, **more}).encode())


def _project(url: str) -> Callable[[Path], Emulator]:
    return lambda folder: Mixpanel(url)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {
    "mixpanel import": _project("mixpanel://user:secret@123?token=T"),
    "mixpanel track": _project("mixpanel://T?api=track"),
    "mixpanel original": _project("mixpanel://T?identity=original"),
}
