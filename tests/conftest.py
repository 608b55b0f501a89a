"""One hypothesis profile for every property: the same examples on every run, and no clock."""

from importlib.util import find_spec

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("repeatable")

collect_ignore = [] if find_spec("nbformat") else ["notebook_text.py"]
