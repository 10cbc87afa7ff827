"""What is taken out of addresses, properties and refused messages before they leave the request.

Values under the names of ``redact`` go wherever they stand, and from addresses what
``redact_patterns`` recognises; in properties the worker looks for that, before it stores them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from ..errors import EventError
from ..event import lenient_encoder
from ..patterns import REDACTED, Patterns

#: How many harmless texts and names are remembered, and how long they may be.
_MOST, _LONGEST = 2048, 256

#: Segments of a path and values of a query that are looked at one by one; the rest is one text, so
#: that no address takes long.
_MOST_PARTS = 200

#: Longest list of names that is remembered as a whole.
_MOST_NAMES = 32

#: Levels of properties that are looked at; no more can be sent.
_DEEPEST = 64

#: A parameter of an address that stands in a text.
_PARAMETER = re.compile(r"([?&#;])([\w.%+~-]{1,60})=([^&#;\s\"'<>]+)")
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")

#: A member of an object, in what is no JSON or was cut.
_MEMBER = re.compile(r'"([\w.$ -]{1,60})"\s*:\s*("(?:[^"\\]|\\.)*"?|[^,}\]\s]*)')

#: The last part of the links by which Django sets a password anew: time and digest.
_RESET = re.compile(r"[0-9a-z]{6}-[0-9a-f]{32}")

_ANY_JSON = msgspec.json.Decoder()

_encode = lenient_encoder.encode
_NO_JSON = (TypeError, ValueError, OverflowError, RecursionError)

#: Without them JSON holds no address and nothing within anything; as numbers they are found sooner.
_EQUALS, _AT, _BRACE = b"=@{"


class _Named(dict[Any, bool]):
    """Whether the value under a name goes, by the name as it is written: in any case, in camel or
    snake, percent-encoded."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = frozenset(map(_plain, names))

    def __missing__(self, name: Any) -> bool:
        text = name if isinstance(name, str) else ""
        named = _plain(unquote_plus(text)) in self._names
        if len(text) <= _LONGEST:  # as it is written: anybody may write a short one at length
            _remember(self, name, named)
        return named


