"""One hypothesis profile for every property: the same examples on every run, and no clock."""

from importlib.util import find_spec

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("repeatable")

NEEDED = {"pages/notebook_text.py": "nbformat", "torch_backend/*.py": "torch"}
collect_ignore_glob = [name for name, package in NEEDED.items() if not find_spec(package)]
