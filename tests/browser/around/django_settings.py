"""The Django shop's settings, with the tests' pages beside the shop's."""

from shop.settings import *  # noqa: F403  (a Django settings module is made of names)

ROOT_URLCONF = "tests.browser.around.django_urls"
