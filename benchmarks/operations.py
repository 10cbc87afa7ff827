"""What a request makes the interpreter do: bytecodes and calls of ours, by function.

Times on a busy machine differ from run to run; this hardly does. Of several visits it shows the
middle one: what now and then draws ids, or meets a new millisecond, does more. Work that is done in
C within one bytecode is not seen, and a call costs more than an attribute: it says where to look,
and ``cost`` whether it helped. ``python -m benchmarks.operations [face …]``
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from .faces import FACES, Call, Visit

#: So often before it is counted: by then the interpreter has adapted, and what is kept lies there.
WARM = 50

OURS = "/track_middleware/"


#: Of so many visits the middle one is shown.
COUNTED = 51


def operations(call: Call, visit: Visit) -> tuple[Counter[str], Counter[str]]:
    """The bytecodes and the calls of a visit, by module and function."""
    for _ in range(WARM):
        call(visit)
    each = [_counted(call, visit) for _ in range(COUNTED)]
    return sorted(each, key=lambda one: one[0].total())[COUNTED // 2]


def _counted(call: Call, visit: Visit) -> tuple[Counter[str], Counter[str]]:
    done: Counter[str] = Counter()
    calls: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if OURS not in code.co_filename:
            return None
        frame.f_trace_opcodes = True
        name = f"{code.co_filename.partition(OURS)[2]} {code.co_qualname}"
        if event == "call":
            calls[name] += 1
        elif event == "opcode":
            done[name] += 1
        return trace

    sys.settrace(trace)
    try:
        call(visit)
    finally:
        sys.settrace(None)
    return done, calls


def main(faces: list[str]) -> int:
    """Prints the sums of all faces; of faces that are named also each function's."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in faces or FACES:
            face = FACES[name](Path(temporary) / name)
            visits = {"returning": Visit.returning(face.ours), "first": Visit.first()}
            for kind, visit in visits.items():
                done, calls = operations(face.ours, visit)
                print(f"{name:<14}{kind:<12}{done.total():>7} bytecodes {calls.total():>5} calls")
                for function, number in done.most_common() if faces else ():
                    print(f"{number:>10}{calls[function]:>4}  {function}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
