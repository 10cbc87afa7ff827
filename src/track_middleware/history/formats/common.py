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
    return _reading(_COMBINED_LINE)


def vhost(_: tzinfo | None) -> Read:
    """The reader of combined logs with the host in front."""
    return _reading(_VHOST_LINE)


def common(_: tzinfo | None) -> Read:
    """The reader of common logs, which tell neither referrer nor User-Agent."""
    return _reading(_COMMON_LINE)


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
