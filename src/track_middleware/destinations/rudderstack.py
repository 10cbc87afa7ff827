"""``rudderstack://WRITE_KEY@data-plane-host``: RudderStack's ``/v1/batch``.

Source of limits and answers: RudderStack's gateway (rudder-server) and its own Python library.
``messageId`` is the event's id. The gateway takes a batch whole or not at all, and only its 200
means taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from ..address import Address
from ..vendor_cookies import RUDDERSTACK
from . import Answer, Verdict, spec
from .answers import verdict, words
from .options import check, wrong

#: The gateway takes 4,000 KiB a call, the vendor's own library sends 100 messages.
LIMITS = spec.Limits(most=100, size=4_000_000, message=4_000_000)

#: Segment's spec is RudderStack's: nothing is renamed.
VOCABULARY: Mapping[str, str] = {
    kind: kind for kind in ("page", "screen", "identify", "group", "alias")
}


def make(address: Address) -> spec.Source:
    """A RudderStack source of its URL: the write key, and the host of the data plane behind @."""
    check(address)
    if "region" in address.options:
        raise wrong(address, "has a region; the data plane's host says where it is")
    if not (address.user and address.host) or address.password:
        raise wrong(address, "is rudderstack://WRITE_KEY@data-plane-host")
    base_url = address.options.get("endpoint") or _target(address)
    name = address.options.get("name", "rudderstack")
    return spec.Source(name, base_url.rstrip("/"), address.user, dialect=_DIALECT)


def _target(address: Address) -> str:
    raw = urlsplit(address.url)
    return f"https://{raw.netloc.rpartition('@')[2]}{raw.path}"


def _judged(answer: Answer | None, secrets: Sequence[str]) -> Verdict:
    usual = verdict(answer, secrets=secrets)
    if answer is None or answer.status == 200 or usual.state != "delivered":
        return usual
    reason = words(answer, secrets=secrets)
    return Verdict("retry", f"{reason}; a data plane answers 200", pause=True)


def _shaped(outline: spec.Outline, body: bytes) -> bytes:
    """A message as the vendor's server libraries send it: a channel, and traits in the context."""
    if outline.type != "identify":
        return b'{"channel":"server",' + body[1:]
    fields = spec.taken_apart(body)
    traits = fields.pop("traits", msgspec.Raw(b"{}"))
    context = {**spec.taken_apart(fields.get("context")), "traits": traits}
    fields["context"] = msgspec.Raw(spec.put_together(context))
    fields["channel"] = msgspec.Raw(b'"server"')
    return spec.put_together(fields)


_DIALECT = spec.Dialect(LIMITS, _judged, most=1_000, cookie=RUDDERSTACK, shape=_shaped)
