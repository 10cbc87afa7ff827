"""Programs that read pages: our table of AI agents, a public list of crawlers, words of our own.

A bot's class is ``live`` (fetched because a person asked now), ``search`` (indexed for an answer
engine) or ``crawl`` (training and general crawling) for AI agents, ``automation`` for driven
browsers, ``doctor`` for our own doctor's visits, else a tag of that list (``search-engine``,
``seo``, ``monitoring``, …) or ``other``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..event import DOCTOR, DOCTOR_AGENT
from .crawlers import crawler


@dataclass(frozen=True, slots=True)
class Bot:
    """A program, by name and class."""

    name: str
    class_: str


def bot(text: str, *, spider: str | None, known: bool) -> Bot | None:
    """Which program a user agent names; None for a person's browser.

    ``spider`` is the name that ua-parser has for it when its device is a spider; ``known`` says
    whether ua-parser made out a browser or a system.
    """
    if DOCTOR_AGENT in text:
        return Bot(DOCTOR_AGENT, DOCTOR)
    found = _ai_agent(text) or _crawler(text) or _named(spider) or _by_word(text)
    if found is not None or known or _BROWSERS.search(text):
        return found
    return Bot(_own_name(text), "other")


#: Token in the user agent, any case -> class. Sources: developers.openai.com/api/docs/bots,
#: support.claude.com/en/articles/8896518, the vendors' pages; smart-local/ai-crawler-user-agents.
AI_AGENTS = {
    "ChatGPT-User": "live", "OAI-SearchBot": "search", "GPTBot": "crawl", "OAI-AdsBot": "advertising",
    "Claude-User": "live", "Claude-SearchBot": "search", "ClaudeBot": "crawl", "Claude-Web": "crawl",
    "anthropic-ai": "crawl", "Perplexity-User": "live", "PerplexityUser": "live",
    "PerplexityBot": "search", "MistralAI-User": "live", "meta-externalfetcher": "live",
    "meta-externalagent": "crawl", "DuckAssistBot": "live", "Amzn-User": "live",
    "Amzn-SearchBot": "search", "AzureAI-SearchBot": "search", "Google-NotebookLM": "live",
    "kagi-fetcher": "live", "Amazonbot": "crawl", "Bytespider": "crawl", "CCBot": "crawl",
    "cohere-ai": "crawl", "YouBot": "crawl", "Diffbot": "crawl", "Timpibot": "crawl",
}  # fmt: skip

_ai_tokens = tuple((token.lower(), Bot(token, class_)) for token, class_ in AI_AGENTS.items())


def _ai_agent(text: str) -> Bot | None:
    lowered = text.lower()
    return next((bot for token, bot in _ai_tokens if token in lowered), None)


def _crawler(text: str) -> Bot | None:
    found = crawler(text)
    return Bot(_tidy(found[0]), found[1]) if found else None


def _named(spider: str | None) -> Bot | None:
    return Bot(_tidy(spider), "other") if spider else None


#: What programs call themselves, and the address that only they give for questions. Phones of
#: the brand Cubot are people's.
_WORDS = re.compile(
    r"(?<!cu)bot\b|\bbot|crawl|spider|scrap(?:er|y)|slurp|fetch(?:er|ing)?\b|harvest|archiv|"
    r"monitor|validat|(?:link|site|web|url)[ -]?check|preview|scanner|indexer|feed|\brss|"
    r"headless|phantomjs|selenium|webdriver|puppeteer|curl|wget|python|perl\b|ruby\b|"
    r"java/|okhttp|http-?client|\+?https?://|[\w.-]+@[\w-]+\.[a-z]{2}",
    re.IGNORECASE,
)

#: What browsers say of themselves, also old and small ones that no list knows.
_BROWSERS = re.compile(r"Mozilla/|Opera|Browser|MIDP|Mobile|^E?Links|^Lynx|^w3m", re.IGNORECASE)

_AUTOMATION = re.compile(r"headless|phantomjs|selenium|webdriver|puppeteer", re.IGNORECASE)


def _by_word(text: str) -> Bot | None:
    if _WORDS.search(text) is None:
        return None
    return Bot(_own_name(text), "automation" if _AUTOMATION.search(text) else "other")


def _own_name(text: str) -> str:
    """The product that a program names: in ``Mozilla/5.0 (compatible; …)`` the one it is
    compatible as, else the first."""
    inner = text.partition("compatible;")[2] or text
    return _tidy(re.split(r"[/;()]", inner.strip(), maxsplit=1)[0])


def _tidy(name: str) -> str:
    return name.strip(" /;:,()\r\n\t")[:60] or "bot"
