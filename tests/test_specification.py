"""Every norm in every layout against the slow specification, whatever runs its formulas."""

import numpy as np
import pytest
from helpers import EVERY, assert_close, assert_same, check_backward

from bnlib.engine import using

every_case = pytest.mark.parametrize("case", EVERY, ids=str)
every_eps = pytest.mark.parametrize("eps", [1e-5, 0.3, 70.0])


def results(case, x, gamma, beta, dy, eps=1e-5):
    y, cache = case.forward(x, gamma, beta if case.shifts else None, eps)
    return y, cache.xhat, *case.backward(dy, cache)


def expected(case, x, gamma, beta, dy, eps=1e-5):
    """The same of the specification; None for the gradient of a parameter that is absent."""
    beta = beta if case.shifts else None
    dx, dgamma, dbeta = case.expected_gradients(dy, x, gamma, eps)
    of_parameters = None if gamma is None else dgamma, None if beta is None else dbeta
    return case.expected(x, gamma, beta, eps), case.expected_xhat(x, eps), dx, *of_parameters


def assert_all_close(got, wanted):
    for one, right in zip(got, wanted, strict=True):
        if right is None:
            assert one is None
        else:
            assert_close(one, right)


@pytest.fixture(params=["at once", "blocks of 1", "blocks of 5", "blocks of 16", "1 thread", "2 threads"])
def way(request):
    """A name for `using`, with arrays cut or kernels forced as the parameter says."""
    match request.param.split():
        case ["blocks", "of", elements]:
            request.getfixturevalue("set_block")(int(elements))
        case [threads, "thread" | "threads"]:
            request.getfixturevalue("set_threads")(int(threads))
            return "compiled"
    return "numpy"


@every_case
@every_eps
def test_every_norm(case, eps, way):
    inputs = case.draw(1)
    with using(way):
        assert_all_close(results(case, *inputs, eps), expected(case, *inputs, eps))


@every_case
@every_eps
def test_gradients_are_those_of_differences(case, eps):
    def backward(dy, x, gamma, eps):
        _, _, *gradients = results(case, x, gamma, np.ones_like(gamma), dy, eps)
        return gradients if case.shifts else (*gradients[:2], case.expected_gradients(dy, x)[2])

    check_backward(case, backward, eps)


@every_case
@pytest.mark.parametrize("given", ["", "gamma", "beta"])
def test_absent_parameters(case, given):
    x, gamma, beta, dy = case.draw(3)
    inputs = x, gamma if given == "gamma" else None, beta if given == "beta" else None, dy
    assert_all_close(results(case, *inputs), expected(case, *inputs))


@every_case
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_result_is_rounded_once(case, dtype):
    """Arithmetic is float64 for every dtype: results differ from it by the last rounding alone."""
    inputs = case.draw(dtype=dtype)
    exact = results(case, *(array.astype(np.float64) for array in inputs))
    for got, wanted in zip(results(case, *inputs), exact, strict=True):
        if wanted is not None:
            assert_same(got, wanted.astype(dtype))
