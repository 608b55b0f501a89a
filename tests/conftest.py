"""Fixtures of several files; and one hypothesis profile: the same examples on every run, and no clock."""

from importlib.util import find_spec

import pytest
from hypothesis import settings

from bnlib import engine
from bnlib.engine import blocks

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("repeatable")

NEEDED = {"pages/notebook_text.py": "nbformat", "torch_backend/*.py": "torch"}
collect_ignore_glob = [name for name, package in NEEDED.items() if not find_spec(package)]


@pytest.fixture
def set_block(monkeypatch):
    """Cut arrays of any size into blocks of so many elements."""

    def set_block(elements):
        monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", elements)
        monkeypatch.setattr(engine, "SMALL", 0)

    return set_block


@pytest.fixture
def set_threads(monkeypatch):
    """Take the kernels for one thread, or for several, whatever the size."""
    numba = pytest.importorskip("numba")
    from bnlib.engine import compiled

    def set_threads(threads):
        if threads > numba.config.NUMBA_NUM_THREADS:
            pytest.skip("this machine has one core")
        monkeypatch.setattr(compiled, "PAYS", 0)
        numba.set_num_threads(threads)

    before = numba.get_num_threads()
    yield set_threads
    numba.set_num_threads(before)
