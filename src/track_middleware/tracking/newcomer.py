"""A newcomer: whoever comes without a visitor's cookie of ours and may be tracked."""

from __future__ import annotations

from ..http import Request
from .campaign import campaign
from .consent import Choice
from .cookies import Held
from .core import Core
from .session import first
from .visitor import Visitor
from .whose import json, newcomers


def newcomer(core: Core, request: Request, at: float, choice: Choice | None) -> Held:
    """What the cookies shall hold that a newcomer's page brings; ``Identity`` makes the same.
    ``choice``: what they have chosen before they were anybody."""
    query, new_id, now = request.query, core.new_id, int(at * 1000)
    visitor_id, own = new_id(now), new_id(now)
    arrived = campaign(core.redaction.query(query)) if query else {}
    touch = json(arrived) if arrived else b""
    session = first(visitor_id, own, arrived, len(touch), at)
    begun = session.start
    visitor = Visitor(visitor_id, begun, begun, True, None, False, 0, session.campaign)
    said = newcomers(visitor_id, session, arrived, touch.decode())
    return Held(choice=choice, visitor=visitor, session=session, whose=said, is_new=True)
