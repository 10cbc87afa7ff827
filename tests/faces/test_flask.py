"""What is Flask's own: ``Track``, ``g.track``, Flask-Login, the session's mirror, the template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import flask_login
import pytest

from tests.faces.apps import NAVIGATION, SECRET, WSGISite
from tests.faces.pages import HOME
from track_middleware import track, wiring
from track_middleware.errors import SettingsError
from track_middleware.event import Entry
from track_middleware.flask import Track

Kept = list[Entry]


class User(flask_login.UserMixin):
    """Somebody who can sign in."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


@pytest.fixture
def app(tmp_path: Path) -> flask.Flask:
    """An app that signs in and out at will."""
    app = flask.Flask("shop", instance_path=str(tmp_path))
    app.config.update(SECRET_KEY=SECRET, TRACK={"deliver": "worker"})
    manager = flask_login.LoginManager(app)
    manager.user_loader(User)

    @app.get("/")
    def home() -> bytes:
        return HOME

    @app.get("/in/<name>")
    def sign_in(name: str) -> bytes:
        track("Before")
        flask_login.login_user(User(name))
        track("After")
        return HOME

    @app.get("/out")
    def sign_out() -> bytes:
        flask_login.logout_user()
        return HOME

    @app.get("/known")
    def known() -> bytes:
        assert flask_login.current_user.is_authenticated
        return HOME

    Track(app)
    return app


@pytest.fixture
def site(app: flask.Flask) -> WSGISite:
    return WSGISite(app)


def users(kept: Kept, label: str) -> list[str | None]:
    return [entry.event.user_id for entry in kept if entry.event and entry.event.label == label]


def test_g_track_is_the_exchange(app: flask.Flask, site: WSGISite) -> None:
    app.add_url_rule("/me", view_func=lambda: flask.g.track.anonymous_id)
    assert len(site.ask("/me").body) == 36


def test_settings_may_come_after_the_extension(tmp_path: Path, kept: Kept) -> None:
    extension = Track()
    app = flask.Flask("late", instance_path=str(tmp_path))
    extension.init_app(app)
    app.config["TRACK"] = {"deliver": "worker", "cookie_name": "late"}
    app.config["SECRET_KEY"] = SECRET
    app.add_url_rule("/", view_func=lambda: HOME)
    assert WSGISite(app).ask("/").cookies[0].startswith("late_v=")


def test_a_wrong_setting_is_told_at_once(tmp_path: Path) -> None:
    app = flask.Flask("wrong", instance_path=str(tmp_path))
    app.config["TRACK"] = {"destination": []}
    with pytest.raises(SettingsError, match="did you mean 'destinations'"):
        Track(app)


