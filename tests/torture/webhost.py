"""A web process of one of several hosts: tracks at a steady pace, each id printed once accepted.

``python -m tests.torture.webhost DATA_DIR STORE NAME FIRST EVENTS RATE VISITORS DESTINATION…``: the
numbers of the events go from FIRST on.
"""

from __future__ import annotations

import sys
import time

from track_middleware import track, wiring


def main(
    data_dir: str, store: str, name: str, first: str, events: str, rate: str, visitors: str,
    *destinations: str,
) -> None:  # fmt: skip
    wiring.configure(
        {
            "data_dir": data_dir, "store": store, "deliver": "worker", "secret_key": "torture",
            "min_free": "1", "destinations": list(destinations),
        }
    )  # fmt: skip
    began = time.monotonic()
    for number in range(int(events)):
        time.sleep(max(0.0, began + number / float(rate) - time.monotonic()))
        who = f"{name}-{number % int(visitors)}"
        print(track("Counted", {"n": int(first) + number}, user_id=who), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
