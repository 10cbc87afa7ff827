"""Removes a worker's data folder at each of its first uses: ``folder_goes_away.py FOLDER``; prints
the status of each run, until one had no further use to remove it at."""

import shutil
import sys
from pathlib import Path

from track_middleware.delivery import handover
from track_middleware.delivery.command import work
from track_middleware.reading import load

folder = Path(sys.argv[1])
uses, last = 0, 0

#: What Python tells of a file before it is used.
_USES = {
    "open",
    "os.mkdir",
    "os.listdir",
    "os.remove",
    "os.rename",
    "os.scandir",
    "sqlite3.connect",
}


def use(event: str, given: tuple[object, ...]) -> None:
    global uses
    if event in _USES and str(folder) in str(given[0]):
        uses += 1
        if uses == last:
            shutil.rmtree(folder, ignore_errors=True)


sys.addaudithook(use)

while uses >= last:
    settings = load({"data_dir": str(folder), "destinations": ["jsonl:///dev/null"]}, {})
    uses, last = -1_000_000, last + 1
    handover.write(settings, folder)
    uses = 0
    print(work(folder, once=True), flush=True)
