"""The page token: a signed word in the page that says which page view it is.

42 bytes in base64url: version, counting, time, page id, host id, and a keyed code of 16 bytes over
them. It names no visitor, so that a page kept anywhere gives nobody away.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence

from ..event import Counting, PageRef
from .signing import ShortMac

VERSION = 1
_FORM = struct.Struct(">BBI16s4s")
_MAC = 16
_LENGTH = (_FORM.size + _MAC) // 3 * 4
_COUNTINGS: tuple[Counting, ...] = ("counted", "shown", "never")
_NUMBERS = {name: number for number, name in enumerate(_COUNTINGS)}
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def host_id(name: str) -> str:
    """The 8 hex digits under which a data folder's host is known in tokens."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


class Tokens:
    """Makes and reads page tokens. ``keys`` run from the oldest to the newest."""

    __slots__ = ("_host", "_macs")

    def __init__(self, keys: Sequence[str], host: str) -> None:
        self._macs = [
            ShortMac(b"track-middleware/page/1\0" + key.encode()) for key in reversed(keys)
        ]
        self._host = bytes.fromhex(host)

    def make(self, page_id: str, made: float, counting: Counting) -> str:
        """The token of a page view; ``made`` is epoch seconds."""
        page = bytes.fromhex(page_id.replace("-", ""))
        body = _FORM.pack(VERSION, _NUMBERS[counting], int(made), page, self._host)
        signed = body + self._macs[0].digest(body)
        return binascii.b2a_base64(signed, newline=False).translate(_TO_URL).decode("ascii")

    def read(self, token: str) -> PageRef | None:
        """What a token says; None when it is none of ours."""
        if len(token) != _LENGTH:
            return None
        try:
            signed = binascii.a2b_base64(token.encode("ascii").translate(_FROM_URL))
        except (UnicodeEncodeError, binascii.Error):
            return None
        body, mac = signed[: _FORM.size], signed[_FORM.size :]
        if not any(hmac.compare_digest(each.digest(body), mac) for each in self._macs):
            return None
        version, number, made, page, host = _FORM.unpack(body)
        if version != VERSION or number >= len(_COUNTINGS):
            return None
        return PageRef(
            id=_uuid(page), made=float(made), counting=_COUNTINGS[number], host=host.hex()
        )


def _uuid(page: bytes) -> str:
    h = page.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
