"""Access logs, a line of each format: most are the examples of the formats' own documentation."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from track_middleware.history.formats import FORMATS, Hit
from track_middleware.history.formats.hit import clf_time, iso_time, unescaped


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc]


def read(name: str, *lines: str, zone: str | None = None) -> list[Hit]:
    reader = FORMATS[name](ZoneInfo(zone) if zone else None)
    return [hit for hit in map(reader, lines) if hit is not None]


COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326'
COMBINED = f'{COMMON} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'
THEN = moment(2000, 10, 10, 20, 55, 36)


def test_a_common_line_tells_neither_referrer_nor_user_agent():
    (hit,) = read("common", COMMON)
    assert hit == Hit(THEN, "127.0.0.1", "GET", "/apache_pb.gif", 200, 2326, user="frank")


def test_a_combined_line_tells_both():
    (hit,) = read("combined", COMBINED)
    assert (hit.time, hit.address, hit.user) == (THEN, "127.0.0.1", "frank")
    assert hit.referrer == "http://www.example.com/start.html"
    assert hit.agent == "Mozilla/4.08 [en] (Win98; I ;Nav)"


def test_what_stands_behind_a_combined_line_is_left_alone():
    (hit,) = read("combined", f'{COMBINED} "203.0.113.9" 0.005')
    assert hit.agent == "Mozilla/4.08 [en] (Win98; I ;Nav)"


def test_a_virtual_host_stands_in_front_with_its_port():
    (hit,) = read("vhost", f"shop.example:443 {COMBINED}")
    assert (hit.host, hit.address) == ("shop.example", "127.0.0.1")


@pytest.mark.parametrize("piece", ['"', "\\", "]", " ", "-", "\t", "\x85", "9", "٣", "", " - - ["])
def test_a_usual_line_is_read_as_any_other(piece):
    """Every line that one change makes of a usual one: with a host in front it is matched."""
    line = COMBINED.replace("frank", "-").replace("/apache_pb.gif", "/")
    for place in range(len(line)):
        changed = line[:place] + piece + line[place + (len(piece) < 2) :]
        told = []
        for name, said in (("combined", changed), ("vhost", f"shop.example {changed}")):
            try:
                told.append([replace(hit, host="") for hit in read(name, said)])
            except ValueError as error:
                told.append([str(error)])
        assert told[0] == told[1], changed


def test_a_dash_is_nothing():
    (hit,) = read("combined", COMBINED.replace("frank", "-").replace("2326", "-")
                  .replace("http://www.example.com/start.html", "-"))  # fmt: skip
    assert (hit.user, hit.size, hit.referrer) == ("", None, "")


def test_quotes_and_bytes_that_the_server_escaped_are_what_the_client_sent():
    (hit,) = read("combined", COMBINED.replace("Mozilla/4.08", r"A \"quoted\" M\xc3\xbcnchen"))
    assert hit.agent == 'A "quoted" München [en] (Win98; I ;Nav)'
    assert unescaped(r"\\x41 \x41 \t") == "\\x41 A \t"


def test_a_user_may_have_a_space_in_the_name():
    (hit,) = read("combined", COMBINED.replace("frank", "Frank N. Stein"))
    assert hit.user == "Frank N. Stein"


@pytest.mark.parametrize("asked", ["-", "", r"\x16\x03\x01\x02", "GET"])
def test_what_is_no_http_request_is_a_hit_of_no_page(asked):
    (hit,) = read("combined", COMBINED.replace("GET /apache_pb.gif HTTP/1.0", asked))
    assert (hit.method, hit.target) == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not a log at all",
        COMBINED[:-1],
        COMBINED.replace("10/Oct/2000:13:55:36 -0700", "10/Okt/2000:13:55:36 -0700"),
        COMBINED.replace("10/Oct/2000:13:55:36 -0700", "yesterday"),
        COMBINED.replace(" 200 ", " abc "),
    ],
)
def test_a_broken_line_is_an_error_that_says_why_and_an_empty_one_is_nothing(line):
    if not line:
        assert read("combined", line) == []
        return
    with pytest.raises(ValueError, match=r"time|look like"):
        read("combined", line)


def test_times_of_every_zone_are_one_clock():
    assert clf_time("01/Jan/2024:00:30:00 +0530") == moment(2023, 12, 31, 19, 0, 0)
    assert clf_time("29/Feb/2024:23:59:59 +0000") == moment(2024, 2, 29, 23, 59, 59)


NGINX = (
    '{"time_iso8601":"2024-03-01T12:00:00+01:00","remote_addr":"203.0.113.9","request":"GET '
    '/a?b=1 HTTP/2.0","status":200,"body_bytes_sent":"512","http_referer":"","http_user_agent":"M",'
    '"host":"shop.example","request_time":"0.125","scheme":"https",'
    '"sent_http_content_type":"text/html"}'
)


def test_nginx_json_is_named_after_its_variables():
    (hit,) = read("nginx-json", NGINX)
    assert hit == Hit(
        moment(2024, 3, 1, 11, 0, 0), "203.0.113.9", "GET", "/a?b=1", 200, 512, agent="M",
        host="shop.example", duration=0.125, scheme="https", content_type="text/html",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ('{"msec":"1709290800.123","request_method":"GET","uri":"/","args":"q=1"}', 1709290800.123),
        ('{"time_local":"01/Mar/2024:11:00:00 +0000","method":"GET","url":"/?q=1"}', 1709290800.0),
        ('{"@timestamp":"2024-03-01T11:00:00Z","verb":"GET","request_uri":"/?q=1"}', 1709290800.0),
    ],
)
def test_other_names_that_people_give_its_members_are_understood(said, when):
    (hit,) = read("nginx-json", said)
    assert (hit.time, hit.method, hit.target) == (when, "GET", "/?q=1")


def test_a_time_without_a_zone_needs_one():
    line = '{"time":"2024-03-01 12:00:00","method":"GET","uri":"/"}'
    with pytest.raises(ValueError, match="--time-zone"):
        read("nginx-json", line)
    (hit,) = read("nginx-json", line, zone="Europe/Berlin")
    assert hit.time == moment(2024, 3, 1, 11, 0, 0)


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"uri":"/"}', '{"time":"soon"}', "\x00"])
def test_a_line_that_is_no_such_object_is_an_error(line):
    with pytest.raises(ValueError, match=r"object|time|isoformat"):
        read("nginx-json", line)


CADDY = (
    '{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request",'
    '"request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"203.0.113.9","proto":'
    '"HTTP/2.0","method":"GET","host":"shop.example","uri":"/a?b=1","headers":{"User-Agent":'
    '["curl/7.82.0"],"Referer":["https://x.example/"],"Sec-Purpose":["prefetch"]},"tls":{"version":'
    '772}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,'
    '"resp_headers":{"Content-Type":["text/html; charset=utf-8"]}}'
)


def test_caddy_tells_more_than_any_other():
    (hit,) = read("caddy", CADDY)
    assert hit == Hit(
        1646861401.5241024, "203.0.113.9", "GET", "/a?b=1", 200, 10900, "https://x.example/",
        "curl/7.82.0", "shop.example", "", 0.000929675, "https", "text/html; charset=utf-8",
        "prefetch",
    )  # fmt: skip


def test_what_else_caddy_logs_is_passed_over():
    assert read("caddy", '{"level":"info","ts":1646861401.5,"msg":"serving initial"}') == []


CLOUDFRONT = (
    "#Version: 1.0",
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id "
    "x-host-header cs-protocol cs-bytes time-taken sc-content-type",
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html"
    "\t200\t-\tMozilla/5.0%20(Windows%20NT%2010.0;%20Win64)\ta=1\t-\tHit\tSOX4xw==\tshop.example"
    "\thttps\t23\t0.001\ttext/html",
)


def test_a_cloudfront_line_is_read_by_its_headings():
    (hit,) = read("cloudfront", *CLOUDFRONT)
    assert hit == Hit(
        moment(2019, 12, 4, 21, 2, 31), "192.0.2.100", "GET", "/index.html?a=1", 200, 392, "",
        "Mozilla/5.0 (Windows NT 10.0; Win64)", "shop.example", "", 0.001, "https", "text/html",
    )  # fmt: skip


IIS = (
    "#Software: Microsoft Internet Information Services 10.0",
    "#Date: 2024-03-01 11:00:00",
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
    "cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    "2024-03-01 11:00:00 10.0.0.1 GET /default.aspx a=1+2 443 - 203.0.113.9 "
    "Mozilla/5.0+(Windows+NT+10.0) https://x.example/ 200 0 0 125",
)


def test_an_iis_line_has_pluses_for_spaces_and_milliseconds():
    (hit,) = read("iis", *IIS)
    assert (hit.agent, hit.duration) == ("Mozilla/5.0 (Windows NT 10.0)", 0.125)
    assert (hit.target, hit.time) == ("/default.aspx?a=1+2", moment(2024, 3, 1, 11, 0, 0))


def test_a_w3c_log_may_say_its_date_once_and_quote_its_texts():
    lines = (
        "#Date: 2024-03-01 11:00:00",
        "#Fields: time c-ip cs-method cs-uri sc-status time-taken cs(User-Agent)",
        '11:00:02 203.0.113.9 GET /a?b=1 200 2 "Mozilla ""5"" (X)"',
    )
    (hit,) = read("w3c", *lines)
    assert (hit.time, hit.target) == (moment(2024, 3, 1, 11, 0, 2), "/a?b=1")
    assert (hit.duration, hit.agent) == (2.0, 'Mozilla "5" (X)')


def test_columns_may_change_within_a_log():
    changed = ("#Fields: date time cs-method cs-uri-stem", "2024-03-01 11:00:03 GET /b")
    assert [hit.target for hit in read("iis", *IIS, *changed)] == ["/default.aspx?a=1+2", "/b"]


@pytest.mark.parametrize(
    ("lines", "why"), [(("a b c",), "#Fields"), (("#Fields: date time", "a b c"), "3 columns")]
)
def test_a_line_without_or_beside_its_headings_is_an_error(lines, why):
    with pytest.raises(ValueError, match=why):
        read("w3c", *lines)


ALB = (
    "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 "
    '10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/a?b=1 HTTP/1.1" '
    '"curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:x '
    '"Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:x" 1 '
    '2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-"'
)


def test_a_load_balancer_names_whole_urls_and_three_durations():
    (hit,) = read("alb", ALB)
    assert (hit.address, hit.host) == ("192.168.131.39", "www.example.com")
    assert hit.target == "https://www.example.com:443/a?b=1"
    assert (hit.duration, hit.scheme, hit.size) == (pytest.approx(0.171), "https", 57)
    assert hit.time == pytest.approx(moment(2018, 7, 2, 22, 23, 0) + 0.186641)


def test_a_duration_that_never_ended_is_none():
    (hit,) = read("alb", ALB.replace("0.086 0.048 0.037", "-1 -1 -1"))
    assert hit.duration is None


def test_iso_times_may_be_finer_than_a_microsecond():
    assert iso_time("2024/03/01 11:00:00.123456789 UTC", None) == pytest.approx(1709290800.123456)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "line",
    [
        "x - y " + " [ " * 100_000,
        "\x00" * 50,
        '"' * 500,
        "a" * 100_000,
        "[" * 5000,
        "\\" * 5000,
        "{" * 5000,
        "é ü \ud7ff",
        "#",
    ],
)
def test_no_line_does_more_harm_than_a_value_error(name, line):
    reader = FORMATS[name](None)
    with suppress(ValueError):
        reader(line)
