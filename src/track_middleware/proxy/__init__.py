"""Vendors' own scripts and endpoints through our host."""
