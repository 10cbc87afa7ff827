"""The nineteen channel rules: one visit for each, and the order between them."""

from __future__ import annotations

import pytest

from track_middleware.enrichment.channel import RULES, channel
from track_middleware.enrichment.referrer import referrer, source

NEWS = "https://news.example/"


@pytest.mark.parametrize(
    ("name", "campaign", "referrer_url"),
    [
        ("Cross-network", {"name": "Q4-Cross-Network", "source": "google", "medium": "cpc"}, ""),
        ("Paid Shopping", {"source": "ebay", "medium": "cpc"}, ""),
        ("Paid Shopping", {"source": "google", "medium": "ppc", "name": "spring shopping"}, ""),
        ("Paid Search", {"source": "google", "medium": "cpc"}, ""),
        ("Paid Search", {"source": "bing_ads"}, ""),
        ("Paid Search", {"gclid": "x"}, "https://www.google.com/"),
        ("Paid Search", {"msclkid": "x"}, "https://www.bing.com/"),
        ("Paid Search", {"gclid": "x"}, ""),
        ("Paid Social", {"source": "fb", "medium": "paid-social"}, ""),
        ("Paid Social", {"source": "facebook", "medium": "cpm"}, ""),
        ("Paid Video", {"source": "youtube", "medium": "cpv-cpm"}, ""),
        ("Display", {"source": "paper", "medium": "banner"}, ""),
        ("Paid Other", {"source": "paper", "medium": "paid"}, ""),
        ("Organic Shopping", {}, "https://www.etsy.com/"),
        ("Organic Social", {}, "https://www.facebook.com/"),
        ("Organic Social", {"source": "forum", "medium": "Social-Media"}, ""),
        ("Organic Social", {"fbclid": "x"}, ""),
        ("Organic Video", {}, "https://www.youtube.com/"),
        ("Organic Video", {"source": "paper", "medium": "video-clip"}, ""),
        ("AI Assistants", {}, "https://chatgpt.com/"),
        ("AI Assistants", {"source": "chatgpt.com"}, ""),
        ("Organic Search", {}, "https://www.google.de/"),
        ("Email", {"source": "newsletter", "medium": "x"}, ""),
        ("Email", {"source": "spring", "medium": "E-Mail"}, ""),
        ("Affiliates", {"source": "partner", "medium": "affiliate"}, ""),
        ("Audio", {"source": "podcast", "medium": "audio"}, ""),
        ("SMS", {"source": "sms"}, ""),
        ("Mobile Push Notifications", {"source": "app", "medium": "web-push"}, ""),
        ("Mobile Push Notifications", {"source": "firebase"}, ""),
        ("Referral", {}, NEWS),
        ("Referral", {"medium": "link"}, ""),
        ("Direct", {}, ""),
    ],
)
def test_each_channel_has_its_visit(name: str, campaign: dict[str, str], referrer_url: str) -> None:
    came = referrer(referrer_url, "shop.example")
    assert channel(campaign, source(campaign, came)) == name


def test_the_first_rule_that_holds_wins_over_the_later_ones() -> None:
    campaign = {"name": "shop cross-network", "source": "google", "medium": "cpm"}
    assert channel(campaign, source(campaign, None)) == "Cross-network"
    del campaign["name"]
    assert channel(campaign, source(campaign, None)) == "Paid Search"
    campaign["source"] = "paper"
    assert channel(campaign, source(campaign, None)) == "Display"


def test_a_workshop_is_a_shop_no_more_than_a_bishop() -> None:
    assert channel({"name": "workshop"}, None) == "Direct"
    assert channel({"name": "eshop"}, None) == "Organic Shopping"


def test_what_the_campaign_names_goes_before_the_referrer() -> None:
    came = referrer("https://www.google.com/", "shop.example")
    campaign = {"source": "facebook", "medium": "social"}
    assert channel(campaign, source(campaign, came)) == "Organic Social"


def test_a_click_on_a_social_network_is_not_a_paid_one_by_itself() -> None:
    came = referrer("https://www.facebook.com/", "shop.example")
    assert channel({"fbclid": "x"}, source({"fbclid": "x"}, came)) == "Organic Social"


def test_there_are_nineteen_rules_and_the_last_always_holds() -> None:
    assert len(RULES) == 19
    assert RULES[-1][0] == "Direct"
