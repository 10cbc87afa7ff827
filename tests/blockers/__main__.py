"""``python -m tests.blockers``: a full walk's requests against three blockers; 1 if one bites.

``BLOCKERS_PREFIXES`` says under how many derived prefixes everything is tried (1,000).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.waiting import free_port

from . import sources
from .engines import ENGINES
from .trial import requests, trial
from .walk import Walk, walked


def main() -> int:
    """Prints a line for each engine; 1 when one blocks ours or lets a control by."""
    sources.get()
    prefixes = int(os.environ.get("BLOCKERS_PREFIXES", "1000"))
    walk = _walk()
    kinds = Counter(each.kind for each in walk.asked)
    print(f"the walk asked {len(walk.asked)} different things: "
          + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))  # fmt: skip
    asked = requests(walk, prefixes)
    print(f"{len(asked):,} requests: on several hosts, and under {prefixes:,} prefixes\n")
    print(f"{'engine':<16}{'tried':>10}{'blocked':>10}{'controls blocked':>20}", flush=True)
    well = True
    for engine in ENGINES:
        it = trial(engine, asked, walk.prefix)
        held = f"{it.controls - len(it.passed)} of {it.controls}"
        print(f"{engine:<16}{it.tried:>10,}{len(it.blocked):>10}{held:>20}", flush=True)
        for each, rule in it.blocked[:20]:
            print(f"  blocked: {each.kind} {each.url} by {rule}")
        for each in it.passed:
            print(f"  control not blocked: {each.kind} {each.url}")
        well = well and it.well
    return int(not well)


def _walk() -> Walk:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return walked(free_port(), Path(folder) / "var")


if __name__ == "__main__":
    sys.exit(main())
