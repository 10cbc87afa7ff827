"""What is read of JavaScript and TypeScript."""

from __future__ import annotations

import pytest

from track_middleware.plan.code.call import Members, Unread
from track_middleware.plan.code.script import read


def names(text: str, **how: str) -> list[str | None]:
    return [call.name for call in read(text, **how).calls]


def given(text: str, **how: str) -> Members:
    (call,) = read(text, **how).calls
    return call.properties


@pytest.mark.parametrize(
    "text",
    [
        'track("Seen")',
        "track('S\\u0065en')",
        "track(`Seen`)",
        'window.track("Seen")',
        'window.track?.("Seen")',
        'globalThis.track("Seen")',
        'track.track("Seen")',
        'const track = window.track; track("Seen")',
        'const SEEN = "Seen"; track(SEEN)',
        'export const SEEN = "Seen"; track(SEEN)',
        'analytics.track("Seen")',
        'analytics?.track("Seen")',
        'window.analytics.track("Seen", {}, done)',
        'this.analytics.track("Seen")',
        'rudderanalytics.track("Seen")',
        'analytics.track({userId: "42", event: "Seen"})',
        'track("Se" + "en")',
    ],
)
def test_our_function_and_stock_sdks_are_known(text) -> None:
    assert names(text) == ["Seen"]


@pytest.mark.parametrize(
    "text",
    [
        '// track("Seen")',
        '/* track("Seen") */',
        "const text = 'track(\"Seen\")'",
        'const text = `track("Seen")`',
        'const pattern = /track\\("Seen"\\)/',
        'import {track} from "./own"; track("Seen")',
        'import track from "./own"; track("Seen")',
        'function track(name) {} track("Seen")',
        'const {track} = usePlayer(); track("Seen")',
        'const f = (track) => track("Seen")',
        'player.track("Seen")',
        "track",
    ],
)
def test_comments_texts_and_others_functions_are_left_alone(text) -> None:
    assert names(text) == []


def test_a_site_may_have_named_our_function_otherwise() -> None:
    assert names('note("Seen"); track("No")', name="note") == ["Seen"]


def test_the_windows_function_is_ours_beside_a_files_own() -> None:
    assert names('import {track} from "./own"; track("No"); window.track("Seen")') == ["Seen"]


@pytest.mark.parametrize("name", ["`Seen ${x}`", "name", "names[0]", "...all"])
def test_a_name_that_only_the_program_knows_cannot_be_read(name) -> None:
    assert names(f"track({name})") == [None]


def test_either_name_of_a_choice_counts() -> None:
    assert names('track(old ? "Seen" : "Found")') == ["Seen", "Found"]


def test_properties_are_read_as_far_as_they_are_written_out() -> None:
    text = (
        """track("A", {a: -1.5, "b-c": [1, null, true], c: {d: 'x'}, e: `${y}`, f, ["g"]: 0x10})"""
    )
    assert given(text) == Members(
        {"a": -1.5, "b-c": [1, None, True], "c": Members({"d": "x"}), "e": Unread("string"),
         "f": Unread(), "g": 16}
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["{a: 1, ...more}", "{a: 1, [key]: 2}", "{a: 1, get b() { return 1 }}"]
)
def test_what_is_added_while_it_runs_makes_them_incomplete(text) -> None:
    assert given(f'track("A", {text})') == Members({"a": 1}, complete=False)


@pytest.mark.parametrize("text", ["null", "undefined", "{}"])
def test_no_properties_are_none(text) -> None:
    assert given(f'track("A", {text})') == Members()


def test_a_servers_library_takes_one_message() -> None:
    text = """import { Analytics } from "@segment/analytics-node";
    analytics.track({ userId: "42", event: "Paid", properties: { amount: 12 } });"""
    (call,) = read(text).calls
    assert (call.name, call.properties, call.platform) == (
        "Paid",
        Members({"amount": 12}),
        "server",
    )


def test_a_browser_may_give_traits_alone() -> None:
    assert given('track.identify({plan: "pro"})') == Members({"plan": "pro"})
    assert given('track.identify("42", {plan: "pro"})') == Members({"plan": "pro"})


def test_typescript_is_read_without_its_types() -> None:
    text = 'declare const track: Track; track("Seen" as const, <P>({a: 1} satisfies P));'
    (call,) = read(
        'track("Seen" as Name, {a: 1 as number} satisfies P)', language="typescript"
    ).calls
    assert (call.name, call.properties) == ("Seen", Members({"a": 1}))
    assert names(text, language="typescript") == ["Seen"]


def test_marked_elements_of_jsx_are_calls() -> None:
    text = """const x = <div>
      <a data-track="Link Followed" data-track-order-id={id} data-track-place="top">x</a>
      <b data-track={name} {...rest} onClick={() => track("Seen")} />
    </div>"""
    link, unread, seen = read(text, language="tsx").calls
    assert (link.name, link.line) == ("Link Followed", 2)
    assert link.properties == Members({"order_id": Unread("string"), "place": "top"})
    assert unread.name is None
    assert not unread.properties.complete
    assert seen.name == "Seen"


def test_what_is_wrong_in_a_file_hides_only_itself() -> None:
    source = read('track("A");\nlet = = ;\ntrack("B");')
    assert [call.name for call in source.calls] == ["A", "B"]
    assert [line for line, _ in source.trouble] == [2]


def test_a_script_of_any_depth_is_read() -> None:
    assert names('track("A");' + "a(" * 20_000) == ["A"]
    deep = given('track("A", {a: ' + "[" * 5_000 + "]" * 5_000 + "})").known["a"]
    for _ in range(19):
        (deep,) = deep
    assert deep == [Unread()]


def test_a_choice_of_any_depth_is_read() -> None:
    found = names("track(" + 'a ? "A" : ' * 5_000 + '"B")')
    assert found == ["A"] * 20 + [None]


def test_a_call_stands_at_its_line_and_column() -> None:
    (call,) = read('\nx = "ü"; track("A")').calls
    assert (call.line, call.column) == (2, 10)
