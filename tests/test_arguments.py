"""Bad input to every public function: the type of the error, and a message that says what to change.

Every message names the argument, what was seen and what was wanted.
"""

import re

import numpy as np
import pytest
from helpers import assert_same

import bnlib
from bnlib import BatchNorm, ChannelStats, NormCache, batch_norm_eval, update_running
from bnlib.arguments import float_array
from bnlib.conventions import (
    CaffeBlobs,
    convert_running_var,
    from_caffe,
    to_caffe,
    update_caffe,
    weight_of_new,
)
from bnlib.gradcheck import max_error, numerical_gradient
from bnlib.network import Linear
from bnlib.running import debias

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 2))
P = RNG.normal(size=6)
Q = RNG.normal(size=2)
STATS = ChannelStats(8, P, P * P)
BLOBS = CaffeBlobs(P, P * P, 2.0)
NORMS = ("batch_norm", "batch_norm_eval", "layer_norm", "group_norm", "instance_norm", "rms_norm")
TRAINED = tuple(name for name in NORMS if name != "batch_norm_eval")

GOOD = {
    "channel_stats": {"x": X, "axis": 1},
    "batch_norm": {"x": X, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    "batch_norm_eval": {"x": X, "mean": P, "var": P * P, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    "layer_norm": {"x": X, "normalized_shape": (2,), "gamma": Q, "beta": Q, "eps": 1e-5},
    "group_norm": {"x": X, "num_groups": 3, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    "instance_norm": {"x": X, "gamma": P, "beta": P, "eps": 1e-5, "axis": 1},
    "rms_norm": {"x": X, "normalized_shape": 2, "gamma": Q, "eps": 1e-5},
    "update_running": {
        "running_mean": P, "running_var": P, "stats": STATS, "momentum": 0.3, "unbiased": True,
    },
    "BatchNorm": {
        "num_features": 6, "eps": 1e-5, "momentum": 0.3, "affine": True, "track_running_stats": True,
        "bias": True, "axis": 1, "dtype": np.float64,
    },
    "ChannelStats": {"count": 8, "mean": P, "var": P},
    "debias": {"running": P, "momentum": 0.3, "steps": 2, "start": P},
    "weight_of_new": {"momentum": 0.3, "convention": "keras"},
    "convert_running_var": {"running_var": P, "count": 8, "source": "keras", "target": "caffe"},
    "update_caffe": {"blobs": BLOBS, "stats": STATS, "moving_average_fraction": 0.9},
    "from_caffe": {"blobs": BLOBS},
    "to_caffe": {"running_mean": P, "running_var": P},
    "numerical_gradient": {"function": np.sin, "x": X, "dy": X, "step": 1e-6},
    "max_error": {"function": np.sin, "x": X, "dy": X, "dx": X, "step": 1e-6},
    "Linear": {"in_features": 4, "out_features": 3, "rng": RNG},
}  # fmt: skip
OTHER = {
    "debias": debias, "weight_of_new": weight_of_new, "convert_running_var": convert_running_var,
    "update_caffe": update_caffe, "from_caffe": from_caffe, "to_caffe": to_caffe,
    "numerical_gradient": numerical_gradient, "max_error": max_error, "Linear": Linear,
}  # fmt: skip
CACHES = {}
for norm in NORMS:
    CACHES[norm] = getattr(bnlib, norm)(**GOOD[norm])[1]
    GOOD[f"{norm}_backward"] = {"dy": X, "cache": CACHES[norm]}


def call(name, **changed):
    function = OTHER.get(name) or getattr(bnlib, name)
    return function(**{**GOOD[name], **changed})


def rejects(error, message, name, **changed):
    """The call with these arguments changed raises this error with exactly this message."""
    with pytest.raises(error, match=f"^{re.escape(message)}$") as caught:
        call(name, **changed)
    assert caught.type is error


def functions_with(*arguments):
    """Pairs (function, argument) of every function that takes one of these arguments."""
    return [(name, argument) for name, good in GOOD.items() for argument in arguments if argument in good]


def test_every_public_function_is_here():
    assert set(GOOD) >= set(bnlib.__all__) - {"NormCache"}
    for name in GOOD:
        call(name)


WRONG_DTYPES = {
    "int32": np.ones(X.shape, np.int32),
    "uint8": np.ones(X.shape, np.uint8),
    "bool": np.ones(X.shape, bool),
    "complex128": X + 0j,
    "complex64": (X + 0j).astype(np.complex64),
    "object": X.astype(object),
    "<U1": np.full(X.shape, "1"),
    "datetime64[s]": np.zeros(X.shape, "M8[s]"),
    str(np.dtype(np.longdouble)): X.astype(np.longdouble),
}
if np.dtype(np.longdouble).itemsize == 8:  # then it is float64
    del WRONG_DTYPES[str(np.dtype(np.longdouble))]
ARRAYS = functions_with(
    "x", "gamma", "beta", "mean", "var", "dy", "dx", "running", "running_mean", "running_var"
)  # fmt: skip


@pytest.mark.parametrize("dtype", WRONG_DTYPES)
@pytest.mark.parametrize(("name", "argument"), ARRAYS)
def test_dtype(name, argument, dtype):
    value = WRONG_DTYPES[dtype]
    value = value if argument in ("x", "dy", "dx") else value.ravel()[: GOOD[name][argument].size]
    wanted = "float16, float32 or float64"
    rejects(TypeError, f"{argument} must have dtype {wanted}, got {dtype}", name, **{argument: value})


@pytest.mark.parametrize(("name", "argument"), ARRAYS)
def test_lists_that_are_not_rectangular(name, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be a rectangular array: \w.*"):
        call(name, **{argument: [[1.0, 2.0], [3.0]]})


REQUIRED = [(name, argument) for name, argument in ARRAYS if argument not in ("gamma", "beta")]


@pytest.mark.parametrize(("name", "argument"), [*REQUIRED, ("debias", "start")])
def test_none_where_an_array_is_needed(name, argument):
    with pytest.raises(TypeError, match=rf"^{argument} must .*, got (None|object)$"):
        call(name, **{argument: None})


@pytest.mark.parametrize("argument", ["mean_sum", "var_sum"])
@pytest.mark.parametrize("name", ["from_caffe", "update_caffe"])
def test_none_in_blobs(name, argument):
    with pytest.raises(TypeError, match=rf"^blobs\.{argument} must .*, got (None|object)$"):
        call(name, blobs=BLOBS._replace(**{argument: None}))


def test_none_where_statistics_are_needed_says_which_shape():
    for name, argument in [*functions_with("mean"), *functions_with("running_mean")]:
        if name in ("batch_norm_eval", "update_running"):
            for one in (argument, argument.replace("mean", "var")):
                message = f"{one} must be an array of shape (6,), got None"
                rejects(TypeError, message, name, **{one: None})


@pytest.mark.parametrize("shape", [(), (6,)])
@pytest.mark.parametrize(
    "name", ["channel_stats", "batch_norm", "batch_norm_eval", "group_norm", "instance_norm"]
)
def test_rank(name, shape):
    message = f"x must have at least 2 axes (N, C, *S), got shape {shape}"
    rejects(ValueError, message, name, x=np.ones(shape))


@pytest.mark.parametrize("axis", [3, 17, -4])
@pytest.mark.parametrize(("name", "_"), functions_with("axis"))
def test_axis_out_of_range(name, _, axis):
    if name != "BatchNorm":  # which sees x later
        rejects(ValueError, f"axis must be in [-3, 3) for shape (4, 6, 2), got {axis}", name, axis=axis)


@pytest.mark.parametrize("wrong", [1.0, "1", None, True, np.True_, (1,), np.array([1, 0])], ids=repr)
@pytest.mark.parametrize(
    ("name", "argument"),
    functions_with("axis", "num_groups", "num_features", "count", "steps", "in_features", "out_features"),
)
def test_integers(name, argument, wrong):
    rejects(TypeError, f"{argument} must be an integer, got {wrong!r}", name, **{argument: wrong})


@pytest.mark.parametrize("wrong", [0, -1])
@pytest.mark.parametrize(
    ("name", "argument"),
    functions_with("num_groups", "num_features", "steps", "in_features", "out_features"),
)
def test_positive_integers(name, argument, wrong):
    rejects(ValueError, f"{argument} must be at least 1, got {wrong}", name, **{argument: wrong})


def test_counts():
    rejects(ValueError, "count must be at least 0, got -1", "ChannelStats", count=-1)
    for count in (1, 0, -3):
        rejects(ValueError, f"count must be at least 2, got {count}", "convert_running_var", count=count)


@pytest.mark.parametrize("shape", [(5,), (7,), (1,), (), (6, 1), (1, 6), (0,)])
@pytest.mark.parametrize(
    ("name", "argument", "wanted"),
    [(name, argument, GOOD[name][argument].shape) for name, argument in functions_with(
        "gamma", "beta", "mean", "var", "running_mean", "running_var"
    ) if (name, argument) not in (
        ("ChannelStats", "mean"), ("to_caffe", "running_mean"), ("convert_running_var", "running_var")
    )],
)  # fmt: skip
def test_parameter_shape(name, argument, wanted, shape):
    message = f"{argument} must have shape {wanted}, got {shape}"
    rejects(ValueError, message, name, **{argument: np.ones(shape)})


def test_parameter_shape_follows_the_channel_axis():
    for axis, wanted in ((0, (4,)), (2, (2,)), (-1, (2,)), (-3, (4,))):
        for name in ("batch_norm", "instance_norm"):
            rejects(ValueError, f"gamma must have shape {wanted}, got (6,)", name, axis=axis)
    rejects(ValueError, "gamma must have shape (6, 2), got (2,)", "layer_norm", normalized_shape=(6, 2))


def test_shape_of_statistics():
    rejects(ValueError, "mean must have shape (C,), got (3, 2)", "ChannelStats", mean=np.ones((3, 2)))
    rejects(ValueError, "mean must have shape (C,), got ()", "ChannelStats", mean=1.0)
    rejects(ValueError, "var must have shape (3,), got (6,)", "ChannelStats", mean=np.ones(3))


@pytest.mark.parametrize("start", [np.ones(5), np.ones((6, 1)), np.ones((2, 6))])
def test_shape_of_a_start_value(start):
    """Not broadcast to a result of another shape than the average."""
    message = f"start must have shape (6,), got {start.shape}"
    rejects(ValueError, message, "debias", start=start)


@pytest.mark.parametrize("wrong", [True, np.False_, "1e-5", None, 1j, [1e-5], np.array([1e-5])], ids=repr)
@pytest.mark.parametrize(
    ("name", "argument"), functions_with("eps", "momentum", "moving_average_fraction", "step")
)
def test_real_numbers(name, argument, wrong):
    if not (name == "BatchNorm" and argument == "momentum" and wrong is None):  # None: the plain average
        message = f"{argument} must be a real number, got {wrong!r}"
        rejects(TypeError, message, name, **{argument: wrong})


@pytest.mark.parametrize("wrong", [0, 0.0, -1e-5, float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [*TRAINED, "BatchNorm"])
def test_eps(name, wrong):
    rejects(ValueError, f"eps must be positive and finite, got {float(wrong)}", name, eps=wrong)


@pytest.mark.parametrize("eps", [5e-324, 1e-300, 1e300, 3, np.float32(0.5)])
@pytest.mark.parametrize("name", [*TRAINED, "BatchNorm"])
def test_any_positive_eps_is_allowed(name, eps):
    call(name, eps=eps)


@pytest.mark.parametrize("wrong", [-1e-300, -1.0, float("nan"), float("inf"), -float("inf")])
def test_eps_in_evaluation_mode(wrong):
    message = f"eps must be finite and at least 0, got {wrong}"
    rejects(ValueError, message, "batch_norm_eval", var=np.full(6, 2.0), eps=wrong)


@pytest.mark.parametrize(("one", "eps"), [(0.0, 0.0), (-1.0, 0.5), (-1.0, 2.0), (-1e-300, 1e-5)])
def test_var_in_evaluation_mode(one, eps):
    """One channel of six is enough."""
    var = np.array([2.0, 1.0, one, 3.0, 1.0, 1.0])
    message = f"var must be at least 0, and var + eps positive, got a var of {one}"
    rejects(ValueError, message, "batch_norm_eval", var=var, eps=eps)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, -1e-300, 1 + 2**-52, float("nan"), float("inf")])
@pytest.mark.parametrize(("name", "argument"), functions_with("momentum", "moving_average_fraction"))
def test_fractions(name, argument, wrong):
    rejects(ValueError, f"{argument} must be in [0, 1], got {wrong}", name, **{argument: wrong})


@pytest.mark.parametrize("momentum", [0, 1, 0.0, 1.0, np.float32(0.5)])
@pytest.mark.parametrize(("name", "argument"), functions_with("momentum", "moving_average_fraction"))
def test_the_ends_of_a_fraction_are_allowed(name, argument, momentum):
    if (name, momentum) == ("debias", 0):
        message = "momentum must be in (0, 1], got 0.0: no batch was averaged"
        rejects(ValueError, message, name, momentum=momentum)
    else:
        call(name, **{argument: momentum})


@pytest.mark.parametrize("wrong", [1, 0, None, "yes", 1.0], ids=repr)
@pytest.mark.parametrize(
    ("name", "argument"), functions_with("affine", "track_running_stats", "bias", "unbiased")
)
def test_flags(name, argument, wrong):
    message = f"{argument} must be True or False, got {wrong!r}"
    rejects(TypeError, message, name, **{argument: wrong})


def test_flags_are_checked_even_where_they_have_no_effect():
    rejects(TypeError, "bias must be True or False, got 'yes'", "BatchNorm", affine=False, bias="yes")
    empty = ChannelStats(0, P, P)
    rejects(
        TypeError,
        "unbiased must be True or False, got 'yes'",
        "update_running",
        stats=empty,
        unbiased="yes",
    )


@pytest.mark.parametrize("dtype", [int, bool, complex, object])
def test_dtype_of_a_layer(dtype):
    message = f"dtype must have dtype float16, float32 or float64, got {np.dtype(dtype)}"
    rejects(TypeError, message, "BatchNorm", dtype=dtype)


@pytest.mark.parametrize("wrong", ["nonsense", 3, 1.5])
def test_dtype_of_a_layer_that_is_none(wrong):
    with pytest.raises(TypeError):
        call("BatchNorm", dtype=wrong)


def test_num_groups_divides_the_channels():
    for wrong in (4, 5, 7, 12):
        rejects(
            ValueError,
            f"num_groups must divide the 6 channels, got {wrong}",
            "group_norm",
            num_groups=wrong,
        )
    rejects(ValueError, "num_groups must divide the 4 channels, got 3", "group_norm", axis=0)


@pytest.mark.parametrize("wrong", [(3,), (6,), (4, 2), (1, 4, 6, 2), (2, 6), (), [3]])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_normalized_shape(name, wrong):
    message = f"normalized_shape must end the shape of x, (4, 6, 2), got {tuple(wrong)}"
    rejects(ValueError, message, name, normalized_shape=wrong)


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_normalized_shape_that_is_no_shape(name):
    for wrong in (2.0, None, "2", True):
        message = f"normalized_shape must be an integer, got {wrong!r}"
        rejects(TypeError, message, name, normalized_shape=wrong)
        rejects(TypeError, message, name, normalized_shape=(6, wrong))
    for wrong in (0, -2):
        message = f"normalized_shape must be at least 1, got {wrong}"
        rejects(ValueError, message, name, normalized_shape=wrong)
    for wrong in ((1,), ()):
        message = f"normalized_shape must end the shape of x, (), got {wrong}"
        rejects(ValueError, message, name, x=np.array(1.0), normalized_shape=wrong)


@pytest.mark.parametrize(
    ("name", "shape"), [("group_norm", (2, 3)), ("instance_norm", (2, 6)), ("instance_norm", (5, 6, 1))]
)
def test_one_value_to_share_a_mean(name, shape):
    message = f"x must have more than 1 value to share a mean, got shape {shape}"
    rejects(ValueError, message, name, x=np.ones(shape), gamma=None, beta=None)


def test_one_value_per_channel():
    for shape in ((1, 6), (1, 6, 1)):
        message = f"x must have more than 1 value per channel in training, got {shape}"
        rejects(ValueError, message, "batch_norm", x=np.ones(shape))


@pytest.mark.parametrize("norm", NORMS)
def test_shape_of_dy(norm):
    for shape in ((4, 6), (4, 2, 6), (4, 6, 2, 1), (4, 6, 1), (48,), (), (4, 3, 2, 2), (5, 6, 2)):
        message = f"dy must have the shape of y, (4, 6, 2), got {shape}"
        rejects(ValueError, message, f"{norm}_backward", dy=np.ones(shape))


@pytest.mark.parametrize("other", NORMS)
@pytest.mark.parametrize("norm", NORMS)
def test_cache_of_another_norm(norm, other):
    if other != norm:
        message = f"cache must come from {norm}, got one from {other}"
        rejects(ValueError, message, f"{norm}_backward", cache=CACHES[other])
    assert CACHES[norm].norm == norm


@pytest.mark.parametrize("norm", NORMS)
def test_cache_of_another_type(norm):
    for wrong in (None, "cache", tuple(CACHES[norm]), STATS, X):
        message = f"cache must come from {norm}, got {type(wrong).__name__}"
        rejects(TypeError, message, f"{norm}_backward", cache=wrong)
    assert isinstance(CACHES[norm], NormCache)


@pytest.mark.parametrize("wrong", [None, (8, P, P), X])
@pytest.mark.parametrize("name", ["update_running", "update_caffe"])
def test_stats_of_another_type(name, wrong):
    message = f"stats must be a ChannelStats, got {type(wrong).__name__}"
    rejects(TypeError, message, name, stats=wrong)


def test_merge():
    with pytest.raises(TypeError, match=r"^merge takes ChannelStats, got tuple$"):
        STATS.merge(STATS, (8, P, P))
    with pytest.raises(TypeError, match=r"^merge takes ChannelStats, got NoneType$"):
        STATS.merge(None)
    with pytest.raises(ValueError, match=r"^merge needs 6 channels in each part, got 2$"):
        STATS.merge(STATS, ChannelStats(8, Q, Q))
    with pytest.raises(ValueError, match=r"^merge needs 6 channels in each part, got 2$"):
        STATS.merge(ChannelStats(0, Q, Q))


@pytest.mark.parametrize("count", [0, 1])
def test_unbiased_variance_needs_two_values(count):
    with pytest.raises(ValueError, match=f"^var_unbiased needs a count of at least 2, got {count}$"):
        _ = ChannelStats(count, P, P).var_unbiased


@pytest.mark.parametrize("wrong", ["torch", "Keras", "", None, 3, ["keras"]], ids=repr)
def test_conventions(wrong):
    message = f"convention must be one of pytorch, keras, flax, caffe, onnx, got {wrong!r}"
    rejects(ValueError, message, "weight_of_new", convention=wrong)
    rejects(ValueError, message, "convert_running_var", source=wrong)
    rejects(ValueError, message, "convert_running_var", target=wrong)


@pytest.mark.parametrize("name", ["update_caffe", "from_caffe"])
def test_blobs(name):
    for wrong in (None, (P, P, 1.0), X):
        message = f"blobs must be CaffeBlobs, got {type(wrong).__name__}"
        rejects(TypeError, message, name, blobs=wrong)
    wanted = "must have dtype float16, float32 or float64, got int64"
    integers = np.ones(6, np.int64)
    rejects(TypeError, f"blobs.mean_sum {wanted}", name, blobs=BLOBS._replace(mean_sum=integers))
    rejects(TypeError, f"blobs.var_sum {wanted}", name, blobs=BLOBS._replace(var_sum=integers))
    message = "blobs.var_sum must have shape (6,), got (2,)"
    rejects(ValueError, message, name, blobs=BLOBS._replace(var_sum=Q))
    rejects(
        TypeError, "blobs.factor must be a real number, got '1'", name, blobs=BLOBS._replace(factor="1")
    )


def test_blobs_of_other_channels_than_the_stats():
    message = "blobs.mean_sum must have shape (6,), got (2,)"
    rejects(ValueError, message, "update_caffe", blobs=CaffeBlobs(Q, Q, 1.0))


@pytest.mark.parametrize("name", ["numerical_gradient", "max_error"])
def test_gradcheck(name):
    for argument in ("x", "dy") if name == "numerical_gradient" else ("x", "dy", "dx"):
        message = f"{argument} must be float64 for central differences, got float32"
        rejects(TypeError, message, name, **{argument: X.astype(np.float32)})
    for wrong in (0.0, -1e-6, float("nan"), float("inf")):
        rejects(ValueError, f"step must be positive and finite, got {wrong}", name, step=wrong)
    message = "dy must have the shape of function(x), (4, 6, 2), got (4, 6)"
    rejects(ValueError, message, name, dy=np.ones((4, 6)))
    if name == "max_error":
        message = "dx must have the shape of x, (4, 6, 2), got (6, 2)"
        rejects(ValueError, message, name, dx=np.ones((6, 2)))


def test_linear():
    layer = call("Linear")
    for shape in ((5, 3), (5, 4, 1), (4,)):
        with pytest.raises(ValueError, match=re.escape(f"x must have shape (N, 4), got {shape}")):
            layer(np.ones(shape))


LAYER = BatchNorm(6)


@pytest.mark.parametrize("training", [True, False])
def test_call_of_a_layer(training):
    layer = BatchNorm(6).train(training)
    last_axis = BatchNorm(6, axis=-1).train(training)
    for wrong, error, message in (
        (X.astype(int), TypeError, "x must have dtype float16, float32 or float64, got int64"),
        (None, TypeError, "x must have dtype float16, float32 or float64, got object"),
        (P, ValueError, "x must have at least 2 axes (N, C, *S), got shape (6,)"),
        (X[:, :5], ValueError, "x must have 6 channels on axis 1, got shape (4, 5, 2)"),
    ):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            layer(wrong)
    with pytest.raises(
        ValueError, match=re.escape("x must have 6 channels on axis -1, got shape (4, 6, 2)")
    ):
        last_axis(X)
    with pytest.raises(ValueError, match=re.escape("axis must be in [-3, 3) for shape (4, 6, 2), got 3")):
        BatchNorm(6, axis=3).train(training)(X)


def test_backward_of_a_layer():
    layer = BatchNorm(6)
    layer(X)
    with pytest.raises(ValueError, match=re.escape("dy must have the shape of y, (4, 6, 2), got (4, 6)")):
        layer.backward(X[..., 0])


@pytest.mark.parametrize("wrong", [1, 0, None, "train"], ids=repr)
def test_mode_of_a_layer(wrong):
    with pytest.raises(TypeError, match=f"^mode must be True or False, got {wrong!r}$"):
        BatchNorm(6).train(wrong)


FLOAT, KEYS = (
    "float16, float32 or float64",
    "'num_batches_tracked', 'running_mean', 'running_var', 'weight'",
)


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        ("weight", np.ones(5), ValueError, "state['weight'] must have shape (6,), got (5,)"),
        ("bias", np.ones((6, 1)), ValueError, "state['bias'] must have shape (6,), got (6, 1)"),
        ("running_mean", [True] * 6, TypeError, f"state['running_mean'] must have dtype {FLOAT}, got bool"),
        ("running_var", None, TypeError, "state['running_var'] must be an array of shape (6,), got None"),
        (
            "gamma",
            P,
            ValueError,
            f"state must have the keys ['bias', {KEYS}], got ['bias', 'gamma', {KEYS}]",
        ),
        *(
            (
                "num_batches_tracked",
                wrong,
                TypeError,
                f"state['num_batches_tracked'] must be an integer, got {wrong!r}",
            )
            for wrong in (np.float64(1.5), np.True_)
        ),
    ],
)
def test_state_of_a_layer(key, value, error, message):
    layer = BatchNorm(6)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        layer.load_state_dict({**layer.state_dict(), key: value})


def test_state_that_is_no_dict():
    for wrong in (None, ["weight"], X):
        message = f"state must map keys to arrays, got {type(wrong).__name__}"
        with pytest.raises(TypeError, match=f"^{message}$"):
            BatchNorm(6).load_state_dict(wrong)
    with pytest.raises(ValueError, match=re.escape("state must have the keys ['bias', 'weight'], got []")):
        BatchNorm(6, track_running_stats=False).load_state_dict({})


def test_state_that_counts_less_than_nothing():
    layer = BatchNorm(6)
    message = "state['num_batches_tracked'] must be at least 0, got -1"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer.load_state_dict({**layer.state_dict(), "num_batches_tracked": -1})
    layer.load_state_dict({**layer.state_dict(), "num_batches_tracked": 0})
    assert layer.num_batches_tracked == 0


def test_a_supported_array_is_not_copied():
    for dtype in (np.float16, np.float32, np.float64):
        array = X.astype(dtype)
        assert float_array("x", array) is array


def test_zero_dimensional_numbers_are_numbers():
    y, _ = batch_norm_eval(X, P, P * P, eps=np.array(0.5), axis=np.array(1))
    assert_same(y, batch_norm_eval(X, P, P * P, eps=0.5, axis=1)[0])
    got = update_running(P, P, STATS, np.float64(0.5))
    assert_same(got[0], update_running(P, P, STATS, 0.5)[0])


def test_masked_arrays_are_refused():
    """NumPy would drop the mask and average what it hides."""
    x = np.ma.array(X, mask=X > 0)
    rejects(
        TypeError, "x must be a plain array, got a masked one, whose mask would be lost", "batch_norm", x=x
    )


@pytest.mark.parametrize("wrong", [b"1e-5", 10**400])
def test_what_python_would_take_for_a_real_number(wrong):
    rejects(TypeError, f"eps must be a real number, got {wrong!r}", "batch_norm", eps=wrong)


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_factor_of_caffe(factor):
    message = f"blobs.factor must be finite and at least 0, got {factor}"
    rejects(ValueError, message, "from_caffe", blobs=BLOBS._replace(factor=factor))


def test_state_with_a_negative_variance():
    layer = BatchNorm(6)
    with pytest.raises(ValueError, match=re.escape("state['running_var'] must be at least 0, got -1.0")):
        layer.load_state_dict({**layer.state_dict(), "running_var": np.full(6, -1.0)})


def test_type_of_a_state_is_named():
    with pytest.raises(TypeError, match="state must map keys to arrays, got int"):
        BatchNorm(6).load_state_dict(3)