class Redaction:
    """Takes out the values under some names, parameters of ours (``removed``) altogether, and from
    addresses what ``patterns`` recognises: there a whole segment of a path or value of a query
    goes. Texts in which there is nothing are remembered, others never."""

    __slots__ = (
        "_harmless",
        "_named",
        "_names",
        "_paths",
        "_patterns",
        "_queries",
        "_removed",
        "_urls",
    )

    def __init__(
        self,
        names: Collection[str],
        *,
        removed: Sequence[str] = (),
        patterns: Patterns | None = None,
    ) -> None:
        self._removed = tuple(f"{name}=" for name in removed)
        self._names = bool(names)
        self._named = _Named([*names, *removed])
        self._harmless: dict[Any, bool] = {}
        self._patterns = patterns or None
        self._paths: dict[str, bool] = {}
        self._queries: dict[str, bool] = {}
        self._urls: dict[str, bool] = {}

    # Addresses.

    def path(self, path: str) -> str:
        """A path without segments that hold what is recognised."""
        if self._patterns is None or path in self._paths:
            return path
        return _noted(self._paths, path, self._path(path, self._patterns))

    def query(self, query: str) -> str:
        """A raw query string without these values."""
        if not query or query in self._queries:
            return query
        return _noted(self._queries, query, self._query(query))

    def url(self, url: str) -> str:
        """A URL, or a path with its query, without secrets; credentials go as well."""
        if not url or url in self._urls:
            return url
        return _noted(self._urls, url, self._url(url))

    def _path(self, path: str, patterns: Patterns) -> str:
        if not patterns.suspects(path.encode("utf-8", "replace")):
            return path
        *segments, rest = path.split("/", _MOST_PARTS)
        left = [REDACTED if _is_secret(each, patterns) else each for each in segments]
        if len(segments) == _MOST_PARTS:
            return "/".join([*left, patterns.replaced(rest)])
        return "/".join([*left, REDACTED if _is_secret(rest, patterns) else rest])

    def _query(self, query: str) -> str:
        patterns = self._patterns
        if patterns is not None and not patterns.suspects(query.encode("utf-8", "replace")):
            patterns = None
        pairs = query.split("&")
        if self._removed:
            pairs = [pair for pair in pairs if not pair.startswith(self._removed)]
        left = [self._pair(pair, patterns) for pair in pairs[:_MOST_PARTS]]
        if len(pairs) > _MOST_PARTS:
            rest = "&".join([self._pair(pair, None) for pair in pairs[_MOST_PARTS:]])
            left.append(rest if patterns is None else patterns.replaced(rest))
        return "&".join(left)

    def _pair(self, pair: str, patterns: Patterns | None) -> str:
        name, _, value = pair.partition("=")
        if self._named[name]:
            return f"{name}={REDACTED}"
        if patterns is None:
            return pair
        if patterns.found(unquote_plus(value), unquote_plus(name)):
            return f"{name}={REDACTED}"
        return REDACTED if patterns.found(unquote_plus(name)) else pair

    def _url(self, url: str) -> str:
        if "@" in url:
            url = _without_credentials(url)
        url, hash_, fragment = url.partition("#")
        if fragment:
            fragment = self._query(fragment) if "=" in fragment else self.path(fragment)
        base, mark, query = url.partition("?")
        if query and not (query := self._query(query)):
            mark = ""
        if self._patterns is not None:
            scheme, separator, rest = base.rpartition("://")
            host, slash, path = rest.partition("/") if separator else ("", "", rest)
            base = f"{scheme}{separator}{host}{slash}{self.path(path)}"
        return f"{base}{mark}{query}{hash_}{fragment}"

    # Properties and texts.

    def bag(self, bag: Any) -> Any:
        """Properties without the values under these names, at any depth, and without those of
        addresses in their texts. The caller's own are never changed."""
        if not bag or not self._names:
            return bag
        names = tuple(bag)
        if names not in self._harmless and not self._is_harmless(names):
            return self._within(bag, _DEEPEST)
        for value in bag.values():
            kind = type(value)
            if kind is str:
                if "=" in value or "@" in value:
                    return self._within(bag, _DEEPEST)
            elif kind not in _PLAIN:
                return self._within(bag, _DEEPEST)
        return bag

    def sealed(self, bag: Any) -> Any:
        """As ``bag``, of a dict that is to be encoded next: as JSON where nothing is taken out."""
        if not bag or not self._names:
            return bag
        try:
            body = self.encoded(bag)
        except _NO_JSON:
            return self.bag(bag)
        return self._within(bag, _DEEPEST) if body is None else msgspec.Raw(body)

    def encoded(self, bag: Mapping[str, Any]) -> bytes | None:
        """The JSON of properties out of which nothing is taken, which a look at its bytes tells
        sooner than one at each value; None of others. What the encoder raises for what is none."""
        names = tuple(bag)
        if names not in self._harmless and not self._is_harmless(names):
            return None
        body = _encode(bag)
        return None if _EQUALS in body or _AT in body or _BRACE in body[1:] else body

    def _is_harmless(self, names: tuple[Any, ...]) -> bool:
        """Whether no value stands under a name that goes. An event's properties have the same names
        in the same order again and again."""
        harmless = not any(map(self._named.__getitem__, names))
        if harmless and len(names) <= _MOST_NAMES and all(map(self._named.__contains__, names)):
            _remember(self._harmless, names, True)
        return harmless

    def title(self, text: str) -> str:
        """A page's title without what is recognised."""
        return text if self._patterns is None else self._patterns.replaced(text)

    def letter(self, text: str) -> str:
        """What was refused, without any of it, whoever's it is: an operator reads why, not whose.
        It may be cut, and no JSON."""
        if not self._names and self._patterns is None:
            return text
        try:
            value = self._within(_ANY_JSON.decode(text), _DEEPEST)
        except (msgspec.DecodeError, UnicodeError, RecursionError, EventError):
            text = self._text(_MEMBER.sub(self._member, text))
            return self.title(text)
        if self._patterns is not None:
            value = self._patterns.within(value)
        return msgspec.json.encode(value).decode()

    def _within(self, value: Any, levels: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            if not levels:
                raise EventError(
                    f"properties have {_DEEPEST} levels at most, and hold not themselves"
                )
            named = self._named
            return {
                name: REDACTED if named[name] else self._within(each, levels - 1)
                for name, each in value.items()
            }
        if isinstance(value, (list, tuple)):
            if not levels:
                raise EventError(
                    f"properties have {_DEEPEST} levels at most, and hold not themselves"
                )
            return [self._within(each, levels - 1) for each in value]
        return value

    def _text(self, text: str) -> str:
        if "@" in text and "://" in text:
            text = _CREDENTIALS.sub(r"\1", text)
        return _PARAMETER.sub(self._parameter, text) if "=" in text else text

    def _parameter(self, found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}={REDACTED}" if self._named[found[2]] else found[0]

    def _member(self, found: re.Match[str]) -> str:
        return f'"{found[1]}":"{REDACTED}"' if self._named[found[1]] else found[0]


#: Types of values in which nothing stands under a name.
_PLAIN = frozenset((int, float, bool, type(None)))


def _plain(name: str) -> str:
    """A name without what writes the same one in different ways."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _noted(known: dict[str, bool], text: str, left: str) -> str:
    """What is left of a text; one in which there was nothing is remembered."""
    if left == text and len(text) <= _LONGEST:
        _remember(known, text, False)
    return left


def _remember(known: dict[Any, bool], text: Any, said: bool) -> None:
    if len(known) >= _MOST:
        known.clear()
    known[text] = said


def _is_secret(segment: str, patterns: Patterns) -> bool:
    text = unquote(segment) if "%" in segment else segment
    return patterns.found(text) or _RESET.fullmatch(text) is not None


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}{separator}{netloc.rpartition('@')[2]}{slash}{path}" if separator else url
