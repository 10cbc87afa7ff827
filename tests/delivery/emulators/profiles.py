"""Whose profile each event hangs on, by the rules that each vendor documents.

Each reads the records of its vendor's calls in the order in which they came. ``hung`` gives the
profiles: a user's by its id, a visitor's whom nobody has identified by the visitor's id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

Record = Mapping[str, Any]

#: Where an event says at which step of a journey it happened.
_STEP = re.compile(r"/s/(\w+)")


class Profiles:
    """``joined`` counts the calls that were nothing but "these two are one", by what they join."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.joined: list[tuple[str, ...]] = []
        self.said: dict[str, dict[str, Any]] = {}
        self._same: dict[str, str] = {}

    def take(self, path: str, body: bytes) -> bytes:
        """One call's body; the vendor's answer."""
        raise AssertionError("each vendor reads its own")

    def hung(self) -> dict[str, set[str]]:
        """By profile: its events, as ``name:step``."""
        profiles: dict[str, set[str]] = {}
        for who, event in self.events:
            profiles.setdefault(self._whose(who), set()).add(event)
        return profiles

    def traits(self) -> dict[str, dict[str, Any]]:
        """By profile: what is known of who it is."""
        return {self._whose(who): said for who, said in self.said.items()}

    def _whose(self, who: str) -> str:
        while who in self._same:
            who = self._same[who]
        return who

    def _hang(self, who: str, name: str, record: Record) -> None:
        step = _STEP.search(json.dumps(record))
        self.events.append((who, f"{name}:{step[1] if step else '?'}"))

    def _tell(self, who: str, said: Record) -> None:
        self.said.setdefault(who, {}).update(said)


class SimplifiedMixpanel(Profiles):
    """The first event with both ``$device_id`` and ``$user_id`` maps the device to the user, also
    for what it did before; a device stays with the first user, and another user's events on it are
    that user's alone (docs.mixpanel.com/docs/tracking-methods/id-management,
    identifying-users-simplified)."""

    def take(self, path: str, body: bytes) -> bytes:
        for record in json.loads(body):
            if path.startswith("/engage"):
                self._tell(record["$distinct_id"], record.get("$set", {}))
                continue
            properties = record["properties"]
            user, device = properties.get("$user_id"), properties.get("$device_id")
            assert properties["distinct_id"] == (user or f"$device:{device}")
            if user and device:
                self._same.setdefault(device, user)
            assert record["event"] not in ("$identify", "$merge", "$create_alias")
            self._hang(user or device, record["event"], record)
        return b'{"code": 200, "status": "OK", "num_records_imported": 1}'


class OriginalMixpanel(Profiles):
    """Ids are one where ``$identify``, ``$merge`` or ``$create_alias`` said so; ``$identify`` takes
    a UUIDv4 that is in no other cluster (docs.mixpanel.com/docs/tracking-methods/id-management,
    identifying-users-original; docs.mixpanel.com/reference/identity-merge)."""

    def take(self, path: str, body: bytes) -> bytes:
        for record in json.loads(body):
            if path.startswith("/engage"):
                self._tell(record["$distinct_id"], record.get("$set", {}))
                continue
            name, said = record["event"], record["properties"]
            assert not {"$device_id", "$user_id"} & said.keys()
            if name == "$identify":
                assert UUID(said["$anon_id"]).version == 4
                self._join(said["$identified_id"], said["$anon_id"])
            elif name == "$merge":
                self._join(*said["$distinct_ids"])
            elif name == "$create_alias":
                self._join(said["alias"], said["distinct_id"])
            else:
                self._hang(said["distinct_id"], name, record)
        return b'{"code": 200, "status": "OK", "num_records_imported": 1}'

    def _join(self, user: str, other: str) -> None:
        self.joined.append((user, other))
        one, two = self._whose(user), self._whose(other)
        if one != two:
            self._same[two] = one


class Amplitude(Profiles):
    """An event with a user id is the user's, and makes the device theirs: what the device did as
    nobody becomes theirs, and what it does without a user id, until another user comes
    (amplitude.com/docs/data/sources/instrument-track-unique-users)."""

    def __init__(self) -> None:
        super().__init__()
        self._user_of: dict[str, str] = {}

    def take(self, path: str, body: bytes) -> bytes:
        for record in json.loads(body)["events"]:
            user, device = record.get("user_id"), record.get("device_id")
            if user and device:
                if device not in self._user_of:
                    self._same[device] = user
                self._user_of[device] = user
            who = user or self._user_of.get(device, device)
            if record["event_type"] == "$identify":
                self._tell(who, record["user_properties"].get("$set", {}))
            else:
                self._hang(who, record["event_type"], record)
        return b'{"code": 200, "events_ingested": 1}'


class PostHog(Profiles):
    """``$identify`` merges the person of ``$anon_distinct_id`` into the distinct id's, unless that
    person is identified already; ``$create_alias`` likewise (posthog.com/docs/product-analytics,
    identify; github.com/PostHog/posthog, person-merge-service)."""

    def __init__(self) -> None:
        super().__init__()
        self._identified: set[str] = set()

    def take(self, path: str, body: bytes) -> bytes:
        for record in json.loads(body)["batch"]:
            name, who, said = record["event"], record["distinct_id"], record["properties"]
            if name == "$identify" and "$anon_distinct_id" in said:
                self._join(who, said["$anon_distinct_id"])
            elif name == "$create_alias":
                self._join(said["distinct_id"], said["alias"])
            elif name not in ("$identify", "$set"):
                self._hang(who, name, record)
            if "$set" in record:
                self._tell(who, record["$set"])
        return b'{"status": "Ok"}'

    def _join(self, user: str, other: str) -> None:
        self.joined.append((user, other))
        assert self._whose(other) not in self._identified, "it would be refused"
        self._same[other] = self._whose(user)
        self._identified |= {user, other}


#: By the name of a destination: its vendor, and the URL of its project but for ``?endpoint=``.
PEOPLE: Mapping[str, tuple[type[Profiles], str]] = {
    "simplified": (SimplifiedMixpanel, "mixpanel://T?name=simplified"),
    "original": (OriginalMixpanel, "mixpanel://T2?identity=original&name=original"),
    "amplitude": (Amplitude, "amplitude://KEY?name=amplitude"),
    "posthog": (PostHog, "posthog://KEY?name=posthog"),
}


def users(profiles: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Those of some users; every other profile is nobody's, under "": at most one is left."""
    named = {who: each for who, each in profiles.items() if who in known}
    rest = [each for who, each in profiles.items() if who not in known]
    assert len(rest) <= 1, rest
    return {**named, **({"": rest[0]} if rest else {})}
