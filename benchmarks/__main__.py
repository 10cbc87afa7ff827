"""``python -m benchmarks``: every bar, one table; names of faces behind it measure these alone."""

from __future__ import annotations

import sys

from . import cost

if __name__ == "__main__":
    sys.exit(cost.main(sys.argv[1:]))
