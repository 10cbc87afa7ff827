"""What a store's URL says of a topic and of how its brokers are reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ....errors import StoreError
from ..broker import Broker

#: What a URL may say in librdkafka's own words (its CONFIGURATION.md): how brokers are reached. How
#: it writes and reads is ours to decide.
THEIRS = frozenset({
    "broker.address.family", "client.dns.lookup", "client.id", "client.rack",
    "sasl.kerberos.keytab", "sasl.kerberos.principal", "sasl.kerberos.service.name",
    "sasl.mechanism", "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.method", "sasl.oauthbearer.scope", "sasl.oauthbearer.token.endpoint.url",
    "security.protocol", "ssl.ca.location", "ssl.certificate.location", "ssl.cipher.suites",
    "ssl.crl.location", "ssl.endpoint.identification.algorithm", "ssl.key.location",
    "ssl.key.password",
})  # fmt: skip

#: All that a URL may say, but for the ledger.
OPTIONS = THEIRS | {"topic", "replicas"}


@dataclass(frozen=True, slots=True)
class Address:
    """Brokers and a topic. ``options`` are librdkafka's, with the password; ``shown`` is without.
    ``replicas``: of how many copies the topic is made when it is not there; None: of three, or as
    many as there are brokers."""

    topic: str
    options: Mapping[str, str] = field(repr=False)
    shown: str
    replicas: int | None


def address(broker: Broker) -> Address:
    """What a URL names. StoreError for a topic or a number of copies that Kafka cannot have."""
    topic, asked = broker.log, broker.options
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic) or topic in (".", ".."):
        raise StoreError(
            f"{topic[:40]!r} cannot be a topic of Kafka's: use letters, digits, '.', '_' and '-'"
        )
    options = {
        "bootstrap.servers": ",".join(broker.servers),
        **_credentials(broker.user, broker.password),
        **{name: value for name, value in asked.items() if name in THEIRS},
    }
    return Address(topic, options, broker.shown, _replicas(asked.get("replicas")))


def _credentials(user: str, password: str) -> dict[str, str]:
    """A password goes over TLS, unless the URL says ``security.protocol=sasl_plaintext``."""
    if not user:
        return {}
    return {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


def _replicas(said: str | None) -> int | None:
    if said is None:
        return None
    if not re.fullmatch(r"[1-9]\d?", said):
        raise StoreError(f"replicas={said[:40]} is no number of copies; 3 is usual")
    return int(said)
