"""The library's own test guard around the examples: loopback only, data in a throw-away folder."""

from tests.conftest import _loopback_only

__all__ = ["_loopback_only"]
