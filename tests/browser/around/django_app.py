"""The Django shop and the tests' pages, for a WSGI server."""

import os

from tests.browser.around import seen

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.around.django_settings"

from shop.wsgi import application as shop

application = seen.wsgi(shop)
