"""Bad input: what is refused, and with which words. `REFUSED` is all of it, in one table.

Every message names the argument, what was seen and what was wanted.
"""

import inspect
from math import inf, nan

import numpy as np
import pytest

import bnlib
from bnlib import (
    BatchNorm,
    ChannelStats,
    batch_norm,
    batch_norm_eval,
    batch_renorm,
    channel_stats,
    conventions,
    filter_response_norm,
    fold,
    ghost_batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    pooled_batch_norm,
    rms_norm,
    update_running,
)
from bnlib.engine import using
from bnlib.gradcheck import max_error, numerical_gradient
from bnlib.network import (
    TLU,
    Conv2d,
    Dropout,
    GlobalMeanPool,
    HardSigmoid,
    HardSwish,
    Linear,
    MaxPool2d,
    Sigmoid,
    SqueezeExcitation,
    cycle,
    mlp,
    sgd_step,
    train,
)
from bnlib.running import debias

RNG = np.random.default_rng(0)
X, P, Q = RNG.normal(size=(4, 6, 2)), RNG.normal(size=6), RNG.normal(size=2)
STATS, BLOBS = ChannelStats(8, P, P * P), conventions.CaffeBlobs(P, P * P, 2.0)
blobs = BLOBS._replace
layer = BatchNorm(6)
layer(X)  # so that there is a way back


def call_in_training(x, axis):
    return BatchNorm(6, axis=axis)(x)


def call_in_evaluation(x, axis):
    return BatchNorm(6, axis=axis).eval()(x)


def load(state, track_running_stats):
    return BatchNorm(6, track_running_stats=track_running_stats).load_state_dict(state)


def state(**changed):
    return layer.state_dict() | changed


def merge(others):
    return STATS.merge(*others)


def var_unbiased(count):
    return ChannelStats(count, P, P).var_unbiased


def call_linear(features):
    return Linear(4, 3, RNG)(features)


def call_convolution(images):
    return Conv2d(3, 2, 5, RNG, padding=1)(images)


def call_max_pooling(images):
    return MaxPool2d(5)(images)


def call_mean_pooling(images):
    return GlobalMeanPool()(images)


def call_sigmoid(values):
    return Sigmoid()(values)


def call_hard_sigmoid(values):
    return HardSigmoid()(values)


def call_hard_swish(values):
    return HardSwish()(values)


def call_gate(images):
    return SqueezeExcitation(GlobalMeanPool())(images)


def call_tlu(values, axis):
    return TLU(6, axis)(values)


def call_dropout(values):
    return Dropout(0.5, RNG)(values)


def take_step(labels, learning_rate, decay):
    return sgd_step(mlp([6, 4], RNG), X[:, :, 0], labels, learning_rate, decay=decay)


def take_steps(labels, learning_rate, decay, steps, size, rng, progress):
    how = {"learning_rate": learning_rate, "decay": decay, "steps": steps, "size": size}
    return train(mlp([6, 4], RNG), X[:, :, 0], labels, **how, rng=rng, progress=progress)


