"""A real file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import Emulator
from track_middleware.delivery.lines import FileTransport, Silence
from track_middleware.destinations import Answer, Call


class File(Emulator):
    """A real file: what is in it counts, twice when it is there twice. It refuses nothing."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.url = f"jsonl://{path}"
        self.path = path
        self.restart()

    def restart(self) -> None:
        self._append = FileTransport()

    def __call__(self, call: Call) -> Answer | Silence:
        answer = self._append(call)
        with open(self.path, encoding="utf-8") as file:
            self.taken = [json.loads(line)["messageId"] for line in file]
        return answer


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {
    "jsonl": lambda folder: File(str(folder / "events.jsonl"))
}
