"""What a ``nats://`` URL says of its stream. nats-py is not needed to read it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....errors import StoreError
from ..broker import Broker

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}").fullmatch

#: Copies that JetStream can keep.
_REPLICAS = ("1", "2", "3", "4", "5")

_TLS = ("", "0", "1")


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: its name, how many copies there are of it, whether the link to it must be TLS, and
    the file with the credentials, if it needs one."""

    name: str
    replicas: int
    tls: bool
    creds: str


def stream(broker: Broker) -> Stream:
    """The stream that a URL names. StoreError for what JetStream cannot do."""
    options = broker.options
    if not _NAME(broker.log):
        raise StoreError(
            f"{broker.log[:40]!r} cannot be the stream's name: use up to 32 of A-Z, a-z, 0-9, -, _"
        )
    replicas = options.get("replicas", "1")
    if replicas not in _REPLICAS:
        raise StoreError(f"replicas is a number from 1 to 5, not {replicas[:40]!r}")
    if options.get("tls", "") not in _TLS:
        raise StoreError(f"tls is 1 or 0, not {options['tls'][:40]!r}")
    return Stream(broker.log, int(replicas), options.get("tls") == "1", options.get("creds", ""))
