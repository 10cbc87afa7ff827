"""The verb ``demo``: a tracked site in one process, its console, its events in this terminal."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from ..settings import Settings
from ..tracking import routes
from . import shoppers
from .place import FINDING, WELL, WRONG_CALL, Place, say
from .tail import follow

#: The shop of a checkout; not part of an installed package.
SHOP = Path(__file__).resolve().parents[3] / "examples" / "django_app"

#: What a package without its extras does not bring; the shop has a plan.
_SHOP_NEEDS = ("django", "jsonschema_rs")

_USUAL_PORT = 8000
_PATIENCE = 30.0


def run(port: int, *, builtin: bool = False, alone: bool = False, as_json: bool = False) -> int:
    """Starts a site in a folder of its own, prints its address and its console's, lets simulated
    shoppers in unless you want to be ``alone``, and tails its events until Ctrl-C."""
    port = port or _free_port()
    if not _is_free(port):
        print(f"something already listens on port {port}", file=sys.stderr)
        return WRONG_CALL
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(
            prefix="track-demo-", ignore_cleanup_errors=True
        ) as folder:
            return _show(Path(folder), port, builtin=builtin, alone=alone, as_json=as_json)
    finally:
        signal.signal(signal.SIGTERM, former)


def _show(folder: Path, port: int, *, builtin: bool, alone: bool, as_json: bool) -> int:
    prefix = routes.prefix(secrets.token_hex())
    env = {**os.environ, "TRACK_PATH": prefix, "TRACK_ENRICHERS": shoppers.ENRICHER}
    log = folder / "server.log"
    with log.open("wb") as output:
        if not builtin and (SHOP / "manage.py").exists() and all(map(find_spec, _SHOP_NEEDS)):
            server = _shop(folder, port, env, output.fileno())
        else:
            server = _builtin(folder, port, env, output.fileno())
    if server is None or not _answers(server, port):
        print(f"the site did not start:\n{log.read_text(errors='replace')}", file=sys.stderr)
        return FINDING
    site = f"http://127.0.0.1:{port}/"
    console = f"{site}{prefix}/console/"
    crowd = shoppers.Shoppers(site)
    try:
        _greet(site, console, alone=alone, as_json=as_json)
        if not alone:
            crowd.begin()
        data_dir = folder / "track"
        where = Place(Settings(data_dir=str(data_dir)), data_dir, tuple)
        follow(where, as_json=as_json, alive=lambda: server.poll() is None)
    except KeyboardInterrupt:
        print()
    finally:
        crowd.end()
        server.terminate()
        server.wait()
    return WELL


def _greet(site: str, console: str, *, alone: bool, as_json: bool) -> None:
    lines = [f"The site:    {site}   (Ctrl-C ends it)", f"The console: {console}"]
    if not alone:
        lines.append("Simulated shoppers walk about; Live marks what they leave.")
    say({"site": site, "console": console}, lines, as_json=as_json)


def _shop(
    folder: Path, port: int, environ: dict[str, str], output: int
) -> subprocess.Popen[bytes] | None:
    env = {**environ, "SHOP_VAR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    manage = [sys.executable, "manage.py"]
    for verb in ("migrate", "seed"):
        made = subprocess.run(
            [*manage, verb], cwd=SHOP, env=env, stdout=output, stderr=output, check=False
        )
        if made.returncode:
            return None
    return _started([*manage, "runserver", "--noreload", f"127.0.0.1:{port}"], SHOP, env, output)


def _builtin(folder: Path, port: int, env: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "track_middleware.demo", str(port), str(folder / "track")]
    return _started(command, folder, env, output)


def _started(
    command: list[str], folder: Path, env: dict[str, str], output: int
) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C is ours, and the server is ended in order.
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True
    )


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        if not _is_free(port):
            return True
        time.sleep(0.05)
    server.terminate()
    server.wait()
    return False


def _free_port() -> int:
    if _is_free(_USUAL_PORT):
        return _USUAL_PORT
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port: int = any_port.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(0.5)
        return caller.connect_ex(("127.0.0.1", port)) != 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
