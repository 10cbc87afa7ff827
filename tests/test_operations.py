"""docs/operations.md: its commands, run in their order on one site, print what it says."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.delivery.served import event_id, row
from track_middleware import cli
from track_middleware.delivery.store import Outcome, sqlite
from track_middleware.delivery.transport import Deliver
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call
from track_middleware.reading import load

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "operations.md").read_text()
DAY = 86400.0


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the page, with what it prints there."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for each in block.split("$ track-middleware ")[1:]:
            command, _, printed = each.partition("\n")
            yield command, printed


class Site:
    """Two destinations; five events, one of them old, and two that Amplitude refused."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / ".track"
        self._files = Deliver()
        self.given = {
            "data_dir": str(self.data_dir),
            "destinations": ["amplitude://KEY", f"jsonl://{folder / 'archive'}?name=archive"],
            "secret_key": "a secret for the tests",
        }
        self.work()
        self._fill()
        self.work()

    def work(self) -> None:
        worker = Worker(load(self.given, {}), data_dir=self.data_dir, transport=self._send)
        worker.once()
        worker.close()

    def _send(self, call: Call) -> Answer:
        if not call.url.startswith("file:"):
            taken = {"code": 200, "events_ingested": len(call.ids)}
            return Answer(200, {}, json.dumps(taken).encode())
        answer = self._files(call)
        assert isinstance(answer, Answer)
        return answer

    def _fill(self) -> None:
        now = time.time()
        names = ("Signed Up", "Order Completed", "Signed Up", "Signed Up", "Signed Up")
        rows = [
            msgspec.structs.replace(
                row(number, event=name), accepted_at=now - (8 * DAY if number == 5 else 0)
            )
            for number, name in enumerate(names, 1)
        ]
        store = sqlite.open(self.data_dir / "events.db", now=lambda: now)
        with store.batch():
            store.append(rows)
        job, why = store.job("amplitude"), "invalid event properties"
        refused = [Outcome(n, event_id(n), "v1", "refused", reason=why) for n in (2, 3)]
        store.settle(job, refused)
        store.close()


def plain(text: str, site: Site | None = None) -> str:
    """Without what differs from run to run."""
    if site is not None:
        text = text.replace(str(site.data_dir), "/srv/shop/.track")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text)
    text = re.sub(r"\d+ a minute", "<number> a minute", text)
    return re.sub(r"[\d.]+ s(?= ago|\))", "<seconds>", text)


def test_the_pages_commands_print_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path)
    for command, printed in commands():
        verb, _, pattern = command.partition(" | grep ")
        assert cli.run(shlex.split(verb), given=site.given) == 0, command
        lines = capsys.readouterr().out.splitlines(keepends=True)
        said = "".join(line for line in lines if pattern in line)
        assert plain(said, site) == plain(printed), command
        if "--dry-run" not in command:
            site.work()


def test_every_way_of_dead_and_each_option_of_replay_is_on_the_page() -> None:
    for each in ("dead list", "dead show", "dead replay", "dead drop", "--stop", "--until"):
        assert each in PAGE
