"""``python -m benchmarks [NAME …]``: every bar, a table each; 1 when one is missed.

Names are ``cost``, ``throughput``, ``waiting``, ``latency``, ``plan``, ``script``, ``import``,
``console``, ``stages``, ``postgresql``, ``jetstream``, ``kafka``, ``growth`` and ``down``;
without any all run. ``python -m benchmarks.operations`` counts what a request makes the interpreter
do, which has no bar.
``BENCH_SMALL=1`` runs small ones: the ratios are then less steady, the bars the same.
"""

from __future__ import annotations

import os
import sys

SMALL = {"BENCH_ROUNDS": "8", "BENCH_EVENTS": "20000", "BENCH_WAITING": "50000",
         "BENCH_CALLS": "10000", "BENCH_SECONDS": "3", "BENCH_LOADS": "5",
         "BENCH_CLICKS": "50", "BENCH_IMPORTS": "1", "BENCH_CONSOLE": "200000",
         "BENCH_VISITS": "1000", "BENCH_TURNS": "2", "BENCH_GROWTH": "10000"}  # fmt: skip


def main(names: list[str]) -> int:
    """Runs the benchmarks of these names, or all."""
    if os.environ.get("BENCH_SMALL"):
        for name, value in SMALL.items():
            os.environ.setdefault(name, value)
    from . import (  # they read the variables at import
        console,
        cost,
        down,
        growth,
        imports,
        jetstream,
        kafka,
        latency,
        plan,
        postgresql,
        script,
        stages,
        throughput,
        waiting,
    )

    known = {"cost": cost, "throughput": throughput, "waiting": waiting, "latency": latency,
             "plan": plan, "script": script, "import": imports, "console": console,
             "stages": stages, "postgresql": postgresql, "jetstream": jetstream,
             "kafka": kafka, "growth": growth, "down": down}  # fmt: skip
    missed = []
    # What version managers build without profiling takes a fifth longer than distributions' own.
    print(f"Python {sys.version.partition(' ')[0]}, {os.path.realpath(sys.executable)}")
    for name in names or known:
        print(f"== {name}", flush=True)
        if known[name].main():
            missed.append(name)
    print(f"missed: {', '.join(missed)}" if missed else "every bar is met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
