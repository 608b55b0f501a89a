"""Compares what nbval leaves out: the stored figures of a cell with the fresh ones."""

import os

import pytest
from notebooks import SAME_ROUNDING, stale

os.environ |= SAME_ROUNDING  # for the kernels


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if item.options["check"] and (problem := stale(item.cell, {"outputs": item.test_outputs})):
        item.raise_cell_error(problem, "Run `make notebooks` and look at what changed.")
    return result
