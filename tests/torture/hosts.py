"""Web hosts with a worker each and one store, while all of it is killed and cut: the parts."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from tests.delivery.cluster import Cluster
from tests.delivery.recorder import Got, Say
from tests.delivery.relay import Relay
from tests.processes import started
from tests.waiting import until
from track_middleware.delivery import handover, lease
from track_middleware.reading import load

FULL = os.environ.get("TORTURE") == "full"
EVENTS = 100_000 if FULL else 3_000
RATE = 300 if FULL else 100

PATIENCE = 300.0 if FULL else 120.0

#: Seconds until others have taken over what a killed worker had; on a busy machine it only has to
#: come to that.
TAKEOVER = 10.0 if FULL else PATIENCE

#: Seconds in which everything is served, whatever is killed.
LONGEST = 20 * PATIENCE if FULL else 5 * PATIENCE

#: Seconds for all of it, where it is killed when it hangs.
ALL_IN_ALL = 0 if FULL else 1500


class Vendor:
    """A webhook's receiver that knows every event by its id."""

    def __init__(self) -> None:
        self.first: set[str] = set()
        self.order: dict[str, list[int]] = defaultdict(list)
        self.got = 0
        self._lock = threading.Lock()

    def answer(self, got: Got) -> Say:
        with self._lock:
            for event in msgspec.json.decode(got.body)["batch"]:
                self.got += 1
                if event["messageId"] not in self.first:
                    self.first.add(event["messageId"])
                    self.order[event["userId"]].append(event["properties"]["n"])
        return Say()


class Host:
    """A web host: its processes, which are killed and started again, what it accepted, and the
    links over which it reaches its store."""

    def __init__(
        self, stack: ExitStack, folder: Path, store: str, links: Sequence[Relay], to: Sequence[str]
    ) -> None:
        self.name = folder.name
        self.links = links
        self._stack = stack
        self._folder = folder
        self._to = to
        self._store = store
        self._webs, self._since = 0, 0
        self.web: subprocess.Popen[str] | None = None
        self.worker: subprocess.Popen[str] | None = None
        folder.mkdir()
        given = {"data_dir": str(folder / "track"), "store": self._store, "destinations": list(to)}
        handover.write(load(given, {}), folder / "track")

    def serve(self, events: int, *, rate: int = RATE, visitors: int = 9) -> None:
        self._webs += 1
        command = [
            sys.executable, "-m", "tests.torture.webhost", str(self._folder / "track"),
            self._store, self.name, str(self._webs * 10**6), str(events), str(rate),
            str(visitors), *self._to,
        ]  # fmt: skip
        with (self._folder / f"accepted-{self._webs}").open("w") as out:
            self.web = self._stack.enter_context(started(command, stdout=out))

    def work(self) -> None:
        """Starts its worker, unless it runs."""
        if self.worker is not None and self.worker.poll() is None:
            return
        self._since = lease.sign_of_life(self._folder / "track")
        command = [sys.executable, "-m", "track_middleware", "worker", "--data-dir"]
        with (self._folder / "worker.log").open("a") as out:
            self.worker = self._stack.enter_context(
                started([*command, str(self._folder / "track")], stderr=out)
            )

    def accepted(self) -> set[str]:
        texts = [each.read_text() for each in self._folder.glob("accepted-*")]
        return {line for text in texts for line in text[: text.rfind("\n") + 1].split()}

    def has_served(self, events: int) -> bool:
        """Whether its present web process runs, and has accepted so many."""
        text = (self._folder / f"accepted-{self._webs}").read_text()
        return self.is_serving and text.count("\n") >= events

    @property
    def has_worked(self) -> bool:
        """Whether its present worker runs, and has been elected."""
        runs = self.worker is not None and self.worker.poll() is None
        return runs and lease.sign_of_life(self._folder / "track") > self._since

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def kill_web(self) -> None:
        assert self.web is not None
        self.web.kill()
        self.web.wait()

    @property
    def is_serving(self) -> bool:
        return self.web is not None and self.web.poll() is None


