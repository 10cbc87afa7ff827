"""A process that appends events: ``appender.py STORE FIRST COUNT``; ends itself by SIGKILL."""

import os
import signal
import sys
from pathlib import Path

from tests.delivery.store_contract import row
from track_middleware.delivery.store import sqlite

store = sqlite.open(Path(sys.argv[1]))
first, count = int(sys.argv[2]), int(sys.argv[3])
for number in range(first, first + count, 5):
    store.append([row(each) for each in range(number, number + 5)])
print("done", flush=True)
with store.batch():
    store.append([row(10**6 + first)])
    os.kill(os.getpid(), signal.SIGKILL)
