"""From URLs to destinations: names, and errors that name what is wrong but no secret."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from tests.destinations.samples import made
from track_middleware.destinations import registry
from track_middleware.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("amplitud://S3CRET", "did you mean 'amplitude'"),
        ("kafka://S3CRET", "there is no destination 'kafka'"),
        ("amplitude://S3CRET?regoin=eu", "did you mean 'region'"),
        ("amplitude://S3CRET?region=mars", "unknown region 'mars'; there are eu, us"),
        ("amplitude://", "has no key"),
        ("amplitude://S3CRET/path", "has a path behind the key"),
        ("heap://S3CRET?bots=perhaps", "bots='perhaps'; it is 1 or 0"),
        ("heap://S3CRET?events=", "empty list of events"),
        ("heap://S3CRET?purpose=", "empty purpose"),
        ("heap://S3CRET?purpose=markting", "did you mean 'marketing'"),
        ("heap://S3CRET?purpose=x", "there are analytics, marketing"),
        ("mixpanel://user:S3CRET@abc?token=S3CRET", "project's number"),
        ("mixpanel://user:S3CRET@123", "needs ?token="),
        ("mixpanel://user@123?token=S3CRET", "without its secret"),
        ("segment://S3CRET?endpoint=http://example.com", "over plain http"),
        ("webhook+https:///S3CRET", "has no host"),
        ("webhook+https://x/?secret=", "empty secret"),
    ],
)
def test_what_is_wrong_is_named_and_secrets_are_not(url: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        registry.routes([url])
    assert told in str(caught.value)
    assert "S3CRET" not in str(caught.value)


def test_a_destination_is_called_by_its_scheme_or_as_it_is_told() -> None:
    urls = ["amplitude://A", "webhook+https://x/", "heap://H?name=funnel"]
    assert [route.name for route in registry.routes(urls)] == ["amplitude", "webhook", "funnel"]


def test_the_plain_name_is_that_of_a_schemes_only_url() -> None:
    one = [route.name for route in registry.routes(["heap://A", "heap://B"])]
    other = [route.name for route in registry.routes(["heap://B", "heap://C", "heap://A"])]
    assert (other[2], other[0]) == (one[0], one[1])
    assert "heap" not in (*one, *other)
    assert registry.routes(["heap://A"])[0].name == "heap"


def test_the_same_url_twice_is_refused_without_its_key() -> None:
    with pytest.raises(SettingsError, match="same heap URL stands there twice") as caught:
        registry.routes(["heap://S3CRET", "webhook+https://x/", "heap://S3CRET"])
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "urls",
    [
        ["heap://A?name=x", "amplitude://B?name=x"],
        ["heap://A", "heap://A?events=Signup", "heap://A?bots=1"],
    ],
)
def test_two_of_one_name_are_refused(urls: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"\?name="):
        registry.routes(urls)


def test_other_packages_add_destinations(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("slack", "track_middleware.destinations.jsonl:make", registry.GROUP),
        EntryPoint("broken", "no_such_package:make", registry.GROUP),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    assert made("slack:///tmp/x").name == "jsonl"
    with pytest.raises(SettingsError, match="no_such_package"):
        made("broken://x")


def test_only_the_codecs_of_a_sites_destinations_are_imported() -> None:
    program = """
import sys
from track_middleware.destinations.registry import routes

routes(["segment://key"])
codecs = {"amplitude", "ga4", "heap", "mixpanel", "posthog", "segment", "snowplow"}
imported = {each for each in codecs if f"track_middleware.destinations.{each}" in sys.modules}
assert imported == {"segment"}, imported
"""
    subprocess.run([sys.executable, "-c", program], check=True)
