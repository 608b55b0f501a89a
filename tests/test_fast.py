"""The fast path against the plain formulas: layouts, strides, dtypes, block boundaries, hostile values."""

import re
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bnlib
from bnlib import engine
from bnlib.engine import blocks, fast, matrices
from bnlib.engine.cells import cells_of
from bnlib.engine.matrices import combine, layout, matrix_of, sums

CUTS = [  # BLOCK, LONG, ROW, COLUMNS, so small that a few dozen values meet every boundary
    (2**18, 128, 2**11, 2**13),
    (16, 4, 8, 6),
    (7, 2, 5, 3),
    (64, 100, 16, 8),
    (1, 1, 1, 1),
]
FLOAT32 = 1e-6  # of the largest value: some roundings, of 6e-8 each
FLOAT64 = 1e-11  # of the largest value, sums of fewer than 1e5 terms


@pytest.fixture(params=CUTS, ids=str)
def cuts(request, monkeypatch):
    """Every array is large enough for the fast path, and is cut in many ways."""
    with forced(request.param):
        yield


class forced:
    """The fast path for arrays of any size, with these cuts; or, with None, the plain path alone."""

    def __init__(self, cut):
        self.values = {
            (engine, "SMALL"): 0 if cut else float("inf"),
            (matrices, "FEW"): 1,
            (matrices, "SLICE"): 1,
        }
        names = ("BLOCK", "LONG", "ROW", "COLUMNS")
        self.values |= {(matrices, name): n for name, n in zip(names, cut or (), strict=False)}

    def __enter__(self):
        self.before = {place: getattr(*place) for place in self.values}
        self.set(self.values)

    def __exit__(self, *_):
        self.set(self.before)

    def set(self, values):
        for cached in (layout, cells_of):
            cached.cache_clear()
        for place, value in values.items():
            setattr(*place, value)


def both_passes(norm, x, dy, gamma, beta, eps, *arguments, **options):
    y, cache = getattr(bnlib, norm)(x, *arguments, gamma, beta, eps=eps, **options)
    return y, *getattr(bnlib, f"{norm}_backward")(dy, cache)


def near(got, wanted, close):
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        size = np.abs(b).max(initial=0, where=np.isfinite(b))
        assert np.allclose(a, b, rtol=close, atol=close * size, equal_nan=True)


def drawn(rng, shape, dtype, far=0.0):
    """An x with means up to `far` deviations from 0, and all else that a batch norm of axis 1 takes."""
    channels = (1, shape[1]) + (1,) * (len(shape) - 2)
    x = rng.normal(size=shape) * rng.uniform(0.5, 2, channels) + far * rng.choice([-1, 1], channels)
    gamma, beta = rng.normal(size=(2, shape[1]))
    return [array.astype(dtype) for array in (x, rng.normal(size=shape), gamma, beta)]


