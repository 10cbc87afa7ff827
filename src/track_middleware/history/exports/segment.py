"""Segment's archives: what its S3, Google Cloud Storage and warehouse-of-files destinations keep.

Gzipped files of one message a line (segment.com/docs/connections/storage/catalog/aws-s3), each as
Segment's specification has it (.../connections/spec/common), which is our own wire format. No I/O
happens here.
"""

from __future__ import annotations

from typing import Any, cast, get_args

from ...event import Event, Kind, iso
from .record import Read, Record, Rules, event_id, moment, text

_KINDS = frozenset(get_args(Kind))

#: What other libraries' contexts mean otherwise than ours, or must not say.
_OTHERS = frozenset({"consent", "cookieless", "store", "ip", "traits", "bot", "claimedUserId"})


def segment(rules: Rules) -> Read:
    """The reader of an archive."""

    def read(said: Record) -> Event | None:
        kind = said.get("type")
        if kind not in _KINDS:
            raise ValueError(f"its type is {str(kind)[:40]!r}")
        given = said.get("context")
        given = given if isinstance(given, dict) else {}
        traits = said.get("traits") or given.get("traits")
        return Event(
            event_id("segment", said.get("messageId")),
            cast(Kind, kind),
            iso(moment(said.get("timestamp") or said.get("receivedAt"))),
            event=text(said.get("event")) if kind == "track" else None,
            name=text(said.get("name")),
            anonymous_id=text(said.get("anonymousId")),
            user_id=text(said.get("userId")),
            previous_id=text(said.get("previousId")),
            group_id=text(said.get("groupId")),
            properties=rules.properties(said.get("properties")),
            traits=rules.kept_traits(traits) if kind in ("identify", "group") else None,
            context=_context(given, rules),
        )

    return read


def _context(given: Record, rules: Rules) -> dict[str, Any]:
    kept = {name: value for name, value in given.items() if name not in _OTHERS}
    if address := rules.address(given.get("ip")):
        kept["ip"] = address
    page = kept.get("page")
    if isinstance(page, dict):
        links = {name: rules.url(page.get(name)) for name in ("url", "referrer", "search")}
        kept["page"] = {**page, **{name: link for name, link in links.items() if link}}
    return {**kept, "platform": "backfill"}
