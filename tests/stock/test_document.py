"""What docs/mobile.md says of paths and settings is what the code knows."""

from __future__ import annotations

import json
import re

from tests.programs import ROOT
from tests.stock.host import HERE
from track_middleware.settings import PLATFORMS
from track_middleware.tracking.segment import POSTS

TEXT = (ROOT / "docs/mobile.md").read_text()


def test_every_path_and_platform_is_documented() -> None:
    words = set(re.findall(r"\w+", TEXT))
    assert POSTS.keys() <= words
    assert set(PLATFORMS) <= words


def test_every_client_that_is_tried_is_documented() -> None:
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert [name for name in packages if name != "esbuild" and f"`{name}`" not in TEXT] == []