@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=5)
    .map(tuple)
    .filter(lambda s: np.prod(s) // s[1] > 7),
    cut=st.sampled_from(CUTS),
    dtype=st.sampled_from([np.float32, np.float64]),
    far=st.sampled_from([0.0, 1.0, 30.0]),
    memory=st.randoms(use_true_random=False),
    eps=st.sampled_from([1e-5, 0.3]),
)
@settings(max_examples=200, deadline=None)
def test_fast_is_plain(shape, cut, dtype, far, memory, eps):
    """Any shape, in any order of its axes in memory, cut in any way; with 8 values a channel or more.

    With fewer, dx is what is left after nearly all cancels.
    """
    x, dy, gamma, beta = drawn(np.random.default_rng(memory.randrange(2**32)), shape, dtype, far)
    order = memory.sample(range(len(shape)), len(shape))
    x, dy = (np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order)) for a in (x, dy))
    with forced(None):
        plain = both_passes("batch_norm", x, dy, gamma, beta, eps)
    with forced(cut):
        assert matrix_of([1], x, dy) is not None
        quick = both_passes("batch_norm", x, dy, gamma, beta, eps)
    near(quick, plain, 4 * FLOAT32 if dtype == np.float32 else FLOAT64)
    assert quick[0].strides == x.strides or 1 in shape


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple),
    cut=st.sampled_from(CUTS),
    memory=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_cells_along_any_axes(shape, cut, memory):
    """Sums and sums of products by cells, and a sum with numbers of the cells."""
    rng = np.random.default_rng(memory.randrange(2**32))
    order = memory.sample(range(len(shape)), len(shape))
    x, dy = (rng.normal(size=shape).transpose(order).copy().transpose(np.argsort(order)) for _ in range(2))
    axes = tuple(sorted(memory.sample(range(len(shape)), memory.randint(0, len(shape)))))
    with forced(cut):
        matrix = matrix_of(axes, x, dy)
        if matrix is None:
            within = "".join("c" if axis in axes else "." for axis in order if shape[axis] > 1)
            assert re.search(r"\.c+\.+c|c\.+c+\.+c", within)  # apart, and not as the outermost of two
            return
        over = tuple(i for i in range(len(shape)) if i not in axes)
        total, products = sums(matrix, None, [(0,), (0, 1)], x, dy)
        near([total, products], [v.sum(axis=over, keepdims=True) for v in (x, x * dy)], FLOAT64)
        pivot, shift, one, other = rng.normal(size=(4, *total.shape))
        got = combine(matrix, np.empty_like(x), shift, (x, one, pivot), (dy, other, None))
        near([got], [one * (x - pivot) + other * dy + shift], FLOAT64)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_any_channel_axis(cuts, axis):
    x, dy, _, _ = drawn(np.random.default_rng(1), (4, 5, 6), np.float64)
    gamma, beta = np.random.default_rng(2).normal(size=(2, x.shape[axis]))
    quick = both_passes("batch_norm", x, dy, gamma, beta, 1e-5, axis=axis)
    with forced(None):
        near(quick, both_passes("batch_norm", x, dy, gamma, beta, 1e-5, axis=axis), FLOAT64)


NORMS = [
    ("instance_norm", ()),
    ("group_norm", (2,)),
    ("layer_norm", ((3, 5),)),
    ("ghost_batch_norm", (2,)),
    ("filter_response_norm", ()),
]


@pytest.mark.parametrize(("norm", "arguments"), NORMS)
def test_the_relatives_use_it_where_they_can(cuts, norm, arguments):
    x, dy, gamma, beta = drawn(np.random.default_rng(3), (4, 4, 3, 5), np.float64)
    if norm == "layer_norm":
        gamma, beta = np.random.default_rng(4).normal(size=(2, 3, 5))
    y, cache = getattr(bnlib, norm)(x, *arguments, gamma, beta)
    quick = y, *getattr(bnlib, f"{norm}_backward")(dy, cache)[:3]
    with forced(None):
        y, cache = getattr(bnlib, norm)(x, *arguments, gamma, beta)
        near(quick, (y, *getattr(bnlib, f"{norm}_backward")(dy, cache)[:3]), FLOAT64)


@pytest.mark.parametrize(
    "norm", ["instance_norm", "group_norm", "ghost_batch_norm", "filter_response_norm"]
)
@pytest.mark.parametrize("order", [(1, 0, 2, 3), (2, 3, 1, 0), (2, 0, 1, 3)], ids=str)
def test_the_relatives_in_another_memory_order(cuts, norm, order):
    """Cells along several axes, which lie in memory in another order than in the shape."""
    x, dy, gamma, beta = drawn(np.random.default_rng(15), (4, 4, 3, 5), np.float64)
    x, dy = (np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order)) for a in (x, dy))
    given = (2,) if norm in ("group_norm", "ghost_batch_norm") else ()

    def passes():
        y, cache = getattr(bnlib, norm)(x, *given, gamma, beta)
        return y, *getattr(bnlib, f"{norm}_backward")(dy, cache)[:3]

    quick = passes()
    with forced(None):
        near(quick, passes(), FLOAT64)


