"""The word that lets a site's own doctor ask it what it sees: it takes the secret key to say it.

``1.<seconds in hex>.<nonce>.<code>``: signed by the secret key and good for some minutes around its
moment. Who hears it on its way could have heard the answer there as well, and asks with it only
about himself.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from .signing import Mac

#: The header that carries the word, in lower case.
HEADER = "x-track-probe"

#: Seconds that a word is good for, before and after its moment.
LASTS = 300

_LONGEST = 200


class Probe:
    """Makes and checks such words. ``keys`` run from the oldest to the newest."""

    __slots__ = ("_macs",)

    def __init__(self, keys: Sequence[str]) -> None:
        self._macs = [Mac(b"track-middleware/probe/1\0" + key.encode()) for key in reversed(keys)]

    def word(self, at: float, nonce: str) -> str:
        """The word of a moment; ``nonce`` is a few random letters without a dot."""
        said = f"1.{int(at):x}.{nonce}"
        return f"{said}.{self._macs[0].digest(said.encode()).hex()}"

    def is_ours(self, word: str, now: float) -> bool:
        """Whether somebody with one of the keys has said this, and not long ago."""
        said, _, code = word.rpartition(".")
        parts = said.split(".")
        if len(parts) != 3 or len(word) > _LONGEST or not word.isascii():
            return False
        codes = [mac.digest(said.encode()).hex() for mac in self._macs]
        if not any(hmac.compare_digest(code, each) for each in codes):
            return False
        return abs(int(parts[1], 16) - now) <= LASTS
