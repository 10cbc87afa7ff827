"""The servers whose sites the doctor visits: one of each for a module."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, NamedTuple

import pytest

from tests.delivery.recorder import Recorder, Say
from tests.processes import started
from tests.waiting import free_ports, until
from track_middleware import doctor
from track_middleware.reading import load
from track_middleware.settings import Settings

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ROOT = Path(__file__).resolve().parent.parent.parent


#: Seconds that a site's worker has, which lets everything else on the machine go first.
PATIENCE = 180.0


@dataclass(frozen=True)
class Server:
    """Some sites behind one address, and the folder of their data folders."""

    url: str
    folder: Path

    def found(self, path: str, *, name: str = "") -> dict[str, doctor.Finding]:
        """What the doctor finds at a site, by id; ``name``: the data folder's, where it is not the
        path's."""
        where = f"{self.url}/{path}/"
        name = name or path
        found = doctor.examined(
            self.settings(name), self.folder / name, url=where, patience=PATIENCE
        )
        return {each.id: each for each in found}

    def settings(self, name: str) -> Settings:
        """A site's own settings, as a framework tells them to the doctor."""
        return load(json.loads((self.folder / f"{name}.json").read_text()), {})

    def has_settings(self, path: str) -> None:
        """Waits for what the site hands to the verbs, after its first event."""
        self.visit(path)
        until((self.folder / path / "settings.json").exists, f"{path} has no settings")

    def visit(self, path: str) -> None:
        """Somebody's page view."""
        headers = {"User-Agent": PERSON, "Accept": "text/html", "Sec-Fetch-Dest": "document"}
        asked = urllib.request.Request(f"{self.url}/{path}/", headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            answer.read()


def answers(port: int) -> bool:
    """Whether a server's app has come up: its socket may be open before."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/untracked/", timeout=60) as answer:
            return bool(answer.read())
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def serving(
    *command: str, port: int, folder: Path, proxies: int = 0, to: str = "http://127.0.0.1:9"
) -> Iterator[Server]:
    """A server's program with its processes, from when it answers to the end of the block."""
    environ = {
        **os.environ, "DOCTOR_ROOT": str(folder), "DOCTOR_PROXIES": str(proxies), "DOCTOR_TO": to,
    }  # fmt: skip
    quiet: dict[str, Any] = {"cwd": ROOT, "env": environ, "stdout": DEVNULL, "stderr": DEVNULL}
    with started(command, start_new_session=True, **quiet) as process:
        try:
            until(lambda: answers(port), f"{command[0]} did not come up")
            yield Server(f"http://127.0.0.1:{port}", folder)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Behind(NamedTuple):
    """The addresses of sites behind a proxy: the proxy's, the app's own, the proxy's by TLS."""

    front: Server
    own: Server
    secure: Server


def certified(folder: Path) -> None:
    """Makes a certificate of our own, which nobody trusts unless he is told to."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key"),
            "-out", str(folder / "certificate"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def gunicorn(port: int, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "tests.doctor.sites:application", "--bind",
        f"127.0.0.1:{port}", "--threads", "8", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def vendor() -> Iterator[Recorder]:
    """A destination that refuses every key."""
    with Recorder(lambda got: Say(401, b"{}")) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, vendor: Recorder) -> Iterator[Behind]:
    """gunicorn behind nginx."""
    folder = tmp_path_factory.mktemp("gunicorn")
    names = ("front", "app", "secure", "host1", "host2", "secret1", "secret2")
    taken = dict(zip(names, free_ports(len(names)), strict=True))
    (folder / "nginx").mkdir()
    certified(folder / "nginx")
    conf = folder / "nginx" / "conf"
    text = (Path(__file__).parent / "nginx.conf").read_text()
    conf.write_text(text.format(folder=folder / "nginx", **taken))
    nginx = ["nginx", "-c", str(conf), "-p", str(folder), "-e", f"{folder}/nginx/error.log"]
    app = gunicorn(taken["app"])
    with (
        serving(*app, port=taken["app"], folder=folder, proxies=1, to=vendor.url) as own,
        serving(*nginx, port=taken["front"], folder=folder) as front,
    ):
        yield Behind(front, own, Server(f"https://127.0.0.1:{taken['secure']}", folder))
