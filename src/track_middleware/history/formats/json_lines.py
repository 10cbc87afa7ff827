"""Logs of one JSON object a line: Caddy's, and what nginx's ``log_format`` is told to write.

Caddy's is documented at caddyserver.com/docs/caddyfile/directives/log and .../docs/logging. nginx
has no JSON of its own: people name the members after its variables
(nginx.org/en/docs/varindex.html), or as their log shipper likes. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

import msgspec

from .hit import Hit, Read, clf_time, iso_time, request, seconds, told

_object = msgspec.json.Decoder(dict[str, Any])

Members = Mapping[str, Any]


def _reading(hit: Callable[[Members, tzinfo | None], Hit | None], zone: tzinfo | None) -> Read:
    def read(line: str) -> Hit | None:
        if not line.strip():
            return None
        try:
            members = _object.decode(line)
        except msgspec.DecodeError as error:
            raise ValueError("it is no JSON object") from error
        return hit(members, zone)

    return read


# nginx.


def nginx(zone: tzinfo | None) -> Read:
    """The reader of nginx's JSON."""
    return _reading(_nginx_hit, zone)


_TIMES = ("msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time", "ts")
_ADDRESSES = ("remote_addr", "client_ip", "client", "remote_ip", "ip", "clientip")
_HOSTS = ("host", "http_host", "server_name", "vhost", "domain")
_AGENTS = ("http_user_agent", "user_agent", "agent")
_REFERRERS = ("http_referer", "http_referrer", "referer", "referrer")
_SIZES = ("body_bytes_sent", "bytes_sent", "bytes", "size")
_TARGETS = ("request_uri", "uri", "url", "path")


def _nginx_hit(said: Members, zone: tzinfo | None) -> Hit:
    method, target = request(_first(said, ("request",)))
    target = target or _first(said, _TARGETS)
    arguments = _first(said, ("args", "query_string", "query"))
    if arguments and "?" not in target:
        target = f"{target}?{arguments}"
    size = _first(said, _SIZES)
    return Hit(
        _moment(_first(said, _TIMES), zone),
        _first(said, _ADDRESSES),
        method or _first(said, ("request_method", "method", "verb")),
        target,
        _status(_first(said, ("status", "status_code", "response"))),
        int(size) if size.isdecimal() else None,
        _first(said, _REFERRERS),
        _first(said, _AGENTS),
        _first(said, _HOSTS),
        _first(said, ("remote_user", "user")),
        seconds(_first(said, ("request_time", "duration"))),
        _first(said, ("scheme",)),
        _first(said, ("sent_http_content_type", "content_type")),
        _first(said, ("http_sec_purpose", "http_purpose")),
    )


def _first(said: Members, names: tuple[str, ...]) -> str:
    """The first of these members that says something, as text."""
    for name in names:
        value = said.get(name)
        is_said = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        if is_said and (text := told(str(value))):
            return text
    return ""


def _status(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _moment(text: str, zone: tzinfo | None) -> float:
    """Epoch seconds with a fraction, nginx's ``time_local``, or ISO 8601."""
    if not text:
        raise ValueError("it tells no time")
    try:
        return float(text)
    except ValueError:
        return clf_time(text) if text[2:3] == "/" else iso_time(text, zone)


# Caddy.


def caddy(zone: tzinfo | None) -> Read:
    """The reader of Caddy's access logs; what else Caddy logs is passed over."""
    return _reading(_caddy_hit, zone)


def _caddy_hit(said: Members, zone: tzinfo | None) -> Hit | None:
    asked = said.get("request")
    return _of_caddy(said, asked, zone) if isinstance(asked, dict) else None


def _of_caddy(said: Members, asked: Members, zone: tzinfo | None) -> Hit:
    """``ts`` is epoch seconds unless ``time_format`` says otherwise, ``duration`` seconds."""
    headers, answered = _mapping(asked, "headers"), _mapping(said, "resp_headers")
    size, taken = said.get("size"), said.get("duration")
    return Hit(
        _moment(_first(said, ("ts", "time")), zone),
        _first(asked, ("client_ip", "remote_ip")),
        _first(asked, ("method",)),
        _first(asked, ("uri",)),
        _status(_first(said, ("status",))),
        size if isinstance(size, int) else None,
        _header(headers, "Referer"),
        _header(headers, "User-Agent"),
        _first(asked, ("host",)),
        _first(said, ("user_id",)),
        float(taken) if isinstance(taken, (int, float)) else None,
        "https" if asked.get("tls") else "http",
        _header(answered, "Content-Type"),
        _header(headers, "Sec-Purpose"),
    )


def _mapping(said: Members, name: str) -> Members:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def _header(headers: Members, name: str) -> str:
    """The first value of a header; Caddy writes each as a list."""
    values = headers.get(name)
    first = values[0] if isinstance(values, list) and values else ""
    return first if isinstance(first, str) else ""
