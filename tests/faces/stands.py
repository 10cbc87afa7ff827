"""Servers, each with the app of one face: forked from one process that has imported everything,
because that takes longer than all that a test asks of them.

Each line of the standard input names a server, a face, a data folder and a port, apart by tabs, and
may give settings as JSON; the process that serves is told on the standard output. It runs until it
is ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.faces.apps import build

#: Seconds that a connection is kept on which nobody asks: clients of these tests use theirs again,
#: on a busy machine after a while.
_KEPT = 120


def _gunicorn(app: Any, port: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Here(BaseApplication):  # type: ignore[misc]  # it ships no types
        def load_config(self) -> None:
            place = f"127.0.0.1:{port}"
            given = {"bind": place, "worker_class": "gthread", "threads": 4, "keepalive": _KEPT}
            for name, value in given.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return app

    Here().run()


def _uvicorn(app: Any, port: int) -> None:
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", timeout_keep_alive=_KEPT)


def _waitress(app: Any, port: int) -> None:
    import waitress

    waitress.serve(app, listen=f"127.0.0.1:{port}")


SERVERS = {"gunicorn": _gunicorn, "uvicorn": _uvicorn, "waitress": _waitress}


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        server, face, data_dir, port, *more = line.rstrip("\n").split("\t")
        settings = json.loads(more[0]) if more else {}
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                SERVERS[server](build(face, Path(data_dir), **settings).app, int(port))
            except Exception:  # noqa: BLE001  nobody else would say why it ends
                traceback.print_exc()
            finally:  # a process that exits by itself tidies up all that was imported: for seconds
                os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
