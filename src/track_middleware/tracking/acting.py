"""Who speaks in a request: a user whom the app names, or an operator who acts as somebody else.

The setting ``impersonation`` says what becomes of the latter. ``suspend``: nothing is tracked.
``separate``: it is the operator's, on a visitor of its own. Either way the operator's cookies stay
as they are, so that the operator is who they were when it is over.
"""

from __future__ import annotations

import msgspec

from ..errors import EventError
from . import visitor as visitors
from .core import Core
from .identity import Identity
from .ids import derived, user
from .session import Acting, Session
from .visitor import Visitor


def learnt(identity: Identity, seen: str | None) -> bool:
    """Follows the user that the app has loaded ("" for nobody, None for not loaded) or signed in;
    True when the visitor has not had them yet."""
    if identity.acting is not None:
        return False
    if seen is not None:
        identity.looked = seen
        if seen == identity.stale:
            seen = None
    who = seen or identity.signing
    if who:
        return identity.sign_in(who)
    if seen is not None:
        identity.user_gone()
    return False


def named(identity: Identity, who: str) -> None:
    """The app says who it is. What it has loaded before (Starlette's user is the one that the
    request came with) is not asked about that any more."""
    identity.signing, identity.stale = who, identity.looked
    identity.sign_in(who)


def left(identity: Identity) -> None:
    """The app says that from here on it is another visitor, whomever it has loaded before."""
    identity.start_over()
    identity.stale = identity.looked


def begin(core: Core, identity: Identity, operator: object) -> bool:
    """From here on somebody acts as another (``operator`` None: nobody does); True when that shall
    not be tracked."""
    if identity.acting is not None:
        identity.become(identity.acting.visitor, identity.acting.session)
        identity.acting = None
    if operator is None or not identity.allowed:
        return False
    if core.settings.impersonation == "suspend":
        return True
    named = None
    try:
        named = user(operator)
    except EventError as error:
        core.mistaken(error)
    own, session = identity.visitor, identity.session
    identity.acting, identity.app_user = Acting(own, session), named
    if own is not None and session is not None:
        identity.become(*_apart(own, session, named, identity.at))
    return False


def is_over(identity: Identity, signed_out: str | None) -> bool:
    """Whether a sign-out (of this user, None for nobody) ends the visitor. Where somebody acts as
    another it may be the way back, of which the next request knows."""
    visitor = identity.visitor
    had = signed_out is not None or (visitor is not None and visitor.user is not None)
    return had and identity.acting is None


def is_anothers(identity: Identity, about: str) -> bool:
    """Whether what a verb says of this user is not the visitor's own doing: a shop's staff writes
    of a customer, an operator does something in somebody's name."""
    if identity.acting is not None:
        return about != identity.user
    return identity.visitor is not None and visitors.is_another(identity.visitor, about)


def _apart(
    visitor: Visitor, session: Session, operator: str | None, now: float
) -> tuple[Visitor, Session]:
    """The visitor and session of what an operator does. They follow from the operator's own, so
    that every request of theirs has the same ones, and nothing need be stored."""
    name = operator or visitor.user
    own = derived("impersonation", visitor.id, name or "")
    acting = Visitor(
        own, visitor.minted, visitor.renewed, False, name, name is not None, int(now), visitor.first
    )
    return acting, msgspec.structs.replace(session, id=derived(own, session.id), visitor=own)
