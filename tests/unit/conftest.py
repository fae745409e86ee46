"""Hypothesis without its stopwatch: how long an example takes is no matter for a test."""

from hypothesis import settings

settings.register_profile("guerdon", deadline=None)
settings.load_profile("guerdon")
