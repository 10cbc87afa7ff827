"""A small tea shop: the Django example of track-middleware."""
