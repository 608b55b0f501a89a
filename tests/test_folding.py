"""bnlib.fold: by hand, and one layer against the two that it stands for."""

import numpy as np
import pytest
from helpers import assert_close, assert_same

from bnlib import batch_norm_eval, fold
from bnlib.network import Conv2d

LAYOUTS = {  # the shape of weight and the axis of its outputs, and the layer
    "outputs first": ((4, 3), 0, lambda x, weight: x @ weight.T),
    "outputs last": ((3, 4), 1, lambda x, weight: x @ weight),
    "from the end": ((3, 4), -1, lambda x, weight: x @ weight),
}


def vectors(channels=4, seed=1):
    """Return bias, mean, var, gamma, beta: some gamma negative, one 0."""
    rng = np.random.default_rng(seed)
    gamma = rng.normal(size=channels)
    gamma[1] = 0
    return [rng.normal(size=channels), rng.normal(size=channels), rng.uniform(0, 2, channels), gamma,
            rng.normal(size=channels)]  # fmt: skip


def convolution(x, weight, bias):
    conv = Conv2d(3, 4, 2, np.random.default_rng(0), padding=1)
    conv.weight, conv.bias = weight, bias
    return conv(x)


def test_by_hand():
    """The std is 3 and the scale -2: 5 becomes -10, and 7 - 3 becomes -8, plus 10."""
    one = np.array([1.0])
    weight, bias = fold(np.array([[5.0]]), 7 * one, 3 * one, 8 * one, -6 * one, 10 * one, eps=1)
    assert (weight.tolist(), bias.tolist()) == ([[-10]], [2])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("absent", [(), ("bias",), ("gamma",), ("beta",), ("bias", "gamma", "beta")])
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_one_linear_layer_is_the_two(layout, absent, eps):
    shape, axis, multiply = LAYOUTS[layout]
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=shape), rng.normal(size=(5, 3))
    bias, mean, var, gamma, beta = vectors()
    bias = None if "bias" in absent else bias
    gamma, beta = None if "gamma" in absent else gamma, None if "beta" in absent else beta
    inside = multiply(x, weight) + (0 if bias is None else bias)
    wanted, _ = batch_norm_eval(inside, mean, var, gamma, beta, eps=eps)
    weight, bias = fold(weight, bias, mean, var, gamma, beta, eps=eps, axis=axis)
    assert_close(multiply(x, weight) + bias, wanted)


def test_one_convolution_is_the_two():
    """Padded, with a bias: zeros around the image stay zeros, as the batch norm comes after."""
    rng = np.random.default_rng(0)
    weight, x, (bias, *of_norm) = rng.normal(size=(4, 3, 2, 2)), rng.normal(size=(2, 3, 4, 5)), vectors()
    wanted, _ = batch_norm_eval(convolution(x, weight, bias), *of_norm)
    assert_close(convolution(x, *fold(weight, bias, *of_norm)), wanted)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rounded_once_to_the_dtype_of_weight(dtype):
    weight, given = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype), vectors()
    kept = [array.copy() for array in (weight, *given)]
    exact = fold(weight.astype(np.float64), *given)
    for got, wanted in zip(fold(weight, *given), exact, strict=True):
        assert_same(got, wanted.astype(dtype))
    narrow = [array.astype(dtype) for array in given]
    exact = fold(weight.astype(np.float64), *(array.astype(np.float64) for array in narrow))
    for got, wanted in zip(fold(weight, *narrow), exact, strict=True):
        assert_same(got, wanted.astype(dtype))
    for array, copy in zip((weight, *given), kept, strict=True):
        assert_same(array, copy)
