"""A small shop with accounts, in each face that knows of users: ``FACE PORT DATA_DIR``.

``GET /s/<step>`` is a page that looks at who is there; ``POST /s/<step>`` does one of the things
that people do (``do=signup|login|logout``, ``user``), as a form or a fetch. The sign-up says that
it was one, and an account page says a trait, as apps do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from track_middleware import identify, track

PAGE = "<!doctype html><html><head><title>Shop</title></head><body>hello</body></html>"
SECRET = "a secret key that is long enough to sign with, for tests"


def track_settings(data_dir: str) -> dict[str, Any]:
    return {"data_dir": data_dir, "deliver": "worker", "secret_key": SECRET}


def seen(user: str | None) -> None:
    """What the account page says of who is there."""
    if user is not None:
        identify(traits={"plan": f"{user}'s"})


def _django(data_dir: str) -> None:
    import django
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(data_dir) / "shop.sqlite3",
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "track_middleware.django",
        ],
        MIDDLEWARE=[
            "track_middleware.django.TrackMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        ROOT_URLCONF=__name__,
        SECRET_KEY=SECRET,
        TRACK=track_settings(data_dir),
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def django_sync(data_dir: str) -> Any:
    """Session auth in sync views."""
    _django(data_dir)
    from django.contrib.auth import get_user_model, login, logout
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    def step(request: Any, step: str) -> HttpResponse:
        do, user = request.POST.get("do"), request.POST.get("user", "")
        if request.method == "GET":
            seen(request.user.username if request.user.is_authenticated else None)
        elif do == "logout":
            logout(request)
        else:
            login(request, _person(get_user_model(), user))
            if do == "signup":
                track("Signed Up")
        return HttpResponse(PAGE)

    urlpatterns[:] = [path("s/<step>", step)]
    return get_wsgi_application()


def django_async(data_dir: str) -> Any:
    """Session auth in async views."""
    _django(data_dir)
    from asgiref.sync import sync_to_async
    from django.contrib.auth import alogin, alogout, get_user_model
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path

    async def step(request: Any, step: str) -> HttpResponse:
        do, user = request.POST.get("do"), request.POST.get("user", "")
        if request.method == "GET":
            found = await request.auser()
            seen(found.username if found.is_authenticated else None)
        elif do == "logout":
            await alogout(request)
        else:
            await alogin(request, await sync_to_async(_person)(get_user_model(), user))
            if do == "signup":
                track("Signed Up")
        return HttpResponse(PAGE)

    urlpatterns[:] = [path("s/<step>", step)]
    return get_asgi_application()


def _person(model: Any, name: str) -> Any:
    """People's ids are their numbers in the alphabet."""
    number = "abc".index(name[0]) + 1
    return model.objects.get_or_create(pk=number, defaults={"username": name})[0]


urlpatterns: list[Any] = []


def flask_login(data_dir: str) -> Any:
    """Flask-Login."""
    import flask
    import flask_login

    from track_middleware.flask import Track

    class User(flask_login.UserMixin):
        def __init__(self, name: str) -> None:
            self.id = "123"["abc".index(name[0])]
            self.name = name

    app = flask.Flask("shop", instance_path=data_dir)
    app.config.update(SECRET_KEY=SECRET, TRACK=track_settings(data_dir))
    Track(app)
    manager = flask_login.LoginManager(app)
    people = {user.id: user for user in map(User, ("ann", "bob", "cid"))}
    manager.user_loader(people.get)

    @app.route("/s/<step>", methods=["GET", "POST"])
    def step(step: str) -> str:
        do, user = flask.request.form.get("do"), flask.request.form.get("user", "")
        known = flask_login.current_user
        if flask.request.method == "GET":
            seen(known.name if known.is_authenticated else None)
        elif do == "logout":
            flask_login.logout_user()
        else:
            flask_login.login_user(User(user))
            if do == "signup":
                track("Signed Up")
        return PAGE

    return app


def starlette(data_dir: str) -> Any:
    """AuthenticationMiddleware over a session; the sign-in itself says ``identify``."""
    from starlette.applications import Starlette
    from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
    from starlette.middleware import Middleware
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from track_middleware.starlette import TrackMiddleware

    class User(SimpleUser):
        @property
        def identity(self) -> str:
            return "123"["abc".index(self.username[0])]

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            name = conn.session.get("user")
            return (AuthCredentials(["authenticated"]), User(name)) if name else None

    async def step(request: Request) -> HTMLResponse:
        if request.method == "GET":
            seen(request.user.username if request.user.is_authenticated else None)
            return HTMLResponse(PAGE)
        form = await request.form()
        if form["do"] == "logout":
            request.session.clear()
            request.state.track.reset()
        else:
            user = User(str(form["user"]))
            request.session["user"] = user.username
            request.state.track.identify(user.identity)
            if form["do"] == "signup":
                track("Signed Up")
        return HTMLResponse(PAGE)

    return Starlette(
        routes=[Route("/s/{step}", step, methods=["GET", "POST"])],
        middleware=[
            Middleware(SessionMiddleware, secret_key=SECRET),
            Middleware(AuthenticationMiddleware, backend=Backend()),
            Middleware(TrackMiddleware, **track_settings(data_dir)),
        ],
    )


def gunicorn(app: Any, port: int) -> None:
    """Two workers: each request of a person may meet another process."""
    from gunicorn.app.base import BaseApplication

    class Here(BaseApplication):  # type: ignore[misc]  # it ships no types
        def load_config(self) -> None:
            place = f"127.0.0.1:{port}"
            for name, value in {"bind": place, "workers": 2, "loglevel": "error"}.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return app

    Here().run()


def uvicorn(app: Any, port: int) -> None:
    import uvicorn as server

    server.run(app, host="127.0.0.1", port=port, log_level="error", timeout_keep_alive=120)


#: Face -> how it is made, and the server that it runs behind.
SITES = {
    "django-sync": (django_sync, gunicorn),
    "django-async": (django_async, uvicorn),
    "flask-login": (flask_login, gunicorn),
    "starlette": (starlette, uvicorn),
}


def main(face: str, port: str, data_dir: str) -> None:
    make, serve = SITES[face]
    serve(make(data_dir), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
