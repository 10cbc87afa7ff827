"""Globs as one pattern."""

from __future__ import annotations

import pytest

from track_middleware.globs import matching


@pytest.mark.parametrize(
    ("globs", "text", "is_matched"),
    [
        (["Order*", "Signup"], "Order Completed", True),
        (["Order*", "Signup"], "Signup", True),
        (["Order*", "Signup"], "Signups", False),
        (["Order*", "Signup"], "My Signup", False),
        (["/admin/*", "*.json"], "/a/b.json", True),
        (["/admin/*"], "/admin/a\nb", True),
        (["/a|b"], "/a", False),
        (["/[ab]"], "/b", True),
        ([""], "", True),
    ],
)
def test_a_text_is_matched_as_a_whole(globs: list[str], text: str, is_matched: bool) -> None:
    pattern = matching(globs)
    assert pattern is not None
    assert bool(pattern.match(text)) is is_matched


def test_no_globs_are_no_pattern() -> None:
    assert matching([]) is None
