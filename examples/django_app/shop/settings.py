"""Settings of the example shop; what track-middleware needs stands between the two rules."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
COMMON = BASE_DIR.parent / "common"
VAR = Path(os.environ.get("SHOP_VAR", BASE_DIR / "var"))
VAR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = "an example's key: make your own"
DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"

# --- track-middleware -------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "track_middleware.django",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "track_middleware.django.TrackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TRACK = {
    "data_dir": str(VAR / "track"),
    "destinations": [f"jsonl://{VAR / 'delivered.jsonl'}"],
    "plan": str(COMMON / "tracking_plan.py"),
    "reconcile": {
        "Order Completed": {
            "source": "python:shop.reports.orders",
            "id": "order_id",
            "sum": "revenue",
            "time": "created_at",
        }
    },
}
# ----------------------------------------------------------------------------------------------

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "shop.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "shop.cart.in_templates",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [COMMON / "static"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
USE_TZ = True
