"""Vendors as functions, one file each: each checks what its vendor checks, and counts events by
their id. A file's ``VENDORS`` names its emulators: name -> made in a folder of its own.
"""

from __future__ import annotations

from track_middleware.delivery.lines import Silence
from track_middleware.destinations import Answer, Call

#: What a poisonous event carries in its properties.
POISON = "poison"


class Emulator:
    """Keeps what it took, in order, once by id."""

    url = ""
    reason = ""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self, call: Call) -> Answer | Silence:
        raise AssertionError("each vendor answers in its own way")

    def restart(self) -> None:
        """The sender's process is started anew."""

    def take(self, ids: list[str]) -> None:
        self.taken.extend(each for each in ids if each not in self.taken)
