"""A real file, and one that is finished every few lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import Emulator
from track_middleware.delivery.lines import FileTransport, Silence
from track_middleware.delivery.rotation import finished
from track_middleware.destinations import Answer, Call


class File(Emulator):
    """A real file: what is in it counts, twice when it is there twice. It refuses nothing."""

    counted = ("track", "page", "screen", "identify", "group", "alias")

    def __init__(self, path: Path, options: str = "") -> None:
        super().__init__()
        self.url = f"jsonl://{path}{options}"
        self.path = path
        self.restart()

    def restart(self) -> None:
        self._append = FileTransport()

    def __call__(self, call: Call) -> Answer | Silence:
        answer = self._append(call)
        files = [*finished(self.path), self.path]
        lines = [line for each in files for line in each.read_text().splitlines()]
        self.taken = [json.loads(line)["messageId"] for line in lines]
        return answer


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {
    "jsonl": lambda folder: File(folder / "events.jsonl"),
    "jsonl rotated": lambda folder: File(folder / "events.jsonl", "?rotate=1kB"),
}
