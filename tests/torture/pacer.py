"""A web process at a steady pace: so many events a second, each id printed once it is accepted.

``python -m tests.torture.pacer DATA_DIR MODE DESTINATION RATE EVENTS``
"""

from __future__ import annotations

import sys
import time

from track_middleware import flush, track, wiring


def main(data_dir: str, mode: str, destination: str, rate: str, events: str) -> None:
    wiring.configure(
        {
            "data_dir": data_dir, "deliver": mode, "secret_key": "torture", "min_free": "1",
            "destinations": [destination],
        }
    )  # fmt: skip
    began = time.monotonic()
    for number in range(int(events)):
        due = began + number / float(rate)
        time.sleep(max(0.0, due - time.monotonic()))
        sys.stdout.write(f"{track('Counted', {'n': number}, user_id=str(number % 50))}\n")
    sys.stdout.flush()
    flush(1.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
