"""The script that is shipped is what its source makes, and small."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.client.site import SCRIPT
from tests.programs import npm_packages

CLIENT = Path(__file__).parents[2] / "client"


def test_shipped_script_is_one_plain_file() -> None:
    text = SCRIPT.read_text()
    assert text.startswith('"use strict";(()=>{')
    assert "import" not in text
    assert len(text) < 8000


@pytest.mark.needs("npm")
def test_shipped_script_is_what_its_source_makes() -> None:
    """Types, bytes and size; the tools are installed where they are not."""
    npm_packages(CLIENT)
    ran = subprocess.run(["npm", "run", "check"], cwd=CLIENT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
