"""The outbox's table: events of a transaction, in the app's own database."""

from __future__ import annotations

from django.db import models


class Outbox(models.Model):  # type: ignore[misc]  # Django ships no types
    """What one call of a verb accepted, on its way to the worker.

    ``frames`` are the bytes that would else be in the spool. ``owner`` is the ledger that is
    storing them (``identity``), empty until one has begun: a worker of another ledger, which cannot
    know whether they were stored, leaves them alone.
    """

    id = models.BigAutoField(primary_key=True)
    frames = models.BinaryField()
    owner = models.CharField(max_length=32, default="", editable=False)

    class Meta:
        verbose_name = "event on its way"
        verbose_name_plural = "events on their way"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.pk}, {len(self.frames)} bytes"
