"""``webhook+https://host/path``: events as they stand on the wire, in JSON batches, signed.

``POST {"batch": [event, …], "sentAt": …}``. With ``?secret=`` each call carries
``X-Track-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``; the receiver recomputes it
over the raw body and compares in constant time. Plain http only goes to this machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from ..address import Address
from ..event import Event, encode_event, iso
from . import Answer, Call, Outbound, Verdict
from .answers import usual
from .limits import ids, listed, packed
from .options import check, loopback, wrong

#: Events and bytes of one call: small enough for the usual servers' body limits.
MOST = 500
SIZE = 900_000


class Webhook:
    """Sends events as they are to one URL of the user's own."""

    most = MOST

    def __init__(self, name: str, url: str, *, secret: str, headers: Mapping[str, str]) -> None:
        self.name = name
        self._url = url
        self._secret = secret
        self._headers = {"content-type": "application/json", **headers}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        return self.wire_calls([(each.message_id, encode_event(each)) for each in events], now)

    def wire_calls(self, events: Sequence[tuple[str, bytes]], now: float) -> Outbound:
        tail = b',"sentAt":"' + iso(now).encode() + b'"}'
        calls = []
        for run in packed(events, most=MOST, size=SIZE):
            body = b'{"batch":' + listed(run) + tail
            calls.append(Call(self._url, body, ids(run), headers=self._signed(body, now)))
        return Outbound(calls)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer, secrets=(self._secret,))

    def _signed(self, body: bytes, now: float) -> Mapping[str, str]:
        if not self._secret:
            return self._headers
        return {**self._headers, "x-track-signature": signature(self._secret, body, int(now))}


def signature(secret: str, body: bytes, seconds: int) -> str:
    """The value of ``X-Track-Signature`` for a body sent at a unix time."""
    signed = str(seconds).encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def make(address: Address) -> Webhook:
    """A webhook of its URL. A query of the receiver's own goes into ``?endpoint=``, encoded."""
    check(address, extra=("secret",))
    if "region" in address.options:
        raise wrong(address, "has a region, which a webhook has not")
    if address.options.get("secret") == "":
        raise wrong(address, "has an empty secret")
    if not address.host:
        raise wrong(address, "has no host")
    url = address.options.get("endpoint") or _target(address)
    parts = urlsplit(url)
    if parts.scheme == "http" and not loopback(parts.hostname or ""):
        raise wrong(address, "sends events over plain http, which only this machine may get")
    return Webhook(
        address.options.get("name", "webhook"),
        url,
        secret=address.options.get("secret", ""),
        headers=_basic(address),
    )


def _target(address: Address) -> str:
    raw = urlsplit(address.url)
    host = raw.netloc.rpartition("@")[2]
    return f"{address.scheme.partition('+')[2]}://{host}{raw.path or '/'}"


def _basic(address: Address) -> Mapping[str, str]:
    if not address.user:
        return {}
    pair = f"{address.user}:{address.password}".encode()
    return {"authorization": "Basic " + base64.b64encode(pair).decode()}
