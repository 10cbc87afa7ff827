"""Whose a view is: before and after a sign-out, and where a form fails."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.browser.walk import Person, Walk

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")

PASSWORD = "a long pass phrase"


def _fill_in(page: Page, name: str) -> None:
    """The sign-up form of any of the shops."""
    names = ("username", "password1", "password2") if _is_django(page) else ("name", "password")
    for field in names:
        page.fill(f"[name={field}]", PASSWORD if "password" in field else name)


def _is_django(page: Page) -> bool:
    return page.locator("[name=username]").count() > 0


def signs_up(person: Person) -> Page:
    page = person.opens("/sign-up")
    _fill_in(page, uuid4().hex[:12])
    with person.views("/"):
        page.click("main button")
    return page


def test_view_after_a_sign_out_is_another_visitors(walk: Walk, ada: Person) -> None:
    page = signs_up(ada)
    before = ada.visitor
    with ada.views("/"):
        page.click("text=Sign out")
    assert ada.visitor != before
    ada.opens("/x/plain", page)
    walk.is_counted(ada)
    assert Counter(visitor == before for visitor, _ in ada.made) == {True: 2, False: 2}


def test_form_that_is_shown_again_is_no_view_and_its_redirect_is_one(
    walk: Walk, ada: Person
) -> None:
    page = ada.opens("/sign-up")
    taken = uuid4().hex[:12]
    _fill_in(page, taken)
    with ada.views("/"):
        page.click("main button")
    ada.opens("/sign-up", page)
    _fill_in(page, taken)
    with ada.tells(1), page.expect_response(lambda answer: answer.request.method == "POST"):
        page.click("main button")
    assert page.url.rstrip("/") == ada.url("/sign-up")
    _fill_in(page, uuid4().hex[:12])
    with ada.views("/"):
        page.click("main button")
    with ada.views("/"):
        page.reload()
    walk.is_counted(ada)


def test_page_that_is_not_there_is_no_view_and_neither_is_the_way_back_to_it(
    walk: Walk, ada: Person
) -> None:
    page = ada.opens("/x/plain")
    with ada.tells(1):
        page.goto(ada.url("/x/nowhere"))
    ada.follows("plain", page)
    with ada.tells(1):
        page.evaluate("setTimeout(() => history.back())")
    walk.is_counted(ada)
    assert {each["status"] for each in walk.asked("/x/nowhere")} == {404}
