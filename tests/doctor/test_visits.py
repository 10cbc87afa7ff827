"""A running site with one thing wrong: the doctor's visit finds that, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.conftest import PATIENCE, ROOT, Behind, Server, gunicorn, serving
from tests.waiting import free_port, until
from track_middleware import cli, doctor
from track_middleware.delivery.store import sqlite


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb waits for a worker as long as ``Server.found`` does."""
    monkeypatch.setitem(doctor.examined.__kwdefaults__, "patience", PATIENCE)


def levels(server: Server, path: str, *, name: str = "") -> dict[str, str]:
    return {each.id: each.level for each in server.found(path, name=name).values()}


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_a_sound_gunicorn_behind_nginx_has_no_findings(behind: Behind) -> None:
    assert levels(behind.front, "sound") == {}


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_a_new_site_that_asks_for_consent_has_no_findings(behind: Behind) -> None:
    assert levels(behind.own, "banner") == {}


@pytest.mark.needs("gunicorn", "nginx", "openssl")
@pytest.mark.parametrize("site", ["nonce", "public"])
def test_a_policy_with_a_nonce_and_a_page_that_caches_may_keep_are_sound(
    behind: Behind, site: str
) -> None:
    assert levels(behind.own, site) == {}


#: Site -> what is found there, and a word that its message or its fix must have.
APP_FAULTS = {
    "compressed": ("order", "error", "outside TrackMiddleware"),
    "cut": ("cut", "error", "Content-Length"),
    "script-src": ("csp", "error", "script-src-elem"),
    "connect-src": ("csp", "error", "connect-src"),
    "late": ("clock", "error", "behind"),
    "collision": ("path", "error", "/collision/api/items"),
    "untracked": ("tag", "error", "add the middleware"),
    "silent": ("consent", "warning", "banner"),
    "idle": ("worker", "error", "worker"),
    "full": ("disk", "error", "make room"),
    "direct": ("trusted_proxies", "error", "set trusted_proxies to 0"),
}

#: As well, behind nginx.
WAY_FAULTS = {
    "cached": ("cache", "error", "proxy_ignore_headers"),
    "hidden": ("address", "error", "x-real-ip"),
    "deceived": ("trusted_proxies", "error", "set trusted_proxies to 1"),
    "renamed": ("host", "error", "proxy_set_header Host"),
    "old-script": ("script", "error", "86400 s old"),
    "no-script": ("script", "error", "404"),
    "taken": ("path", "error", "something else"),
    "no-post": ("beacon", "error", "403"),
}


@pytest.mark.needs("gunicorn", "nginx", "openssl")
@pytest.mark.parametrize("site", APP_FAULTS)
def test_what_is_wrong_in_an_app_is_found(behind: Behind, site: str) -> None:
    _only(behind.own, site, *APP_FAULTS[site])


@pytest.mark.needs("gunicorn", "nginx", "openssl")
@pytest.mark.parametrize("site", WAY_FAULTS)
def test_what_a_proxy_does_wrong_is_found(behind: Behind, site: str) -> None:
    _only(behind.front, site, *WAY_FAULTS[site])


