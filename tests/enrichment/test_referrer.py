"""Where a visit came from: the referrer's meaning, by host, path and query."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track_middleware.enrichment import hosts
from track_middleware.enrichment.referrer import click, host, referrer


def _wire(url: str, page_host: str = "shop.example") -> dict[str, str] | None:
    found = referrer(url, page_host)
    return found.wire() if found else None


@pytest.mark.parametrize(
    ("url", "kind", "source"),
    [
        ("https://www.google.com/", "search", "Google"),
        ("https://www.google.co.nz/", "search", "Google"),
        ("https://duckduckgo.com/", "search", "DuckDuckGo"),
        ("https://de.search.yahoo.com/search", "search", "Yahoo!"),
        ("android-app://com.google.android.googlequicksearchbox/", "search", "Google"),
        ("https://www.facebook.com/", "social", "Facebook"),
        ("http://m.facebook.com/l.php", "social", "Facebook"),
        ("https://old.reddit.com/r/python", "social", "reddit"),
        ("android-app://com.reddit.frontpage", "social", "reddit"),
        ("https://t.co/abc", "social", "Twitter"),
        ("https://x.com/somebody/status/1", "social", "Twitter"),
        ("https://x.com/i/grok", "ai", "Grok"),
        ("https://chatgpt.com/", "ai", "ChatGPT"),
        ("https://claude.ai/chat/1", "ai", "Claude"),
        ("https://www.perplexity.ai/search", "ai", "Perplexity"),
        ("https://www.youtube.com/watch?v=1", "video", "YouTube"),
        ("https://www.amazon.co.uk/", "shopping", "Amazon"),
        ("https://mail.google.com/mail/u/0/", "email", "Gmail"),
        ("https://blog.example.org/post", "other", "blog.example.org"),
        ("https://docs.google.com/viewer", "other", "docs.google.com"),
    ],
)
def test_a_referrer_is_known_by_its_host(url: str, kind: str, source: str) -> None:
    found = _wire(url)
    assert found is not None
    assert (found["kind"], found["source"]) == (kind, source)


@pytest.mark.parametrize(
    ("url", "term"),
    [
        ("http://www.google.com/search?q=red+shoes&hl=en", "red shoes"),
        ("https://yandex.ru/yandsearch?text=%D0%BA%D0%BE%D1%82", "кот"),
        ("http://www.baidu.com/s?wd=python", "python"),
        ("http://www.bing.com/search?form=X&q=%ff", "\ufffd"),
    ],
)
def test_the_search_term_is_read_where_the_engine_sends_it(url: str, term: str) -> None:
    found = _wire(url)
    assert found is not None
    assert found["term"] == term


def test_a_term_is_not_read_from_another_parameter_or_a_social_network() -> None:
    for url in ("http://www.google.com/?oq=secret", "https://www.facebook.com/?q=secret"):
        found = _wire(url)
        assert found is not None
        assert "term" not in found


@pytest.mark.parametrize(
    "url", ["https://shop.example/cart", "http://www.shop.example", "https://SHOP.example:8443/"]
)
def test_the_page_s_own_host_is_internal(url: str) -> None:
    found = _wire(url)
    assert found is not None
    assert found["kind"] == "internal"


def test_another_subdomain_is_not_internal() -> None:
    found = _wire("https://blog.shop.example/")
    assert found is not None
    assert found["kind"] == "other"


@pytest.mark.parametrize(
    "url",
    ["", "-", "https://", "about:blank", "ftp://a.example/", "javascript:alert(1)",
     "data:text/html,x", "http://localhost:8000/", "google.com"],
)  # fmt: skip
def test_what_is_no_referrer_means_nothing(url: str) -> None:
    assert referrer(url, "shop.example") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:pass@Www.Example.com:8080/a?b#c", "example.com"),
        ("https://example.com?x=@evil.example", "example.com"),
        ("https://example.com\\@evil.example/", "example.com"),
        ("http://[::1]:8000/", "[::1]"),
        ("https://example.com./", "example.com"),
        ("nothing", ""),
    ],
)
def test_a_host_is_what_stands_between_scheme_and_path(url: str, name: str) -> None:
    assert host(url) == name


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(codec=None), max_size=200),
    st.sampled_from(["", "http://", "https://www.google.com/?q=", "android-app://"]),
)
def test_no_referrer_makes_it_raise(text: str, start: str) -> None:
    referrer(start + text, "shop.example")
    hosts.of_name(text)


def test_every_row_of_the_table_can_be_used() -> None:
    rows = hosts._rows()
    assert {kind for kind, *_ in rows} == {"search", "social", "ai", "video", "shopping", "email"}
    every = [host for *_, names in rows for host in names.split(" ")]
    assert len(every) == len(set(every)) > 800
    assert all(name == name.lower().strip() and "." in name for name in every)


@pytest.mark.parametrize(
    ("name", "source", "paid"),
    [
        ("google", "Google", False),
        ("Facebook", "Facebook", False),
        ("fb", "Facebook", False),
        ("facebook_ads", "Facebook", True),
        ("bing-ads", "Bing", True),
        ("adwords", "Google", True),
        ("m.facebook.com", "Facebook", False),
        ("chatgpt.com", "ChatGPT", False),
    ],
)
def test_a_campaign_s_source_is_known_by_its_usual_names(
    name: str, source: str, paid: bool
) -> None:
    found = hosts.of_name(name)
    assert found is not None
    assert (found.name, found.paid) == (source, paid)


@pytest.mark.parametrize("name", ["", "ads", "downloads", "spring-mailing", "nobody.example"])
def test_an_unknown_source_is_nobody_s(name: str) -> None:
    assert hosts.of_name(name) is None


def test_the_first_click_id_of_the_order_decides() -> None:
    assert click({"fbclid": "b", "source": "x", "gclid": "a"}) == ("gclid", "Google Ads")
    assert click({"source": "x"}) is None