class Chaos:
    """What goes wrong, at random; ``more`` are further kinds, by what they are counted as."""

    def __init__(
        self,
        hosts: Sequence[Host],
        server: Cluster,
        seed: int,
        *,
        events: int = EVENTS,
        more: Mapping[str, Callable[[], int]] | None = None,
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._random = random.Random(seed)
        self._events = events
        self._more = more or {}
        self.done: dict[str, int] = defaultdict(int)

    def run(self) -> None:
        """Something now and then, each kind as often, until all is served and each kind has
        happened; who was killed before is started again."""
        began, restarted, kinds = time.monotonic(), 0, list[Callable[[], None]]()
        while self._is_served_on() or not self._all_has_happened():
            assert time.monotonic() - began < LONGEST, f"{dict(self.done)} happened"
            time.sleep(self._random.uniform(0.1, 0.8))
            if time.monotonic() - began > 20 * restarted + 3:
                restarted += 1
                self._restart()
            if not kinds:
                kinds = [self._kill_worker, self._kill_web, self._cut]
                kinds += [partial(self._do, name) for name in self._more]
                self._random.shuffle(kinds)
            kinds.pop()()

    def _all_has_happened(self) -> bool:
        named = ("workers killed", "web processes killed", "links cut", "database restarts")
        return all(self.done[kind] for kind in (*named, *self._more))

    def _is_served_on(self) -> bool:
        """Whether a web process serves; one more is started when all came to their end before
        one of them was killed."""
        serving = any(host.is_serving for host in self._hosts)
        if not serving and not self.done["web processes killed"]:
            self._hosts[0].serve(self._events // len(self._hosts))
            return True
        return serving

    def _do(self, name: str) -> None:
        self.done[name] += self._more[name]()

    def _kill_worker(self) -> None:
        """One that has come to work."""
        for host in self._hosts:
            host.work()
        there = [host for host in self._hosts if host.has_worked]
        if there:
            self.done["workers killed"] += 1
            self._random.choice(there).kill_worker()

    def _kill_web(self) -> None:
        """One that has come to serve, a few of the events at a time."""
        there = [host for host in self._hosts if host.has_served(self._events // 30)]
        if there:
            self.done["web processes killed"] += 1
            host = self._random.choice(there)
            host.kill_web()
            host.serve(self._events // len(self._hosts) - len(host.accepted()))

    def _cut(self) -> None:
        link = self._random.choice(self._random.choice(self._hosts).links)
        self.done["links cut"] += link.cut()

    def _restart(self) -> None:
        self.done["database restarts"] += 1
        self._server.kill()
        self._server.start()


def assert_once_and_in_order(
    server: Cluster, hosts: Sequence[Host], vendor: Vendor, chaos: Chaos, seed: int
) -> None:
    """Whatever was done to them: each accepted event arrives once at both destinations, a visitor's
    in their order, and a worker that is killed now is replaced in time."""
    for host in hosts:
        host.work()
    accepted = set[str]().union(*(host.accepted() for host in hosts))
    until(lambda: vendor.first >= accepted, seconds=PATIENCE)

    seconds = taken_over(server, hosts, vendor)
    accepted |= hosts[1].accepted()
    hosts[0].work()
    counted = "SELECT count(*) FROM counted"
    until(lambda: server.do(counted) == [(len(vendor.first),)], seconds=PATIENCE)
    print(f"seed {seed}: {dict(chaos.done)}; {len(accepted)} accepted, {vendor.got} sent, "
          f"taken over in {seconds:.1f} s")  # fmt: skip

    assert vendor.first >= accepted
    unsaid = len(vendor.first - accepted)  # killed between the spool and the id's line
    assert unsaid <= chaos.done["web processes killed"]
    for visitor, numbers in vendor.order.items():
        assert numbers == sorted(numbers), f"the order of {visitor}"
    distinct = "SELECT count(DISTINCT event_id) FROM counted"
    assert server.do(distinct) == [(len(vendor.first),)]
    assert seconds <= TAKEOVER


def taken_over(server: Cluster, hosts: Sequence[Host], vendor: Vendor) -> float:
    """Seconds until the events of many visitors, accepted while a worker was killed, have all
    arrived: those of its shards with the others."""
    until(
        lambda: len(holders(server)) == 3 and min(holders(server).values()) >= 2, seconds=PATIENCE
    )
    hosts[1].serve(200, rate=50, visitors=40)
    until(lambda: hosts[1].has_served(1), seconds=PATIENCE)  # starting it is no part of taking over
    hosts[0].kill_worker()
    began = time.monotonic()
    until(lambda: not hosts[1].is_serving, seconds=PATIENCE)
    accepted = hosts[1].accepted()
    until(lambda: vendor.first >= accepted, seconds=PATIENCE)
    seconds = time.monotonic() - began
    until(lambda: len(holders(server)) == 2, "nobody has taken over", seconds=PATIENCE)
    return seconds


def holders(server: Cluster) -> dict[str, int]:
    """How many shards of the webhook each worker has."""
    rows = server.do(
        "SELECT owner, count(*) FROM track_middleware.lease"
        " WHERE name ~ '^serve webhook/[0-9]$' AND owner <> '' GROUP BY owner"
    )
    return {str(owner): int(str(number)) for owner, number in rows}
