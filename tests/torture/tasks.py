"""A Celery app whose task tracks an event, writes its id down, and may be killed right after.

It kills itself: a process of Celery's pool that is killed while it waits for its next task takes
the lock of the pool's queue with it, and the others wait for ever.
"""

from __future__ import annotations

import os
import signal

from celery import Celery

from track_middleware import configure, track

FOLDER = os.environ["TORTURE_DIR"]

#: Of forty tasks this one's process does not survive it.
KILLED = 17

app = Celery("torture", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": f"{FOLDER}-broker", "data_folder_out": f"{FOLDER}-broker",
    "control_folder": f"{FOLDER}-control", "processed_folder": f"{FOLDER}-processed",
}  # fmt: skip
app.conf.worker_max_tasks_per_child = 7

configure(
    data_dir=FOLDER,
    destinations=[os.environ["TORTURE_TO"]],
    secret_key="torture",
    min_free="1",
    deliver=os.environ.get("TORTURE_MODE", "process"),
)


@app.task
def pay(number: int) -> None:
    """An invoice is paid: by a job, outside any request."""
    event_id = track("Invoice Paid", {"n": number}, user_id="42")
    with open(f"{FOLDER}-accepted", "a") as accepted:
        accepted.write(f"{event_id}\n")
    if number % 40 == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
