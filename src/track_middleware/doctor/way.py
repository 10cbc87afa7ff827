"""What proxies make of a request on its way to the site. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..settings import Settings
from .client import Answer
from .finding import Finding
from .visit import MARKER

#: How proxies name themselves.
_PROXIES = ("nginx", "cloudflare", "caddy", "envoy", "haproxy", "varnish", "openresty", "awselb",
            "cloudfront", "traefik", "istio", "fastly", "akamai", "litespeed")  # fmt: skip

#: Left out or not, they mean the same; the site may see another scheme than the browser.
_PORTS = ("80", "443")

_APPEND = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for"


def origin(url: str, site: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the site knows its own name and scheme."""
    parts, host = urlsplit(url), str(site["host"])
    if _host(parts.netloc.rpartition("@")[2]) != _host(host):
        yield Finding(
            "host", "error",
            f"the browser asks {parts.netloc}, and the site sees {host}: what the script sends is "
            "refused as another host's, and pages have wrong addresses",
            "let the proxy pass the Host header on (nginx: proxy_set_header Host $http_host)",
        )  # fmt: skip
    if parts.scheme == "https" and site["scheme"] != "https":
        yield Finding(
            "scheme", "warning",
            "the browser speaks https, and the site sees http: its cookies are not Secure, and "
            "pages have wrong addresses",
            "let the proxy say X-Forwarded-Proto, and the server or framework believe it (gunicorn "
            "and uvicorn: forwarded-allow-ips; Django: SECURE_PROXY_SSL_HEADER)",
        )  # fmt: skip


def _host(netloc: str) -> str:
    name, _, port = netloc.lower().rpartition(":")
    return name if name and port in _PORTS else netloc.lower()


def client(answer: Answer, site: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """Whether the site knows the client's address, and believes nobody who makes one up. The
    question came with an X-Forwarded-For of our own, ``MARKER``."""
    hops = [hop.strip() for hop in str(site["forwardedFor"]).split(",") if hop.strip()]
    proxies = settings.trusted_proxies
    if site["address"] == MARKER:
        yield _believing(hops, proxies)
        return
    behind = hops[hops.index(MARKER) + 1 :] if MARKER in hops else hops
    if behind:
        if _bare(behind[0]) != _bare(str(site["address"])):
            yield Finding(
                "address", "error",
                f"the site takes {site['address']} for the client, which is a proxy's address: all "
                "visitors share it",
                f"set trusted_proxies to {len(behind)}",
            )  # fmt: skip
    elif _is_hidden(answer, site, stripped=MARKER not in hops):
        named = site["otherAddresses"]
        instead = f" (it says {', '.join(named)} instead)" if named else ""
        yield Finding(
            "address", "error",
            f"a proxy hides the client's address{instead}: the site sees {site['peer']}, and so "
            "all visitors share it",
            f"let the proxy append to X-Forwarded-For (nginx: {_APPEND}), and set trusted_proxies "
            "to the number of proxies",
        )  # fmt: skip


def _believing(hops: Sequence[str], proxies: int) -> Finding:
    appended = len(hops) - hops.index(MARKER) - 1 if MARKER in hops else 0
    fix = f"set trusted_proxies to {appended}" if appended else (
        f"without a proxy set trusted_proxies to 0; with one let it append (nginx: {_APPEND})"
    )  # fmt: skip
    by = f"trusted_proxies is {proxies}, and {appended or 'none'} of them adds to X-Forwarded-For"
    message = f"the site believes any X-Forwarded-For that a client makes up: {by}"
    return Finding("trusted_proxies", "error", message, fix)


def _is_hidden(answer: Answer, site: Mapping[str, Any], *, stripped: bool) -> bool:
    """Whether a proxy stands between that adds no address. Who asks from his own address, and is
    seen with it, has none before him."""
    peer = _bare(str(site["peer"]))
    if stripped:
        return True
    if peer == answer.own:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return True  # a Unix socket has no address: somebody stands before it
    named = f"{answer.header('server')} {answer.header('via')}".lower()
    by_proxy = bool(answer.header("via")) or any(name in named for name in _PROXIES)
    return address.is_loopback or (address.is_private and by_proxy)


def _bare(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
