"""What doctest collection leaves out where an optional package is absent."""

from importlib.util import find_spec

NEEDED = {"bnlib/figures/*": "matplotlib", "bnlib/torch/*": "torch", "bnlib/engine/compiled.py": "numba"}
collect_ignore_glob = [files for files, package in NEEDED.items() if not find_spec(package)]
