"""``manage.py track <verb>``: the track-middleware verbs with this project's settings."""

from __future__ import annotations

import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from .... import cli
from ... import site
from ...checks import check_middleware, check_outbox, check_paths, check_settings
from ...outbox import Keeping


class Command(BaseCommand):  # type: ignore[misc]  # Django ships no types
    """Hands its arguments on as they are; their help is ``manage.py track help``."""

    help = "The track-middleware verbs with this project's settings."
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own attribute

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Everything behind the verb is the verb's."""
        parser.add_argument("arguments", nargs=REMAINDER)

    def run_from_argv(self, argv: list[str]) -> None:
        """From the command line: the verb's exit status is ours."""
        sys.exit(_run(argv[2:]))

    def handle(self, *_given: Any, arguments: list[str], **_options: Any) -> None:
        """From ``call_command``."""
        status = _run(arguments)
        if status:
            sys.exit(status)


def _run(arguments: list[str]) -> int:
    return cli.run(
        arguments,
        given=site.given(),
        defaults=site.defaults(),
        checks=_checks,
        outbox=Keeping().origin,
        models=site.queryset,
    )


def _checks() -> list[tuple[str, str]]:
    """What Django's own checks say of us, for ``doctor``."""
    found = [*check_middleware(), *check_paths(), *check_outbox(databases=connections)]
    found += [each for each in check_settings() if each.id == "track.E009"]
    return [(each.id, f"{each.msg}. {each.hint}" if each.hint else each.msg) for each in found]
