"""Where the engines and their lists come from: ``python -m tests.blockers.sources`` gets them.

They lie in ``.blockers`` at the top of the repository, which is not committed: uBlock Origin's
lists as Debian packs them (unpacked, not installed), its engine and AdGuard's rules from npm.
Brave's engine is a Python package, one of the tests' dependencies.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".blockers"
HERE = Path(__file__).resolve().parent

UBLOCK_PACKAGE = "webext-ublock-origin-firefox"
#: Its own dependencies are for making the rules; we take the rules alone.
ADGUARD_PACKAGE = "@adguard/dnr-rulesets@3.3.20260320140136"

#: Filters by AdGuard's numbers: its base, tracking, social, languages' and annoyances' ones and the
#: community's for languages. Not the lists of malicious hosts (208, 255 to 259), which are of names
#: of others' hosts; Chromium lets one extension enable 50 sets and some 330,000 rules.
ADGUARD_FILTERS = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 17, 18, 19, 20, 21, 22, 23, 103, 105, 108, 109, 110,
    111, 112, 120, 202, 203, 214, 216, 217, 218, 224, 227, 233, 235, 238, 243, 249, 252, 253, 254,
)  # fmt: skip

UBO = FOLDER / "node_modules" / "@gorhill" / "ubo-core"
ADGUARD = FOLDER / "adguard"


def there() -> bool:
    """Whether every engine has what it needs."""
    return (
        bool(lists())
        and UBO.is_dir()
        and (ADGUARD / "manifest.json").is_file()
        and importlib.util.find_spec("adblock") is not None
    )


def lists() -> list[Path]:
    """uBlock Origin's network lists; the list of bad lists is none."""
    pattern = "usr/share/mozilla/extensions/*/uBlock0@raymondhill.net/assets"
    for root in (FOLDER / "debian", Path("/")):
        found = [path for assets in root.glob(pattern) for path in assets.rglob("*.txt")]
        if found:
            return sorted(path for path in found if path.name != "badlists.txt")
    return []


def get() -> None:
    """Gets what is missing; CalledProcessError when apt or npm could not."""
    FOLDER.mkdir(exist_ok=True)
    if not lists():
        with tempfile.TemporaryDirectory() as folder:
            _run("apt-get", "download", "-qq", UBLOCK_PACKAGE, cwd=Path(folder))
            (package,) = Path(folder).glob("*.deb")
            _run("dpkg-deb", "-x", str(package), str(FOLDER / "debian"), cwd=FOLDER)
    if not UBO.is_dir():
        shutil.copy(HERE / "package.json", FOLDER / "package.json")
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock",
             cwd=FOLDER)  # fmt: skip
    if not (ADGUARD / "manifest.json").is_file():
        with tempfile.TemporaryDirectory() as folder:
            _run("npm", "pack", "--silent", ADGUARD_PACKAGE, cwd=Path(folder))
            (package,) = Path(folder).glob("*.tgz")
            _extension(package)


def _extension(package: Path) -> None:
    """Writes an extension that does nothing but hold AdGuard's rules."""
    ADGUARD.mkdir(exist_ok=True)
    resources = []
    with tarfile.open(package) as archive:
        for number in ADGUARD_FILTERS:
            name = f"ruleset_{number}"
            member = archive.extractfile(f"package/dist/filters/declarative/{name}/{name}.json")
            assert member is not None
            (ADGUARD / f"{name}.json").write_text(json.dumps([_rule(r) for r in json.load(member)]))
            resources.append({"id": name, "enabled": True, "path": f"{name}.json"})
    (ADGUARD / "worker.js").write_text("// Somewhere to ask from.\n")
    manifest = {
        "manifest_version": 3,
        "name": "AdGuard's rules",
        "version": "1.0",
        "permissions": ["declarativeNetRequest", "declarativeNetRequestFeedback"],
        "host_permissions": ["<all_urls>"],
        "background": {"service_worker": "worker.js"},
        "declarative_net_request": {"rule_resources": resources},
    }
    (ADGUARD / "manifest.json").write_text(json.dumps(manifest))


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule without what AdGuard's own extension keeps beside it, which is most of the file."""
    return {key: value for key, value in rule.items() if key != "metadata"}


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    get()
    sys.exit(not there())
