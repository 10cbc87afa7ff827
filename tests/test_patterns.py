"""What looks like an e-mail address, a card or a token, and what only looks a little like it."""

from __future__ import annotations

import base64
import random
import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.errors import SettingsError
from track_middleware.patterns import Patterns
from track_middleware.reading import load
from track_middleware.settings import PATTERNS

ALL = Patterns(PATTERNS, ids=["epik"])
CHANCE = random.Random(7)

JSON_WEB_TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890"}', b"\x8f\xd1signature\xf3")
)


def chance(length: int, letters: str) -> str:
    return "".join(CHANCE.choices(letters, k=length))


HEX, ALNUM = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    "secret",
    [
        "ann@example.com",
        "Ann.O'Neil+shop@mail.example.co.uk",
        "ann%40example.com",
        "ann%2540example.com",
        "änne@bücher.example",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "3782 822463 10005",
        "30569309025904",
        "6200000000000005",
        JSON_WEB_TOKEN,
        "sk_" + "live_" + chance(24, ALNUM),
        "ghp" + "_" + chance(36, ALNUM),
        "AKIA" + chance(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        "xoxb" + "-123456789012-" + chance(24, ALNUM),
        "AIza" + chance(35, ALNUM),
        "Bearer " + chance(24, ALNUM),
        chance(64, HEX),
        base64.urlsafe_b64encode(CHANCE.randbytes(32)).decode(),
        base64.b64encode(CHANCE.randbytes(48)).decode(),
    ],
)
@pytest.mark.parametrize("around", ["{}", "it says: {}, and more", "/a?b={}&c=d"])
def test_a_secret_goes_and_what_stands_around_it_stays(secret: str, around: str) -> None:
    left = ALL.replaced(around.format(secret))
    assert left == around.format("redacted")
    assert ALL.suspects(around.format(secret).encode())


HARMLESS = [
    "",
    "Order Completed",
    "1001",
    "logo@2x.png",
    "react@18.2.0",
    "@ann on Mastodon",
    "50 % off",
    str(uuid.UUID(int=CHANCE.getrandbits(128))),
    uuid.UUID(int=CHANCE.getrandbits(128)).hex,
    f"{uuid.UUID(int=1)}/{uuid.UUID(int=CHANCE.getrandbits(128))}",
    chance(40, HEX),
    "1795435200123",
    "4006381333931",
    "4111111111111112",
    "0.4111111111111111",
    "12345678-1234-4123-8123-123456789012",
    "+49 228 1234567",
    "2026-11-23T12:00:00.000Z",
    "how-to-write-a-very-long-slug-for-an-article-in-2026-part-2",
    "AdvancedSettingsForUser2ProfilePage3Items",
    "com.example.shop/checkout/PaymentMethodActivity2",
    "gclid=EAIaIQobChMI8ZKxq9yN_wIVl5BoCR0abcdEAAYASAAEgKXYZ",
    "https://shop.example/?fbclid=IwAR2x9Qd3kL8mN4pR7sT1vW5yZ0aB6cD9eF3gH8iJ2kL5mN",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_survives(text: str) -> None:
    assert ALL.replaced(text) == text
    assert not ALL.found(text)


@pytest.mark.parametrize("name", ["gclid", "order_id", "orderId", "ID", "epik"])
def test_under_the_name_of_an_id_a_long_number_or_run_is_an_id(name: str) -> None:
    for value in ("4111111111111111", 4111111111111111, chance(60, ALNUM)):
        assert ALL.within({name: value}) == {name: value}
    assert ALL.within({name: "ann@example.com"}) == {name: "redacted"}


def test_a_value_is_looked_at_in_all_its_depth() -> None:
    found: Any = {"a": [{"ann@example.com": 1}, "to ann@example.com"], "b": 4111111111111111}
    assert ALL.within(found) == {"a": [{"redacted": 1}, "to redacted"], "b": "redacted"}
    plain = {"a": [1, None, True, 2.5], "b": {"c": "Blue shoe"}}
    assert ALL.within(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        '{"order_id":"1001","revenue":39.5}',
        str(uuid.UUID(hex="6f1c4f0e3a5e4e0b9a672f9f0b7a4d11")),
        "4006381333931",
        '"a b"',
    ],
)
def test_the_quick_look_passes_by_what_is_usual(text: str) -> None:
    assert not ALL.suspects(text.encode())


@given(st.text(alphabet="a@.%40-1 /=ey4Jé", max_size=60))
def test_the_quick_look_misses_nothing_but_runs_that_hardly_are_one(text: str) -> None:
    if ALL.replaced(text) != text:
        assert ALL.suspects(text.encode())


def test_most_of_chances_secrets_are_found() -> None:
    drawn = [base64.urlsafe_b64encode(CHANCE.randbytes(32)).decode() for _ in range(1000)]
    found = [each for each in drawn if ALL.suspects(each.encode()) and ALL.found(each)]
    assert len(found) > 930


def test_each_pattern_is_switched_by_its_name() -> None:
    text = f"ann@example.com 4111111111111111 {JSON_WEB_TOKEN}"
    assert Patterns([]).replaced(text) == text
    assert not Patterns([])
    assert Patterns(["email"]).replaced(text).startswith("redacted 4111")
    assert Patterns(["card"]).replaced(text).startswith("ann@example.com redacted eyJ")
    assert Patterns(["token"]).replaced(text) == "ann@example.com 4111111111111111 redacted"


def test_a_pattern_of_ones_own_is_one_more() -> None:
    own = Patterns(["email", r"KD-\d{6}"])
    assert own.replaced("customer KD-123456 wrote") == "customer redacted wrote"
    assert own.suspects(b'{"a":"KD-123456"}')


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("e-mail (", "is no pattern"), (r"\d*", "matches where nothing is"), ("iban", "is a word")],
)
def test_what_is_no_pattern_is_an_error_at_the_start(pattern: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({"redact_patterns": ["email", pattern]}, {})


@pytest.mark.parametrize("unit", ["a", "4 ", "a@", "%40", "a.", "eyJ", "A1", "-", "@a."])
def test_no_text_takes_long(unit: str) -> None:
    """The longest that comes is 32 KiB; were a pattern quadratic, it would take half a minute."""
    text = unit * (32_768 // len(unit))
    before = time.process_time()
    ALL.replaced(text)
    ALL.within({"a": text})
    assert time.process_time() - before < 3
