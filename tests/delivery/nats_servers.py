"""NATS servers of the tests' own: folders under /tmp, free ports, ended with their block."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.processes import started
from tests.waiting import SECONDS, free_ports, until


class Server:
    """One server: killed, and started again with what it had."""

    def __init__(
        self, stack: ExitStack, folder: Path, ports: Sequence[int], more: Sequence[str]
    ) -> None:
        self.port, self._looks = ports
        self.name = folder.name
        self._stack = stack
        self._command = [
            "nats-server", "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(self.port),
            "-m", str(self._looks), "-n", self.name, *more,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self._stack.enter_context(
            started(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def is_well(self) -> bool:
        """Whether it serves JetStream."""
        try:
            return bool(self.told("healthz").get("status") == "ok")
        except OSError:
            return False

    def told(self, what: str) -> dict[str, object]:
        """What it says of itself."""
        url = f"http://127.0.0.1:{self._looks}/{what}"
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return msgspec.json.decode(answer.read(), type=dict[str, object])


class Servers:
    """One server, or a cluster of three."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.all = servers

    def url(self, ledger: str = "", **asked: object) -> str:
        """A store at these servers."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.all)
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return f"nats://{hosts}?{query}{ledger and f'&ledger={ledger}'}"

    def leader(self, stream: str) -> Server | None:
        """Who leads a stream, as far as anybody says."""
        for each in self.all:
            try:
                said = each.told("jsz?streams=true")
            except (OSError, urllib.error.HTTPError):
                continue
            name = _leader(said, stream)
            found = next((one for one in self.all if one.name == name), None)
            if found is not None:
                return found
        return None


def _leader(said: dict[str, object], stream: str) -> str:
    accounts = msgspec.convert(said.get("account_details") or [], list[_Account])
    streams = [each for account in accounts for each in account.stream_detail]
    return next((each.cluster.leader for each in streams if each.name == stream), "")


class _Group(msgspec.Struct):
    leader: str = ""


class _Stream(msgspec.Struct):
    name: str
    cluster: _Group = msgspec.field(default_factory=_Group)


class _Account(msgspec.Struct):
    stream_detail: list[_Stream] = []


@contextmanager
def servers(number: int = 1, *options: str) -> Iterator[Servers]:
    """So many servers that serve JetStream together, with further options of nats-server's."""
    folder = Path(tempfile.mkdtemp(prefix="track-nats-", dir="/tmp"))
    ports = free_ports(3 * number)
    routes = [f"nats://127.0.0.1:{port}" for port in ports[:number]]
    try:
        with ExitStack() as stack:
            made = []
            for at, route in enumerate(routes):
                more = ["--cluster_name", "track", "--cluster", route, "--routes", ",".join(routes)]
                more.append("--no_advertise")  # clients keep to the addresses that they are given
                own = ports[number + 2 * at : number + 2 * at + 2]
                (folder / f"n{at}").mkdir()
                made.append(
                    Server(stack, folder / f"n{at}", own, [*options, *(more if number > 1 else [])])
                )
            for each in made:
                each.start()
            until(lambda: all(each.is_well for each in made), "no JetStream")
            yield Servers(made)
    finally:
        shutil.rmtree(folder)