def test_evaluation(cuts):
    x, dy, gamma, beta = drawn(np.random.default_rng(5), (5, 4, 3, 3), np.float64)
    mean, var = np.array([0.0, 0.5, 30.0, -4.0]), np.array([1.0, 0.2, 3.0, 2.0])

    def passes():
        y, cache = bnlib.batch_norm_eval(x, mean, var, gamma, beta)
        return y, *bnlib.batch_norm_eval_backward(dy, cache)

    quick = passes()
    with forced(None):
        near(quick, passes(), FLOAT64)


TAKEN = {
    "batch_norm": (),
    "instance_norm": (),
    "group_norm": (2,),
    "pooled_batch_norm": (bnlib.ChannelStats(9, np.arange(4.0), np.arange(1.0, 5.0)),),
    "ghost_batch_norm": (2,),
    "batch_renorm": (np.arange(4.0), np.arange(1.0, 5.0)),
    "filter_response_norm": (),
}


@pytest.mark.parametrize("parameters", [True, False], ids=["with gamma and beta", "without"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("norm", TAKEN)
def test_it_is_taken(cuts, monkeypatch, norm, last, dtype, parameters):
    """Where it applies the plain formulas are not called: nothing falls back in silence."""
    x, dy, gamma, beta = drawn(np.random.default_rng(11), (8, 4, 3, 5), dtype)
    gamma, beta = (gamma, beta) if parameters else (None, None)
    if last:
        x, dy = (np.ascontiguousarray(np.moveaxis(array, 1, -1)) for array in (x, dy))

    def passes():
        y, cache = getattr(bnlib, norm)(x, *TAKEN[norm], gamma, beta, axis=-1 if last else 1)
        return [v for v in (y, *getattr(bnlib, f"{norm}_backward")(dy, cache)) if v is not None]

    with forced(None):
        plain = passes()
    monkeypatch.setattr(blocks, "block_sums", unwanted)
    monkeypatch.setattr(blocks, "block_map", unwanted)
    near(passes(), plain, 4 * FLOAT32 if dtype == np.float32 else FLOAT64)


def unwanted(*_):
    raise AssertionError("the plain formulas were called")


@pytest.mark.parametrize(
    "change", [np.asfortranarray, np.float64, np.flipud], ids=["order", "dtype", "gaps"]
)
def test_an_upstream_gradient_laid_out_otherwise(cuts, change):
    x, dy, gamma, beta = drawn(np.random.default_rng(12), (6, 4, 5), np.float32)
    quick = both_passes("batch_norm", x, change(dy), gamma, beta, 1e-5)
    with forced(None):
        near(quick, both_passes("batch_norm", x, change(dy), gamma, beta, 1e-5), 4 * FLOAT32)


def test_gamma_of_zeros(cuts):
    """All that is left of x is beta, and no gradient reaches it."""
    x, dy, gamma, beta = drawn(np.random.default_rng(14), (8, 4, 3, 5), np.float64)
    y, dx, dgamma, _ = both_passes("batch_norm", x, dy, 0 * gamma, beta, 1e-5)
    near([y], [np.broadcast_to(beta[:, None, None], x.shape)], FLOAT64)
    assert not dx.any()
    with forced(None):
        near([dgamma], both_passes("batch_norm", x, dy, gamma, beta, 1e-5)[2:3], FLOAT64)


def test_where_it_does_not_apply():
    x = np.zeros((40, 30, 20), np.float32)
    assert matrix_of([1], x) is not None
    for other in (
        x.astype(np.float16),
        x[::2],
        x[:, :, :15],
        x[::-1],
        np.broadcast_to(x[:1], x.shape),
    ):
        assert matrix_of([1], other) is None
    assert matrix_of([0, 2], x) is None  # too little for each of the leads
    assert matrix_of([0, 2], x.reshape(10, 120, 20)) is not None
    assert matrix_of([1, 3], x.reshape(4, 10, 30, 20)) is None  # cells that are not together in memory
    assert matrix_of([1], x, x.astype(np.float64)) is None
    assert matrix_of([1], x, np.asfortranarray(x)) is None


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_views_are_never_copied(order):
    x = np.arange(24_000.0).reshape(40, 30, 20).transpose(order)
    matrix = matrix_of([1], x)
    for rows in matrix.matrices(x):
        assert rows.size == 0 or np.shares_memory(rows, x)


def test_views_of_several_leads_are_never_copied():
    x = np.arange(24_000.0).reshape(10, 120, 20)
    matrix = matrix_of([0, 2], x)
    assert matrix.cells.lead == 10
    for rows in matrix.matrices(x):
        assert rows.size == 0 or np.shares_memory(rows, x)


# Hostile values, in arrays large enough for the fast path as it is


SHAPES = [(16, 8, 12, 12), (12, 16, 7, 17), (2048, 32)]


def far_image(x, dy, gamma, beta):
    x[0] = x[0] * 1e6 + 1e6


def huge_channel(x, dy, gamma, beta):
    x[:, 2] *= 1e15


def near_the_largest(x, dy, gamma, beta):
    """The scale gamma / deviation has no normal float32, and what comes out has."""
    x[:, 1] = np.clip(x[:, 1], -1, 1) * 3e38
    gamma[1] *= 1e-3
    beta[1] = 0
    dy *= 1e30


def large_products(x, dy, gamma, beta):
    """Products of x and dy overflow float32, and dgamma does not."""
    x *= 1e12
    dy *= 1e28


def constant_channel(x, dy, gamma, beta):
    x[:, 3] = 2.3


def tiny_values(x, dy, gamma, beta):
    x *= 1e-25


def far_mean(x, dy, gamma, beta):
    x += 1e6


HOSTILE = {
    change.__name__: change
    for change in (
        far_image, huge_channel, near_the_largest, large_products, constant_channel, tiny_values, far_mean
    )
}  # fmt: skip


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("change", HOSTILE, ids=HOSTILE)
def test_hostile_values(change, shape, last):
    """Every output is as near to the float64 formulas as float32 allows."""
    x, dy, gamma, beta = drawn(np.random.default_rng(6), shape, np.float32)
    HOSTILE[change](x, dy, gamma, beta)
    if last:
        x, dy = (np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) for a in (x, dy))
    wide = [array.astype(np.float64) for array in (x, dy, gamma, beta)]
    with forced(None):
        right = both_passes("batch_norm", *wide, 1e-5)
    with np.errstate(all="raise", under="ignore"):
        got = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    axes = (0, *range(2, x.ndim))
    for a, b in zip(got, right, strict=True):
        assert np.isfinite(a).all()
        size = np.abs(b).max(axis=axes, keepdims=True) if b.ndim > 1 else np.abs(b).max()
        assert (np.abs(a - b) <= FLOAT32 * size + 1e-30).all()


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, s) for s in (1e-16, 1e-19, 1e-21, 1e-30, 1e-43)]
    + [(np.float64, s) for s in (1e-145, 1e-150)],
)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_squares_that_underflow(shape, dtype, size):
    """In one channel; another is constant, and costs no second way."""
    x, *_ = drawn(np.random.default_rng(3), shape, dtype)
    x[:, 2], x[:, 3] = x[:, 2] * size, 0
    axes = (0, *range(2, x.ndim))
    mean, var = x.astype(np.longdouble).mean(axis=axes), x.astype(np.longdouble).var(axis=axes)
    stats = bnlib.channel_stats(x)
    assert (np.abs(stats.mean - mean) <= 1e-5 * np.sqrt(var)).all()
    assert (np.abs(stats.var - var) <= 1e-5 * var).all()
    assert stats.var[3] == 0 < stats.var[2]
    x[:, 2] = 5
    assert fast.moments(x, axes) is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_that_underflow(shape, dtype):
    """An upstream gradient near the smallest numbers, and statistics that bring its sums back."""
    x, dy, gamma, _ = drawn(np.random.default_rng(3), shape, dtype)
    size, factor = (1e-17, 1e-25) if dtype == np.float32 else (1e-145, 1e-170)
    x, dy = x * dtype(size), dy * dtype(factor)
    mean, var = np.zeros(shape[1]), np.full(shape[1], size**2)
    _, cache = bnlib.batch_norm_eval(x, mean, var, gamma, eps=0)
    _, dgamma, _ = bnlib.batch_norm_eval_backward(dy, cache)
    over = (0, *range(2, x.ndim))
    wanted = (dy.astype(np.longdouble) * x.astype(np.longdouble) / size).sum(axis=over)
    close = 1e-4 if dtype == np.float32 else 1e-9
    assert (np.abs(dgamma - wanted) <= close * np.abs(wanted).max()).all()
    assert np.abs(wanted).max() > 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_large_products_in_evaluation(shape):
    x, dy, gamma, beta = drawn(np.random.default_rng(13), shape, np.float32)
    large_products(x, dy, gamma, beta)
    mean, var = np.zeros(shape[1]), np.full(shape[1], 1e24)
    gradients = bnlib.batch_norm_eval_backward(dy, bnlib.batch_norm_eval(x, mean, var, gamma, beta)[1])
    wide = [array.astype(np.float64) for array in (x, dy, gamma, beta)]
    with forced(None):
        cache = bnlib.batch_norm_eval(wide[0], mean, var, *wide[2:])[1]
        right = bnlib.batch_norm_eval_backward(wide[1], cache)
    for a, b in zip(gradients, right, strict=True):
        assert np.abs(a - b).max() <= FLOAT32 * np.abs(b).max()


