"""A pooler before PostgreSQL: one that keeps sessions works, another one is told and refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.store_contract import row
from tests.processes import started
from tests.programs import pgbouncer
from tests.waiting import free_port, listens, until
from track_middleware import cli
from track_middleware.delivery.store.postgresql import opening
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("postgresql", "pgbouncer")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(scope="module")
def through(server: Cluster) -> Iterator[Callable[[str], str]]:
    """The store's URL through a pooler in a mode. PgBouncer refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="track-pooler-", dir="/tmp"))
    port, behind = free_port(), server.url.rpartition(":")[2].partition("/")[0]
    databases = [
        f"{mode} = host=127.0.0.1 port={behind} dbname=shop pool_mode={mode}"
        for mode in ("session", "transaction")
    ]
    (folder / "users").write_text('"shop" "pw"\n')
    (folder / "ini").write_text(
        "[databases]\n" + "\n".join(databases) + "\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users\n"
    )
    command = [str(pgbouncer()), "-q", str(folder / "ini")]
    is_root = os.geteuid() == 0
    if is_root:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres")
    try:
        with started(command, user="postgres" if is_root else None):
            until(lambda: listens(port))
            yield lambda mode: f"postgresql://shop:pw@127.0.0.1:{port}/{mode}"
    finally:
        shutil.rmtree(folder)


def test_a_pooler_that_keeps_sessions_is_as_good_as_none(
    through: Callable[[str], str], data_dir: Path
) -> None:
    with closing(opening.opened(through("session"), data_dir)) as store:
        store.append([row(1)])
        with store.locks.together("serve webhook"):
            assert [each.position for each in store.read(0, 10)] == [store.end()]


def test_a_pooler_that_lends_sessions_out_is_refused(
    through: Callable[[str], str], data_dir: Path
) -> None:
    store = opening.opened(through("transaction"), data_dir)
    with closing(store), pytest.raises(StoreError, match=r"pooler.*pool_mode=session"):
        store.end()


@pytest.mark.parametrize("verb", ["init", "doctor"])
def test_verbs_say_what_is_wrong_with_the_pooler(
    through: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    given = {
        "data_dir": str(tmp_path / "track"), "store": through("transaction"),
        "secret_key": "a secret for the tests",
    }  # fmt: skip
    assert cli.run([verb], given=given) != 0
    assert "pool_mode=session" in "".join(capsys.readouterr())
