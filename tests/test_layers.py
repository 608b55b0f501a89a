"""bnlib.layers: what BatchNorm keeps, when it moves it, and that an error leaves it as it was."""

import copy

import numpy as np
import pytest
from helpers import BATCH, assert_close, assert_same

from bnlib import (
    BatchNorm,
    batch_norm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_eval_backward,
)

C = 3
STATE = (
    "gamma",
    "beta",
    "running_mean",
    "running_var",
    "num_batches_tracked",
    "training",
    "dgamma",
    "dbeta",
)


def data(seed=0, shape=(4, C, 2)):
    return BATCH[3]._replace(shape=shape).draw(seed)


def trained(**options):
    """A float64 layer with parameters of its own, after two updates."""
    layer = BatchNorm(C, 0.02, 0.3, dtype=np.float64, **options)
    if layer.gamma is not None:
        layer.gamma = np.array([-1.5, 2.0, 0.7])
    if layer.beta is not None:
        layer.beta = np.array([0.5, -3.0, 2.0])
    layer(data(1)[0])
    layer(data(2)[0])
    return layer


def snapshot(layer):
    state = copy.deepcopy({name: getattr(layer, name) for name in vars(layer) if name != "_cache"})
    return state, layer._cache


def assert_unchanged(layer, before):
    state, cache = before
    assert layer._cache is cache
    assert vars(layer).keys() == {*state, "_cache"}
    for name, value in state.items():
        assert type(getattr(layer, name)) is type(value)
        if value is not None:
            assert_same(getattr(layer, name), value)


def test_a_new_layer():
    layer = BatchNorm(C)
    for name, wanted in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
        assert_same(getattr(layer, name), np.full(C, wanted, np.float32))
    assert (layer.num_features, layer.eps, layer.momentum, layer.axis) == (C, 1e-5, 0.1, 1)
    assert layer.num_batches_tracked == 0
    assert layer.training is layer.affine is layer.track_running_stats is True
    assert layer.dgamma is layer.dbeta is None
    assert not np.shares_memory(layer.gamma, layer.running_var)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_the_state(dtype):
    layer = BatchNorm(C, dtype=dtype)
    x, _, _, dy = data()
    y, dx = layer(x.astype(np.float32)), layer.backward(dy)
    assert y.dtype == dx.dtype == np.float32
    for name in ("gamma", "beta", "running_mean", "running_var", "dgamma", "dbeta"):
        assert getattr(layer, name).dtype == dtype


def test_positional_arguments():
    layer = BatchNorm(C, 0.5, 0.25, False, False)
    assert (layer.eps, layer.momentum, layer.affine, layer.track_running_stats) == (0.5, 0.25, False, False)
    assert layer.gamma is layer.beta is layer.running_mean is layer.running_var is None
    assert layer.num_batches_tracked is None


def test_bias_false_leaves_out_beta_alone():
    layer = BatchNorm(C, bias=False)
    assert layer.beta is None
    assert_same(layer.gamma, np.ones(C, np.float32))
    assert BatchNorm(C, affine=False, bias=False).gamma is None


@pytest.mark.parametrize(("shape", "axis"), [((4, C, 2), 1), ((4, 2, C), -1), ((C, 5), 0)])
@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"bias": False}, {"track_running_stats": False}]
)
def test_training_mode_is_batch_norm(shape, axis, options):
    layer = trained(**options)
    layer.axis = axis
    x, _, _, dy = data(5, shape)
    y, dx = layer(x), layer.backward(dy)
    wanted, cache = batch_norm(x, layer.gamma, layer.beta, eps=0.02, axis=axis)
    gradients = batch_norm_backward(dy, cache)
    assert_same(y, wanted)
    assert_same(dx, gradients[0])
    for got, right in zip((layer.dgamma, layer.dbeta), gradients[1:], strict=True):
        assert got is right is None or np.array_equal(got, right)


def test_axis_of_the_constructor():
    x = data(5, (4, 2, C))[0]
    layer = BatchNorm(C, axis=-1)
    assert_same(layer(x), batch_norm(x, axis=-1)[0])
    wanted = batch_norm_eval(x, layer.running_mean, layer.running_var, axis=-1)[0]
    assert_same(layer.eval()(x), wanted)


def test_tracking_switched_off_keeps_the_running_statistics_for_evaluation():
    layer = trained()
    layer.track_running_stats = False
    before = snapshot(layer)[0]
    x = data(5)[0]
    layer(x)
    assert_unchanged(layer, (before, layer._cache))
    wanted, _ = batch_norm_eval(
        x, layer.running_mean, layer.running_var, layer.gamma, layer.beta, eps=layer.eps
    )
    assert_same(layer.eval()(x), wanted)


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}])
def test_eval_mode_uses_and_keeps_the_running_statistics(options):
    layer = trained(**options).eval()
    before = snapshot(layer)[0]
    x, _, _, dy = data(5)
    wanted, cache = batch_norm_eval(
        x, layer.running_mean, layer.running_var, layer.gamma, layer.beta, eps=0.02
    )
    assert_same(layer(x), wanted)
    assert_unchanged(layer, (before, layer._cache))
    dx, dgamma, dbeta = batch_norm_eval_backward(dy, cache)
    assert_same(layer.backward(dy), dx)
    for got, right in zip((layer.dgamma, layer.dbeta), (dgamma, dbeta), strict=True):
        assert got is right is None or np.array_equal(got, right)