IMAGES, LABELS = RNG.normal(size=(2, 3, 5, 6)), np.array([0, 3, 1, 3])
GOOD = {
    channel_stats: {"x": X, "axis": 1},
    batch_norm: {"x": X, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    batch_norm_eval: {"x": X, "mean": P, "var": P * P, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    fold: {
        "weight": X, "bias": P, "mean": P, "var": P * P, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1,
    },
    layer_norm: {"x": X, "normalized_shape": (2,), "gamma": Q, "beta": Q, "eps": 1e-5},
    group_norm: {"x": X, "num_groups": 3, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    instance_norm: {"x": X, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    rms_norm: {"x": X, "normalized_shape": 2, "gamma": Q, "eps": 1e-5},
    pooled_batch_norm: {"x": X, "past": STATS, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    ghost_batch_norm: {"x": X, "ghost_size": 2, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    batch_renorm: {
        "x": X, "running_mean": P, "running_var": P * P, "gamma": P, "beta": P, "r_max": 3.0, "d_max": 5.0,
        "eps": 1e-5, "axis": 1,
    },
    filter_response_norm: {"x": X, "gamma": P, "beta": P, "eps": 1e-6, "axis": 1},
    update_running: {
        "running_mean": P, "running_var": P, "stats": STATS, "momentum": 0.3, "unbiased": True,
    },
    BatchNorm: {
        "num_features": 6, "eps": 1e-5, "momentum": 0.3, "affine": True, "track_running_stats": True,
        "bias": True, "axis": 1, "dtype": np.float64, "engine": None,
    },
    call_in_training: {"x": X, "axis": 1},
    call_in_evaluation: {"x": X, "axis": 1},
    layer.backward: {"dy": X},
    layer.train: {"mode": True},
    load: {"state": state(), "track_running_stats": True},
    using: {"engine": "numpy"},
    ChannelStats: {"count": 8, "mean": P, "var": P},
    merge: {"others": (STATS,)},
    var_unbiased: {"count": 8},
    debias: {"running": P, "momentum": 0.3, "steps": 2, "start": P},
    conventions.weight_of_new: {"momentum": 0.3, "convention": "keras"},
    conventions.convert_running_var: {"running_var": P, "count": 8, "source": "keras", "target": "caffe"},
    conventions.update_caffe: {"blobs": BLOBS, "stats": STATS, "moving_average_fraction": 0.9},
    conventions.from_caffe: {"blobs": BLOBS},
    conventions.to_caffe: {"running_mean": P, "running_var": P},
    numerical_gradient: {"function": np.sin, "x": X, "dy": X, "step": 1e-6},
    max_error: {"function": np.sin, "x": X, "dy": X, "dx": X, "step": 1e-6},
    Linear: {"in_features": 4, "out_features": 3, "rng": RNG, "bias": True, "dtype": np.float64},
    call_linear: {"features": np.ones((5, 4))},
    Conv2d: {
        "in_channels": 3, "out_channels": 2, "size": 5, "rng": RNG, "stride": 2, "padding": 1, "bias": True,
        "dtype": np.float64, "groups": 1,
    },
    call_convolution: {"images": IMAGES},
    MaxPool2d: {"size": 2, "stride": 2},
    call_max_pooling: {"images": IMAGES},
    call_mean_pooling: {"images": IMAGES},
    call_sigmoid: {"values": X},
    HardSigmoid: {"slope": 0.2},
    call_hard_sigmoid: {"values": X},
    call_hard_swish: {"values": X},
    call_gate: {"images": IMAGES},
    TLU: {"num_features": 6, "axis": 1, "dtype": np.float64},
    call_tlu: {"values": X, "axis": 1},
    Dropout: {"drop": 0.5, "rng": RNG},
    call_dropout: {"values": X},
    take_step: {"labels": LABELS, "learning_rate": 0.1, "decay": 0.1},
    take_steps: {
        "labels": LABELS, "learning_rate": 0.1, "decay": 0.1, "steps": 2, "size": 3, "rng": RNG,
        "progress": None,
    },
    cycle: {"count": 4, "size": 3, "steps": 2, "rng": RNG},
}  # fmt: skip
DIFFERENCES = {numerical_gradient, max_error}
LAYER = {call_in_training, call_in_evaluation}
NORMS = (
    batch_norm, batch_norm_eval, layer_norm, group_norm, instance_norm, rms_norm, pooled_batch_norm,
    ghost_batch_norm, batch_renorm, filter_response_norm,
)  # fmt: skip
BACKWARD = [getattr(bnlib, f"{norm.__name__}_backward") for norm in NORMS]
CACHES = [norm(**GOOD[norm])[1] for norm in NORMS]
GOOD |= {backward: {"dy": X, "cache": cache} for backward, cache in zip(BACKWARD, CACHES, strict=True)}


def rows(arguments, wrong, error=None, message="", of=GOOD, **also):
    """One rule: a row for every call that takes one of the arguments, and every wrong value.

    `wrong` is a list, or a function that makes one of the good value. `also` is changed together with it.
    """
    takers = [(call, one) for call in GOOD for one in arguments.split() if call in of and one in GOOD[call]]
    assert takers, f"no such call takes any of {arguments}"
    for call, argument in takers:
        good = GOOD[call][argument]
        for value in wrong(good) if callable(wrong) else wrong:
            seen = {"argument": argument, "good": good, "value": value, "type": type(value).__name__}
            yield call, {argument: value, **also}, error, message.format(floats=FLOATS, **seen)


def all_but(*calls):
    return GOOD.keys() - set(calls)


def ones(*shapes):
    return [np.ones(shape) for shape in shapes]


def words_of_numpy(function, *given):
    """What the NumPy that is installed says."""
    with pytest.raises((TypeError, ValueError)) as caught:
        function(*given)
    return str(caught.value)


FLOATS = "float16, float32 or float64"
ARRAYS = "x dy dx weight gamma beta mean var running running_mean running_var"
STATISTICS = {batch_norm_eval, fold, update_running, batch_renorm}  # of the channels of another argument
CONSTANTS = batch_norm_eval, fold
DTYPES = ["int32", "int64", "uint8", "bool", "complex128", "complex64", "object", "<U1", "M8[s]"]
DTYPES += ["longdouble"] * (np.dtype("longdouble").itemsize > 8)  # elsewhere it is float64
RAGGED = [[1.0, 2.0], [3.0]]
SHAPES = ones((5,), (7,), (1,), (), (6, 1), (1, 6), (0,))
INTS = np.ones(6, np.int64)
KEYS = "'num_batches_tracked', 'running_mean', 'running_var', 'weight'"

REFUSED = [
    # an array: its dtype
    *rows(ARRAYS, lambda good: [np.ones(good.shape, dtype) for dtype in DTYPES], TypeError,
          "{argument} must have dtype {floats}, got {value.dtype}"),
    *rows(ARRAYS, [RAGGED], ValueError,
          "{argument} must be a rectangular array: " + words_of_numpy(np.asarray, RAGGED)),
    *rows(ARRAYS, lambda good: [np.ma.array(good, mask=good > 0)], TypeError,
          "{argument} must be a plain array, got a masked one, whose mask would be lost"),
    *rows("x dy dx running weight", [None], TypeError, "{argument} must have dtype {floats}, got object"),
    *rows("mean running_mean", [None], TypeError, "{argument} must have dtype {floats}, got object",
          of={ChannelStats, conventions.to_caffe}),
    *rows("running_var", [None], TypeError, "running_var must have dtype {floats}, got object",
          of={conventions.convert_running_var}),
    *rows("x dy dx", [X.astype(np.float32)], TypeError,
          "{argument} must be float64 for central differences, got float32", of=DIFFERENCES),

    # its shape, where another argument gives it
    *rows("gamma beta", SHAPES, ValueError, "{argument} must have shape {good.shape}, got {value.shape}"),
    *rows("mean var running_mean running_var", SHAPES, ValueError,
          "{argument} must have shape (6,), got {value.shape}", of=STATISTICS),
    *rows("var running_var", SHAPES, ValueError,
          "{argument} must have shape (6,), got {value.shape}", of={ChannelStats, conventions.to_caffe}),
    *rows("mean var running_mean running_var", [None], TypeError,
          "{argument} must be an array of shape (6,), got None", of=STATISTICS),
    *rows("var running_var", [None], TypeError,
          "{argument} must be an array of shape (6,), got None", of={ChannelStats, conventions.to_caffe}),
    *rows("mean", [1.0], ValueError, "mean must have shape (C,), got ()", of={ChannelStats}),
    *rows("mean", ones((3, 2), ()), ValueError,
          "mean must have shape (C,), got {value.shape}", of={ChannelStats}),
    *rows("mean", ones(3), ValueError, "var must have shape (3,), got (6,)", of={ChannelStats}),
    *rows("start", ones(5, (6, 1), (2, 6)), ValueError, "start must have shape (6,), got {value.shape}"),
    *rows("axis", [0, -3], ValueError,
          "gamma must have shape (4,), got (6,)",
          of={batch_norm, instance_norm, ghost_batch_norm, filter_response_norm}),
    *rows("axis", [2, -1], ValueError,
          "gamma must have shape (2,), got (6,)",
          of={batch_norm, instance_norm, ghost_batch_norm, filter_response_norm}),
    *rows("axis", [0, -3], ValueError, "running_mean must have shape (4,), got (6,)", of={batch_renorm}),
    *rows("axis", [0, -3], ValueError, "past must have 4 channels, got 6", of={pooled_batch_norm}),
    *rows("past", [ChannelStats(8, Q, Q), ChannelStats(0, Q, Q)], ValueError,
          "past must have 6 channels, got 2"),
    *rows("past", [ChannelStats(8, P, -P * P), ChannelStats(8, P, 0 * P - 1e-300)], ValueError,
          "past must have variances of at least 0, got {value.var[0]}"),
    *rows("past", [None, (8, P, P), X], TypeError, "past must be a ChannelStats, got {type}"),
    *rows("running_var", [-np.ones(6), 0 * P - 1e-300], ValueError,
          "running_var must be at least 0, got {value[0]}", of={batch_renorm}),
    *rows("axis", [0, -3], ValueError, "bias must have shape (4,), got (6,)", of={fold}),
    *rows("axis", [2, -1], ValueError, "mean must have shape (2,), got (6,)", of={fold}, bias=None),
    *rows("bias", [RAGGED], ValueError,
          "bias must be a rectangular array: " + words_of_numpy(np.asarray, RAGGED), of={fold}),
    *rows("bias", [INTS], TypeError, "bias must have dtype {floats}, got int64", of={fold}),
    *rows("bias", SHAPES, ValueError, "bias must have shape (6,), got {value.shape}", of={fold}),
    *rows("weight", [np.ones(())], ValueError, "axis must be in [0, 0) for shape (), got 1"),
    *rows("weight", ones((6, 5)), ValueError, "bias must have shape (5,), got (6,)"),
    *rows("normalized_shape", [(6, 2)], ValueError, "gamma must have shape (6, 2), got (2,)"),
    *rows("dy", ones((4, 6), (4, 2, 6), (4, 6, 2, 1), (4, 6, 1), 48, (), (4, 3, 2, 2), (5, 6, 2)),
          ValueError, "dy must have the shape of y, (4, 6, 2), got {value.shape}",
          of=all_but(*DIFFERENCES)),
    *rows("dy", ones((4, 6)), ValueError,
          "dy must have the shape of function(x), (4, 6, 2), got (4, 6)", of=DIFFERENCES),
    *rows("dx", ones((6, 2)), ValueError, "dx must have the shape of x, (4, 6, 2), got (6, 2)"),

    # x and its channel axis
    *rows("x", ones((), 6), ValueError, "x must have at least 2 axes (N, C, *S), got shape {value.shape}",
          of=all_but(layer_norm, rms_norm, *DIFFERENCES)),
    *rows("x", [X[:, :5]], ValueError, "x must have 6 channels on axis 1, got shape (4, 5, 2)", of=LAYER),
    *rows("axis", [-1], ValueError, "x must have 6 channels on axis -1, got shape (4, 6, 2)",
          of=LAYER | {call_tlu}),
    *rows("axis", [3, 17, -4], ValueError, "axis must be in [-3, 3) for shape (4, 6, 2), got {value}",
          of=all_but(BatchNorm, TLU)),  # which see x later
    *rows("x", ones((1, 6), (1, 6, 1)), ValueError,
          "x must have more than 1 value per channel in training, got {value.shape}",
          of={batch_norm, call_in_training, batch_renorm}),
    *rows("x", ones((1, 6), (1, 6, 1)), ValueError,
          "x and past must have more than 1 value per channel together, got {value.shape}",
          of={pooled_batch_norm}, past=ChannelStats(0, P, P)),
    *rows("x", ones((2, 6), (5, 6, 1)), ValueError,
          "x must have more than 1 value to share a mean, got shape {value.shape}",
          of={ghost_batch_norm}, ghost_size=1),
    *rows("ghost_size", [3, 5, 8], ValueError, "ghost_size must divide the 4 samples, got {value}"),
    *rows("axis", [0], ValueError, "ghost_size must divide the 6 samples, got 4",
          of={ghost_batch_norm}, ghost_size=4),
    *rows("x", ones((4, 6)), ValueError,
          "x must have at least 3 axes (N, C, *S), got shape (4, 6)", of={filter_response_norm}),
    *rows("x", ones((2, 6), (5, 6, 1)), ValueError,
          "x must have more than 1 value to share a mean, got shape {value.shape}",
          of={instance_norm}, gamma=None, beta=None),
    *rows("x", ones((2, 3)), ValueError, "x must have more than 1 value to share a mean, got shape (2, 3)",
          of={group_norm}, gamma=None, beta=None),
    *rows("features", ones((5, 3), (5, 4, 1), 4), ValueError,
          "x must have shape (N, 4), got {value.shape}"),

    *rows("images", ones((2, 4, 5, 5), (3, 5, 5), (2, 3, 5, 5, 5), 3), ValueError,
          "x must have shape (N, 3, H, W), got {value.shape}", of={call_convolution}),
    *rows("images", ones((3, 5, 5), (2, 3, 5, 5, 5), 3), ValueError,
          "x must have shape (N, C, H, W), got {value.shape}",
          of={call_max_pooling, call_mean_pooling, call_gate}),
    *rows("images", ones((2, 3, 2, 8)), ValueError,
          "x must be at least 5 x 5 with its padding, got 4 x 10", of={call_convolution}),
    *rows("images", ones((2, 3, 3, 2)), ValueError,
          "x must be at least 5 x 5 with its padding, got 5 x 4", of={call_convolution}),
    *rows("images", ones((2, 3, 4, 8), (2, 3, 8, 4)), ValueError,
          "x must be at least 5 x 5 with its padding, got {value.shape[2]} x {value.shape[3]}",
          of={call_max_pooling}),
    *rows("values", [X[:, :5]], ValueError, "x must have 6 channels on axis 1, got shape (4, 5, 2)",
          of={call_tlu}),
    *rows("values", ones((), 6), ValueError,
          "x must have at least 2 axes (N, C, *S), got shape {value.shape}", of={call_tlu}),
    *rows("images values", lambda good: [np.ones(good.shape, dtype) for dtype in DTYPES], TypeError,
          "x must have dtype {floats}, got {value.dtype}"),

    # labels
    *rows("labels", [LABELS[:3], LABELS[:, None], np.int64(1)], ValueError,
          "labels must have shape (4,) and not be empty, got {value.shape}"),
    *rows("labels", [LABELS * 1.0, LABELS > 1], TypeError, "labels must be integers, got {value.dtype}"),
    *rows("labels", [LABELS + 1], ValueError, "labels must be in [0, 4), got 1 to 4", of={take_step}),
    *rows("labels", [LABELS - 1], ValueError, "labels must be in [0, 4), got -1 to 2", of={take_step}),

    # an integer, and normalized_shape, which may be several
    *rows("axis num_groups ghost_size num_features count steps in_features out_features in_channels"
          " out_channels size padding groups", [1.0, "1", None, True, np.True_, (1,), np.array([1, 0])],
          TypeError, "{argument} must be an integer, got {value!r}"),
    *rows("stride", [1.0, "1", True, (1,)], TypeError, "stride must be an integer, got {value!r}"),
    *rows("stride", [None], TypeError, "stride must be an integer, got None", of={Conv2d}),  # else the size
    *rows("num_groups ghost_size num_features steps in_features out_features normalized_shape", [0, -1, -2],
          ValueError, "{argument} must be at least 1, got {value}"),
    *rows("in_channels out_channels size stride groups", [0, -1, -2],
          ValueError, "{argument} must be at least 1, got {value}"),
    *rows("stride", [(0, 1), (1, 0)], ValueError, "stride must be at least 1, got 0", of={Conv2d}),
    *rows("stride", [(1, 2.0)], TypeError, "stride must be an integer, got 2.0", of={Conv2d}),
    *rows("stride", [(1, 1, 1)], TypeError, "stride must be an integer, got (1, 1, 1)"),
    *rows("groups", [2, 4], ValueError, "groups must divide the 3 in_channels, got {value}"),
    *rows("groups", [3], ValueError, "groups must divide the 2 out_channels, got 3"),
    *rows("padding", [-1, -2], ValueError, "padding must be at least 0, got {value}"),
    *rows("size", [5, 64], ValueError,
          "size must be at most the 4 rows there are, got {value}", of={cycle, take_steps}),
    *rows("count", [2], ValueError, "size must be at most the 2 rows there are, got 3", of={cycle}),
    *rows("count", [-1], ValueError, "count must be at least 0, got -1", of={ChannelStats, var_unbiased}),
    *rows("count", [0, 1], ValueError,
          "var_unbiased needs a count of at least 2, got {value}", of={var_unbiased}),
    *rows("count", [1, 0, -3], ValueError,
          "count must be at least 2, got {value}", of={conventions.convert_running_var}),
    *rows("num_groups", [4, 5, 7, 12], ValueError, "num_groups must divide the 6 channels, got {value}"),
    *rows("axis", [0], ValueError, "num_groups must divide the 4 channels, got 3", of={group_norm}),
    *rows("normalized_shape", [2.0, None, "2", True], TypeError,
          "normalized_shape must be an integer, got {value!r}"),
    *rows("normalized_shape", [(6, 2.0), (6, None), (6, "2"), (6, True)], TypeError,
          "normalized_shape must be an integer, got {value[1]!r}"),
    *rows("normalized_shape", [(3,), (6,), (4, 2), (1, 4, 6, 2), (2, 6), ()], ValueError,
          "normalized_shape must end the shape of x, (4, 6, 2), got {value}"),
    *rows("normalized_shape", [[3], 3], ValueError,
          "normalized_shape must end the shape of x, (4, 6, 2), got (3,)"),
    *rows("normalized_shape", [(1,), ()], ValueError,
          "normalized_shape must end the shape of x, (), got {value}", x=np.array(1.0)),

    # a real number
    *rows("eps momentum moving_average_fraction step drop learning_rate decay slope r_max d_max",
          [True, np.False_, "1e-5", b"1e-5", 10**400, 1j], TypeError,
          "{argument} must be a real number, got {value!r}"),
    *rows("eps momentum moving_average_fraction step drop learning_rate decay slope r_max d_max",
          [[1e-5], np.array([1e-5])], TypeError, "{argument} must be a real number, got {value!r}",
          of=all_but(filter_response_norm)),  # whose eps may be an array
    *rows("eps", SHAPES[:3] + SHAPES[4:], ValueError, "eps must have shape (6,), got {value.shape}",
          of={filter_response_norm}),
    *rows("eps", [[1e-5]], ValueError, "eps must have shape (6,), got (1,)", of={filter_response_norm}),
    *rows("eps", [INTS], TypeError, "eps must have dtype {floats}, got int64", of={filter_response_norm}),
    *rows("eps", [RAGGED], ValueError,
          "eps must be a rectangular array: " + words_of_numpy(np.asarray, RAGGED),
          of={filter_response_norm}),
    *((filter_response_norm, {"eps": np.array([2.0, 1.0, one, 3.0, 1.0, 1.0])}, ValueError,
       f"eps must be positive and finite, got {one}") for one in (0.0, -1.0, nan, inf)),
    *rows("r_max", [0.9, 0.0, -3.0, 1 - 2**-53, nan], ValueError, "r_max must be at least 1, got {value}"),
    *rows("d_max", [-0.1, -1e-300, -inf, nan], ValueError, "d_max must be at least 0, got {value}"),
    *rows("eps moving_average_fraction step start drop learning_rate decay slope r_max d_max", [None],
          TypeError, "{argument} must be a real number, got None"),
    *rows("momentum", [None], TypeError,
          "momentum must be a real number, got None", of=all_but(BatchNorm)),  # None: the plain average
    *rows("eps step slope", [0.0, -1e-5, -1e-6, nan, inf, -inf], ValueError,
          "{argument} must be positive and finite, got {value}", of=all_but(*CONSTANTS)),
    *rows("eps", [0], ValueError, "eps must be positive and finite, got 0.0", of=all_but(*CONSTANTS)),
    *rows("eps", [-1e-300, -1.0, nan, inf, -inf], ValueError,
          "eps must be finite and at least 0, got {value}", of=CONSTANTS),
    *((call, {"var": np.array([2.0, 1.0, one, 3.0, 1.0, 1.0]), "eps": eps}, ValueError,
          f"var must be at least 0, and var + eps positive, got a var of {one}")
      for one, eps in ((0.0, 0.0), (-1.0, 0.5), (-1.0, 2.0), (-1e-300, 1e-5)) for call in CONSTANTS),
    *rows("learning_rate decay", [nan, inf, -inf], ValueError, "{argument} must be finite, got {value}"),
    *rows("decay", [-0.1, -1e-300], ValueError, "decay must be at least 0, got {value}"),
    *rows("drop", [1, 1.0], ValueError, "drop must be in [0, 1), got 1.0: nothing would be left"),
    *rows("momentum moving_average_fraction drop", [-0.1, 1.1, -1e-300, 1 + 2**-52, nan, inf], ValueError,
          "{argument} must be in [0, 1], got {value}"),
    *rows("momentum", [0, 0.0], ValueError,
          "momentum must be in (0, 1], got 0.0: no batch was averaged", of={debias}),

    # a flag, even where it has no effect
    *rows("affine track_running_stats bias unbiased mode", [1, 0, None, "yes", "train", 1.0], TypeError,
          "{argument} must be True or False, got {value!r}", of=all_but(fold)),
    *rows("progress", [1, "yes"], TypeError, "progress must be True or False, got {value!r}"),
    *rows("bias", ["yes"], TypeError,
          "bias must be True or False, got 'yes'", of={BatchNorm}, affine=False),
    *rows("unbiased", ["yes"], TypeError,
          "unbiased must be True or False, got 'yes'", stats=ChannelStats(0, P, P)),

    *rows("rng", [None, 0, np.random], TypeError, "rng must be a numpy.random.Generator, got {value!r}"),

    # a choice
    *((call, {"dtype": wrong}, TypeError, f"dtype must have dtype {FLOATS}, got {np.dtype(wrong)}")
      for call in (BatchNorm, Conv2d, Linear, TLU) for wrong in (int, bool, complex, object)),
    *((call, {"dtype": wrong}, TypeError, words_of_numpy(np.dtype, wrong))
      for call in (BatchNorm, Conv2d, Linear, TLU) for wrong in ("nonsense", 3, 1.5)),
    *rows("engine", ["", "numba", "Compiled", 3, True], ValueError,
          'engine must be "numpy" or "compiled", got {value!r}'),
    *rows("convention source target", ["torch", "Keras", "", None, 3, ["keras"]], ValueError,
          "convention must be one of pytorch, keras, tensorflow, flax, equinox, mlx, tinygrad, "
          "caffe, onnx, got {value!r}"),

    # what another call has made
    *rows("cache", lambda good: [cache for cache in CACHES if cache is not good], ValueError,
          "cache must come from {good.norm}, got one from {value.norm}"),
    *rows("cache", lambda good: [None, "cache", tuple(good), STATS, X], TypeError,
          "cache must come from {good.norm}, got {type}"),
    *rows("stats", [None, (8, P, P), X], TypeError, "stats must be a ChannelStats, got {type}"),
    *rows("others", [(STATS, (8, P, P))], TypeError, "merge takes ChannelStats, got tuple"),
    *rows("others", [(None,)], TypeError, "merge takes ChannelStats, got NoneType"),
    *rows("others", [(STATS, ChannelStats(8, Q, Q)), (ChannelStats(0, Q, Q),)], ValueError,
          "merge needs 6 channels in each part, got 2"),

    # Caffe's blobs
    *rows("blobs", [None, (P, P, 1.0), X], TypeError, "blobs must be CaffeBlobs, got {type}"),
    *rows("blobs", [blobs(mean_sum=INTS)], TypeError,
          "blobs.mean_sum must have dtype {floats}, got int64"),
    *rows("blobs", [blobs(var_sum=INTS)], TypeError, "blobs.var_sum must have dtype {floats}, got int64"),
    *rows("blobs", [blobs(mean_sum=None)], TypeError,
          "blobs.mean_sum must have dtype {floats}, got object"),
    *rows("blobs", [blobs(var_sum=None)], TypeError,
          "blobs.var_sum must be an array of shape (6,), got None"),
    *rows("blobs", [blobs(var_sum=Q)], ValueError, "blobs.var_sum must have shape (6,), got (2,)"),
    *rows("blobs", [conventions.CaffeBlobs(Q, Q, 1.0)], ValueError,
          "blobs.mean_sum must have shape (6,), got (2,)", of={conventions.update_caffe}),
    *rows("blobs", [blobs(factor="1")], TypeError, "blobs.factor must be a real number, got '1'"),
    *rows("blobs", [blobs(factor=np.ones(2)), blobs(factor=np.ones((1, 1)))], TypeError,
          "blobs.factor must be a real number, got {value.factor!r}"),
    *rows("blobs", [blobs(factor=0.0)], ValueError,
          "blobs.factor must be positive, got 0.0: no batch was averaged", of={conventions.from_caffe}),
    *rows("blobs", [blobs(factor=-1.0), blobs(factor=nan), blobs(factor=inf)], ValueError,
          "blobs.factor must be finite and at least 0, got {value.factor}"),

    # the state of a layer
    *rows("state", [None, ["weight"], X, 3], TypeError, "state must map keys to arrays, got {type}"),
    *rows("state", [state(gamma=P)], ValueError,
          f"state must have the keys ['bias', {KEYS}], got ['bias', 'gamma', {KEYS}]"),
    *rows("state", [{}], ValueError,
          "state must have the keys ['bias', 'weight'], got []", track_running_stats=False),
    *rows("state", [state(weight=P[:5])], ValueError, "state['weight'] must have shape (6,), got (5,)"),
    *rows("state", [state(bias=P[:, None])], ValueError, "state['bias'] must have shape (6,), got (6, 1)"),
    *rows("state", [state(running_mean=[True] * 6)], TypeError,
          "state['running_mean'] must have dtype {floats}, got bool"),
    *rows("state", [state(running_var=None)], TypeError,
          "state['running_var'] must be an array of shape (6,), got None"),
    *rows("state", [state(running_var=-np.ones(6))], ValueError,
          "state['running_var'] must be at least 0, got -1.0"),
    *rows("state", [state(num_batches_tracked=wrong) for wrong in (np.float64(1.5), np.True_)], TypeError,
          "state['num_batches_tracked'] must be an integer, got {value[num_batches_tracked]!r}"),
    *rows("state", [state(num_batches_tracked=-1)], ValueError,
          "state['num_batches_tracked'] must be at least 0, got -1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "changed", "error", "message"), REFUSED)
def test_refused(call, changed, error, message):
    with pytest.raises(error) as caught:
        call(**GOOD[call] | changed)
    assert (caught.type, str(caught.value)) == (error, message)


def test_every_public_call_is_here_with_every_argument():
    for name in set(bnlib.__all__) - {"NormCache"}:
        call = getattr(bnlib, name)
        assert list(inspect.signature(call).parameters) == list(GOOD[call])


def test_every_argument_is_refused_when_it_is_bad():
    looked_at = {(call, argument) for call, changed, _, _ in REFUSED for argument in changed}
    unchecked = {"function"}
    assert looked_at == {(call, one) for call, good in GOOD.items() for one in good if one not in unchecked}


ALLOWED = [
    *((call, {}) for call in GOOD),
    *(row[:2] for row in rows("eps", [5e-324, 1e-300, 1e300, 3, np.float32(0.5)])),
    *(row[:2] for row in rows("drop decay", [0, 0.0])),
    *(row[:2] for row in rows("padding", [0])),
    *(row[:2] for row in rows("stride", [(1, 2)], of={Conv2d})),
    (Conv2d, {"in_channels": 4, "out_channels": 6, "groups": 2}),
    *(row[:2] for row in rows("stride", [None], of={MaxPool2d})),
    (cycle, {"count": 3, "size": 3}),
    (call_convolution, {"images": np.ones((2, 3, 3, 3))}),  # one window, with its padding
    *(row[:2] for row in rows("momentum moving_average_fraction", [1, 1.0, np.float32(0.5)])),
    *(row[:2] for row in rows("momentum moving_average_fraction", [0, 0.0], of=all_but(debias))),
    (load, {"state": state(num_batches_tracked=0)}),
    *(row[:2] for row in rows("ghost_size", [1, 2, 4])),
    *(row[:2] for row in rows("r_max", [1, inf])),
    *(row[:2] for row in rows("d_max", [0, inf])),
    *(row[:2] for row in rows("running_var", [np.zeros(6)], of={batch_renorm})),
    *(row[:2] for row in rows("past", [ChannelStats(0, P, -P * P), ChannelStats(2, P, 0 * P)])),
    *(row[:2] for row in rows("eps", [np.ones(6), [1e-5] * 6, np.array(0.5)], of={filter_response_norm})),
]


@pytest.mark.parametrize(("call", "changed"), ALLOWED)
def test_allowed(call, changed):
    """What lies next to what is refused."""
    call(**GOOD[call] | changed)
