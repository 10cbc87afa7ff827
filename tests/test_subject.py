"""One person's data, as the command line shows it, hands it over and erases it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import Site
from track_middleware import cli

Call = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """The verb on a data folder; its status, what it printed as JSON, and what it complained of."""

    def run(*argv: str) -> tuple[int, Any, str]:
        status = cli.run(["subject", *argv, "--json"], given={"data_dir": str(tmp_path)})
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return run


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def test_the_last_choice_of_a_user_is_shown_with_its_time(site: Site, call: Call) -> None:
    with site.store.batch():
        site.store.intake.choose("user:u1", {"analytics": "denied"}, 1_800_000_000.0)
    status, told, _ = call("consent", "u1")
    assert status == 0
    assert told == [
        {"subject": "user:u1", "at": "2027-01-15T08:00:00.000Z", "states": {"analytics": "denied"}}
    ]


def test_no_choice_is_a_finding(site: Site, call: Call) -> None:
    assert call("consent", "u1")[:2] == (1, [])


def test_a_visitors_choice_is_not_a_users(site: Site, call: Call) -> None:
    with site.store.batch():
        site.store.intake.choose("visitor:u1", {"analytics": "denied"}, 1.0)
    assert call("consent", "u1", "--user")[0] == 1
    assert call("consent", "u1", "--visitor")[0] == 0


def test_without_a_store_there_is_nothing_to_show(tmp_path: Path, call: Call) -> None:
    status, _, complaint = call("consent", "u1")
    assert status == 1
    assert "no store yet" in complaint
