"""What a site tells its own doctor: what a request looked like from here, and what serves it."""

from __future__ import annotations

from typing import Any

from ..http import Request
from . import origin
from .core import Core
from .probe import HEADER

#: Where the doctor asks, under our prefix.
DOOR = "d"

#: By these, too, proxies say for whom they ask.
_OTHER_ADDRESSES = (
    "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "fastly-client-ip",
    "fly-client-ip", "x-client-ip", "x-azure-clientip",
)  # fmt: skip


def seen(core: Core, request: Request) -> dict[str, Any] | None:
    """What the doctor wants to know; None for anybody else, who is told nothing at all."""
    now = core.now()
    if request.method != "GET" or not core.probe.is_ours(request.header(HEADER), now):
        return None
    return {
        "now": now,
        "host": request.host,
        "scheme": request.scheme,
        "peer": request.peer,
        "forwardedFor": request.header("x-forwarded-for"),
        "forwardedProto": request.header("x-forwarded-proto"),
        "otherAddresses": [name for name in _OTHER_ADDRESSES if request.header(name)],
        "address": origin.address(core, request),
        **core.serving(),
    }
