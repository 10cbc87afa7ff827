"""A newcomer: whoever comes with no cookie of ours and may be tracked without being asked."""

from __future__ import annotations

from ..http import Request
from .campaign import campaign
from .cookies import Held
from .core import Core
from .session import opened
from .visitor import Visitor
from .whose import newcomers


def newcomer(core: Core, request: Request, at: float) -> Held:
    """What the cookies shall hold that a newcomer's page brings; ``Identity`` makes the same."""
    query, second, visitor_id = request.query, int(at), core.new_id()
    arrived = campaign(core.redaction.query(query)) if query else {}
    session = opened(visitor_id, arrived, at)
    visitor = Visitor(visitor_id, second, second, True, None, False, 0, session.campaign)
    said = newcomers(visitor, session, arrived)
    return Held(visitor=visitor, session=session, whose=said, is_new=True)
