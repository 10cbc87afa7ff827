"""Files: a line for each event."""

from __future__ import annotations

import json

import pytest

from tests.destinations.samples import event, made, sent
from track_middleware.errors import SettingsError


def test_each_event_is_one_line() -> None:
    (call,) = sent(made("jsonl:///var/log/my events.jsonl"), event(1), event(2))
    assert call.url == "file:///var/log/my%20events.jsonl"
    assert [json.loads(line)["messageId"] for line in call.body.splitlines()] == list(call.ids)


@pytest.mark.parametrize("url", ["jsonl://relative/file", "jsonl:///", "jsonl:///folder/"])
def test_a_path_that_names_no_absolute_file_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"jsonl:///var/log"):
        made(url)


@pytest.mark.parametrize("when", ["week", "100", "0MB", "1TB"])
def test_a_rotation_that_cannot_be_meant_is_refused(when: str) -> None:
    with pytest.raises(SettingsError, match="neither day nor a size"):
        made(f"jsonl:///var/log/events.jsonl?rotate={when}")
