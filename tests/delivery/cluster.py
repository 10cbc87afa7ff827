"""A PostgreSQL server of the tests' own: a folder under /tmp, a free port, ended by its id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.programs import postgresql
from tests.waiting import SECONDS, free_port, until


class Cluster:
    """``url`` names a database; ``do`` runs SQL as the superuser."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.url = self.at("shop:pw", "shop")

    def at(self, user: str, database: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self._port}/{database}"

    def do(self, sql: str, *, database: str = "shop") -> list[tuple[object, ...]]:
        with psycopg.connect(self.at("postgres", database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += " -c unix_socket_directories="
        log = str(self._folder / "log")
        _run(
            "pg_ctl",
            "-D",
            str(self._folder / "data"),
            "-w",
            "-t",
            str(int(SECONDS)),
            "-s",
            "-l",
            log,
            "-o",
            options,
            "start",
        )

    def kill(self) -> None:
        """As a crash of the machine would: no goodbye to anybody."""
        pid = int((self._folder / "data/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)  # it begins no further process, and notices no end of one
        until(lambda: _state(pid) == "T")
        children = _children(pid)
        for each in (*children, pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        until(lambda: not any(map(_state, (pid, *children))))

    def stop(self) -> None:
        _run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-s", "-m", "immediate", "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server whose database ``shop`` belongs to the user ``shop``, password ``pw``."""
    folder = Path(tempfile.mkdtemp(prefix="track-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    here = Cluster(folder, free_port())
    try:
        _run("initdb", "-D", str(folder / "data"), "-A", "trust", "-N", "-U", "postgres")
        (folder / "data/pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        here.start()
        try:
            here.do("CREATE ROLE shop LOGIN PASSWORD 'pw'", database="postgres")
            here.do("CREATE DATABASE shop OWNER shop", database="postgres")
            yield here
        finally:
            here.stop()
    finally:
        shutil.rmtree(folder)


def emptied(server: Cluster) -> None:
    """Nothing is left in the database ``shop``'s store, where there is one."""
    if not server.do("SELECT 1 FROM pg_namespace WHERE nspname = 'track_middleware'"):
        return
    found = server.do(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'track_middleware'"
        " AND tablename !~ '^(log_end|identity|version|rollup_state|log_[0-9]+)$'"
    )
    tables = ", ".join(f'track_middleware."{name}"' for (name,) in found)
    server.do(
        f"TRUNCATE {tables} RESTART IDENTITY; UPDATE track_middleware.log_end SET last = 0;"
        "UPDATE track_middleware.rollup_state"
        " SET position = 0, zone = '', since = -1000000, until = 0"
    )


def _run(program: str, *arguments: str) -> None:
    """PostgreSQL refuses to run as root."""
    folder = postgresql()
    assert folder is not None
    command = [str(folder / program), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    ended = subprocess.run(
        command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def _state(pid: int) -> str:
    """What a process is doing, by Linux's letter for it; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in found.split()]
