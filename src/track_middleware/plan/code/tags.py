"""The start tags of HTML, as far as reading needs it: in one pass, whatever the text is.

No I/O happens here. Tokens as in html.spec.whatwg.org, 13.2.5; no tree is built.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN = re.compile(r"<(?:!--|[!?/]|([A-Za-z][^\s/>]*))")
_BETWEEN = re.compile(r"[\s/]*")
_NAME = re.compile(r"=?[^\s/>=]*")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]*")

#: Elements whose content is text, whatever it looks like.
_RAW = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE)
    for name in ("script", "style", "textarea", "title")
}


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag: attributes by their names in lower case, references resolved; ``at`` and ``end``
    are where it stands, ``content`` is the text of an element that holds nothing else."""

    name: str
    attributes: dict[str, str]
    at: int
    end: int
    content: str = ""


def tags(text: str) -> Iterator[Tag]:
    """The start tags of a text; one that never ends is none, and ends the text."""
    at = 0
    while found := _OPEN.search(text, at):
        if found[1] is None:
            closing = "-->" if found[0] == "<!--" else ">"
            end = text.find(closing, found.start() + 2)
            at = end + len(closing)
            if end < 0:
                return
            continue
        attributes, at = _attributes(text, found.end())
        if at < 0:
            return
        name, end = found[1].lower(), at
        content = ""
        if name in _RAW:
            closed = _RAW[name].search(text, end)
            at = closed.start() if closed else len(text)
            content = text[end:at]
        yield Tag(name, attributes, found.start(), end, content)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """A tag's attributes, and where it ends; -1 where it does not. The first of two counts."""
    found: dict[str, str] = {}
    while True:
        at = _end(_BETWEEN, text, at)
        if at >= len(text):
            return found, -1
        if text[at] == ">":
            return found, at + 1
        name, at = text[at : _end(_NAME, text, at)], _end(_NAME, text, at)
        value = ""
        equals = _EQUALS.match(text, at)
        if equals:
            value, at = _value(text, equals.end())
            if at < 0:
                return found, -1
        found.setdefault(name.lower(), html.unescape(value))


def _value(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in ('"', "'"):
        end = text.find(text[at], at + 1)
        return text[at + 1 : end], end + 1 if end >= 0 else -1
    end = _end(_BARE, text, at)
    return text[at:end], end


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    matched = pattern.match(text, at)
    return matched.end() if matched else at


class Places:
    """Lines and columns of a text, from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(each.end() for each in re.finditer("\n", text))]

    def of(self, at: int) -> tuple[int, int]:
        """Of a position in it."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1
