"""Neutral names for what a vendor's paths and scripts are called: made of the secret key, so that
no list can hold them. No I/O happens here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from .vendor import Vendor

_FIELD = re.compile(r"\{([^{}]+)\}")


class Names:
    """One vendor's names under one secret key: ``slot`` is the path segment that it lies under,
    ``tokens`` are its hidden names and what stands for them."""

    __slots__ = ("_back", "_hidden", "_there", "_vendor", "slot", "tokens")

    def __init__(self, vendor: Vendor, *, key: str, name: str) -> None:
        self.slot = _token(key, name, "", 6)
        self._vendor = vendor
        hidden = (*vendor.paths, *vendor.quoted, *vendor.anywhere)
        self.tokens = {each: _token(key, name, each, 8) for each in hidden}
        self._hidden = {token: each for each, token in self.tokens.items()}
        self._there = _any_of(self.tokens)
        self._back = _any_of(self._hidden)

    def neutral(self, path: str) -> str:
        """A vendor's path as a browser asks for it here."""
        return self._there.sub(lambda found: self.tokens[found[0]], path)

    def vendors(self, path: str) -> str:
        """The vendor's own path of one that a browser asks for; one that was never hidden, as a
        script from elsewhere asks for it, is its own."""
        return self._back.sub(lambda found: self._hidden[found[0]], path)

    def rewritten(self, script: bytes, *, base: str, scheme: str, host: str) -> bytes:
        """A script, or a configuration that one reads, whose addresses lead here."""
        fields = {**self.tokens, "base": base, "scheme": scheme, "host": host}
        pairs = self._quoted() | {word: self.tokens[word] for word in self._vendor.anywhere}
        for text, into in self._vendor.texts:
            pairs[text] = _FIELD.sub(lambda found: fields[found[1]], into)
        found_into = {text.encode(): into.encode() for text, into in pairs.items()}
        if not found_into:
            return script
        longest_first = sorted(found_into, key=len, reverse=True)
        either = re.compile(b"|".join(map(re.escape, longest_first)))
        return either.sub(lambda found: found_into[found[0]], script)

    def _quoted(self) -> dict[str, str]:
        return {
            f"{mark}{word}{mark}": f"{mark}{self.tokens[word]}{mark}"
            for word in self._vendor.quoted
            for mark in ('"', "'", "`")
        }


def _token(key: str, name: str, word: str, length: int) -> str:
    said = f"track-middleware/slot/1\0{name}\0{word}".encode()
    digest = hmac.new(key.encode(), said, hashlib.sha256).digest()
    return base64.b32encode(digest)[:length].decode("ascii").lower()


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the words, the longest first; nothing at all where there are none."""
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered)) if ordered else r"(?!)")
