"""Signatures of cookies and load ids, by the secret key and its fallbacks.

Cookies are signed as itsdangerous does (HMAC-SHA256, one salt each); every key of the list
verifies, the newest signs. Deriving a key and starting an HMAC cost more than the rest of a
request, so both are made once per key and their hash states copied.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

_BLOCK = 64


class Mac:
    """HMAC-SHA256 (RFC 2104) with the two padded keys hashed beforehand."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        """The 32-byte HMAC of a message."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class _Sha256(SigningAlgorithm):
    """itsdangerous's HMAC-SHA256, with each key's state kept."""

    def __init__(self) -> None:
        self._macs: dict[bytes, Mac] = {}

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        mac = self._macs.get(key)
        if mac is None:
            mac = self._macs[key] = Mac(key)
        return mac.digest(value)


class _KeptKeys(Signer):
    """A Signer that derives each key once."""

    def __init__(self, keys: Sequence[str], salt: str) -> None:
        super().__init__(
            list(keys), salt=salt, key_derivation="hmac", digest_method=hashlib.sha256,
            algorithm=_Sha256(),
        )  # fmt: skip
        self._derived: dict[str | bytes | None, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        key = self._derived.get(secret_key)
        if key is None:
            key = self._derived[secret_key] = super().derive_key(secret_key)
        return key


class Seal:
    """Signs and verifies text under one salt. ``keys`` run from the oldest to the newest."""

    __slots__ = ("_code", "_signer")

    def __init__(self, keys: Sequence[str], salt: str) -> None:
        self._signer = _KeptKeys(keys, salt)
        self._code = Mac(self._signer.derive_key()).digest

    def sign(self, text: bytes) -> str:
        """The text with its signature behind a dot, as ``Signer.sign`` makes it."""
        code = binascii.b2a_base64(self._code(text))[:-2].translate(_TO_URL)
        return b"".join((text, b".", code)).decode("ascii")

    def open(self, signed: str) -> bytes | None:
        """The text of a signed value; None when no key verifies it."""
        try:
            given = signed.encode("latin-1")
            # Nearly all are signed with the newest key, which this sees in half the time.
            text = given.rpartition(b".")[0]
            if hmac.compare_digest(given, self.sign(text).encode()):
                return text
            return self._signer.unsign(given)
        except (BadSignature, UnicodeError):
            return None


#: From base64 to its alphabet for URLs (RFC 4648, 5).
_TO_URL = bytes.maketrans(b"+/", b"-_")
