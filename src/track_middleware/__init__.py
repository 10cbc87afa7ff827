"""Tracking for Python web apps: page views and key metrics, exactly once, from your own host."""
