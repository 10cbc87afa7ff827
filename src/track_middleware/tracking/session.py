"""One visitor's events with under 30 idle minutes between them."""

from __future__ import annotations

import msgspec

from .campaign import fitted, strong
from .ids import derived
from .visitor import Visitor

#: As JSON that does not depend on the order in which parameters came.
_sorted = msgspec.json.Encoder(order="deterministic").encode

#: The session's cookie is written again at most once a minute.
RENEW_AFTER = 60


class Session(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One session, as its cookie holds it. ``start`` and ``seen`` are epoch seconds; ``seen`` may
    lag a minute behind. ``campaign`` is the touch it began with, cut to the cookie's room."""

    id: str
    visitor: str
    number: int
    start: int
    seen: int
    campaign: dict[str, str] | None = None


class Acting(msgspec.Struct, frozen=True):
    """An operator acts as somebody else: the visitor and session that they came with, whose cookies
    stay as they are."""

    visitor: Visitor | None
    session: Session | None


def current(
    session: Session | None,
    visitor: str,
    campaign: dict[str, str],
    *,
    now: float,
    idle: int,
    longest: int,
) -> Session:
    """The session that an event at ``now`` belongs to: the one given, or the one that follows it.

    A new one begins after ``idle`` silent seconds, after ``longest`` in all, for another visitor,
    and for a campaign that differs from the session's. Its id is derived from visitor, former
    session and campaign, so that several tabs restored at once open one.
    """
    if session is None or session.visitor != visitor:
        return opened(visitor, campaign, now)
    over = now - session.seen > idle or now - session.start > longest
    if over or (campaign and strong(campaign) and differs(campaign, session.campaign)):
        return opened(visitor, campaign, now, former=session)
    return session


def differs(campaign: dict[str, str], former: dict[str, str] | None) -> bool:
    """Whether a campaign is another one than the session's, whose values may have been cut."""
    if not former:
        return True
    return any(
        not campaign.get(name, "").startswith(value) for name, value in former.items()
    ) or any(name not in former and name in ("source", "medium", "name") for name in campaign)


def opened(
    visitor: str, campaign: dict[str, str], now: float, *, former: Session | None = None
) -> Session:
    """The session that begins at ``now``, after a former one or as the first that is known."""
    touch, kept = "", None
    if campaign:
        said = _sorted(campaign)
        touch, kept = said.decode(), fitted(campaign, len(said))
    session_id = derived(visitor, former.id if former else "", touch)
    number, second = former.number + 1 if former else 1, int(now)
    return Session(session_id, visitor, number, second, second, kept or None)


def first(
    visitor: str, session_id: str, campaign: dict[str, str], size: int, now: float
) -> Session:
    """The first session of a visitor who is new with this request, whom no other tab can have: its
    id need not follow from theirs. ``size``: how long the campaign's JSON is, 0 for unknown."""
    second = int(now)
    kept = (fitted(campaign, size) or None) if campaign else None
    return Session(session_id, visitor, 1, second, second, kept)


def kept(session: Session, now: float) -> Session:
    """The session as its cookie shall hold it: seen now."""
    if session.seen == int(now):
        return session
    return Session(
        session.id, session.visitor, session.number, session.start, int(now), session.campaign
    )
