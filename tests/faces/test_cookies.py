"""What becomes of our cookies in each face: a domain's beside a host's, another banner's choice."""

from __future__ import annotations

from collections.abc import Callable

from tests.faces.apps import NAVIGATION, Answer, Site
from track_middleware.event import Entry


def test_hosts_of_one_domain_share_a_visitor(make: Callable[..., Site], kept: list[Entry]) -> None:
    site = make(cookie_domain="auto")
    made = lines(site.ask("/", headers={**NAVIGATION, "Host": "www.shop.co.uk:8000"}))
    assert {line.partition("=")[0] for line in made} == {"_tm_v", "_tm_s"}
    assert all("; Domain=shop.co.uk;" in line for line in made)
    headers = {**NAVIGATION, "Host": "pay.shop.co.uk", "Cookie": cookie_header(made)}
    assert lines(site.ask("/", headers=headers)) == []
    first, second = [entry.event for entry in kept if entry.kind == "view"]
    assert first is not None
    assert second is not None
    assert first.anonymous_id == second.anonymous_id


def test_a_host_without_a_domain_keeps_its_cookies_to_itself(make: Callable[..., Site]) -> None:
    site = make(cookie_domain="auto")
    for host in ("127.0.0.1:8000", "localhost", "you", "github.io", "shop.de."):
        made = lines(site.ask("/", headers={**NAVIGATION, "Host": host}))
        assert made
        assert not [line for line in made if "Domain" in line], host
        site.forget()


def test_a_refusal_deletes_the_hosts_cookies_and_the_domains(make: Callable[..., Site]) -> None:
    site = make(cookie_domain="shop.example", respect_gpc="all")
    headers = {**NAVIGATION, "Cookie": "_tm_v=a.b; _tm_s=a.b", "Sec-GPC": "1"}
    ended = [line for line in lines(site.ask("/", headers=headers)) if "Max-Age=0" in line]
    for name in ("_tm_v=;", "_tm_s=;"):
        of = [line for line in ended if line.startswith(name)]
        assert sorted("Domain=shop.example" in line for line in of) == [False, True]


def test_two_cookies_of_one_name_become_one(make: Callable[..., Site], kept: list[Entry]) -> None:
    site = make(cookie_domain="")
    first = cookie_header(lines(site.ask("/")))
    site.forget()
    second = cookie_header(lines(site.ask("/")))
    site = make(cookie_domain="shop.example")
    answer = site.ask("/", headers={**NAVIGATION, "Cookie": f"{second}; {first}"})
    whose = [entry.event.anonymous_id for entry in kept if entry.kind == "view" and entry.event]
    assert len(whose) == 3
    assert whose[2] in whose[:2]
    of = [line for line in lines(answer) if line.startswith("_tm_v=")]
    assert sorted("Max-Age=0" in line for line in of) == [False, True]


def test_a_former_tools_visitor_comes_along(make: Callable[..., Site], kept: list[Entry]) -> None:
    former = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    site = make(migrate_cookies=["segment"])
    site.ask("/", headers={**NAVIGATION, "Cookie": f"ajs_anonymous_id={former}"})
    (view,) = [entry.event for entry in kept if entry.kind == "view"]
    assert view is not None
    assert view.anonymous_id == former


def test_another_banners_refusal_is_ours(make: Callable[..., Site], kept: list[Entry]) -> None:
    site = make(banners=["cookiebot"])
    site.ask("/")
    first = [entry.kind for entry in kept]
    headers = {**NAVIGATION, "Cookie": "CookieConsent=0; _tm_v=a.b; _tm_s=a.b"}
    answer = site.ask("/", headers=headers)
    assert first == ["view"]
    assert [entry.kind for entry in kept] == ["view", "choice"]
    names = {line.partition("=")[0] for line in lines(answer)}
    assert names == {"_tm_v", "_tm_s", "_tm_c"}


def lines(answer: Answer) -> list[str]:
    """The values of its Set-Cookie headers; Django's WSGI handler puts a space before each."""
    return [line.strip() for line in answer.cookies]


def cookie_header(given: list[str]) -> str:
    """What a browser sends back of what was set."""
    return "; ".join(line.partition(";")[0] for line in given)
