"""What a batching SDK, or we, sent for some calls, as one value that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.delivery.recorder import Got
from tests.oracle import body, differences

#: When the events of these tests happened: lately, to the millisecond.
MOMENT = datetime.now(UTC).replace(microsecond=123_000) - timedelta(minutes=1)

#: The ids of these tests' events.
IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(9)]

#: What of a request's head says how it is read.
_HEAD = ("authorization", "content-type", "content-encoding", "user-agent")


def whole(requests: Sequence[Got]) -> dict[str, Any]:
    """Requests as one: an SDK's thread may have cut its batch in two."""
    (method, path) = one({(got.method, got.path) for got in requests})
    head = one({tuple((name, got.headers.get(name)) for name in _HEAD) for got in requests})
    messages = [message for got in requests for message in body(got)["batch"]]
    return {"method": method, "path": path, "headers": dict(head),
            "body": {**body(requests[0]), "batch": messages}}  # fmt: skip


def one(values: Iterable[Any]) -> Any:
    (only,) = values
    return only


def around(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> set[str]:
    """The fields that differ outside the messages."""
    return {path for path in differences(ours, theirs) if not path.startswith("body.batch")}


def inside(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], kind: Callable[[Mapping[str, Any]], str]
) -> dict[str, set[str]]:
    """Kind of message -> the fields that differ in it; ``every`` holds what differs in all."""
    pairs = zip(ours["body"]["batch"], theirs["body"]["batch"], strict=True)
    found = {kind(message): set(differences(message, their)) for message, their in pairs}
    every = set.intersection(*found.values())
    rest = {name: paths - every for name, paths in found.items() if paths - every}
    return {"every": every, **rest}


def flat(found: Mapping[str, set[str]]) -> set[str]:
    """``kind: path`` for each difference inside."""
    return {f"{kind}: {path}" for kind, paths in found.items() for path in paths}
