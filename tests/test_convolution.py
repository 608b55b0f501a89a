"""bnlib.convolution against the slow specification and central differences, in odd sizes and odd memory."""

from functools import partial

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close, assert_same

from bnlib import reference
from bnlib.gradcheck import max_error
from bnlib.network import Conv2d, Flatten, GlobalMeanPool, MaxPool2d

SHAPES = [
    # images, outputs, size, stride, padding, and groups where there are some
    ((2, 3, 5, 4), 2, 3, 1, 0),
    ((2, 3, 5, 4), 2, 3, 1, 1),
    ((2, 3, 5, 6), 4, 3, 2, 1),
    ((3, 2, 6, 7), 3, 2, 2, 0),
    ((3, 1, 7, 4), 2, 2, 1, 1),
    ((2, 2, 8, 5), 1, 3, 3, 0),  # a rest of two pixels that no window covers
    ((2, 3, 3, 4), 2, 1, 2, 0),
    ((1, 2, 2, 2), 3, 4, 1, 1),  # one window, larger than the image without its padding
    ((2, 1, 3, 3), 2, 2, 1, 3),  # windows of padding alone
    ((2, 3, 5, 4), 3, 3, 1, 1, 3),  # depthwise
    ((2, 2, 5, 6), 6, 3, (2, 1), 1, 2),  # depthwise, three outputs for every channel
    ((2, 6, 4, 5), 4, 2, (1, 3), 0, 2),
    ((1, 4, 3, 3), 6, 1, 1, 0, 2),
]
every_shape = pytest.mark.parametrize(
    ("shape", "outputs", "size", "stride", "padding", "groups"), [(*row, 1)[:6] for row in SHAPES]
)
ORDERS = {
    "plain": lambda x: x,
    "sliced": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=3)[::2, :, :, 1::3],
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "transposed": lambda x: np.asfortranarray(x),
    "backwards": lambda x: np.ascontiguousarray(x[:, ::-1, ::-1])[:, ::-1, ::-1],
    "read-only": lambda x: np.broadcast_to(x, (1, *x.shape))[0],
}
every_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)


def rng(seed=0):
    return np.random.default_rng(seed)


def convolution(shape, outputs, size, stride, padding, **how):
    conv = Conv2d(shape[1], outputs, size, rng(1), stride, padding, **how)
    if conv.bias is not None:
        conv.bias = rng(2).normal(size=outputs).astype(conv.bias.dtype)
    return conv


def with_parameter(part, name, x, value):
    kept = getattr(part, name)
    setattr(part, name, value)
    y = part(x)
    setattr(part, name, kept)
    return y


