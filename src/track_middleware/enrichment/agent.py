"""What a user agent is: browser, system, device; bot and AI-agent classes.

No I/O happens here but the reading of installed packages' own lists. Everything is decided once
per distinct string and kept in a bounded cache, so that the worker parses few of its events.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import bots

if TYPE_CHECKING:
    from ua_parser import Resolver, Result

#: A user agent is read up to this many characters; real ones stay far below.
LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user agent says. ``device`` is desktop, mobile, tablet, bot or other."""

    browser: str | None
    browser_version: str
    os: str | None
    os_version: str
    device: str
    model: str | None
    brand: str | None
    bot: bots.Bot | None

    def wire(self) -> dict[str, Any]:
        """Its form in an event's context, new dicts each time."""
        device = {"type": self.device}
        if self.model:
            device["model"] = self.model
        if self.brand:
            device["manufacturer"] = self.brand
        told: dict[str, Any] = {"device": device}
        if self.browser:
            told["browser"] = _named(self.browser, self.browser_version)
        if self.os:
            told["os"] = _named(self.os, self.os_version)
        if self.bot:
            told["bot"] = {"name": self.bot.name, "class": self.bot.class_}
        return told


def agent(text: str) -> Agent:
    """What a user agent says; never raises, whatever the string holds."""
    return _known(text[:LENGTH])


@lru_cache(maxsize=8192)
def _known(text: str) -> Agent:
    text = text.encode("utf-8", "replace").decode()
    result = _parsed(text)
    known = bool(result.user_agent or result.os)
    bot = bots.bot(text, spider=_spider(result), known=known)
    rules = _device_rules(result)
    return Agent(
        browser=result.user_agent.family if result.user_agent else None,
        browser_version=rules.browser.version_string,
        os=result.os.family if result.os else None,
        os_version=rules.os.version_string,
        device="bot" if bot else _type(rules),
        model=result.device.model if result.device and not bot else None,
        brand=result.device.brand if result.device and not bot else None,
        bot=bot,
    )


@cache
def _engine() -> Resolver:
    """ua-parser's rules on its fastest installed engine, without its cache (ours is above)."""
    import ua_parser

    return ua_parser.BestAvailableResolver(ua_parser.load_lazy_builtins())


def _parsed(text: str) -> Result:
    from ua_parser import Domain

    return _engine()(text, Domain.ALL).complete()


def _spider(result: Result) -> str | None:
    if result.device is None or result.device.family != "Spider":
        return None
    return result.user_agent.family if result.user_agent else "Spider"


def _device_rules(result: Result) -> Any:
    """user-agents' rules over what ua-parser found.

    Its own ``parse`` asks ua-parser's pure Python engine: 1.2 ms a string against 35 us.
    """
    browser, os, device = result.user_agent, result.os, result.device
    parsers = _user_agents()
    rules = parsers.UserAgent.__new__(parsers.UserAgent)
    rules.ua_string = result.string
    rules.browser = parsers.parse_browser(
        *((browser.family, browser.major, browser.minor, browser.patch) if browser else ("Other",))
    )
    rules.os = parsers.parse_operating_system(
        *((os.family, os.major, os.minor, os.patch) if os else ("Other",))
    )
    rules.device = parsers.parse_device(
        *((device.family, device.brand, device.model) if device else ("Other", None, None))
    )
    return rules


@cache
def _user_agents() -> Any:
    """The rules of user-agents, without the engine that it would ask.

    That one compiles 1,300 patterns when it is imported: 0.2 s of CPU, several times that deep in
    other imports, for nothing. Whoever else wants it still gets it.
    """
    if _ENGINE not in sys.modules:
        sys.modules[_ENGINE] = _Later(_ENGINE)
    from user_agents import parsers

    if isinstance(sys.modules.get(_ENGINE), _Later):
        del sys.modules[_ENGINE]
    return parsers


_ENGINE = "ua_parser.user_agent_parser"


class _Later(ModuleType):
    """Stands for a module until something of it is asked for; then it is imported."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


#: Television sets and consoles run Android or Linux, and are neither tablets nor desktops.
_SETS = ("TV", "Television", "BRAVIA", "AFT", "CrKey", "Roku", "PlayStation", "Xbox", "Nintendo")


def _type(rules: Any) -> str:
    if any(word in rules.ua_string for word in _SETS):
        return "other"
    if rules.is_tablet:
        return "tablet"
    if rules.is_mobile:
        return "mobile"
    return "desktop" if rules.is_pc else "other"


def _named(name: str, version: str) -> dict[str, str]:
    return {"name": name, "version": version} if version else {"name": name}
