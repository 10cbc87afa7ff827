"""A web process that tracks: ``host.py DATA_DIR MODE OUT [WORKER SILENT]``; prints each id once it
was accepted. ``WORKER`` is another program for its worker, hung after ``SILENT`` seconds.

Tracks one event per line of its standard input (the line is the event's id), until its end; the
line ``fork`` makes a child that tracks ``forked`` and outlives its parent until it is killed.
"""

import os
import signal
import sys
import time
from pathlib import Path

from track_middleware.delivery.keeper import Keeper
from track_middleware.delivery.spool import Spool
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load

data_dir, mode, out = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
given = {"data_dir": str(data_dir), "deliver": mode, "destinations": [f"jsonl://{out}"]}
settings = load(given, {})
more = {"command": (sys.argv[4],), "silent": float(sys.argv[5])} if sys.argv[4:] else {}
keeper = Keeper(settings, data_dir=data_dir, **more)
spool = Spool(data_dir, now=time.time, min_free="1", on_first=keeper.first_event)


def track(name: str) -> None:
    event = Event(name, "track", iso(time.time()), event=name, anonymous_id="v")
    if spool.append([Entry("event", time.time(), event, consent={"analytics": "granted"})]):
        print(name, flush=True)
    if mode == "inline":
        keeper.drain_inline()


for line in sys.stdin:
    word = line.strip()
    if word == "fork" and os.fork() == 0:
        track("forked")
        signal.pause()
    elif word == "flush":
        print("flushed", keeper.flush(600.0), flush=True)
    elif word != "fork":
        track(word)