def _only(server: Server, path: str, id_: str, level: str, word: str, *, name: str = "") -> None:
    found = server.found(path, name=name)
    more = {"full"} if id_ == "disk" else set()  # what follows from it
    assert found.keys() - more == {id_}, found
    assert found[id_].level == level
    assert word in f"{found[id_].message} {found[id_].fix}"


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_a_site_that_does_not_know_that_it_is_asked_by_https_is_found(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(behind.secure, "secure") == {"reach": "error"}  # nobody vouches for it
    monkeypatch.setenv("SSL_CERT_FILE", str(behind.secure.folder / "nginx" / "certificate"))
    assert levels(behind.secure, "secure") == {}
    _only(behind.secure, "plain", "scheme", "warning", "X-Forwarded-Proto")


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_several_hosts_with_a_store_each_are_found(behind: Behind) -> None:
    _only(behind.front, "hosts", "hosts", "error", "one store", name="host1")


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_processes_with_a_secret_key_each_are_found(behind: Behind) -> None:
    _only(behind.front, "secrets", "secret", "error", "the same on every host", name="secret1")


@pytest.mark.needs("gunicorn", "nginx", "openssl")
@pytest.mark.usefixtures("_patient")
def test_a_data_folder_that_the_site_does_not_use_is_told_from_its_own(
    behind: Behind, tmp_path: Path
) -> None:
    server = behind.own
    own = server.folder / "sound"
    found = doctor.examined(server.settings("sound"), tmp_path, url=f"{server.url}/sound/")
    (elsewhere,) = [each for each in found if each.id == "elsewhere"]
    assert str(own) in elsewhere.message


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_a_destination_that_refuses_its_key_is_found(behind: Behind) -> None:
    server = behind.own
    server.visit("refused")
    events = server.folder / "refused" / "events.db"

    def is_paused() -> bool:
        store = sqlite.to_read(events)
        if store is None:
            return False
        try:
            return any(job.needs_you for job in store.jobs())
        finally:
            store.close()

    until(is_paused, "the destination was never asked")
    _only(server, "refused", "paused", "error", "401")


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_the_doctors_visits_reach_no_destination_and_no_figure_of_people(behind: Behind) -> None:
    server = behind.own
    server.visit("nonce")
    delivered = server.folder / "nonce.jsonl"
    until(lambda: delivered.exists() and bool(delivered.read_text()), "nothing was delivered")
    assert levels(server, "nonce") == {}
    store = sqlite.to_read(server.folder / "nonce" / "events.db")
    assert store is not None
    rows, rollups = store.read(0, 1000), store.rollups()
    store.close()
    assert [row.bot for row in rows if row.bot != "doctor"] == [None]
    assert len(rows) > 1
    assert sum(n for (_, name), n in rollups.items() if name == "page.human") == 1
    assert len(delivered.read_text().splitlines()) == 1


@pytest.mark.needs("gunicorn", "nginx", "openssl")
def test_nobody_there_is_found(behind: Behind, capsys: pytest.CaptureFixture[str]) -> None:
    server = behind.own
    server.has_settings("sound")
    port = free_port()
    where = f"http://127.0.0.1:{port}/"
    status = cli.main(["doctor", "--data-dir", str(server.folder / "sound"), where, "--json"])
    told = json.loads(capsys.readouterr().out)
    (found,) = [each for each in told if each["id"] == "reach"]
    assert (status, found["level"]) == (1, "error")
    assert "Connection refused" in found["message"]


@pytest.mark.needs("gunicorn", "nginx", "openssl")
@pytest.mark.usefixtures("_patient")
def test_the_verb_prints_what_is_wrong_and_how_it_is_mended(
    behind: Behind, capsys: pytest.CaptureFixture[str]
) -> None:
    server = behind.own
    server.has_settings("sound")
    argv = ["doctor", "--data-dir", str(server.folder / "sound")]
    assert cli.main([*argv, f"{server.url}/sound/"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("error  trusted_proxies  the site believes any X-Forwarded-For")
    assert told[1] == (
        "       fix: without a proxy set trusted_proxies to 0; with one let it append (nginx: "
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for)"
    )


@pytest.mark.needs("gunicorn", "root")
def test_a_preloaded_app_whose_processes_cannot_write_the_folder_is_found() -> None:
    """In a folder that others may enter: pytest's are their owner's alone."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        port = free_port()
        command = gunicorn(port, "--preload", "--user", "nobody", "--group", "nogroup")
        with serving(*command, port=port, folder=folder) as server:
            _only(server, "sound", "preload", "error", "chown")
    finally:
        shutil.rmtree(folder)


@pytest.mark.needs("uvicorn", "starlette")
def test_a_sound_uvicorn_has_no_findings(uvicorn: Server) -> None:
    assert levels(uvicorn, "sound") == {}


@pytest.mark.needs("uvicorn", "starlette")
@pytest.mark.usefixtures("_patient")
def test_a_site_that_nobody_has_visited_yet_tells_its_settings_when_it_is(
    uvicorn: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb has no face to ask."""
    argv = ["doctor", "--data-dir", str(uvicorn.folder / "new"), f"{uvicorn.url}/new/"]
    status = cli.main(argv)
    assert (status, capsys.readouterr().out) == (0, "all is well\n")


@pytest.mark.needs("uvicorn", "starlette")
@pytest.mark.usefixtures("_patient")
def test_a_folder_that_no_site_uses_is_told_and_nothing_is_concluded_from_it(
    uvicorn: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["doctor", "--data-dir", str(tmp_path / "no"), f"{uvicorn.url}/sound/", "--json"]
    assert cli.main(argv) == 1
    found = {each["id"] for each in json.loads(capsys.readouterr().out)}
    assert "settings" in found
    assert found <= {"settings", "secret", "disk", "layer"}


@pytest.mark.needs("uvicorn", "starlette")
def test_compression_inside_starlettes_middleware_is_found(uvicorn: Server) -> None:
    _only(uvicorn, "compressed", "order", "error", "gzip")


@pytest.mark.needs("uwsgi")
@pytest.mark.parametrize("threads", [True, False], ids=["with threads", "without"])
def test_uwsgi_is_sound_with_threads_and_not_without(threads: bool, tmp_path: Path) -> None:
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "uwsgi"), "--http-socket", f"127.0.0.1:{port}",
        "--module", "tests.doctor.sites:application", "--master", "--processes", "2",
        "--home", sys.prefix, "--pythonpath", str(ROOT), "--die-on-term",
        *(["--enable-threads"] if threads else []),
    ]  # fmt: skip
    with serving(*command, port=port, folder=tmp_path) as server:
        if threads:
            assert levels(server, "sound") == {}
        else:
            _only(server, "sound", "threads", "error", "--enable-threads")


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("uvicorn")
    port = free_port()
    app = ["tests.doctor.asgi_sites:app", "--host", "127.0.0.1", "--port", str(port)]
    with serving(sys.executable, "-m", "uvicorn", *app, port=port, folder=folder) as server:
        yield server
