"""The list of crawlers: the first pattern that a user agent holds is the one that counts."""

from __future__ import annotations

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from track_middleware.enrichment.crawlers import Matching

PATTERNS = [
    "Alpha",
    r"Beta\/",
    "^Gamma",
    "Alphabet",
    "Delta[0-9]",
    "Del",
    *(f"Word {n}x" for n in range(60)),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an Alpha", ("Alpha", 0)),
        ("an Alphabet and a Beta/1", ("Alpha", 0)),
        ("Beta/1, alpha", ("Beta/", 1)),
        ("Beta", None),
        ("Gamma with a Beta/", ("Beta/", 1)),
        ("Gamma with an Alphabe", ("Alpha", 0)),
        ("Gamma, Delta7", ("Gamma", 2)),
        ("a Gamma, Delta7", ("Delta7", 4)),
        ("a Deltaplan", ("Del", 5)),
        ("Word 59x, Word 7x", ("Word 7x", 13)),
        ("Word 59x, Delta0", ("Delta0", 4)),
        ("Word 60x", None),
        ("", None),
    ],
)
def test_the_first_pattern_that_a_text_holds_counts(
    text: str, found: tuple[str, int] | None
) -> None:
    assert Matching(PATTERNS).first(text) == found


def test_the_public_list_is_matched_as_pattern_by_pattern() -> None:
    patterns = [each["pattern"] for each in CRAWLER_USER_AGENTS_DATA]
    examples = [said for each in CRAWLER_USER_AGENTS_DATA for said in each["instances"]][::5]
    matching, each_alone = Matching(patterns), [re.compile(each) for each in patterns]
    for said in examples:
        alone = next(
            (found[0], place)
            for place, pattern in enumerate(each_alone)
            if (found := pattern.search(said))
        )
        assert matching.first(said) == alone
