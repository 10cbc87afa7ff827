"""Access logs of AWS Application Load Balancers.

The columns are those of docs.aws.amazon.com/elasticloadbalancing/latest/application/
load-balancer-access-logs.html; what newer ones have behind is left alone. The log tells no
referrer. No I/O happens here.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from urllib.parse import urlsplit

from .hit import Hit, Read, iso_time, number, request, seconds, told

#: type, time, load balancer, client:port, target:port, three durations, two statuses, bytes in and
#: out, "request", "User-Agent", cipher, protocol, target group, "trace", "host".
_LINE = re.compile(
    r"(\S+) (\S+) \S+ (\S+):\d+ \S+ (\S+) (\S+) (\S+) (\S+) \S+ \S+ (\S+) "
    r'"([^"]*)" "([^"]*)"(?: \S+ \S+ \S+ "[^"]*" "([^"]*)")?'
)


def alb(_: tzinfo | None) -> Read:
    """The reader of such a log; its times are UTC."""
    return _read


def _read(line: str) -> Hit | None:
    found = _LINE.match(line)
    if found is None:
        if line.strip():
            raise ValueError("it does not look like this format")
        return None
    kind, time, address, *durations, status, size, asked, agent, host = found.groups()
    method, target = request(asked)
    scheme = "https" if kind in ("https", "h2", "wss") else "http"
    return Hit(
        iso_time(time, UTC), address.strip("[]"), method, target, number(status) or 0, number(size),
        "", told(agent), told(host or "") or urlsplit(target).hostname or "", "",
        _sum(durations), scheme,
    )  # fmt: skip


def _sum(durations: list[str]) -> float | None:
    """Of the load balancer, the target and the way back; None where one did not end."""
    known = [found for found in map(seconds, durations) if found is not None]
    return sum(known) if len(known) == len(durations) else None
