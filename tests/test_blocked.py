"""bnlib.engine.blocks: cutting an array changes no result, whatever the layout or the block size."""

import math

import numpy as np
import pytest
from helpers import EVERY, assert_close, assert_same

from bnlib import channel_stats
from bnlib.engine.blocks import BLOCK_ELEMENTS, block, block_indices, block_map, block_sums

every_case = pytest.mark.parametrize("case", EVERY, ids=str)
every_size = pytest.mark.parametrize("elements", [1, 3, 8, 10**6])
SHAPES = [(1, 1), (7,), (2, 3), (3, 2), (4, 3, 5), (5, 1, 2), (2, 2, 9, 1)]


@every_size
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_cover_every_element_once(shape, elements, set_block):
    set_block(elements)
    seen = np.zeros(shape, int)
    for index in block_indices(shape):
        seen[index] += 1
    assert_same(seen, np.ones(shape, int))


@every_size
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_are_contiguous_and_within_the_limit(shape, elements, set_block):
    set_block(elements)
    x = np.empty(shape)
    for index in block_indices(shape):
        assert 1 <= x[index].size <= elements
        assert x[index].flags.c_contiguous


def test_inner_axes_stay_whole_as_long_as_they_fit(set_block):
    set_block(12)
    whole = slice(0, 3)
    assert list(block_indices((2, 7, 3))) == [
        (slice(i, i + 1), slice(j, j + 4), whole) for i in (0, 1) for j in (0, 4)
    ]
    assert list(block_indices((12,))) == [(slice(0, 12),)]
    assert list(block_indices((3, 5))) == [(slice(0, 2), slice(0, 5)), (slice(2, 4), slice(0, 5))]


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2, 2)])
def test_an_empty_array_has_no_blocks(shape):
    assert list(block_indices(shape)) == []


@pytest.mark.parametrize("shape", [(10**7, 4), (32, 64, 32, 32), (64, 64, 112, 112), (256, 256, 56, 56)])
def test_a_block_is_small_whatever_the_shape(shape):
    """The promise `about 1 MB, whatever the size of x`: some five float64 blocks live at a time."""
    index = next(iter(block_indices(shape)))
    size = math.prod(len(range(n)[cut]) for n, cut in zip(shape, index, strict=True))
    assert BLOCK_ELEMENTS / 2 <= size <= BLOCK_ELEMENTS  # not much smaller either: that would be slow
    assert 8 * BLOCK_ELEMENTS <= 2**18


@every_size
@pytest.mark.parametrize("shape", SHAPES)
def test_block_sums_are_sums_of_each_term(shape, elements, set_block):
    set_block(elements)
    rng = np.random.default_rng(0)
    x, row = rng.normal(size=shape), rng.normal(size=[1] * (len(shape) - 1) + [shape[-1]])
    for over in (tuple(range(len(shape))), (0,), ()):
        got = block_sums(lambda x, row: (x * row, x + row, x), over, x, row)
        for total, term in zip(got, (x * row, x + row, x), strict=True):
            assert_close(total, term.sum(axis=over, keepdims=True))


@every_size
@pytest.mark.parametrize("shape", SHAPES)
def test_block_map_fills_and_returns_out(shape, elements, set_block):
    set_block(elements)
    x = np.random.default_rng(0).normal(size=shape)
    column = np.arange(1.0, shape[0] + 1).reshape([shape[0]] + [1] * (len(shape) - 1))
    out = np.full(shape, np.nan)
    assert block_map(lambda x, c: x * c, out, x, column) is out
    assert_same(out, x * column)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_blocks_are_float64(dtype):
    assert_same(
        block(np.array([[1, 2], [3, 4]], dtype), (slice(1, 2), slice(0, 2))), np.array([[3.0, 4.0]])
    )


def test_an_input_of_several_blocks():
    """At the real block size: three blocks and a rest, against NumPy's own sums."""
    x = np.random.default_rng(0).normal([3.0, -40.0], [1.0, 9.0], size=(7 * BLOCK_ELEMENTS // 4 + 11, 2))
    assert len(list(block_indices(x.shape))) == 4
    stats = channel_stats(x)
    assert_close(stats.mean, x.mean(axis=0))
    assert_close(stats.var, x.var(axis=0))


VIEWS = {
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=-1)[..., ::3][::2],
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "list": lambda x: x.tolist(),
}


@every_case
@pytest.mark.parametrize("view", VIEWS)
def test_memory_layout_does_not_matter(case, view, set_block):
    set_block(7)
    x, gamma, beta, dy = case.draw(6)
    y, cache = case.forward(x, gamma, beta)
    wanted = y, *case.backward(dy, cache)
    y, cache = case.forward(VIEWS[view](x), gamma, beta)
    for got, right in zip((y, *case.backward(VIEWS[view](dy), cache)), wanted, strict=True):
        if right is not None:
            assert_close(got, right)


@every_case
def test_broadcast_dy(case):
    """A dy of stride 0, as the gradient of a weighted sum over the first axis has it."""
    x, gamma, beta, dy = case.draw(7)
    _, cache = case.forward(x, gamma, beta)
    dy = np.broadcast_to(dy[:1], x.shape)
    for got, wanted in zip(case.backward(dy, cache), case.backward(dy.copy(), cache), strict=True):
        if wanted is not None:
            assert_same(got, wanted)