def test_a_constant_channel_gives_beta_to_the_last_bit():
    x, _, gamma, beta = drawn(np.random.default_rng(7), (16, 8, 12, 12), np.float32)
    x[:, 3] = 2.3
    assert matrix_of([1], x) is not None
    assert (bnlib.batch_norm(x, gamma, beta)[0][:, 3] == beta[3]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nan_and_inf_stay_in_their_channel(bad, shape):
    x, dy, gamma, beta = drawn(np.random.default_rng(8), shape, np.float32)
    clean = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    x[3, 1] = bad
    spoilt = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    for a, b in zip(clean, spoilt, strict=True):
        a, b = (np.moveaxis(v, 1, 0) if v.ndim > 1 else v for v in (a, b))
        near([np.delete(b, 1, axis=0)], [np.delete(a, 1, axis=0)], FLOAT32)
    assert np.isnan(spoilt[0][:, 1]).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_call_gives_the_same_bits(shape):
    arguments = drawn(np.random.default_rng(9), shape, np.float32, far=3.0)
    for a, b in zip(*(both_passes("batch_norm", *arguments, 1e-5) for _ in range(2)), strict=True):
        assert a.tobytes() == b.tobytes()


def test_the_buffer_size_is_restored():
    before = np.getbufsize()
    bnlib.batch_norm(np.zeros((64, 8, 12, 12), np.float32))
    assert np.getbufsize() == before


def test_calm_values_are_swept_once(monkeypatch):
    calls = []
    monkeypatch.setattr(fast, "sums", lambda *a: calls.append(a[1]) or matrices.sums(*a))
    x = np.random.default_rng(10).normal(size=(64, 8, 12, 12))
    for far, sweeps in ((0.0, 1), (1.0, 1), (10.0, 2)):
        calls.clear()
        fast.moments(x + far, (0, 2, 3))
        assert len(calls) == sweeps
