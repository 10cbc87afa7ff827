"""Typed calls in TypeScript: they compile, wrong uses do not; they send what they were given."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.plan.types.plans import SHOP, TYPEWRITER, nasty
from tests.programs import npm_packages
from track_middleware.plan import load
from track_middleware.plan.types.typescript import written

CLIENT = Path(__file__).resolve().parents[3] / "client"
TOOLS = CLIENT / "node_modules" / ".bin"

USES = """
import { linkFollowed, orderCompleted, seen, sendBy } from "./calls";
const sent: unknown[] = [];
linkFollowed({ count: 0 });
(globalThis as any).track = (name: string, properties: unknown) => sent.push([name, properties]);
linkFollowed({ count: 1, size: null, grade: 2 });
seen();
sendBy((name, properties) => sent.push(["other", name, properties]));
orderCompleted({ order_id: "7", revenue: 1, currency: "EUR", gift: null, paid: new Date(0),
  lines: [{ sku: "a" }, { sku: "b", "unit-price": 1 }] });
console.log(JSON.stringify(sent));
"""
WRONG = """import { linkFollowed, orderCompleted } from "./calls";
orderCompleted({ order_id: 7, revenue: 1, currency: "EUR" });
orderCompleted({ order_id: "7", revenue: 1, currency: "DM" });
orderCompleted({ order_id: "7", currency: "EUR" });
orderCompleted({ order_id: "7", revenue: 1, currency: "EUR", lines: [{ "unit-price": 1 }] });
linkFollowed();
linkFollowed({ count: 1, colour: "red" });
linkFollowed({ count: 1, grade: 3 });
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    npm_packages(CLIENT)
    made = tmp_path_factory.mktemp("typescript")
    (made / "calls.ts").write_text(written(SHOP, platform=None))
    (made / "nasty.ts").write_text(written(nasty(), platform=None), encoding="utf-8")
    (made / "uses.ts").write_text(USES)
    (made / "wrong.ts").write_text(WRONG)
    return made


def ran(folder: Path, name: str) -> Any:
    """What a program of the folder prints."""
    bundled = ["--bundle", "--platform=node", f"--outfile={name}.cjs", "--log-level=error"]
    subprocess.run([TOOLS / "esbuild", f"{name}.ts", *bundled], cwd=folder, check=True)
    told = subprocess.run(["node", f"{name}.cjs"], cwd=folder, capture_output=True, check=True)
    return json.loads(told.stdout)


def compiled(folder: Path, *files: str) -> tuple[list[tuple[str, str]], str]:
    """Where the compiler finds errors, as file and line, and all that it says."""
    strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"]
    told = subprocess.run(
        [TOOLS / "tsc", *strict, "--target", "es2022", "--module", "es2022",
         "--moduleResolution", "bundler", "--types", "", "--lib", "es2022,dom", *files],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.findall(r"^([\w.]+)\((\d+),", told.stdout, re.MULTILINE)
    return found, told.stdout + told.stderr


@pytest.mark.needs("npm")
def test_types_are_strict_and_wrong_calls_are_found(folder) -> None:
    found, told = compiled(folder, "calls.ts", "nasty.ts", "uses.ts", "wrong.ts")
    assert {file for file, _ in found} == {"wrong.ts"}, told
    assert sorted({int(line) for _, line in found}) == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.needs("npm", "node")
def test_calls_send_by_the_pages_function_or_by_another(folder) -> None:
    told = ran(folder, "uses")
    assert told == [
        ["Link Followed", {"count": 1, "size": None, "grade": 2}],
        ["Seen", {}],
        ["other", "Order Completed",
         {"order_id": "7", "revenue": 1, "currency": "EUR", "gift": None,
          "paid": "1970-01-01T00:00:00.000Z",
          "lines": [{"sku": "a"}, {"sku": "b", "unit-price": 1}]}],
    ]  # fmt: skip


@pytest.mark.needs("npm", "node")
def test_whatever_a_plan_holds_is_sent_and_nothing_of_it_is_run(folder) -> None:
    plan = nasty()
    use = """import * as calls from "./nasty";
    const sent: unknown[] = [];
    calls.sendBy((name) => sent.push(name));
    for (const call of Object.values(calls)) if (call !== calls.sendBy) (call as any)({});
    console.log(JSON.stringify(sent.sort()));"""
    (folder / "all.ts").write_text(use)
    told = ran(folder, "all")
    names = set(plan.events)
    assert set(told) == names


@pytest.mark.needs("npm", "shared-data")
def test_a_real_plan_of_terrible_names_compiles(folder) -> None:
    (folder / "real.ts").write_text(written(load(TYPEWRITER), platform=None), encoding="utf-8")
    assert compiled(folder, "real.ts") == ([], "")


def test_the_pages_function_may_have_another_name() -> None:
    assert '["note"]' in written(SHOP, name="note")
