"""The script that is shipped is what its source makes, and small."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from tests.client.site import EXTRAS, SCRIPT
from tests.programs import npm_packages

CLIENT = Path(__file__).parents[2] / "client"


def test_first_file_asks_for_the_second_by_its_hash_and_for_nothing_else() -> None:
    text = SCRIPT.read_text()
    assert text.startswith("//# allFunctionsCalledOnLoad\n(()=>{")
    digest = hashlib.sha256(EXTRAS.read_bytes()).hexdigest()
    assert re.findall(r'import\W[^"]*"([^"]*)"', text) == [f"m2.{digest[:8]}.js"]
    assert "import" not in EXTRAS.read_text()


@pytest.mark.needs("brotli")
def test_first_file_has_at_most_3000_bytes_in_brotli() -> None:
    packed = subprocess.run(["brotli", "-c", SCRIPT], capture_output=True, check=True).stdout
    assert len(packed) <= 3000


@pytest.mark.needs("npm")
def test_shipped_script_is_what_its_source_makes() -> None:
    """Types, bytes and size; the tools are installed where they are not."""
    npm_packages(CLIENT)
    ran = subprocess.run(["npm", "run", "check"], cwd=CLIENT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