def test_running_statistics_over_two_updates():
    layer, mean, var = BatchNorm(C, momentum=0.3, dtype=np.float64), np.zeros(C), np.ones(C)
    for seed in (1, 2):
        x = data(seed)[0]
        layer(x)
        mean = 0.7 * mean + 0.3 * x.mean(axis=(0, 2))
        var = 0.7 * var + 0.3 * x.var(axis=(0, 2), ddof=1)
        assert layer.num_batches_tracked == seed
        assert_close(layer.running_mean, mean)
        assert_close(layer.running_var, var)


def test_momentum_default_is_a_tenth():
    layer, x = BatchNorm(C, dtype=np.float64), data()[0]
    layer(x)
    assert_close(layer.running_mean, 0.1 * x.mean(axis=(0, 2)))


def test_momentum_none_is_the_average_of_all_batches():
    layer = BatchNorm(C, momentum=None, dtype=np.float64)
    batches = [data(seed)[0] for seed in range(4)]
    for x in batches:
        layer(x)
    assert_close(layer.running_mean, np.mean([x.mean(axis=(0, 2)) for x in batches], axis=0))
    assert_close(layer.running_var, np.mean([x.var(axis=(0, 2), ddof=1) for x in batches], axis=0))


def test_without_running_statistics_eval_mode_normalises_by_the_batch():
    layer = trained(track_running_stats=False)
    x = data(5)[0]
    y = layer(x)
    assert_same(layer.eval()(x), y)
    assert layer.running_mean is layer.running_var is layer.num_batches_tracked is None
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(np.ones((1, C)))


def test_modes():
    layer = BatchNorm(C)
    assert layer.eval() is layer
    assert layer.training is False
    assert layer.train() is layer
    assert layer.training is True
    assert layer.train(False).training is False
    assert layer.train(np.True_).training is True
    assert layer.train(mode=False).training is False


def test_backward_goes_through_the_mode_of_the_last_call():
    """Switching the mode between the passes changes nothing."""
    layer = trained()
    x, _, _, dy = data(5)
    layer(x)
    through_the_batch = layer.eval().backward(dy)
    assert_close(through_the_batch.sum(axis=(0, 2)), np.zeros(C))
    layer(x)
    wanted = dy * (layer.gamma / np.sqrt(layer.running_var + 0.02))[:, None]
    assert_close(layer.train().backward(dy), wanted)


def test_backward_fills_the_gradients_anew():
    layer = trained()
    x, _, _, dy = data(5)
    layer(x)
    layer.backward(dy)
    first = layer.dgamma.copy(), layer.dbeta.copy()
    assert_close(layer.dbeta, dy.sum(axis=(0, 2)))
    layer.backward(3 * dy)
    assert_close(layer.dgamma, 3 * first[0])
    assert_close(layer.dbeta, 3 * first[1])


def test_backward_needs_a_call():
    layer = BatchNorm(C)
    with pytest.raises(RuntimeError, match=r"^backward needs a call before it: there is no x to different"):
        layer.backward(np.ones((2, C)))
    assert layer.dgamma is layer.dbeta is None


def test_an_empty_batch_is_counted_and_moves_nothing():
    layer = trained()
    before = snapshot(layer)[0]
    y = layer(np.empty((0, C, 2), np.float32))
    assert (y.shape, y.dtype) == ((0, C, 2), np.float32)
    before["num_batches_tracked"] = 3
    assert_unchanged(layer, (before, layer._cache))
    assert layer.backward(y).shape == (0, C, 2)
    assert_same(layer.dgamma, np.zeros(C))
    assert layer.eval()(y).shape == (0, C, 2)
    assert layer.num_batches_tracked == 3


def test_nan_stays_in_its_channel():
    layer = trained()
    x = data(5)[0]
    x[0, 1, 0] = np.nan
    layer(x)
    assert (
        np.isnan(layer.running_mean).tolist()
        == np.isnan(layer.running_var).tolist()
        == [False, True, False]
    )


def test_a_call_keeps_the_parameters_and_moves_new_arrays():
    """Whoever holds the old running statistics still has them."""
    layer = trained()
    mean, var, gamma, beta = layer.running_mean, layer.running_var, layer.gamma, layer.beta
    copies = [array.copy() for array in (mean, var)]
    layer(data(5)[0])
    assert layer.gamma is gamma
    assert layer.beta is beta
    assert_same(mean, copies[0])
    assert_same(var, copies[1])


NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "running_mean",
    "running_var": "running_var",
    "num_batches_tracked": "num_batches_tracked",
}


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ({}, ()),
        ({"affine": False}, ("weight", "bias")),
        ({"bias": False}, ("bias",)),
        ({"track_running_stats": False}, ("running_mean", "running_var", "num_batches_tracked")),
    ],
)
def test_state_dict(options, absent):
    layer = trained(**options)
    state = layer.state_dict()
    assert list(state) == [key for key in NAMES if key not in absent]
    before = snapshot(layer)
    for key, array in state.items():
        assert isinstance(array, np.ndarray)
        assert_same(array, getattr(layer, NAMES[key]))
        array += 1
    assert_unchanged(layer, before)


def test_load_state_dict():
    source, layer = trained(), BatchNorm(C, 0.02, 0.3)
    state = source.state_dict()
    assert layer.load_state_dict(state) is None
    assert type(layer.num_batches_tracked) is int
    for key, name in NAMES.items():
        wanted = state[key] if name == "num_batches_tracked" else state[key].astype(np.float32)
        assert_same(getattr(layer, name), wanted)
        assert not np.shares_memory(getattr(layer, name), state[key])
    x = data(5)[0]
    other = BatchNorm(C, 0.02, 0.3, dtype=np.float64)
    other.load_state_dict(state)
    for array in state.values():
        array += 1
    assert_same(other.eval()(x), source.eval()(x))
    other.train()(x)
    assert other.num_batches_tracked == 3


GOOD_X, GOOD_DY = data(5)[0], data(5)[3]


def with_state(key, value):
    return {**trained().state_dict(), key: value}


WRONG_CALLS = {
    "integers": lambda layer: layer(GOOD_X.astype(int)),
    "rank": lambda layer: layer(GOOD_X[0, :, 0]),
    "channels": lambda layer: layer(GOOD_X[:, :2]),
    "one value": lambda layer: layer(GOOD_X[:1, :, :1]),
    "none": lambda layer: layer(None),
    "dy shape": lambda layer: layer.backward(GOOD_DY[:2]),
    "dy integers": lambda layer: layer.backward(GOOD_DY.astype(int)),
    "dy none": lambda layer: layer.backward(None),
    "mode": lambda layer: layer.train(1),
    "state none": lambda layer: layer.load_state_dict(None),
    "state lacks a key": lambda layer: layer.load_state_dict({"weight": np.ones(C)}),
    "state has a key more": lambda layer: layer.load_state_dict(with_state("gamma", np.ones(C))),
    "state has integers": lambda layer: layer.load_state_dict(with_state("bias", np.ones(C, int))),
    "state has none": lambda layer: layer.load_state_dict(with_state("running_var", None)),
    "state has a length": lambda layer: layer.load_state_dict(with_state("running_var", np.ones(C + 1))),
    "state counts a half": lambda layer: layer.load_state_dict(with_state("num_batches_tracked", 1.5)),
    "state counts twice": lambda layer: layer.load_state_dict(
        with_state("num_batches_tracked", np.array([1, 2]))
    ),
}


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_an_error_leaves_the_layer_as_it_was(call):
    layer = trained()
    layer(GOOD_X)
    layer.backward(GOOD_DY)
    before = snapshot(layer)
    with pytest.raises((TypeError, ValueError)):
        WRONG_CALLS[call](layer)
    assert_unchanged(layer, before)
    if call in ("integers", "rank", "channels", "none"):
        with pytest.raises((TypeError, ValueError)):
            WRONG_CALLS[call](layer.eval())
        before[0]["training"] = False
        assert_unchanged(layer, before)


def test_a_failed_first_call_leaves_nothing_to_differentiate():
    layer = BatchNorm(C)
    with pytest.raises(ValueError):
        layer(np.ones((1, C)))
    with pytest.raises(RuntimeError):
        layer.backward(np.ones((1, C)))
    assert layer.num_batches_tracked == 0


def test_every_attribute_of_the_docstring_is_there():
    assert set(STATE) <= set(vars(BatchNorm(C)))


def test_a_fresh_state_can_be_loaded():
    """A count of 0 is no error."""
    layer = trained()
    layer.load_state_dict(BatchNorm(C).state_dict())
    assert layer.num_batches_tracked == 0


def test_a_step_in_place_leaves_the_gradient_of_the_last_call():
    layer, (x, *_, dy) = BatchNorm(C), data()
    layer(x)
    wanted = layer.backward(dy)
    layer.gamma *= 5
    assert_same(layer.backward(dy), wanted)


def test_a_variance_below_one_can_be_loaded():
    """Down to 0, that of a channel that never varied."""
    layer, var = BatchNorm(C), np.linspace(0, 0.9, C, dtype=np.float32)
    layer.load_state_dict({**layer.state_dict(), "running_var": var})
    assert_same(layer.running_var, var)
