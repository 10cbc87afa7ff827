"""Access logs: each server's format, and what is read of its lines."""

from __future__ import annotations

from collections.abc import Mapping

from . import alb, common, json_lines, w3c
from .hit import Hit, Read, Reader

__all__ = ["FORMATS", "Hit", "Read", "Reader"]

#: By the name that ``--format`` takes.
FORMATS: Mapping[str, Reader] = {
    "combined": common.combined,
    "common": common.common,
    "vhost": common.vhost,
    "nginx-json": json_lines.nginx,
    "caddy": json_lines.caddy,
    "cloudfront": w3c.cloudfront,
    "alb": alb.alb,
    "iis": w3c.iis,
    "w3c": w3c.w3c,
}
