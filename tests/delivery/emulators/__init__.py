"""Vendors as functions, one file each: each checks what its vendor checks, and counts events by
their id. A file's ``VENDORS`` names its emulators: name -> made in a folder of its own; every one
is put through ``tests/delivery/test_serve_faults.py`` by being there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from track_middleware.delivery.lines import Silence
from track_middleware.destinations import Answer, Call

#: What a poisonous event carries in its properties.
POISON = "poison"


class Emulator:
    """Keeps what it took, in order, once by id.

    ``reason``: a part of the reason with which its poisonous tracks are refused (empty: it refuses
    none). ``counted``: the kinds of events that it counts by their id; ``passing``: kinds that it
    takes without one, which must only not get lost. ``over_limit``: properties that its codec finds
    too much by itself, and ``over_reason`` a part of the reason then (empty: there are none).
    """

    url = ""
    reason = ""
    counted: tuple[str, ...] = ("track", "page", "screen")
    passing: tuple[str, ...] = ()
    over_limit: Mapping[str, Any] = {}
    over_reason = ""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self, call: Call) -> Answer | Silence:
        raise AssertionError("each vendor answers in its own way")

    def restart(self) -> None:
        """The sender's process is started anew."""

    def take(self, ids: list[str]) -> None:
        self.taken.extend(each for each in ids if each not in self.taken)