def test_a_convolution_by_hand():
    """Place values show which pixel meets which weight: the kernel is not flipped."""
    conv = Conv2d(1, 2, 2, rng())
    conv.weight = np.array([[[[1.0, 10.0], [100.0, 1000.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    conv.bias = np.array([0.5, -1.0])
    x = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    assert conv(x)[0].tolist() == [[[5421.5, 6532.5], [8754.5, 9865.5]], [[4, 5], [7, 8]]]
    conv.bias = None
    assert conv(x)[0, 1].tolist() == [[5, 6], [8, 9]]


@every_shape
def test_convolution_is_the_specification(shape, outputs, size, stride, padding, groups):
    conv = convolution(shape, outputs, size, stride, padding, groups=groups)
    x = rng(3).normal(size=shape)
    y = conv(x)
    wanted = reference.convolution(x, conv.weight, stride, padding, groups)
    assert_close(y, wanted + conv.bias[:, None, None])
    dy = rng(4).normal(size=y.shape)
    dx = conv.backward(dy)
    how = stride, padding, groups
    wanted_dx, wanted_dweight = reference.convolution_backward(dy, x, conv.weight, *how)
    assert_close(dx, wanted_dx)
    assert_close(conv.dweight, wanted_dweight)
    assert_close(conv.dbias, [sum(dy[:, k].flat) for k in range(outputs)])


@every_shape
def test_convolution_backward_by_differences(shape, outputs, size, stride, padding, groups):
    conv = convolution(shape, outputs, size, stride, padding, groups=groups)
    x = rng(3).normal(size=shape)
    dy = rng(4).normal(size=conv(x).shape)
    dx = conv.backward(dy)
    of_parameters = {name: getattr(conv, "d" + name) for _, name in conv.parameters()}
    assert list(of_parameters) == ["weight", "bias"]
    assert max_error(conv, x, dy, dx) < GRADCHECK
    for name, gradient in of_parameters.items():
        value = getattr(conv, name)
        assert max_error(partial(with_parameter, conv, name, x), value, dy, gradient) < GRADCHECK


def test_groups_by_hand():
    """Each output sees its own channels: 1 and 10 with the first weights, 100 with none of them."""
    conv = Conv2d(4, 2, 1, rng(), groups=2)
    conv.weight = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
    x = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 4, 1, 1)
    assert conv(x).ravel().tolist() == [21, 4300]


def test_start_of_a_convolution_with_groups():
    """He's: an output sums the channels of its group alone; 54000 draws estimate it to 0.6 percent."""
    conv = Conv2d(40, 600, 3, rng(), groups=4)
    assert conv.weight.shape == (600, 10, 3, 3)
    assert conv.weight.var() == pytest.approx(2 / 90, rel=0.03)


def test_a_convolution_without_bias():
    conv = Conv2d(2, 3, 3, rng(), bias=False)
    assert conv.bias is None
    assert list(conv.parameters()) == [(conv, "weight")]
    x = rng(1).normal(size=(2, 2, 4, 4))
    conv.backward(conv(x))
    assert conv.dbias is None
    assert conv.dweight.shape == conv.weight.shape


def test_start_of_a_convolution():
    """He's: variance 2 / (20 * 3 * 3); 54000 draws estimate it to some 0.6 percent."""
    conv = Conv2d(20, 300, 3, rng())
    assert conv.weight.shape == (300, 20, 3, 3)
    assert conv.weight.var() == pytest.approx(2 / 180, rel=0.03)
    assert_same(conv.bias, np.zeros(300))
    assert conv.dweight is conv.dbias is None
    assert_same(Conv2d(20, 300, 3, rng()).weight, conv.weight)
    assert (conv.stride, conv.padding) == (1, 0)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (3, 2, 5, 3), (1, 1, 3, 3)])
def test_max_pooling(shape, size, stride):
    """Values in steps of 1 and a shuffle: differences of 1e-6 change no order."""
    pool, x = MaxPool2d(size, stride), rng(3).permutation(int(np.prod(shape))).reshape(shape) * 1.0
    y = pool(x)
    sides = [(side - size) // stride + 1 for side in shape[2:]]
    corners = {(i, j): x[:, :, i * stride :, j * stride :] for i, j in np.ndindex(*sides)}
    wanted = [part[:, :, :size, :size].max(axis=(2, 3)) for part in corners.values()]
    assert_same(y, np.stack(wanted, axis=-1).reshape(*shape[:2], *sides))
    dy = rng(4).normal(size=y.shape)
    assert max_error(pool, x, dy, pool.backward(dy)) < GRADCHECK


def test_the_stride_of_max_pooling_is_its_size():
    assert (MaxPool2d(3).size, MaxPool2d(3).stride, MaxPool2d(3, 1).stride) == (3, 3, 1)
    assert MaxPool2d(2)(np.arange(20.0).reshape(1, 1, 4, 5)).tolist() == [[[[6, 8], [16, 18]]]]


def test_the_first_of_equals_gets_the_gradient():
    pool = MaxPool2d(2, 1)
    assert pool(np.full((1, 1, 2, 3), 5.0)).tolist() == [[[[5, 5]]]]
    assert pool.backward(np.array([[[[3.0, -4.0]]]])).tolist() == [[[[3, -4, 0], [0, 0, 0]]]]
    pool(np.array([[[[1.0, 2.0, 0.0], [2.0, 0.0, 2.0]]]]))
    assert pool.backward(np.array([[[[3.0, -4.0]]]])).tolist() == [[[[0, -1, 0], [0, 0, 0]]]]


def test_nan_is_the_largest():
    assert np.isnan(MaxPool2d(2)(np.array([[[[1.0, np.nan], [np.inf, 2.0]]]]))).all()


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (3, 1, 5, 1)])
def test_mean_pooling(shape):
    pool, x, dy = GlobalMeanPool(), rng(3).normal(size=shape), rng(4).normal(size=shape[:2])
    assert_close(pool(x), [[reference.mean(list(channel.flat)) for channel in image] for image in x])
    assert max_error(pool, x, dy, pool.backward(dy)) < GRADCHECK


def test_flatten_lays_out_channels_first_and_back():
    flatten, x = Flatten(), rng().normal(size=(2, 3, 4, 5))
    y = flatten(ORDERS["channels last"](x))
    assert_same(y, x.reshape(2, 60))
    assert_same(flatten.backward(y), x)


PARTS = {
    "convolution": lambda dtype: convolution((2, 3, 5, 4), 2, 3, 2, 1, dtype=dtype),
    "depthwise": lambda dtype: convolution((2, 3, 5, 4), 3, 3, (2, 1), 1, dtype=dtype, groups=3),
    "max pooling": lambda dtype: MaxPool2d(2, 1),
    "mean pooling": lambda dtype: GlobalMeanPool(),
    "flatten": lambda dtype: Flatten(),
}
every_part = pytest.mark.parametrize("make", PARTS.values(), ids=PARTS)


@every_part
@every_order
def test_memory_order_changes_nothing(make, order):
    """And what is passed in stays as it is."""
    part, x = make(np.float64), rng(5).normal(size=(2, 3, 5, 4))
    dy = rng(6).normal(size=part(x).shape)
    wanted = part(x), part.backward(dy), [getattr(part, "d" + name) for _, name in part.parameters()]
    odd_x, odd_dy = order(x), order(dy) if dy.ndim == 4 else np.asfortranarray(dy)
    kept = odd_x.copy(), odd_dy.copy()
    got = part(odd_x), part.backward(odd_dy), [getattr(part, "d" + name) for _, name in part.parameters()]
    assert_close(got[0], wanted[0])
    assert_close(got[1], wanted[1])
    for one, right in zip(got[2], wanted[2], strict=True):
        assert_close(one, right)
    assert_same(odd_x, kept[0])
    assert_same(odd_dy, kept[1])


@every_part
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_dtype_stays(make, dtype):
    """Values of order 1, and sums of fewer than 30 products: some hundred roundings at most."""
    part, exact = make(dtype), make(np.float64)
    x = rng(5).normal(size=(2, 3, 5, 4)).astype(dtype)
    y, right = part(x), exact(x.astype(np.float64))
    dy = rng(6).normal(size=y.shape).astype(dtype)
    results = [y, part.backward(dy), *(getattr(part, "d" + name) for _, name in part.parameters())]
    wanted = [right, exact.backward(dy.astype(np.float64))]
    wanted += [getattr(exact, "d" + name) for _, name in exact.parameters()]
    for got, one in zip(results, wanted, strict=True):
        assert got.dtype == dtype
        assert_close(got, one, rtol=0, atol=100 * np.finfo(dtype).eps)


@every_part
def test_an_empty_batch_stays_empty(make):
    part, x = make(np.float64), np.zeros((0, 3, 5, 4))
    y = part(x)
    assert len(y) == 0
    assert part.backward(y).shape == x.shape
    assert not any(getattr(part, "d" + name).any() for _, name in part.parameters())
