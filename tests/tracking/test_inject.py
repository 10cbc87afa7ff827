"""The tag in HTML documents, whole and streamed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.tracking import inject
from track_middleware.tracking.inject import PLACEHOLDER, Injector, tagged
from track_middleware.tracking.snippet import nonce

TAG = "<TAG>"


def whole(document: str, content_type: str = "text/html", *, encoding: str = "utf-8") -> str:
    return Injector(TAG, content_type).whole(document.encode(encoding)).decode(encoding)


def streamed(document: bytes, size: int, content_type: str = "text/html") -> bytes:
    injector = Injector(TAG, content_type)
    pieces = [document[at : at + size] for at in range(0, len(document), size)]
    return b"".join([*map(injector.feed, pieces), injector.end()])


PLACES = [
    ("<head></head><body></body>", "<head><TAG></head><body></body>"),
    ("<HEAD></HEAD ><BODY></BODY>", "<HEAD><TAG></HEAD ><BODY></BODY>"),
    ("<body>x</body>", "<body>x<TAG></body>"),
    ("<p>no place</p>", "<p>no place</p>"),
    ("", ""),
    (f"<head></head><body>{PLACEHOLDER}x</body>", "<head></head><body><TAG>x</body>"),
    ("<head><script>'</head>'</script></head>", "<head><script>'</head>'</script><TAG></head>"),
    ("<head><!-- </head> --></head>", "<head><!-- </head> --><TAG></head>"),
    ("<head><title></head></title></head>", "<head><title></head></title><TAG></head>"),
    ("<head><style>a{}</style ></head>", "<head><style>a{}</style ><TAG></head>"),
    ("<head><scripty></head>", "<head><scripty><TAG></head>"),
    ("<header></header></head>", "<header></header><TAG></head>"),
    ("<head><script>never closed </head>", "<head><script>never closed </head>"),
]


@pytest.mark.parametrize(("document", "expected"), PLACES)
def test_the_tag_goes_where_the_head_really_ends(document: str, expected: str) -> None:
    assert whole(document) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize(
    ("document", "expected"),
    [each for each in PLACES if not each[0].startswith("<head></head><body><!")],
)
def test_a_stream_cut_anywhere_gets_the_same_tag(document: str, expected: str, size: int) -> None:
    assert streamed(document.encode(), size).decode() == expected


@pytest.mark.parametrize("size", [1, 4, 9, 1000])
def test_a_streamed_placeholder_in_the_head_is_the_place(size: int) -> None:
    document = f"<head>{PLACEHOLDER}<meta></head>".encode()
    assert streamed(document, size) == b"<head><TAG><meta></head>"


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/html; charset=utf-16", "utf-16"),
        ("text/html; charset=UTF-16LE", "utf-16-le"),
        ('text/html; charset="utf-16be"', "utf-16-be"),
        ("text/html", "utf-16"),
        ("text/html; charset=shift_jis", "shift_jis"),
        ("text/html; charset=iso-8859-1", "iso-8859-1"),
    ],
)
def test_every_charset_gets_the_tag_in_its_own_bytes(content_type: str, encoding: str) -> None:
    document = "<html><head><script>'</head>'</script></HEAD><body></body>"
    expected = "<html><head><script>'</head>'</script><TAG></HEAD><body></body>"
    assert whole(document, content_type, encoding=encoding) == expected
    assert streamed(document.encode(encoding), 3, content_type).decode(encoding) == expected


def test_a_document_without_a_place_is_the_very_same_object() -> None:
    body = b"<p>x</p>"
    assert Injector(TAG, "text/html").whole(body) is body


def test_where_injection_is_off_only_the_placeholder_is_replaced() -> None:
    off = Injector(TAG, "text/html", everywhere=False)
    assert off.whole(b"<head></head>") == b"<head></head>"
    marked = f"<head></head>{PLACEHOLDER}".encode()
    assert Injector(TAG, "text/html", everywhere=False).whole(marked) == b"<head></head><TAG>"
    stream = Injector(TAG, "text/html", everywhere=False)
    assert stream.feed(marked) + stream.end() == b"<head></head><TAG>"


PARTS = [
    "<head>",
    "</head>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "x",
    "<",
    "</",
    "</he",
    PLACEHOLDER[:9],
]


@given(st.lists(st.sampled_from(PARTS)), st.integers(1, 9))
def test_a_stream_loses_no_byte_and_agrees_with_the_whole(parts: list[str], size: int) -> None:
    document = "".join(parts).encode()
    assert streamed(document, size) == Injector(TAG, "text/html").whole(document)


@given(st.lists(st.lists(st.sampled_from([*PARTS, "</body>", "</head >"])), min_size=2))
def test_documents_that_lie_at_one_place_get_the_tag_each_at_its_own(
    pages: list[list[str]],
) -> None:
    for parts in pages:
        document = "".join(parts).encode()
        done = tagged(document, TAG, "text/html", everywhere=True, where="/page")
        assert done == streamed(document, len(document) + 1)


def test_what_has_lain_at_a_place_says_nothing_of_another_type_setting_or_mark() -> None:
    page, html = b"<head></head><body></body>", "text/html"
    for _ in range(2):
        done = tagged(page, TAG, html, everywhere=True, where="/")
        assert done == b"<head><TAG></head><body></body>"
    assert tagged(page, TAG, html, everywhere=False, where="/") is page
    assert tagged(page, TAG, f"{html}; charset=utf-16", everywhere=True, where="/") is page
    marked = page + PLACEHOLDER.encode()
    assert tagged(marked, TAG, html, everywhere=True, where="/") == page + b"<TAG>"
    for cut in (page[:12], page[:6], b"", b"<head><!--</head>-->"):
        assert tagged(cut, TAG, html, everywhere=True, where="/") is cut


def test_only_so_much_of_a_document_is_remembered_at_a_place() -> None:
    for size in (8000, 9000):
        for end in ("</head><p>", "</head ></p>", "</head >"):
            page = f"<head>{'x' * size}{end}".encode()
            done = tagged(page, TAG, "text/html", everywhere=True, where="/long")
            assert done == page.replace(b"</head", b"<TAG></head")
    assert sum(len(each.text) for each in inject._OPENINGS.values()) <= 256 * 8192


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_pass(document: bytes, size: int) -> None:
    assert streamed(document, size).replace(b"<TAG>", b"", 1) == document or b"<TAG>" in document


def test_at_most_a_split_mark_is_held_back() -> None:
    injector = Injector(TAG, "text/html")
    assert injector.feed(b"<p>a paragraph</p> and text") == b"<p>a paragraph</p> and text"
    assert injector.feed(b"<script> no end") == b"<script> no end"
    assert injector.feed(b"</script>more </he") == b"</script>more "
    assert injector.feed(b"llo> x") == b"</hello> x"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("script-src 'self' 'nonce-abc123=='", "abc123=="),
        ("default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'", "r4nd0m"),
        ("default-src 'nonce-x1'", "x1"),
        ("style-src 'nonce-no'; script-src 'self'", None),
        ("script-src 'self'", None),
        ("", None),
        ("script-src 'nonce-a\"><b>'", None),
    ],
)
def test_the_nonce_is_the_script_sources(policy: str, expected: str | None) -> None:
    assert nonce(policy) == expected
