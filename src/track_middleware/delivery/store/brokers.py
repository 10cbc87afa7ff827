"""Stores whose bodies lie at a broker: what their URLs say, and what is at the other end.

``nats://user:password@host:4222,host:4222?stream=…&replicas=3&ledger=postgresql://…`` and
``kafka://user:password@host:9092,host:9092?topic=…&replicas=3&ledger=postgresql://…``: ``ledger``
comes last, and is another store's URL as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import parse_qsl, unquote, urlsplit

from ...errors import StoreError
from .bodies import Bodies
from .broker import Broker
from .home import Around
from .kafka import address as kafka

#: What a log is called unless the URL says otherwise.
LOG = "track_middleware"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of broker: what its URL may say, and which part of it names the log; what Python
    package it needs; what is made of it. ``check`` raises StoreError for what it cannot do."""

    port: int
    log: str
    options: frozenset[str]
    package: str
    made: Callable[[Broker], Bodies]
    check: Callable[[Broker], object]


def is_broker(url: str) -> bool:
    """Whether a store's URL names a broker."""
    return "://" in url and url.partition("://")[0] in KINDS


def ledger_of(url: str) -> str:
    """The URL of the ledger that a store's URL names: what decides, and can be asked alone; the
    URL itself where no broker is named."""
    return broker(url).ledger if is_broker(url) else url


def broker(url: str) -> Broker:
    """What a store's URL says of its broker. StoreError when it cannot be read, or a package is
    not there."""
    scheme = url.partition("://")[0]
    kind = KINDS[scheme]
    front, _, query = url.partition("?")
    rest, has_ledger, ledger = f"&{query}".partition("&ledger=")
    if has_ledger and "://" not in ledger.partition("?")[0]:
        ledger = unquote(ledger)
    servers, user, password = _servers(front, kind)
    options = _options(rest, kind, scheme)
    if is_broker(ledger):
        raise StoreError("a store's ledger is sqlite:///… or postgresql://…, not another broker")
    for package in (kind.package, "cryptography"):
        if find_spec(package) is None:
            raise StoreError(
                f"a {scheme}:// store needs the package {package}, which is not there; "
                f"pip install 'track-middleware[{scheme}]'"
            )
    log = options.get(kind.log, LOG)
    found = Broker(scheme, servers, options, log, user, password, ledger)
    kind.check(found)
    return found


def bodies(found: Broker) -> Bodies:
    """What is at the broker's end; it connects when it is first asked for something."""
    return KINDS[found.kind].made(found)


def around(found: Broker) -> Around:
    """What makes a connection to the ledger one to the whole store."""
    from .parcelled import Parcelled
    from .shelf import Shelf  # with cryptography, which only these stores need

    shelf = Shelf(bodies(found), monotonic=time.monotonic)
    return lambda ledger: Parcelled(ledger, shelf)


def _servers(front: str, kind: Kind) -> tuple[tuple[str, ...], str, str]:
    """The servers, the user and the password that a URL's front says."""
    scheme, _, rest = front.partition("://")
    who, is_somebody, hosts = rest.rstrip("/").rpartition("@")
    user, _, password = who.partition(":")
    servers = []
    for host in hosts.split(","):
        try:
            parts = urlsplit(f"//{host}")
            found, said = parts.hostname, parts.port
        except ValueError:
            found, said = None, None
        if not found or parts.path or "@" in host:
            raise StoreError(
                f"the store's URL names no server where it says {host[:60]!r}; write "
                f"{scheme}://host:{kind.port},host:{kind.port}?{kind.log}=…"
            )
        name = f"[{found}]" if ":" in found else found
        servers.append(f"{name}:{said or kind.port}")
    return tuple(servers), unquote(user), unquote(password) if is_somebody else ""


def _options(query: str, kind: Kind, scheme: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in kind.options:
            known = ", ".join(sorted(kind.options))
            raise StoreError(
                f"a {scheme}:// store knows {known} and, last of all, ledger; not {name[:40]!r}"
            )
    return options


def _jetstream(found: Broker) -> Bodies:
    from .jetstream.bodies import JetStream  # with nats-py, which only the worker loads

    return JetStream(found)


def _check_jetstream(found: Broker) -> None:
    from .jetstream.address import stream

    stream(found)


def _kafka(found: Broker) -> Bodies:
    from .kafka.driver import Kafka  # with confluent-kafka, which only the worker loads

    return Kafka(found)


#: Every kind of broker, by its URL's scheme.
KINDS: dict[str, Kind] = {
    "nats": Kind(
        port=4222,
        log="stream",
        options=frozenset({"stream", "replicas", "tls", "creds"}),
        package="nats",
        made=_jetstream,
        check=_check_jetstream,
    ),
    "kafka": Kind(
        port=9092,
        log="topic",
        options=kafka.OPTIONS,
        package="confluent_kafka",
        made=_kafka,
        check=kafka.address,
    ),
}
