"""One site's console: who may see it, and the errand of each request for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..http import Caller, Head, Read, Reply
from ..settings import Settings
from ..tracking.console import Ask
from ..tracking.limit import Limit
from .permission import Permission

if TYPE_CHECKING:
    from .desk import Desk
    from .stream import Stream

#: Wrong tokens of one client: so many at once, so many a second from then on.
_BURST, _RATE = 10.0, 0.1

#: Makes of what a face hands over the framework's own request, and sets up what it needs.
About = Callable[[object], AbstractContextManager[object]]


class Console:
    """The pages of one site. ``about``: how its face shows a request to the setting's callable.

    SettingsError for a setting ``console`` that cannot be used.
    """

    def __init__(
        self, settings: Settings, keys: Sequence[str], data_dir: Path, *, now: Callable[[], float]
    ) -> None:
        self.permission = Permission(settings, keys, now=now)
        self.about: About = nullcontext
        self._settings = settings
        self._data_dir = data_dir
        self._now = now
        self._limit = Limit(rate=_RATE, burst=_BURST)

    def begin(self, ask: Ask, caller: Caller) -> Running:
        """The errand of one request, ready to be started."""
        return Running(self, ask, caller)

    def desk(self, ask: Ask, caller: Caller) -> Desk:
        """The request with what it may do. May wait: a callable may look into a database."""
        from .desk import Desk  # with its templates, which a site without an operator never needs
        from .further import FURTHER
        from .reads import Reads

        said = caller.allowed
        if said is None and self.permission.token == "":
            with self.about(caller.request) as request:
                said = self.permission.asked(request)
        now = self._now()
        reads = Reads(self._settings, self._data_dir, now=now, visitor=ask.visitor)
        return Desk(
            ask,
            self._settings,
            self.permission,
            self.permission.given(ask.request, said),
            reads,
            lambda client: self._limit.wait(client, now),
            FURTHER,
            may_last=caller.may_last,
        )


class Running:
    """One request's errand under way (``http.Running``)."""

    def __init__(self, console: Console, ask: Ask, caller: Caller) -> None:
        self._console = console
        self._ask = ask
        self._caller = caller
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._is_closed = False

    def start(self, read: Read) -> Reply | Head:
        """The answer, or the beginning of a stream."""
        desk = self._console.desk(self._ask, self._caller)
        try:
            answer = desk.reply(read)
        finally:
            desk.reads.close()
        if isinstance(answer, Reply):
            return Reply(answer.status, answer.headers) if self._is_head else answer
        with self._lock:
            self._stream = answer
            is_closed = self._is_closed
        if is_closed:
            answer.close()
        return answer.head

    @property
    def _is_head(self) -> bool:
        return self._ask.request.method == "HEAD"

    def piece(self) -> bytes:
        """The next piece of a stream; b"" at its end."""
        return b"" if self._stream is None else self._stream.piece()

    def close(self) -> None:
        """Ends a stream, also one that somebody waits for."""
        with self._lock:
            self._is_closed, stream = True, self._stream
        if stream is not None:
            stream.close()
