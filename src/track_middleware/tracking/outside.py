"""The usual call outside a request: an event of a user's, with properties, now.

Its frame is put together as JSON in one step. Whatever is unusual or mistaken takes the way of all
others, which says the same, or what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..errors import EventError
from ..event import iso, lenient_encoder, quoted
from . import ids
from .arguments import checked_name
from .redaction import Redaction

_encode = lenient_encoder.encode

_NO_FRAME = (EventError, TypeError, ValueError, OverflowError, RecursionError)

_BEGIN = b'{"kind":"event","at":'

#: How many names of events are remembered.
_MOST = 2048


class Outside:
    """Makes such frames. ``about`` is the context of all of them."""

    __slots__ = ("_encoded", "_kept", "_names", "_new_id", "_now", "_tail")

    def __init__(
        self,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        redaction: Redaction,
        about: msgspec.Raw,
    ) -> None:
        self._now, self._new_id = now, new_id
        self._encoded, self._kept = redaction.encoded, redaction.bag
        self._tail = b',"context":%b}}' % bytes(about)
        self._names: dict[str, str] = {}

    def frame(self, name: object, properties: object, user_id: object) -> tuple[str, bytes] | None:
        """The event's id and its frame; None where the call is another."""
        if type(name) is not str or type(properties) is not dict or not properties:
            return None
        now, event_id = self._now(), self._new_id()
        try:
            user = ids.user(user_id)
            if user is None:
                return None
            head = (
                f',"event":{{"messageId":"{event_id}","type":"track","timestamp":"{iso(now)}",'
                f'{self._names.get(name) or self._named(name)}"userId":{quoted(user)},"properties":'
            ).encode()
            bag = self._encoded(properties) or _encode(self._kept(properties))
        except _NO_FRAME:
            return None
        return event_id, b"".join((_BEGIN, _encode(now), head, bag, self._tail))

    def _named(self, name: str) -> str:
        """How an event of this name tells it; EventError for what is no name."""
        if len(self._names) >= _MOST:
            self._names.clear()
        told = self._names[name] = f'"event":{quoted(checked_name(name))},'
        return told
