"""The usual call outside a request: an event of a user's, with properties, now.

Its frame is put together as JSON in one step. Whatever is unusual or mistaken takes the way of all
others, which says the same, or what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..errors import EventError
from ..event import iso_of, lenient_encoder, quoted
from . import ids
from .arguments import checked_name
from .redaction import Redaction
from .seams import NewId

#: Says an event by its name, its properties and its user; its id, None when it was not kept.
Say = Callable[[str, Mapping[str, Any] | None, str | None], str | None]

_encode = lenient_encoder.encode

_NO_FRAME = (EventError, TypeError, ValueError, OverflowError, RecursionError)

_BEGIN = b'{"kind":"event","at":'

#: How many names of events are remembered.
_MOST = 2048


class Outside:
    """Says such events. ``about`` is the context of all of them; ``otherwise`` says what is
    unusual, ``refused`` what is answered where it was not kept."""

    __slots__ = (
        "_bag", "_encoded", "_keep", "_moment", "_names", "_new_id", "_now", "_otherwise",
        "_refused", "_tail",
    )  # fmt: skip

    def __init__(
        self,
        *,
        now: Callable[[], float],
        new_id: NewId,
        redaction: Redaction,
        about: msgspec.Raw,
        keep: Callable[[bytes], bool],
        otherwise: Say,
        refused: Callable[[], bool],
    ) -> None:
        self._now, self._new_id, self._keep = now, new_id, keep
        self._encoded, self._bag = redaction.encoded, redaction.bag
        self._otherwise, self._refused = otherwise, refused
        self._tail = b',"context":%b}}' % bytes(about)
        self._names: dict[str, str] = {}
        self._moment = (0, iso_of(0))

    def say(
        self, name: str, properties: Mapping[str, Any] | None, user_id: str | None
    ) -> str | None:
        """The event's id once it is on disk."""
        if type(name) is not str or type(properties) is not dict or not properties:
            return self._otherwise(name, properties, user_id)
        now = self._now()
        try:
            user = ids.user(user_id)
            if user is None:
                raise EventError("it is nobody's")
            millisecond = int(now * 1e3 + 5e-4)
            known, text = self._moment
            if known != millisecond:  # a loop says many things at the same moment
                text = iso_of(millisecond)
                self._moment = (millisecond, text)
            event_id = self._new_id(millisecond)
            head = (
                f',"event":{{"messageId":"{event_id}","type":"track","timestamp":"{text}",'
                f'{self._names.get(name) or self._named(name)}"userId":{quoted(user)},"properties":'
            ).encode()
            bag = self._encoded(properties) or _encode(self._bag(properties))
        except _NO_FRAME:
            return self._otherwise(name, properties, user_id)
        kept = self._keep(b"".join((_BEGIN, _encode(now), head, bag, self._tail)))
        return event_id if kept is not False or self._refused() else None

    def _named(self, name: str) -> str:
        """How an event of this name tells it; EventError for what is no name."""
        if len(self._names) >= _MOST:
            self._names.clear()
        told = self._names[name] = f'"event":{quoted(checked_name(name))},'
        return told
