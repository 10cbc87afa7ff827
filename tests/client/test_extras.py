"""The second file: when it comes, under which policies, and what it records by itself."""

from __future__ import annotations

import pytest

from tests.client.conftest import Open, settled
from tests.client.site import PREFIX, Site, document

pytestmark = pytest.mark.needs("chromium")

SECOND = f"{PREFIX}/m2."
SECRET = "hunter2"


def fetched(site: Site) -> list[str]:
    """The second files that were asked for."""
    return [path for path, _ in site.visits if path.startswith(SECOND)]


@pytest.mark.parametrize(
    ("policy", "attributes"),
    [
        ("default-src 'none'; script-src 'self'; connect-src 'self'", ""),
        ("default-src 'none'; script-src 'nonce-r4nd0m'; connect-src 'self'", 'nonce="r4nd0m"'),
        (
            "default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src 'self'",
            'nonce="r4nd0m"',
        ),
        (
            "script-src 'self'; connect-src 'self'; "
            "require-trusted-types-for 'script'; trusted-types 'none'",
            "",
        ),
    ],
)
def test_strict_policy_is_kept_by_both_files(
    site: Site, open_page: Open, policy: str, attributes: str
) -> None:
    site.pages["/"] = document(attributes=attributes)
    site.headers["/"] = {"Content-Security-Policy": f"{policy}; report-uri /report"}
    page = open_page()
    settled(page)
    site.wait_for(1, "view")
    page.close()
    assert {call.path for call in site.calls} == {f"{PREFIX}/q"}


def test_second_file_does_not_come_before_it_is_permitted(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(None)
    site.answers.append((200, {"consent": {"analytics": "granted"}, "token": "granted"}))
    page = open_page()
    page.evaluate("new Promise(done => requestIdleCallback(() => requestIdleCallback(done)))")
    assert fetched(site) == []
    page.evaluate("track.consent({analytics: true})")
    settled(page)
    assert len(fetched(site)) == 1


FORM = f"""
<a id="out" href="https://elsewhere.example/path?secret={SECRET}#{SECRET}">Elsewhere</a>
<a id="file" href="/files/list.pdf?secret={SECRET}">The list</a>
<a id="mail" href="mailto:{SECRET}@example.org">{SECRET}@example.org</a>
<a id="own" href="/own?secret={SECRET}">Own page</a>
<a id="told" href="https://elsewhere.example/" data-track="Told">Told</a>
<form id="f" name="checkout" action="/buy?secret={SECRET}" method="post">
  <input name="id" value="{SECRET}"><input name="closest"><textarea>{SECRET}</textarea>
  <button id="b" name="go" value="{SECRET}"> Place
    the order </button>
  <label role="button" id="l">Label <input value="{SECRET}"></label>
  <input type="submit" id="s" name="send" value="{SECRET}">
</form>
<div contenteditable><button id="e">{SECRET}</button></div>
<script>
  addEventListener("click", event => event.target.closest("a") && event.preventDefault());
  addEventListener("submit", event => event.preventDefault());
</script>"""


def test_links_buttons_and_forms_are_recorded_without_what_was_typed(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(attributes="data-autocapture", body=FORM)
    page = open_page()
    settled(page)
    for each in ("#out", "#file", "#mail", "#own", "#told", "#b", "#s", "#e"):
        page.click(each)
    page.click("#l", position={"x": 2, "y": 5})
    page.evaluate("track('End')")
    site.wait(lambda: site.noticed("End"))
    links = [event["properties"] for event in site.noticed("Link Clicked")]
    assert links == [
        {"kind": "outbound", "url": "https://elsewhere.example/path", "text": "Elsewhere"},
        {"kind": "download", "url": site.url("/files/list.pdf"), "text": "The list"},
        {"kind": "mailto"},
    ]
    buttons = [event["properties"] for event in site.noticed("Button Clicked")]
    assert buttons[:4] == [
        {"id": "b", "name": "go", "text": "Place the order"}, {"id": "s", "name": "send"},
        {"id": "e"}, {"id": "l"},
    ]  # fmt: skip
    forms = [event["properties"] for event in site.noticed("Form Submitted")]
    assert forms == [
        {"id": "f", "name": "checkout", "method": "post", "url": site.url("/buy")}
    ] * 2  # fmt: skip
    assert len(site.noticed("Told")) == 1
    assert SECRET not in repr([call.content for call in site.calls])


def test_nothing_is_captured_or_reported_where_the_tag_does_not_say_so(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(body=FORM)
    page = open_page()
    settled(page)
    page.click("#out")
    page.click("#b")
    page.evaluate("setTimeout(() => { track('End'); throw Error('unseen') })")
    site.wait(lambda: site.noticed("End"))
    names = {event.get("name") for event in site.events}
    assert not names & {"Link Clicked", "Button Clicked", "Form Submitted", "Script Error"}


def test_uncaught_errors_are_told_each_once_and_ten_at_most(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(attributes="data-errors")
    page = open_page()
    settled(page)
    page.evaluate(
        """() => {
          const same = () => { throw Error("same") };
          setTimeout(same); setTimeout(same);
          Promise.reject(new TypeError("rejected"));
          Promise.reject({toString() { throw 0 }});
          for (let n = 0; n < 20; n++) setTimeout(() => { throw Error(`no. ${n}`) }, 100);
          setTimeout(() => track("End"), 200);
        }"""
    )
    site.wait(lambda: site.noticed("End"))
    errors = [event["properties"] for event in site.noticed("Script Error")]
    messages = [error["message"] for error in errors]
    assert len(errors) == 10
    assert messages.count("Uncaught Error: same") == 1
    assert "TypeError: rejected" in messages
    assert all(error["line"] > 0 for error in errors if error["message"] == "Uncaught Error: same")
