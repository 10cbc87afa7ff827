"""The page token: a signed word in the page that says which page view it is.

86 characters: version, counting, time in hex, page id (36), host id (8), and a keyed code of 16
bytes over them (BLAKE2s, RFC 7693) in hex. It names no visitor, so that a page kept anywhere gives
nobody away.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from ..event import Counting, PageRef

VERSION = "1"
_COUNTINGS: dict[str, Counting] = {"c": "counted", "s": "shown", "n": "never"}
_LETTERS = {name: letter for letter, name in _COUNTINGS.items()}
_BODY, _LENGTH = 54, 86

_blake2s = hashlib.blake2s


def host_id(name: str) -> str:
    """The 8 hex digits under which a data folder's host is known in tokens."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


class Tokens:
    """Makes and reads page tokens. ``keys`` run from the oldest to the newest."""

    __slots__ = ("_codes", "_host")

    def __init__(self, keys: Sequence[str], host: str) -> None:
        # Started under their keys: a copy of a state costs half of a new one.
        self._codes = [
            _blake2s(
                key=hashlib.sha256(b"track-middleware/page/1\0" + key.encode()).digest(),
                digest_size=16,
            )
            for key in reversed(keys)
        ]
        self._host = host

    def make(self, page_id: str, made: float, counting: Counting) -> str:
        """The token of a page view; ``made`` is epoch seconds."""
        body = f"{_STAMPS[counting, int(made)]}{page_id}{self._host}"
        code = self._codes[0].copy()
        code.update(body.encode())
        return body + code.hexdigest()

    def read(self, token: str) -> PageRef | None:
        """What a token says; None when it is none of ours."""
        if len(token) != _LENGTH or not token.isascii() or token[0] != VERSION:
            return None
        body, code = token[:_BODY], token[_BODY:]
        if not any(hmac.compare_digest(_code(begun, body), code) for begun in self._codes):
            return None
        return PageRef(
            id=body[10:46],
            made=float(int(body[2:10], 16)),
            counting=_COUNTINGS[body[1]],
            host=body[46:],
        )


class _Stamps(dict[tuple[Counting, int], str]):
    """How a token begins, by counting and second; the last ones are remembered."""

    def __missing__(self, stamp: tuple[Counting, int]) -> str:
        counting, second = stamp
        if len(self) >= _MOST_STAMPS:
            self.clear()
        self[stamp] = f"{VERSION}{_LETTERS[counting]}{second:08x}"
        return self[stamp]


_MOST_STAMPS = 64
_STAMPS = _Stamps()


def _code(begun: hashlib.blake2s, body: str) -> str:
    code = begun.copy()
    code.update(body.encode("ascii"))
    return code.hexdigest()
