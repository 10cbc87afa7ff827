"""The common and the combined log format, as Apache and nginx write them.

``%h %l %u %t "%r" %>s %b`` and behind it ``"%{Referer}i" "%{User-agent}i"``
(httpd.apache.org/docs/2.4/logs.html, .../mod/mod_log_config.html); nginx calls the longer one
``combined`` (nginx.org/en/docs/http/ngx_http_log_module.html). Debian's ``vhost_combined`` has
``%v:%p`` in front. What stands behind is left alone. No I/O happens here.
"""

from __future__ import annotations

import re
from datetime import tzinfo

from .hit import Hit, Read, clf_time, request, unescaped

_TEXT = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_COMMON = rf"(\S+) \S+ (.{{1,255}}?) \[([^\]]{{1,40}})\] {_TEXT} (\d{{3}}) (\d+|-)"
_COMMON_LINE = re.compile(rf"(){_COMMON}(?: ()())?")
_COMBINED_LINE = re.compile(rf"(){_COMMON} {_TEXT} {_TEXT}")
_VHOST_LINE = re.compile(rf"(\S+?)(?::\d+)? {_COMMON} {_TEXT} {_TEXT}")


def combined(_: tzinfo | None) -> Read:
    """The reader of combined logs; their times name their zone."""
    matched = _reading(_COMBINED_LINE)

    def read(line: str) -> Hit | None:
        return _usual(line) or matched(line)

    return read


def vhost(_: tzinfo | None) -> Read:
    """The reader of combined logs with the host in front."""
    return _reading(_VHOST_LINE)


def common(_: tzinfo | None) -> Read:
    """The reader of common logs, which tell neither referrer nor User-Agent."""
    return _reading(_COMMON_LINE)


def _usual(line: str) -> Hit | None:
    """The hit of a line of a nameless user, without escapes: nearly every one, and splitting costs
    half of what matching costs. None for any other."""
    parts = line.split('"', 6)
    if len(parts) != 7 or parts[4] != " " or "\\" in line:
        return None
    begin, asked, numbers, referrer, _, agent, _ = parts
    address, _, time = begin.partition(" - - [")
    if time.find("]") != 26 or time[27:] != " " or address.split() != [address]:
        return None
    match numbers.split(" "):
        case ["", status, size, ""] if _is_usual(status, size):
            method, target = request(asked)
            return Hit(
                clf_time(time[:26]),
                address,
                method,
                target,
                int(status),
                None if size == "-" else int(size),
                "" if referrer == "-" else referrer,
                "" if agent == "-" else agent,
            )
    return None


def _is_usual(status: str, size: str) -> bool:
    return len(status) == 3 and status.isdecimal() and (size == "-" or size.isdecimal())


def _reading(pattern: re.Pattern[str]) -> Read:
    """All three match the same nine groups, so that most lines cost one match and one hit."""
    match = pattern.match

    def read(line: str) -> Hit | None:
        found = match(line)
        if found is None:
            return _without(line)
        host, address, user, time, asked, status, size, referrer, agent = found.groups("")
        if "\\" in line:
            asked, referrer, agent = unescaped(asked), unescaped(referrer), unescaped(agent)
        method, target = request(asked)
        return Hit(
            clf_time(time),
            address,
            method,
            target,
            int(status),
            None if size == "-" else int(size),
            "" if referrer == "-" else referrer,
            "" if agent == "-" else agent,
            host,
            "" if user == "-" else user,
        )

    return read


def _without(line: str) -> Hit | None:
    if line.strip():
        raise ValueError("it does not look like this format")
    return None
