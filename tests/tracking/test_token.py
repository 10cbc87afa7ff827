"""The page token: what it says, and who may say it."""

from __future__ import annotations

import pytest

from track_middleware.event import Counting
from track_middleware.tracking.token import Tokens

PAGE = "0d9e1c52-7d5f-4c1f-a6a3-1b2c3d4e5f60"


@pytest.mark.parametrize("counting", ["counted", "shown", "never"])
def test_a_token_says_what_was_put_into_it(counting: Counting) -> None:
    page = Tokens(["key"], "0a1b2c3d").make(PAGE, 1_800_000_000.9, counting)
    read = Tokens(["key", "newer"], "ffffffff").read(page)
    assert read is not None
    assert (read.id, read.made, read.counting, read.host) == (
        PAGE, 1_800_000_000.0, counting, "0a1b2c3d",
    )  # fmt: skip


def test_a_token_changed_in_any_place_is_none_of_ours() -> None:
    tokens = Tokens(["key"], "0a1b2c3d")
    token = tokens.make(PAGE, 1_800_000_000, "counted")
    for at, letter in enumerate(token):
        other = "0" if letter != "0" else "1"
        assert tokens.read(token[:at] + other + token[at + 1 :]) is None
        assert tokens.read(token[:at] + "é" + token[at + 1 :]) is None


@pytest.mark.parametrize("odd", ["", "1", "x" * 86, "1" * 87, "\ud800" * 86])
def test_what_is_no_token_is_none(odd: str) -> None:
    assert Tokens(["key"], "0a1b2c3d").read(odd) is None


def test_another_sites_token_is_none_of_ours() -> None:
    theirs = Tokens(["other"], "0a1b2c3d").make(PAGE, 1_800_000_000, "counted")
    assert Tokens(["key"], "0a1b2c3d").read(theirs) is None
