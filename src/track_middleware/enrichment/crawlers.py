"""The public list of crawlers, and which of its patterns a user agent holds.

It is the package ``crawler-user-agents`` (github.com/monperrus/crawler-user-agents, MIT), matched
by ua-parser's engine: 15 us a string where one alternation of Python's ``re`` takes 490 us. Nearly
all of its patterns are plain words. A few of those together make an automaton that takes a sixth of
the memory which one for each of them takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ua_parser import UserAgent
    from ua_parser.core import Matcher

#: Patterns of that list that people's browsers match too: Android build ids, half of a word
#: (``WIRED/``).
_DISTRUSTED = frozenset({r"AP3A\.240617\.008", r"RED\/", r"008\/"})

_CLASSES = {"ai-crawler": "crawl", "browser-automation": "automation"}


def crawler(text: str) -> tuple[str, str] | None:
    """The name and class of the first pattern that a user agent holds."""
    matching, classes = _listed()
    found = matching.first(text)
    return None if found is None else (found[0], classes[found[1]])


@cache
def _listed() -> tuple[Matching, Sequence[str]]:
    """The list's patterns, and their classes."""
    # Its import reads half a megabyte; only the worker, at its first event, needs it.
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    listed: list[dict[str, Any]] = [
        each for each in CRAWLER_USER_AGENTS_DATA if each["pattern"] not in _DISTRUSTED
    ]
    classes = [_class(each.get("tags") or ["other"]) for each in listed]
    return Matching([each["pattern"] for each in listed]), classes


def _class(tags: Sequence[str]) -> str:
    return _CLASSES.get(tags[0], tags[0])


#: Words of one automaton. More than some thirty take another form, of five times the size.
_TOGETHER = 25

_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


class Matching:
    """Says which of some patterns is the first in a text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        from ua_parser import BestAvailableResolver, Domain
        from ua_parser.matchers import UserAgentMatcher

        known = [_word(each) for each in patterns]
        words = [(place, word) for place, word in enumerate(known) if word is not None]
        self._pieces = [
            words[begin : begin + _TOGETHER] for begin in range(0, len(words), _TOGETHER)
        ]
        of_words: list[Matcher[UserAgent]] = [
            UserAgentMatcher("|".join(re.escape(word) for _, word in piece), family=str(number))
            for number, piece in enumerate(self._pieces)
        ]
        others: list[Matcher[UserAgent]] = [
            UserAgentMatcher(f"({each})", major=str(place))
            for place, each in enumerate(patterns)
            if known[place] is None
        ]
        self._of_words = BestAvailableResolver((of_words, [], []))
        self._others = BestAvailableResolver((others, [], []))
        self._domain = Domain.USER_AGENT

    def first(self, text: str) -> tuple[str, int] | None:
        """What of a text the first pattern matches that it holds, and that pattern's place."""
        word = self._of_words(text, self._domain).user_agent
        other = self._others(text, self._domain).user_agent
        place = None if other is None else int(other.major or 0)
        if word is not None:
            # The first piece with a word that is there has the first such word.
            for number, each in self._pieces[int(word.family)]:
                if each in text and (place is None or number < place):
                    return each, number
        return None if other is None or place is None else (other.family, place)


def _word(pattern: str) -> str | None:
    """The word that a pattern stands for; None when it is more than a word."""
    if _SPECIAL.search(_ESCAPED.sub("", pattern)):
        return None
    return _ESCAPED.sub(r"\1", pattern)
