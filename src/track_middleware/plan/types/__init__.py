"""Typed calls: one function per event of a plan, as source code in four languages."""
