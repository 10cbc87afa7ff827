"""The outbox's table."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):  # type: ignore[misc]  # Django ships no types
    """Makes ``track_middleware_outbox``; stays empty unless ``outbox`` is on."""

    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("frames", models.BinaryField()),
                ("owner", models.CharField(default="", editable=False, max_length=32)),
            ],
            options={
                "verbose_name": "event on its way",
                "verbose_name_plural": "events on their way",
                "default_permissions": (),
            },
        ),
    ]
