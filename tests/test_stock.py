"""New ids: of every process, thread and moment their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from track_middleware.stock import Stock

#: In a process without other threads, as the operating system forks, unknown to Python (the GIL is
#: held meanwhile): prints an id of the child's and one of its parent's.
FORKS = """
import ctypes, os
from track_middleware.stock import Stock
stock = Stock()
stock.new_id()
child = ctypes.PyDLL(None).fork()
if child == 0:
    os.write(1, stock.new_id().encode() + b" ")
    os._exit(0)
os.waitpid(child, 0)
print(stock.new_id())
"""


def test_an_id_tells_the_millisecond_that_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(Stock().new_id())
    assert made.version == 7
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_an_id_of_a_known_millisecond_tells_it_whatever_was_told_before() -> None:
    stock = Stock()
    told = [UUID(stock.new_id(each)).int >> 80 for each in (7, 7, 2**48 - 1, 0, 7)]
    assert told[:3] + told[4:] == [7, 7, 2**48 - 1, 7]
    assert told[3] > 2**40  # none is known: now


def test_no_more_than_one_id_in_fifty_asks_the_system_for_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    draw = os.urandom

    def counted(size: int) -> bytes:
        asked.append(size)
        return draw(size)

    monkeypatch.setattr(os, "urandom", counted)
    stock = Stock()
    made = {stock.new_id() for _ in range(2000)}
    assert len(made) == 2000
    assert 0 < len(asked) <= 40


def test_no_id_is_made_twice_however_many_threads_make_them() -> None:
    stock = Stock()
    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(lambda _: [stock.new_id() for _ in range(2000)], range(8)))
    made = [each for part in parts for each in part]
    assert len({each[13:] for each in made}) == len(made)


def test_a_child_of_a_fork_that_python_does_not_know_of_makes_ids_of_its_own() -> None:
    command = [sys.executable, "-c", FORKS]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    childs, parents = ended.stdout.split()
    assert len(childs) == len(parents) == 36
    assert childs[13:] != parents[13:]
