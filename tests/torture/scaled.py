"""A worker whose clock runs faster: ten minutes of outage in a fraction of them.

``python -m tests.torture.scaled DATA_DIR FACTOR``
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from track_middleware.delivery import handover
from track_middleware.delivery.worker import Worker


def main(data_dir: str, factor: str) -> None:
    folder, by, began = Path(data_dir), float(factor), time.time()
    while (given := handover.read(folder)) is None:
        time.sleep(0.05)
    Worker(
        given.loaded(folder),
        data_dir=folder,
        now=lambda: began + (time.time() - began) * by,
        monotonic=lambda: time.monotonic() * by,
    ).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
