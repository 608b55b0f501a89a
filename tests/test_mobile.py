"""bnlib.mobile: the activations by hand and by differences, and channels that the image weighs."""

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close
from test_network import assert_as_before, state

from bnlib.gradcheck import max_error
from bnlib.network import (
    BatchNorm,
    Flatten,
    GlobalMeanPool,
    HardSigmoid,
    HardSwish,
    Linear,
    ReLU,
    Sequential,
    SqueezeExcitation,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_hard_sigmoid_by_hand():
    """With slope 1/5 the ends are at -2.5 and 2.5."""
    part, x = HardSigmoid(0.2), np.array([-2.6, -2.4, 0.0, 2.4, 2.6])
    assert_close(part(x), [0, 0.02, 0.5, 0.98, 1])
    assert_close(part.backward(np.array([1.0, 2, 3, 4, 5])), [0, 0.4, 0.6, 0.8, 0])
    assert HardSigmoid().slope == 1 / 6


def test_hard_swish_by_hand():
    """Between -3 and 3 it is x (x + 3) / 6."""
    part, x = HardSwish(), np.array([-4.0, -1.0, 1.0, 5.0])
    assert_close(part(x), [0, -1 / 3, 2 / 3, 5])
    assert_close(part.backward(np.array([1.0, 6, 6, 2])), [0, 1, 5, 2])


@pytest.mark.parametrize("part", [HardSigmoid(), HardSigmoid(0.2), HardSwish()])
def test_activations_by_differences(part):
    """No value is so near to an end that a difference would reach over it."""
    x, dy = rng().normal(size=(5, 4)) * 3, rng(1).normal(size=(5, 4))
    assert np.abs(np.abs(x) - 3).min() > 1e-3 < np.abs(np.abs(x) - 2.5).min()
    part(x)
    assert max_error(part, x, dy, part.backward(dy)) < GRADCHECK
    assert np.isnan(part(np.array([np.nan]))).all()


@pytest.mark.parametrize("part", [HardSigmoid(), HardSwish(), SqueezeExcitation(GlobalMeanPool())])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_stays(part, dtype):
    x = rng().normal(size=(2, 3, 4, 5)).astype(dtype)
    y = part(x)
    assert y.dtype == part.backward(y).dtype == dtype


def gated():
    return SqueezeExcitation(
        Sequential(GlobalMeanPool(), Linear(3, 2, rng()), ReLU(), Linear(2, 3, rng(1)), HardSigmoid())
    )


def test_squeeze_and_excitation():
    part, x = gated(), rng(2).normal(size=(2, 3, 4, 5))
    weights = part.gate(x)
    for n, c in np.ndindex(2, 3):
        assert_close(part(x)[n, c], weights[n, c] * x[n, c])
    dy = rng(3).normal(size=x.shape)
    assert max_error(part, x, dy, part.backward(dy)) < GRADCHECK
    assert [type(owner) for owner, _ in part.parameters()] == [Linear] * 4
    part(x)
    part.backward(dy)
    assert_close(part.gate.parts[3].dbias, 1 / 6 * (dy * x).sum(axis=(0, 2, 3)))


def test_squeeze_and_excitation_is_a_container():
    part = SqueezeExcitation(Sequential(GlobalMeanPool(), BatchNorm(3)))
    assert len(part.batch_norms()) == 1
    assert not part.eval().batch_norms()[0].training
    with pytest.raises(RuntimeError, match="backward needs a call before it"):
        part.backward(np.ones((2, 3, 4, 5)))


def test_weights_of_another_shape_are_refused():
    part = SqueezeExcitation(Sequential(Flatten(), BatchNorm(60)))
    before = list(state(part))
    with pytest.raises(ValueError, match=r"gate\(x\) must have shape \(2, 3\), got \(2, 60\)"):
        part(rng().normal(size=(2, 3, 4, 5)))
    assert_as_before(before)
