"""What a data folder remembers beside events: claims, which only one process of all can have."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import started
from track_middleware.delivery import handover, notes
from track_middleware.errors import SettingsError
from track_middleware.places import claims, prefixes
from track_middleware.reading import load
from track_middleware.tracking import routes

CLAIMING = """
import sys
from pathlib import Path
from track_middleware.places import claims
claim = claims(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(claim(f"word {number}") for number in range(200)))
"""


@pytest.mark.parametrize("held", [b"", b"{", b'{"\xff":1}', b'{"a":' * 5000])
def test_files_of_the_data_folder_that_are_damaged_keep_no_site_from_its_start(
    tmp_path: Path, held: bytes
) -> None:
    for name in ("paths.json", "worker.json"):
        (tmp_path / name).write_bytes(held)
    settings = load({"data_dir": str(tmp_path), "secret_key": "k"}, {})
    (own,) = prefixes(settings, ["k"], tmp_path, now=time.time())
    assert own == routes.prefix("k")
    assert notes.read(tmp_path) == notes.Note()
    (tmp_path / handover.FILE).write_bytes(held)
    with pytest.raises(SettingsError, match="is damaged"):
        handover.read(tmp_path)


def test_a_claim_is_granted_once(tmp_path: Path) -> None:
    claim, other_process = claims(tmp_path), claims(tmp_path)
    assert claim("a")
    assert not claim("a")
    assert not other_process("a")
    assert other_process("../../b")
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "claims"}


def test_of_processes_that_claim_at_once_one_gets_each(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIMING, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(command, **pipes) as one, started(command, **pipes) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        assert int(one.communicate()[0]) + int(two.communicate()[0]) == 200


def test_an_old_claim_is_forgotten(tmp_path: Path) -> None:
    claim = claims(tmp_path)
    assert claim("old")
    (file,) = (tmp_path / "claims").iterdir()
    past = time.time() - 61
    os.utime(file, (past, past))
    assert claim("new")
    assert file not in set((tmp_path / "claims").iterdir())


def test_a_disk_that_keeps_no_claim_grants_none(tmp_path: Path) -> None:
    (tmp_path / "claims").touch()
    assert not claims(tmp_path)("a")
    assert not claims(tmp_path / "nowhere" / "at all")("a")


def test_however_many_are_over_a_claim_waits_for_few(tmp_path: Path) -> None:
    claim = claims(tmp_path)
    assert claim("first")
    past = time.time() - 61
    for number in range(250):
        file = tmp_path / "claims" / str(number)
        file.touch()
        os.utime(file, (past, past))
    assert claim("second")
    assert len(list((tmp_path / "claims").iterdir())) >= 150
    assert claim("third")
    assert claim("fourth")
    assert len(list((tmp_path / "claims").iterdir())) == 4
