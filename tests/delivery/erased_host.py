"""A web process that tracks what it is told: ``erased_host.py DATA_DIR DESTINATION…``.

Each line of its standard input is ``USER VISITOR NOTE`` ("-" for none); it answers with the line's
event id once the event is accepted. It keeps its worker in a process of its own.
"""

import sys
import time
import uuid
from pathlib import Path

from track_middleware.delivery.keeper import Keeper
from track_middleware.delivery.spool import Spool
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load

data_dir = Path(sys.argv[1])
settings = load({"data_dir": str(data_dir), "destinations": sys.argv[2:], "min_free": "1"}, {})
keeper = Keeper(settings, data_dir=data_dir)
spool = Spool(data_dir, now=time.time, min_free="1", on_first=keeper.first_event)

for line in sys.stdin:
    user, visitor, note = (word if word != "-" else None for word in line.split())
    event = Event(
        str(uuid.uuid4()), "track", iso(time.time()), event="Bought", user_id=user,
        anonymous_id=visitor, properties={"note": note},
    )  # fmt: skip
    if spool.append([Entry("event", time.time(), event, consent={"analytics": "granted"})]):
        print(event.message_id, flush=True)
