"""Who it is: the visitor's cookie, and the user it was last told of."""

from __future__ import annotations

import msgspec

#: The visitor's cookie is written again after a day, so that a regular never runs out.
RENEW_AFTER = 86400


class Visitor(msgspec.Struct, array_like=True, frozen=True):
    """One browser or device, as its cookie holds it. Times are epoch seconds.

    ``fresh``: minted by a request that carried no visitor cookie, and not by a sign-out, reset or
    change of user. ``user`` stays after the app ended it (``signed_in`` False), so that the next
    user is known to be another one. ``confirmed`` is when the app last said so. ``first`` is the
    first campaign.
    """

    id: str
    minted: int
    renewed: int
    fresh: bool = False
    user: str | None = None
    signed_in: bool = False
    confirmed: int = 0
    first: dict[str, str] | None = None

    def user_at(self, now: float, longest: int) -> str | None:
        """The signed-in user, unless the app has not confirmed them for ``longest`` seconds."""
        if self.signed_in and now - self.confirmed <= longest:
            return self.user
        return None


def minted(visitor_id: str, now: float, *, fresh: bool) -> Visitor:
    """A new visitor."""
    return Visitor(visitor_id, int(now), int(now), fresh)


def with_user(visitor: Visitor, user: str, now: float) -> Visitor:
    """The visitor with this user confirmed now. The caller has seen that it is no other user."""
    return msgspec.structs.replace(visitor, user=user, signed_in=True, confirmed=int(now))


def without_user(visitor: Visitor) -> Visitor:
    """The visitor whose user the app no longer knows; the name stays, to know another by."""
    return msgspec.structs.replace(visitor, signed_in=False)


def is_another(visitor: Visitor, user: str) -> bool:
    """Whether this user is another than the one the visitor was last told of."""
    return visitor.user is not None and visitor.user != user


def kept(visitor: Visitor, now: float) -> Visitor:
    """The visitor as its cookie shall hold it: renewed now."""
    return msgspec.structs.replace(visitor, renewed=int(now))
