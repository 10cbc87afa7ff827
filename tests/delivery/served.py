"""A store, a clock and a destination put together as the worker does, for tests of serving."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from track_middleware.delivery.serve import Serve
from track_middleware.delivery.store import Ledger, NewRow, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call
from track_middleware.destinations.registry import Route, routes

Network = Callable[[Call], Answer | Silence]


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def row(number: int, *, visitor: str = "v1", **given: Any) -> NewRow:
    """An event of a visitor, a track unless said; ``properties`` and other wire fields may be
    given."""
    body = {
        "messageId": event_id(number),
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "anonymousId": visitor,
        "properties": {"number": number},
    }
    body.update({name: value for name, value in given.items() if name not in ("bot", "derived")})
    label = str(body["event"]) if body["type"] == "track" else str(body["type"]).capitalize()
    derived = given.get("derived")
    return NewRow(
        event_id=event_id(number),
        order_key=visitor,
        accepted_at=0.0,
        kind=str(body["type"]),
        label=label,
        body=json.dumps(body).encode(),
        derived=json.dumps(derived).encode() if derived else None,
        bot=given.get("bot"),
    )


class Shop:
    """One destination of one store. ``now`` is set by hand; ``restart`` forgets what it knew.

    ``ledger`` stands between the two where a test wants to see, or break, what is written.
    """

    def __init__(
        self, folder: Path, url: str, network: Network, *, route: Route | None = None
    ) -> None:
        self.now = 1_795_435_200.0  # 2026-11-23T12:00:00Z
        self.network = network
        self.leading = True
        self.random: Callable[[], float] = lambda: 0.5
        self.store: Store = sqlite.open(folder / "events.db", now=lambda: self.now)
        self.ledger: Ledger = self.store
        self.route = route or routes([url])[0]
        self.job = self.store.job(self.route.name)
        self.restart()

    def restart(self) -> None:
        self.serve = Serve(
            self.route,
            log=self.store,
            ledger=self.ledger,
            transport=lambda call: self.network(call),
            now=lambda: self.now,
            random=lambda: self.random(),
            may_send=lambda: self.leading,
        )

    def accept(self, *rows: NewRow) -> None:
        with self.store.batch():
            self.store.append(rows)

    def run(self) -> float | None:
        return self.serve.once()

    def run_out(self, most: int = 20_000) -> None:
        """Serves, moving the clock to when it says it has something to do, until it has not."""
        for _ in range(most):
            again = self.serve.once()
            if again is None:
                return
            self.now = max(again, self.now + 0.001)
        raise AssertionError("still something to do")

    def dead(self) -> dict[str, str]:
        """Dead letters: event id -> reason."""
        return {each.event_id: each.reason for each in self.store.dead(limit=10_000)}

    def waiting(self) -> dict[str, int]:
        """Rows that wait, by state."""
        return {
            state: count
            for state, count in self.store.count(self.job).items()
            if state != "dead" and count
        }

    def position(self) -> int:
        return self.store.job(self.route.name).position

    def close(self) -> None:
        self.store.close()


class Receiver:
    """A webhook's receiver as a function: counts by id, answers what ``answers`` says next."""

    def __init__(self, answers: Sequence[Answer | Silence] = ()) -> None:
        self.answers = list(answers)
        self.poison: set[int] = set()
        self.order: list[int] = []
        self.calls: list[list[int]] = []
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, call: Call) -> Answer | Silence:
        body = json.loads(call.body)
        numbers = [each["properties"]["number"] for each in body["batch"]]
        self.calls.append(numbers)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Silence) or answer.status != 200:
                return answer
        if self.poison & set(numbers):
            return Answer(400, {}, b"a bad event is in it")
        self.bodies.extend(body["batch"])
        self.order.extend(number for number in numbers if number not in self.order)
        return Answer(200)
