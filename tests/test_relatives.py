"""bnlib.relatives: layer, RMS, group and instance norm, each against the specification."""

import numpy as np
import pytest
from helpers import RELATIVES, assert_close, assert_same

import bnlib
from bnlib import group_norm, group_norm_backward, instance_norm, layer_norm, rms_norm

every_case = pytest.mark.parametrize("case", RELATIVES, ids=str)
every_eps = pytest.mark.parametrize("eps", [1e-5, 0.3, 70.0])


@every_case
def test_cache(case):
    x, gamma, beta, _ = case.draw()
    _, cache = case.forward(x, gamma, beta, eps=0.3)
    assert np.shares_memory(cache.x, x)
    assert cache.norm == case.norm
    assert cache.stats is None
    assert_close(cache.xhat, case.expected(x, eps=0.3))


def test_by_hand():
    """1, 3, 8 with eps 1/3: std 3 about the mean, root mean square 5."""
    x = np.array([[1.0, 3.0, 8.0]])
    assert_close(layer_norm(x, 3, eps=1 / 3)[0], [[-1, -1 / 3, 4 / 3]])
    assert_close(rms_norm(x, 3, eps=1 / 3)[0], [[0.2, 0.6, 1.6]])
    assert_close(group_norm(x, 1, eps=1 / 3)[0], [[-1, -1 / 3, 4 / 3]])
    assert_close(instance_norm(x[None, 0:1], eps=1 / 3)[0], [[[-1, -1 / 3, 4 / 3]]])


def test_normalized_shape_may_be_an_int_a_list_or_a_tuple():
    x = RELATIVES[9].draw()[0]
    for norm in (layer_norm, rms_norm):
        wanted = norm(x, (4,))[0]
        for shape in (4, [4], np.int64(4), (np.int32(4),)):
            assert_same(norm(x, shape)[0], wanted)


def test_groups_of_one_channel_are_instances_and_one_group_is_a_layer():
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    assert_same(group_norm(x, 4)[0], instance_norm(x)[0])
    assert_close(group_norm(x, 1)[0], layer_norm(x, (4, 2))[0])


def test_layer_norm_of_one_value_gives_beta_and_has_no_slope():
    y, cache = layer_norm(np.array([[3.0], [-4.0]]), 1, np.array([7.0]), np.array([2.0]))
    assert_same(y, np.array([[2.0], [2.0]]))
    dx, dgamma, dbeta = bnlib.layer_norm_backward(np.array([[0.3], [1.1]]), cache)
    assert_same(dx, np.zeros((2, 1)))
    assert_same(dgamma, np.zeros(1))
    assert_close(dbeta, [1.4])


@pytest.mark.parametrize(
    ("norm", "arguments", "shape"),
    [
        ("layer_norm", (4,), (0, 4)),
        ("rms_norm", (4,), (0, 4)),
        ("group_norm", (2,), (0, 4, 3)),
        ("group_norm", (2,), (2, 4, 0)),
        ("group_norm", (1,), (2, 0, 3)),
        ("instance_norm", (), (0, 4, 3)),
        ("instance_norm", (), (2, 4, 0)),
        ("instance_norm", (), (2, 0, 3)),
    ],
)
def test_empty_input(norm, arguments, shape):
    parameter = np.full(4 if "_norm" in norm and norm[0] in "lr" else shape[1], 2.0)
    y, cache = getattr(bnlib, norm)(np.empty(shape), *arguments, parameter)
    dx, dgamma = getattr(bnlib, f"{norm}_backward")(np.empty(shape), cache)[:2]
    assert dx.shape == y.shape == shape
    assert_same(dgamma, np.zeros_like(parameter))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_constant_group_gives_beta(dtype):
    x = np.full((2, 4, 7), 0.1, dtype)
    beta = np.array([1.0, -2.0, 3.0, 0.5], dtype)
    y, cache = group_norm(x, 2, np.full(4, -30, dtype), beta)
    assert_same(y, np.broadcast_to(beta[:, None], x.shape))
    assert np.isfinite(group_norm_backward(np.random.default_rng(0).normal(size=x.shape), cache)[0]).all()


def test_rms_norm_of_zeros_is_zeros():
    y, cache = rms_norm(np.zeros((2, 3)), 3, np.full(3, 5.0))
    assert_same(y, np.zeros((2, 3)))
    dy = np.array([[1.0, -2.0, 4.0], [0.5, 0.0, 1.0]])
    dx, _ = bnlib.rms_norm_backward(dy, cache)
    assert_close(dx, dy * 5 / np.sqrt(1e-5))


def test_rms_norm_of_one_value():
    assert_close(rms_norm(np.array([[3.0], [-4.0]]), 1, eps=7.0)[0], [[3 / 4], [-4 / np.sqrt(23)]])
