"""``subject split``: a wrong merge is undone, and taken back, by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from track_middleware import cli
from track_middleware.delivery.store import Merge, NewRow, sqlite


@pytest.fixture
def split(tmp_path: Path) -> Callable[..., int]:
    given = {"data_dir": str(tmp_path), "secret_key": "s" * 50, "deliver": "worker"}
    store = sqlite.open(tmp_path / "events.db")
    with store.batch():
        store.append([NewRow("e1", "v1", 1.0, "track", "Seen", b"{}")])
        store.merges.add([Merge("v1", "ann", "", 10.0, "e1", "sign_in")])
    store.close()
    return lambda *argv: cli.run(["subject", "split", *argv], given=given)


def journal(tmp_path: Path) -> Merge:
    store = sqlite.open(tmp_path / "events.db")
    (merge,) = store.merges.of("v1")
    store.close()
    return merge


def test_it_holds_for_what_is_accepted_from_now_on(split, tmp_path, capsys) -> None:
    assert split("v1", "ann", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"visitor": "v1", "user": "ann", "undone": True}
    assert journal(tmp_path).undone_from == 1


def test_it_can_hold_for_all_that_is_kept(split, tmp_path) -> None:
    assert split("v1", "ann", "--all") == 0
    assert journal(tmp_path).undone_from == 0


def test_it_can_be_taken_back(split, tmp_path, capsys) -> None:
    split("v1", "ann")
    assert split("v1", "ann", "--back") == 0
    assert "v1 and ann are one again" in capsys.readouterr().out
    assert journal(tmp_path).undone_at is None


@pytest.mark.parametrize("argv", [("v1", "bob"), ("v2", "ann"), ("v1", "ann", "--back")])
def test_what_the_journal_does_not_know_is_a_finding(split, argv, capsys) -> None:
    assert split(*argv) == 1
    assert "merge of" in capsys.readouterr().err


def test_before_there_is_a_store_nobody_was_merged(tmp_path) -> None:
    given = {"data_dir": str(tmp_path / "none"), "deliver": "worker"}
    assert cli.run(["subject", "split", "v1", "ann"], given=given) == 1
