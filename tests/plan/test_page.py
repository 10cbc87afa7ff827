"""docs/plan.md: its plan is one, and says what the page says that it does."""

from __future__ import annotations

import re
from pathlib import Path

from track_middleware.plan import Plan, document, load

PAGE = (Path(__file__).parent.parent.parent / "docs" / "plan.md").read_text()


def block(language: str, beginning: str) -> str:
    """The block of the page that begins so."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(each for each in found if each.startswith(beginning))


def plan(tmp_path: Path) -> Plan:
    file = tmp_path / "tracking_plan.py"
    file.write_text(block("python", "# tracking_plan.py"))
    return load(file)


def test_the_pages_plan_is_read_and_its_document_says_the_same(tmp_path):
    shop = plan(tmp_path)
    assert shop.events["Order Completed"].server_only
    yaml = tmp_path / "plan.yaml"
    yaml.write_text(block("yaml", "name: shop"))
    assert load(yaml).events["Signed Up"] == shop.events["Signed Up"]


def test_the_pages_check_finds_what_it_says(tmp_path):
    found = plan(tmp_path).check({"type": "track", "event": "Signed Up", "properties": {}})
    assert f"# {found}" in block("python", "from track_middleware.plan import load")
    (wrong,) = plan(tmp_path).check({"event": "Signed Up", "properties": {"plan": "pro"}})
    assert str(wrong) in PAGE
    (unknown,) = plan(tmp_path).check({"type": "track", "event": "Order Complete"})
    assert f"{unknown}" in PAGE.replace("\n", " ")


def test_a_member_of_the_document_is_on_the_page():
    names = {*document._PLAN, *document._EVENT, *document._PROPERTY} - {"common"}
    assert {name for name in names if not re.search(rf"`?\b{name}\b`?", PAGE)} == set()