def test_a_wrong_setting_that_comes_late_leaves_the_pages_alone_in_production(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = flask.Flask("wrong", instance_path=str(tmp_path))
    Track(app)
    app.config["TRACK"] = {"destination": []}
    app.add_url_rule("/", view_func=lambda: HOME)
    site = WSGISite(app)
    assert site.ask("/").body == site.ask("/").body == HOME
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_flask_gives_folder_secret_and_debug(app: flask.Flask, tmp_path: Path) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = ["former"]
    chosen = app.extensions["track_middleware"].wiring.settings
    assert chosen.data_dir == str(tmp_path / "track")
    assert (chosen.secret_key, chosen.secret_key_fallbacks) == (SECRET, ["former"])
    assert chosen.debug is False


def test_signing_in_names_the_user_from_that_event_on(site: WSGISite, kept: Kept) -> None:
    site.ask("/in/ann")
    assert users(kept, "Before") == [None]
    assert users(kept, "After") == users(kept, "Page") == ["ann"]


def test_signing_out_starts_a_new_visitor(site: WSGISite, kept: Kept) -> None:
    site.ask("/in/ann")
    site.ask("/out")
    first, second = (entry.person for entry in kept if entry.kind == "view")
    assert first is not None
    assert second is not None
    assert (first.user, second.user) == ("ann", None)
    assert first.visitor != second.visitor


def test_a_user_that_the_app_has_loaded_is_looked_at(
    app: flask.Flask, site: WSGISite, kept: Kept
) -> None:
    app.before_request_funcs.setdefault(None, []).append(
        lambda: flask.g.track.reset() if flask.request.path == "/in/ann" else None
    )
    site.ask("/in/ann")
    kept.clear()
    site.ask("/known")
    assert users(kept, "Page") == ["ann"]


def test_users_are_looked_at_where_flask_login_comes_late(
    tmp_path: Path, data_dir: Path, kept: Kept
) -> None:
    app = flask.Flask("late", instance_path=str(tmp_path))
    app.config.update(SECRET_KEY=SECRET, TRACK={"deliver": "worker", "data_dir": str(data_dir)})
    Track(app)
    with app.app_context():
        track("Started")  # builds the tracker before anybody asks for a page
        prefix = wiring.found().tracker.core.prefix
    assert WSGISite(app).ask(f"/{prefix}/m.js").status == 200  # of which Flask hears nothing
    flask_login.LoginManager(app).user_loader(User)

    @app.get("/known")
    def known() -> bytes:
        assert flask_login.current_user.is_authenticated
        return HOME

    @app.before_request
    def sign_in() -> None:
        flask.session["_user_id"] = "ann"

    WSGISite(app).ask("/known")
    assert users(kept, "Page") == ["ann"]


DOCUMENT = {**NAVIGATION, "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("within", ["/in/<name>", "/known"])
def test_a_page_that_is_asked_for_within_another_request_has_its_own_route(
    app: flask.Flask, site: WSGISite, kept: Kept, within: str
) -> None:
    """As fixtures, shells and scripts do."""
    with app.test_request_context(within):
        site.ask("/", headers=DOCUMENT)
        site.ask("/in/ann", method="POST", headers=DOCUMENT)
        site.ask("/nowhere", headers=DOCUMENT)
    told = {entry.event.label: entry.event for entry in kept if entry.event}
    assert told["Page"].context["page"]["route"] == "/"
    assert told["Request"].context["page"].get("route") is None


def test_what_we_do_not_understand_of_flask_costs_no_page(plain: flask.Flask) -> None:
    class Narrow:
        """What ``g`` may be: without a table of attributes."""

        __slots__ = ()

    plain.app_ctx_globals_class = Narrow
    plain.add_url_rule("/", view_func=lambda: HOME)
    assert WSGISite(plain).ask("/", headers=DOCUMENT).status == 200


def test_an_operator_who_logs_in_as_somebody_is_told_by_the_app(
    app: flask.Flask, site: WSGISite, kept: Kept
) -> None:
    def operator() -> None:
        if "operator" in flask.session:
            flask.g.track.impersonating(flask.session["operator"])

    def begin() -> str:
        flask.session["operator"] = "ann"
        flask_login.login_user(User("bob"))
        flask.g.track.impersonating("ann")
        return "begun"

    app.before_request(operator)
    app.add_url_rule("/as", view_func=begin)
    site.ask("/in/ann")
    kept.clear()
    site.ask("/as")
    site.ask("/known")
    assert kept == []
    assert site.ask("/known").header("Set-Cookie").count("_tm_") == 0


@pytest.fixture
def plain(tmp_path: Path) -> flask.Flask:
    """An app without Flask-Login, which reads the session with every request."""
    app = flask.Flask("plain", instance_path=str(tmp_path))
    app.config.update(SECRET_KEY=SECRET, TRACK={"deliver": "worker"})
    Track(app)
    return app


def test_a_page_that_uses_no_session_stays_without_vary(plain: flask.Flask) -> None:
    plain.add_url_rule("/", view_func=lambda: HOME)
    assert WSGISite(plain).ask("/").header("Vary") == ""


def test_the_user_id_setting_is_asked_about_flasks_request(
    app: flask.Flask, site: WSGISite, kept: Kept
) -> None:
    app.config["TRACK"]["user_id"] = lambda request: request.args.get("who")
    site.ask("/?who=bob")
    assert users(kept, "Page") == ["bob"]


def test_a_new_campaign_is_mirrored_into_a_session_that_is_there(
    app: flask.Flask, site: WSGISite
) -> None:
    app.add_url_rule("/read", view_func=lambda: dict(flask.session))
    assert "session=" not in str(site.ask("/?utm_source=a").cookies)
    site.ask("/in/ann")
    site.ask("/?utm_source=b")
    assert b'"track_campaign":{"source":"b"}' in site.ask("/read").body


def test_the_mirror_writes_into_no_cache_within(app: flask.Flask) -> None:
    kept: list[Any] = []
    flask_alone, site = app.extensions["track_middleware"]._inner, WSGISite(app)

    def cached(environ: dict[str, Any], start_response: Any) -> Any:
        def keeping(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept.append(headers)
            return start_response(status, headers, *more)

        return flask_alone(environ, keeping)

    app.extensions["track_middleware"]._inner = cached
    site.ask("/in/ann")
    kept.clear()
    answer = site.ask("/?utm_source=a")
    assert "session=" in str(answer.cookies)
    assert kept
    assert "Set-Cookie" not in dict(kept[0])


def test_a_sessions_cookie_may_be_given_another_name(app: flask.Flask, site: WSGISite) -> None:
    app.add_url_rule("/read", view_func=lambda: dict(flask.session))
    site.ask("/")
    app.config["SESSION_COOKIE_NAME"] = "other"
    site.ask("/in/ann")
    site.ask("/?utm_source=b")
    assert b'"track_campaign":{"source":"b"}' in site.ask("/read").body


def test_the_mirror_keeps_what_the_view_puts_into_the_session(plain: flask.Flask) -> None:
    def note(word: str) -> bytes:
        flask.session[word] = 1
        return HOME

    plain.add_url_rule("/note/<word>", view_func=note)
    plain.add_url_rule("/still", "still", view_func=lambda: HOME)
    plain.add_url_rule("/read", "read", view_func=lambda: dict(flask.session))
    site = WSGISite(plain)
    site.ask("/note/one")
    answer = site.ask("/note/two?utm_source=b")
    assert str(answer.cookies).count("session=") == 1
    assert answer.header("Vary") == "Cookie"
    answer = site.ask("/still?utm_source=c")
    assert (str(answer.cookies).count("session="), answer.header("Vary")) == (1, "Cookie")
    assert site.ask("/read").body == b'{"one":1,"track_campaign":{"source":"c"},"two":1}\n'


def test_the_mirror_leaves_a_shareable_response_alone(plain: flask.Flask) -> None:
    def begin() -> bytes:
        flask.session["mine"] = 1
        return HOME

    plain.add_url_rule("/begin", view_func=begin)
    plain.add_url_rule(
        "/shared", view_func=lambda: flask.Response(HOME, headers={"Cache-Control": "public"})
    )
    site = WSGISite(plain)
    site.ask("/begin")
    answer = site.ask("/shared?utm_source=b")
    assert (answer.cookies, answer.header("Vary")) == ([], "")


def routes(kept: Kept) -> list[tuple[str | None, str | None]]:
    """The events' labels and routes."""
    return [
        (entry.event.label, entry.event.context["page"].get("route"))
        for entry in kept
        if entry.event
    ]


def test_an_event_in_a_view_knows_its_route(plain: flask.Flask, kept: Kept) -> None:
    def view(number: int) -> bytes:
        track("Seen")
        return HOME

    plain.add_url_rule("/orders/<int:number>", view_func=view)
    WSGISite(plain).ask("/orders/7")
    assert routes(kept) == [("Seen", "/orders/<int:number>"), ("Page", "/orders/<int:number>")]


def test_an_event_before_flasks_own_context_knows_no_route(plain: flask.Flask, kept: Kept) -> None:
    inner = plain.extensions["track_middleware"]._inner

    def early(environ: Any, start_response: Any) -> Any:
        track("Early")
        return inner(environ, start_response)

    plain.add_url_rule("/", view_func=lambda: HOME)
    plain.extensions["track_middleware"]._inner = early
    WSGISite(plain).ask("/")
    assert routes(kept) == [("Early", None), ("Page", "/")]


def test_a_page_that_fails_for_the_server_knows_its_route(plain: flask.Flask, kept: Kept) -> None:
    def fails(number: int) -> bytes:
        raise LookupError("in the view")

    plain.config["PROPAGATE_EXCEPTIONS"] = True
    plain.add_url_rule("/fails/<int:number>", view_func=fails)
    with pytest.raises(LookupError, match="in the view"):
        WSGISite(plain).ask("/fails/7")
    (said,) = [entry.event.properties for entry in kept if entry.event]
    assert (said["status"], said["route"]) == (500, "/fails/<int:number>")


def test_a_route_is_known_where_another_middleware_starts_the_response_later(
    app: flask.Flask, kept: Kept
) -> None:
    class Late:
        """Starts the response when Flask's context is gone."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __call__(self, environ: Any, start_response: Any) -> Any:
            said: list[Any] = []
            body = self.inner(environ, lambda *given: said.extend(given))
            start_response(*said)
            return body

    app.wsgi_app = Late(app.wsgi_app._inner)  # type: ignore[attr-defined, method-assign]
    Track(app)
    WSGISite(app).ask("/in/ann")
    assert routes(kept)[-1] == ("Page", "/in/<name>")
    assert users(kept, "Page") == ["ann"]


def test_the_templates_tag_chooses_the_place(app: flask.Flask, site: WSGISite) -> None:
    template = "<html><body>{{ track_script() }}<p></p></body></html>"
    app.add_url_rule("/placed", view_func=lambda: flask.render_template_string(template))
    assert b'<body><meta name="track-page"' in site.ask("/placed").body


@pytest.fixture
def two(tmp_path: Path) -> list[flask.Flask]:
    apps = []
    for name in ("one", "two"):
        app = flask.Flask(name, instance_path=str(tmp_path / name))
        app.config.update(SECRET_KEY=SECRET, TRACK={"deliver": "worker", "cookie_name": name})
        app.add_url_rule("/", view_func=lambda: HOME)
        Track(app)
        apps.append(app)
    return apps


def test_several_apps_in_one_process_have_a_tracker_each(
    two: list[flask.Flask], kept: Kept
) -> None:
    for app in two:
        assert WSGISite(app).ask("/").cookies[0].startswith(f"{app.name}_v=")
        with app.app_context():
            found = wiring.found()
        assert found is app.extensions["track_middleware"].wiring


def test_a_stream_with_flasks_context_keeps_ours(
    app: flask.Flask, site: WSGISite, kept: Kept
) -> None:
    def pieces() -> Iterator[bytes]:
        yield HOME[:20]
        track(flask.request.path)
        yield HOME[20:]

    stream: Callable[[], Any] = lambda: flask.Response(flask.stream_with_context(pieces()))  # noqa: E731
    app.add_url_rule("/streamed", view_func=stream)
    assert site.ask("/streamed").body.count(b"/m.js") == 1
    ids = {entry.event.anonymous_id for entry in kept if entry.event}
    assert [entry.event.label for entry in kept if entry.event] == ["/streamed", "Page"]
    assert len(ids) == 1


def test_g_track_is_there_behind_the_end_of_a_page(app: flask.Flask, site: WSGISite) -> None:
    seen: list[Any] = []

    def pieces() -> Iterator[bytes]:
        yield HOME
        seen.append((flask.g.track, wiring.CURRENT.get()))

    def view() -> flask.Response:
        length = {"Content-Length": str(len(HOME))}
        return flask.Response(flask.stream_with_context(pieces()), headers=length)

    app.add_url_rule("/whole", view_func=view)
    site.ask("/whole", headers={**NAVIGATION, "Sec-Fetch-Dest": "document"})
    [(exchange, current)] = seen
    assert exchange.finished
    assert current is None


def test_a_conditional_request_is_answered_as_before(app: flask.Flask, site: WSGISite) -> None:
    def view() -> flask.Response:
        response = flask.Response(HOME)
        response.set_etag("v1")
        return response.make_conditional(flask.request)

    app.add_url_rule("/etag", view_func=view)
    tag = site.ask("/etag").header("ETag")
    assert tag == 'W/"v1"'
    assert site.ask("/etag", headers={**NAVIGATION, "If-None-Match": tag}).status == 304


def test_the_worker_verb_takes_the_apps_settings_of_now(app: flask.Flask, tmp_path: Path) -> None:
    """Not those of whoever sent the last event."""
    former, now = tmp_path / "former.jsonl", tmp_path / "now.jsonl"
    app.config["TRACK"] = {"deliver": "worker", "destinations": [f"jsonl://{former}"]}
    with app.app_context():
        track("Order Completed", user_id="4")
    app.config["TRACK"] = {"deliver": "worker", "destinations": [f"jsonl://{now}"]}
    result = app.test_cli_runner().invoke(args=["track", "worker", "--once"])
    assert result.exit_code == 0, result.output
    assert b"Order Completed" in now.read_bytes()
    assert not former.exists()


def test_the_worker_verb_refuses_what_the_app_cannot_use(app: flask.Flask) -> None:
    app.config["TRACK"] = {"destinations": ["amplitud://KEY"]}
    assert app.test_cli_runner().invoke(args=["track", "worker", "--once"]).exit_code == 2


def test_doctor_tells_of_a_route_under_our_own_path(app: flask.Flask) -> None:
    app.config["TRACK"] = {"path": "api"}
    app.add_url_rule("/api/items", view_func=lambda: "items")
    result = app.test_cli_runner().invoke(args=["track", "doctor"])
    assert "error  path  the route /api/items lies under our own path" in result.output
