"""Everything that is tried against an engine, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from .doors import EASYPRIVACYS, PINNED, controls, doors
from .engines import ENGINES
from .requests import Asked, derived, on_hosts, under
from .walk import Walk

#: Engines whose lists hold EasyPrivacy as it is.
WITH_EASYPRIVACY = ("uBlock Origin", "Brave")


@dataclass(frozen=True, slots=True)
class Trial:
    """One engine's verdicts; ``blocked`` names the rule, ``passed`` are controls that it let by."""

    engine: str
    tried: int
    blocked: list[tuple[Asked, str]]
    controls: int
    passed: list[Asked]

    @property
    def well(self) -> bool:
        """Nothing of ours is blocked, and everything that must be is."""
        return not self.blocked and not self.passed


def requests(walk: Walk, prefixes: int) -> list[Asked]:
    """The walk as it was on several hosts; then its requests and all doors under many prefixes."""
    here = on_hosts(walk.asked)
    spread = derived(prefixes)
    once = {each._replace(page=each.url[: each.url.index("/", 8)] + "/cart") for each in here
            if walk.is_own(each.url)}  # fmt: skip
    return list(dict.fromkeys([
        *here,
        *doors([walk.prefix, *PINNED, *spread]),
        *under(spread, sorted(once), walk.prefix),
    ]))  # fmt: skip


def trial(engine: str, asked: list[Asked], prefix: str) -> Trial:
    """Asks one engine about all of them, and about the controls under the walk's prefix."""
    vendors = controls(prefix)
    if engine in WITH_EASYPRIVACY:
        vendors += controls(prefix, EASYPRIVACYS)
    verdicts = ENGINES[engine]([*asked, *vendors])
    assert len(verdicts) == len(asked) + len(vendors), "an engine answers every question"
    ours, theirs = verdicts[: len(asked)], verdicts[len(asked) :]
    return Trial(
        engine,
        len(asked),
        [(each, rule) for each, rule in zip(asked, ours, strict=True) if rule],
        len(vendors),
        [each for each, rule in zip(vendors, theirs, strict=True) if not rule],
    )
